"""Teaches the network from all marked-up cases, and writes it where the build takes it.

python learn/teach.py --unsaid target/release/unsaid [--steps 4500] [--without NAME …]
"""

import argparse
import json
import random
from pathlib import Path

import cases
import export
import network
import rules

ROOT = Path(__file__).resolve().parent.parent
# Written for the rules, or learned by them.
KNOWN = [ROOT / "tests/data/spans"]
UNKNOWN = [ROOT / "learn/cases", ROOT / "learn/hands"]
# Taught once, or nothing would be a secret any more.
HARMLESS = [ROOT / "learn/harmless"]
# As a real recogniser heard them: each is taught twice, for there are few.
HEARD = [ROOT / "learn/heard"]
LEARNED = ROOT / "src/detect/learned"
# Calls whose likelihoods are written beside the weights, for the test that both sides read alike.
SHOWN = 40


def read(folders: list[Path], without: list[str]) -> list[cases.Case]:
    files = sorted(path for folder in folders for path in folder.glob("*.txt") if path.stem not in without)
    return [case for path in files for case in cases.read(path)]


def shown(weights: network.Weights, all_cases: list[cases.Case]) -> str:
    calls = []
    for case in random.Random(5).sample(all_cases, SHOWN):
        likely = network.likelihoods(weights, case.words)
        words = [(word.text, word.speaker, word.rule) for word in case.words]
        calls.append({"words": words, "likelihoods": [[round(float(p), 4) for p in row] for row in likely]})
    return "[\n" + ",\n".join(json.dumps(call, ensure_ascii=False) for call in calls) + "\n]\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unsaid", type=Path, required=True, help="the program, whose rules the network reads beside")
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--without", nargs="*", default=[], help="files, by their stems, that it is not taught")
    chosen = parser.parse_args()
    known = rules.seen(chosen.unsaid, read(KNOWN + HARMLESS, chosen.without))
    unknown = rules.seen(chosen.unsaid, read(UNKNOWN, chosen.without) + 2 * read(HEARD, chosen.without))
    print(f"{len(known)} cases that the rules know, {len(unknown)} that they do not")
    weights = network.teach(rules.taught(known, unknown, random.Random(1)), chosen.steps)
    LEARNED.joinpath("weights.bin").write_bytes(export.file_of(weights))
    LEARNED.joinpath("written.json").write_text(shown(export.rounded(weights), unknown), encoding="utf8")


if __name__ == "__main__":
    main()
