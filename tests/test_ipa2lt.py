"""How T starts: how far a network is believed, and what that makes of T."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faults
import numpy as np
import pytest

from ltnet_core.annotations import ADJUDICATOR, AnnotationTable
from ltnet_core.datasets.crowd import draw_crowd
from ltnet_core.datasets.demo import write_demo
from ltnet_core.learning.coder_weights import coder_weights
from ltnet_core.learning.ipa2lt import (
    LONGER,
    NEAR,
    SHARPEST,
    _plan_longer,
    _rest,
    calibration_annotations,
    class_shares,
    first_matrices,
    nearly_right,
    sharpened,
    total_mass,
)
from ltnet_core.learning.plan import FitPlan
from ltnet_core.learning.trust import Candidate
from ltnet_core.runs.run import Run
from ltnet_core.settings import make_settings
from ui.progress import after_epoch


def seen(truth: np.ndarray, right: float, classes: int, seed: int = 0) -> np.ndarray:
    """What a network sees that is right on this share of the items: (N,K), lukewarm."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(len(truth)) < right, truth, rng.integers(0, classes, len(truth)))
    return 0.5 / classes + 0.5 * np.eye(classes)[labels]


@pytest.mark.parametrize(("right", "low", "high"), [(0.0, 0.0, 0.12), (0.2, 0.1, 0.5), (0.9, 0.6, SHARPEST + 1e-9)])
def test_a_network_is_trusted_as_far_as_it_agrees_with_held_out_annotations(
    right: float, low: float, high: float
) -> None:
    crowd = draw_crowd(items=3000, annotators=6, labels_per_item=2, classes=5, seed=2)
    sharp = sharpened(seen(crowd.truth, right, 5), crowd.table, np.arange(1500))
    np.testing.assert_allclose(sharp.sum(1), 1)
    assert low <= (sharp - sharp.min(0)).max() <= high


def test_without_held_out_annotations_a_network_is_not_trusted() -> None:
    crowd = draw_crowd(items=100, annotators=3, labels_per_item=2, classes=4)
    sharp = sharpened(seen(crowd.truth, 0.9, 4), crowd.table, np.zeros(0, dtype=np.int64))
    np.testing.assert_allclose(sharp, np.tile(class_shares(crowd.table), (100, 1)))


def test_a_network_that_learned_nothing_does_no_harm_and_a_good_one_helps() -> None:
    crowd = draw_crowd(items=1500, annotators=4, labels_per_item=1.3, classes=5, seed=5)
    held_out = np.arange(500)
    error = {}
    for right in (0.0, 0.9):
        trusted = sharpened(seen(crowd.truth, right, 5), crowd.table, held_out)
        start, prior = first_matrices(crowd.table, trusted, np.ones(4))
        error[right] = np.abs(start - crowd.transitions).mean()
        np.testing.assert_allclose(start.sum(2), 1)
        assert prior.shape == start.shape
    alone = np.abs(first_matrices(crowd.table, None, np.ones(4))[0] - crowd.transitions).mean()
    assert error[0.0] < alone + 0.03
    assert error[0.9] < 0.7 * alone


def test_machine_coders_do_not_outvote_people_in_the_start_of_t() -> None:
    """Three people label 60 % of the items each; machine coders who see alike, and not well, label the rest."""
    n, k = 3000, 5
    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, n)
    sees = np.where(rng.random(n) < 0.75, truth, rng.integers(0, k, n))
    true_t = np.stack([right * np.eye(k) + (1 - right) * rng.dirichlet(np.ones(k), k) for right in (0.5, 0.6, 0.7)])
    labels = np.full((n, 6), -1)
    for c, t in enumerate(true_t):
        own = rng.random(n) < 0.6
        labels[own, c] = (rng.random(n)[:, None] > t[truth].cumsum(1)).sum(1).clip(max=k - 1)[own]
        labels[~own, 3 + c] = sees[~own]
    item, coder = np.nonzero(labels >= 0)
    names = ("X", "Y", "Z", "machine:X", "machine:Y", "machine:Z")
    table = AnnotationTable(
        np.array([f"{i:05d}" for i in range(n)], dtype=object), names, tuple("abcde"), item.astype(np.int32),
        coder.astype(np.int32), labels[item, coder].astype(np.int32), np.ones(len(item), np.float32),
    )  # fmt: skip
    error = {
        weight: np.abs(first_matrices(table, None, np.array([1.0] * 3 + [weight] * 3))[0][:3] - true_t).mean()
        for weight in (1.0, 0.1, 0.0)
    }
    assert error[0.1] < 0.85 * error[1.0]
    assert error[0.0] < 0.85 * error[1.0]


def test_jointly_an_item_counts_once_and_at_most_by_its_weight() -> None:
    ones = np.ones(5, np.float32)
    table = AnnotationTable(
        np.array(["a", "b", "c", "d"], dtype=object), ("X", "Y"), ("k", "l"), np.array([0, 0, 1, 2, 2], np.int32),
        np.array([0, 1, 1, 0, 1], np.int32), np.array([0, 1, 1, 0, 0], np.int32), ones,
    )  # fmt: skip
    weights = np.array([1.0, 0.25])
    assert total_mass(table, weights, "separate") == pytest.approx(2.75)
    assert total_mass(table, weights, "joint") == pytest.approx(1 + 0.25 + 1)


def test_a_machine_coder_weighs_as_its_human_and_a_given_weight_stands() -> None:
    crowd = draw_crowd(items=20, annotators=2, labels_per_item=2, classes=2)
    a, b = crowd.table.coders
    table = crowd.table.with_coder(f"machine:{a}", np.eye(2)[np.zeros(20, dtype=int)])
    settings = make_settings("quick", coder_weights={b: 3.0})
    np.testing.assert_allclose(coder_weights(table, settings, {a: 0.5, b: 0.1}), [0.5, 3.0, 0.05])


def test_of_the_truths_that_fit_t_starts_with_the_one_in_the_words_of_the_reference() -> None:
    """X labels one half rightly, Y the other and calls every second dog a cat; the network sees what lies between."""
    n = 4000
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, n)
    y = np.where((truth == 1) & (rng.random(n) < 0.5), 0, truth)
    coder = np.arange(n) % 2
    table = AnnotationTable(
        np.arange(n).astype(str).astype(object), ("X", "Y"), ("cat", "dog"), np.arange(n, dtype=np.int32),
        coder.astype(np.int32), np.where(coder == 0, truth, y).astype(np.int32), np.ones(n, np.float32),
    )  # fmt: skip
    between = np.where((truth == 1) & (rng.random(n) < 0.3), 0, truth)
    seen = 0.05 + 0.9 * np.eye(2)[between]
    without, _ = first_matrices(table, seen, np.ones(2))
    start, prior = first_matrices(table, seen, np.ones(2), None, "X")
    assert without[0].diagonal().min() < 0.9  # the network's errors are taken for X's
    np.testing.assert_allclose(start[0], [[NEAR, 1 - NEAR], [1 - NEAR, NEAR]])
    assert start[1, 1, 0] > without[1, 1, 0]
    np.testing.assert_allclose(start.sum(2), 1)
    assert (prior.sum(2) > 0).all()
    alone = table.keep_coders(["X"])
    np.testing.assert_allclose(first_matrices(alone, seen, np.ones(1), None, "X")[0][0], start[0])


def of_two_teams(shares: list[float], t: np.ndarray, n: int = 6000) -> tuple[AnnotationTable, np.ndarray]:
    """Two coders label one half each by their matrices (2,K,K), classes having these shares; the table, and truth."""
    rng, k = np.random.default_rng(0), len(shares)
    truth = rng.choice(k, n, p=shares)
    coder = np.arange(n) % 2
    labels = (rng.random(n)[:, None] > t[coder, truth].cumsum(1)).sum(1).clip(max=k - 1)
    table = AnnotationTable(
        np.array([f"{i:05d}" for i in range(n)], dtype=object), ("X", "Y"), tuple("abcdef"[:k]),
        np.arange(n, dtype=np.int32), coder.astype(np.int32), labels.astype(np.int32), np.ones(n, np.float32),
    )  # fmt: skip
    return table, truth


def test_a_rare_class_that_the_network_never_names_keeps_its_row() -> None:
    """Both know or guess; the network names the rare class c for no image, and is right on most others."""
    shares = [0.5, 0.49, 0.01]
    t = np.stack([a * np.eye(3) + (1 - a) * np.array([0.5, 0.48, 0.02]) for a in (0.9, 0.6)])
    table, truth = of_two_teams(shares, t)
    rng = np.random.default_rng(1)
    named = np.where((truth == 2) | (rng.random(len(truth)) < 0.2), rng.integers(0, 2, len(truth)), truth)
    sharp = sharpened(np.eye(3)[named], table, np.arange(600))
    start, _ = first_matrices(table, sharp, np.ones(2))
    assert np.abs(start[:, 2] - t[:, 2]).max() < 0.2  # an even row is off by .76
    told, _ = first_matrices(table, sharp, np.ones(2), None, "X")
    assert told[1, 2, 2] > 0.45
    assert told[0, :2, 2].max() < 0.002  # X's errors: no more labels c than there are


def test_the_matrix_of_a_reference_errs_to_each_class_by_its_share() -> None:
    np.testing.assert_allclose(
        nearly_right(np.array([0.6, 0.3, 0.1])),
        [[0.95, 0.0375, 0.0125], [0.05 * 6 / 7, 0.95, 0.05 / 7], [0.05 * 2 / 3, 0.05 / 3, 0.95]],
    )


def test_where_there_is_a_reference_its_labels_alone_tell_how_sure_p_may_be() -> None:
    """Nobody labels twice; with few held-out labels of the reference, everyone's count."""
    n = 100
    table = AnnotationTable(
        np.arange(n).astype(str).astype(object), ("X", "Y"), ("cat", "dog"), np.arange(n, dtype=np.int32),
        (np.arange(n) % 2).astype(np.int32), np.zeros(n, np.int32), np.ones(n, np.float32),
    )  # fmt: skip
    assert calibration_annotations(table, "Y", np.arange(60)).coders == ("Y",)
    assert calibration_annotations(table, "Y", np.arange(30)).coders == ("X", "Y")
    assert calibration_annotations(table, None, np.arange(60)).coders == ("X", "Y")
    # What was adjudicated was chosen, most of it hard: it must not stand for all images.
    adjudicated = replace(table, coders=("X", ADJUDICATOR))
    assert calibration_annotations(adjudicated, None, np.arange(60)).coders == ("X", ADJUDICATOR)
    assert calibration_annotations(adjudicated, "X", np.arange(60)).coders == ("X",)


def test_the_longer_training_and_the_rest_are_parts_of_one_schedule() -> None:
    train, held_out = np.arange(9), np.arange(9, 12)
    first, last = FitPlan(train, held_out, 3, (0.0, 0.3)), FitPlan(train, held_out, 7, (0.3, 1.0))
    assert first.schedule_epochs == last.schedule_epochs == 10
    plan: Any = SimpleNamespace(fits={"warm-up": first, "ltnet": last})
    assert _plan_longer(plan, make_settings("quick"))
    longer, rest = plan.fits[LONGER], _rest(plan)
    assert [(part.epochs, part.span) for part in (longer, rest)] == [(4, (0.3, 0.7)), (3, (0.7, 1.0))]
    assert all(part.train is train and part.validation is held_out for part in (longer, rest))


@pytest.mark.parametrize(("epochs", "found", "trained"), [
    (6, [False, True], {"warm-up": 2, "warm-up-longer": 2, "ltnet": 2}),
    (6, [False, False], {"warm-up": 2, "warm-up-longer": 2, "ltnet": 4}),
    (6, [True], {"warm-up": 2, "ltnet": 4}),
    (5, [False], {"warm-up": 2, "ltnet": 3}),
])  # fmt: skip
def test_a_short_schedule_without_a_reference_coder_trains_longer_and_looks_again(
    epochs: int, found: list[bool], trained: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_demo(tmp_path / "faces", items=40, seed=1)
    looked = [Candidate("Alpha", 0.5, 0.1, float(f)) for f in found]
    left = list(looked)
    monkeypatch.setattr("ltnet_core.learning.ipa2lt.reference_candidate", lambda *a: left.pop(0))
    flags = [*faults.FLAGS, "--no-comparisons", "--no-machine-coders", "--epochs", str(epochs)]
    assert faults.call("fit", tmp_path / "faces", "--run", tmp_path / "run", *flags).status == 0
    assert not left
    events = Run(tmp_path / "run").events()
    assert {e["stage"]: e["epochs"] for e in events if e["event"] == "epoch"} == trained
    notes = [e["message"] for e in events if e["event"] == "note" and "reference coder" in e["message"]]
    assert notes == [(looked[-1] if found[-1] else looked[0]).note()], "LTNet starts from what one of the looks said"
    assert after_epoch("ltnet", events, make_settings("quick", epochs=epochs)) == f"after epoch {epochs} of {epochs}"
