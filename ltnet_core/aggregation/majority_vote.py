"""Majority vote: the truth is what most coders said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotationTable, FloatArray, name_rank

TIE = 1e-9


def majority_vote(table: AnnotationTable) -> FloatArray:
    """Share of the votes each class got, (N,K); a row of NaN where an item has none."""
    votes = table.votes()
    total = votes.sum(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, votes / total, np.nan)


def most_probable(p: FloatArray, table: AnnotationTable) -> NDArray[np.int32]:
    """(N,) most probable class of each row of ``p`` (N,K); −1 for a row of NaN.

    Ties (within 1e-9) go to the class with the most annotations in the table, then
    to the class whose name sorts first, so that no reordering of classes, coders or
    rows can change a label.
    """
    absent = np.asarray(np.isnan(p).any(axis=1))
    filled = np.where(absent.reshape(-1, 1), 0.0, p)
    tied = filled >= filled.max(1, keepdims=True) - TIE
    totals = table.class_counts().sum(0).round(6)
    preference = np.lexsort((name_rank(table.classes), -totals))
    place = np.empty(len(preference), dtype=np.int64)
    place[preference] = np.arange(len(preference))
    best = np.where(tied, place, len(preference)).argmin(1)
    return np.where(absent, -1, best).astype(np.int32)
