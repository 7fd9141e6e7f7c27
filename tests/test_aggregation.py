"""Majority vote and Dawid–Skene: theorems, known truth, and no dependence on order."""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pandas as pd
import pytest

from ltnet_core.annotations import AnnotationTable
from ltnet_core.errors import OptionError
from ltnet_core.labels.aggregation import AGGREGATIONS, aggregate, dawid_skene, majority_vote, most_probable

CLASSES = ("ant", "bee", "cow", "dog")


def crowd(items: int = 400, coders: int = 5, seed: int = 0) -> tuple[AnnotationTable, np.ndarray, np.ndarray]:
    """Annotations drawn from the Dawid–Skene model itself: table, truth (N,), T (C,K,K)."""
    rng = np.random.default_rng(seed)
    k = len(CLASSES)
    truth = rng.choice(k, items, p=[0.4, 0.3, 0.2, 0.1])
    t = 0.25 * rng.dirichlet(np.ones(k), (coders, k)) + 0.75 * np.eye(k)
    labels = np.stack([[rng.choice(k, p=t[c, y]) for y in truth] for c in range(coders)], axis=1)
    here = rng.random((items, coders)) < 0.8
    item, coder = np.nonzero(here)
    table = AnnotationTable(
        np.array([f"i{n:04d}" for n in range(items)], dtype=object),
        tuple(f"c{c}" for c in range(coders)),
        CLASSES,
        item.astype(np.int32), coder.astype(np.int32), labels[here].astype(np.int32), np.ones(len(item), np.float32),
    )  # fmt: skip
    return table, truth, t


def small(rows: list[tuple[str, str, str]], **known: list[str]) -> AnnotationTable:
    return AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]), **known)  # type: ignore[arg-type]


def test_majority_vote_by_hand() -> None:
    table = small([("a", "x", "cat"), ("a", "y", "cat"), ("a", "z", "dog"), ("b", "x", "dog")], items=["a", "b", "c"])
    p = majority_vote(table)
    np.testing.assert_allclose(p[:2], [[2 / 3, 1 / 3], [0, 1]])
    assert np.isnan(p[2]).all()
    assert most_probable(p, table).tolist() == [0, 1, -1]


def test_ties_of_the_vote_are_drawn_fairly_and_the_overused_class_gains_nothing() -> None:
    rows = [(f"{n:04d}.jpg", "x", "cat") for n in range(2000)] + [(f"{n:04d}.jpg", "y", "dog") for n in range(2000)]
    rows += [(f"more{n}", "x", "dog") for n in range(500)]  # dog is said more often
    table = small(rows)
    labels = aggregate(table, "majority").labels
    assert (labels[2000:] == 1).all()
    assert labels[:2000].mean() == pytest.approx(0.5, abs=0.04)
    three = [(f"i{n}", coder, label) for n in range(3000) for coder, label in (("x", "a"), ("y", "b"), ("z", "c"))]
    shares = np.bincount(aggregate(small(three), "majority").labels) / 3000
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)


def test_a_tie_is_drawn_by_the_name_of_the_item_alone() -> None:
    rows = [(f"i{n}", coder, label) for n in range(50) for coder, label in (("x", "cat"), ("y", "dog"))]
    table = small(rows)
    drawn = dict(zip(table.items, np.asarray(table.classes)[aggregate(table, "majority").labels], strict=True))
    assert set(drawn.values()) == {"cat", "dog"}
    fewer = small(rows[40:], classes=["dog", "cow", "cat"], items=[f"i{n}" for n in range(49, 19, -1)])
    again = aggregate(fewer, "majority").labels
    assert {i: fewer.classes[k] for i, k in zip(fewer.items, again, strict=True)} == {i: drawn[i] for i in fewer.items}
    # Written down: the draw is the same on every machine and from version to version.
    assert [drawn[f"i{n}"] for n in range(6)] == ["dog", "cat", "dog", "cat", "dog", "dog"]


def test_the_bound_never_falls_and_rises_above_the_vote() -> None:
    table, _, _ = crowd()
    bound = dawid_skene(table, max_iter=50, tol=0).bound
    assert len(bound) > 5
    assert (np.diff(bound) >= -1e-12).all()
    assert bound[-1] > bound[0]


def test_the_bound_never_falls_with_an_item_prior_and_pseudo_counts() -> None:
    table, truth, _ = crowd()
    prior = np.full((len(truth), 4), 0.1)
    prior[np.arange(len(truth)), truth] = 0.7
    bound = dawid_skene(table, max_iter=50, tol=0, item_prior=prior, pseudo_counts=np.full((5, 4, 4), 0.5)).bound
    assert (np.diff(bound) >= -1e-12).all()


def test_known_truth_is_recovered_and_votes_are_beaten() -> None:
    better, errors = [], []
    for seed in range(5):
        table, truth, t = crowd(seed=seed)
        result = dawid_skene(table, max_iter=200, tol=1e-7)
        assert result.converged
        annotated = table.annotated()
        right = (most_probable(result.p, table) == truth)[annotated].mean()
        voted = (most_probable(majority_vote(table), table) == truth)[annotated].mean()
        better.append(right - voted)
        errors.append(np.abs(result.transitions - t).mean())
        np.testing.assert_allclose(result.p[annotated].sum(1), 1)
        np.testing.assert_allclose(result.transitions.sum(2), 1)
    assert np.mean(better) > 0.005
    assert np.mean(errors) < 0.03


@pytest.mark.parametrize("method", AGGREGATIONS)
def test_order_and_names_do_not_matter(method: str) -> None:
    table, _, _ = crowd(seed=3)
    rng = np.random.default_rng(1)
    rows = table.to_frame().drop(columns="count").sample(frac=1, random_state=4)
    rows["coder"] = rows["coder"].map({"c0": "zoe", "c1": "ann", "c2": "x", "c3": "b", "c4": "a"})
    classes = list(rng.permutation(CLASSES))
    other = AnnotationTable.from_frame(rows, items=table.items.tolist(), classes=classes)
    one, two = aggregate(table, method), aggregate(other, method)
    names = [[t.classes[k] if k >= 0 else None for k in r.labels] for t, r in ((table, one), (other, two))]
    assert names[0] == names[1]
    order = [classes.index(c) for c in CLASSES]
    np.testing.assert_array_equal(one.p, two.p[:, order])
    workspace_path = [other.coder_index(c) for c in ("zoe", "ann", "x", "b", "a")]
    np.testing.assert_array_equal(one.transitions, two.transitions[np.ix_(workspace_path, order, order)])


@pytest.mark.parametrize("method", AGGREGATIONS)
def test_names_of_classes_do_not_matter(method: str) -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 12, 50)  # so many classes that some have one vote alone, and ties are many
    said = [
        (i, c, truth[i] if rng.random() < 0.7 else rng.integers(12)) for i in range(50) for c in rng.permutation(5)[:2]
    ]
    results = []
    for name in ("k{:02d}", "{:02d}"):
        called = {k: name.format(k if name.startswith("k") else 99 - k) for k in range(12)}  # the other way round
        rows = [(f"i{i:02d}", f"c{c}", called[int(k)]) for i, c, k in said]
        table = AnnotationTable.from_frame(
            pd.DataFrame(rows, columns=["image", "coder", "label"]), classes=list(called.values())
        )
        results.append(aggregate(table, method))
    one, two = results
    np.testing.assert_array_equal(one.p, two.p)
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.transitions, two.transitions)


def test_collapsing_equal_patterns_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table, _, _ = crowd(items=2000, coders=3, seed=2)
    fast = dawid_skene(table, max_iter=30, tol=0)
    # The function hides its module's name in the package.
    monkeypatch.setattr(importlib.import_module("ltnet_core.labels.aggregation.dawid_skene"), "MOST_PATTERNS", 0)
    slow = dawid_skene(table, max_iter=30, tol=0)
    np.testing.assert_allclose(fast.p, slow.p, atol=1e-10)
    np.testing.assert_allclose(fast.transitions, slow.transitions, atol=1e-10)
    np.testing.assert_allclose(fast.bound, slow.bound, rtol=1e-10)
    np.testing.assert_allclose(fast.prior, slow.prior)


def test_votes_count_as_often_as_given() -> None:
    rows = [("a", "crowd", "cat", 2), ("a", "crowd", "dog", 1), ("b", "crowd", "dog", 3)]
    table = AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label", "count"]))
    assert dawid_skene(table).counts.sum() == pytest.approx(6)


def test_many_annotations_do_not_underflow() -> None:
    rows = [("a", f"c{n}", "cat") for n in range(3000)] + [("b", f"c{n}", "dog") for n in range(3000)]
    result = dawid_skene(small(rows))
    np.testing.assert_allclose(result.p, np.eye(2), atol=1e-9)


def test_same_labels_as_crowd_kit_after_the_same_iterations() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from crowdkit.aggregation import DawidSkene
    table, _, _ = crowd(seed=7)
    rows = table.to_frame().rename(columns={"image": "task", "coder": "worker"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Its bound counts the class prior once per annotation, ours once per item, so compare a fixed number of steps.
        peer = DawidSkene(n_iter=20, tol=-1).fit(rows)
    ours = dawid_skene(table, max_iter=20, tol=-1)
    assert len(ours.bound) == len(peer.loss_history_) == 20
    labels = dict(zip(table.items, most_probable(ours.p, table), strict=True))
    assert {task: CLASSES.index(label) for task, label in peer.labels_.items()} == {
        task: label for task, label in labels.items() if label >= 0
    }
    annotated = table.annotated()
    theirs = peer.probas_.loc[table.items[annotated], list(CLASSES)].to_numpy()
    np.testing.assert_allclose(ours.p[annotated], theirs, atol=1e-8)


def test_wrong_arguments_are_refused() -> None:
    table, _, _ = crowd(items=10)
    with pytest.raises(OptionError, match="Did you mean 'majority'"):
        aggregate(table, "majorty")
    with pytest.raises(OptionError, match="max_iter must be at least 1, got 0"):
        dawid_skene(table, max_iter=0)
    with pytest.raises(OptionError, match="tol must be a number"):
        dawid_skene(table, tol=float("nan"))
