"""unsaid over the calls, by the command that a user runs."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def redact(unsaid: Path, calls: list[dict], folder: Path, out: Path, config: str, words: Path | None) -> None:
    """Writes the redacted calls and their reports to OUT. `words`: a folder of transcripts, or the engine's of `config`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "unsaid.toml").write_text(config, encoding="utf8")

    def one(call: dict) -> None:
        command = [unsaid, "redact", folder / call["file"], out / call["file"], "--config", out / "unsaid.toml"]
        command += ["--report", out / f"{call['name']}.report.json"]
        command += ["--words", words / f"{call['name']}.json"] if words else []
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"{call['name']}: unsaid redact ended with {ended.returncode}: {ended.stderr.strip()}")

    # An engine in the process uses all cores by itself.
    with ThreadPoolExecutor(2 if words else 1) as pool:
        list(pool.map(one, calls))
