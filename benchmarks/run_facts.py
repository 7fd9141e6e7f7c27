"""What a finished run took and reached, on a few lines: ``python benchmarks/run_facts.py RUN_DIR [STARTED ENDED]``.

STARTED and ENDED are when its process did, in seconds since 1970.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path


def main() -> None:
    run = Path(sys.argv[1])
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines() if line]
    stages = [e for e in events if e["event"] in ("start", "stage", "done", "failed")]
    if len(sys.argv) > 2:
        started, ended = map(float, sys.argv[2:4])
        print(f"  before the run {stages[0]['time'] - started:.1f} s, after it {ended - stages[-1]['time']:.1f} s")
    for one, after in pairwise(stages):
        print(f"  {one.get('stage', one['event'])}: {after['time'] - one['time']:.1f} s")
    for begun, after in pairwise(stages):
        stage = begun.get("stage")
        epochs = [e for e in events if e["event"] == "epoch" and e["stage"] == stage]
        if not epochs:
            continue
        took = sorted(e["seconds"] for e in epochs)
        best = epochs[-1]["best_epoch"]
        before = epochs[0]["time"] - epochs[0]["seconds"] - begun["time"]
        between = epochs[-1]["time"] - epochs[0]["time"] - sum(e["seconds"] for e in epochs[1:])
        print(
            f"  {stage}: before the epochs {before:.1f} s, in them {sum(took):.1f} s, between them {between:.1f} s, "
            f"after them {after['time'] - epochs[-1]['time']:.1f} s"
        )
        print(
            f"  {stage}: {len(epochs)} epochs, the first {epochs[0]['seconds']:.2f} s, median "
            f"{took[len(took) // 2]:.2f} s, best {best}, held-out loss {epochs[best - 1]['validation_loss']}"
        )
    result = run / "results" / "evaluation.json"
    if result.exists():
        evaluation = json.loads(result.read_text())
        for name, test in evaluation["tests"].items():
            for method, facts in test["methods"].items():
                print(f"  {name}, {method}: accuracy {facts['accuracy']}, calibration error {facts['ece']}")
        print(f"  truth: {evaluation['truth']}")
        print(f"  error of T: { {coder: facts['mae'] for coder, facts in evaluation['transitions'].items()} }")


if __name__ == "__main__":
    main()
