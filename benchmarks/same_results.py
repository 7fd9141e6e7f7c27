"""Whether versions of the program give the same results, byte for byte.

``python benchmarks/same_results.py CHECKOUT [CHECKOUT …] [--items 240] [--methods ltnet mixture …]`` makes a demo
study, trains every method (`quick`, two epochs) and runs every aggregation on it with the package in each CHECKOUT and
last with this one, and compares what each wrote with what the one before it wrote. It prints a table, with the columns
that differ of a file that differs, and exits with 1 where something differs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ltnet_core.labels.aggregation import AGGREGATIONS  # noqa: E402
from ltnet_core.method import METHODS  # noqa: E402

QUICK = ("--preset", "quick", "--epochs", "2", "--device", "cpu")
SECONDS = "history.json"  # of older versions: it holds times


def run(checkout: Path, *arguments: str) -> None:
    """The command line of a checkout, with one thread."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "ltnet_core", *arguments],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{checkout}: {' '.join(arguments)}\n{done.stderr}")


def parts(path: Path) -> dict[str, Any]:
    """Columns, keys or tensors of a file of results by name; nothing for another kind of file."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return {name: table[name].to_pylist() for name in table.column_names}
    if path.suffix == ".csv":
        return {str(name): column.tolist() for name, column in pd.read_csv(path, dtype=str).items()}
    if path.suffix == ".json":
        value = json.loads(path.read_text(encoding="utf-8"))
        return value if isinstance(value, dict) else {}
    if path.suffix == ".safetensors":
        return {name: value.tobytes() for name, value in load_file(path).items()}
    return {}


def compared(before: Path, now: Path) -> list[str]:
    """Names of the files in two folders of results (or of two files) that are not the same bytes, and what differs."""
    out = []
    names = {p.relative_to(f).as_posix() for f in (before, now) for p in f.rglob("*") if p.is_file()} - {SECONDS}
    for name in sorted(names) if before.is_dir() else ["."]:
        one, other = before / name, now / name
        if not one.exists() or not other.exists():
            out.append(f"{name} (only {'before' if one.exists() else 'now'})")
        elif one.read_bytes() != other.read_bytes():
            was, is_now = parts(one), parts(other)
            columns = sorted(c for c in was.keys() | is_now.keys() if repr(was.get(c)) != repr(is_now.get(c)))
            out.append(f"{one.name} ({', '.join(columns) or 'other bytes of the same values'})")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", type=Path, nargs="+", help="versions to compare, oldest first")
    parser.add_argument("--items", default="240")
    parser.add_argument("--methods", nargs="*", default=[*METHODS])
    wanted = parser.parse_args()
    versions = [*(c.resolve() for c in wanted.checkouts), ROOT]
    tasks = [("fit", method) for method in wanted.methods] + [("aggregate", a) for a in AGGREGATIONS]
    different = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        study = str(folder / "demo")
        run(versions[0], "demo", study, "--items", wanted.items)
        print(f"| what | {' | '.join(f'{v.name}: differs from the one before' for v in versions[1:])} |")
        print("|---" * len(versions) + "|")
        for command, method in tasks:
            outputs = []
            for number, checkout in enumerate(versions):
                out = folder / f"{number}-{command}-{method}"
                if command == "fit":
                    run(checkout, "fit", study, "--run", str(out), "--method", method, *QUICK)
                    outputs.append(out / "results")
                else:
                    outputs.append(out.with_suffix(".csv"))
                    run(checkout, "aggregate", study, "--method", method, "--out", str(outputs[-1]))
            cells = [compared(*pair) for pair in itertools.pairwise(outputs)]
            different += sum(map(len, cells))
            print(f"| {command} --method {method} | {' | '.join(', '.join(c) or 'no' for c in cells)} |", flush=True)
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
