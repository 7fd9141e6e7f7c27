"""The share that each annotation counts in the posterior, and the sharpness of the posterior.

Coders err on the same unclear items, and T models only errors that depend on the truth. For an item it was trained on,
p already holds part of its annotations. A product that takes them for independent is too sure. So:

    r[n,k] ∝ (p[n,k] · Π_c T[c,k,a_nc]^s_n)^β        s_n = δ / (1 + (n − 1)·ρ)

ρ is the correlation of errors (the design effect of L. Kish, *Survey sampling*, 1965). ρ and β are those under which
p and the other annotations of an item best predict each left-out one. δ is 1 for items held out from training. For
items learned from, δ is chosen so that the truth explains their annotations no better than it does those of held-out
items, whose p has not seen them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..annotations import AnnotationTable, FloatArray
from ..labels.aggregation import CORRELATIONS, answers, discounts, first_best
from ..labels.truth import FLOOR, posterior
from .calibration import FEWEST, soften

LEAST_SHARE = 0.25  # δ: below, the annotations of the items learned from would hardly count
FEWEST_LEFT_OUT, MOST_LEFT_OUT = 100, 50_000  # left-out annotations that can decide, and that need to
SHARPNESSES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
CHUNK = 8_192


def votes(table: AnnotationTable, coders: NDArray[np.bool_]) -> FloatArray:
    """(N,) annotations of each item by ``coders`` (C,)."""
    counted = table.count * coders[table.coder]
    return np.bincount(table.item, weights=counted, minlength=len(table.items)).astype(np.float64)


def item_shares(table: AnnotationTable, coders: NDArray[np.bool_], correlation: float) -> FloatArray:
    """(N,) s_n of each item's annotations by ``coders`` (C,), with δ = 1."""
    return discounts(votes(table, coders), correlation)[:, 0]


def annotation_shares(of_item: FloatArray, table: AnnotationTable, coders: NDArray[np.bool_]) -> FloatArray:
    """(E,) share of each annotation: that of its item, ``of_item`` (N,); 1 for coders not in ``coders`` (C,)."""
    return np.where(coders[table.coder], of_item[table.item], 1.0)


def fit_shared_errors(
    p: FloatArray, transitions: FloatArray, table: AnnotationTable, weights: FloatArray, coders: NDArray[np.bool_]
) -> tuple[float, float]:
    """ρ and β under which p (N,K), T (C,K,K) and an item's other annotations make each annotation most probable.

    Annotations of ``coders`` (C,) are left out one by one, soft labels whole, where their item has another; 0 and 1
    where there are fewer than 100 of them. ``weights`` (C,) are those of the posterior.
    """
    of_item = votes(table, coders)
    answer, soft = answers(table)
    whole = np.bincount(answer, weights=table.count)[answer]
    single = np.where(soft, whole, np.minimum(table.count, 1.0))  # one vote, of a soft label all of it
    has_another = of_item[table.item] - single > 1 - 1e-6
    entries = np.flatnonzero(coders[table.coder] & has_another & (weights[table.coder] > 0))
    entries = entries[:: max(-(-len(entries) // MOST_LEFT_OUT), 1)]
    if len(entries) < FEWEST_LEFT_OUT:
        return 0.0, 1.0
    t = np.maximum(transitions, FLOOR)
    log_t = np.log(t)
    own = coders[table.coder]
    log_terms = log_t[table.coder[own], :, table.label[own]] * (table.count * weights[table.coder])[own][:, None]
    sums = np.stack([np.bincount(table.item[own], weights=column, minlength=len(p)) for column in log_terms.T], axis=1)
    spread = np.stack([np.bincount(answer[own], weights=column) for column in log_terms.T], axis=1)
    likely = np.zeros((len(CORRELATIONS), len(SHARPNESSES)))
    for begin in range(0, len(entries), CHUNK):
        at = entries[begin : begin + CHUNK]
        item, coder, label = table.item[at], table.coder[at], table.label[at]
        log_p, said = np.log(np.maximum(p[item], FLOOR)), t[coder, :, label]
        out = single[at]
        left = np.where(soft[at][:, None], spread[answer[at]], (out * weights[coder])[:, None] * log_t[coder, :, label])
        others = sums[item] - left
        for i, correlation in enumerate(CORRELATIONS):
            joint = log_p + discounts(of_item[item] - out, correlation) * others
            joint -= joint.max(1, keepdims=True)
            for j, beta in enumerate(SHARPNESSES):
                r = np.exp(beta * joint)
                likely[i, j] += table.count[at] @ np.log(np.einsum("ek,ek->e", r, said) / r.sum(1))
    best, sharpest = divmod(first_best(likely), len(SHARPNESSES))
    return CORRELATIONS[best], SHARPNESSES[sharpest]


def learned_share(
    p: FloatArray,
    transitions: FloatArray,
    table: AnnotationTable,
    weights: FloatArray,
    of_item: FloatArray,
    beta: float,
    coders: NDArray[np.bool_],
    train: NDArray[np.int64],
    held_out: NDArray[np.int64],
) -> float:
    """δ of the items learned from: ``train`` and ``held_out`` are annotated items; 1 with fewer than 20 held out.

    ``of_item`` (N,) are the shares of the annotations by ``coders`` (C,) for δ = 1.
    """
    if len(held_out) < FEWEST or not len(train):
        return 1.0
    t = np.maximum(transitions, FLOOR)
    counted = np.flatnonzero(coders[table.coder] & (weights[table.coder] > 0))

    def fit(delta: float, items: NDArray[np.int64]) -> float:
        """Mean log probability of the items' annotations under the truth that these annotations are part of."""
        shares = of_item.copy()
        shares[items] *= delta
        r = soften(posterior(p, transitions, table, weights, annotation_shares(shares, table, coders)), 1 / beta)
        chosen = np.zeros(len(p), dtype=np.bool_)
        chosen[items] = True
        at = counted[chosen[table.item[counted]]]
        likely = np.einsum("ek,ek->e", r[table.item[at]], t[table.coder[at], :, table.label[at]])
        return float(np.average(np.log(likely), weights=table.count[at])) if len(at) else 0.0

    target = fit(1.0, held_out)

    def too_well(delta: float) -> float:
        return fit(delta, train) - target

    if too_well(1.0) <= 0:
        return 1.0
    if too_well(LEAST_SHARE) >= 0:
        return LEAST_SHARE
    return float(brentq(too_well, LEAST_SHARE, 1.0, xtol=1e-3))
