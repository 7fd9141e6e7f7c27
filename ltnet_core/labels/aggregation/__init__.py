"""Truth from labels alone: a module each for the ways to aggregate.

A module with ``NAME`` and ``estimate`` (an :class:`~ltnet_core.annotations.AnnotationTable` in, an
:class:`~ltnet_core.labels.aggregation.estimate.Estimate` out) is a way to aggregate by being here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...annotations import AnnotationTable, FloatArray
from ...errors import OptionError, did_you_mean
from .camps import camps_note
from .choice import Chosen, choose, too_large, work_of_choosing
from .confusion import confusion, confusion_counts
from .dawid_skene import DawidSkene, dawid_skene
from .estimate import Estimate
from .guessing import guessing_matrices
from .held_out import CORRELATIONS, answers, discounts, first_best
from .majority_vote import drawn_fairly, majority_vote, most_probable
from .shrinkage import crowd_prior, shrunk_dawid_skene

__all__ = [
    "AGGREGATIONS",
    "CORRELATIONS",
    "Aggregate",
    "Chosen",
    "DawidSkene",
    "aggregate",
    "answers",
    "camps_note",
    "choose",
    "confusion",
    "confusion_counts",
    "crowd_prior",
    "dawid_skene",
    "discounts",
    "drawn_fairly",
    "first_best",
    "guessing_matrices",
    "majority_vote",
    "most_probable",
    "shrunk_dawid_skene",
    "too_large",
    "work_of_choosing",
]

_MODULES = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
AGGREGATIONS: dict[str, Callable[[AnnotationTable], Estimate]] = dict(
    sorted(((m.NAME, m.estimate) for m in _MODULES if hasattr(m, "NAME")), key=lambda a: (a[0] != "auto", a[0]))
)
"""Name and function of each way to aggregate, the default first."""


@dataclass(frozen=True)
class Aggregate:
    """Truth of the annotated items.

    Attributes
    ----------
    p : (N,K) distribution over the truth; a row of NaN where an item has no annotation.
    labels : (N,) most probable class, −1 where an item has no annotation.
    transitions : (C,K,K) estimated transition matrices, rows are truth.
    note : what the method decided by itself and why, and where the coders are two camps, in sentences; may be empty.
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
    """Aggregate labels by one of ``AGGREGATIONS``.

    The result does not depend on the order of rows, coders or classes, nor on the names
    of coders and classes, unless two classes have the same votes of all items.

    Raises
    ------
    OptionError
        unknown method.
    """
    if method not in AGGREGATIONS:
        known = tuple(AGGREGATIONS)
        raise OptionError(f"unknown method {method!r}; choose from {', '.join(known)}." + did_you_mean(method, known))
    same, class_order, coder_order = table.canonical(by_name=False)
    same = replace(same, classes=tuple(f"{k:09d}" for k in range(len(same.classes))))  # ties are broken in this order
    estimate = AGGREGATIONS[method](same)
    class_place, coder_place = np.argsort(class_order), np.argsort(coder_order)
    labels = np.where(estimate.labels >= 0, class_order[estimate.labels], -1).astype(np.int32)
    return Aggregate(
        estimate.p[:, class_place],
        labels,
        " ".join(part for part in (estimate.note, camps_note(same)) if part),
        make_transitions=lambda: estimate.matrices()[np.ix_(coder_place, class_place, class_place)],
    )
