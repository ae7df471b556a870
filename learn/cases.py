"""Marked-up cases, in the format that tests/data/spans explains."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

# The order of src/detect/learned/mod.rs; 0 is "nothing".
REASONS = ["card_number", "cvv", "expiry", "dob", "ssn", "email", "address", "password", "bank_account"]
# Marked in some cases, and no secret that the network learns: those words teach nothing.
OTHERS = ["phone", "name", "id_number", "other"]
UNTAUGHT = -1
NOTHING = 0


@dataclass(frozen=True)
class Word:
    text: str
    speaker: str | None
    # An index into REASONS plus one, NOTHING or UNTAUGHT.
    label: int
    # What the rules say of it: an index into REASONS plus one, or NOTHING.
    rule: int = NOTHING


@dataclass(frozen=True)
class Case:
    name: str
    language: str
    harmless: bool
    trap: bool
    words: tuple[Word, ...]


def label_of(reason: str | None, soft: bool) -> int:
    if soft or reason in OTHERS:
        return UNTAUGHT
    return NOTHING if reason is None else REASONS.index(reason) + 1


def parse_words(text: str) -> tuple[Word, ...]:
    """`[reason word word]` is a secret, `<word>` may go or stay, `A:` and `B:` change the speaker."""
    words, speaker, reason, soft = [], None, None, False
    for token in text.split():
        if token in ("A:", "B:"):
            speaker = token[0]
            continue
        opened = re.fullmatch(r"\[([a-z_]+)(#\d+)?", token)
        if opened and opened[1] in REASONS + OTHERS:
            if reason:
                raise ValueError("a bracket inside a bracket")
            reason = opened[1]
            continue
        soft = soft or token.startswith("<")
        said = re.sub(r"[<>\]]", "", token)
        if said:
            words.append(Word(said, speaker, label_of(reason, soft)))
        if soft and ">" in token:
            soft = False
        if reason and "]" in token:
            reason = None
    if reason or soft:
        raise ValueError("a bracket that is never closed")
    return tuple(words)


def read(path: Path) -> list[Case]:
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            kind, tags, text = (part.strip() for part in line.split(";", 2))
            words = parse_words(text)
        except ValueError as error:
            raise SystemExit(f"{path}:{number}: {error}") from error
        if words:
            cases.append(Case(f"{path.stem}:{number}", path.stem[:2], kind == "negative", "trap" in tags, words))
    return cases
