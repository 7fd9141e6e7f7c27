"""The parts of the ways to aggregate, each against a calculation by hand or the plainest one in a loop."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaln
from tables import Rows4, sparse_crowd, table_of

from ltnet_core.annotations import AnnotationTable
from ltnet_core.labels.aggregation import aggregate, confusion, confusion_counts, crowd_prior, dawid_skene
from ltnet_core.labels.aggregation import shrunk_dawid_skene as shrunk
from ltnet_core.labels.aggregation.dawid_skene import cut_into_parts, every_item, find_patterns
from ltnet_core.labels.aggregation.few_parameters import know_or_guess
from ltnet_core.labels.aggregation.guessing import guessing_matrices, strength
from ltnet_core.labels.aggregation.majority_vote import majority_vote

# ---- matrices where the truth is known, and the vote


def test_confusion_counts_weigh_votes_by_the_truth() -> None:
    table = table_of([("i", "x", "a", 2.0), ("i", "y", "b", 1.0), ("j", "x", "b", 3.0)])
    table = replace(table, coders=("x", "y", "silent"))
    truth = np.array([[0.25, 0.75], [1.0, 0.0]])
    counts = [[[0.5, 3.0], [1.5, 0.0]], [[0.0, 0.25], [0.0, 0.75]], [[0.0, 0.0], [0.0, 0.0]]]
    np.testing.assert_allclose(confusion_counts(table, truth), counts)
    rows = [[[1 / 7, 6 / 7], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]
    np.testing.assert_allclose(confusion(table, truth), rows)


def test_matrices_of_the_vote_are_what_coders_said_of_the_winners() -> None:
    rows = [("i", c, "a", 1.0) for c in "xyz"] + [("j", c, k, 1.0) for c, k in (("x", "b"), ("y", "b"), ("z", "a"))]
    table = table_of(rows, items=["i", "j", "nobody"])
    voted = aggregate(table, "majority")
    assert voted.labels.tolist() == [0, 1, -1]
    right = [[1.0, 0.0], [0.0, 1.0]]
    np.testing.assert_allclose(voted.transitions, [right, right, [[1.0, 0.0], [1.0, 0.0]]])


# ---- Dawid and Skene


def test_items_with_equal_labels_are_one_pattern() -> None:
    rows: Rows4 = [("i", "x", "a", 1.0), ("i", "y", "b", 1.0), ("j", "x", "b", 1.0), ("k", "y", "b", 1.0)]
    rows += [("l", "x", "a", 1.0), ("l", "y", "b", 1.0)]
    table = table_of(rows, items=["i", "j", "k", "l", "nobody"])
    pattern_of, example, often = find_patterns(table)
    assert pattern_of[0] == pattern_of[3] and pattern_of[4] == -1
    assert len(set(pattern_of.tolist())) == 4
    assert sorted(often.tolist()) == [1.0, 1.0, 2.0]
    assert pattern_of[example].tolist() == [0, 1, 2]
    assert often[pattern_of[0]] == 2
    for other in (replace(table, count=table.count * 2), table_of([*rows, ("i", "x", "b", 1.0)], items=[*table.items])):
        own, rows_of, ones = find_patterns(other)  # votes: every item is its own
        assert own.tolist() == [0, 1, 2, 3, -1]
        assert rows_of.tolist() == [0, 1, 2, 3] and set(ones) == {1.0}


def test_em_starts_from_the_votes_or_from_a_prior_seen_through_coders_right_seven_times_in_ten() -> None:
    table = table_of([("i", "x", "a", 2.0), ("i", "y", "b", 1.0)], classes=list("abc"))
    _, rows, weight = every_item(table)
    (part,) = cut_into_parts(table, rows, weight, None)
    voted = part.start(2, 3)
    np.testing.assert_allclose(voted.share, [2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(voted.counts[[0, 4]], [[4 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0]])  # x says a, y says b
    prior = np.array([[0.2, 0.5, 0.3]])
    (part,) = cut_into_parts(table, rows, weight, np.log(prior))
    r = prior[0] * np.array([0.7, 0.15, 0.15]) ** 2 * np.array([0.15, 0.7, 0.15])
    start = part.start(2, 3)
    np.testing.assert_allclose(start.share, r / r.sum())
    assert (voted.evidence, start.evidence) == (0.0, 0.0)  # before the first E step there is none


def test_large_crowds_in_parts_and_with_deep_logs_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    table = sparse_crowd()
    whole = dawid_skene(table, max_iter=15, tol=-1)
    module = importlib.import_module("ltnet_core.labels.aggregation.dawid_skene")
    monkeypatch.setattr(module, "PART", 7)
    monkeypatch.setattr(module, "DEEPEST", 1.0)
    parts = dawid_skene(table, max_iter=15, tol=-1)
    np.testing.assert_allclose(parts.p, whole.p, atol=1e-12)
    np.testing.assert_allclose(parts.bound, whole.bound, rtol=1e-12)
    assert whole.prior.sum() == pytest.approx(1)
    np.testing.assert_allclose(whole.counts.sum((1, 2)), np.bincount(table.coder))


def test_em_takes_a_hundred_steps_at_most_and_each_is_bayes_and_counting() -> None:
    table = sparse_crowd(items=12)
    assert len(dawid_skene(table, tol=-1).bound) == len(shrunk(table, tol=-1).bound) == 100
    rested = dawid_skene(table)
    assert rested.converged and 2 < len(rested.bound) < 100
    assert not dawid_skene(table, max_iter=2).converged
    first, second = (dawid_skene(table, max_iter=n, tol=-1) for n in (1, 2))
    np.testing.assert_allclose(first.transitions, confusion(table, first.p), atol=1e-8)
    joint = np.tile(np.log(first.prior), (12, 1))
    np.add.at(joint, table.item, np.log(np.maximum(first.transitions, 1e-10))[table.coder, :, table.label])
    r = np.exp(joint - joint.max(1, keepdims=True))
    np.testing.assert_allclose(second.p, r / r.sum(1, keepdims=True), atol=1e-8)


def test_a_thousand_annotations_that_differ_do_not_underflow() -> None:
    rows: Rows4 = [(i, f"c{n}", "ab"[(n + j) % 2], 1.0) for n in range(1500) for j, i in enumerate("ij")]
    result = dawid_skene(table_of(rows), pseudo_counts=np.ones((1500, 2, 2)))
    np.testing.assert_allclose(result.p.sum(1), 1)
    assert np.isfinite(result.bound).all() and np.isfinite(result.transitions).all()


def test_coders_who_never_err_have_the_identity() -> None:
    perfect = table_of([(f"i{n}", c, "ab"[n % 2], 1.0) for n in range(20) for c in "xy"])
    np.testing.assert_allclose(dawid_skene(perfect).transitions, [np.eye(2)] * 2, atol=1e-9)


# ---- shrinkage


@pytest.mark.parametrize(
    "counts",
    [
        np.array([[[8.0, 2.0], [1.0, 9.0]], [[3.0, 3.0], [0.0, 4.0]]]),
        np.array([[[0.0, 8.0], [0.0, 5.0]], [[0.0, 2.0], [4.0, 4.0]]]),  # as strong by its columns would be another
    ],
)
def test_the_prior_of_a_crowd_by_hand(counts: np.ndarray) -> None:
    pooled, rows = counts.sum(0) + 0.1, counts.sum(2)
    p01, p10 = pooled[0, 1] / pooled[0].sum(), pooled[1, 0] / pooled[1].sum()
    made, expected = counts[:, 0, 1] + counts[:, 1, 0], rows[:, 0] * p01 + rows[:, 1] * p10
    means = []
    for c in range(2):
        ratio = (made[c] + 2) / (expected[c] + 2)
        # At most as many errors as by chance, which is every second of two classes.
        e01, e10 = (p * min(ratio, 0.5 / p) for p in (p01, p10))
        means.append([[1 - e01, e01], [e10, 1 - e10]])
    evidence = []
    for s in (1.0, 2.0):  # at most as strong as there are coders
        prior = s * np.array(means)
        by_row = gammaln(prior.sum(2)) - gammaln((prior + counts).sum(2))
        evidence.append((gammaln(counts + prior) - gammaln(prior)).sum() + by_row.sum())
    np.testing.assert_allclose(crowd_prior(counts), (1 + np.argmax(evidence)) * np.array(means))


def test_shrunk_matrices_and_their_prior_have_come_to_rest() -> None:
    table = sparse_crowd()
    estimate = shrunk(table)
    again = dawid_skene(table, pseudo_counts=crowd_prior(estimate.counts))
    assert np.abs(again.p - estimate.p).mean() < 2e-4


def test_a_coder_at_its_word_has_the_identity_and_says_nothing_of_the_crowd() -> None:
    crowd = sparse_crowd()
    table = replace(crowd, coders=(*crowd.coders, "silent"))
    at_its_word = np.arange(6) == 5
    estimate = shrunk(table, certain=at_its_word)
    assert estimate.transitions[5][~np.eye(3, dtype=np.bool_)].max() < 1e-12
    without = shrunk(crowd)
    np.testing.assert_allclose(estimate.p, without.p, atol=1e-9)
    np.testing.assert_allclose(estimate.transitions[:5], without.transitions, atol=1e-9)


# ---- know or guess


def log_evidence(counts: np.ndarray, prior: np.ndarray) -> float:
    """Of rows under Dirichlet-multinomials, up to what the prior does not change."""
    cells = (gammaln(counts + prior) - gammaln(prior)).sum()
    return float(cells + (gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum(1))).sum())


def test_the_strength_of_a_prior_makes_the_rows_most_probable() -> None:
    mean = np.array([0.6, 0.4])
    extreme, alike = np.array([[9.0, 0.0], [0.0, 9.0]] * 8), np.array([[6.0, 4.0]] * 600)
    assert strength(extreme, mean) == 1.0
    assert strength(alike, mean) == 256.0
    assert strength(alike[:2], mean) == 2.0  # at most as strong as there are coders
    assert strength(alike[:1], mean) == 2.0
    some = np.array([[7.0, 3.0], [2.0, 8.0], [6.0, 4.0], [9.0, 1.0], [5.0, 6.0], [8.0, 0.0], [6.0, 5.0]])
    tried = [log_evidence(some, s * mean) for s in (1.0, 2.0, 4.0)]
    assert strength(some, mean) == 2.0 ** np.argmax(tried) == 4.0
    # Of two thousand coders every second one decides.
    many = np.tile([[6.0, 4.0], [10.0, 0.0], [6.0, 4.0], [0.0, 10.0]], (500, 1))
    assert strength(many, mean) == 256.0
    assert strength(many[:999], mean) < 16.0


Strength = Callable[[np.ndarray, np.ndarray], float]


def counted() -> Strength:
    """A strength that is another one at every call: it shows when strengths are chosen."""
    numbers = itertools.count(1)
    return lambda counts, mean: float(next(numbers))


def guessing_in_a_loop(counts: np.ndarray, strength: Strength) -> np.ndarray:
    c, k, _ = counts.shape
    shares = counts.sum((0, 1)) + 0.1
    knows, guess = [0.6] * c, [shares / shares.sum()] * c
    pull = pull_guess = 1.0
    for step in range(16):
        number, guessed = np.zeros(c), np.zeros((c, k))
        for i in range(c):
            for label in range(k):
                right = counts[i, label, label]
                known = right * knows[i] / (knows[i] + (1 - knows[i]) * guess[i][label])
                number[i] += known
                guessed[i, label] = counts[i, :, label].sum() - known
        made = counts.sum((1, 2))
        mean = min(max(number.sum() / made.sum(), 0.01), 0.99)
        crowd = (guessed.sum(0) + 0.1) / (guessed.sum(0) + 0.1).sum()
        if step in (0, 6, 12):
            pull = strength(np.stack([number, made - number], axis=1), np.array([mean, 1 - mean]))
            pull_guess = strength(guessed, crowd)
        knows = [(number[i] + pull * mean) / (made[i] + pull) for i in range(c)]
        guess = [(guessed[i] + pull_guess * crowd) / (guessed[i].sum() + pull_guess) for i in range(c)]
    return np.array([knows[i] * np.eye(k) + (1 - knows[i]) * np.tile(guess[i], (k, 1)) for i in range(c)])


def test_knowing_and_guessing_is_told_apart_as_in_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.random.default_rng(0).gamma(0.7, 6.0, (9, 3, 3)) + 12 * np.eye(3)
    np.testing.assert_allclose(guessing_matrices(counts), guessing_in_a_loop(counts, strength), rtol=1e-10)
    module = importlib.import_module("ltnet_core.labels.aggregation.guessing")
    monkeypatch.setattr(module, "strength", counted())
    np.testing.assert_allclose(guessing_matrices(counts), guessing_in_a_loop(counts, counted()), rtol=1e-10)


def know_or_guess_in_a_loop(
    table: AnnotationTable, strength: Strength, change: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n, c, k = table.shape
    entries = [*zip(table.item.tolist(), table.coder.tolist(), table.label.tolist(), table.count.tolist(), strict=True)]
    counts = np.zeros((c, k))
    for _, j, label, w in entries:
        counts[j, label] += w
    p, made = majority_vote(table), counts.sum(1)
    crowd = (counts.sum(0) + 0.1) / (counts.sum(0) + 0.1).sum()
    knows, guess = np.full(c, 0.6), np.tile(crowd, (c, 1))
    for step in range(40):
        before, known = p, np.zeros((c, k))
        for i, j, label, w in entries:
            known[j, label] += w * p[i, label] * knows[j] / (knows[j] + (1 - knows[j]) * guess[j, label])
        guessed, number = counts - known, known.sum(1)
        mean = min(max(number.sum() / made.sum(), 0.01), 0.99)
        crowd = (guessed.sum(0) + 0.1) / (guessed.sum(0) + 0.1).sum()
        if step % 10 == 0:
            pull = strength(np.stack([number, made - number], axis=1), np.array([mean, 1 - mean]))
            pull_guess = strength(guessed, crowd)
        knows = np.minimum((number + pull * mean) / (made + pull), 0.99)
        guess = np.maximum((guessed + pull_guess * crowd) / (guessed.sum(1, keepdims=True) + pull_guess), 1e-6)
        p = np.tile(np.maximum(p.mean(0), 1e-12), (n, 1))  # also of a class that nobody names
        for i, j, label, w in entries:
            p[i, label] *= (1 + knows[j] / ((1 - knows[j]) * guess[j, label])) ** w
        p /= p.sum(1, keepdims=True)
        if np.abs(p - before).mean() < change / k:
            break
    return p, knows, guess / guess.sum(1, keepdims=True)


@pytest.mark.parametrize(("chosen", "change"), [(strength, 1e-4), (None, 0.0)], ids=["real", "counted, to the end"])
def test_a_crowd_without_matrices_is_learned_as_in_a_loop(
    chosen: Strength | None, change: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = sparse_crowd(items=24, coders=8, seed=3) if chosen is None else sparse_crowd(seed=3)
    table = replace(table, classes=("a", "b", "c", "d"))
    module = importlib.import_module("ltnet_core.labels.aggregation.few_parameters")
    assert module.CHANGE == 1e-4
    monkeypatch.setattr(module, "CHANGE", change)
    monkeypatch.setattr(module, "strength", chosen or counted())
    estimated = know_or_guess(table)
    p, knows, guess = know_or_guess_in_a_loop(table, chosen or counted(), change)
    np.testing.assert_allclose(estimated.p, p, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(estimated.knows, knows, rtol=1e-9)
    np.testing.assert_allclose(estimated.guess, guess, rtol=1e-8)
    by_hand = knows[:, None, None] * np.eye(4) + (1 - knows[:, None, None]) * guess[:, None, :]
    np.testing.assert_allclose(estimated.matrices(), by_hand)
