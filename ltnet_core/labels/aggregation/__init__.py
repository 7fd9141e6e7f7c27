"""Truth from labels alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...annotations import AnnotationTable, FloatArray
from ...errors import OptionError, did_you_mean
from . import choice, shrinkage
from . import dawid_skene as _dawid_skene
from . import majority_vote as _majority_vote
from .choice import Chosen, choose, too_large
from .confusion import confusion, confusion_counts
from .dawid_skene import DawidSkene, dawid_skene
from .estimate import Estimate
from .guessing import guessing_matrices
from .held_out import CORRELATIONS, discounts
from .majority_vote import drawn_fairly, majority_vote, most_probable
from .shrinkage import crowd_prior, shrunk_dawid_skene

__all__ = [
    "CORRELATIONS",
    "METHODS",
    "Aggregate",
    "Chosen",
    "DawidSkene",
    "aggregate",
    "choose",
    "confusion",
    "confusion_counts",
    "crowd_prior",
    "dawid_skene",
    "discounts",
    "drawn_fairly",
    "guessing_matrices",
    "majority_vote",
    "most_probable",
    "shrunk_dawid_skene",
    "too_large",
]

METHODS: dict[str, Callable[[AnnotationTable], Estimate]] = {
    "auto": choice.estimate,
    "majority": _majority_vote.estimate,
    "dawid-skene": _dawid_skene.estimate,
    "shrunk-dawid-skene": shrinkage.estimate,
}
"""Name of each method and its function, which a new one joins."""


@dataclass(frozen=True)
class Aggregate:
    """Truth of the annotated items.

    Attributes
    ----------
    p : (N,K) distribution over the truth; a row of NaN where an item has no annotation.
    labels : (N,) most probable class, −1 where an item has no annotation.
    transitions : (C,K,K) estimated transition matrices, rows are truth.
    note : what the method decided by itself and why, in sentences; empty where it decides nothing.
    """

    p: FloatArray
    labels: NDArray[np.int32]
    note: str = ""
    make_transitions: Callable[[], FloatArray] = field(repr=False, kw_only=True)

    @cached_property
    def transitions(self) -> FloatArray:
        # Made when asked for: those of a large crowd need more memory than its truth.
        return self.make_transitions()


def aggregate(table: AnnotationTable, method: str = "auto") -> Aggregate:
    """Aggregate labels by one of ``METHODS``.

    The result does not depend on the order of rows, coders or classes, nor on the
    coders' names.

    Raises
    ------
    OptionError
        unknown method.
    """
    if method not in METHODS:
        known = tuple(METHODS)
        raise OptionError(f"unknown method {method!r}; choose from {', '.join(known)}." + did_you_mean(method, known))
    same, class_order, coder_order = table.canonical()
    found = METHODS[method](same)
    class_place, coder_place = np.argsort(class_order), np.argsort(coder_order)
    labels = np.where(found.labels >= 0, class_order[found.labels], -1).astype(np.int32)
    return Aggregate(
        found.p[:, class_place],
        labels,
        found.note,
        make_transitions=lambda: found.matrices()[np.ix_(coder_place, class_place, class_place)],
    )
