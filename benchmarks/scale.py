"""How long a study of millions of annotations takes to inspect and to open again, and how much memory.

``python benchmarks/scale.py --out DIR [--items 1500000] [--coders 4] [--classes 7]``: a long CSV whose images do not
exist. With ``--old CHECKOUT`` another version is measured in turn with this one. Where other work shares the machine,
compare the seconds of the processor, not those of the clock.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt", "pain", "awe")
OPEN = "import sys; from ltnet_core import load_dataset; study = load_dataset(sys.argv[1]); print(len(study.table))"


def write(folder: Path, items: int, coders: int, classes: int) -> Path:
    """``labels.csv`` with one row per item and coder, item by item."""
    path = folder / "labels.csv"
    if path.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    with pa.OSFile(str(path), "wb") as out:
        for start in range(0, items, 100_000):
            n = min(100_000, items - start)
            image = pa.array([f"faces/{i // 1000:05d}/{i:08d}.jpg" for i in range(start, start + n)])
            columns = {
                "image": image.take(pa.array(np.repeat(np.arange(n), coders))),
                "coder": pa.array([f"coder {c}" for c in range(coders)]).take(pa.array(np.tile(np.arange(coders), n))),
                "label": pa.array(NAMES[:classes]).take(pa.array(rng.integers(0, classes, n * coders))),
            }
            options = pyarrow.csv.WriteOptions(include_header=start == 0)
            pyarrow.csv.write_csv(pa.table(columns), out, options)
    return folder


def measured(checkout: Path, arguments: list[str], cache: Path) -> tuple[float, float, float]:
    """Seconds of the clock and of the processor, and peak GiB of a process of its own."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(checkout), "LTNET_CACHE": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # both are compiled once, as where they are installed
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=checkout, env=environment, stdout=subprocess.DEVNULL, text=True
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{arguments} ended with status {status}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--items", type=int, default=1_500_000)
    parser.add_argument("--coders", type=int, default=4)
    parser.add_argument("--classes", type=int, default=7)
    parser.add_argument("--old", type=Path, help="another checkout, measured in turn with this one")
    parser.add_argument("--repeats", type=int, default=1)
    wanted = parser.parse_args()
    out = wanted.out.resolve()
    folder = write(out / f"{wanted.items}x{wanted.coders}", wanted.items, wanted.coders, wanted.classes)
    checkouts = {"before": wanted.old.resolve(), "now": ROOT} if wanted.old else {"now": ROOT}
    print(
        f"{wanted.items * wanted.coders:,} annotations, {(folder / 'labels.csv').stat().st_size / 1024**2:,.0f} MiB\n"
    )
    steps = {
        "`inspect`": ["-m", "ltnet_core", "inspect", str(folder), "--json"],
        "`inspect` again": ["-m", "ltnet_core", "inspect", str(folder), "--json"],
        "open it again from Python": ["-c", OPEN, str(folder)],
    }
    rows: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for _ in range(wanted.repeats):
        caches = {name: out / f"cache-{name}-{time.time_ns()}" for name in checkouts}
        for what, arguments in steps.items():
            for name, checkout in checkouts.items():
                rows.setdefault((what, name), []).append(measured(checkout, arguments, caches[name]))
    print("| what | which | seconds | of the processor | peak GiB |\n|---|---|---|---|---|")
    for (what, name), values in rows.items():
        clock, work, memory = (statistics.median(v) for v in zip(*values, strict=True))
        print(f"| {what} | {name} | {clock:.1f} | {work:.1f} | {memory:.2f} |")


if __name__ == "__main__":
    main()
