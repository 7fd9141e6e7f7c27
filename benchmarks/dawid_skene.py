"""Dawid–Skene here against crowd-kit, in one run: ``python benchmarks/dawid_skene.py [--items N] [--iterations I]``.

Two shapes: few coders who label everything (patterns repeat), and a crowd (they do not).
Prints seconds for the whole call with the table in memory, the ratio, and whether all labels are the same.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core import AnnotationTable, dawid_skene
from ltnet_core.labels.aggregation import most_probable


def few_coders(items: int, rng: np.random.Generator) -> AnnotationTable:
    """Four coders, seven classes, every item labelled by all."""
    return _table(items, 4, 7, np.tile(np.arange(4), (items, 1)), rng)


def crowd(items: int, rng: np.random.Generator) -> AnnotationTable:
    """Two hundred annotators, five labels an item, seven classes."""
    first = rng.integers(0, 200, items)
    return _table(items, 200, 7, (first[:, None] + np.arange(5) * 37) % 200, rng)


def _table(items: int, coders: int, classes: int, who: np.ndarray, rng: np.random.Generator) -> AnnotationTable:
    truth = rng.integers(0, classes, items)
    right = rng.uniform(0.5, 0.9, coders)[who] > rng.random(who.shape)
    labels = np.where(right, truth[:, None], rng.integers(0, classes, who.shape))
    item = np.repeat(np.arange(items), who.shape[1])
    return AnnotationTable(
        np.array([f"{i:07d}" for i in range(items)], dtype=object),
        tuple(f"c{c:03d}" for c in range(coders)),
        tuple(f"k{k}" for k in range(classes)),
        item.astype(np.int32), who.ravel().astype(np.int32), labels.ravel().astype(np.int32),
        np.ones(item.size, np.float32),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000, help="items of the first shape; the second has a tenth")
    parser.add_argument("--iterations", type=int, default=100)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    from crowdkit.aggregation import DawidSkene

    print("| shape | iterations | here, s | crowd-kit, s | ratio | same labels |\n|---|---|---|---|---|---|")
    for name, make, items in (
        ("4 coders", few_coders, arguments.items),
        ("200 annotators, 5 each", crowd, arguments.items // 10),
    ):
        table = make(items, np.random.default_rng(0))
        began = time.perf_counter()
        # A negative tolerance does all iterations, here and there.
        ours = dawid_skene(table, max_iter=arguments.iterations, tol=-1)
        here = time.perf_counter() - began
        frame = table.to_frame().rename(columns={"image": "task", "coder": "worker"})
        began = time.perf_counter()
        theirs = DawidSkene(n_iter=arguments.iterations, tol=-1).fit_predict(frame)
        there = time.perf_counter() - began
        labels = np.asarray(table.classes, dtype=object)[most_probable(ours.p, table)]
        same = (theirs.loc[table.items].to_numpy() == labels).mean()
        cells = (f"{items:,} items, {name}", arguments.iterations, f"{here:.2f}", f"{there:.1f}", f"{there / here:.0f}")
        print("|", *(f"{cell} |" for cell in cells), f"{same:.4%} |")


if __name__ == "__main__":
    main()
