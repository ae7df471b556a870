"""From a marked-up case (see tests/spans.rs) to what each speaker says."""

import random
import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from aloud import aloud

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "learn"))
from cases import NOTHING, REASONS, UNTAUGHT, Case  # noqa: E402


@dataclass(frozen=True)
class Bit:
    """What one speaker says in one breath."""

    speaker: str
    # As the case writes it, and as it is said; as many words in each list.
    written: tuple[str, ...]
    aloud: tuple[str, ...]
    # The secret's reason, or nothing.
    reason: str | None
    # It may be silenced or not.
    either: bool


def bits(case: Case, rng: random.Random) -> list[Bit]:
    """The case's words, parted where the speaker or the marking changes."""
    out = []
    style = rng.choice(("digits", "digits", "pairs"))
    for (speaker, label), words in groupby(case.words, key=lambda word: (word.speaker, word.label)):
        reason = REASONS[label - 1] if label not in (NOTHING, UNTAUGHT) else None
        written = tuple(word.text for word in words)
        said = tuple(aloud(word, reason, case.language, style) for word in written)
        out.append(Bit(speaker or "B", written, said, reason, label == UNTAUGHT))
    return out
