"""Crowds: matrices shrunk in proportion to evidence, and the drawn crowd they are tried on."""

from __future__ import annotations

import numpy as np
import pytest

from ltnet_core.aggregation import aggregate, crowd_prior, dawid_skene, shrunk_dawid_skene
from ltnet_core.annotations import AnnotationTable
from ltnet_core.datasets.crowd import KINDS, draw_crowd
from ltnet_core.errors import OptionError
from ltnet_core.identifiability import overlap_notes


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
        found = {m: aggregate(crowd.table, m) for m in ("majority", "dawid-skene", "shrunk-dawid-skene")}
        right = {m: (a.labels == crowd.truth).mean() for m, a in found.items()}
        wins.append(right["shrunk-dawid-skene"] - max(right["majority"], right["dawid-skene"]))
        errors.append([np.abs(a.transitions - crowd.transitions).mean() for a in found.values()])
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
    found = dawid_skene(table, tol=1e-8)
    np.testing.assert_allclose(found.transitions[0], t, atol=0.03)
    assert (found.p.argmax(1) == truth).mean() > 0.95
    assert overlap_notes(table) == []
