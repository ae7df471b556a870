"""What the rules alone find in the cases, by the program itself."""

import json
import random
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from cases import NOTHING, REASONS, Case

# Where a case was written for the rules, or they learned from it, they are better than in a call
# that nobody has seen: half of these cases are taught without what the rules say.
FORGOTTEN = 0.5


def line_of(case: Case) -> str:
    words, at_s = [], 5.0
    for n, word in enumerate(case.words):
        if n and word.speaker != case.words[n - 1].speaker:
            at_s += 0.6
        long_s = 0.12 + 0.055 * len(word.text)
        words.append({"word": word.text, "start": at_s, "end": at_s + long_s, "speaker": word.speaker})
        at_s += long_s + 0.06
    lang = case.language if case.language in ("es", "fr") else "en"
    return json.dumps({"id": case.name, "lang": lang, "words": words})


def spans(program: Path, all_cases: list[Case]) -> list[list[dict]]:
    with tempfile.TemporaryDirectory() as folder:
        words, settings = Path(folder, "words.jsonl"), Path(folder, "rules.toml")
        words.write_text("\n".join(map(line_of, all_cases)) + "\n", encoding="utf8")
        settings.write_text("[redact.rules]\nnetwork = false\n", encoding="utf8")
        command = [program, "detect", "--words", words, "--config", settings, "--categories", ",".join(REASONS)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line)["spans"] for line in out.splitlines()]


def seen(program: Path, all_cases: list[Case]) -> list[Case]:
    out = []
    for case, found in zip(all_cases, spans(program, all_cases), strict=True):
        words = list(case.words)
        for span in found:
            for at in range(span["first"], span["last"] + 1):
                words[at] = replace(words[at], rule=REASONS.index(span["reason"]) + 1)
        out.append(replace(case, words=tuple(words)))
    return out


def forgotten(case: Case) -> Case:
    return replace(case, words=tuple(replace(word, rule=NOTHING) for word in case.words))


def taught(known: list[Case], unknown: list[Case], rng: random.Random) -> list[Case]:
    """`known` are cases that the rules learned from, `unknown` are not: those are taught twice."""
    return (
        [forgotten(case) if rng.random() < FORGOTTEN else case for case in known]
        + unknown
        + [forgotten(case) if rng.random() < FORGOTTEN else case for case in unknown]
    )
