"""What Whisper hears of the calls, in the shape in which a server answers (OpenAI's verbose_json)."""

import json
from pathlib import Path

from faster_whisper import WhisperModel


def listen(models: Path, name: str, calls: list[dict], folder: Path, out: Path) -> None:
    """Writes OUT/CALL.json for each call that has none. `name`: a folder of `models`."""
    out.mkdir(parents=True, exist_ok=True)
    model = None
    for call in calls:
        told = out / f"{call['name']}.json"
        if told.exists():
            continue
        model = model or WhisperModel(str(models / name), device="cpu", compute_type="int8")
        told.write_text(json.dumps(heard(model, folder / call["file"], call["language"]), ensure_ascii=False), encoding="utf8")


def heard(model: WhisperModel, file: Path, language: str) -> dict:
    spoken = language if language in ("es", "fr") else "en"
    segments, about = model.transcribe(str(file), beam_size=5, word_timestamps=True, temperature=0.0, language=spoken)
    listed = [
        {
            "id": segment.id,
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
            "avg_logprob": segment.avg_logprob,
            "compression_ratio": segment.compression_ratio,
            "no_speech_prob": segment.no_speech_prob,
            "words": [
                {"word": word.word, "start": float(word.start), "end": float(word.end), "probability": float(word.probability)}
                for word in segment.words or []
            ],
        }
        for segment in segments
    ]
    return {
        "task": "transcribe",
        "language": about.language,
        "duration": about.duration,
        "text": "".join(segment["text"] for segment in listed).strip(),
        "words": [word for segment in listed for word in segment["words"]],
        "segments": listed,
    }
