"""Posterior truth, evaluation and its columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score

from ltnet_core.annotations import AnnotationTable
from ltnet_core.files.parquet_files import TEXT
from ltnet_core.labels.coder_labels import Labels
from ltnet_core.labels.truth import column_names, expected_counts, posterior, truth_table
from ltnet_core.learning.coder_weights import coder_weights
from ltnet_core.learning.coders import add_pseudo_labels, machine_name, trainable
from ltnet_core.runs.evaluation import calibration_error, recovery, scores
from ltnet_core.settings import make_settings


def table() -> AnnotationTable:
    rows = [("a", "X", "cat"), ("a", "Y", "dog"), ("b", "Y", "cat")]
    return AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]), items=["a", "b", "c"])


P = np.array([[0.6, 0.4], [0.5, 0.5], [0.2, 0.8]])
T = np.array([[[0.9, 0.1], [0.3, 0.7]], [[0.8, 0.2], [0.4, 0.6]]])


def test_posterior_is_bayes() -> None:
    r = posterior(P, T, table())
    by_hand = np.array([[0.6 * 0.9 * 0.2, 0.4 * 0.3 * 0.6], [0.5 * 0.8, 0.5 * 0.4], P[2]])
    np.testing.assert_allclose(r, by_hand / by_hand.sum(1, keepdims=True))


def test_a_weight_of_zero_silences_a_coder_and_of_two_counts_it_twice() -> None:
    silent = posterior(P, T, table(), np.array([1.0, 0.0]))
    np.testing.assert_allclose(silent, posterior(P, T[:1], table().keep_coders(["X"])))
    twice = posterior(P, T, table(), np.array([1.0, 2.0]))[1]
    np.testing.assert_allclose(twice, np.array([0.64, 0.16]) / 0.8)


def test_coders_at_their_word_who_contradict_each_other_leave_the_truth_to_p() -> None:
    r = posterior(P, np.tile(np.eye(2), (2, 1, 1)), table())
    np.testing.assert_allclose(r, [P[0], [1, 0], P[2]], atol=1e-20)


def test_a_thousand_annotations_do_not_underflow() -> None:
    rows = [("a", f"c{n:04d}", "cat") for n in range(1000)] + [("b", "c0000", "dog")]
    crowd = AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]))
    r = posterior(np.array([[1e-9, 1 - 1e-9], [0.5, 0.5]]), np.repeat(T[:1], 1000, axis=0), crowd)
    np.testing.assert_allclose(r[0], [1, 0], atol=1e-12)
    assert np.isfinite(r).all()


def test_expected_counts_add_up_to_the_annotations() -> None:
    counts = expected_counts(posterior(P, T, table()), table())
    assert counts.sum((1, 2)).tolist() == pytest.approx([1, 2])
    np.testing.assert_allclose(counts.sum(1)[1], [1, 1])


def test_expected_counts_are_the_truth_of_the_items_by_label() -> None:
    annotations = [("a", "X", "cat", 2.0), ("b", "X", "dog", 1.0), ("b", "Y", "cat", 0.5)]
    counted = AnnotationTable.from_frame(pd.DataFrame(annotations, columns=["image", "coder", "label", "count"]))
    by_hand = [[[1.2, 0.3], [0.8, 0.7]], [[0.15, 0.0], [0.35, 0.0]]]
    np.testing.assert_allclose(expected_counts(np.array([[0.6, 0.4], [0.3, 0.7]]), counted), by_hand)


def test_shares_and_weights_and_counts_are_exponents_of_t() -> None:
    weights, shares = np.array([0.5, 3.0]), np.array([0.2, 1.0, 0.0])
    r = posterior(P, T, table(), weights, shares)
    by_hand = P.copy()
    by_hand[0] *= T[0][:, 0] ** (0.5 * 0.2) * T[1][:, 1] ** 3.0  # the share of b's annotation is 0
    np.testing.assert_allclose(r, by_hand / by_hand.sum(1, keepdims=True))
    np.testing.assert_allclose(posterior(P, T, table(), None, np.ones(3)), posterior(P, T, table()))
    order = [1, 0]
    other = AnnotationTable.from_frame(table().to_frame(), items=["a", "b", "c"], classes=["dog", "cat"])
    swapped = posterior(P[:, order], T[:, order][:, :, order], other, weights)
    np.testing.assert_allclose(swapped, posterior(P, T, table(), weights)[:, order])


def test_a_truth_table_names_every_class_also_the_first() -> None:
    annotated = Labels.of_columns([np.array([0, 1, -1], np.int16), np.array([1, 1, 0], np.int16)], 3)
    p = np.array([[0.7, 0.3], [0.1, 0.9], [0.6, 0.4]])
    images, learned = pa.array(["a", "b", "c"], TEXT), np.array([0, 1, 0])
    frame = truth_table(images, ("X", "image"), ("cat", "dog"), annotated, p, learned, np.array([1, 1, 0]))
    assert frame.to_dict("list") == {
        "image": ["a", "b", "c"],
        "learned_truth": ["cat", "dog", "cat"],
        "confidence": [0.7, 0.9, 0.6],
        "network_truth": ["dog", "dog", "cat"],
        "case": ["4", "1", ""],
        "X": ["cat", "dog", ""],
        "coder:image": ["dog", "dog", "cat"],
        "p_cat": [0.7, 0.1, 0.6],
        "p_dog": [0.3, 0.9, 0.4],
    }
    alone = truth_table(images, ("X", "image"), ("cat", "dog"), annotated, p, learned, None)
    assert set(alone["network_truth"]) == {""}


def test_columns_never_collide() -> None:
    names = column_names(("RAF", "image", "p_cat", "_x"), ("cat", "dog"))
    assert names == {"RAF": "RAF", "image": "coder:image", "p_cat": "coder:p_cat", "_x": "coder:_x"}
    names = column_names(("case", "coder:coder:case", "coder:case", "_x", "coder:_x"), ("cat", "dog"))
    assert len(set(names.values())) == 5 and names["coder:case"] == "coder:case"
    assert list(names) == ["case", "coder:coder:case", "coder:case", "_x", "coder:_x"]  # in their order


def test_calibration_error_by_hand() -> None:
    p = np.array([[0.9, 0.1]] * 10)
    truth = np.array([0] * 7 + [1] * 3)
    assert calibration_error(p, truth) == pytest.approx(0.2)
    assert calibration_error(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])) == 0
    tied, second = np.full((4, 2), 0.5), np.ones(4, np.int32)  # a method with a tie rule of its own
    assert (
        calibration_error(tied, second, predicted=second) == scores(tied, second, second)["ece"] == pytest.approx(0.5)
    )


def test_recovery_counts_the_known_rows() -> None:
    true = np.array([[0.8, 0.2], [np.nan, np.nan]])
    assert recovery(np.array([[0.7, 0.3], [0.5, 0.5]]), true) == pytest.approx(0.1)
    assert recovery(np.eye(2), np.full((2, 2), np.nan)) is None


def test_scores_cover_only_what_a_method_labels() -> None:
    p = np.array([[0.9, 0.1], [np.nan, np.nan], [0.4, 0.6]])
    figures = scores(p, np.array([0, 1, 0], dtype=np.int32))
    assert figures["items"] == 2
    assert figures["accuracy"] == accuracy_score([0, 0], [0, 1])
    assert scores(p[1:2], np.array([0], dtype=np.int32))["accuracy"] is None


def test_machine_coders_label_what_their_human_left_out() -> None:
    p = np.array([[0.7, 0.3], [0.005, 0.995], [0.2, 0.8]])
    usable = np.array([True, True, False])
    soft = add_pseudo_labels(table(), {"X": p}, "soft", usable)
    labels = soft.votes([machine_name("X")])
    np.testing.assert_allclose(labels, [[0, 0], [0, 1], [0, 0]])  # a is X's own, c cannot be read
    hard = add_pseudo_labels(table(), {"Y": p}, "hard", np.array([True, True, True]))
    np.testing.assert_allclose(hard.votes([machine_name("Y")]), [[0, 0], [0, 0], [0, 1]])


def test_a_machine_coder_of_many_classes_may_be_unsure() -> None:
    classes = tuple(f"k{i:03d}" for i in range(200))
    one = np.zeros(1, np.int32)
    annotated = AnnotationTable(
        np.array(["a", "b"], dtype=object), ("X",), classes, one, one, one, np.ones(1, np.float32)
    )
    p = np.full((2, 200), 0.005)
    p[1, 7] = 0.006
    more = add_pseudo_labels(annotated, {"X": p / p.sum(1, keepdims=True)}, "soft", np.array([True, True]))
    assert more.votes([machine_name("X")])[1].sum() == pytest.approx(1)


def test_who_can_train_a_machine_coder() -> None:
    able, notes = trainable(table(), fewest=2)
    assert able == ["Y"]
    assert notes == ["coder 'X' labelled only 1 item (fewer than 2): it gets no machine coder."]


def test_a_crowd_of_small_coders_gets_one_note() -> None:
    rows = [("a", f"c{n}", "cat") for n in range(9)] + [("b", "c0", "dog")]
    crowd = AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]))
    assert trainable(crowd, fewest=5) == ([], ["9 of 9 coders labelled fewer than 5 items: no machine coders."])


def test_coder_weights_come_by_kind_and_by_name() -> None:
    more = table().with_coder("machine:X", np.array([[0.0, 0.0], [0.5, 0.5], [0.5, 0.5]]))
    assert coder_weights(more, make_settings("quick")).tolist() == [1.0, 1.0, 0.1]
    own = make_settings("quick", coder_weights={"Y": 3.0, "machine:X": 0.0})
    assert coder_weights(more, own).tolist() == [1.0, 3.0, 0.0]
