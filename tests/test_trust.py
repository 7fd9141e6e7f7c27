"""The weights of coders, and the reference coder."""

from __future__ import annotations

import numpy as np
import pytest

from ltnet_core.annotations import AnnotationTable, FloatArray
from ltnet_core.learning.trust import CLEAR, LEAST_TRUST, SURE, Candidate, reference_candidate, trust, trust_note


def test_a_coder_weighs_what_the_best_misses_of_what_it_misses() -> None:
    """X errs in one of ten held-out items, Y in four of ten; the network sees the truth."""
    n = 4000
    truth = np.arange(n) % 2
    wrong = np.stack([np.arange(n) % 10 < 1, np.arange(n) % 10 < 4], axis=1)
    label = np.where(wrong, 1 - truth[:, None], truth[:, None])
    item, coder = np.nonzero(np.ones((n, 2)))
    table = AnnotationTable(
        np.arange(n).astype(str).astype(object), ("X", "Y"), ("cat", "dog"),
        item.astype(np.int32), coder.astype(np.int32), label[item, coder].astype(np.int32), np.ones(2 * n, np.float32),
    )  # fmt: skip
    p = np.eye(2)[truth]
    weights = trust(p, table, np.arange(2000))
    assert weights["X"] == 1
    assert weights["Y"] == pytest.approx(0.25, abs=0.01)
    assert trust(p, table, np.zeros(0, dtype=np.int64)) == {"X": 1, "Y": 1}  # nothing held out: nothing known
    few = trust(p, table, np.arange(10))["Y"]
    assert 0.25 < few < 0.8  # ten items say little
    assert trust(np.eye(2)[label[:, 0]], table, np.arange(2000))["Y"] == LEAST_TRUST
    assert trust_note(weights) == (
        "weights of the coders: 'X' 1.00, 'Y' 0.25; a coder whose held-out labels the network misses twice as "
        "often weighs half."
    )


def two_halves(n: int, x_errs: FloatArray, y_errs: FloatArray) -> tuple[FloatArray, AnnotationTable]:
    """X labelled the even items, Y the odd ones of three classes, and erred with these probabilities (N,).

    The network sees the truth and is the less sure of it the higher the item's number.
    """
    rng = np.random.default_rng(1)
    truth, coder = rng.integers(0, 3, n), np.arange(n) % 2
    label = np.where(rng.random(n) < np.where(coder == 0, x_errs, y_errs), (truth + 1) % 3, truth)
    table = AnnotationTable(
        np.arange(n).astype(str).astype(object), ("X", "Y"), tuple("abc"), np.arange(n, dtype=np.int32),
        coder.astype(np.int32), label.astype(np.int32), np.ones(n, np.float32),
    )  # fmt: skip
    sure = np.linspace(0.95, 0.4, n)[:, None]
    return sure * np.eye(3)[truth] + (1 - sure) / 3, table


def candidate(p: FloatArray, table: AnnotationTable, items: int, diagonal: float = 0.8) -> Candidate | None:
    """Who may be the reference by the first ``items``, where every matrix would start with this diagonal."""
    near = diagonal * np.eye(3) + (1 - diagonal) / 2 * (1 - np.eye(3))
    return reference_candidate(p, table, np.arange(items), dict.fromkeys(table.coders, near))


def test_who_errs_on_unclear_images_alone_is_the_reference_and_who_confuses_classes_is_not() -> None:
    n = 4000
    unclear, everywhere = np.linspace(0, 0.5, n), np.full(n, 0.25)
    for errs, name in (((unclear, np.full(n, 0.5)), "X"), ((np.full(n, 0.5), unclear), "Y")):
        candidates = candidate(*two_halves(n, *errs), n)
        assert candidates is not None
        assert (candidates.coder, candidates.is_reference) == (name, True)
        assert candidates.lapse < CLEAR
    # Alike often wrong, but on clear images as well: that is for a matrix to explain.
    candidates = candidate(*two_halves(n, everywhere, np.full(n, 0.5)), n)
    assert candidates is not None
    assert not candidates.is_reference
    assert candidates.lapse == pytest.approx(0.25, abs=0.05)


def test_a_network_that_trained_for_a_few_steps_finds_the_same_reference() -> None:
    """It misses 45 % of the labels of a coder who errs in 2 %, and even of its surest choices one of seven."""
    rng = np.random.default_rng(2)
    n = 4000
    p, table = two_halves(n, np.full(n, 0.02), np.full(n, 0.4))
    sure = 0.36 + 0.6 * rng.random(n) ** 2
    truth = p.argmax(1)
    first = np.where(rng.random(n) < sure, truth, (truth + rng.integers(1, 3, n)) % 3)
    poor = np.full((n, 3), 0.0)
    poor[np.arange(n), first] = sure
    poor += (1 - sure)[:, None] * (1 - np.eye(3)[first]) / 2
    on = table.coder == 0
    met = first[table.item[on]] == table.label[on]
    assert met.mean() == pytest.approx(0.55, abs=0.03)
    assert met[np.argsort(-sure[table.item[on]])[: int(0.15 * on.sum())]].mean() < 0.88
    candidates = candidate(poor, table, n, diagonal=0.6)
    assert candidates is not None
    assert (candidates.coder, candidates.is_reference) == ("X", True)


def test_the_more_the_start_holds_against_a_coder_the_less_it_has_to_prove() -> None:
    n = 600
    p, table = two_halves(n, np.linspace(0, 0.5, n), np.full(n, 0.5))
    candidates = {d: candidate(p, table, n, d) for d in (0.95, 0.8, 0.5)}
    assert [c.limit for c in candidates.values() if c] == pytest.approx([CLEAR, 0.125, 0.275])
    probability = [c.probability for c in candidates.values() if c]
    assert probability == sorted(probability)
    assert (probability[0] < SURE, probability[-1] >= SURE) == (True, True)
    assert [c.is_reference for c in candidates.values() if c] == [x >= SURE for x in probability]


def test_few_held_out_labels_make_nobody_the_reference() -> None:
    p, table = two_halves(400, np.zeros(400), np.zeros(400))
    assert candidate(p, table, 10) is None


def test_the_reference_is_named_in_a_sentence_and_so_is_who_cannot_be_one() -> None:
    sentence = "the reference coder is 'X', for the network misses 3% of its labels of clear images"
    assert sentence in Candidate("X", 0.03, 0.2, 0.99).note()
    note = Candidate("X", 0.12, 0.2, 0.77).note()
    assert "there is no reference coder: of 'X', the best by held-out labels, the network misses 12%" in note
    assert "fewer than 20% has a probability of 77%" in note
