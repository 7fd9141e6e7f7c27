"""How T starts: how far a network is trusted, and what that makes of T."""

from __future__ import annotations

import numpy as np
import pytest

from ltnet_core.datasets.crowd import draw_crowd
from ltnet_core.ipa2lt import SHARPEST, first_matrices, sharpened
from ltnet_core.settings import make_settings


def seen(truth: np.ndarray, right: float, classes: int, seed: int = 0) -> np.ndarray:
    """What a network sees that is right on this share of the items: (N,K), lukewarm."""
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(len(truth)) < right, truth, rng.integers(0, classes, len(truth)))
    return 0.5 / classes + 0.5 * np.eye(classes)[said]


@pytest.mark.parametrize(("right", "low", "high"), [(0.0, 0.0, 0.12), (0.2, 0.1, 0.5), (0.9, 0.6, SHARPEST + 1e-9)])
def test_a_network_is_trusted_as_far_as_it_agrees_with_held_out_annotations(
    right: float, low: float, high: float
) -> None:
    crowd = draw_crowd(items=3000, annotators=6, labels_per_item=2, classes=5, seed=2)
    sharp = sharpened(seen(crowd.truth, right, 5), crowd.table, np.arange(1500))
    np.testing.assert_allclose(sharp.sum(1), 1)
    assert low <= sharp.max() - sharp.min() <= high


def test_without_held_out_annotations_a_network_is_not_trusted() -> None:
    crowd = draw_crowd(items=100, annotators=3, labels_per_item=2, classes=4)
    sharp = sharpened(seen(crowd.truth, 0.9, 4), crowd.table, np.zeros(0, dtype=np.int64))
    np.testing.assert_allclose(sharp, 0.25)


def test_a_network_that_learned_nothing_does_no_harm_and_a_good_one_helps() -> None:
    crowd = draw_crowd(items=1500, annotators=4, labels_per_item=1.3, classes=5, seed=5)
    held_out, settings = np.arange(500), make_settings("quick")
    error = {}
    for right in (0.0, 0.9):
        trusted = sharpened(seen(crowd.truth, right, 5), crowd.table, held_out)
        start, prior = first_matrices(crowd.table, trusted, settings)
        error[right] = np.abs(start - crowd.transitions).mean()
        np.testing.assert_allclose(start.sum(2), 1)
        assert prior.shape == start.shape
    alone = np.abs(first_matrices(crowd.table, None, settings)[0] - crowd.transitions).mean()
    assert error[0.0] < alone + 0.03
    assert error[0.9] < 0.7 * alone
