"""`make hearing`: what stays audible when real Whisper hears spoken calls; see docs/hearing.md.

    run.py --unsaid PROGRAM [--models FOLDER] [--work FOLDER] [--ways WAY,…] FILES…

FILES are marked-up cases; the bench speaks `tests/data/hands`, which nothing was taught.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from calls import make
from cases import read
from listen import listen
from peers import after_keywords, every_number
from redact import redact
from score import Heard, audible_beside, audible_in, by, heard, kept_words, report

WAYS = ["server base", "server tiny.en", "both", "process base", "keywords, base", "every number, base"]


class Bench:
    def __init__(self, asked: argparse.Namespace):
        self.asked, self.folder = asked, asked.work / "calls"
        self.folder.mkdir(parents=True, exist_ok=True)
        cases = [case for file in asked.files for case in read(file)]
        self.calls = [json.loads(make(case, self.folder).read_text(encoding="utf8")) for case in cases]

    def words(self, model: str) -> Path:
        out = self.asked.work / f"words-{model}"
        listen(self.asked.models, model, self.calls, self.folder, out)
        return out

    def by_server(self, model: str) -> list[tuple[np.ndarray, list[dict]]]:
        return self.by_unsaid(f"server-{model}", "", self.words(model))

    def in_process(self, model: str) -> list[tuple[np.ndarray, list[dict]]]:
        path = (self.asked.models / f"ggml-{model}-q8_0.bin").resolve()
        return self.by_unsaid(f"process-{model}", f'[speech]\nkind = "whisper"\nmodel_path = "{path}"\n', None)

    def by_unsaid(self, name: str, config: str, words: Path | None):
        out = self.asked.work / name
        redact(self.asked.unsaid, self.calls, self.folder, out, config, words)
        return [
            (
                audible_in(self.folder / call["file"], out / call["file"], 2 if call["stereo"] else 1),
                kept_words(out / f"{call['name']}.report.json"),
            )
            for call in self.calls
        ]

    def by_peer(self, model: str, rule) -> list[tuple[np.ndarray, list[dict]]]:
        words = self.words(model)
        out = []
        for call in self.calls:
            told = json.loads((words / f"{call['name']}.json").read_text(encoding="utf8"))["words"]
            out.append((audible_beside(rule(told), int(call["long_s"] * 100) + 1), []))
        return out

    def way(self, name: str) -> list[Heard]:
        if name == "both":
            pairs = zip(self.by_server("base"), self.by_server("tiny.en"), strict=True)
            found = [(shorter(base, tiny), kept) for (base, kept), (tiny, _) in pairs]
        elif name.startswith("server "):
            found = self.by_server(name.removeprefix("server "))
        elif name.startswith("process "):
            found = self.in_process(name.removeprefix("process "))
        else:
            found = self.by_peer("base", after_keywords if name.startswith("keywords") else every_number)
        return [heard(call, audible, kept) for call, (audible, kept) in zip(self.calls, found, strict=True)]


def shorter(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    frames = min(len(one), len(other))
    return one[:frames] & other[:frames]


def print_way(name: str, calls: list[Heard]) -> None:
    told = report(calls)
    share = 100 * told["leaked"] / max(told["secrets"], 1)
    audible = 100 * told["audible_s"] / max(told["speech_s"], 0.01)
    over = 100 * told["over_s"] / max(told["plain_s"], 0.01)
    print(
        f"{name:20} leaked {told['leaked']:3} of {told['secrets']} ({share:.1f} %)  audible {told['audible_s']:.1f} of "
        f"{told['speech_s']:.0f} s ({audible:.1f} %)  over {told['over_s']} of {told['plain_s']:.0f} s ({over:.1f} %)  "
        f"harmless {told['hit']} of {told['harmless']}  text left {told['text_left']}"
    )


KEYS = {
    "reason": lambda secret: secret.reason,
    "voice": lambda secret: secret.voice,
    "codec": lambda secret: secret.call["codec"] + (", two channels" if secret.call["stereo"] else ""),
    "language": lambda secret: secret.call["language"],
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--unsaid", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path(".servers/models"))
    parser.add_argument("--work", type=Path, default=Path(".servers/hearing"))
    parser.add_argument("--ways", default=",".join(WAYS[:4] + ["keywords", "every number"]))
    parser.add_argument("--show", action="store_true", help="print each secret that leaked")
    bench = Bench(parser.parse_args())
    for name in bench.asked.ways.split(","):
        calls = bench.way(name)
        print_way(name, calls)
        if name.startswith(("server", "process")):
            for key, of in KEYS.items():
                print(f"  by {key}: " + ", ".join(f"{n} {a}/{b}" for n, (a, b) in by(calls, of).items()))
        if bench.asked.show:
            show(calls)


def show(calls: list[Heard]) -> None:
    for call in calls:
        for secret in call.secrets:
            if secret.leaked:
                said = " / ".join(" ".join(segment["aloud"]) for segment in secret.segments)
                print(f"  leaked {call.call['name']} {secret.reason} {10 * secret.audible} ms: {said}")
        if call.call["harmless"] and call.over_s:
            print(f"  hit {call.call['name']} {call.over_s:.2f} s")


if __name__ == "__main__":
    main()
