"""Coders beside each other: how often each two agree, who labels alike, and what one coder's labels show over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from ..annotations import ADJUDICATOR, FloatArray
from ..errors import OptionError, did_you_mean
from ..labels.coder_labels import NO_ROWS, Codes, products
from ..labels.intervals import wilson
from ..runs.learned_items import LearnedItems

MOST_CODERS = 40  # beside each other, those with the most annotations
FEWEST_SHARED = 5  # items from which the agreement of two coders is told
MOST_GROUPS = 8
STRUCTURE = 0.25  # mean silhouette below which there are no groups (Kaufman and Rousseeuw 1990, table 4)
PARTS = 10  # of a coder's items, in their order
FEWEST_OTHERS = 2  # who must have labelled an item for a coder to be alone with it

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class CodersCompared:
    """C coders in the order of a clustering by agreement, so that those who label alike stand together.

    Attributes
    ----------
    coders : their names. left_out : how many others have fewer annotations.
    shared : (C,C) items that two coders labelled. agreement : (C,C) share of these on which they agree, NaN where
        they share fewer than ``FEWEST_SHARED`` and on the diagonal.
    group : (C,) index of the group that a coder is in; one group where the coders show no structure, and −1 of those
        whose agreement with nobody is known: they come last.
    """

    coders: tuple[str, ...]
    left_out: int
    shared: NDArray[np.int64] = field(repr=False)
    agreement: FloatArray = field(repr=False)
    group: NDArray[np.int64] = field(repr=False)


@dataclass(frozen=True)
class Share:
    """A share of ``items`` with its 95 % interval; NaN where there are none."""

    items: int
    share: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: Mask) -> Share:
        n = len(hits)
        share = float(hits.mean()) if n else float("nan")
        return cls(n, share, *(wilson(share, n) if n else (0.0, 1.0)))


@dataclass(frozen=True)
class CoderFacts:
    """What one coder's labels show.

    Attributes
    ----------
    annotations : how many there are. alone : on how many of its items nobody else gave its label, though
        ``FEWEST_OTHERS`` others labelled them.
    right : how often it says the learned truth; before any run, what most of the others say.
    halves : the same in the first and the second half of its items, in the order of the dataset.
    parts : the same in up to ``PARTS`` parts of them.
    """

    name: str
    annotations: int
    alone: int
    right: Share
    halves: tuple[Share, Share]
    parts: tuple[Share, ...]

    @property
    def drifts(self) -> bool:
        """Whether the halves differ by more than chance."""
        first, second = self.halves
        return first.high < second.low or second.high < first.low


def compare_coders(items: LearnedItems) -> CodersCompared:
    """Set the coders of a run, or of a dataset before any run, beside each other."""
    size = np.diff(items.labels.ends)
    there = [c for c, name in enumerate(items.coders) if name != ADJUDICATOR and size[c]]
    kept = sorted(sorted(there, key=lambda c: -int(size[c]))[:MOST_CODERS])
    shared, agreed = _met(items, kept)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreement = np.where(shared >= FEWEST_SHARED, agreed / shared, np.nan)
    np.fill_diagonal(agreement, np.nan)
    met = np.isfinite(agreement).any(1)
    among, group_of_met = _clustered(agreement[np.ix_(met, met)])
    order = np.concatenate([np.flatnonzero(met)[among], np.flatnonzero(~met)])
    group = np.full(len(kept), -1, dtype=np.int64)
    group[met] = group_of_met
    cells = np.ix_(order, order)
    names = tuple(items.coders[kept[n]] for n in order)
    return CodersCompared(names, len(there) - len(kept), shared[cells], agreement[cells], group[order])


def _met(items: LearnedItems, coders: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(C,C) twice: items that two coders labelled, and those on which they agree."""
    labels, n = items.labels, len(coders)
    mine = [slice(labels.ends[c], labels.ends[c + 1]) for c in coders]

    def met(label: int | None) -> NDArray[np.int64]:
        """(C,C) items that two coders labelled, or gave this label."""
        rows = [labels.row[s] if label is None else labels.row[s][labels.label[s] == label] for s in mine]
        ends = np.append(0, np.cumsum([len(row) for row in rows]))
        row = np.concatenate([NO_ROWS, *rows])
        by_coder = sparse.csr_array((np.ones(len(row), dtype=np.float32), row, ends), shape=(n, labels.rows))
        return np.asarray(products(by_coder).toarray().astype(np.int64))

    agreed = [met(label) for label in range(len(items.classes))]
    return met(None), np.sum(agreed, axis=0, dtype=np.int64)


def _clustered(agreement: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(C,) order of the leaves of average linkage, and the group of each coder, groups numbered in that order."""
    c = len(agreement)
    if c < 3:
        return np.arange(c), np.zeros(c, dtype=np.int64)
    # Two who never met are as far apart as pairs are on average.
    distance = np.nan_to_num(1 - agreement, nan=float(1 - np.nanmean(agreement)))
    np.fill_diagonal(distance, 0.0)
    tree = hierarchy.linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    order = hierarchy.leaves_list(tree).astype(np.int64)
    best, group = STRUCTURE, np.zeros(c, dtype=np.int64)
    for k in range(2, min(MOST_GROUPS, c - 1) + 1):
        cut = hierarchy.fcluster(tree, k, "maxclust") - 1
        if cut.max() and (mean := _silhouette(distance, cut)) > best:
            best, group = mean, cut
    _, first = np.unique(group[order], return_index=True)
    number = np.argsort(np.argsort(first))
    return order, number[group].astype(np.int64)


def _silhouette(distance: FloatArray, group: NDArray[np.int64]) -> float:
    """Mean silhouette (Rousseeuw 1987); that of a coder alone in its group is 0."""
    member = np.eye(group.max() + 1)[group]
    size = member.sum(0)
    to_groups = distance @ member
    own = size[group] - 1
    within = to_groups[np.arange(len(group)), group] / np.maximum(own, 1)
    others = np.where(member > 0, np.inf, to_groups / size)
    nearest = others.min(1)
    value = (nearest - within) / np.maximum(np.maximum(nearest, within), 1e-12)
    return float(np.where(own > 0, value, 0.0).mean())


def alone_with(items: LearnedItems, coder: str) -> Mask:
    """(N,) items whose label by a coder no other person gave, though ``FEWEST_OTHERS`` others or more labelled them.

    Raises
    ------
    RunError
        there is no such coder.
    """
    labels, n = items.labels, len(items)
    target = labels.of_coder(items.coder(coder))
    others = np.array(items.human)
    others[items.coder(coder)] = False
    counted = np.repeat(others, np.diff(labels.ends))
    row, label = labels.row[counted], labels.label[counted]
    asked = np.bincount(row, minlength=n)
    same = np.bincount(row[label == target[row]], minlength=n)
    return np.asarray((target >= 0) & (asked >= FEWEST_OTHERS) & (same == 0))


def coder_facts(items: LearnedItems, coder: str) -> CoderFacts:
    """What a coder's labels show, by themselves and over its items in their order.

    Raises
    ------
    RunError, OptionError
        there is no such coder, or it is the adjudicator.
    """
    if coder == ADJUDICATOR:
        others = [c for c in items.coders if c != ADJUDICATOR]
        raise OptionError("what people settled is no coder to compare." + did_you_mean(coder, others))
    c = items.coder(coder)
    mine = slice(items.labels.ends[c], items.labels.ends[c + 1])
    row, label = items.labels.row[mine], items.labels.label[mine]
    reference = (items.truth if items.learned else _majority_of_others(items, c))[row]
    right = (label == reference)[reference >= 0]
    halves = np.array_split(right, 2)
    parts = np.array_split(right, max(1, min(PARTS, len(right))))
    return CoderFacts(
        name=coder,
        annotations=len(row),
        alone=int(alone_with(items, coder).sum()),
        right=Share.of(right),
        halves=(Share.of(halves[0]), Share.of(halves[1])),
        parts=tuple(Share.of(part) for part in parts),
    )


def _majority_of_others(items: LearnedItems, coder: int) -> Codes:
    """(N,) class that most others gave an item, the first of equals; −1 where there are none."""
    labels, k = items.labels, len(items.classes)
    others = np.array(items.human)
    others[coder] = False
    counted = np.repeat(others, np.diff(labels.ends))
    cell = labels.row[counted].astype(np.int64) * k + labels.label[counted]
    votes = sparse.csr_array((np.ones(len(cell)), (cell // k, cell % k)), shape=(len(items), k))
    out = np.full(len(items), -1, dtype=np.int16)
    there = np.flatnonzero(np.diff(votes.indptr))
    out[there] = votes.argmax(axis=1).ravel()[there]
    return out
