"""Truth and T from the labels alone, before any network is trained, and whether LTNet can start from them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from ..annotations import ADJUDICATOR, AnnotationTable, FloatArray
from .aggregation import Chosen, camps_note, choose, guessing_matrices, too_large
from .identifiability import labels_suffice
from .truth import expected_counts

KEPT = 2  # tables whose result is remembered: a run plans its work more than once


@dataclass(frozen=True)
class LabelsAlone:
    """The labels of coders who overlap.

    Attributes
    ----------
    chosen : the models weighed by left-out annotations; None where the coders hardly overlap, or nothing could
        be left out.
    suffice : whether truth and matrices can be told from labels alone: most items have two independent views.
    camps : what is to be said of coders who are two camps; empty where they are not, or hardly overlap.
    """

    chosen: Chosen | None
    suffice: bool
    camps: str = ""

    @property
    def correlation(self) -> float:
        """Correlation of the coders' errors on an item."""
        return self.chosen.correlation if self.chosen is not None else 0.0


def first_matrices(chosen: Chosen, table: AnnotationTable) -> tuple[FloatArray, FloatArray]:
    """(C,K,K) T of the coders of ``table`` for the truth ``chosen.p``, and its (C,K,K) pseudo counts.

    The pseudo counts hold it to knowing or guessing as strongly as the models do that predict left-out
    annotations best. An item without annotation adds nothing; the class of an adjudicated item is known.
    """
    r = np.nan_to_num(chosen.p)
    if ADJUDICATOR in table.coders:
        settled = table.labels_of(ADJUDICATOR)
        r[settled >= 0] = np.eye(len(table.classes))[settled[settled >= 0]]
    counts = expected_counts(r, table)
    pseudo_counts = chosen.strength * guessing_matrices(counts)
    cells = counts + pseudo_counts
    return cells / cells.sum(2, keepdims=True), pseudo_counts


_remembered: OrderedDict[str, LabelsAlone] = OrderedDict()


def labels_alone(table: AnnotationTable) -> LabelsAlone:
    """Truth and T from the labels of these coders; cached for the last two tables.

    Nothing is fitted for coders who hardly overlap: their labels fit more than one truth under every model.
    """
    key = table.fingerprint()
    if key not in _remembered:
        _remembered[key] = _labels_alone(table)
        while len(_remembered) > KEPT:
            _remembered.popitem(last=False)
    return _remembered[key]


def _labels_alone(table: AnnotationTable) -> LabelsAlone:
    if not labels_suffice(table):
        return LabelsAlone(None, False)
    chosen = None if too_large(table) else choose(table)
    suffice = chosen is None or labels_suffice(table, chosen.correlation)
    return LabelsAlone(chosen, suffice, camps_note(table))


def note(alone: LabelsAlone) -> str:
    """Where T starts, and whether the coders are two camps, in sentences."""
    correlation = f"their errors on an item have a correlation of {alone.correlation:.2f}"
    if alone.suffice:
        return (
            f"the labels alone determine truth and matrices ({correlation}): T starts from them. {alone.camps}".strip()
        )
    start = (
        f"coders err together where an image is unclear ({correlation}), so that most items have fewer than two "
        "independent views: LTNet goes on from a network trained on all labels mixed, and T starts from the labels."
    )
    return f"{start} {alone.camps}".strip()
