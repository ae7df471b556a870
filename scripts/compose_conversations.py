#!/usr/bin/env python3
"""Speaks the conversations of the demo's office: scripts/conversations.txt to tests/data/conversations.

usage: compose_conversations.py FSDD OUT
  FSDD  the Free Spoken Digit Dataset's 8 kHz digits
  OUT   written anew: monitor/YYYY/MM/DD/NAME.EXT, NAME.json (verbose_json), cdr.csv, and secrets.json: for
        each recording the stretches in which a secret is said

The voices are those of `make hearing` (scripts/setup.sh hearing); tests/data/NOTICE has their licences.
"""

import csv
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "benches" / "hearing"))
import line  # noqa: E402
import script  # noqa: E402
import voices  # noqa: E402
from cases import Case, parse_words  # noqa: E402

RATE_HZ = 8_000
NOISE_DB = 30.0
DIGITS = "zero one two three four five six seven eight nine".split()
# sox's options by extension, as Asterisk writes it.
KINDS = {
    "wav": ["-t", "wav", "-e", "signed", "-b", "16"],
    "WAV": ["-t", "wav", "-e", "gsm-full-rate"],
    "ulaw": ["-t", "raw", "-e", "mu-law", "-b", "8"],
    "alaw": ["-t", "raw", "-e", "a-law", "-b", "8"],
    "gsm": ["-t", "gsm"],
}
COLUMNS = (
    "calldate,clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,amaflags,"
    "accountcode,uniqueid,userfield,did,recordingfile,cnum,cnam,outbound_cnum,outbound_cnam,dst_cnam,linkedid,"
    "peeraccount,sequence"
).split(",")


class Digits:
    """A caller's digits by a human speaker; all else by the voice that `voices` knows."""

    def __init__(self, folder: Path):
        self.folder, self.say = folder, voices.say

    def __call__(self, voice: str, text: str) -> np.ndarray:
        human, plus, other = voice.partition("+")
        words = text.lower().strip(".,?!").split()
        if not plus:
            return self.say(voice, text)
        if not all(word in DIGITS for word in words):
            return self.say(other, text)
        rng, parts = random.Random(text), []
        for word in words:
            clip = self.folder / f"{DIGITS.index(word)}_{human.partition(':')[2]}_{rng.randrange(8)}.wav"
            samples = np.repeat(voices.read_wav(clip), voices.RATE_HZ // RATE_HZ)
            parts += [samples, np.zeros(round(rng.uniform(0.05, 0.12) * voices.RATE_HZ), np.float32)]
        samples = np.concatenate(parts)
        return samples * (voices.LOUDNESS / np.sqrt(np.mean(samples**2)))


def conversations():
    """(file's name, caller's voice, agent's voice, case) of each."""
    lines = (HERE / "conversations.txt").read_text(encoding="utf8").splitlines()
    lines = [text for text in lines if text and text[0] != "#"]
    for head, body in zip(lines[::2], lines[1::2], strict=True):
        name, caller, agent = head.split("|")
        kind, _, words = (part.strip() for part in body.split(";", 2))
        yield name, caller, agent, Case(name, "en", kind == "negative", False, parse_words(words))


def record(name: str, voice_of: dict, case: Case, folder: Path) -> tuple[float, list[dict]]:
    """Writes the recording and its transcript; answers with its length in seconds and its secrets."""
    rng = random.Random(name)
    sound, segments = line.spoken(script.bits(case, rng), voice_of, rng)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with tempfile.TemporaryDirectory() as work:
        made = line.recorded(sound.sum(1, keepdims=True), Path(work, "call"), "pcm", NOISE_DB, rng)
        kind = KINDS[name.rsplit(".", 1)[1]]
        subprocess.run(["sox", "-R", made, *kind, path], check=True, stderr=subprocess.DEVNULL)
    words = [word for segment in segments for word in timed(segment)]
    long_s = len(sound) / voices.RATE_HZ
    told = {"task": "transcribe", "language": "english", "duration": round(long_s, 3)}
    told |= {"text": " ".join(word["word"] for word in words), "words": words}
    path.with_suffix(".json").write_text(json.dumps(told, separators=(",", ":")), encoding="utf8")
    return long_s, [secret(segment) for segment in segments if segment.bit.reason]


def secret(segment: line.Segment) -> dict:
    return {"reason": segment.bit.reason, "start_s": round(segment.start_s, 3), "end_s": round(segment.end_s, 3)}


def timed(segment: line.Segment):
    """The words of a breath, each as long as its letters ask for."""
    written = segment.bit.written
    at_s, letters = segment.start_s, sum(len(word) + 1 for word in written)
    for word in written:
        long_s = (segment.end_s - segment.start_s) * (len(word) + 1) / letters
        speaker = "agent" if segment.bit.speaker == "A" else "customer"
        yield {"word": word, "start": round(at_s, 3), "end": round(at_s + long_s, 3), "speaker": speaker}
        at_s += long_s


def row_of(name: str, sequence: int, long_s: float) -> dict:
    """The CDR, from what FreePBX puts into the file's name."""
    kind, first, second, day, time, unique = name.rsplit(".", 1)[0].split("-")
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "calldate": f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}:{time[4:]}",
        "uniqueid": unique,
        "linkedid": unique,
        "sequence": sequence,
        "amaflags": 3,
        "lastapp": "Dial",
        "disposition": "ANSWERED",
        "duration": round(long_s) + 6,
        "billsec": round(long_s),
        "recordingfile": name,
    }
    inner, outer = f"PJSIP/{{}}-{sequence:08x}", f"PJSIP/ITSP-{sequence + 64:08x}"
    if kind == "internal":
        ends = {"src": second, "cnum": second, "dst": first, "dcontext": "from-internal"}
        return row | ends | {"channel": inner.format(second), "dstchannel": f"PJSIP/{first}-{sequence + 64:08x}"}
    if kind == "out":
        ends = {"src": "15551230000", "cnum": second, "dst": first, "dcontext": "from-internal", "outbound_cnum": "15551230000"}
        return row | ends | {"channel": inner.format(second), "dstchannel": outer}
    queue = {"dst": first, "dcontext": "ext-queues", "lastapp": "Queue"} if kind == "q" else {"dst": first, "dcontext": "from-did-direct"}
    extension = "201" if kind == "q" else first
    ends = {"src": second, "cnum": second, "cnam": "CELL CALLER", "clid": f'"CELL CALLER" <{second}>', "did": "15551230000"}
    return row | ends | queue | {"channel": outer, "dstchannel": inner.format(extension)}


def main() -> None:
    fsdd, out = Path(sys.argv[1]), Path(sys.argv[2])
    voices.say = Digits(fsdd)
    rows, secrets = [], {}
    for sequence, (name, caller, agent, case) in enumerate(conversations(), 200):
        day = name.split("-")[-3]
        folder = out / "monitor" / day[:4] / day[4:6] / day[6:]
        long_s, secrets[name] = record(name, {"A": agent, "B": caller}, case, folder)
        rows.append(row_of(name, sequence, long_s))
        print(name, flush=True)
    with (out / "cdr.csv").open("w", newline="", encoding="utf8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    (out / "secrets.json").write_text(json.dumps(secrets, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
