"""Disagreement cases: two labels and the learned truth, in the five ways they can relate."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

CASES: dict[int, str] = {
    1: "all agree",
    2: "all different",
    3: "labels agree, truth differs",
    4: "truth sides with the first",
    5: "truth sides with the second",
}


def cases(first: ArrayLike, second: ArrayLike, truth: ArrayLike) -> NDArray[np.int8]:
    """(N,) case 1 to 5 of each triple of class indices (N,); 0 where one of the three is absent (−1)."""
    a, b, t = np.asarray(first), np.asarray(second), np.asarray(truth)
    out = np.full(a.shape, 2, dtype=np.int8)
    out[(a == b) & (a == t)] = 1
    out[(a == b) & (a != t)] = 3
    out[(a != b) & (t == a)] = 4
    out[(a != b) & (t == b)] = 5
    out[(a < 0) | (b < 0) | (t < 0)] = 0
    return out


def first_two(labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The first two labels present in each row of (N,C), −1 where there are fewer."""
    n, c = labels.shape
    order = np.argsort(labels < 0, axis=1, kind="stable")
    ordered = np.take_along_axis(labels, order, axis=1)
    absent = np.full((n, max(2 - c, 0)), -1, dtype=labels.dtype)
    padded = np.concatenate([ordered, absent], axis=1)
    return padded[:, 0], padded[:, 1]


def codes_of(column: pd.Series, classes: list[str]) -> NDArray[np.int32]:
    """(N,) class indices of a column of class names, −1 where empty."""
    return pd.Index(classes).get_indexer(pd.Index(column.fillna(""))).astype(np.int32)


def case_counts(frame: pd.DataFrame, coders: list[str], classes: list[str]) -> list[dict[str, Any]]:
    """How often each case occurs for every pair of coders that met on some item.

    ``frame`` is a truth table (``learned_truth`` and one column per coder). Returns
    ``{"first", "second", "items", "cases": {1: n, …, 5: n}}`` per pair.
    """
    truth = codes_of(frame["learned_truth"], classes)
    said = {c: codes_of(frame[c], classes) for c in coders}
    out = []
    for a, b in combinations(coders, 2):
        counts = np.bincount(cases(said[a], said[b], truth), minlength=6)
        if counts[1:].sum():
            out.append(
                {
                    "first": a,
                    "second": b,
                    "items": int(counts[1:].sum()),
                    "cases": {case: int(counts[case]) for case in CASES},
                }
            )
    return out
