"""What annotations tell beyond each other and p: ρ, β and δ that were planted are found again."""

from __future__ import annotations

import numpy as np
import pytest

from ltnet_core.annotations import AnnotationTable, FloatArray
from ltnet_core.labels.aggregation import CORRELATIONS
from ltnet_core.labels.truth import FLOOR, posterior
from ltnet_core.learning.calibration import soften
from ltnet_core.learning.shared_errors import (
    LEAST_SHARE,
    SHARPNESSES,
    annotation_shares,
    fit_shared_errors,
    item_shares,
    learned_share,
    votes,
)
from ltnet_core.runs.evaluation import calibration_error

K = 4
T = np.tile(0.75 * np.eye(K) + 0.25 / K, (30, 1, 1))


def crowd(unclear: float, n: int = 1500, per_item: int = 3, seed: int = 0) -> tuple[AnnotationTable, FloatArray]:
    """Labels of 30 coders, and the truth; of this share of the items they judge another class in half of the cases."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n)
    other = (truth + rng.integers(1, K, n)) % K
    second = (rng.random(n) < unclear)[:, None] & (rng.random((n, per_item)) < 0.5)
    judged = np.where(second, other[:, None], truth[:, None])
    coder = rng.random((n, 30)).argsort(1)[:, :per_item]
    label = (rng.random((n, per_item, 1)) > T[0][judged].cumsum(2)).sum(2).clip(max=K - 1)
    item = np.repeat(np.arange(n), per_item)
    table = AnnotationTable(
        np.array([f"{i:05d}" for i in range(n)], dtype=object), tuple(f"c{c:02d}" for c in range(30)), tuple("abcd"),
        item.astype(np.int32), coder.ravel().astype(np.int32), label.ravel().astype(np.int32),
        np.ones(item.size, np.float32),
    )  # fmt: skip
    return table, truth


EVERYONE, ONES = np.ones(30, dtype=np.bool_), np.ones(30)


def test_independent_errors_cost_nothing_and_shared_ones_are_discounted() -> None:
    table, _ = crowd(0.0)
    p = np.full((1500, K), 1 / K)
    assert fit_shared_errors(p, T, table, ONES, EVERYONE)[0] <= 0.02
    table, truth = crowd(0.6)
    rho, beta = fit_shared_errors(p, T, table, ONES, EVERYONE)
    assert rho * 2 + (1 - beta) > 0.3
    plain = posterior(p, T, table)
    shared = annotation_shares(item_shares(table, EVERYONE, rho), table, EVERYONE)
    sober = soften(posterior(p, T, table, ONES, shared), 1 / beta)
    truth = truth.astype(np.int32)
    assert calibration_error(sober, truth) < 0.5 * calibration_error(plain, truth)


def test_a_network_that_is_too_sure_of_itself_is_made_less_sure() -> None:
    table, truth = crowd(0.0)
    rng = np.random.default_rng(1)
    labels = np.where(rng.random(1500) < 0.5, truth, rng.integers(0, K, 1500))
    p = 0.98 * np.eye(K)[labels] + 0.02 / K
    rho, beta = fit_shared_errors(p, T, table, ONES, EVERYONE)
    assert beta < 0.8
    assert rho < 0.1


def one_by_one(
    p: FloatArray, t: FloatArray, table: AnnotationTable, weights: FloatArray, coders: np.ndarray
) -> tuple[float, float]:
    """ρ and β by the formula, for annotations that are single votes."""
    log_p, log_t = np.log(np.maximum(p, FLOOR)), np.log(np.maximum(t, FLOOR))
    likely = np.zeros((len(CORRELATIONS), len(SHARPNESSES)))
    rho, beta = np.array(CORRELATIONS)[:, None, None], np.array(SHARPNESSES)[:, None]
    for item in range(len(p)):
        own = np.flatnonzero((table.item == item) & coders[table.coder])
        for left in own if len(own) > 1 else []:
            others = [e for e in own if e != left]
            told = sum(weights[table.coder[e]] * log_t[table.coder[e], :, table.label[e]] for e in others)
            log_r = beta * (log_p[item] + told / (1 + (len(others) - 1) * rho))
            log_r -= np.logaddexp.reduce(log_r, axis=2, keepdims=True)
            if weights[table.coder[left]] > 0:
                likely += np.logaddexp.reduce(log_r + log_t[table.coder[left], :, table.label[left]], axis=2)
    best, sharpest = np.unravel_index(likely.argmax(), likely.shape)
    return CORRELATIONS[best], SHARPNESSES[sharpest]


def test_the_best_of_all_pairs_is_that_of_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltnet_core.learning.shared_errors.CHUNK", 100)
    rng = np.random.default_rng(0)
    t = rng.dirichlet(np.ones(K), (30, K)) * 0.3 + 0.7 * np.eye(K)
    t[3] = np.eye(K)  # never errs: logs of 0
    weights = np.where(np.arange(30) % 7, 1.0, 0.3)
    weights[5] = 0.0
    coders = np.arange(30) % 11 > 0
    results = set()
    for unclear, known in ((0.0, 0.0), (0.0, 1.0), (0.2, 0.9), (0.6, 0.5)):
        table, truth = crowd(unclear, n=120, per_item=5)
        p = np.eye(K)[np.where(rng.random(120) < 0.8, truth, rng.integers(0, K, 120))] * known + (1 - known) / K
        expected = one_by_one(p, t, table, weights, coders)
        assert fit_shared_errors(p, t, table, weights, coders) == expected
        results.add(expected)
    assert len(results) == 4


def test_few_annotations_decide_nothing() -> None:
    table, _ = crowd(0.6, n=30)
    assert fit_shared_errors(np.full((30, K), 1 / K), T, table, ONES, EVERYONE) == (0.0, 1.0)
    lonely, _ = crowd(0.6, per_item=1)  # nothing else of the item would be left
    assert fit_shared_errors(np.full((1500, K), 1 / K), T, lonely, ONES, EVERYONE) == (0.0, 1.0)
    silent = fit_shared_errors(np.full((1500, K), 1 / K), T, crowd(0.6)[0], ONES, np.zeros(30, dtype=np.bool_))
    assert silent == (0.0, 1.0)


def test_votes_of_one_coder_are_left_out_one_by_one() -> None:
    """A nameless crowd: three votes are three annotations, whoever is written down for them."""
    table, _ = crowd(0.6)
    one = AnnotationTable(table.items, ("crowd",), table.classes, *_counted(table))
    p = np.full((1500, K), 1 / K)
    assert fit_shared_errors(p, T[:1], one, ONES[:1], EVERYONE[:1]) == fit_shared_errors(p, T, table, ONES, EVERYONE)


def test_the_shares_of_a_soft_label_do_not_foretell_each_other() -> None:
    table, _ = crowd(0.6, n=200, per_item=1)
    p = np.full((200, K), 1 / K)
    spread = np.tile(np.float32([1.5, 1.5]), 200)
    item, label = np.repeat(np.arange(200, dtype=np.int32), 2), np.tile(np.int32([0, 1]), 200)
    soft = AnnotationTable(table.items, ("x",), table.classes, item, np.zeros(400, np.int32), label, spread)
    assert fit_shared_errors(p, T[:1], soft, ONES[:1], EVERYONE[:1]) == (0.0, 1.0)  # nothing else of the item is left


def _counted(table: AnnotationTable) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    by_item = table.votes()
    item, label = np.nonzero(by_item)
    return (
        item.astype(np.int32),
        np.zeros(len(item), np.int32),
        label.astype(np.int32),
        by_item[item, label].astype(np.float32),
    )


def test_shares_are_the_design_effect_and_those_at_their_word_count_fully() -> None:
    table, _ = crowd(0.0, n=10)
    some = EVERYONE.copy()
    some[table.coder[0]] = False
    number = votes(table, some)
    assert number[table.item[0]] == 2
    share = item_shares(table, some, 0.5)
    np.testing.assert_allclose(share, 1 / (1 + (number - 1) * 0.5))
    np.testing.assert_allclose(annotation_shares(share, table, some)[0], 1)
    np.testing.assert_allclose(item_shares(table, EVERYONE, 0.0), 1)


@pytest.mark.parametrize("known", [0.0, 0.5])
def test_annotations_learned_from_are_explained_no_better_than_held_out_ones(known: float) -> None:
    """p has learned the first label of the items it was trained on, by this share."""
    table, _ = crowd(0.0, per_item=1)
    p = np.full((1500, K), 1 / K)
    train, held_out = np.arange(1200), np.arange(1200, 1500)
    p[train] = (1 - known) / K + known * np.eye(K)[table.label[:1200]]
    ones = np.ones(1500)
    delta = learned_share(p, T, table, ONES, ones, 1.0, EVERYONE, train, held_out)
    if not known:
        assert delta > 0.9  # held-out labels are explained a little worse or better by chance
        return
    assert LEAST_SHARE < delta < 0.8
    delta_of = np.where(np.isin(table.item, train), delta, 1.0)
    r = posterior(p, T, table, ONES, delta_of)
    explained = np.log((r[table.item] * T[table.coder, :, table.label]).sum(1))
    assert explained[train].mean() == pytest.approx(explained[held_out].mean(), abs=0.01)
    assert learned_share(p, T, table, ONES, ones, 1.0, EVERYONE, train, held_out[:10]) == 1.0
    assert learned_share(p, T, table, 0 * ONES, ones, 1.0, EVERYONE, train, held_out) == 1.0  # nobody counts
