"""The same calls said and written in other ways: what teaches shapes, not the test's digits."""

import random
import re
from dataclasses import replace

from cases import NOTHING, REASONS, UNTAUGHT, Case, Word

DIGITS = {
    "en": "zero one two three four five six seven eight nine".split(),
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve".split(),
    "fr": "zéro un deux trois quatre cinq six sept huit neuf".split(),
}
# What recognisers write for an English digit.
SOUNDS = {"zero": ["oh", "o", "nought"], "two": ["to", "too"], "four": ["for"], "eight": ["ate"], "one": ["won"]}
FILLERS = {
    "en": ["um", "uh", "er", "like", "hmm", "so", "okay", "let's see", "hold on"],
    "es": ["eh", "este", "pues", "mmm", "a ver", "espere"],
    "fr": ["euh", "ben", "alors", "hein", "voyons", "attendez"],
}
# Dates keep their digits: no month has a day 57.
DATES = {REASONS.index(reason) + 1 for reason in ("expiry", "dob")}
NUMBERS = {REASONS.index(r) + 1 for r in ("card_number", "cvv", "ssn", "bank_account")}
# Digits of a number that is none of a date's, whatever it is.
LONG = 5
LONGEST = 256


def other_digits(words: list[Word], language: str, rng: random.Random) -> list[Word]:
    names = DIGITS[language]
    return [replace(word, text=other_digit(word, names, rng)) for word in words]


def other_digit(word: Word, names: list[str], rng: random.Random) -> str:
    digits = len(re.findall("[0-9]", word.text))
    is_number = word.label > NOTHING and word.label not in DATES or digits >= LONG and word.text.isalnum()
    if digits and is_number:
        return re.sub("[0-9]", lambda _: str(rng.randrange(10)), word.text)
    parts = re.fullmatch(r"(\W*)(\w+)(\W*)", word.text)
    if word.label not in NUMBERS or not parts or parts[2].lower() not in names:
        return word.text
    name = rng.choice(names)
    if rng.random() < 0.06:
        name = rng.choice(SOUNDS.get(name, [name]))
    return parts[1] + (name.capitalize() if parts[2][0].isupper() else name) + parts[3]


def with_fillers(words: list[Word], language: str, rng: random.Random) -> list[Word]:
    out = []
    for word in words:
        if word.label != NOTHING and rng.random() < 0.06:
            said = rng.choice(FILLERS[language]).split()
            out += [Word(filler, word.speaker, UNTAUGHT) for filler in said]
        out.append(word)
    return out


def without_speakers(words: list[Word]) -> list[Word]:
    return [replace(word, speaker=None) for word in words]


def plain(words: list[Word]) -> list[Word]:
    """No capitals, and no punctuation behind a word."""
    return [replace(w, text=re.sub(r"[.,?!;:]+$", "", w.text.lower()) or w.text) for w in words]


def one(case: Case, rng: random.Random) -> list[Word]:
    words = list(case.words)
    language = case.language if case.language in DIGITS else "en"
    if rng.random() < 0.7:
        words = other_digits(words, language, rng)
    if rng.random() < 0.25:
        words = with_fillers(words, language, rng)
    if rng.random() < 0.25:
        words = without_speakers(words)
    if rng.random() < 0.3:
        words = plain(words)
    return words


def call(cases: list[Case], rng: random.Random) -> list[Word]:
    """One case, or several in a row: a secret seldom stands alone in a call."""
    words = one(rng.choice(cases), rng)
    while rng.random() < 0.3 and len(words) < LONGEST:
        more = one(rng.choice(cases), rng)
        if (more[0].speaker is None) != (words[0].speaker is None):
            words, more = without_speakers(words), without_speakers(more)
        words += more
    return words[:LONGEST]
