"""Evaluation: accuracy, F1, calibration, recovery of T."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR, AnnotationTable, FloatArray
from ..labels.aggregation import Aggregate, aggregate

BINS = 15
CURVE_BINS = 10  # of a calibration curve, which has to be read
AGGREGATED = ("majority", "dawid-skene", "shrunk-dawid-skene")  # quick enough for every run


Aggregator = Callable[[str], Aggregate]
"""Name of a method → what it makes of one table."""


def aggregator(table: AnnotationTable) -> Aggregator:
    """Aggregates a table by each method once, when it is first asked for."""
    return cache(lambda method: aggregate(table, method))


def calibration_error(p: FloatArray, truth: NDArray[np.int32], predicted: NDArray[np.int32] | None = None) -> float:
    """Expected calibration error of (n,K) probabilities: mean |confidence − accuracy| over 15 equal-width bins.

    ``predicted`` (n,) is the class a method chose where that is not the first of the most probable ones.

    C. Guo et al., *On calibration of modern neural networks*, ICML 2017.
    """
    right = (p.argmax(1) if predicted is None else predicted) == truth
    confidence, accuracy, size = calibration_bins(p.max(1), right, BINS)
    return float((np.abs(confidence - accuracy) * size).sum() / max(size.sum(), 1))


def calibration_bins(
    confidence: FloatArray, right: NDArray[np.bool_], bins: int
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """(B,) mean confidence, share that is right, and number of items of each of the equal-width bins that hold any.

    ``confidence`` in the most probable class and ``right`` are of (n,) items.
    """
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    size = np.bincount(bin_of, minlength=bins)
    full = size > 0
    mean, share = (np.bincount(bin_of, weights=w, minlength=bins)[full] / size[full] for w in (confidence, right))
    return mean, share, size[full]


def macro_f1(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Mean F1 of the classes that occur or are predicted; both (n,) class indices."""
    right = np.bincount(truth[truth == predicted], minlength=int(max(truth.max(), predicted.max())) + 1)
    both = np.bincount(truth, minlength=len(right)) + np.bincount(predicted, minlength=len(right))
    return float((2 * right[both > 0] / both[both > 0]).mean())


def scores(
    p: FloatArray, truth: NDArray[np.int32], labels: NDArray[np.int32] | None = None, *, whole: bool = False
) -> dict[str, Any]:
    """Accuracy, macro F1 (over classes that occur) and calibration error of (n,K) ``p`` on the n items it covers.

    ``whole`` adds ``confusion``, a list of [truth, predicted, items], and ``calibration``, a list of
    [confidence, accuracy, items] of bins.

    A row of NaN is an item without prediction; all scores are None where every row is NaN.
    ``labels`` (n,) replaces argmax where a method has its own tie rule.
    """
    covered = ~np.isnan(p).any(1) & (truth >= 0)
    n = int(covered.sum())
    if n == 0:
        return {"accuracy": None, "macro_f1": None, "ece": None, "items": 0}
    p, truth = p[covered], truth[covered]
    predicted = p.argmax(1) if labels is None else labels[covered]
    out = {
        "accuracy": float((predicted == truth).mean()),
        "macro_f1": macro_f1(truth, predicted),
        "ece": calibration_error(p, truth, predicted=predicted),
        "items": n,
    }
    if whole:
        cells, items = np.unique(truth.astype(np.int64) * p.shape[1] + predicted, return_counts=True)
        out["confusion"] = np.column_stack([*np.divmod(cells, p.shape[1]), items]).tolist()
        bins = calibration_bins(p.max(1), predicted == truth, CURVE_BINS)
        out["calibration"] = np.column_stack(bins).tolist()
    return out


def human_label_accuracy(table: AnnotationTable, truth: NDArray[np.int32]) -> float | None:
    """Share of annotations (votes counted) that are right, where the truth is known."""
    known = truth[table.item] >= 0
    weight = table.count[known]
    if not weight.sum():
        return None
    return float((weight * (truth[table.item[known]] == table.label[known])).sum() / weight.sum())


def recovery(learned: FloatArray, true: FloatArray) -> float | None:
    """Mean absolute error of the cells of T in the rows that are known; None where no row is."""
    known = ~np.isnan(true).any(axis=1)
    return float(np.abs(learned - true)[known].mean()) if known.any() else None


def evaluate(
    *,
    human: AnnotationTable,
    alone: Aggregator,
    alone_on_all: Aggregator,
    truth: NDArray[np.int32],
    test_set: NDArray[Any],
    networks: dict[str, FloatArray],
    posterior: FloatArray,
    learned: NDArray[Any],
    usable: NDArray[np.bool_],
    transitions: dict[str, FloatArray],
    true_matrices: dict[str, FloatArray],
) -> dict[str, Any]:
    """Every method on every test set with known truth, the learned truth, and the recovery of T.

    Parameters
    ----------
    human : annotations by human coders of the items to learn from.
    alone, alone_on_all : aggregates of those, and of these coders' annotations of all items, test items included.
    truth : (N,) known class or −1. test_set : (N,) name of the test set or "".
    networks : method → (N,K) p of the image alone.
    posterior, learned : (N,K) and (N,) of the items to learn from.
    usable : (N,) items whose image could be read.
    transitions, true_matrices : coder → (K,K) learned and true T; a row that is not known is NaN.
    """
    tests: dict[str, Any] = {}
    for name in sorted(set(test_set.tolist()) - {""}):
        items = np.flatnonzero((test_set == name) & (truth >= 0) & usable)
        tests[name] = {"items": len(items), "methods": _methods(items, truth, networks, alone_on_all, whole=True)}

    items = np.flatnonzero((test_set == "") & usable & (truth >= 0) & human.annotated())
    labelled_by = [c for c in human.coders if c != ADJUDICATOR]  # what people settled is no coder's own label
    methods = _methods(items, truth, networks, alone) if len(items) else {}
    own = scores(posterior[items], truth[items], learned[items])
    return {
        "tests": tests,
        "transitions": {
            coder: {"mae": recovery(matrix, true_matrices[coder]) if coder in true_matrices else None}
            for coder, matrix in transitions.items()
        },
        "truth": {
            "items": len(items),
            "accuracy": own["accuracy"],
            "human_labels_accuracy": human_label_accuracy(human.keep_coders(labelled_by), truth),
            "methods": {**methods, "posterior": own} if len(items) else {},
        },
    }


def _methods(
    items: NDArray[np.int64],
    truth: NDArray[np.int32],
    networks: dict[str, FloatArray],
    alone: Aggregator,
    *,
    whole: bool = False,
) -> dict[str, Any]:
    """method → scores of every network and every aggregation on some items."""
    out = {method: scores(p[items], truth[items], whole=whole) for method, p in networks.items()}
    for method in AGGREGATED:
        result = alone(method)
        out[method] = scores(result.p[items], truth[items], result.labels[items], whole=whole)
    return out
