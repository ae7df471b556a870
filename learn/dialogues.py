"""Harmless talk from the Schema-Guided Dialogue dataset: people book, ask and change their minds, and tell no secret.

    git clone https://github.com/google-research-datasets/dstc8-schema-guided-dialogue
    python learn/dialogues.py dstc8-schema-guided-dialogue > learn/harmless/sgd.txt

The dataset is Rastogi et al., 2020, "Towards Scalable Multi-domain Conversational Agents: The Schema-Guided
Dialogue Dataset" (arXiv:1909.05855), CC BY-SA 4.0; so is what this writes. Addresses and phone numbers are
marked as words that may go or stay.
"""

import json
import random
import re
import subprocess
import sys
from collections import defaultdict

# Pieces that are written, as many of each kind of service.
PIECES = 1_600
# A piece ends with the turn in which it gets this long.
PIECE_WORDS = 55
# Pieces of one dialogue at most.
OF_ONE = 2
EITHER = re.compile("address|phone_number|pickup_location|dropoff_location|where_to|destination$")


def files(repository: str) -> list[str]:
    listed = subprocess.run(["git", "ls-tree", "-r", "--name-only", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
    return sorted(name for name in listed.stdout.splitlines() if re.match(r"train/dialogues_\d+\.json", name))


def dialogues(repository: str):
    for name in files(repository):
        shown = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=repository, capture_output=True, text=True, check=False)
        # A mirror may lack a file.
        yield from json.loads(shown.stdout) if shown.returncode == 0 else []


def turn_of(turn: dict) -> list[str]:
    """The words of a turn; those of an address or a phone number in angle brackets."""
    said, either = turn["utterance"], []
    for frame in turn["frames"]:
        either += [(s["start"], s["exclusive_end"]) for s in frame.get("slots", []) if "start" in s and EITHER.search(s["slot"])]
    words = []
    for found in re.finditer(r"\S+", said):
        word = re.sub(r"[<>\[\];]", "", found[0])
        soft = any(start < found.end() and found.start() < end and re.search(r"\d", said[start:end]) for start, end in either)
        words += [f"<{word}>" if soft else word] if word else []
    return words


def pieces(dialogue: dict):
    piece, count = [], 0
    for turn in dialogue["turns"]:
        words = turn_of(turn)
        piece += ["A:" if turn["speaker"] == "SYSTEM" else "B:", *words]
        count += len(words)
        if count >= PIECE_WORDS:
            yield " ".join(piece)
            piece, count = [], 0


def main() -> None:
    rng = random.Random(11)
    by_service = defaultdict(list)
    for dialogue in dialogues(sys.argv[1]):
        some = list(pieces(dialogue))
        by_service[dialogue["services"][0]] += rng.sample(some, min(OF_ONE, len(some)))
    print("# Schema-Guided Dialogue dataset (Rastogi et al., 2020), CC BY-SA 4.0; learn/dialogues.py cut it.")
    each = PIECES // len(by_service)
    for service in sorted(by_service):
        for piece in rng.sample(by_service[service], min(each, len(by_service[service]))):
            print(f"negative; sgd; {piece}")


if __name__ == "__main__":
    main()
