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
from .majority_vote import majority_vote

FLOOR = 1e-10


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
    rows = np.flatnonzero(table.annotated())
    place = np.full(n, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    column = table.coder.astype(np.int64) * k + table.label
    said = sparse.csr_matrix((table.count.astype(np.float64), (place[table.item], column)), shape=(len(rows), c * k))
    said_t = said.T.tocsr()
    total = float(table.count.sum())
    extra = None if pseudo_counts is None else pseudo_counts.transpose(0, 2, 1).reshape(c * k, k)

    # log_t[c*K + l, k]: the transpose of T, so that one sparse product sums over an item's annotations.
    if item_prior is None:
        r = majority_vote(table)[rows]
        log_prior: FloatArray = _log(r.mean(0))
    else:
        r = item_prior[rows] / item_prior[rows].sum(1, keepdims=True)
        log_prior = _log(r)
    counts, log_t = _m_step(said_t, r, extra, c, k)
    bound: list[float] = []
    converged = False
    for _ in range(max_iter):
        joint = said @ log_t + log_prior
        peak = joint.max(1, keepdims=True)
        r = np.exp(joint - peak)
        norm = r.sum(1, keepdims=True)
        r /= norm
        evidence = float((peak + np.log(norm)).sum())
        counts, new_log_t = _m_step(said_t, r, extra, c, k)
        # E_q[log joint] + H(q) after the M step, from the pieces at hand: H(q) = evidence − E_q[old log joint].
        rise = float((counts * (new_log_t - log_t)).sum())
        if extra is not None:
            evidence += float((extra * log_t).sum())
            rise += float((extra * (new_log_t - log_t)).sum())
        if item_prior is None:
            share = r.mean(0)
            new_log_prior = _log(share)
            rise += len(rows) * float((share * (new_log_prior - log_prior)).sum())
            log_prior = new_log_prior
        log_t = new_log_t
        bound.append((evidence + rise) / total)
        if len(bound) > 1 and bound[-1] - bound[-2] < tol:
            converged = True
            break
    p = np.full((n, k), np.nan)
    p[rows] = r
    transitions = np.exp(log_t).reshape(c, k, k).transpose(0, 2, 1)
    return DawidSkene(
        p,
        np.exp(log_prior) if item_prior is None else r.mean(0),
        transitions / transitions.sum(2, keepdims=True),
        counts.reshape(c, k, k).transpose(0, 2, 1),
        bound,
        converged,
    )


def _log(p: FloatArray) -> FloatArray:
    return np.log(np.maximum(p, FLOOR))


def _m_step(
    said_t: sparse.csr_matrix, r: FloatArray, extra: FloatArray | None, c: int, k: int
) -> tuple[FloatArray, FloatArray]:
    """(C*K,K) expected counts and log transitions; a row without any evidence is uniform."""
    counts: NDArray[np.float64] = np.asarray(said_t @ r)
    cells = np.maximum(counts if extra is None else counts + extra, FLOOR).reshape(c, k, k)
    return counts, np.log(cells / cells.sum(1, keepdims=True)).reshape(c * k, k)
