"""Evidence behind T: annotations behind each row, and a 95 % interval of each cell.

Three things are uncertain: which labels a coder happened to give, the truth they are held against, which is itself
inferred, and p, which may err the same way on all images of a kind. So the items' likelihood

    L_n = Σ_j Σ_k p[n,j] M[j,k] Π_c T[c,k,a_nc]^w

has another matrix M beside T: how the network's classes lie to the truth. M is the identity up to an error whose
standard deviation is how often the network is undecided between the two classes. The covariance of T is the block of
T in the inverse of the information of (T[c], M), one coder at a time, the information being the sum of the squared
scores of the items (R. A. Louis, *Finding the observed information matrix when using the EM algorithm*, 1982).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import betaincinv

from ..annotations import AnnotationTable, FloatArray

NORMAL_95 = 1.959964  # ends of 95 % of a normal distribution

LEVEL = 0.95
LEAST_ERROR = 1e-4  # standard deviation of a cell of M
MOST_ASSUMED = 8.0  # covers on drawn crowds what it claims, see EXPERIMENTS.md
RIDGE = 1e-3  # information about a logit of T before there is any
LEAST_P = 1e-9
CERTAIN = 1e-9
NUMBERS = 4_000_000  # of one array
MOST_WORK = 2e10  # multiplications of all inversions; above, a row rests on Σ r² annotations
MOST_CELLS = 2e7  # numbers that all coders' scores add up to


@dataclass(frozen=True)
class Evidence:
    """How sure T is.

    Attributes
    ----------
    support : (C,K) number of annotations of known truth that would leave each row as uncertain as it is; at most
        Σ_n r[n,k]² · weight. An annotation with r = ½ for two classes counts a quarter for each.
    low, high : (C,K,K) ends of the 95 % interval of each cell, from a Beta distribution around it (Jeffreys' prior)
        with that much support and what the prior adds.
    """

    support: FloatArray
    low: FloatArray
    high: FloatArray


def evidence(
    r: FloatArray,
    table: AnnotationTable,
    transitions: FloatArray,
    p: FloatArray | None = None,
    weights: FloatArray | None = None,
    assumed: FloatArray | None = None,
) -> Evidence:
    """Evidence behind ``transitions`` (C,K,K) when the truth of the items is ``r`` (N,K).

    ``p`` (N,K) is the latent truth; without it the truth is taken as known to be ``r``. ``weights`` (E,) are the
    weights of the annotations, 1 by default. ``assumed`` (C,K) are the pseudo annotations of each row's prior. They
    are no support, but the prior comes from the other coders and makes the interval narrower: see :func:`rests_on`.
    """
    n, c, k = table.shape
    count = table.count.astype(np.float64) * (1.0 if weights is None else weights)
    counts_by_item = sparse.csr_matrix((count, (table.coder, table.item)), shape=(c, n))
    support: FloatArray = np.asarray(counts_by_item @ (r**2))
    held = np.zeros((c, k)) if assumed is None else np.minimum(assumed, MOST_ASSUMED)
    if p is not None and c * (2 * k * k) ** 3 <= MOST_WORK and c * k**4 * (k - 1) <= MOST_CELLS:
        variance = _variances(r, table, count, transitions, p, held)
        spread = (transitions * (1 - transitions)).sum(2)
        effective = np.clip(spread / np.maximum(variance.sum(2), 1e-12) - held, 0.0, support)
        support = np.where(spread > CERTAIN, effective, support)  # the fixed matrix of a coder does not vary
    return Evidence(support, *beta_interval(transitions, support if assumed is None else rests_on(support, assumed)))


def rests_on(support: FloatArray, assumed: FloatArray) -> FloatArray:
    """(C,K) annotations of known truth from which a row of T would be as sure as it is with its prior.

    A row of T is n / (n + s) what ``support`` n annotations show and s / (n + s) its prior of ``assumed`` s pseudo
    annotations. Coders differ more than the prior knows: it is as near to the row as m annotations would be, m = s but
    eight at most. The two errors are independent, so that the row is as near as (n + s)² / (n + s² / m) annotations.
    """
    trusted = np.clip(assumed, LEAST_P, MOST_ASSUMED)
    return np.asarray((support + assumed) ** 2 / np.maximum(support + assumed**2 / trusted, LEAST_P))


def beta_interval(transitions: FloatArray, support: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(C,K,K) each, ends of the 95 % interval of each cell of T when its row rests on ``support`` (C,K).

    A cell that fewer than one annotation speaks for may be 0, and one that fewer than one speaks against may be 1,
    as of a coder who never says a class: the plain interval holds neither (L. D. Brown, T. T. Cai and A. DasGupta,
    *Interval estimation for a binomial proportion*, 2001, the modified Jeffreys interval).
    """
    total = support[:, :, None]
    hits = transitions * total
    misses = total - hits
    low, high = (betaincinv(hits + 0.5, misses + 0.5, q) for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    low, high = np.where(hits < 1, 0.0, low), np.where(misses < 1, 1.0, high)
    return np.minimum(low, transitions), np.maximum(high, transitions)


def _variances(
    r: FloatArray,
    table: AnnotationTable,
    count: FloatArray,
    transitions: FloatArray,
    p: FloatArray,
    assumed: FloatArray,
) -> FloatArray:
    """(C,K,K) variance of each cell of T."""
    n, c, k = table.shape
    on = np.flatnonzero(table.annotated())
    width = k * (k - 1)
    sizes = (k * k, k * width)
    counts_by_label = sparse.csr_matrix(
        (count, (table.coder.astype(np.int64) * k + table.label, table.item)), shape=(c * k, n)
    )[:, on]
    truth, network = np.zeros((c * k, sizes[0])), np.zeros((c * k, sizes[1]))
    errors = np.diag(1 / network_errors(p[on]) ** 2)
    step = max(NUMBERS // sizes[1], 1)
    for begin in range(0, len(on), step):
        some = on[begin : begin + step]
        counts, r_some = counts_by_label[:, begin : begin + step], r[some]
        scores = _network_scores(p[some], r_some)
        # One class of r after another: the products of all of them at once would be K times as large.
        products = np.empty(scores.shape)
        for row in range(k):
            truth[:, row * k : (row + 1) * k] += counts @ (r_some[:, row, None] * r_some)
            np.multiply(r_some[:, row, None], scores, out=products)
            network[:, row * width : (row + 1) * width] += counts @ products
        errors += scores.T @ scores
    out = np.empty((c, k, k))
    inverse_errors: FloatArray = np.linalg.inv(errors).astype(np.float64, copy=False)
    for coder in range(c):
        rows = slice(coder * k, (coder + 1) * k)
        by_label = truth[rows].reshape(k, k, k), network[rows].reshape(k, k, -1)
        out[coder] = _variance(transitions[coder], *by_label, inverse_errors, assumed[coder])
    return out


def _variance(
    t: FloatArray, truth: FloatArray, network: FloatArray, inverse_errors: FloatArray, assumed: FloatArray
) -> FloatArray:
    """(K,K) variance of one coder's cells.

    ``t`` (K,K); sums over its annotations by label: ``truth`` (K,K,K) of r[k]·r[j], ``network`` (K,K,M) of r[k] times
    the score of M; ``inverse_errors`` (M,M) inverse of the information about M; ``assumed`` (K,) pseudo annotations of
    each row.
    """
    k = len(t)
    # The score of the logit of T[k,l] is r[k]·([l = label] − T[k,l]).
    by_row = truth.transpose(1, 0, 2)  # k, label, j
    own = np.zeros((k, k, k, k))
    for label in range(k):
        own[:, label, :, label] += truth[label]
    own -= by_row[:, :, :, None] * t[None, None]
    own -= t[:, :, None, None] * truth.transpose(1, 2, 0)[:, None]
    own += truth.sum(0)[:, None, :, None] * t[:, :, None, None] * t[None, None]
    slopes = t[:, :, None] * np.eye(k) - t[:, :, None] * t[:, None, :]
    own[np.arange(k), :, np.arange(k)] += assumed[:, None, None] * slopes
    cross = network.transpose(1, 0, 2) - t[:, :, None] * network.sum(0)[:, None]
    size = k * k
    # The block of T in the inverse of the whole information: the Schur complement of M's block, which all coders share.
    shared = cross.reshape(size, -1)
    information = own.reshape(size, size) - shared @ inverse_errors @ shared.T
    information[np.arange(size), np.arange(size)] += RIDGE
    covariance = np.linalg.inv(information).reshape(k, k, k, k)
    out = np.empty((k, k))
    for row in range(k):
        out[row] = np.einsum("ij,jk,ik->i", slopes[row], covariance[row, :, row], slopes[row])
    return np.maximum(out, 0.0)


def network_errors(p: FloatArray) -> FloatArray:
    """(K·(K − 1),) standard deviation of M's cells: Σ_n p[n,j]·p[n,k] / Σ_n p[n,j], j before k."""
    both = (p.T @ p) / np.maximum(p.sum(0), LEAST_P)[:, None]
    return np.asarray(np.maximum(both[~_diagonal(p.shape[1])], LEAST_ERROR))


def _network_scores(p: FloatArray, r: FloatArray) -> FloatArray:
    """(n,K·(K − 1)) derivative of log L_n by M[j,k] with the row's sum kept: p[j]·(r[k] / p[k] − r[j] / p[j])."""
    p = np.maximum(p, LEAST_P)
    ratio = r / p
    j, k = np.nonzero(~_diagonal(p.shape[1]))
    scores: FloatArray = ratio[:, k]
    scores -= ratio[:, j]
    scores *= p[:, j]
    return scores


def _diagonal(k: int) -> NDArray[np.bool_]:
    return np.eye(k, dtype=np.bool_)


def wilson(share: float, items: int) -> tuple[float, float]:
    """Ends of the 95 % interval of a share that was counted on so many items.

    E. B. Wilson, *Probable inference, the law of succession, and statistical inference*, 1927.
    """
    if not items:
        return 0.0, 1.0
    z2 = NORMAL_95**2 / items
    middle, half = share + z2 / 2, float(np.sqrt(z2 * (share * (1 - share) + z2 / 4)))
    low, high = (middle - half) / (1 + z2), (middle + half) / (1 + z2)
    return max(0.0, min(low, share)), min(1.0, max(high, share))  # rounding must not shut the share out


def difference_of_shares(first: float, items: int, second: float, other_items: int) -> tuple[float, float]:
    """Ends of the 95 % interval of ``first`` − ``second``, two shares counted on different items.

    R. G. Newcombe, *Interval estimation for the difference between independent proportions*, 1998, method 10. It never
    has the width 0, as the usual one has where both shares are 0 or 1.
    """
    (low, high), (other_low, other_high) = wilson(first, items), wilson(second, other_items)
    gap = first - second
    below = float(np.hypot(first - low, other_high - second))
    return gap - below, gap + float(np.hypot(high - first, second - other_low))
