"""Camps: two groups of coders, each agreeing within itself more than the two agree with each other.

Where coders err independently given the truth, kappa of two coders is the product of what each of them knows
(the one-factor model of C. Spearman, *General intelligence*, 1904). Of two groups then

    κ(between)² ≥ κ(within one) · κ(within the other)

and the square root of the ratio, Spearman's correlation corrected for attenuation, tells how far both answer one
question. It falls where a group errs together: copied labels, a shared bias, another question. A group cannot be told
from the other by it, and no model of independent coders sees which of them is right.

The groups are looked for in one half of the items and judged by the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ...annotations import AnnotationTable, FloatArray
from .majority_vote import name_hash

HALVES, BLOCKS = 2, 10  # blocks of items in a half, for the jackknife
ONE_QUESTION = 0.9  # corrected correlation of two groups, above which a difference is none to speak of
CLEARLY, POSITIVE = 2.5, 2.0  # standard errors of the gap, and of the agreement within a group
DIRECTIONS = 3  # eigenvectors of the agreement along which coders are parted
FEWEST = 10.0  # pairs of annotations behind each of the three kappas
MOST_CELLS = 500_000  # coders² × classes; of more coders those with the most annotations are looked at
MOST_ANNOTATIONS = 1_000_000
MOST_NAMED = 3
"""Coders of the smaller camp that are named."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Camps:
    """Two groups of coders.

    Attributes
    ----------
    smaller : names of the coders of the smaller group, those with the most annotations first. others : how many
        coders the other group has.
    within, within_others, between : kappa of two coders of the smaller group, of the other, of one of each.
    """

    smaller: tuple[str, ...]
    others: int
    within: float
    within_others: float
    between: float

    def note(self) -> str:
        """What was found and what follows from it."""
        named = ", ".join(map(repr, self.smaller[:MOST_NAMED])) + (" …" if len(self.smaller) > MOST_NAMED else "")
        return (
            f"The coders are two camps: {len(self.smaller)} of them ({named}) agree with each other (kappa "
            f"{self.within:.2f}) and the {self.others} others do ({self.within_others:.2f}), but coders of different "
            f"camps agree less than that explains ({self.between:.2f}). So one camp or both err together, by copied "
            "labels, a shared bias or another question, and labels do not tell which: where the truth follows that "
            "camp, the confidence may be far too high. Settle some images on which the camps differ."
        )


def camps(table: AnnotationTable) -> Camps | None:
    """The two camps of the coders, or None where fewer than four coders, or what they agree on, show none."""
    table = _bounded(table)
    if len(table.coders) < 4 or not len(table):
        return None
    blocks = _agreement_by_block(table)
    groups = [_parted(*_above_chance(blocks[1 - half].sum(0))) for half in range(HALVES)]
    whole = _parted(*_above_chance(blocks.sum((0, 1))))
    if whole is None or any(group is None for group in groups):
        return None
    # A group may be either side of the same line.
    sides = [group if (group == whole).mean() >= 0.5 else ~group for group in groups if group is not None]
    by_half = [_sums(*_above_chance(blocks[half].sum(0)), sides[half]) for half in range(HALVES)]
    total = by_half[0] + by_half[1]
    without = np.stack(
        [
            total - by_half[half] + _sums(*_above_chance(blocks[half].sum(0) - blocks[half, block]), sides[half])
            for half in range(HALVES)
            for block in range(BLOCKS)
        ]
    )
    found, left = _gap(total), _gap(without)
    error = np.sqrt((len(left) - 1) * left.var(0))  # jackknife
    if not (found > np.array([CLEARLY, POSITIVE, POSITIVE]) * error).all():
        return None
    return _named(table, whole, _kappas(_sums(*_above_chance(blocks.sum((0, 1))), whole)))


def camps_note(table: AnnotationTable) -> str:
    """A sentence or more about the camps of the coders; empty where there are none."""
    found = camps(table)
    return "" if found is None else found.note()


def _bounded(table: AnnotationTable) -> AnnotationTable:
    """The table, or so many of its coders and items that time and memory stay bounded."""
    most = int((MOST_CELLS / (len(table.classes) + 2)) ** 0.5)
    if len(table.coders) > most:
        first = np.argsort(-table.annotations_per_coder(), kind="stable")[:most]
        table = table.keep_coders([table.coders[c] for c in sorted(first)])
    if len(table) > MOST_ANNOTATIONS:
        every = np.uint64(-(-len(table) // MOST_ANNOTATIONS))
        table = table.keep_items(name_hash(table.items) // np.uint64(HALVES * BLOCKS) % every == 0)
    return table


def _agreement_by_block(table: AnnotationTable) -> FloatArray:
    """(halves,blocks,K + 2,C,C) of each block of items and each pair of coders, to be added up.

    How many items both labelled, on how many they agree, and then for each class on how many of these items the first
    of the two says it. What a coder says of an item counts one in all, however many votes that are.
    """
    _, c, k = table.shape
    _, answer = np.unique(table.item.astype(np.int64) * c + table.coder, return_inverse=True)
    share = table.count / np.bincount(answer, weights=table.count)[answer]
    block = (name_hash(table.items) % np.uint64(HALVES * BLOCKS)).astype(np.int64)[table.item]
    out = np.zeros((HALVES * BLOCKS, k + 2, c, c))
    for number in range(HALVES * BLOCKS):
        at = np.flatnonzero(block == number)
        items, item = np.unique(table.item[at], return_inverse=True)
        coder, label = table.coder[at], table.label[at]
        # Class after class: coders × classes as rows, items as columns.
        said = sparse.csr_array((share[at], (label.astype(np.int64) * c + coder, item)), shape=(k * c, len(items)))
        made = sparse.csr_array((share[at], (coder, item)), shape=(c, len(items)))
        out[number, 0] = (made @ made.T).toarray()
        out[number, 2:] = (said @ made.T).toarray().reshape(k, c, c)
        out[number, 1] = sum((part @ part.T).toarray() for part in (said[i * c : (i + 1) * c] for i in range(k)))
    return out.reshape(HALVES, BLOCKS, k + 2, c, c)


def _above_chance(agreement: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(C,C) items on which two coders agree above chance, and as many as that could be: their ratio is kappa.

    Chance is by what the two say of the items that both labelled: coders who work on other items differ in their
    shares of classes. n / (n − 1) makes the covariance of n items unbiased.
    """
    shared, agreed, said = agreement[0], agreement[1], agreement[2:]
    by_chance = (said * said.transpose(0, 2, 1)).sum(0) / np.maximum(shared, 1)
    unbiased = np.where(shared > 1.5, shared / np.maximum(shared - 1, 1), 0.0)
    np.fill_diagonal(unbiased, 0.0)
    return (agreed - by_chance) * unbiased, (shared - by_chance) * unbiased


def _parted(above: FloatArray, most: FloatArray) -> Mask | None:
    """(C,) the group, of two coders or more beside two others or more, whose gap stands out most; None if none does.

    Coders are sorted along the first eigenvectors of their agreement, where each cut makes two groups, and along the
    last, which coders who say the opposite have.
    """
    size = most.sum(1)
    scale = np.where(size > 0, 1 / np.sqrt(np.maximum(size, 1e-9)), 0.0)
    _, vectors = np.linalg.eigh(above * scale[:, None] * scale)
    best, group = 0.0, None
    for vector in (*vectors[:, -DIRECTIONS:].T, vectors[:, 0]):
        order = np.argsort(vector * scale, kind="stable")
        sums = np.stack([_sums_of_cuts(part[np.ix_(order, order)]) for part in (above, most)], axis=2)
        clearness = _clearness(sums.reshape(len(sums), 6))
        cut = int(clearness.argmax())
        if clearness[cut] > best:
            best, group = float(clearness[cut]), np.zeros(len(size), dtype=np.bool_)
            group[order[: cut + 2]] = True
    return group


def _sums_of_cuts(part: FloatArray) -> FloatArray:
    """(C − 3,3) sums of ``part`` (C,C) within the first 2, 3, … C − 2 coders, within the others, and between both."""
    sums = part.cumsum(0).cumsum(1)
    at = np.arange(1, len(part) - 2)
    first, between = sums[at, at], sums[at, -1] - sums[at, at]
    return np.stack([first, sums[-1, -1] - first - 2 * between, between], axis=1)


def _sums(above: FloatArray, most: FloatArray, group: Mask) -> FloatArray:
    """(6,) both sums within the ``group`` (C,), within the others, and between."""
    one, other = group.astype(np.float64), (~group).astype(np.float64)
    return np.array([a @ part @ b for a, b in ((one, one), (other, other), (one, other)) for part in (above, most)])


def _kappas(sums: FloatArray) -> FloatArray:
    """(…,3) kappa within the group, within the others and between, of sums (…,6)."""
    return np.asarray(sums[..., ::2] / np.maximum(sums[..., 1::2], 1e-9))


def _gap(sums: FloatArray) -> FloatArray:
    """(…,3) what the agreement between falls short of that of one question, and the agreement within each group."""
    kappas = _kappas(sums)
    within = np.sqrt(np.maximum(kappas[..., 0], 0) * np.maximum(kappas[..., 1], 0))
    return np.stack([ONE_QUESTION * within - kappas[..., 2], kappas[..., 0], kappas[..., 1]], axis=-1)


def _clearness(sums: FloatArray) -> FloatArray:
    """(G,) gap of each pair of groups over a rough standard error, −1 where there are too few pairs to say."""
    gap, pairs = _gap(sums), sums[:, 1::2] * np.array([0.5, 0.5, 1.0])  # pairs within a group are counted twice
    one, other = np.maximum(gap[:, 1], 1e-3), np.maximum(gap[:, 2], 1e-3)
    pairs = np.maximum(pairs, 1e-9)
    variance = ONE_QUESTION**2 / 4 * (other / one / pairs[:, 0] + one / other / pairs[:, 1]) + 1 / pairs[:, 2]
    enough = (pairs >= FEWEST / 2).all(1) & (gap[:, 1:] > 0).all(1)
    return np.asarray(np.where(enough, gap[:, 0] / np.sqrt(variance), -1.0))


def _named(table: AnnotationTable, group: Mask, kappas: FloatArray) -> Camps:
    """The camps by name; of two of one size the one with fewer annotations is the smaller."""
    made = table.annotations_per_coder()
    if (group.sum(), made[group].sum()) > ((~group).sum(), made[~group].sum()):
        group, kappas = ~group, kappas[[1, 0, 2]]
    smaller = sorted(np.flatnonzero(group), key=lambda c: (-made[c], table.coders[c]))
    within, within_others, between = map(float, kappas)
    return Camps(tuple(table.coders[c] for c in smaller), int((~group).sum()), within, within_others, between)
