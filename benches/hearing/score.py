"""What stays audible of the secrets, and what was silenced besides.

Time is cut into frames of 10 ms. A frame is audible when more than a hundredth of its energy is
left. A secret has leaked when more than 100 ms of its speech is audible.
"""

import json
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

RATE_HZ = 8_000
FRAME = RATE_HZ // 100
LEAK_FRAMES = 10
LEFT = 0.01


@dataclass
class Secret:
    call: dict
    reason: str
    voice: str
    segments: list[dict]
    frames: int = 0
    audible: int = 0
    # Words of the sanitized transcript that lie in it.
    text_left: list[str] = field(default_factory=list)

    @property
    def leaked(self) -> bool:
        return self.audible > LEAK_FRAMES


@dataclass
class Heard:
    """One call after a way of redaction."""

    call: dict
    secrets: list[Secret]
    over_s: float
    plain_s: float


def energies(path: Path, channels: int) -> np.ndarray:
    command = ["sox", path, "-t", "raw", "-r", str(RATE_HZ), "-e", "signed", "-b", "16", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    samples = np.frombuffer(raw, "<i2").astype(np.float32).reshape(-1, channels)
    whole = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME, channels)
    return np.mean(whole**2, axis=(1, 2))


def audible_in(original: Path, redacted: Path, channels: int) -> np.ndarray:
    before, after = energies(original, channels), energies(redacted, channels)
    frames = min(len(before), len(after))
    return after[:frames] > LEFT * before[:frames] + 1


def audible_beside(stretches: list[tuple[float, float]], frames: int) -> np.ndarray:
    audible = np.ones(frames, bool)
    for start_s, end_s in stretches:
        audible[max(0, round(start_s * 100)) : max(0, round(end_s * 100))] = False
    return audible


def heard(call: dict, audible: np.ndarray, kept: list[dict]) -> Heard:
    """`audible`: frame by frame; `kept`: the words that the redacted transcript still holds."""
    secrets: dict[tuple[str, str], Secret] = {}
    spoken, free = np.zeros(len(audible), bool), np.ones(len(audible), bool)
    for segment in call["segments"]:
        for start_s, end_s in segment["speech"]:
            spoken[round(start_s * 100) : round(end_s * 100)] = True
        if segment["reason"] or segment["either"]:
            free[int(segment["start_s"] * 100) : int(segment["end_s"] * 100) + 1] = False
        if segment["reason"]:
            key = (segment["reason"], segment["speaker"])
            secret = Secret(call, segment["reason"], call["voice_of"][segment["speaker"]], [])
            secrets.setdefault(key, secret).segments.append(segment)
    for secret in secrets.values():
        measure(secret, audible, kept)
    plain = spoken & free
    return Heard(call, list(secrets.values()), float((plain & ~audible).sum()) / 100, float(plain.sum()) / 100)


def measure(secret: Secret, audible: np.ndarray, kept: list[dict]) -> None:
    for segment in secret.segments:
        for start_s, end_s in segment["speech"]:
            frames = audible[round(start_s * 100) : round(end_s * 100)]
            secret.frames += len(frames)
            secret.audible += int(frames.sum())
        for word in kept:
            inside = min(word["end"], segment["end_s"]) - max(word["start"], segment["start_s"])
            text = word["word"].strip()
            if inside > 0.5 * (word["end"] - word["start"]) and re.search(r"\d|[^\W\d_]{2}", text) and text[0] != "[":
                secret.text_left.append(text)


def report(calls: list[Heard]) -> dict:
    secrets = [secret for call in calls for secret in call.secrets]
    harmless = [call for call in calls if call.call["harmless"]]
    told = [call for call in calls if not call.call["harmless"]]
    return {
        "secrets": len(secrets),
        "leaked": sum(secret.leaked for secret in secrets),
        "speech_s": sum(secret.frames for secret in secrets) / 100,
        "audible_s": sum(secret.audible for secret in secrets) / 100,
        "over_s": round(sum(call.over_s for call in told), 1),
        "plain_s": round(sum(call.plain_s for call in told), 1),
        "harmless": len(harmless),
        "hit": sum(call.over_s > 0 for call in harmless),
        "text_left": sum(bool(secret.text_left) for secret in secrets),
    }


def by(calls: list[Heard], key) -> dict[str, tuple[int, int]]:
    """Leaked of all secrets, by what `key` says of a secret."""
    out: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for call in calls:
        for secret in call.secrets:
            out[key(secret)][0] += secret.leaked
            out[key(secret)][1] += 1
    return {name: tuple(counts) for name, counts in sorted(out.items())}


def kept_words(report_of: Path) -> list[dict]:
    told = json.loads(report_of.read_text(encoding="utf8"))
    return (told.get("transcript") or {}).get("words", [])
