"""Items whose learned truth differs between two finished runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..runs.learned_items import LearnedItems

Mask = NDArray[np.bool_]


def changed_truth(before: LearnedItems, after: LearnedItems) -> tuple[Mask, Mask]:
    """Two masks (N,) of the rows of ``after``: learned truth differs from ``before``, and learned from in both runs.

    Classes are compared by name. The first mask is False where the second is.
    """
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
