"""What a real recogniser hears of marked-up cases that are spoken over a telephone line.

`hear.py MODELS OUT FILES…` speaks each case (benches/hearing), has Whisper write it down, carries the marks
over to the words that were heard, and writes OUT/FILE.txt, a file of cases. MODELS holds the models
`base` and `tiny.en` for faster-whisper. Cases that were heard before are kept.
"""

import argparse
import random
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from faster_whisper import WhisperModel
from rapidfuzz.distance import Levenshtein

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benches" / "hearing"))
import aloud  # noqa: E402
import calls  # noqa: E402
from cast import cast  # noqa: E402
from cases import NOTHING, REASONS, UNTAUGHT, Case, read  # noqa: E402

# The share of the harmless cases that are spoken.
HARMLESS = 0.6
# The share of the English cases with a voice that takes as long as it speaks.
SLOW = 0.3
# A heard word has a mark when so much of it stands for words with that mark.
MOST = 0.6
# It may have it, and teaches nothing, from here on.
SOME = 0.25
# A longer word is a recogniser's loop.
MOST_LETTERS = 40
# How far a recogniser's times are trusted.
TRUST_S = 0.4


def letters(word: str, language: str) -> str:
    said = aloud.aloud(word, "card_number" if re.search(r"\d", word) else None, language, "digits")
    return re.sub(r"[\W_]+", "", said.lower())


class Heard:
    """The words of a transcript, and the marks that they get."""

    def __init__(self, words: list[tuple[str, float, float]], call: dict):
        self.words, self.call, self.language = words, call, call["language"]

    def marks(self) -> list[str | None]:
        """For each word its reason, "either", or None."""
        true_letters, true_marks = "", []
        for segment in self.call["segments"]:
            said = re.sub(r"[\W_]+", "", "".join(segment["aloud"]).lower())
            true_letters += said
            true_marks += [segment["reason"] or ("either" if segment["either"] else None)] * len(said)
        heard_letters = [letters(word, self.language) for word, _, _ in self.words]
        votes = self.votes(true_letters, true_marks, heard_letters)
        return [self.mark(at, vote) for at, vote in enumerate(votes)]

    def votes(self, true_letters: str, true_marks: list, heard_letters: list[str]) -> list[Counter]:
        owner = [at for at, said in enumerate(heard_letters) for _ in said]
        votes = [Counter() for _ in self.words]
        for op in Levenshtein.opcodes(true_letters, "".join(heard_letters)):
            for n, at in enumerate(range(op.dest_start, op.dest_end)):
                if op.tag == "insert" or op.src_start == op.src_end:
                    continue
                source = min(op.src_start + n, op.src_end - 1)
                votes[owner[at]][true_marks[source]] += 1.0 if op.tag == "equal" else 0.5
        return votes

    def mark(self, at: int, vote: Counter) -> str | None:
        spoken_then = self.at_that_time(at)
        if not vote:
            return spoken_then if spoken_then is None else "either"
        (best, count), whole = vote.most_common(1)[0], sum(vote.values())
        secret = whole - vote[None]
        if best is not None and count >= MOST * whole:
            return best
        if secret > SOME * whole or best is not None:
            return "either"
        # Letters say "no secret"; they are believed where the time says so too.
        return None if spoken_then is None or vote[None] > 3 else "either"

    def at_that_time(self, at: int) -> str | None:
        _, start_s, end_s = self.words[at]
        middle_s = (start_s + end_s) / 2
        for segment in self.call["segments"]:
            if segment["reason"] and segment["start_s"] - TRUST_S <= middle_s <= segment["end_s"] + TRUST_S:
                return segment["reason"]
        return None


def listen(model: WhisperModel, file: Path, language: str, beam: int) -> list[tuple[str, float, float]]:
    segments, _ = model.transcribe(str(file), beam_size=beam, word_timestamps=True, temperature=0.0, language=language)
    words: list[tuple[str, float, float]] = []
    for segment in segments:
        for word in segment.words or []:
            if words and not word.word.startswith(" "):
                # Whisper's tokens: what has no space before it goes on with the last word.
                words[-1] = (words[-1][0] + word.word.strip(), words[-1][1], word.end)
            else:
                words.append((word.word.strip(), word.start, word.end))
    return [word for word in words if word[0] and not re.search(r"[\[\]<>;]", word[0])]


def line_of(case: Case, tag: str, words: list[tuple[str, float, float]], marks: list[str | None]) -> str:
    kind = next((mark for mark in marks if mark in REASONS), "negative")
    out = []
    for (word, _, _), mark in zip(words, marks, strict=True):
        out.append(f"[{mark} {word}]" if mark in REASONS else f"<{word}>" if mark == "either" else word)
    text = re.sub(r"\] \[(\w+) ", lambda m: "] [" + m[1] + " ", " ".join(out))
    return f"{kind}; {tag}{',trap' if case.trap else ''}; {text}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    load = lambda name: WhisperModel(str(asked.models / name), device="cpu", compute_type="int8", cpu_threads=asked.threads)
    models = {name: load(name) for name in ("base", "tiny.en")}
    for file in asked.files:
        hear_file(models, file, asked.out / file.name)


def hear_file(models: dict[str, WhisperModel], file: Path, out: Path) -> None:
    heard = out.read_text(encoding="utf8").splitlines() if out.exists() else []
    done = {line.split(";")[1].split(",")[0].strip() for line in heard}
    with out.open("a", encoding="utf8") as written, tempfile.TemporaryDirectory() as folder:
        for case in read(file):
            tag = case.name.replace(":", "-")
            rng = random.Random(case.name)
            if tag in done or case.harmless and rng.random() > HARMLESS:
                continue
            language = case.language if case.language in ("es", "fr") else "en"
            name = "base" if language != "en" else rng.choice(("base", "tiny.en"))
            slow = any(voice.startswith("kokoro") for voice in cast(case.name, case.language).voice_of.values())
            if slow and language == "en" and rng.random() > SLOW:
                continue
            try:
                told = calls.make(case, Path(folder))
            except Exception as error:  # noqa: BLE001 a voice that fails costs one case
                print(f"{case.name}: not spoken: {error}", file=sys.stderr)
                continue
            call = calls.json.loads(told.read_text(encoding="utf8"))
            words = listen(models[name], Path(folder, call["file"]), language, rng.choice((1, 1, 5)))
            # A recogniser that repeats itself teaches nothing.
            longest = max((len(word) for word, _, _ in words), default=0)
            if not words or longest > MOST_LETTERS or len(words) > 2 * len(case.words) + 10:
                continue
            written.write(line_of(case, tag, words, Heard(words, call).marks()) + "\n")
            written.flush()


if __name__ == "__main__":
    main()
