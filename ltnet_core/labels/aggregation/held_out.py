"""Annotations left out of a fit, and how well the fit predicts them from the others of the same item.

Votes are left out one by one: each item's are numbered, from an offset that a hash of the item's name
decides, and every fifth is in the same fold. Neither the order of rows nor names of coders matter. A soft
label is left out whole: one of its shares tells the others, whatever the truth is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...annotations import AnnotationTable, FloatArray
from .dawid_skene import log_floored
from .majority_vote import name_hash
from .unclear_items import Parameters, Rows, States

FOLDS = 5
MOST = 20_000  # left-out annotations that are predicted, of the items whose hash is smallest
CHUNK = 16_384
ROUNDING = 1e-10
LEAST = 1e-12  # probability of a left-out annotation
CORRELATIONS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Fold:
    """The rest of a table, and what was left out of it: (H,) entries and their counts."""

    rest: AnnotationTable
    item: NDArray[np.int32]
    coder: NDArray[np.int32]
    label: NDArray[np.int32]
    count: FloatArray


def folds(table: AnnotationTable, number: int = FOLDS) -> Iterator[Fold]:
    """``number`` of the five folds. Only annotations of items that keep another one are left out to be predicted."""
    count = table.count.astype(np.float64)
    answer, soft = answers(table)
    first_of_answer = np.append(True, np.diff(answer) != 0)[: len(answer)]
    units = np.where(soft, first_of_answer, count)  # a soft label is one vote
    before = np.concatenate([[0.0], np.cumsum(units)])[:-1]
    before = np.where(soft, before[np.flatnonzero(first_of_answer)][answer], before)
    units = np.where(soft, 1.0, units)
    first = np.searchsorted(table.item, np.arange(len(table.items)))
    start = before[first[table.item]] if len(table) else before
    hashes = name_hash(table.items)
    number_in_item = before - start + (hashes % FOLDS).astype(np.float64)[table.item]
    for fold in range(number):
        # How many of the numbers from the first to the last of these votes are this fold's.
        held = np.floor((number_in_item + units - 1 - fold) / FOLDS) - np.floor((number_in_item - 1 - fold) / FOLDS)
        share = np.minimum(held / units, 1.0)
        left = count * (1 - share)
        keep = share < 1
        rest = AnnotationTable.trusted(
            table.items, table.coders, table.classes, table.item[keep], table.coder[keep], table.label[keep],
            left[keep].astype(np.float32),
        )  # fmt: skip
        out = np.flatnonzero((share > 0) & rest.annotated()[table.item])
        if len(out) > MOST:
            order = np.argsort(hashes[table.item[out]], kind="stable")
            out = np.sort(out[order[:MOST]])
        yield Fold(rest, table.item[out], table.coder[out], table.label[out], (count * share)[out])


def answers(table: AnnotationTable) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(M,) number of the coder's answer about the item that an entry belongs to, and whether that is a soft label.

    Whole counts are votes, each of a person. An answer with another count is one soft label, spread over classes.
    """
    begins = np.append(True, (np.diff(table.item) != 0) | (np.diff(table.coder) != 0))[: len(table)]
    answer = np.cumsum(begins) - 1
    spread = np.bincount(answer, weights=table.count != np.round(table.count))
    return answer, (spread > 0)[answer]


def discounts(votes: FloatArray, correlation: float) -> FloatArray:
    """(P,1) weight of each annotation of items with so many ``votes`` (P,).

    1 / (1 + (n − 1)·ρ), the design effect of L. Kish, *Survey sampling*, 1965: n annotations whose errors
    have the correlation ρ tell as much as n / (1 + (n − 1)·ρ) independent ones.
    """
    return np.asarray(1 / (1 + np.maximum(votes - 1, 0) * correlation))[:, None]


@dataclass(frozen=True)
class LeftOut:
    """What was left out of a fold; equal annotations of items whose rest is equal are predicted once.

    Attributes
    ----------
    row, column : (D,) row of the rest, sorted, and coder·K + label. count, squares : (D,) sums of the counts and of
        their squares.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    count: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, fold: Fold, rows: Rows) -> LeftOut:
        """``rows`` are those of ``fold.rest``."""
        _, c, k = rows.shape
        key = rows.pattern_of[fold.item] * (c * k) + fold.coder.astype(np.int64) * k + fold.label
        different, number = np.unique(key, return_inverse=True)
        row, column = np.divmod(different, c * k)
        count, squares = (np.bincount(number, weights=fold.count**power).astype(np.float64) for power in (1, 2))
        return cls(row, column, count, squares)


def left_out_probability(rows: Rows, states: States, parameters: Parameters, left_out: LeftOut) -> FloatArray:
    """(ρ,D) probability of each left-out annotation given the others of its item, for each of ``CORRELATIONS``."""
    emissions = states.emissions(parameters.t, parameters.lean)
    log_e, log_share = log_floored(emissions[rows.columns]), np.log(parameters.share)
    out = np.zeros((len(CORRELATIONS), len(left_out.row)))
    begin = 0
    for part in rows.parts:
        end = begin + part.counts.shape[0]
        low, high = np.searchsorted(left_out.row, [begin, end])
        for position in range(low, high, CHUNK):
            some = slice(position, min(position + CHUNK, high))
            row, of_row = np.unique(left_out.row[some], return_inverse=True)
            evidence = np.asarray(part.counts[row - begin] @ log_e)
            said = emissions[left_out.column[some]]
            for i, correlation in enumerate(CORRELATIONS):
                r = _normalised(discounts(rows.votes[row], correlation) * evidence + log_share)
                out[i, some] = np.einsum("ds,ds->d", r[of_row], said)
        begin = end
    return np.maximum(out, LEAST)


def unaided_probability(states: States, parameters: Parameters, left_out: LeftOut) -> FloatArray:
    """(D,) probability of each left-out annotation as if its item had no other: what its coder says anyway."""
    emissions = states.emissions(parameters.t, parameters.lean)
    said: FloatArray = emissions[left_out.column] @ (parameters.share / parameters.share.sum())
    return np.maximum(said, LEAST)


def first_best(likely: FloatArray) -> int:
    """Flat index of the largest log probability, of those that differ by rounding alone the first.

    Where no item keeps two annotations every ρ predicts the left-out ones alike: then it is 0.
    """
    best = likely.max()
    return int(np.argmax(likely >= best - ROUNDING * abs(best)))


def truth(rows: Rows, states: States, parameters: Parameters, correlation: float) -> FloatArray:
    """(N,K) truth of every item, annotations discounted by ``correlation``; a row of NaN without annotation."""
    emissions = states.emissions(parameters.t, parameters.lean, rows.columns)
    log_e, log_share = log_floored(emissions), np.log(parameters.share)
    parts, begin = [], 0
    for part in rows.parts:
        votes = rows.votes[begin : begin + part.counts.shape[0]]
        joint = discounts(votes, correlation) * np.asarray(part.counts @ log_e) + log_share
        parts.append(states.truth(_normalised(joint), parameters.decided()))
        begin += len(votes)
    parts.append(np.full((1, states.classes), np.nan))
    return np.asarray(np.concatenate(parts)[rows.pattern_of])  # row −1 is the last


def _normalised(joint: FloatArray) -> FloatArray:
    r: FloatArray = np.exp(joint - joint.max(1, keepdims=True))
    r /= r.sum(1, keepdims=True)
    return r
