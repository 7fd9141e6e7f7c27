"""Disagreement cases: two labels and the learned truth, in the five ways they can relate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

CASES: dict[int, str] = {
    1: "all agree",
    2: "all different",
    3: "labels agree, truth differs",
    4: "truth is the first label",
    5: "truth is the second label",
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
