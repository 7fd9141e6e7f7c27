"""Dawid–Skene: truth and transition matrices from labels alone.

The EM algorithm of A. P. Dawid and A. M. Skene, *Maximum likelihood estimation of
observer error-rates using the EM algorithm*, Applied Statistics 28 (1979), 20–28,
on sparse annotations with counts. Given an own prior for each item (what a network
sees in the image) it is the same algorithm with that prior in place of the class
shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..annotations import AnnotationTable, FloatArray
from ..errors import OptionError

FLOOR = 1e-10
MOST_PATTERNS = 2_000_000


@dataclass(frozen=True)
class DawidSkene:
    """What EM found.

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
    tol : smallest rise of the bound, in nats per annotation, that goes on.
    item_prior : (N,K) distribution over the truth of each item before its annotations
        are read. It stays as given; without it the prior is one class share for all
        items, learned.
    pseudo_counts : (C,K,K) Dirichlet pseudo counts added to the expected counts; makes
        the estimate a MAP one, its log prior then belongs to the bound.

    Raises
    ------
    OptionError
        ``max_iter`` < 1 or ``tol`` < 0.
    """
    if max_iter < 1:
        raise OptionError(f"max_iter must be at least 1, got {max_iter}.")
    if tol < 0:
        raise OptionError(f"tol must not be negative, got {tol}.")
    n, c, k = table.shape
    pattern_of, rows, weight = _patterns(table) if item_prior is None else _no_patterns(table)
    place = np.full(n, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    kept = place[table.item] >= 0
    column = table.coder[kept].astype(np.int64) * k + table.label[kept]
    said = sparse.csr_matrix(
        (table.count[kept].astype(np.float64), (place[table.item[kept]], column)), shape=(len(rows), c * k)
    )
    said_t = said.T.tocsr()
    total, items = float(table.count.sum(dtype=np.float64)), float(weight.sum())
    extra = None if pseudo_counts is None else pseudo_counts.transpose(0, 2, 1).reshape(c * k, k)

    # log_t[c*K + l, k]: the transpose of T, so that one sparse product sums over an item's annotations.
    if item_prior is None:
        votes = said @ np.tile(np.eye(k), (c, 1))
        r: FloatArray = votes / votes.sum(1, keepdims=True)
        log_prior: FloatArray = _log(weight @ r / items)
    else:
        r = item_prior[rows] / item_prior[rows].sum(1, keepdims=True)
        log_prior = _log(r)
    counts, log_t = _m_step(said_t, weight[:, None] * r, extra, c, k)
    bound: list[float] = []
    converged = False
    for _ in range(max_iter):
        joint = said @ log_t + log_prior
        peak = joint.max(1, keepdims=True)
        r = np.exp(joint - peak)
        norm = r.sum(1, keepdims=True)
        r /= norm
        evidence = float(weight @ (peak + np.log(norm))[:, 0])
        counts, new_log_t = _m_step(said_t, weight[:, None] * r, extra, c, k)
        # E_q[log joint] + H(q) after the M step, from the pieces at hand: H(q) = evidence − E_q[old log joint].
        rise = float((counts * (new_log_t - log_t)).sum())
        if extra is not None:
            evidence += float((extra * log_t).sum())
            rise += float((extra * (new_log_t - log_t)).sum())
        if item_prior is None:
            share = weight @ r / items
            new_log_prior = _log(share)
            rise += items * float((share * (new_log_prior - log_prior)).sum())
            log_prior = new_log_prior
        log_t = new_log_t
        bound.append((evidence + rise) / total)
        if len(bound) > 1 and bound[-1] - bound[-2] < tol:
            converged = True
            break
    p = np.full((n, k), np.nan)
    seen = pattern_of >= 0
    p[seen] = r[pattern_of[seen]]
    transitions = np.exp(log_t).reshape(c, k, k).transpose(0, 2, 1)
    return DawidSkene(
        p,
        weight @ r / items,
        transitions / transitions.sum(2, keepdims=True),
        counts.reshape(c, k, k).transpose(0, 2, 1),
        bound,
        converged,
    )


Patterns = tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]


def _no_patterns(table: AnnotationTable) -> Patterns:
    """Every annotated item for itself; see :func:`_patterns`."""
    rows = np.flatnonzero(table.annotated())
    pattern_of = np.full(len(table.items), -1, dtype=np.int64)
    pattern_of[rows] = np.arange(len(rows))
    return pattern_of, rows, np.ones(len(rows))


def _patterns(table: AnnotationTable) -> Patterns:
    """Items that got the same labels from the same coders have the same posterior: EM needs each kind once.

    Returns the pattern of each item (N,), −1 without annotation; one item of each pattern
    (P,); and how many items have it (P,). With votes, or with so many coders that
    patterns hardly repeat, every item is its own.
    """
    n, c, k = table.shape
    size = (k + 1) ** c
    pair = table.item.astype(np.int64) * c + table.coder
    if size > MOST_PATTERNS or not (table.count == 1).all() or not (np.diff(pair) > 0).all():
        return _no_patterns(table)
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


def _log(p: FloatArray) -> FloatArray:
    return np.log(np.maximum(p, FLOOR))


def _m_step(
    said_t: sparse.csr_matrix, r: FloatArray, extra: FloatArray | None, c: int, k: int
) -> tuple[FloatArray, FloatArray]:
    """(C*K,K) expected counts and log transitions; a row without any evidence is uniform."""
    counts: NDArray[np.float64] = np.asarray(said_t @ r)
    cells = np.maximum(counts if extra is None else counts + extra, FLOOR).reshape(c, k, k)
    return counts, np.log(cells / cells.sum(1, keepdims=True)).reshape(c * k, k)
