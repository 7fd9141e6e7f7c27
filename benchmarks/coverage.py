"""How often the 95 % intervals of T hold the true cell, on drawn crowds: ``python benchmarks/coverage.py [--seeds N]``.

The network is drawn as well, a calibrated one: p is the posterior of a truth seen through noise. T is estimated from
it and the labels, with the prior of a run, so that what is tested is the interval and not the training.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core.annotations import FloatArray
from ltnet_core.datasets.crowd import draw_crowd
from ltnet_core.labels import intervals
from ltnet_core.labels.aggregation import crowd_prior, dawid_skene, shrunk_dawid_skene
from ltnet_core.labels.labels_alone import first_matrices, labels_alone

# items, annotators, labels an item, classes
CROWDS = [(1000, 59, 2.5, 8), (600, 20, 3.0, 4), (2000, 40, 1.6, 5), (2000, 40, 1.2, 5), (1500, 10, 1.6, 6)]


def seen_through_noise(truth: NDArray[np.int64], classes: int, noise: float, seed: int) -> FloatArray:
    """(N,K) posterior of the truth given its one-hot code with Gaussian noise: a calibrated p."""
    rng = np.random.default_rng([seed, 1])
    code = np.eye(classes)[truth] + noise * rng.standard_normal((len(truth), classes))
    logits = code / noise**2 + np.log(np.bincount(truth, minlength=classes) + 1.0)
    p = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(p / p.sum(1, keepdims=True))


def covered(crowd: tuple[int, int, float, int], seed: int, noise: float) -> tuple[float, float, float]:
    """Share of all cells and of the diagonals of one crowd that their intervals hold, and the mean width."""
    items, annotators, labels, classes = crowd
    drawn = draw_crowd(items, annotators, labels, classes, seed)
    p = seen_through_noise(drawn.truth, classes, noise, seed)
    alone = labels_alone(drawn.table)
    if alone.chosen is None:
        estimate = shrunk_dawid_skene(drawn.table, item_prior=p)
        assumed = crowd_prior(estimate.counts).sum(2)
    else:
        _, pseudo_counts = first_matrices(alone.chosen, drawn.table)
        estimate = dawid_skene(drawn.table, item_prior=p, pseudo_counts=pseudo_counts)
        assumed = pseudo_counts.sum(2)
    r = np.where(np.isnan(estimate.p), p, estimate.p)
    sure = intervals.evidence(r, drawn.table, estimate.transitions, p, None, assumed)
    inside = (sure.low <= drawn.transitions) & (drawn.transitions <= sure.high)
    diagonals = np.diagonal(inside, axis1=1, axis2=2)
    return float(inside.mean()), float(diagonals.mean()), float((sure.high - sure.low).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--noise", type=float, default=0.5, help="of what the network sees; .5: right in about 80 %%")
    parser.add_argument("--assumed", type=float, nargs="+", default=[intervals.MOST_ASSUMED])
    a = parser.parse_args()
    print("| crowd | " + " | ".join(f"prior as near as {x:g} annotations at most" for x in a.assumed) + " |")
    print("|---" * (1 + len(a.assumed)) + "|")
    for crowd in CROWDS:
        cells = []
        for intervals.MOST_ASSUMED in a.assumed:
            all_cells, diagonals, width = np.mean([covered(crowd, seed, a.noise) for seed in range(a.seeds)], axis=0)
            cells.append(f"{100 * all_cells:.1f} / {100 * diagonals:.1f}, width {width:.2f}")
        print(f"| {', '.join(map(str, crowd))} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
