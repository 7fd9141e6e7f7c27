"""Crowds: matrices shrunk in proportion to evidence, and the drawn crowd they are tried on."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Command

from ltnet_core.annotations import AnnotationTable
from ltnet_core.datasets.crowd import KINDS, draw_crowd
from ltnet_core.errors import OptionError
from ltnet_core.labels.aggregation import aggregate, crowd_prior, dawid_skene, majority_vote, shrunk_dawid_skene
from ltnet_core.labels.aggregation.choice import CLEAR, OWN, STRENGTHS, choose, ladder, stacking
from ltnet_core.labels.aggregation.few_parameters import know_or_guess
from ltnet_core.labels.aggregation.guessing import guessing_matrices
from ltnet_core.labels.aggregation.held_out import FOLDS, LeftOut, folds, left_out_probability, truth
from ltnet_core.labels.aggregation.unclear_items import Parameters, Rows, States, maximise
from ltnet_core.labels.identifiability import overlap_notes
from ltnet_core.runs.evaluation import calibration_error


def test_the_drawn_crowd_is_what_it_says() -> None:
    crowd = draw_crowd(items=20_000, annotators=10, labels_per_item=2.5, classes=4, seed=1)
    again = draw_crowd(items=20_000, annotators=10, labels_per_item=2.5, classes=4, seed=1)
    assert np.array_equal(crowd.table.label, again.table.label)
    assert len(crowd.table) / 20_000 == pytest.approx(2.5, abs=0.02)
    assert set(crowd.kinds) <= set(KINDS)
    counts = np.zeros((10, 4, 4))
    np.add.at(counts, (crowd.table.coder, crowd.truth[crowd.table.item], crowd.table.label), 1)
    np.testing.assert_allclose(counts / counts.sum(2, keepdims=True), crowd.transitions, atol=0.06)
    with pytest.raises(OptionError, match="1 to 3 labels per item; got 10 items, 3 annotators, 9 labels per item"):
        draw_crowd(items=10, annotators=3, labels_per_item=9)


def test_shrinking_beats_the_majority_and_plain_dawid_skene_on_a_sparse_crowd() -> None:
    wins, errors = [], []
    for seed in range(4):
        crowd = draw_crowd(seed=seed)
        estimate = {m: aggregate(crowd.table, m) for m in ("majority", "dawid-skene", "shrunk-dawid-skene")}
        right = {m: (a.labels == crowd.truth).mean() for m, a in estimate.items()}
        wins.append(right["shrunk-dawid-skene"] - max(right["majority"], right["dawid-skene"]))
        errors.append([np.abs(a.transitions - crowd.transitions).mean() for a in estimate.values()])
    assert min(wins) > 0
    assert np.mean(wins) > 0.03
    assert np.mean(errors, axis=0)[2] < 0.5 * np.mean(errors, axis=0)[1]


def test_a_coder_with_little_evidence_is_like_the_crowd_and_one_with_much_is_itself() -> None:
    rng = np.random.default_rng(0)
    usual = np.array([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]])
    odd = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    counts = np.stack([*(rng.multinomial(30, row, size=1)[0] for row in usual)]).astype(float)
    many = np.stack([counts] * 20 + [500 * odd, np.eye(3)])
    prior = crowd_prior(many)
    t = (many + prior) / (many + prior).sum(2, keepdims=True)
    np.testing.assert_allclose(t[20], odd, atol=0.1)
    assert np.abs(t[21] - usual).max() < 0.25  # one label per class, all right
    assert (prior >= 0).all()
    np.testing.assert_allclose(prior.sum(2), prior.sum(2)[0, 0])


def test_few_coders_with_much_evidence_are_hardly_shrunk() -> None:
    crowd = draw_crowd(items=8000, annotators=3, labels_per_item=3, classes=4, seed=3)
    plain, shrunk = dawid_skene(crowd.table), shrunk_dawid_skene(crowd.table)
    np.testing.assert_allclose(shrunk.transitions, plain.transitions, atol=0.02)


def test_votes_without_names_are_one_coder_whose_matrix_the_repeated_votes_tell() -> None:
    rng = np.random.default_rng(0)
    t = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    truth = rng.integers(0, 3, 1500)
    votes = np.stack([rng.multinomial(8, t[k]) for k in truth])
    item, label = np.nonzero(votes)
    table = AnnotationTable(
        np.array([f"{n:04d}" for n in range(1500)], dtype=object), ("crowd",), ("a", "b", "c"),
        item.astype(np.int32), np.zeros(len(item), np.int32), label.astype(np.int32), votes[item, label].astype(np.float32),
    )  # fmt: skip
    estimate = dawid_skene(table, tol=1e-8)
    np.testing.assert_allclose(estimate.transitions[0], t, atol=0.03)
    assert (estimate.p.argmax(1) == truth).mean() > 0.95
    assert overlap_notes(table) == []


def draw(matrices: np.ndarray, said_of: np.ndarray, truth: np.ndarray, per_item: int, seed: int) -> AnnotationTable:
    """Annotations of ``per_item`` random coders each, who judge class ``said_of`` (N,C) through their ``matrices``."""
    rng = np.random.default_rng(seed)
    c, k, _ = matrices.shape
    n = len(truth)
    who = np.sort(rng.random((n, c)).argsort(1)[:, :per_item], axis=1)
    item = np.repeat(np.arange(n), per_item)
    chance = matrices[who.ravel(), np.take_along_axis(said_of, who, axis=1).ravel()].cumsum(1)
    label = (rng.random(len(item))[:, None] > chance).sum(1).clip(max=k - 1)
    return AnnotationTable(
        np.array([f"{i:05d}" for i in range(n)], dtype=object), tuple(f"c{i:05d}" for i in range(c)),
        tuple(f"k{i:03d}" for i in range(k)), item.astype(np.int32), who.ravel().astype(np.int32),
        label.astype(np.int32), np.ones(len(item), np.float32),
    )  # fmt: skip


def guessers(coders: int, classes: int, low: float, high: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    knows = rng.uniform(low, high, coders)[:, None, None]
    return knows * np.eye(classes) + (1 - knows) * rng.dirichlet(np.ones(classes), coders)[:, None, :]


def unclear(seed: int, share: float = 0.4, per_item: int = 6) -> tuple[AnnotationTable, np.ndarray, np.ndarray]:
    """A crowd who judges ``share`` of the items by chance as one of two classes: table, truth, which are unclear."""
    rng = np.random.default_rng(seed)
    k, c, n = 4, 30, 800
    truth = rng.integers(0, k, n)
    other = (truth + rng.integers(1, k, n)) % k
    vague = rng.random(n) < share
    judged = np.where(vague[:, None] & (rng.random((n, c)) < 0.5), other[:, None], truth[:, None])
    return draw(guessers(c, k, 0.7, 0.95, seed), judged, truth, per_item, seed), truth, vague


def other_question(seed: int) -> tuple[AnnotationTable, np.ndarray]:
    """Ten coders, six of whom mostly answer another question about the item."""
    rng = np.random.default_rng(seed)
    k, n = 10, 800
    truth, other = rng.integers(0, k, n), rng.integers(0, k, n)
    judged = np.tile(truth[:, None], (1, 10))
    judged[:, 4:] = np.where(rng.random((n, 6)) < 0.6, other[:, None], truth[:, None])
    return draw(guessers(10, k, 0.55, 0.8, seed), judged, truth, 10, seed), truth


@pytest.mark.parametrize("lean_prior", [None, np.array([3.0, 2.0])])
def test_the_bound_with_unclear_items_never_falls_and_everything_sums_to_one(lean_prior: np.ndarray | None) -> None:
    table, _, _ = unclear(0)
    rows, states = Rows.of(table), States.of(4, True)
    counts, shares = rows.vote_shares()
    t = (counts + 1) / (counts + 1).sum(2, keepdims=True)
    fit = Parameters(
        t.transpose(0, 2, 1).reshape(-1, 4), np.full(30, 0.65), states.start(shares), counts, np.zeros((30, 2)), []
    )
    fit = maximise(rows, states, fit, np.full((30, 4, 4), 0.5), lean_prior, max_iter=60, tol=-1)
    assert len(fit.bound) == 60
    assert (np.diff(fit.bound) >= -1e-10).all()
    assert fit.bound[-1] > fit.bound[0] + 0.01
    assert fit.share.sum() == pytest.approx(1)
    np.testing.assert_allclose(states.emissions(fit.t, fit.lean).reshape(30, 4, -1).sum(1), 1)
    np.testing.assert_allclose(truth(rows, states, fit, 0.2).sum(1), 1)
    assert fit.counts.sum() == pytest.approx(len(table))


def test_states_without_unclear_items_are_dawid_and_skene() -> None:
    table, _, _ = unclear(1)
    rows, states = Rows.of(table), States.of(4, False)
    extra = np.full((30, 4, 4), 0.5)
    counts, shares = rows.vote_shares()
    t = (counts + extra) / (counts + extra).sum(2, keepdims=True)
    fit = Parameters(t.transpose(0, 2, 1).reshape(-1, 4), np.full(30, 0.5), shares, counts, np.zeros((30, 2)), [])
    ours = maximise(rows, states, fit, extra, None, max_iter=30, tol=-1)
    theirs = dawid_skene(table, max_iter=30, tol=-1, pseudo_counts=extra)
    np.testing.assert_allclose(ours.counts, theirs.counts, atol=1e-8)


def test_pairs_are_split_and_put_together_as_by_hand() -> None:
    states = States.of(3, True)
    assert list(zip(states.first, states.second, strict=True)) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    r = np.array([[0.1, 0.2, 0.0, 0.3, 0.0, 0.0, 0.4, 0.0, 0.0]])  # 0.3 on (0, 1), 0.4 on (1, 2)
    np.testing.assert_allclose(states.truth(r, 1.0), [[0.4, 0.6, 0.0]])
    np.testing.assert_allclose(states.truth(r, 0.5), [[0.25, 0.55, 0.2]])
    t = np.eye(3)
    np.testing.assert_allclose(states.emissions(t, np.array([0.7]))[:, 3], [0.7, 0.3, 0.0])
    by_class, judged = states.by_class(np.full((3, 9), 1.0), t, np.array([0.7]))
    assert by_class.sum() == pytest.approx(27)
    assert judged.sum() == pytest.approx(18)


def test_unclear_items_are_known_and_not_believed() -> None:
    table, true, vague = unclear(2, per_item=8)
    rows = Rows.of(table)
    fits = [(states, fit) for model, states, fit in ladder(rows, OWN) if model.strength == STRENGTHS[1]]
    states, fit = fits[0]
    assert 1 - fit.share[:4].sum() == pytest.approx(vague.mean(), abs=0.12)
    confidence = truth(rows, states, fit, 0.0).max(1)
    assert confidence[~vague].mean() > confidence[vague].mean() + 0.2
    auto, shrunk = choose(table), shrunk_dawid_skene(table)
    assert auto is not None
    error = [calibration_error(p, true.astype(np.int32)) for p in (auto.p, shrunk.p)]
    assert error[0] < 0.6 * error[1]
    assert (auto.p.argmax(1) == true).mean() > (shrunk.p.argmax(1) == true).mean() - 0.01


def test_a_majority_who_answers_another_question_is_not_believed() -> None:
    for seed in range(2):
        table, true = other_question(seed)
        right = {m: (aggregate(table, m).labels == true).mean() for m in ("auto", "majority", "shrunk-dawid-skene")}
        assert right["auto"] > 0.9
        assert right["auto"] > right["majority"] + 0.1
        assert right["auto"] > right["shrunk-dawid-skene"] + 0.03


def with_constant_coders(seed: int) -> tuple[AnnotationTable, np.ndarray]:
    """A hundred coders who label five of 120 items each; four in ten of them always say the same class."""
    rng = np.random.default_rng(seed)
    true, matrices = rng.integers(0, 4, 120), guessers(100, 4, 0.5, 0.95, seed)
    matrices[:40] = np.eye(4)[rng.integers(0, 4, 40)][:, None, :]
    return draw(matrices, np.tile(true[:, None], (1, 100)), true, 4, seed), true


def test_coders_who_always_say_the_same_do_not_make_all_items_one_class() -> None:
    """Their habits predict left-out annotations, so a model that knows nothing but habits was believed."""
    right, confidence = [], []
    for seed in range(6):
        table, true = with_constant_coders(seed)
        estimate = aggregate(table)
        right.append((estimate.labels == true).mean())
        confidence.append(estimate.p.max(1).mean())
    assert np.mean(right) > 0.7  # .55 with it
    assert np.mean(confidence) < np.mean(right)


def test_auto_costs_nothing_with_few_coders_who_label_everything() -> None:
    crowd = draw_crowd(items=3000, annotators=3, labels_per_item=3, classes=5, seed=5)
    right = {m: (aggregate(crowd.table, m).labels == crowd.truth).mean() for m in ("auto", "dawid-skene")}
    assert right["auto"] >= right["dawid-skene"] - 0.004


def test_what_a_matrix_is_shrunk_to_is_found_again() -> None:
    true = guessers(40, 5, 0.3, 0.9, 3)
    counts = 200.0 * true
    np.testing.assert_allclose(guessing_matrices(counts), true, atol=0.06)
    np.testing.assert_allclose(guessing_matrices(counts).sum(2), 1)
    order = np.array([3, 1, 4, 0, 2])
    np.testing.assert_allclose(
        guessing_matrices(counts[:, order][:, :, order]), guessing_matrices(counts)[:, order][:, :, order]
    )
    nobody = guessing_matrices(np.zeros((3, 4, 4)))
    assert np.isfinite(nobody).all()
    np.testing.assert_allclose(nobody.sum(2), 1)


def test_folds_leave_out_every_vote_once_and_never_the_last_of_an_item() -> None:
    rows = [
        ("a", "x", "cat", 7.0),
        ("a", "y", "dog", 2.0),
        ("b", "x", "cat", 1.0),
        ("c", "x", "dog", 0.4),
        ("c", "z", "cat", 0.6),
    ]
    table = AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label", "count"]))
    held: dict[tuple[int, int, int], float] = {}
    for fold in folds(table):
        for entry in zip(
            fold.item.tolist(), fold.coder.tolist(), fold.label.tolist(), fold.count.tolist(), strict=True
        ):
            held[entry[:3]] = held.get(entry[:3], 0.0) + entry[3]
        total = fold.rest.count.sum() + fold.count.sum()
        assert fold.rest.annotated()[fold.item].all()
        assert total == pytest.approx(table.count.sum()) or not fold.rest.annotated()[1]  # b has one annotation
    expected = {(0, 0, 0): 7.0, (0, 1, 1): 2.0, (2, 0, 1): 0.4, (2, 2, 0): 0.6}
    assert held == pytest.approx(expected)


def test_left_out_annotations_are_predicted_as_by_hand() -> None:
    rows = [(f"i{n:02d}", coder, "cat" if n % 2 else "dog") for n in range(20) for coder in "xyz"]
    table = AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]))
    fold = next(iter(folds(table)))
    rest, states = Rows.of(fold.rest), States.of(2, False)
    t = np.array([[0.8, 0.2], [0.2, 0.8]])
    fit = Parameters(
        np.tile(t, (3, 1)), np.full(3, 0.5), np.array([0.5, 0.5]), np.zeros((3, 2, 2)), np.zeros((3, 2)), []
    )
    r = 0.8**2 / (0.8**2 + 0.2**2)  # two others say the same
    left_out = LeftOut.of(fold, rest)
    assert left_out.count.sum() == len(fold.item) > len(left_out.count) > 0
    likely = left_out_probability(rest, states, fit, left_out)
    np.testing.assert_allclose(likely[0], r * 0.8 + (1 - r) * 0.2)
    half = 0.8 / (0.8 + 0.2)  # of two that err together one is left: weights of 1 / 2
    np.testing.assert_allclose(likely[-1], half * 0.8 + (1 - half) * 0.2)


def test_stacking_finds_the_best_mixture() -> None:
    rng = np.random.default_rng(0)
    logs = np.log(rng.uniform(0.05, 1, (3, 500)))
    weights = stacking(logs, np.ones(500))
    value = np.log(weights @ np.exp(logs)).sum()
    assert weights.sum() == pytest.approx(1)
    for other in rng.dirichlet(np.ones(3), 200):
        assert np.log(other @ np.exp(logs)).sum() <= value + 1e-6


def test_without_annotations_to_leave_out_the_truth_is_the_vote_and_the_note_says_so() -> None:
    rows = [(f"i{n}", "x" if n % 2 else "y", "cat" if n % 3 else "dog") for n in range(60)]
    table = AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]))
    estimate = aggregate(table)
    np.testing.assert_array_equal(estimate.p, majority_vote(table))
    assert estimate.note.startswith("Fewer than 20 annotations can be left out")


def test_a_crowd_too_large_for_matrices_gets_none_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    true = np.random.default_rng(1).integers(0, 5, 900)
    matrices = guessers(40, 5, 0.3, 0.95, 4)
    table = draw(matrices, np.tile(true[:, None], (1, 40)), true, 5, 4)
    monkeypatch.setattr(importlib.import_module("ltnet_core.labels.aggregation.choice"), "MOST_CELLS", 100)
    estimate = aggregate(table)
    assert "too many coders or classes for a matrix each" in estimate.note
    assert (estimate.labels == true).mean() > (aggregate(table, "majority").labels == true).mean() + 0.01
    np.testing.assert_allclose(estimate.p.sum(1), 1)
    np.testing.assert_allclose(estimate.transitions.sum(2), 1)
    assert np.abs(know_or_guess(table).matrices() - matrices).mean() < 0.05


def test_thousands_of_annotators_and_hundreds_of_classes_stay_bounded() -> None:
    rng = np.random.default_rng(2)
    n, c, k = 20_000, 5000, 200
    true = rng.integers(0, k, n)
    who = (rng.integers(0, c, n)[:, None] + np.arange(3) * 1009) % c
    label = np.where(rng.random((n, 3)) < rng.choice([0.1, 0.95], c)[who], true[:, None], rng.integers(0, k, (n, 3)))
    table = AnnotationTable(
        np.array([f"{i:05d}" for i in range(n)], dtype=object), tuple(f"c{i:05d}" for i in range(c)),
        tuple(f"k{i:03d}" for i in range(k)), np.repeat(np.arange(n), 3).astype(np.int32),
        who.ravel().astype(np.int32), label.ravel().astype(np.int32), np.ones(3 * n, np.float32),
    )  # fmt: skip
    estimate = aggregate(table)  # matrices of all would take 1.6 GB
    assert "too many coders" in estimate.note
    assert (estimate.labels == true).mean() > (aggregate(table, "majority").labels == true).mean() + 0.02


def test_with_very_many_annotations_nothing_is_left_out_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    table, _, _ = unclear(5)
    monkeypatch.setattr(importlib.import_module("ltnet_core.labels.aggregation.choice"), "MOST_WORK", 100)
    estimate = aggregate(table)
    np.testing.assert_array_equal(estimate.p, aggregate(table, "shrunk-dawid-skene").p)
    assert estimate.note.startswith("There are many annotations: the method is shrunk-dawid-skene")


def test_the_same_labels_get_the_same_choice_and_the_clear_model_alone_where_work_is_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table, _, _ = unclear(3)
    one, two = choose(table), choose(table)
    assert one is not None and two is not None
    np.testing.assert_array_equal(one.p, two.p)
    assert one.weights == two.weights
    assert sum(w for w, _ in one.weights.values()) == pytest.approx(1)
    module = importlib.import_module("ltnet_core.labels.aggregation.choice")
    monkeypatch.setattr(module, "MOST_WORK_UNCLEAR", 10)
    monkeypatch.setattr(module, "MOST_WORK_IN_ALL_FOLDS", 10)
    less = choose(table)
    assert less is not None
    assert {m.items for m in less.weights} == {CLEAR}
    assert less.left_out < one.left_out / (FOLDS - 1.5)
    assert "too many annotations or classes to try unclear ones" in less.note()


def test_classes_that_nobody_names_and_coders_who_name_one_are_no_trouble() -> None:
    annotations = [(f"i{n}", c, "abc"[n % 3] if c != "z" else "a") for n in range(60) for c in "xyz"]
    for rows, classes in (
        (annotations, list("abcdef")),
        ([(i, c, "b") for i, c, _ in annotations], ["a", "b"]),
        (annotations[:4], None),
    ):
        frame = pd.DataFrame(rows, columns=["image", "coder", "label"])
        aggregated = aggregate(AnnotationTable.from_frame(frame, classes=classes))
        np.testing.assert_allclose(aggregated.p.sum(1), 1)
        np.testing.assert_allclose(aggregated.transitions.sum(2), 1)
        assert (
            aggregated.p[:, [c not in set(frame.label) for c in (classes or sorted(set(frame.label)))]] < 0.05
        ).all()


def test_votes_of_one_crowd_and_items_without_annotation_are_aggregated() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 300)
    votes = np.stack([rng.multinomial(9, np.where(np.arange(3) == k, 0.6, 0.2)) for k in true])
    votes[:10] = 0
    item, label = np.nonzero(votes)
    table = AnnotationTable(
        np.array([f"{n:04d}" for n in range(300)], dtype=object), ("crowd",), ("a", "b", "c"),
        item.astype(np.int32), np.zeros(len(item), np.int32), label.astype(np.int32), votes[item, label].astype(np.float32),
    )  # fmt: skip
    estimate = aggregate(table)
    assert np.isnan(estimate.p[:10]).all()
    assert (estimate.labels[:10] == -1).all()
    assert (estimate.labels[10:] == true[10:]).mean() > 0.85


def test_aggregate_without_a_method_says_what_it_chose(ltnet: Command, ltnet_process: Command, tmp_path: Path) -> None:
    table, true, _ = unclear(4)
    table.to_frame().drop(columns="count").to_csv(tmp_path / "crowd.csv", index=False)
    done = ltnet_process(
        "aggregate", tmp_path / "crowd.csv", "--out", tmp_path / "truth.csv", "--matrices", tmp_path / "T.json"
    )
    assert done.returncode == 0, done.stderr
    assert "auto: Models were weighed by how well they predict" in done.stderr
    assert "Models" not in done.stdout
    written = pd.read_csv(tmp_path / "truth.csv", dtype={"image": str}).set_index("image")
    names = np.asarray(table.classes)[true]
    assert (written.loc[table.items, "learned_truth"].to_numpy() == names).mean() > 0.75
    again = ltnet("aggregate", tmp_path / "crowd.csv", "--method", "auto", "--out", tmp_path / "again.csv")
    assert again.returncode == 0
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "truth.csv").read_bytes()
    named = ltnet("aggregate", tmp_path / "crowd.csv", "--method", "majority", "--out", tmp_path / "vote.csv")
    assert named.returncode == 0 and "majority:" not in named.stderr


def test_aggregate_says_where_labels_fit_more_than_one_truth(ltnet: Command, tmp_path: Path) -> None:
    for coders, told in ((2, True), (3, False)):
        rng = np.random.default_rng(coders)
        true = rng.integers(0, 3, 400)
        table = draw(guessers(coders, 3, 0.5, 0.8, 1), np.tile(true[:, None], (1, coders)), true, coders, 1)
        table.to_frame().drop(columns="count").to_csv(tmp_path / "crowd.csv", index=False)
        for method in ("auto", "dawid-skene", "shrunk-dawid-skene"):
            out = ltnet("aggregate", tmp_path / "crowd.csv", "--method", method, "--out", tmp_path / "truth.csv")
            assert out.returncode == 0, out.stderr
            assert ("The labels fit more than one truth" in out.stderr) == told, (coders, method)
            assert ("mostly too high; auto allows for both" in out.stderr) == (method != "auto")
