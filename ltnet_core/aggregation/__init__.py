"""Truth from labels alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotationTable, FloatArray
from ..errors import OptionError, did_you_mean
from .dawid_skene import DawidSkene, dawid_skene
from .majority_vote import majority_vote, most_probable
from .shrinkage import crowd_prior, shrunk_dawid_skene

__all__ = [
    "METHODS",
    "Aggregate",
    "DawidSkene",
    "aggregate",
    "confusion",
    "confusion_counts",
    "crowd_prior",
    "dawid_skene",
    "majority_vote",
    "most_probable",
    "shrunk_dawid_skene",
]

METHODS = ("majority", "dawid-skene", "shrunk-dawid-skene")


@dataclass(frozen=True)
class Aggregate:
    """Truth of the annotated items.

    Attributes
    ----------
    p : (N,K) distribution over the truth; a row of NaN where an item has no annotation.
    labels : (N,) most probable class, −1 where an item has no annotation.
    transitions : (C,K,K) estimated transition matrices, rows are truth.
    """

    p: FloatArray
    labels: NDArray[np.int32]
    transitions: FloatArray


def aggregate(table: AnnotationTable, method: str) -> Aggregate:
    """Aggregate labels by ``"majority"``, ``"dawid-skene"`` or ``"shrunk-dawid-skene"``.

    The result does not depend on the order of rows, coders or classes, nor on the
    coders' names.

    Raises
    ------
    OptionError
        unknown method.
    """
    if method not in METHODS:
        raise OptionError(
            f"unknown method {method!r}; choose from {', '.join(METHODS)}." + did_you_mean(method, METHODS)
        )
    same, class_order, coder_order = table.canonical()
    if method == "majority":
        p = majority_vote(same)
        winners = most_probable(p, same)
        matrices = confusion(same, np.eye(len(same.classes))[winners] * (winners >= 0)[:, None])
    else:
        result = dawid_skene(same) if method == "dawid-skene" else shrunk_dawid_skene(same)
        p, matrices = result.p, result.transitions
        winners = most_probable(p, same)
    class_place, coder_place = np.argsort(class_order), np.argsort(coder_order)
    labels = np.where(winners >= 0, class_order[winners], -1).astype(np.int32)
    return Aggregate(p[:, class_place], labels, matrices[np.ix_(coder_place, class_place, class_place)])


def confusion(table: AnnotationTable, truth: FloatArray) -> FloatArray:
    """(C,K,K) row-normalised counts of truth (N,K weights) × said; a row without evidence is uniform."""
    counts = confusion_counts(table, truth)
    total = counts.sum(2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, counts / total, 1.0 / len(table.classes))


def confusion_counts(table: AnnotationTable, truth: FloatArray) -> FloatArray:
    """(C,K,K) counts of truth (N,K weights) × said."""
    _, c, k = table.shape
    out = np.zeros((c * k, k))
    np.add.at(out, table.coder.astype(np.int64) * k + table.label, table.count[:, None] * truth[table.item])
    return out.reshape(c, k, k).transpose(0, 2, 1)
