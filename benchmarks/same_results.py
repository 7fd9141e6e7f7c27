"""Whether two versions of the program give the same results, byte for byte.

``python benchmarks/same_results.py --before CHECKOUT [--items 240] [--methods ltnet mixture …]`` makes a demo study,
trains every method (`quick`, two epochs) and runs every aggregation on it, once with the package in CHECKOUT and once
with this one, and compares what they wrote. It prints a table and exits with 1 where something differs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ltnet_core.labels.aggregation import AGGREGATIONS  # noqa: E402
from ltnet_core.method import METHODS  # noqa: E402

QUICK = ("--preset", "quick", "--epochs", "2", "--device", "cpu")


def run(checkout: Path, *arguments: str) -> None:
    """The command line of a checkout, with one thread."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-m", "ltnet_core", *arguments],
        cwd=checkout,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of results."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "history.json"  # of older versions; it holds seconds
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the version to compare with")
    parser.add_argument("--items", default="240")
    parser.add_argument("--methods", nargs="*", default=[*METHODS])
    wanted = parser.parse_args()
    versions = {"before": wanted.before.resolve(), "now": ROOT}
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(ROOT, "demo", str(place / "demo"), "--items", wanted.items)
        print("| what | files | different |\n|---|---|---|")
        for method in wanted.methods:
            for version, checkout in versions.items():
                out = place / f"{version}-{method}"
                run(checkout, "fit", str(place / "demo"), "--run", str(out), "--method", method, *QUICK)
            before, now = (digests(place / f"{v}-{method}" / "results") for v in versions)
            differ = sorted(f for f in before.keys() | now.keys() if before.get(f) != now.get(f))
            different += len(differ)
            print(f"| fit --method {method} | {len(now)} | {', '.join(differ) or 'none'} |", flush=True)
        for method in AGGREGATIONS:
            texts = []
            for version, checkout in versions.items():
                out = place / f"{version}-{method}.csv"
                run(checkout, "aggregate", str(place / "demo"), "--method", method, "--out", str(out))
                texts.append(out.read_bytes())
            different += texts[0] != texts[1]
            print(
                f"| aggregate --method {method} | 1 | {'none' if texts[0] == texts[1] else 'truth.csv'} |", flush=True
            )
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
