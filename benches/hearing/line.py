"""A call as a PBX records it: speakers in turn, a telephone's band, noise, a codec."""

import random
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import voices
from script import Bit

RATE_HZ = 8_000
FRAME_S = 0.01
# Frames this much below a breath's loudest are not its speech.
SPEECH_DB = 30.0
# A gap in the speech that is shorter counts as speech.
JOIN_S = 0.05
# sox's options for what is written, and the file's extension.
CODECS = {
    "ulaw": (["-e", "mu-law"], "wav"),
    "alaw": (["-e", "a-law"], "wav"),
    "gsm": (["-e", "gsm-full-rate"], "WAV"),
    "pcm": (["-e", "signed", "-b", "16"], "wav"),
    "mp3": (["-C", "24"], "mp3"),
}


@dataclass(frozen=True)
class Segment:
    """One breath, where it is and where it is heard."""

    bit: Bit
    start_s: float
    end_s: float
    # Stretches in which it sounds: (start_s, end_s).
    speech: list[tuple[float, float]]


def spoken(bits: list[Bit], voice_of: dict[str, str], rng: random.Random) -> tuple[np.ndarray, list[Segment]]:
    """Samples at 16 kHz, one column a speaker in the order of `voice_of`, and what they say where."""
    at, parts, segments, before = round(rng.uniform(0.4, 1.0) * voices.RATE_HZ), [], [], None
    gain = {speaker: rng.uniform(0.7, 1.3) for speaker in voice_of}
    for bit in bits:
        if before:
            turn = before.speaker != bit.speaker
            at += round((rng.uniform(0.25, 0.9) if turn else rng.uniform(0.05, 0.3)) * voices.RATE_HZ)
        samples = voices.say(voice_of[bit.speaker], " ".join(bit.aloud)) * np.float32(gain[bit.speaker])
        start_s = at / voices.RATE_HZ
        segments.append(Segment(bit, start_s, start_s + len(samples) / voices.RATE_HZ, speech(samples, start_s)))
        parts.append((at, bit.speaker, samples))
        at, before = at + len(samples), bit
    sound = np.zeros((at + voices.RATE_HZ // 2, len(voice_of)), np.float32)
    columns = {speaker: column for column, speaker in enumerate(voice_of)}
    for start, speaker, samples in parts:
        sound[start : start + len(samples), columns[speaker]] += samples
    return sound, segments


def speech(samples: np.ndarray, start_s: float) -> list[tuple[float, float]]:
    level_db = voices.levels_db(samples, voices.RATE_HZ // 100)
    out: list[tuple[float, float]] = []
    for frame in np.flatnonzero(level_db > level_db.max() - SPEECH_DB):
        from_s = start_s + float(frame) * FRAME_S
        joins = out and from_s - out[-1][1] < JOIN_S
        out[-1:] = [(out[-1][0], from_s + FRAME_S)] if joins else [*out[-1:], (from_s, from_s + FRAME_S)]
    return [(round(a, 3), round(b, 3)) for a, b in out]


def recorded(sound: np.ndarray, out: Path, codec: str, noise_db: float, rng: random.Random) -> Path:
    """Writes `sound` (one channel or a column a speaker) as a recording; `noise_db` below the speech."""
    options, extension = CODECS[codec]
    out = out.with_suffix("." + extension)
    with tempfile.TemporaryDirectory() as folder:
        wide, narrow = Path(folder, "wide.wav"), Path(folder, "narrow.wav")
        voices.write_wav(wide, sound, voices.RATE_HZ)
        sox(wide, "-r", str(RATE_HZ), "-e", "float", "-b", "32", "-t", "f32", Path(folder, "raw"), "sinc", "-n", "255", "300-3400")
        samples = np.fromfile(Path(folder, "raw"), np.float32).reshape(-1, sound.shape[1] if sound.ndim > 1 else 1)
        samples = with_noise(samples, noise_db, rng)
        voices.write_wav(narrow, samples * min(1.0, 0.9 / float(np.abs(samples).max())), RATE_HZ)
        sox(narrow, *options, out)
    return out


def with_noise(samples: np.ndarray, noise_db: float, rng: random.Random) -> np.ndarray:
    power = np.mean(samples[np.abs(samples) > 0.01] ** 2)
    noise = np.random.default_rng(rng.getrandbits(32)).normal(size=samples.shape).astype(np.float32)
    # A line's noise has less treble than white noise.
    noise = np.apply_along_axis(lambda column: np.convolve(column, [0.25, 0.5, 0.25], "same"), 0, noise)
    return samples + noise * np.sqrt(power / 10 ** (noise_db / 10) / np.mean(noise**2))


def sox(*arguments) -> None:
    subprocess.run(["sox", *arguments], check=True, stderr=subprocess.DEVNULL)
