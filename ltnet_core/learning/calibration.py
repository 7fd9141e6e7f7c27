"""Calibration: one temperature τ for p, chosen on annotations held out from training.

C. Guo et al., *On calibration of modern neural networks*, ICML 2017, with one change: the
truth of the held-out items is not known, so the temperature is the one under which p·T
best predicts what the coders said of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ..annotations import AnnotationTable, FloatArray

RANGE = (0.25, 4.0)
FEWEST = 20
FLOOR = 1e-12


def temperature(p: FloatArray, transitions: FloatArray, table: AnnotationTable, items: NDArray[np.int64]) -> float:
    """The τ that maximises Σ_n log Σ_k p_τ[n,k] Π_c T[c,k,a_nc] over ``items``, with p_τ ∝ p^(1/τ).

    ``p`` is (N,K), ``transitions`` (C,K,K), ``items`` (n,) indices. 1 with fewer than 20 items.
    """
    if len(items) < FEWEST:
        return 1.0
    held_out = _of(table, items)
    log_t = np.log(np.maximum(transitions, FLOOR))
    log_terms = log_t[held_out.coder, :, held_out.label] * held_out.count[:, None]
    evidence = np.stack(
        [np.bincount(held_out.item, weights=column, minlength=len(p)) for column in log_terms.T], axis=1
    )

    def loss(log_tau: float) -> float:
        log_p = np.log(soften(p[items], float(np.exp(log_tau))))
        return -float(np.logaddexp.reduce(log_p + evidence[items], axis=1).sum())

    return _best(loss)


def plain_temperature(p: FloatArray, table: AnnotationTable, items: NDArray[np.int64]) -> float:
    """The τ that maximises Σ log p_τ[n,a] over the annotations a of ``items``: for a network without T."""
    if len(items) < FEWEST:
        return 1.0
    held_out = _of(table, items)
    count = held_out.count.astype(np.float64)

    def loss(log_tau: float) -> float:
        log_p = np.log(soften(p[held_out.item], float(np.exp(log_tau))))
        return -float(count @ log_p[np.arange(len(count)), held_out.label])

    return _best(loss) if len(count) else 1.0


def _of(table: AnnotationTable, items: NDArray[np.int64]) -> AnnotationTable:
    mask = np.zeros(len(table.items), dtype=np.bool_)
    mask[items] = True
    return table.keep_items(mask)


def _best(loss: Callable[[float], float]) -> float:
    low, high = np.log(RANGE)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def soften(p: FloatArray, tau: float) -> FloatArray:
    """(N,K) p^(1/τ) with rows that sum to 1. τ above 1 makes p less sure, τ below 1 surer."""
    log_p = np.log(np.maximum(p, FLOOR)) / tau
    out: FloatArray = np.exp(log_p - log_p.max(1, keepdims=True))
    out /= out.sum(1, keepdims=True)
    return np.maximum(out, FLOOR)
