"""Unclear items by hand: annotations divided by the class that was judged, shares of states, EM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tables import sparse_crowd, table_of

from ltnet_core.labels.aggregation.choice import (
    CLEAR,
    OWN,
    ladder,
)
from ltnet_core.labels.aggregation.unclear_items import UNCLEAR, Parameters, Rows, States, maximise


def test_annotations_of_unclear_items_are_divided_by_who_was_judged() -> None:
    states = States.of(2, True)  # clear a, clear b, (a, b), (b, a)
    t = np.array([[0.9, 0.2], [0.1, 0.8]])  # T transposed: label × truth
    lean, counts = np.array([0.7]), np.array([[5.0, 2.0, 3.0, 1.0], [1.0, 4.0, 2.0, 6.0]])
    judged, both = states.by_class(counts, t, lean)
    share = np.array([[0.63 / 0.69, 0.14 / 0.41], [0.07 / 0.31, 0.56 / 0.59]])  # of the truth, by label and pair
    truth, second = counts[:, 2:] * share, counts[:, 2:] * (1 - share)
    np.testing.assert_allclose(judged, counts[:, :2] + truth + second[:, ::-1])
    np.testing.assert_allclose(both, [[truth.sum(), second.sum()]])
    np.testing.assert_allclose(states.emissions(t, lean)[:, 2:], [[0.69, 0.41], [0.31, 0.59]])
    clear, none = States.of(2, False).by_class(counts[:, :2], t, lean)
    assert clear is not None and np.array_equal(clear, counts[:, :2]) and not none.any()


def test_shares_of_states_start_from_the_classes_and_pairs_are_symmetric() -> None:
    assert UNCLEAR == 0.2
    states = States.of(3, True)
    start = states.start(np.array([0.5, 0.3, 0.2]))
    np.testing.assert_allclose(start[:3], (1 - UNCLEAR) * np.array([0.5, 0.3, 0.2]))
    pairs = np.array([0.15, 0.1, 0.15, 0.06, 0.1, 0.06])  # 01, 02, 10, 12, 20, 21
    np.testing.assert_allclose(start[3:], UNCLEAR * pairs / pairs.sum())
    shares = states.shares(np.array([4.0, 3.0, 1.0, 5.0, 0.0, 1.0, 2.0, 4.0, 0.0]))
    np.testing.assert_allclose(shares, np.array([4, 3, 1, 3, 2, 3, 1, 2, 1]) / 20)
    r = np.array([[0.1, 0.2, 0.0, 0.3, 0.0, 0.0, 0.4, 0.0, 0.0]])
    np.testing.assert_allclose(states.truth(r), [[0.4, 0.6, 0.0]])
    np.testing.assert_allclose(states.truth(r, 0.75), [[0.325, 0.575, 0.1]])


def test_the_order_of_a_pair_is_as_sure_as_its_coders_lean() -> None:
    judged = np.array([[3.0, 1.0], [10.0, 10.0], [2.0, 3.0]])
    fit = Parameters(np.zeros((6, 2)), np.array([0.9, 0.5, 0.3]), np.ones(4), np.zeros((3, 2, 2)), judged, [])
    weight = np.array([4 * 0.8**2, 0.0, 5 * 0.4**2])
    assert fit.decided() == pytest.approx((weight @ [0.9, 0.5, 0.7]) / weight.sum())
    assert replace(fit, lean=np.full(3, 0.5)).decided() == 0.5


def test_the_bound_is_per_annotation_and_em_takes_thirty_steps_at_most() -> None:
    table = table_of([("i", "x", "a", 3.0), ("i", "x", "b", 1.0), ("j", "x", "b", 4.0)])
    rows, states = Rows.of(table), States.of(2, False)
    t = np.array([[0.7, 0.4], [0.3, 0.6]])
    fit = Parameters(t, np.full(1, 0.5), np.array([0.5, 0.5]), np.zeros((1, 2, 2)), np.zeros((1, 2)), [])
    prior = np.array([[[2.0, 1.0], [1.0, 2.0]]])
    refitted = maximise(rows, states, fit, prior, None, tol=-1)
    assert len(refitted.bound) == 30
    assert (np.diff(refitted.bound) >= -1e-12).all()
    evidence = np.log(0.5 * 0.7**3 * 0.3 + 0.5 * 0.4**3 * 0.6) + np.log(0.5 * 0.3**4 + 0.5 * 0.6**4)
    evidence += (prior[0] * np.log(t.T)).sum()
    assert refitted.bound[0] == pytest.approx(evidence / 8)
    rises = np.diff(maximise(rows, states, fit, prior, None, tol=1e-3).bound)
    assert len(rises) > 1 and (rises[:-1] >= 1e-3).all() and rises[-1] < 1e-3
    leaning = maximise(rows, states, replace(fit, lean=np.array([0.7])), prior, np.array([3.0, 1.0]), tol=-1)
    assert leaning.bound[0] == pytest.approx((evidence + 3 * np.log(0.7) + np.log(0.3)) / 8)
    assert leaning.lean.tolist() == [0.75]  # nobody judged an unclear item: the mean of the prior
    states = States.of(2, True)
    fit = replace(fit, lean=np.array([0.7]), share=np.array([0.3, 0.4, 0.15, 0.15]))
    unclear = maximise(rows, states, fit, prior, np.array([3.0, 1.0]), max_iter=1)
    first, second = unclear.judged[0]
    assert first > second > 0
    assert unclear.lean[0] == pytest.approx((first + 3) / (first + second + 4))


@pytest.mark.parametrize("kind", [CLEAR, OWN])
def test_only_annotations_that_occur_are_computed(kind: str) -> None:
    table = sparse_crowd(items=5, coders=6, classes=3)
    rows = Rows.of(table)
    assert rows.columns.tolist() == sorted({*(table.coder * 3 + table.label).tolist()})
    assert len(rows.columns) < 6 * 3
    assert {part.counts.shape[1] for part in rows.parts} == {len(rows.columns)}
    *_, (_, states, fit) = ladder(rows, kind)
    np.testing.assert_array_equal(
        states.emissions(fit.t, fit.lean, rows.columns), states.emissions(fit.t, fit.lean)[rows.columns]
    )
    every = np.zeros((6 * 3, len(fit.share)))
    every[rows.columns] = np.random.default_rng(0).random((len(rows.columns), len(fit.share)))
    some = states.by_class(every[rows.columns], fit.t, fit.lean, rows.columns)
    for fewer, whole in zip(some, states.by_class(every, fit.t, fit.lean), strict=True):
        np.testing.assert_array_equal(fewer, whole)
