"""Temperature: found again where it was planted, also through noisy labels."""

from __future__ import annotations

import numpy as np
import pytest

from ltnet_core.annotations import AnnotationTable
from ltnet_core.learning.calibration import plain_temperature, soften, temperature
from ltnet_core.runs.evaluation import calibration_error

PLANTED_T = np.array(
    [[[0.8, 0.2, 0.0], [0.1, 0.7, 0.2], [0.0, 0.1, 0.9]], [[0.6, 0.2, 0.2], [0.3, 0.7, 0.0], [0.1, 0.1, 0.8]]]
)


def drawn(tau: float, n: int = 6000) -> tuple[np.ndarray, np.ndarray, AnnotationTable]:
    """Overconfident p (N,3), the truth drawn from p softened by ``tau``, annotations of two coders."""
    rng = np.random.default_rng(0)
    p = soften(rng.dirichlet(np.ones(3), n), 1 / tau)
    truth = (rng.random(n)[:, None] > soften(p, tau).cumsum(1)).sum(1)
    labels = np.stack([(rng.random(n)[:, None] > t[truth].cumsum(1)).sum(1).clip(max=2) for t in PLANTED_T], axis=1)
    item, coder = np.divmod(np.arange(2 * n), 2)
    table = AnnotationTable(
        np.array([f"{i:05d}" for i in range(n)], dtype=object), ("x", "y"), ("a", "b", "c"),
        item.astype(np.int32), coder.astype(np.int32), labels.ravel().astype(np.int32), np.ones(2 * n, np.float32),
    )  # fmt: skip
    return p, truth.astype(np.int32), table


@pytest.mark.parametrize("tau", [0.6, 1.0, 2.0])
def test_the_planted_temperature_is_found_through_noisy_labels(tau: float) -> None:
    p, truth, table = drawn(tau)
    found = temperature(p, PLANTED_T, table, np.arange(len(p)))
    assert found == pytest.approx(tau, rel=0.15)
    assert calibration_error(soften(p, found), truth) < 0.03


def test_an_overconfident_network_is_put_right() -> None:
    p, truth, table = drawn(2.0)
    before = calibration_error(p, truth)
    assert calibration_error(soften(p, temperature(p, PLANTED_T, table, np.arange(len(p)))), truth) < 0.4 * before


def test_only_the_given_items_count_and_few_are_too_few() -> None:
    p, _, table = drawn(2.0)
    assert temperature(p, PLANTED_T, table, np.arange(10)) == 1.0
    wrong = AnnotationTable(table.items, table.coders, table.classes, table.item, table.coder,
                            np.where(table.item < 3000, table.label, (table.label + 1) % 3).astype(np.int32), table.count)  # fmt: skip
    half = np.arange(3000)
    assert temperature(p, PLANTED_T, wrong, half) == pytest.approx(temperature(p, PLANTED_T, table, half))


def test_without_matrices_a_network_that_is_right_about_its_labels_stays_as_it_is() -> None:
    n = 100
    item = np.repeat(np.arange(n), 2)
    table = AnnotationTable(
        np.array([f"{i:03d}" for i in range(n)], dtype=object), ("t",), ("a", "b"), item.astype(np.int32),
        np.zeros(2 * n, np.int32), np.tile([0, 1], n).astype(np.int32), np.tile([0.6, 0.4], n).astype(np.float32),
    )  # fmt: skip
    right = np.tile([0.6, 0.4], (n, 1))
    assert plain_temperature(right, table, np.arange(n)) == pytest.approx(1, abs=0.02)
    assert plain_temperature(soften(right, 0.5), table, np.arange(n)) == pytest.approx(2, abs=0.05)
    assert plain_temperature(right, table, np.arange(10)) == 1.0


@pytest.mark.parametrize(("first", "nearest"), [(100, 0.25), (50, 4.0)])
def test_a_temperature_lies_between_a_quarter_and_four(first: int, nearest: float) -> None:
    """p says 60 % of every item; if all labels are that class p cannot be too sharp, and if half are, too soft."""
    one = np.zeros(100, np.int32)
    label = (np.arange(100) >= first).astype(np.int32)
    names = np.array([f"{i:03d}" for i in range(100)], dtype=object)
    table = AnnotationTable(names, ("t",), ("a", "b"), np.arange(100, dtype=np.int32), one, label, one + np.float32(1))
    p = np.tile([0.6, 0.4], (100, 1))
    assert plain_temperature(p, table, np.arange(100)) == pytest.approx(nearest, rel=0.001)
    assert temperature(p, np.eye(2)[None], table, np.arange(100)) == pytest.approx(nearest, rel=0.001)


def test_twenty_items_are_enough() -> None:
    p, _, table = drawn(2.0, n=40)
    for items, enough in ((np.arange(19), False), (np.arange(20), True)):
        assert (temperature(p, PLANTED_T, table, items) != 1.0) == enough
        assert (plain_temperature(p, table, items) != 1.0) == enough
    nobody = table.keep_items(np.arange(40) >= 20)
    assert plain_temperature(p, nobody, np.arange(20)) == 1.0


def test_softening_keeps_the_order_and_the_sum() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    for tau in (0.3, 1.0, 3.0):
        q = soften(p, tau)
        np.testing.assert_allclose(q.sum(1), 1)
        assert np.array_equal(q.argmax(1), p.argmax(1))
    np.testing.assert_allclose(soften(p, 1.0), p)
