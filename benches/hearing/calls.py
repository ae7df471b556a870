"""Speaks marked-up cases: `calls.py OUT FILES…` writes OUT/NAME.(wav|WAV|mp3) and OUT/NAME.json.

NAME.json: name, language, harmless, voices, codec, noise_db, stereo, file, long_s, and `segments`:
speaker, written, aloud, reason, either, start_s, end_s, speech (stretches in seconds).
"""

import json
import random
import sys
from dataclasses import asdict
from pathlib import Path

import line
import script
from cast import cast

from cases import Case, read  # script.py has put learn/ on the path


def make(case: Case, out: Path, kept: bool = True) -> Path:
    name = case.name.replace(":", "-")
    told = out / f"{name}.json"
    if kept and told.exists():
        return told
    who = cast(case.name, case.language)
    rng = random.Random(who.seed)
    bits = script.bits(case, rng)
    sound, segments = line.spoken(bits, who.voice_of, rng)
    long_s = len(sound) / line.voices.RATE_HZ
    sound = sound if who.stereo else sound.sum(1, keepdims=True)
    file = line.recorded(sound, out / name, who.codec, who.noise_db, rng)
    listed = [
        {**asdict(segment.bit), "start_s": round(segment.start_s, 3), "end_s": round(segment.end_s, 3), "speech": segment.speech}
        for segment in segments
    ]
    call = {
        "name": name,
        "language": case.language,
        "harmless": case.harmless,
        "voice_of": who.voice_of,
        "codec": who.codec,
        "noise_db": who.noise_db,
        "stereo": who.stereo,
        "file": file.name,
        "long_s": round(long_s, 3),
        "segments": listed,
    }
    told.write_text(json.dumps(call, ensure_ascii=False, indent=1), encoding="utf8")
    return told


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for file in sys.argv[2:]:
        for case in read(Path(file)):
            make(case, out)
            print(case.name, flush=True)


if __name__ == "__main__":
    main()
