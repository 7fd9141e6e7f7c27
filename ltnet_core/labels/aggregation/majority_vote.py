"""Majority vote: the truth is what most coders said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...annotations import AnnotationTable, FloatArray, name_rank
from .confusion import confusion
from .estimate import Estimate

NAME = "majority"

TIE = 1e-9


def majority_vote(table: AnnotationTable) -> FloatArray:
    """Share of the votes each class got, (N,K); a row of NaN where an item has none."""
    votes = table.votes()
    total = votes.sum(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, votes / total, np.nan)


def drawn_fairly(p: FloatArray, table: AnnotationTable) -> NDArray[np.int32]:
    """(N,) most probable class of each row of ``p`` (N,K); −1 for a row of NaN.

    Ties (within 1e-9) are drawn with equal chances by a hash of the item's name, among the tied classes in the
    order of their names. The draw is the same on every machine, and no reordering of items, classes or coders
    changes it. The class with the most annotations is often the one coders overuse: it gets no advantage.
    """
    absent = np.asarray(np.isnan(p).any(axis=1))
    by_name = np.argsort(name_rank(table.classes))
    filled = np.where(absent.reshape(-1, 1), 0.0, p)[:, by_name]
    tied = filled >= filled.max(1, keepdims=True) - TIE
    number = tied.sum(1)
    drawn = np.zeros(len(p), dtype=np.int64)
    several = np.flatnonzero((number > 1) & ~absent)
    drawn[several] = (name_hash(table.items[several]) % number[several].astype(np.uint64)).astype(np.int64)
    # The place of the drawn one among the tied: the first where the running number of tied classes exceeds it.
    best = by_name[(tied.cumsum(1) > drawn[:, None]).argmax(1)]
    return np.where(absent, -1, best).astype(np.int32)


def name_hash(names: NDArray[Any]) -> NDArray[np.uint64]:
    """(n,) a hash of each name, the same on every machine."""
    return np.asarray(pd.util.hash_array(np.asarray([str(n) for n in names], dtype=object), categorize=False))


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
    rank = np.empty(len(preference), dtype=np.int64)
    rank[preference] = np.arange(len(preference))
    best = np.where(tied, rank, len(preference)).argmin(1)
    return np.where(absent, -1, best).astype(np.int32)


def estimate(table: AnnotationTable) -> Estimate:
    """The method ``majority``: ties are drawn, matrices are what coders said of the winners."""
    p = majority_vote(table)
    winners = drawn_fairly(p, table)
    one_hot = np.eye(len(table.classes))[winners] * (winners >= 0)[:, None]
    return Estimate(p, winners, lambda: confusion(table, one_hot))
