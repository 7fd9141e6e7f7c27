"""The method auto by hand: annotations left out, the ladder of models and the choice among them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from tables import Rows4, sparse_crowd, table_of

from ltnet_core.annotations import AnnotationTable
from ltnet_core.labels.aggregation import aggregate, dawid_skene
from ltnet_core.labels.aggregation.choice import (
    CHANCE,
    CLEAR,
    OWN,
    STRENGTHS,
    Chosen,
    Model,
    choose,
    effective_number,
    ladder,
    lean_prior,
    that_know,
    too_large,
    weigh,
)
from ltnet_core.labels.aggregation.few_parameters import know_or_guess
from ltnet_core.labels.aggregation.guessing import strength
from ltnet_core.labels.aggregation.held_out import (
    CORRELATIONS,
    Fold,
    LeftOut,
    discounts,
    first_best,
    folds,
    left_out_probability,
    truth,
    unaided_probability,
)
from ltnet_core.labels.aggregation.majority_vote import name_hash
from ltnet_core.labels.aggregation.unclear_items import LEAN, Parameters, Rows, States

# ---- annotations left out


def test_discounts_are_the_design_effect() -> None:
    np.testing.assert_allclose(discounts(np.array([0.5, 1.0, 3.0]), 0.25)[:, 0], [1, 1, 1 / 1.5])
    np.testing.assert_allclose(discounts(np.array([1.0, 5.0]), 0.0)[:, 0], 1)
    assert CORRELATIONS[0] == 0 and CORRELATIONS[-1] == 1
    assert (np.diff(CORRELATIONS) > 0).all()


def test_votes_that_are_left_out_and_votes_that_stay_are_all_votes() -> None:
    table = table_of([("i", "x", "a", 7.0), ("i", "x", "b", 3.0), ("i", "y", "a", 1.0), ("j", "x", "a", 1.0)])
    left_out = np.zeros((2, 2, 2))
    for fold in folds(table):
        held, rest = np.zeros((2, 2, 2)), np.zeros((2, 2, 2))
        held[fold.item, fold.coder, fold.label] = fold.count
        rest[fold.rest.item, fold.rest.coder, fold.rest.label] = fold.rest.count
        assert (fold.count > 0).all() and (fold.rest.count > 0).all()
        assert held[0].sum() in (2, 3)  # a fifth of eleven votes
        np.testing.assert_array_equal((held + rest)[0], table_votes(table)[0])
        left_out += held
    np.testing.assert_array_equal(left_out[0], table_votes(table)[0])
    assert not left_out[1].any()  # nothing else of j would be left


def test_a_soft_label_is_left_out_whole() -> None:
    """One of its shares tells the others, whatever the truth is."""
    table = table_of(
        [("i", "x", "a", 0.7), ("i", "x", "b", 0.3), ("i", "y", "a", 1.0), ("j", "x", "a", 1.6), ("j", "x", "b", 0.4)]
    )
    left_out = np.zeros((2, 2, 2))
    for fold in folds(table):
        rest = table_votes(fold.rest)
        held = np.zeros((2, 2, 2))
        held[fold.item, fold.coder, fold.label] = fold.count
        assert ((held[0, 0] > 0).all() and not rest[0, 0].any()) or not held[0, 0].any()
        left_out += held
    np.testing.assert_array_equal(left_out[0], table_votes(table)[0])
    assert not left_out[1].any()


def test_soft_labels_of_one_coder_stand_as_they_are() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 40).astype(np.float32).astype(np.float64)
    rows: Rows4 = [(f"i{n:02d}", "x", "abc"[k], float(shares[n, k])) for n in range(40) for k in range(3)]
    result = aggregate(table_of(rows))
    np.testing.assert_allclose(result.p, shares, atol=1e-6)
    assert "its confidence is the share of the votes" in result.note


def table_votes(table: AnnotationTable) -> np.ndarray:
    votes = np.zeros((2, 2, 2))
    votes[table.item, table.coder, table.label] = table.count
    return votes


# ---- the choice


def test_the_crowd_s_lean_is_its_mean_of_judged_annotations() -> None:
    fit = Parameters(np.zeros((2, 1)), np.full(2, 0.5), np.ones(1), np.zeros((2, 1, 1)), np.zeros((2, 2)), [])
    np.testing.assert_allclose(lean_prior(fit), 4 * np.array([LEAN, 1 - LEAN]))  # nothing is known
    for judged, mean in (
        ([[6.0, 2.0], [3.0, 1.0]], 0.75),
        ([[0.3, 0.1], [0.0, 0.1]], 0.6),  # also where that is less than one annotation
        ([[1.0, 5.0], [1.0, 1.0]], 0.5),
        ([[9.0, 0.0], [9.0, 0.0]], 0.95),
    ):
        both = np.array([mean, 1 - mean])
        expected = strength(np.array(judged), both) * both
        np.testing.assert_allclose(lean_prior(replace(fit, judged=np.array(judged))), expected)


@pytest.mark.parametrize(("kind", "lean"), [(CLEAR, 0.5), (CHANCE, 0.5), (OWN, LEAN)])
def test_a_ladder_learns_each_rung_until_t_rests_but_four_rounds_at_most(
    kind: str, lean: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows.of(sparse_crowd(items=12))
    priors: list[float] = []

    def step(moves: float) -> Any:
        def moved(rows: Rows, states: States, fit: Parameters, prior: np.ndarray, by_lean: Any, **_: Any) -> Parameters:
            assert (by_lean is not None) == (kind == OWN)
            np.testing.assert_array_equal(fit.lean, lean)
            priors.append(float(prior.sum(2)[0, 0]))
            return replace(fit, t=fit.t + moves)

        return moved

    module = importlib.import_module("ltnet_core.labels.aggregation.choice")
    monkeypatch.setattr(module, "maximise", step(0.0))
    assert [model for model, _, _ in ladder(rows, kind)] == [Model(kind, s) for s in (1e6, 300.0, 30.0, 3.0)]
    assert priors == pytest.approx(list(STRENGTHS))
    priors.clear()
    monkeypatch.setattr(module, "maximise", step(1.0))
    assert len([*ladder(rows, kind)]) == 4
    assert priors == pytest.approx(np.repeat(STRENGTHS, 4).tolist())


def test_unclear_items_have_to_be_worth_their_states() -> None:
    clear, other = Model(CLEAR, 300.0), Model(CHANCE, 300.0)
    count, base = np.ones(400), np.full(400, np.log(0.5))
    much = weigh({clear: base, other: np.full(400, np.log(0.6))}, count, count)
    assert much[clear] < 0.01 < 0.99 < much[other]
    assert sum(much.values()) == pytest.approx(1)
    little = weigh({clear: base, other: base + 0.0009}, count, count)  # less than a thousandth of a nat each
    assert little == pytest.approx({clear: 1.0, other: 0.0})
    rng = np.random.default_rng(0)
    chance = weigh({clear: base, other: base + rng.normal(0, 0.01, 400)}, count, count)  # within two standard errors
    assert chance == pytest.approx({clear: 1.0, other: 0.0})
    assert weigh({clear: base}, count, count) == pytest.approx({clear: 1.0})


def test_a_model_that_lost_classes_has_to_show_that_it_knows() -> None:
    whole, lost, other = Model(CLEAR, 1e6), Model(CLEAR, 3.0), Model(OWN, 3.0)
    count, nothing = np.ones(100), np.zeros(100)
    much, chance, little = np.tile([0.3, 0.1], 50), np.tile([1.0, -0.95], 50), np.full(100, 0.0009)
    assert that_know({whole: nothing, lost: nothing}, {whole: 0.7, lost: 0.7}, count, count) == [whole, lost]
    for gain, expected in ((nothing, [whole]), (chance, [whole]), (little, [whole]), (much, [whole, lost])):
        assert that_know({whole: nothing, lost: gain}, {whole: 0.7, lost: 0.69}, count, count) == expected
    # Where one annotation counts a hundred, the same gain may be chance.
    assert that_know({whole: nothing, lost: much}, {whole: 0.7, lost: 0.1}, count, 1e4 * count) == [whole]
    # Without a model of clear items that keeps or knows there is nothing to prefer.
    assert that_know({lost: nothing, other: much}, {lost: 0.3, other: 0.9}, count, count) == [lost, other]


def test_classes_are_as_many_as_equal_ones_would_be_as_even() -> None:
    assert effective_number(np.full(4, 2.5)) == pytest.approx(4)
    assert effective_number(np.array([7.0, 0.0])) == pytest.approx(1)
    assert effective_number(np.array([2.0, 1.0, 1.0])) == pytest.approx(2**1.5)


def test_what_a_coder_says_anyway_is_predicted_by_the_shares_of_the_classes() -> None:
    table = sparse_crowd(items=30, coders=4, classes=2)
    fold = next(iter(folds(table)))
    rows = Rows.of(fold.rest)
    left_out = LeftOut.of(fold, rows)
    for kind in (CLEAR, OWN):
        *_, (_, states, fit) = ladder(rows, kind)
        emissions = states.emissions(fit.t, fit.lean)
        by_hand = [sum(s * e for s, e in zip(fit.share, emissions[col], strict=True)) for col in left_out.column]
        np.testing.assert_allclose(unaided_probability(states, fit, left_out), by_hand / fit.share.sum())


def test_of_equal_correlations_the_smallest_is_taken_whatever_their_rounding() -> None:
    assert first_best(np.array([-1e5, -1e5 * (1 - 1e-13), -1e5])) == 0
    assert first_best(np.array([-1e5, -1e5 + 1e-3, -1e5])) == 1
    assert first_best(np.zeros(3)) == 0


@pytest.mark.parametrize("seed", range(3))
def test_where_every_item_keeps_one_annotation_errors_are_taken_for_independent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.where(rng.random((50, 2)) < 0.7, rng.integers(0, 3, (50, 1)), rng.integers(0, 3, (50, 2)))
    chosen = choose(table_of([(f"i{n}", "xy"[c], "abc"[label[n, c]], 1.0) for n in range(50) for c in range(2)]))
    assert chosen is not None
    assert {correlation for _, correlation in chosen.weights.values()} == {0.0}


def test_five_annotations_say_more_than_one_that_counts_five() -> None:
    clear, other = Model(CLEAR, 300.0), Model(CHANCE, 300.0)
    logs = {clear: np.log([0.5]), other: np.log([0.6])}
    assert weigh(logs, np.array([5.0]), np.array([5.0]))[other] > 0.99  # √5 standard errors
    assert weigh(logs, np.array([5.0]), np.array([25.0])) == pytest.approx({clear: 1.0, other: 0.0})


def one_by_one(fold: Fold, rows: Rows, states: States, fit: Parameters) -> np.ndarray:
    """(ρ,H) log probability of each left-out annotation from the votes of its own item."""
    _, c, k = rows.shape
    emissions = states.emissions(fit.t, fit.lean)
    out = []
    for item, coder, label in zip(fold.item, fold.coder, fold.label, strict=True):
        own = fold.rest.item == item
        votes = np.zeros(c * k)
        np.add.at(votes, fold.rest.coder[own] * k + fold.rest.label[own], fold.rest.count[own])
        counted = votes / (1 + max(votes.sum() - 1, 0) * np.array(CORRELATIONS))[:, None]
        r = fit.share * np.prod(emissions ** counted[:, :, None], axis=1)
        out.append(np.log(r @ emissions[coder * k + label] / r.sum(1)))
    return np.stack(out, axis=1)


def plain_stacking(logs: np.ndarray, count: np.ndarray) -> np.ndarray:
    likely, weights = np.exp(logs), np.full(len(logs), 1 / len(logs))
    for _ in range(2000):
        joint = weights[:, None] * likely
        before, weights = weights, (joint / joint.sum(0)) @ count / count.sum()
        if np.abs(weights - before).max() < 1e-7:
            break
    return weights


@pytest.mark.parametrize(("most", "unclear"), [(1, True), (3, False)])  # votes of a coder
def test_equal_annotations_are_predicted_once_and_weigh_as_one_by_one(most: int, unclear: bool) -> None:
    rng = np.random.default_rng(most)
    judged = np.tile(np.arange(60) % 3, (5, 1))
    if unclear:  # half of the items show another class as well, which every coder may take
        second = (rng.random((5, 60)) < 0.5) & (np.arange(60) < 30)
        judged = np.where(second, (judged + rng.integers(1, 3, 60)) % 3, judged)
    label = np.where(rng.random((5, 60)) < 0.98, judged, rng.integers(0, 3, (5, 60)))
    votes = rng.integers(1, most + 1, (5, 60))
    table = table_of(
        [(f"i{n}", "vwxyz"[c], "abc"[label[c, n]], float(votes[c, n])) for n in range(60) for c in range(5)]
    )
    logs: dict[Model, list[np.ndarray]] = {}
    counts, merged = [], 0
    for fold in folds(table):
        rows = Rows.of(fold.rest)
        counts.append(fold.count)
        merged += len(LeftOut.of(fold, rows).count)
        for kind in (CLEAR, CHANCE, OWN):
            for model, states, fit in ladder(rows, kind):
                logs.setdefault(model, []).append(one_by_one(fold, rows, states, fit))
    count = np.concatenate(counts)
    assert (merged < len(count)) == (most == 1)
    whole = {model: np.concatenate(parts, axis=1) for model, parts in logs.items()}
    best = {model: int(np.argmax(log @ count)) for model, log in whole.items()}
    clear = [model for model in whole if model.items == CLEAR]
    few, many = (
        plain_stacking(np.stack([whole[m][best[m]] for m in models]), count) for models in (clear, list(whole))
    )
    mixed_few, mixed_many = (
        np.log(w @ np.exp(np.stack([whole[m][best[m]] for m in models])))
        for models, w in ((clear, few), (list(whole), many))
    )
    gain = count * (mixed_many - mixed_few)
    gains = gain.sum() > max(2 * np.sqrt((gain**2).sum()), 1e-3 * count.sum())
    assert gains == unclear
    expected = dict(zip(whole, many, strict=True)) if gains else dict(zip(clear, few, strict=True))
    chosen = choose(table)
    assert chosen is not None
    assert chosen.left_out == len(count)
    for model, (weight, correlation) in chosen.weights.items():
        assert weight == pytest.approx(expected.get(model, 0.0), abs=1e-9)
        assert correlation == CORRELATIONS[best[model]]


def test_the_truth_is_the_average_of_the_models_by_their_weights() -> None:
    table = replace(sparse_crowd(items=40, coders=4, classes=2), items=np.array([f"i{n}" for n in range(41)], object))
    chosen = choose(table)  # the last item has no annotation
    assert chosen is not None
    assert len(chosen.weights) == 12
    assert sum(w for w, _ in chosen.weights.values()) == pytest.approx(1)
    assert chosen.left_out == sum(len(fold.count) for fold in folds(table))
    everything, p, t = Rows.of(table), np.zeros((41, 2)), np.zeros((4, 2, 2))
    for kind in (CLEAR, CHANCE, OWN):
        for model, states, fit in ladder(everything, kind):
            weight, correlation = chosen.weights[model]
            p += weight * truth(everything, states, fit, correlation)
            t += weight * fit.t.reshape(4, 2, 2).transpose(0, 2, 1)
    np.testing.assert_allclose(chosen.p[:40], p[:40])
    np.testing.assert_allclose(chosen.transitions, t)
    np.testing.assert_allclose(chosen.p[:40].sum(1), 1)
    assert np.isnan(chosen.p[40]).all()


def test_left_out_annotations_are_foretold_in_parts_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    table = sparse_crowd(items=40)
    fold = next(iter(folds(table)))
    whole = Rows.of(fold.rest)
    (_, states, fit), *_ = ladder(whole, OWN)
    left_out = LeftOut.of(fold, whole)
    expected, p = left_out_probability(whole, states, fit, left_out), truth(whole, states, fit, 0.2)
    assert expected.shape == (len(CORRELATIONS), len(left_out.count))
    monkeypatch.setattr(importlib.import_module("ltnet_core.labels.aggregation.dawid_skene"), "PART", 7)
    monkeypatch.setattr(importlib.import_module("ltnet_core.labels.aggregation.held_out"), "CHUNK", 2)
    parts = Rows.of(fold.rest)
    assert len(parts.parts) > 3
    np.testing.assert_allclose(left_out_probability(parts, states, fit, left_out), expected)
    np.testing.assert_allclose(truth(parts, states, fit, 0.2), p)
    np.testing.assert_allclose(p.sum(1), 1)


def test_what_is_too_large_is_known_from_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: Rows4 = [(f"i{n}", c, "ab"[(n + j) % 2], 1.0) for n in range(10) for j, c in enumerate("xyz")]
    table = table_of(rows)  # two patterns of three labels, two classes
    module = importlib.import_module("ltnet_core.labels.aggregation.choice")
    assert too_large(table) is None
    for most, expected in ((11, "annotations"), (12, None)):
        monkeypatch.setattr(module, "MOST_WORK", most)
        assert too_large(table) == expected
    for most, expected in ((11, "coders"), (12, None)):
        monkeypatch.setattr(module, "MOST_CELLS", most)
        assert too_large(table) == expected


def test_unclear_items_are_tried_only_where_their_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    table = sparse_crowd(items=30)
    entries = Rows.of(table).entries
    module = importlib.import_module("ltnet_core.labels.aggregation.choice")
    kinds: list[str] = []

    def none(rows: Rows, kind: str) -> Iterator[Any]:
        kinds.append(kind)
        yield from ()

    monkeypatch.setattr(module, "ladder", none)
    monkeypatch.setattr(module, "FEWEST", 10_000)  # nothing is decided
    for name, limit in (("MOST_CELLS_UNCLEAR", 5 * 3**3), ("MOST_WORK_UNCLEAR", entries * 3**2)):
        for most, expected in ((limit, {CLEAR, CHANCE, OWN}), (limit - 1, {CLEAR})):
            kinds.clear()
            monkeypatch.setattr(module, name, most)
            assert choose(table) is None
            assert set(kinds) == expected
        monkeypatch.undo()
        monkeypatch.setattr(module, "ladder", none)
        monkeypatch.setattr(module, "FEWEST", 10_000)


def test_a_part_that_leaves_nothing_out_does_not_end_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Votes are numbered from an offset by the item's name; with two votes from 1, 2 or 3 on none is number 0 or 5."""
    names = [name for name in (f"i{n}" for n in range(60)) if name_hash(np.array([name], object))[0] % 5 in (1, 2, 3)]
    rows: Rows4 = [(name, coder, "ab"[n % 2], 1.0) for n, name in enumerate(names) for coder in "xy"]
    table = table_of(rows)
    left_out = [len(fold.count) for fold in folds(table)]
    assert left_out[0] == 0
    assert min(left_out[1:]) > 0
    tried: list[str] = []

    def none(rows: Rows, kind: str) -> Iterator[Any]:
        tried.append(kind)
        yield from ()

    module = importlib.import_module("ltnet_core.labels.aggregation.choice")
    monkeypatch.setattr(module, "ladder", none)
    monkeypatch.setattr(module, "FEWEST", sum(left_out) + 1)  # nothing is decided
    assert choose(table) is None
    assert tried == [CLEAR, CHANCE, OWN] * 4


def test_the_note_tells_what_was_chosen() -> None:
    models = [Model(kind, s) for kind in (CLEAR, CHANCE) for s in (1e6, 300.0, 30.0, 3.0)]
    weights = dict.fromkeys(models, (0.0, 0.0))
    weights |= {models[0]: (0.5, 0.2), models[3]: (0.25, 0.0), models[5]: (0.25, 0.4)}
    chosen = Chosen(np.zeros((0, 2)), np.zeros((0, 2, 2)), weights, 1234)
    assert chosen.correlation == pytest.approx(0.2)
    assert chosen.strength == pytest.approx((3000**2 * 3 * 300) ** 0.25)
    assert chosen.note() == (
        "Models were weighed by how well they predict 1,234 left-out annotations. Items: all clear 75%, some unclear "
        "and judged by chance 25%, some unclear and judged in each coder's way 0%. Coders: know or guess 50%, own "
        "matrices with a prior worth 300 25%, 30 0%, 3 25% annotations a row. Correlation of errors: 0.20."
    )
    few = " Fewer than 1,000 annotations decided: the confidence may be a tenth too high."
    assert replace(chosen, left_out=999).note() == chosen.note().replace("1,234", "999") + few
    clear = {model: weight for model, weight in weights.items() if model.items == CLEAR}
    assert "Items: all taken for clear, because there are too many" in replace(chosen, weights=clear).note()
    none = clear | {models[5]: (0.0, 0.0)}
    assert "all taken for clear, because unclear ones predict no better" in replace(chosen, weights=none).note()


def test_what_was_estimated_cannot_be_changed_by_mistake() -> None:
    table = sparse_crowd(items=12)
    rows = Rows.of(table)
    model = Model(CLEAR, 3.0)
    chosen = Chosen(np.zeros((0, 2)), np.zeros((0, 2, 2)), {model: (1.0, 0.0)}, 0)
    some: list[Any] = [rows, rows.parts[0], States.of(3, True), model, chosen, next(iter(folds(table)))]
    some += [know_or_guess(table), dawid_skene(table), aggregate(table, "majority")]
    for made in some:
        with pytest.raises(FrozenInstanceError):
            setattr(made, next(iter(made.__dataclass_fields__)), None)
