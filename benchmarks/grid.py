"""Networks × epochs × batch sizes on real faces: ``python benchmarks/grid.py fer_study.zip --out DIR [--jobs 6] …``.

In every cell ours, the mixture (of the same run and schedule) and FER+ alone; accuracy and macro F1 on the test faces,
T of FER2013 against the faces that the taggers agree on. Runs go side by side, finished ones are not repeated.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fer_study import study
from harness import ROOT, surroundings


@dataclass(frozen=True)
class Cell:
    """A network, a budget and a batch size."""

    network: str
    epochs: int
    batch: int
    seed: int

    def name(self, what: str) -> str:
        return f"{what}-{self.network}-{self.epochs}-{self.batch}-{self.seed}"


def flags(cell: Cell, what: str) -> list[str]:
    """Of ``fit``: ours with the mixture beside it, or FER+ alone."""
    common = ["--network", cell.network, "--epochs", str(cell.epochs), "--batch-size", str(cell.batch)]
    common += ["--seed", str(cell.seed)]
    if what == "ours":
        return [*common, "--no-machine-coders"]
    return [*common, "--method", "mixture", "--coders", "FERPlus"]


def train(data: Path, out: Path, cell: Cell, what: str, jobs: int, more: list[str]) -> str:
    """Train one run where it is not there; returns how it went."""
    folder = out / cell.name(what)
    if (folder / "manifest.json").exists():
        return "there"
    command = [sys.executable, "-m", "ltnet_core", "fit", str(data), "--run", str(folder), *flags(cell, what), *more]
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=surroundings(folder, jobs), capture_output=True, text=True)
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
    return f"{time.monotonic() - began:.0f} s"


def row(out: Path, cell: Cell) -> str | None:
    """The row of a cell; None where a run is missing."""
    files = [out / cell.name(what) / "results" / "evaluation.json" for what in ("ours", "alone")]
    if not all(f.exists() for f in files):
        return None
    ours, alone = (json.loads(f.read_text(encoding="utf-8")) for f in files)
    tests = [next(iter(evaluation["tests"].values()))["methods"] for evaluation in (ours, alone)]
    scores = [tests[0]["ltnet"], tests[0]["mixture"], tests[1]["mixture"]]
    shown = [f"{100 * s['accuracy']:.1f} / {s['macro_f1']:.3f}" for s in scores]
    t = [ours["transitions"][c]["mae"] for c in ("FER2013", "FERPlus")]
    errors = " / ".join("–" if e is None else f"{e:.3f}" for e in t)
    truth = ours["truth"]["methods"]["posterior"]
    cells = [cell.network, str(cell.epochs), str(cell.batch), str(cell.seed), *shown, errors]
    return "| " + " | ".join([*cells, f"{100 * truth['accuracy']:.1f} / {truth['ece']:.3f}"]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path, help="fer_study.zip, or a folder of what is in it")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--networks", nargs="+", default=["cnn", "resnet20", "resnet18"])
    parser.add_argument("--epochs", type=int, nargs="+", default=[8, 24])
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=6, help="runs at once")
    parser.add_argument("--flags", nargs="*", default=[], help="more flags of fit, without their dashes: device=cuda …")
    parser.add_argument("--table", action="store_true", help="print what is there, train nothing")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    data = study(a.study, a.out / "study")
    cells = [Cell(*c) for c in itertools.product(a.networks, a.epochs, a.batches, a.seeds)]
    more = [part for flag in a.flags for part in ("--" + flag).split("=", 1)]
    if not a.table:
        # The longest first, so that none of them is left for the end alone.
        work = sorted(itertools.product(cells, ("ours", "alone")), key=lambda w: (-w[0].epochs, w[0].batch, w[1]))
        with ThreadPoolExecutor(a.jobs) as pool:
            done = pool.map(lambda w: (w[0].name(w[1]), train(data, a.out, w[0], w[1], a.jobs, more)), work)
            for name, how in done:
                print(f"{name}: {how}", file=sys.stderr, flush=True)
    print("| network | epochs | batch | seed | ours | mixture | FER+ alone | T, FER2013 / FER+ | learned truth |")
    print("|---|---|---|---|---|---|---|---|---|")
    for line in filter(None, (row(a.out, cell) for cell in cells)):
        print(line)


if __name__ == "__main__":
    main()
