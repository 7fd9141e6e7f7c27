"""How soon a run starts to train, the first time on a dataset and again: the second has the pixels of the first.

``python benchmarks/second_run.py STUDY [--repeats 5] [--flags device=cpu …]``; STUDY is a folder or an archive. Every
run is stopped where its first network begins. ``whole command`` counts from its start, the interpreter and PyTorch
among it; ``of the run`` from the run's first event, when the dataset was read, to its first network.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import ROOT

EVERY = 0.02  # s between two looks at the events
BEFORE_TRAINING = ("images",)


def events_of(run: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's events."""
    path = run / "events.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def measure(study: Path, run: Path, cache: Path, flags: list[str]) -> tuple[float, float]:
    """Seconds until the first network begins: since the command was given, and since the run's first event."""
    command = [sys.executable, "-m", "ltnet_core", "fit", str(study), "--run", str(run), *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LTNET_CACHE": str(cache)}
    began = time.time()
    with open(run.with_suffix(".log"), "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            while True:
                ended, events = process.poll() is not None, events_of(run)
                stages = [e for e in events if e["event"] == "stage" and e["stage"] not in BEFORE_TRAINING]
                if stages:
                    return stages[0]["time"] - began, stages[0]["time"] - events[0]["time"]
                if ended:
                    raise SystemExit(run.with_suffix(".log").read_text()[-2000:])
                time.sleep(EVERY)
        finally:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--repeats", type=int, default=5, help="of the second run")
    parser.add_argument("--flags", nargs="*", default=[], help="more flags of fit, without dashes: device=cpu …")
    wanted = parser.parse_args()
    flags = [part for flag in wanted.flags for part in ("--" + flag).split("=", 1)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        times = [measure(wanted.study, out / f"run-{n}", out / "cache", flags) for n in range(wanted.repeats + 1)]
    print("| | whole command, s | of the run, s |\n|---|---|---|")
    print(f"| first | {times[0][0]:.2f} | {times[0][1]:.2f} |")
    whole, own = (statistics.median(t[i] for t in times[1:]) for i in (0, 1))
    print(f"| second, median of {wanted.repeats} | {whole:.2f} | {own:.2f} |")


if __name__ == "__main__":
    main()
