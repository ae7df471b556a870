"""Learns the judge's weights from the kit's evidence: a logistic regression
over ten features and their products. Prints the tables of src/dtmf/judge.rs.

    cargo run --release --example kit -- evidence > evidence.tsv
    python3 tests/kit/fit_judge.py evidence.tsv [more.tsv]
"""
import collections
import csv
import sys

import numpy as np

SPEECH = ["speech", "mixed", "music", "synthetic speech", "coded speech", "coded music", "vowels"]
rows = [r for path in sys.argv[1:] for r in csv.DictReader(open(path), delimiter="\t")]


def value(r, name):
    return float(r[name])


def features(r):
    deviation = 100 * max(abs(value(r, "dev_row")), abs(value(r, "dev_column")))
    return [
        np.log10(value(r, "rival") + 1e-2),
        np.log10(np.clip(value(r, "outside"), 1e-2, 1)),
        min(deviation, 1.5),
        min(100 * value(r, "drift"), 4),
        np.log10(min(value(r, "unsteady"), 10)),
        value(r, "band_share"),
        value(r, "share"),
        np.log10(min(value(r, "len_s"), 0.1)),
        min(abs(value(r, "twist")), 6) / 6,
        np.log10(min(value(r, "hits"), 20)),
    ]


x = np.array([features(r) for r in rows])
category = np.array([r["category"] for r in rows])
condition = np.array([r["condition"] for r in rows])
must = np.array([int(r["must"]) for r in rows])
# 700 + 1500 Hz of R1 is within the standards' limits of a key, and a slow sweep is one for a while.
foreign = (category == "other tones") & ~np.isin(condition, ["r1", "slow sweep"])
negative = np.isin(category, SPEECH) | foreign
gate = np.array([
    max(abs(value(r, "dev_row")), abs(value(r, "dev_column"))) < 0.025
    and abs(value(r, "twist")) < 13 and value(r, "hits") >= 2
    for r in rows
])
train = gate & ((must == 1) | negative)
centre, scale = x[train].mean(0), x[train].std(0)
z = (x - centre) / scale
n = z.shape[1]
pairs = [(i, j) for i in range(n) for j in range(i, n)]
a = np.c_[z, np.clip(np.stack([z[:, i] * z[:, j] for i, j in pairs], 1), -6, 6), np.ones(len(z))]
w, target = np.zeros(a.shape[1]), must.astype(float)
# A false key in a conversation silences words: it counts more than one in a song.
cost = np.where(np.isin(category, ["speech", "mixed", "coded speech"]), 6.0, 1.0)
for _ in range(100):
    p = 1 / (1 + np.exp(-np.clip(a[train] @ w, -30, 30)))
    curve = cost[train] * (p * (1 - p) + 1e-9)
    hessian = (a[train] * curve[:, None]).T @ a[train] + 0.1 * np.eye(len(w))
    w += 0.7 * np.linalg.solve(hessian, a[train].T @ (cost[train] * (target[train] - p)) - 0.1 * w)

score = np.where(gate, a @ w, -99)
best = collections.defaultdict(lambda: -99.0)
for r, s in zip(rows, score):
    if r["must"] == "1":
        key = (r["case"], r["category"], r["truth"])
        best[key] = max(best[key], s)
for threshold in (0, 1, 1.5, 2, 2.5, 3):
    missed = collections.Counter(k[1] for k, s in best.items() if s <= threshold)
    false = collections.Counter(category[negative & (score > threshold)])
    print(f"# over {threshold}: missed {dict(missed)}, false {dict(false)}", file=sys.stderr)


print("// Printed by tests/kit/fit_judge.py from the kit's evidence.")


def table(name, values):
    body = ", ".join(f"{v:.4f}" for v in values)
    print(f"const {name}: [f64; {len(values)}] = [{body}];")


table("CENTRE", centre)
table("SCALE", scale)
table("LINEAR", w[:n])
table("PAIRS", w[n:-1])
print(f"const BIAS: f64 = {w[-1]:.4f};")
