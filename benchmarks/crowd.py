"""A drawn crowd, many annotators with few labels each: ``python benchmarks/crowd.py [--seeds N] [--items N] …``.

Majority vote, Dawid–Skene, Dawid–Skene shrunk towards the crowd, and what the true matrices would give.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core.datasets.crowd import draw_crowd
from ltnet_core.labels.aggregation import AGGREGATIONS, aggregate
from ltnet_core.labels.truth import posterior


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--annotators", type=int, default=59)
    parser.add_argument("--labels-per-item", type=float, default=2.5)
    parser.add_argument("--classes", type=int, default=8)
    a = parser.parse_args()
    right: dict[str, list[float]] = {m: [] for m in (*AGGREGATIONS, "true matrices")}
    error: dict[str, list[float]] = {m: [] for m in AGGREGATIONS}
    seconds = dict.fromkeys(AGGREGATIONS, 0.0)
    for seed in range(a.seeds):
        crowd = draw_crowd(a.items, a.annotators, a.labels_per_item, a.classes, seed)
        for method in AGGREGATIONS:
            began = time.perf_counter()
            result = aggregate(crowd.table, method)
            seconds[method] += time.perf_counter() - began
            right[method].append((result.labels == crowd.truth).mean())
            error[method].append(np.abs(result.transitions - crowd.transitions).mean())
        share = np.bincount(crowd.truth, minlength=a.classes) / a.items
        best = posterior(np.tile(share, (a.items, 1)), crowd.transitions, crowd.table)
        right["true matrices"].append((best.argmax(1) == crowd.truth).mean())
    ours = np.asarray(right["shrunk-dawid-skene"])
    print("| method | truth right | worse than shrunk in | error of T | seconds |\n|---|---|---|---|---|")
    for method, values in right.items():
        mean, sd = 100 * np.mean(values), 100 * np.std(values, ddof=1)
        behind = "" if method in ("shrunk-dawid-skene", "true matrices") else f"{(ours > values).sum()} of {a.seeds}"
        t = f"{np.mean(error[method]):.3f}" if method in error else "0"
        took = f"{seconds[method] / a.seeds:.2f}" if method in seconds else ""
        print(f"| {method} | {mean:.1f} ± {sd:.1f} % | {behind} | {t} | {took} |")


if __name__ == "__main__":
    main()
