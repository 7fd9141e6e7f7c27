"""The lapse rate: what a coder gets wrong on clear images, apart from what the network has not learned."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from ltnet_core.learning.lapse_rate import MEANS, LapseRate, lapse_rate

CLASSES = 5


def labels(
    rates: list[float], n: int, shift: float, slope: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log odds of a network's first choices, those choices, and whether a coder with these lapse rates met them.

    ``shift`` and ``slope`` say how well the network was trained.
    """
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(rates), n)
    log_odds = rng.normal(0.5, 1.5, n)
    met = rng.random(n) < (1 - np.asarray(rates)[first]) * expit(shift + slope * log_odds)
    return log_odds, first, met


@pytest.mark.parametrize(("shift", "slope"), [(-0.5, 0.8), (0.0, 1.0), (2.0, 1.5)])
def test_it_does_not_depend_on_how_well_the_network_was_trained(shift: float, slope: float) -> None:
    good = lapse_rate(*labels([0.02] * CLASSES, 5000, shift, slope))
    bad = lapse_rate(*labels([0.3] * CLASSES, 5000, shift, slope))
    assert good.mean < 0.1
    assert good.below(0.2) > 0.9
    assert bad.mean == pytest.approx(0.3, abs=0.1)
    assert bad.below(0.15) < 0.05


def test_every_class_counts_however_rare() -> None:
    """The network sees the one class that the coder confuses in one of nine images."""
    rng = np.random.default_rng(3)
    n = 3000
    first = np.where(rng.random(n) < 1 / 9, 0, 1 + rng.integers(0, 2, n))
    log_odds = rng.normal(1.0, 1.5, n)
    met = rng.random(n) < np.where(first == 0, 0.4, 1.0) * expit(log_odds)
    assert lapse_rate(log_odds, first, met).below(0.1) < 0.7
    assert lapse_rate(log_odds, first, rng.random(n) < expit(log_odds)).below(0.1) > 0.95


def test_few_labels_leave_it_open() -> None:
    few = lapse_rate(*labels([0.02] * CLASSES, 15, 0.0, 1.0))
    assert few.below(0.1) < 0.8
    nothing = lapse_rate(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_))
    np.testing.assert_allclose(nothing.probability, 1 / len(MEANS))
    # Of an image that shows the network nothing, a label that it misses tells nothing either.
    unseen = lapse_rate(np.array([-1000.0]), np.array([0]), np.array([False]))
    np.testing.assert_allclose(unseen.probability, 1 / len(MEANS))


def test_a_coder_who_is_always_met_never_lapses_and_one_who_never_is_does() -> None:
    log_odds, first, _ = labels([0.0] * CLASSES, 500, 0.0, 1.0)
    assert lapse_rate(log_odds + 20, first, np.ones(500, dtype=np.bool_)).mean < 0.02
    assert lapse_rate(log_odds + 20, first, np.zeros(500, dtype=np.bool_)).mean > 0.4


def test_the_probability_below_a_rate_is_that_of_smaller_means() -> None:
    rate = LapseRate(np.full(len(MEANS), 1 / len(MEANS)))
    assert rate.below(0.1) == pytest.approx(0.2)
    assert (rate.below(0.0), rate.below(1.0)) == (0.0, pytest.approx(1.0))
    assert rate.mean == pytest.approx(0.25)
