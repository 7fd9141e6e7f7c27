"""How sure T is: support of rows, and intervals that hold what they should."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from ltnet_core.annotations import AnnotationTable, FloatArray
from ltnet_core.labels import intervals
from ltnet_core.labels.aggregation import confusion
from ltnet_core.labels.intervals import Evidence, evidence, network_errors
from ltnet_core.labels.truth import expected_counts, posterior


def table(rows: list[tuple[str, str, str]]) -> AnnotationTable:
    return AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]), classes=["cat", "dog"])


def test_certain_truths_count_one_and_doubtful_ones_a_quarter() -> None:
    annotated = table([("a", "X", "cat"), ("b", "X", "cat"), ("c", "X", "dog")])
    r = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    interval = evidence(r, annotated, np.array([[[0.9, 0.1], [0.2, 0.8]]]))
    np.testing.assert_allclose(interval.support, [[1.25, 1.25]])


def test_intervals_hold_the_planted_matrix_19_times_in_20() -> None:
    planted = np.array([[0.7, 0.3], [0.1, 0.9]])
    inside = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 2, 120)
        label = np.where(rng.random(120) < planted[truth, 0], "cat", "dog")
        annotated = table([(f"{n:03d}", "X", k) for n, k in enumerate(label)])
        r = np.eye(2)[truth]
        interval = evidence(r, annotated, confusion(annotated, r))
        inside.append((interval.low[0] <= planted) & (planted <= interval.high[0]))
    assert 0.92 < np.mean(inside) < 0.98


def test_a_row_without_evidence_has_the_widest_interval() -> None:
    annotated = table([("a", "X", "cat"), ("b", "X", "cat")])
    interval = evidence(np.array([[1.0, 0.0], [1.0, 0.0]]), annotated, np.array([[[0.9, 0.1], [0.5, 0.5]]]))
    assert interval.support[0, 1] == 0
    assert (interval.high - interval.low)[0, 1].min() > 0.99


def test_what_a_coder_never_or_always_says_is_within_its_interval() -> None:
    t = np.array([[[0.02, 0.98], [0.05, 0.95]]])
    low, high = intervals.beta_interval(t, np.array([[40.0, 40.0]]))  # .8 annotations speak for the cell, and 2
    assert (low[0, 0, 0], high[0, 0, 1]) == (0, 1)
    assert 0 < low[0, 1, 0] < 0.02 and 0.98 < high[0, 1, 1] < 1
    assert 0.05 < high[0, 0, 0] < 0.15


PLANTED = np.array(
    [[[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.05, 0.05, 0.9]], [[0.6, 0.3, 0.1], [0.2, 0.8, 0.0], [0.1, 0.2, 0.7]]]
)


def apart(seed: int, n: int = 400) -> tuple[FloatArray, AnnotationTable, FloatArray, FloatArray]:
    """p, labels of two coders who label one half each, T by EM with p, posterior; p is calibrated."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(3, 0.4), n)
    truth = (rng.random(n)[:, None] > p.cumsum(1)).sum(1).clip(max=2)
    coder = np.arange(n) % 2
    label = (rng.random(n)[:, None] > PLANTED[coder, truth].cumsum(1)).sum(1).clip(max=2)
    annotated = AnnotationTable(
        np.array([f"{i:04d}" for i in range(n)], dtype=object), ("X", "Y"), tuple("abc"), np.arange(n, dtype=np.int32),
        coder.astype(np.int32), label.astype(np.int32), np.ones(n, np.float32),
    )  # fmt: skip
    t = np.tile(0.7 * np.eye(3) + 0.1, (2, 1, 1))
    for _ in range(60):
        cells = expected_counts(posterior(p, t, annotated), annotated) + 0.1
        t = cells / cells.sum(2, keepdims=True)
    return p, annotated, t, posterior(p, t, annotated)


def covered(interval: Evidence) -> tuple[float, float]:
    inside = (interval.low <= PLANTED) & (interval.high >= PLANTED)
    return float(inside.mean()), float(np.diagonal(inside, axis1=1, axis2=2).mean())


def test_intervals_know_that_the_truth_is_inferred() -> None:
    known, inferred = [], []
    for seed in range(25):
        p, annotated, t, r = apart(seed)
        known.append(covered(evidence(r, annotated, t)))
        inferred.append(covered(evidence(r, annotated, t, p)))
    assert np.mean(known, axis=0)[1] < 0.9
    assert (np.mean(inferred, axis=0) > 0.92).all()
    assert np.mean(inferred, axis=0)[1] < 0.995


def test_support_falls_with_the_network_s_doubt_and_is_never_more_than_the_squares() -> None:
    p, annotated, t, r = apart(0)
    plain, with_network = evidence(r, annotated, t).support, evidence(r, annotated, t, p).support
    assert (with_network <= plain + 1e-9).all()
    assert (with_network < 0.8 * plain).any()
    certain = np.eye(3)[r.argmax(1)]
    np.testing.assert_allclose(evidence(certain, annotated, confusion(annotated, certain), certain).support,
                               evidence(certain, annotated, confusion(annotated, certain)).support, rtol=0.05)  # fmt: skip


def test_variances_are_those_of_the_inverse_information() -> None:
    """Against scores written out item by item."""
    p, annotated, t, r = apart(1, 60)
    c, k = 0, 3
    off = ~np.eye(k, dtype=bool)
    information = np.diag(np.concatenate([np.full(9, intervals.RIDGE), 1 / network_errors(p) ** 2]))
    for n in range(60):
        ratio = r[n] / p[n]
        m = (p[n][:, None] * (ratio[None] - ratio[:, None]))[off]
        own = np.zeros((k, k))
        if annotated.coder[n] == c:
            own = r[n][:, None] * (np.eye(k)[annotated.label[n]][None] - t[c])
        score = np.concatenate([own.ravel(), m])
        information += np.outer(score, score)
    covariance = np.linalg.inv(information)
    support = []
    for row in range(k):
        slope = np.diag(t[c, row]) - np.outer(t[c, row], t[c, row])
        block = slice(3 * row, 3 * row + 3)
        variance = np.trace(slope @ covariance[block, block] @ slope)
        support.append((t[c, row] * (1 - t[c, row])).sum() / variance)
    plain = evidence(r, annotated, t).support[c]
    np.testing.assert_allclose(evidence(r, annotated, t, p).support[c], np.minimum(support, plain), rtol=1e-4)


def test_a_prior_narrows_the_interval_as_eight_annotations_at_most_and_is_no_support() -> None:
    p, annotated, t, r = apart(2)
    none, few, many = (evidence(r, annotated, t, p, assumed=np.full((2, 3), a)) for a in (0.0, 8.0, 1000.0))
    assert ((few.high - few.low) < (none.high - none.low)).all()
    assert ((few.high - few.low) < (many.high - many.low)).all()  # T is then the prior's, however many annotations
    assert (few.support <= evidence(r, annotated, t).support).all()


def test_what_a_row_rests_on_by_its_two_errors() -> None:
    rows = intervals.rests_on(np.array([[0.0, 10, 0, 10, 500, 20]]), np.array([[0.0, 0, 5, 5, 5, 60]]))
    np.testing.assert_allclose(rows, [[0, 10, 5, 15, 505, 1 / ((20 / 80) ** 2 / 20 + (60 / 80) ** 2 / 8)]], atol=1e-6)


@pytest.mark.parametrize("strength", [3.0, 60.0])
def test_rows_pulled_by_a_prior_are_covered_where_it_errs_as_much_as_eight_annotations_do(strength: float) -> None:
    rng = np.random.default_rng(0)
    knows, n = 0.7, 40
    rows = rng.beta(8 * knows, 8 * (1 - knows), 4_000)
    learned = (rng.binomial(n, rows) + strength * knows) / (n + strength)
    t = np.stack([learned, 1 - learned], axis=1)[:, None]
    low, high = intervals.beta_interval(t, intervals.rests_on(np.full((4_000, 1), n), np.full((4_000, 1), strength)))
    inside = ((low[:, 0, 0] <= rows) & (rows <= high[:, 0, 0])).mean()
    assert 0.92 < inside < 0.985


def test_a_coder_at_its_word_rests_on_its_annotations() -> None:
    annotated = table([("a", "X", "cat"), ("b", "X", "dog")])
    interval = evidence(np.eye(2), annotated, np.eye(2)[None], np.full((2, 2), 0.5))
    np.testing.assert_allclose(interval.support, [[1, 1]])


def test_silent_coders_and_too_many_classes_for_scores_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    p, annotated, t, r = apart(3)
    interval = evidence(r, annotated, t, p, weights=np.where(annotated.coder == 0, 0.0, 1.0))
    np.testing.assert_allclose(interval.support[0], 0, atol=1e-9)
    monkeypatch.setattr(intervals, "MOST_WORK", 0)
    np.testing.assert_allclose(evidence(r, annotated, t, p).support, evidence(r, annotated, t).support)


def test_the_products_of_all_classes_are_never_held_at_once() -> None:
    """Of each item K²·(K − 1) of them would be: 31 MiB here."""
    rng = np.random.default_rng(0)
    n, k = 14_000, 7
    names = np.array([f"{i:05d}" for i in range(n)], dtype=object)
    columns = np.arange(n, dtype=np.int32), np.zeros(n, np.int32), rng.integers(0, k, n, dtype=np.int32)
    annotated = AnnotationTable(names, ("A",), tuple("abcdefg"), *columns, np.ones(n, np.float32))
    p = rng.dirichlet(np.ones(k), n)
    tracemalloc.start()
    try:
        evidence(p, annotated, np.full((1, k, k), 1 / k), p)
        assert tracemalloc.get_traced_memory()[1] < 24 * 1024**2
    finally:
        tracemalloc.stop()
