"""How often a coder's label is missed however sure the network is: the rate at which it errs on clear images.

A network that trained for a few steps misses many labels, but the fewer the surer it is. A coder who confuses classes
does so on clear images as well, and its labels are missed even where the network is surest. The psychometric function
tells the two apart (F. A. Wichmann and N. J. Hill, *The psychometric function: I. Fitting, sampling, and goodness of
fit*, Perception & Psychophysics 63, 2001, doi:10.3758/BF03194544):

    P(label met | the network's first choice is k, with log odds m) = (1 − λ_k) · σ(a_k + b·m)

λ_k is the lapse rate; how well the network was trained is in a_k and b. The rates of the classes spread around the
coder's mean rate μ: λ_k ~ Beta(10·μ, 10·(1 − μ)), a_k ~ N(0, 1.5²), log b ~ N(0, 1), μ uniform up to ½. Everything
but μ is summed out on a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit, logsumexp

from ..annotations import FloatArray

STRENGTH = 10.0  # how alike the rates of a coder's classes are, in pseudo labels
MEANS = (np.arange(50) + 0.5) / 100
RATE_ENDS = np.linspace(0, 0.6, 49)  # a rate above is as good as 0.6
SLOPES = 2.0 ** np.arange(-3, 3.5, 0.5)
OFFSET_SD = 1.5
OFFSETS = np.linspace(-4, 4, 25)
LEAST = 1e-300


@dataclass(frozen=True)
class LapseRate:
    """Posterior of μ: the probability (50,) of each of ``MEANS``."""

    probability: FloatArray

    @property
    def mean(self) -> float:
        return float(self.probability @ MEANS)

    def below(self, rate: float) -> float:
        """Probability that μ is smaller."""
        return float(self.probability[rate > MEANS].sum())


def lapse_rate(log_odds: FloatArray, first: NDArray[np.int64], met: NDArray[np.bool_]) -> LapseRate:
    """The lapse rate of a coder from its labels of held-out images.

    ``log_odds`` (n,) are those of the network's ``first`` choices (n,), ``met`` (n,) whether a label is that choice.
    """
    ends = betainc(STRENGTH * MEANS[:, None], STRENGTH * (1 - MEANS[:, None]), RATE_ENDS)
    ends[:, -1] = 1.0
    log_rate = np.log(np.maximum(np.diff(ends), LEAST))
    log_slope = -0.5 * np.log(SLOPES) ** 2
    log_offset = -0.5 * (OFFSETS / OFFSET_SD) ** 2
    rates = (RATE_ENDS[1:] + RATE_ENDS[:-1]) / 2
    likely = np.zeros((len(MEANS), len(SLOPES)))
    for k in np.unique(first):
        on = first == k
        known = SLOPES[:, None, None] * log_odds[on] + OFFSETS[:, None]  # slope, offset, label
        hits = -np.logaddexp(0, -known[:, :, met[on]]).sum(2)
        missed, number = expit(known[:, :, ~met[on]]), int(met[on].sum())
        by_rate = np.stack([hits + number * np.log1p(-rate) + np.log1p((rate - 1) * missed).sum(2) for rate in rates])
        by_rate = logsumexp(by_rate + log_offset, axis=2)
        likely += logsumexp(log_rate[:, :, None] + by_rate, axis=1)
    log_probability = logsumexp(likely + log_slope, axis=1)
    return LapseRate(np.exp(log_probability - logsumexp(log_probability)))
