"""Many coders with few annotations each: every matrix is pulled towards what the crowd is like.

A coder with five labels cannot have a matrix of its own. Empirical Bayes: each row of T
gets a Dirichlet prior whose mean is the crowd's row, with more or fewer errors as this
coder makes more or fewer than the crowd, and whose strength is the one that makes the
rows seen most probable. A coder with much evidence keeps its own matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from ...annotations import AnnotationTable, FloatArray
from .dawid_skene import DawidSkene, as_estimate, dawid_skene
from .estimate import Estimate

NAME = "shrunk-dawid-skene"

ROUNDS = 10
STRENGTHS = 2.0 ** np.arange(0, 8)  # pseudo annotations per row
ERRORS = 2.0  # pseudo errors behind a coder's error ratio
SMOOTHING = 0.1  # pseudo annotations per cell of the crowd's matrix
CHANGE = 1e-4
CERTAIN = 1e9  # pseudo annotations on the diagonal of a coder whose labels are the truth


def shrunk_dawid_skene(
    table: AnnotationTable,
    *,
    max_iter: int = 100,
    tol: float = 1e-5,
    item_prior: FloatArray | None = None,
    certain: NDArray[np.bool_] | None = None,
    prior: Callable[[FloatArray], FloatArray] | None = None,
) -> DawidSkene:
    """Dawid–Skene with matrices shrunk towards the crowd's; parameters as in :func:`dawid_skene`.

    EM and the prior take turns until the posteriors stop moving. The labels of coders
    ``certain`` (C,) are the truth: their T is the identity and has no part in the crowd's.
    ``prior`` makes the pseudo counts (C,K,K) of expected counts; by default :func:`crowd_prior`.
    """
    prior = prior or crowd_prior
    _, c, k = table.shape
    fixed = np.zeros(c, dtype=np.bool_) if certain is None else certain
    pseudo_counts = np.full((c, k, k), 1.0 / k) + np.eye(k)
    pseudo_counts[fixed] = CERTAIN * np.eye(k)
    fitted = dawid_skene(table, max_iter=max_iter, tol=tol, item_prior=item_prior, pseudo_counts=pseudo_counts)
    for _ in range(ROUNDS):
        before = fitted.p
        pseudo_counts[~fixed] = prior(fitted.counts[~fixed])
        fitted = dawid_skene(table, max_iter=max_iter, tol=tol, item_prior=item_prior, pseudo_counts=pseudo_counts)
        if np.nanmean(np.abs(fitted.p - before)) < CHANGE:
            break
    return fitted


def crowd_prior(counts: FloatArray) -> FloatArray:
    """(C,K,K) pseudo counts for the rows of T, from the (C,K,K) annotations behind each cell.

    The strength is at most the number of coders: a few coders cannot say what the next
    one will be like.
    """
    c, k, _ = counts.shape
    pooled = counts.sum(0) + SMOOTHING
    crowd = pooled / pooled.sum(1, keepdims=True)
    wrong = crowd * (1 - np.eye(k))
    rows = counts.sum(2)
    made = rows.sum(1) - counts.diagonal(axis1=1, axis2=2).sum(1)
    ratio = (made + ERRORS) / (rows @ wrong.sum(1) + ERRORS)
    # No more errors than a coder makes who does not look: the classes as often as the crowd names them.
    ratio = np.minimum(ratio[:, None], (1 - 1 / k) / np.maximum(wrong.sum(1), 1e-9))
    mean = ratio[:, :, None] * wrong
    mean += np.eye(k) * (1 - mean.sum(2))[:, :, None]
    likely = [_log_evidence(counts, s * mean) for s in STRENGTHS if s <= max(c, STRENGTHS[0])]
    return np.asarray(STRENGTHS[int(np.argmax(likely))] * mean)


def _log_evidence(counts: FloatArray, prior: FloatArray) -> float:
    """Log probability of all rows of (expected) counts under Dirichlet-multinomials, up to a constant."""
    row, prior_row = counts.sum(2), prior.sum(2)
    cells = (gammaln(counts + prior) - gammaln(prior)).sum()
    return float(cells + (gammaln(prior_row) - gammaln(prior_row + row)).sum())


def estimate(table: AnnotationTable) -> Estimate:
    """The method ``shrunk-dawid-skene``."""
    return as_estimate(shrunk_dawid_skene(table), table)
