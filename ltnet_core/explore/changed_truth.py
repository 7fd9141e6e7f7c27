"""Which learned truths two finished runs disagree on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..runs.learned_items import LearnedItems

Mask = NDArray[np.bool_]


def changed_truth(before: LearnedItems, after: LearnedItems) -> tuple[Mask, Mask]:
    """(N,) each, for the rows of ``after``: whether the learned truth is another class than before, and whether the
    image was learned from in both runs. Classes are compared by name."""
    if before.names.equals(after.names):
        rows = np.arange(len(after))
    else:
        rows = before.rows([str(n) for n in after.names.to_pylist()])
    number = {name: n for n, name in enumerate(after.classes)}
    # A class that only the other run has is none of these.
    in_both = (rows >= 0) & (rows < before.learned_from()) & (np.arange(len(after)) < after.learned_from())
    code = np.asarray([number.get(name, -1) for name in before.classes], dtype=np.int64)
    changed = np.zeros(len(after), dtype=np.bool_)
    changed[in_both] = code[before.truth[rows[in_both]]] != after.truth[in_both]
    return changed, in_both
