"""Whom to believe: what a coder weighs, and in whose words the truth is told."""

from __future__ import annotations

import numpy as np
import pytest

from ltnet_core.annotations import AnnotationTable, FloatArray
from ltnet_core.learning.trust import LEAST_TRUST, SURE, reference_coder, reference_note, trust, trust_note


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
    found = trust(p, table, np.arange(2000))
    assert found["X"] == 1
    assert found["Y"] == pytest.approx(0.25, abs=0.01)
    assert trust(p, table, np.zeros(0, dtype=np.int64)) == {"X": 1, "Y": 1}  # nothing held out: nothing known
    few = trust(p, table, np.arange(10))["Y"]
    assert 0.25 < few < 0.8  # ten items say little
    assert trust(np.eye(2)[label[:, 0]], table, np.arange(2000))["Y"] == LEAST_TRUST
    assert (
        trust_note(found) == "labels weigh 'X' 1.00, 'Y' 0.25, by how often the network meets those of held-out images."
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


def test_who_errs_on_unclear_images_alone_is_the_reference_and_who_confuses_classes_is_not() -> None:
    n = 4000
    unclear, everywhere = np.linspace(0, 0.5, n), np.full(n, 0.25)
    assert reference_coder(*two_halves(n, unclear, np.full(n, 0.5)), np.arange(n))[0] == "X"
    coder, met = reference_coder(*two_halves(n, np.full(n, 0.5), unclear), np.arange(n))
    assert coder == "Y"
    assert SURE < met < 1
    # Alike often wrong, but on clear images as well: that is for a matrix to explain.
    coder, met = reference_coder(*two_halves(n, everywhere, np.full(n, 0.5)), np.arange(n))
    assert coder is None
    assert met == pytest.approx(0.75, abs=0.05)


def test_a_class_confused_even_where_clear_counts_however_sure_the_network_is_of_the_others() -> None:
    """Of class 0, half is called 1; the network is surest of the other classes, as of easy ones."""
    n = 3000
    truth = np.arange(n) % 3
    label = np.where((truth == 0) & (np.arange(n) % 2 == 0), 1, truth)
    table = AnnotationTable(
        np.arange(n).astype(str).astype(object), ("X",), tuple("abc"), np.arange(n, dtype=np.int32),
        np.zeros(n, np.int32), label.astype(np.int32), np.ones(n, np.float32),
    )  # fmt: skip
    sure = np.where(truth == 0, 0.6, 0.9)[:, None]
    coder, met = reference_coder(sure * np.eye(3)[truth] + (1 - sure) / 3, table, np.arange(n))
    assert (coder, met) == (None, pytest.approx(5 / 6, abs=0.01))


def test_few_held_out_labels_make_nobody_the_reference() -> None:
    p, table = two_halves(400, np.zeros(400), np.zeros(400))
    assert reference_coder(p, table, np.arange(400))[0] is not None
    assert reference_coder(p, table, np.arange(40))[0] is None
    assert reference_coder(p, table, np.zeros(0, dtype=np.int64)) == (None, 0.0)


def test_the_reference_is_named_in_a_sentence() -> None:
    said = "it is told in the words of 'X', of whose labels the network meets 93% where it is surest"
    assert said in reference_note("X", 0.93)
