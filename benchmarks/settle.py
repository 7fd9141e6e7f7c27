"""What to settle next: ``python benchmarks/settle.py RUN_DIR [--votes fer_study.zip] [--counts 200 500 1000]``.

The run is of a study whose truth is known, or of faces whose FER+ votes are in the zip. Whoever settles an item knows
its truth; prints the share of learned truths that are right after so many items in each order, nothing trained again,
and for each forty in the order "gains most" how many truths they were expected to correct and how many they did.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core import Run
from ltnet_core.explore.gains import NEXT, gains
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import SORTS, Wish
from ltnet_core.runs.learned_items import LearnedItems
from ltnet_core.runs.stored_results import load_items, open_results


def known_truth(run: Run, items: LearnedItems, votes: Path | None) -> np.ndarray:
    """(N,) class, −1 where it is not known; of faces the class that most taggers chose, where there is one."""
    known = items.known.astype(np.int64)
    if votes is None:
        return known
    with zipfile.ZipFile(votes) as archive:
        table = pd.read_csv(archive.open("votes_FERPlus_train.csv")).set_index("image")
    names = items.names.to_pylist()
    counts = table.reindex(names)[list(items.classes)].fillna(0).to_numpy(dtype=np.float64)
    top = np.sort(counts, axis=1)
    return np.where(top[:, -1] > top[:, -2], counts.argmax(1), known)


def orders(run: Run, items: LearnedItems) -> dict[str, np.ndarray]:
    """Name → rows in that order."""
    selections = Selections(items)
    orders = {f"{text} ({key})": selections.rows(Wish(sort=key)) for key, text in SORTS.items() if key != "name"}
    p = open_results(run).posterior(len(items))
    entropy = -(p * np.log(np.maximum(p, 1e-12))).sum(1)
    learned_from = selections.mask(Wish())
    order = np.argsort(-entropy, kind="stable")
    return {**orders, "entropy": order[learned_from[order]]}


def forties(run: Run, items: LearnedItems, known: np.ndarray) -> list[tuple[int, float, int]]:
    """After 0, 40, 80, … answers: how many right truths the next are expected to bring, and how many they bring."""
    rows = Selections(items).rows(Wish(sort="unsure"))
    rows = rows[known[rows] >= 0][: 6 * NEXT]
    names = items.names.take(rows).to_pylist()
    unknown = np.flatnonzero(known[: items.learned_from()] < 0)
    skipped = items.names.take(unknown).to_pylist()
    out = []
    for start in range(0, len(rows) - NEXT + 1, NEXT):
        answers = {name: items.classes[known[row]] for name, row in zip(names[:start], rows, strict=False)}
        following = rows[start : start + NEXT]
        wrong = int((items.truth[following] != known[following]).sum())
        out.append((start, gains(run, items, answers, skipped=skipped).expected, wrong))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--votes", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 200, 250, 500, 1000])
    a = parser.parse_args()
    run = Run(a.run)
    items = load_items(run)
    known = known_truth(run, items, a.votes)
    print("| order | " + " | ".join(map(str, a.counts)) + " |\n|---|" + "---|" * len(a.counts))
    for name, rows in orders(run, items).items():
        rows = rows[known[rows] >= 0]
        wrong = items.truth[rows] != known[rows]
        right = [100 * (1 - wrong[n:].sum() / len(rows)) for n in a.counts]
        print(f"| {name} | " + " | ".join(f"{x:.2f}" for x in right) + " |")
    print(f"\n| settled | the next {NEXT}, expected | brought |\n|---|---|---|")
    for settled, expected, brought in forties(run, items, known):
        print(f"| {settled} | {expected:.1f} | {brought} |")


if __name__ == "__main__":
    main()
