"""Sparse labels: against the dense table that they stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ltnet_core.annotations import AnnotationTable
from ltnet_core.labels import coder_labels
from ltnet_core.labels.coder_labels import Labels, RowAnnotations, ascending, begins


def table(seed: int = 0, items: int = 40, coders: int = 6) -> AnnotationTable:
    """Votes for some of three classes, by some of the coders, of some of the items; ``c5`` says nothing."""
    rng = np.random.default_rng(seed)
    cells = np.flatnonzero(rng.random(items * (coders - 1) * 3) < 0.2).astype(np.int32)
    item, coder, label = np.unravel_index(cells, (items, coders - 1, 3))
    names = np.asarray([f"i{n:03d}" for n in range(items)], dtype=object)
    index = [part.astype(np.int32) for part in (item, coder, label)]
    count = rng.integers(1, 4, len(cells)).astype(np.float32)
    return AnnotationTable(names, tuple(f"c{c}" for c in range(coders)), ("z", "y", "x"), *index, count)


ITEMS = np.array([3, 7, 8, 20, 21, 39, 0, 1])  # the last two as test items: behind, though they come first


def dense(of: AnnotationTable) -> NDArray[np.int32]:
    return np.stack([of.labels_of(c) for c in of.coders])[:, ITEMS]


def labels(of: AnnotationTable) -> Labels:
    return RowAnnotations.of(of, ITEMS).labels(len(ITEMS), len(of.coders))


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_what_each_coder_said_most_often(seed: int) -> None:
    of = table(seed)
    most_frequent = labels(of)
    assert most_frequent.coders == 6
    np.testing.assert_array_equal(np.stack([most_frequent.of_coder(c) for c in range(6)]), dense(of))
    rows = np.array([5, 0, 0, 7])
    np.testing.assert_array_equal(most_frequent.at(rows), dense(of)[:, rows])
    np.testing.assert_array_equal(most_frequent.until(3).at(np.arange(3)), dense(of)[:, :3])
    again = Labels.of_columns(list(dense(of).astype(np.int16)), len(ITEMS))
    for name in ("ends", "row", "label"):
        np.testing.assert_array_equal(getattr(again, name), getattr(most_frequent, name))


def test_the_first_entry_of_a_row_and_coder_has_the_most_votes_then_the_first_name() -> None:
    rows = [("b", "X", "y", 2), ("b", "X", "z", 2), ("b", "X", "x", 1), ("a", "Y", "z", 1), ("a", "X", "x", 1)]
    frame = pd.DataFrame(rows, columns=["image", "coder", "label", "count"])
    of = AnnotationTable.from_frame(frame, classes=["z", "y", "x"])
    entries = RowAnnotations.of(of, np.array([1, 0]))  # b becomes row 0
    label_counts = [(of.classes[k], n) for k, n in zip(entries.label, entries.count, strict=True)]
    assert label_counts == [("y", 2), ("z", 2), ("x", 1), ("x", 1), ("z", 1)]
    assert entries.row.tolist() == [0, 0, 0, 1, 1]
    assert RowAnnotations.of(of, np.array([1])).row.tolist() == [0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_the_first_two_are_those_present(seed: int) -> None:
    of = table(seed)
    expected = [([k for k in column if k >= 0] + [-1, -1])[:2] for column in dense(of).T.tolist()]
    assert np.stack(labels(of).first_two(), axis=1).tolist() == expected
    nothing = Labels.of_columns([np.full(3, -1, np.int16)], 3)
    assert [two.tolist() for two in nothing.first_two()] == [[-1] * 3, [-1] * 3]


@pytest.mark.parametrize("cost", [0, 1e9], ids=["sparse", "full"])
@pytest.mark.parametrize("seed", range(5))
def test_meetings_are_counted_once_for_each_pair(seed: int, cost: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coder_labels, "DENSE", cost)
    monkeypatch.setattr(coder_labels, "BLOCK", 20)
    of = table(seed)
    here = (dense(of) >= 0).astype(int)
    together = here @ here.T
    pairs = [(a, b) for a in range(6) for b in range(a + 1, 6) if together[a, b]]
    expected = sorted(pairs, key=lambda p: -together[p])
    first, second, items = labels(of).meetings()
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == expected
    assert items.tolist() == [together[p] for p in expected]


@pytest.mark.parametrize("seed", range(5))
def test_origins_are_the_people_who_labelled_an_item(seed: int) -> None:
    of = table(seed)
    names = ["B+C", "C", "", "A", "B", "D"]  # "B+C" alone is told as B and C together are
    annotated = dense(of) >= 0
    expected = ["+".join(n for n, one in zip(names, row, strict=True) if one and n) or "nobody" for row in annotated.T]
    origin, origins = labels(of).origins(names, "nobody")
    assert origins == tuple(sorted(set(expected)))
    assert [origins[o] for o in origin] == expected


def test_the_labels_of_some_rows_are_theirs() -> None:
    columns = np.random.default_rng(1).integers(-1, 3, (3, 40)).astype(np.int16)
    mask = np.random.default_rng(2).random(40) < 0.6
    kept = Labels.of_columns(list(columns), 40).keep(mask)
    assert kept.rows == mask.sum()
    for coder in range(3):
        assert (kept.of_coder(coder) == columns[coder][mask]).all()
    assert len(Labels.of_columns(list(columns), 40).keep(np.zeros(40, dtype=np.bool_)).row) == 0


def test_no_annotations_at_all() -> None:
    none = RowAnnotations.of(table().keep_coders(["c5"]), ITEMS).labels(8, 1)
    assert none.of_coder(0).tolist() == [-1] * 8
    assert none.meetings()[0].tolist() == []
    assert none.origins(["A"], "nobody") == (pytest.approx(np.zeros(8)), ("nobody",))


def test_entries_go_on_from_those_before() -> None:
    row, coder = np.array([4, 4, 4, 5]), np.array([1, 1, 2, 2])
    assert begins(row, coder).tolist() == [True, False, True, True]
    assert begins(row, coder, (4, 1)).tolist() == [False, False, True, True]
    assert ascending(row, 4) and not ascending(row, 5) and not ascending(row[::-1])
