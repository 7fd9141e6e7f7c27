"""Dawid–Skene: truth and transition matrices from labels alone.

The EM algorithm of A. P. Dawid and A. M. Skene, *Maximum likelihood estimation of
observer error-rates using the EM algorithm*, Applied Statistics 28 (1979), 20–28,
on sparse annotations with counts. Given an own prior for each item (what a network
sees in the image) it is the same algorithm with that prior in place of the class
shares.
"""

from __future__ import annotations

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ...annotations import AnnotationTable, FloatArray
from ...errors import OptionError
from ..identifiability import undetermined
from .estimate import Estimate
from .majority_vote import most_probable

NAME = "dawid-skene"

FLOOR = 1e-10
LOG_FLOOR = -60.0  # no log probability of a cell is below: FLOOR over the largest conceivable count
DEEPEST = 700.0  # exp(−700) is still a normal number
PART = 16_384
TRUST = 0.7  # in every coder, before anything is known of them
MOST_PATTERNS = 2_000_000
TOO_SURE = (
    "The confidence takes the errors of coders for independent and their matrices for known, so it is mostly too high; "
    "auto allows for both."
)


@dataclass(frozen=True)
class DawidSkene:
    """The estimate of EM.

    Attributes
    ----------
    p : (N,K) posterior of the truth; a row of NaN where an item has no annotation.
    prior : (K,) class shares.
    transitions : (C,K,K), ``[c,k,l]`` = P(coder c says l | truth is k); rows sum to 1.
    counts : (C,K,K) expected annotations behind each cell.
    bound : evidence lower bound per annotation after every iteration; never falls.
    converged : whether the last rise was below the tolerance.
    """

    p: FloatArray
    prior: FloatArray
    transitions: FloatArray
    counts: FloatArray
    bound: list[float]
    converged: bool


def dawid_skene(
    table: AnnotationTable,
    *,
    max_iter: int = 100,
    tol: float = 1e-5,
    item_prior: FloatArray | None = None,
    pseudo_counts: FloatArray | None = None,
) -> DawidSkene:
    """Run EM from the majority vote (or from ``item_prior``) until the bound rises by less than ``tol``.

    Parameters
    ----------
    max_iter : most iterations, at least 1.
    tol : smallest rise of the bound, in nats per annotation, that goes on; a negative one does all
        ``max_iter`` iterations.
    item_prior : (N,K) distribution over the truth of each item before its annotations
        are read. It stays as given; without it the prior is one class share for all
        items, learned.
    pseudo_counts : (C,K,K) Dirichlet pseudo counts added to the expected counts; makes
        the estimate a MAP one, its log prior then belongs to the bound.

    Raises
    ------
    OptionError
        ``max_iter`` < 1 or ``tol`` is NaN.
    """
    if max_iter < 1:
        raise OptionError(f"max_iter must be at least 1, got {max_iter}.")
    if math.isnan(tol):
        raise OptionError("tol must be a number, got NaN.")
    _, c, k = table.shape
    pattern_of, rows, weight = find_patterns(table) if item_prior is None else every_item(table)
    fixed = None if item_prior is None else log_floored(item_prior[rows] / item_prior[rows].sum(1, keepdims=True))
    parts = cut_into_parts(table, rows, weight, fixed)
    extra = None if pseudo_counts is None else pseudo_counts.transpose(0, 2, 1).reshape(c * k, k)
    total, items = float(table.count.sum(dtype=np.float64)), float(weight.sum())
    bound: list[float] = []
    converged = False
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        # Added up in the order of the parts, whichever thread was first: the result is always the same.
        expected = functools.reduce(Expected.plus, pool.map(lambda part: part.start(c, k), parts))
        log_t, log_prior = _maximise(expected.counts, extra, c, k), log_floored(expected.share / items)
        for _ in range(max_iter):
            before = log_t, log_prior
            expected = functools.reduce(Expected.plus, pool.map(Part.expect, parts, repeat(log_t), repeat(log_prior)))
            log_t = _maximise(expected.counts, extra, c, k)
            # E_q[log joint] + H(q) after the M step, from the pieces at hand: H(q) = evidence − E_q[old log joint].
            moved = expected.counts if extra is None else expected.counts + extra
            now = expected.evidence + float((moved * (log_t - before[0])).sum())
            if extra is not None:
                now += float((extra * before[0]).sum())
            if fixed is None:
                log_prior = log_floored(expected.share / items)
                now += float(expected.share @ (log_prior - before[1]))
            bound.append(now / total)
            if len(bound) > 1 and bound[-1] - bound[-2] < tol:
                converged = True
                break
        r = np.concatenate([*(part.posterior(*before)[0] for part in parts), np.full((1, k), np.nan)])
    transitions = np.exp(log_t).reshape(c, k, k).transpose(0, 2, 1)
    return DawidSkene(
        r[pattern_of],  # pattern −1 is the last row
        expected.share / items,
        transitions / transitions.sum(2, keepdims=True),
        expected.counts.reshape(c, k, k).transpose(0, 2, 1),
        bound,
        converged,
    )


@dataclass(frozen=True)
class Expected:
    """What an E step adds up: (C*K,K) annotations by truth, (K,) items by truth, log evidence in nats."""

    counts: FloatArray
    share: FloatArray
    evidence: float

    def plus(self, other: Expected) -> Expected:
        return Expected(self.counts + other.counts, self.share + other.share, self.evidence + other.evidence)


@dataclass(frozen=True)
class Part:
    """Some thousand items, few enough that an iteration over them stays in the processor's cache.

    Attributes
    ----------
    counts, transposed : (P,C*K) sparse, how often each item has label l from coder c (column c*K + l); and (C*K,P).
    weight : (P,1) how many items each row stands for; ``single`` where that is one for all.
    log_prior : (P,K) where every item has its own, else None.
    deep : whether the log joint may leave the range of ``exp``.
    """

    counts: sparse.csr_matrix
    transposed: sparse.csc_matrix
    weight: FloatArray
    single: bool
    log_prior: FloatArray | None
    deep: bool

    def start(self, c: int, k: int) -> Expected:
        """The E step before there is a T: shares of the votes, or the item prior with T[c,k,k] = .7 for all coders."""
        if self.log_prior is not None:
            trusting = np.full((k, k), (1 - TRUST) / (k - 1)) + (TRUST - (1 - TRUST) / (k - 1)) * np.eye(k)
            return self._sums(self.posterior(np.tile(np.log(trusting), (c, 1)), self.log_prior)[0], 0.0)
        return self.voted(np.tile(np.eye(k), (c, 1)))

    def voted(self, said: FloatArray) -> Expected:
        """The E step from shares of the votes; ``said`` (columns,K) is the class of each column, one-hot."""
        votes = self.counts @ said
        return self._sums(votes / votes.sum(1, keepdims=True), 0.0)

    def only(self, columns: NDArray[np.int64]) -> Part:
        """The same items with these columns of ``counts``; the others have to be empty."""
        counts = self.counts[:, columns]
        return replace(self, counts=counts, transposed=counts.T)

    def expect(self, log_t: FloatArray, log_prior: FloatArray) -> Expected:
        """The E step. ``log_t[c*K + l, k]`` is T transposed, so that one sparse product sums an item's annotations."""
        r, log_norm = self.posterior(log_t, log_prior)
        return self._sums(r, float((self.weight * log_norm).sum()))

    def posterior(self, log_t: FloatArray, log_prior: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(P,K) truth of each row and (P,1) log of its evidence."""
        joint: FloatArray = self.counts @ log_t
        joint += log_prior if self.log_prior is None else self.log_prior
        peak = joint.max(1, keepdims=True) if self.deep else None
        if peak is not None:
            joint -= peak
        np.exp(joint, out=joint)
        norm = joint @ np.ones((joint.shape[1], 1))
        joint /= norm
        log_norm = np.log(norm)
        return joint, log_norm if peak is None else log_norm + peak

    def _sums(self, r: FloatArray, evidence: float) -> Expected:
        if not self.single:
            r = self.weight * r
        return Expected(np.asarray(self.transposed @ r), np.ones(len(r)) @ r, evidence)


def cut_into_parts(
    table: AnnotationTable, rows: NDArray[np.int64], weight: FloatArray, log_prior: FloatArray | None
) -> list[Part]:
    """Cut the annotations of these items into parts. Entries are sorted by item, so a part is a run of them."""
    n, c, k = table.shape
    size = np.bincount(table.item, minlength=n)
    first = np.cumsum(size) - size
    column = table.coder.astype(np.int32) * k + table.label
    parts = []
    for begin in range(0, len(rows), PART):
        some = rows[begin : begin + PART]
        pointer = np.concatenate([[0], np.cumsum(size[some])])
        entry = np.repeat(first[some] - pointer[:-1], size[some]) + np.arange(pointer[-1])
        count = table.count[entry].astype(np.float64)
        counts = sparse.csr_matrix((count, column[entry], pointer), shape=(len(some), c * k))
        heaviest = float(np.add.reduceat(count, pointer[:-1]).max())
        parts.append(
            Part(
                counts,
                counts.T,
                weight[begin : begin + PART, None],
                bool((weight[begin : begin + PART] == 1).all()),
                None if log_prior is None else log_prior[begin : begin + PART],
                deep=-(heaviest + 1) * LOG_FLOOR > DEEPEST,
            )
        )
    return parts


Patterns = tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]


def every_item(table: AnnotationTable) -> Patterns:
    """Every annotated item for itself; see :func:`find_patterns`."""
    rows = np.flatnonzero(table.annotated())
    pattern_of = np.full(len(table.items), -1, dtype=np.int64)
    pattern_of[rows] = np.arange(len(rows))
    return pattern_of, rows, np.ones(len(rows))


def find_patterns(table: AnnotationTable) -> Patterns:
    """Items that got the same labels from the same coders have the same posterior: EM needs each kind once.

    Returns the pattern of each item (N,), −1 without annotation; one item of each pattern
    (P,); and how many items have it (P,). With votes, or with so many coders that
    patterns hardly repeat, every item is its own.
    """
    n, c, k = table.shape
    size = (k + 1) ** c
    pair = table.item.astype(np.int64) * c + table.coder
    if size > MOST_PATTERNS or not (table.count == 1).all() or not (np.diff(pair) > 0).all():
        return every_item(table)
    digit = (k + 1.0) ** np.arange(c)
    code = np.bincount(table.item, weights=(table.label + 1) * digit[table.coder], minlength=n).astype(np.int64)
    often = np.bincount(code, minlength=size)
    often[0] = 0  # items without annotation
    present = np.flatnonzero(often)
    number = np.full(size, -1, dtype=np.int64)
    number[present] = np.arange(len(present))
    pattern_of = number[code]
    example = np.full(size, -1, dtype=np.int64)
    example[code] = np.arange(n)
    return pattern_of, example[present], often[present].astype(np.float64)


def log_floored(p: FloatArray) -> FloatArray:
    return np.log(np.maximum(p, FLOOR))


def _maximise(counts: FloatArray, extra: FloatArray | None, c: int, k: int) -> FloatArray:
    """The M step: (C*K,K) log transitions from expected counts; a row without any evidence is uniform."""
    cells = np.maximum(counts if extra is None else counts + extra, FLOOR).reshape(c, k, k)
    log_t: FloatArray = np.log(cells / cells.sum(1, keepdims=True)).reshape(c * k, k)
    return log_t


def estimate(table: AnnotationTable) -> Estimate:
    """The method ``dawid-skene``."""
    return as_estimate(dawid_skene(table), table)


def as_estimate(fitted: DawidSkene, table: AnnotationTable) -> Estimate:
    note = " ".join(part for part in (TOO_SURE, undetermined(table)) if part)
    return Estimate(fitted.p, most_probable(fitted.p, table), lambda: fitted.transitions, note)
