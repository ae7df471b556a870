"""What the network sees of a word: the same as src/detect/learned/features.rs, held equal by a test."""

import unicodedata

from cases import Word

COUNT = 7
SHAPE = 24
RUN = 2
MOST_DIGITS = 20
# The kind of the hashes that vectors are found by.
VECTOR = "v"
AROUND = ".,?!;:\"'()-…¿¡"


def folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))


def is_digit(c: str) -> bool:
    return "0" <= c <= "9"


def shape(text: str) -> str:
    out: list[str] = []
    for c in text:
        kind = "d" if is_digit(c) else "A" if c.isupper() else "a" if c.isalpha() else c
        if kind in "aA" and out[-RUN:] == [kind] * RUN:
            continue
        out.append(kind)
    return "".join(out[:SHAPE])


def hashed(kind: str, value: str) -> int:
    """FNV-1a of 32 bits, its high bits folded in."""
    total = 2166136261
    for byte in (kind + value).encode():
        total = ((total ^ byte) * 16777619) & 0xFFFFFFFF
    return total ^ (total >> 15)


def row(kind: str, value: str, rows: int) -> int:
    return hashed(kind, value) % rows


def core(plain: str) -> str:
    """The word without what stands around it, each digit as 0."""
    bare = plain.strip(AROUND) or plain
    return "".join("0" if is_digit(c) else c for c in bare)


def vector(word: Word) -> int:
    """By which hash the word's vector is found."""
    return hashed(VECTOR, core(folded(word.text)))


def turn(word: Word, before: Word | None, plain: str) -> str:
    if word.speaker is None:
        speaker = "n"
    else:
        speaker = "c" if before is not None and word.speaker != before.speaker else "s"
    return speaker + (plain[-1] if plain[-1:] and plain[-1] in ".?!," else "-")


def rule(word: Word, before: Word | None) -> str:
    """Which reason the rules see in it, and whether they see it begin."""
    begins = word.rule > 0 and (before is None or before.rule != word.rule)
    return f"{word.rule}{'b' if begins else ''}"


def of(words: list[Word] | tuple[Word, ...], rows: int) -> list[list[int]]:
    out, before = [], None
    for word in words:
        plain = folded(word.text)
        bare = core(plain)
        digits = min(sum(map(is_digit, word.text)), MOST_DIGITS)
        out.append([
            row("w", bare, rows),
            row("s", shape(word.text), rows),
            row("p", bare[:3], rows),
            row("e", bare[-3:], rows),
            row("t", turn(word, before, plain), rows),
            row("r", rule(word, before), rows),
            row("n", f"{digits}{'L' if len(bare) == 1 else ''}", rows),
        ])
        before = word
    return out
