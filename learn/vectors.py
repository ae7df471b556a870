"""Vectors of common words, from where src/detect/learned/vectors.rs and the network read them.

python learn/vectors.py glove_6B_index.parquet glove_6B_50d_emb.npy

They are the first words of GloVe 6B (Pennington, Socher and Manning, "GloVe: Global Vectors for Word
Representation", EMNLP 2014), which its authors gave to the public domain (PDDL 1.0), 50 values each:
what "beagle" and "spaniel" have in common, though only one of them was ever taught.
"""

import re
import struct
import sys
from pathlib import Path

import numpy as np

import features

FILE = Path(__file__).resolve().parent.parent / "src/detect/learned/vectors.bin"
MAGIC = b"unsaidw1"
WORDS = 60_000
# A vector is as long as this before it is rounded to 8 bits.
LONG = 127.0


def made(tokens: list[str], values: np.ndarray) -> bytes:
    """Sorted hashes, then vectors of 8 bits in that order."""
    taken: dict[int, np.ndarray] = {}
    for token, value in zip(tokens, values):
        word = features.folded(token)
        if re.fullmatch(r"[a-z][a-z'-]*", word):
            taken.setdefault(features.hashed(features.VECTOR, word), value)
        if len(taken) == WORDS:
            break
    hashes = sorted(taken)
    table = np.stack([taken[h] for h in hashes])
    table = np.rint(np.clip(table / np.abs(table).max(1, keepdims=True) * LONG, -LONG, LONG))
    head = struct.pack("<8s2I", MAGIC, *table.shape)
    return head + np.array(hashes, "<u4").tobytes() + table.astype("i1").tobytes()


def read() -> tuple[dict[int, int], np.ndarray]:
    """The row of each word's hash, and the rows; row 0 is a word without a vector."""
    data = FILE.read_bytes()
    magic, count, width = struct.unpack_from("<8s2I", data)
    if magic != MAGIC:
        raise SystemExit(f"{FILE} holds no vectors")
    hashes = np.frombuffer(data, "<u4", count, 16)
    table = np.frombuffer(data, "i1", count * width, 16 + 4 * count).reshape(count, width)
    table = np.concatenate([np.zeros((1, width)), table / LONG]).astype(np.float32)
    return {int(h): row for row, h in enumerate(hashes, 1)}, table


def main() -> None:
    import pyarrow.parquet

    tokens = pyarrow.parquet.read_table(sys.argv[1])["index"].to_pylist()
    FILE.write_bytes(made(tokens, np.load(sys.argv[2], mmap_mode="r")))


if __name__ == "__main__":
    main()
