"""What labels alone tell before training: the start of T, and whether a network is needed for it."""

from __future__ import annotations

import numpy as np

from ltnet_core.annotations import ADJUDICATOR, AnnotationTable
from ltnet_core.datasets.crowd import draw_crowd
from ltnet_core.labels.labels_alone import first_matrices, labels_alone, note


def three(unclear: float, n: int = 500) -> tuple[AnnotationTable, np.ndarray]:
    """Three coders label everything and are right on 80 %; of unclear items all judge one of two classes by chance."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, n)
    second = (rng.random(n) < unclear)[:, None] & (rng.random((n, 3)) < 0.5)
    judged = np.where(second, (truth[:, None] + 1) % 4, truth[:, None])
    label = np.where(rng.random((n, 3)) < 0.8, judged, rng.integers(0, 4, (n, 3)))
    item, coder = np.divmod(np.arange(3 * n), 3)
    return AnnotationTable(
        np.array([f"{i:05d}" for i in range(n)], dtype=object), ("X", "Y", "Z"), tuple("abcd"), item.astype(np.int32),
        coder.astype(np.int32), label.ravel().astype(np.int32), np.ones(3 * n, np.float32),
    ), truth  # fmt: skip


def test_three_who_err_apart_suffice_and_t_starts_where_they_are() -> None:
    table, _ = three(0.0)
    alone = labels_alone(table)
    assert alone.suffice
    assert alone.correlation < 0.1
    assert labels_alone(table) is alone  # asked again, nothing is fitted again
    assert "determine truth and matrices" in note(alone)
    assert alone.chosen is not None
    start, pseudo_counts = first_matrices(alone.chosen, table)
    np.testing.assert_allclose(start.sum(2), 1)
    assert np.abs(start - (0.8 * np.eye(4) + 0.05)).mean() < 0.03
    assert (pseudo_counts > 0).all()


def test_coders_who_err_together_do_not_suffice() -> None:
    table = draw_crowd(items=400, annotators=20, labels_per_item=2, classes=4, seed=1).table
    # Everybody says what the first said: two annotations, one view.
    first = np.full(400, -1)
    first[table.item[::-1]] = table.label[::-1]
    copied = AnnotationTable(
        table.items,
        table.coders,
        table.classes,
        table.item,
        table.coder,
        first[table.item].astype(np.int32),
        table.count,
    )
    alone = labels_alone(copied)
    assert alone.chosen is not None
    assert alone.suffice == (2 / (1 + alone.correlation) >= 1.5)


def test_coders_who_hardly_overlap_are_not_tried() -> None:
    alone = labels_alone(draw_crowd(items=200, annotators=5, labels_per_item=1, classes=3).table)
    assert alone.chosen is None
    assert not alone.suffice


def test_what_was_adjudicated_is_known_and_items_without_labels_say_nothing() -> None:
    table, truth = three(0.0)
    alone = labels_alone(table)
    assert alone.chosen is not None
    before, _ = first_matrices(alone.chosen, table)
    wrong = np.eye(4)[(truth + 1) % 4]
    settled, _ = first_matrices(alone.chosen, table.with_coder(ADJUDICATOR, wrong))
    assert settled[0, 1, 0] > before[0, 1, 0] + 0.15
    mask = np.arange(500) < 400
    assert first_matrices(alone.chosen, table.keep_items(mask))[0].shape == (3, 4, 4)
