"""Seconds and memory that the results of a run of a large crowd take, to write and to read.

``python benchmarks/results.py [--old CHECKOUT] [--items 20000] [--coders 1000] [--annotations 100000] [--repeats 3]``:
a made-up crowd, every measurement in a process of its own; with ``--old`` another checkout is measured in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLASSES = 7
STEPS = ("write", "read", "export")

# Runs against either of two checkouts that have the packages: only what both have is used.
MEASURED = """
import json, sys, time
from pathlib import Path
import numpy as np
from ltnet_core.annotations import AnnotationTable
try:
    from ltnet_core.datasets.sources.files import GivenFiles
except ModuleNotFoundError:  # a version from before the packages of datasets/
    from ltnet_core.datasets.files import GivenFiles
from ltnet_core.datasets import Study
from ltnet_core.export.finished_run import load_truth
from ltnet_core.runs.manifest import write_manifest
from ltnet_core.learning.results import Learned, write_results
from ltnet_core.runs.run import Run
from ltnet_core.labels.truth import posterior
from ui import opened

n, c, m, k = (int(v) for v in sys.argv[2:6])
rng = np.random.default_rng(0)
truth = rng.integers(0, k, n)
cells = np.unique(rng.integers(0, n, 2 * m) * c + rng.integers(0, c, 2 * m))
cells = np.sort(rng.choice(cells, min(m, len(cells)), replace=False))
item, coder = (cells // c).astype(np.int32), (cells % c).astype(np.int32)
label = np.where(rng.random(len(item)) < 0.7, truth[item], rng.integers(0, k, len(item))).astype(np.int32)
table = AnnotationTable(
    np.asarray([f"faces/{i // 1000:03d}/{i:07d}.jpg" for i in range(n)], dtype=object),
    tuple(f"coder {i}" for i in range(c)), tuple(f"class {i}" for i in range(k)),
    item, coder, label, np.ones(len(item), np.float32),
)
p = rng.dirichlet(np.ones(k) / 2, n)
matrices = rng.dirichlet(np.ones(k), (c, k))
study = Study("crowd", "made up", GivenFiles(Path(), {}), table, tuple(f"C{i}" for i in range(k)),
              np.full(n, -1, np.int32), np.full(n, "", dtype=object))
features = rng.normal(size=(n, 32)).astype(np.float32)
learned = Learned(table, "ltnet", matrices, matrices, posterior(p, matrices, table), 1.0, {"ltnet": p},
                  np.ones(n, dtype=np.bool_), np.arange(n), np.ones(c), features)
run = Run(sys.argv[1])
Path("/proc/self/clear_refs").write_text("5")  # the peak so far is that of the inputs


def field(name):
    return next(int(s.split()[1]) for s in open("/proc/self/status") if s.startswith(name)) / 1024


def measured(work):
    Path("/proc/self/clear_refs").write_text("5")
    before, began = field("VmRSS"), time.perf_counter()
    kept = work()
    return [time.perf_counter() - began, field("VmHWM") - before, kept]


def write():
    write_results(run, study, table, learned)


def read():
    selections = opened.selections(run)
    selections.pairs, selections.items.split_votes, selections.items.contradicted
    return selections


out = {"write": measured(write)[:2]}
write_manifest(run.folder)
out["read"] = measured(read)[:2]
out["export"] = measured(lambda: load_truth(run))[:2]
out["size"] = sum(f.stat().st_size for f in run.results.iterdir()) / 1e6
print(json.dumps(out))
"""


def measure(checkout: Path, sizes: list[int]) -> dict[str, list[float]]:
    """Step → seconds and MiB over the inputs, of one process."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, folder, *map(str, sizes), str(CLASSES)],
            cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    content: dict[str, list[float]] = json.loads(done.stdout)
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old", type=Path, help="another checkout, measured in turn with this one")
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--coders", type=int, default=1_000)
    parser.add_argument("--annotations", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    wanted = parser.parse_args()
    checkouts = {"before": wanted.old.resolve(), "after": ROOT} if wanted.old else {"now": ROOT}
    rows: dict[tuple[str, str], list[list[float]]] = {}
    for _ in range(wanted.repeats):
        for name, checkout in checkouts.items():
            for step, found in measure(checkout, [wanted.items, wanted.coders, wanted.annotations]).items():
                rows.setdefault((step, name), []).append(found if isinstance(found, list) else [found, 0.0])
    print(f"{wanted.items:,} items × {wanted.coders:,} coders, {wanted.annotations:,} annotations\n")
    print("| what | which | seconds (median, smallest, largest) | MiB over the inputs |\n|---|---|---|---|")
    for step in STEPS:
        for name in checkouts:
            seconds, memory = zip(*rows[step, name], strict=True)
            times = " / ".join(f"{v:.2f}" for v in (statistics.median(seconds), min(seconds), max(seconds)))
            print(f"| {step} | {name} | {times} | {statistics.median(memory):.0f} |")
    print("\n" + ", ".join(f"{name}: {rows['size', name][0][0]:.1f} MB on the disk" for name in checkouts))


if __name__ == "__main__":
    main()
