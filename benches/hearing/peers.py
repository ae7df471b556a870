"""How others silence numbers, from the same words: stretches in seconds."""

import re

NUMBERS = set(
    "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred double triple".split()
)
KEYWORDS = re.compile(
    r"card|credit|debit|cvv|cvc|security|expir|birth|social|e-?mail|address|password|pin|account|routing", re.IGNORECASE
)
# The users' own script: numbers among so many words after a keyword, with so much around them.
WINDOW_WORDS = 15
PADDING_S = 0.5


def is_number(word: str) -> bool:
    return bool(re.search(r"\d", word)) or re.sub(r"\W", "", word.lower()) in NUMBERS


def every_number(words: list[dict]) -> list[tuple[float, float]]:
    return [padded(word) for word in words if is_number(word["word"])]


def after_keywords(words: list[dict]) -> list[tuple[float, float]]:
    out, left = [], 0
    for word in words:
        if KEYWORDS.search(word["word"]):
            left = WINDOW_WORDS
        elif left:
            left -= 1
            if is_number(word["word"]):
                out.append(padded(word))
    return out


def padded(word: dict) -> tuple[float, float]:
    return word["start"] - PADDING_S, word["end"] + PADDING_S
