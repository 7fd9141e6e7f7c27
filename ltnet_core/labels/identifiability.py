"""Identifiability: whether the annotations determine p and T.

p and T explain the same labels. They are identifiable where coders overlap and each class has
enough annotations; elsewhere T stays close to its prior.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from scipy import sparse

from ..annotations import AnnotationTable, is_machine
from .intervals import Evidence

ENOUGH = 10.0  # annotations behind a row of T
MOST = 0.5
VIEWS = 2  # of most items
MOST_NAMED = 3


def groups_that_never_meet(table: AnnotationTable) -> list[list[str]]:
    """Human coders in groups: within one, shared items lead from each to each; between two there are none."""
    from scipy.sparse.csgraph import connected_components  # it brings linear algebra along, a tenth of a second

    table = table.keep_coders([c for c in table.coders if not is_machine(c)])
    n, c, _ = table.shape
    met = sparse.coo_matrix((np.ones(len(table)), (table.item.astype(np.int64) + c, table.coder)), shape=(n + c, n + c))
    _, group = connected_components(met, directed=False)
    out: dict[int, list[str]] = {}
    for coder, number in zip(table.coders, group[:c], strict=True):
        out.setdefault(int(number), []).append(coder)
    return list(out.values())


def labels_suffice(table: AnnotationTable, correlation: float = 0.0) -> bool:
    """Whether the labels alone determine truth and matrices.

    Two views of the same items do not, three do (Kruskal, 1977; Allman, Matias and Rhodes, 2009).
    So most items must have two views or more, and most annotations must come from coders who share
    items with two others, or gave three votes an item. n annotations whose errors have the
    ``correlation`` ρ are n / (1 + (n − 1)·ρ) views, rounded.
    """
    return not what_labels_lack(table, correlation)


def what_labels_lack(table: AnnotationTable, correlation: float = 0.0) -> str:
    """Which of the two conditions of :func:`labels_suffice` does not hold, as part of a sentence; empty if both do."""
    votes = table.votes().sum(1)[table.annotated()]
    votes = votes / (1 + np.maximum(votes - 1, 0) * correlation)
    if not len(votes) or (votes >= VIEWS - 0.5).mean() < MOST:
        return "most images have fewer than two annotations"
    n, c, _ = table.shape
    at = sparse.csr_matrix((np.ones(len(table)), (table.item, table.coder)), shape=(n, c))
    at.data[:] = 1.0
    met = (at.T @ at > 0).sum(0).A1 - 1
    votes_by_coder = sparse.csr_matrix((table.count.astype(np.float64), (table.item, table.coder)), shape=(n, c))
    votes_an_item = votes_by_coder.sum(0).A1 / np.maximum(at.sum(0).A1, 1)
    views = np.maximum(met, np.floor(votes_an_item) - 1)
    size = np.bincount(table.coder, minlength=c)
    if size[views >= 2].sum() >= MOST * size.sum():
        return ""
    return "most annotations come from coders who share images with fewer than two others"


def undetermined(table: AnnotationTable) -> str:
    """A sentence where the labels fit more than one truth; else empty."""
    lack = what_labels_lack(table)
    if not lack:
        return ""
    return f"The labels fit more than one truth, for {lack}: the confidence may be far too high."


def overlap_notes(table: AnnotationTable) -> list[str]:
    """Sentences about coders who share no items with others."""
    if len(table.coders) == 1:
        if labels_suffice(table):
            return []  # votes of a nameless crowd: each vote is a view of its own
        return [
            f"there is only one coder, {table.coders[0]!r}: its matrix and the truth cannot be told apart from "
            "its labels alone; read both with care."
        ]
    groups = groups_that_never_meet(table)
    if len(groups) == 1:
        return []
    named = [" and ".join(map(repr, g[:MOST_NAMED])) + (" …" if len(g) > MOST_NAMED else "") for g in groups]
    if len(named) > MOST_NAMED:
        named = [*named[:MOST_NAMED], f"{len(groups) - MOST_NAMED:,} more"]
    return [
        f"no item was labelled by coders of different groups ({'; '.join(named)}): only what the network sees links "
        "them, so what one group gets wrong everywhere can pass for the truth; a few hundred items labelled by both "
        "would settle it."
    ]


def weak_rows(evidence: Evidence, table: AnnotationTable, fixed: Collection[str] = ()) -> list[str]:
    """A sentence about the rows of human coders' matrices with less than ``ENOUGH`` evidence, without ``fixed``."""
    human = [c for c, name in enumerate(table.coders) if not is_machine(name) and name not in fixed]
    weak = [(c, k) for c in human for k in np.flatnonzero(evidence.support[c] < ENOUGH)]
    if not weak:
        return []
    named = [f"{table.coders[c]!r} {table.classes[k]!r} ({evidence.support[c, k]:.1f})" for c, k in weak[:MOST_NAMED]]
    rows = len(human) * len(table.classes)
    return [
        f"{len(weak):,} of {rows:,} rows of the matrices rest on fewer than {ENOUGH:.0f} annotations, for example "
        f"{', '.join(named)}: they are mostly what was assumed before training."
    ]
