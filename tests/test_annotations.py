"""The annotation table: what it refuses, what it keeps, that order does not matter."""

from __future__ import annotations

import re
import resource

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltnet_core.annotations import AnnotationTable
from ltnet_core.errors import AnnotationError

ROWS = [("a", "X", "cat"), ("b", "X", "dog"), ("a", "Y", "cat")]


def frame(rows: list[tuple[object, ...]], columns: tuple[str, ...] = ("image", "coder", "label")) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))


def test_from_frame_reads_what_was_said() -> None:
    table = AnnotationTable.from_frame(frame(ROWS))
    assert table.shape == (2, 2, 2)
    assert table.labels_of("X").tolist() == [0, 1]
    assert table.labels_of("Y").tolist() == [0, -1]
    assert table.votes().tolist() == [[2, 0], [0, 1]]
    assert table.annotations_per_coder().tolist() == [2, 1]
    assert table.annotated(["Y"]).tolist() == [True, False]


def test_votes_keep_their_counts_and_ties_go_to_the_first_name() -> None:
    rows = [("a", "crowd", "dog", 3), ("a", "crowd", "cat", 3), ("b", "crowd", "dog", 2), ("b", "crowd", "cat", 1)]
    table = AnnotationTable.from_frame(frame(rows, ("image", "coder", "label", "count")), classes=["dog", "cat"])
    assert table.votes().tolist() == [[3, 3], [2, 1]]
    assert [table.classes[k] for k in table.labels_of("crowd")] == ["cat", "dog"]
    assert table.annotations_per_coder().tolist() == [2]


@pytest.mark.parametrize(
    ("rows", "known", "message"),
    [
        ([*ROWS, ("b", "Y", "cow")], {"classes": ["cat", "dog"]}, "labels.csv, row 5: unknown class 'cow'; known are cat, dog."),
        ([*ROWS, ("b", "Y", "catt")], {"classes": ["cat", "dog"]}, "Did you mean 'cat'?"),
        ([*ROWS, ("a", "Y", "dog")], {}, "labels.csv, row 5: duplicate annotation: coder 'Y' annotated 'a' in row 4"),
        ([*ROWS, ("a", "Y", "cat")], {}, "labels.csv, row 5: duplicate annotation"),
        (ROWS, {"coders": ["X", "Y", "Z"]}, "coder 'Z' has no annotations"),
        ([*ROWS, ("z", "Y", "cat")], {"items": ["a", "b"]}, "labels.csv, row 5: annotation for an unknown image 'z'"),
        ([("", "X", "cat"), *ROWS], {}, "labels.csv, row 2: the image is empty"),
        ([("a", "machine:X", "cat"), *ROWS], {}, "labels.csv, row 2: coder 'machine:X' starts with 'machine:'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_row(
    rows: list[tuple[object, ...]], known: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(AnnotationError, match=re.escape(message)):
        AnnotationTable.from_frame(frame(rows), source="labels.csv", **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, -1, "many", float("nan"), float("inf")])
def test_a_count_must_be_a_positive_number(count: object) -> None:
    with pytest.raises(AnnotationError, match="row 2: count .* is not a positive number"):
        AnnotationTable.from_frame(frame([("a", "X", "cat", count)], ("image", "coder", "label", "count")))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(AnnotationError, match="column 'coder' is missing"):
        AnnotationTable.from_frame(frame([("a", "cat")], ("image", "label")))


def test_with_coder_adds_votes_and_leaves_the_rest_alone() -> None:
    table = AnnotationTable.from_frame(frame(ROWS))
    more = table.with_coder("machine:X", np.array([[0.0, 0.0], [0.25, 0.75]]))
    assert more.labels_of("machine:X").tolist() == [-1, 1]
    assert more.keep_coders(["X", "Y"]).fingerprint() == table.fingerprint()


tables = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=18,
    unique_by=lambda e: e[:2],
)  # fmt: skip


@given(entries=tables, seed=st.integers(0, 99))
def test_canonical_forgets_rows_names_and_class_order(entries: list[tuple[int, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes, items = ["ant", "bee", "cow"], [f"i{n}" for n in range(6)]
    coders = sorted({f"c{c}" for _, c, _ in entries})
    rows = [(f"i{i}", f"c{c}", classes[k]) for i, c, k in entries]
    table = AnnotationTable.from_frame(frame(rows), items=items, classes=classes)
    renamed = dict(zip(coders, rng.permutation([f"other{c}" for c in range(len(coders))]), strict=True))
    shuffled = [(i, renamed[c], k) for i, c, k in (rows[n] for n in rng.permutation(len(rows)))]
    again = AnnotationTable.from_frame(frame(shuffled), items=items, classes=list(rng.permutation(classes)))
    one, two = table.canonical()[0], again.canonical()[0]
    assert one.classes == two.classes
    for name in ("item", "coder", "label", "count"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@given(entries=tables)
def test_a_table_survives_the_way_to_a_frame_and_back(entries: list[tuple[int, int, int]]) -> None:
    rows = [(f"i{i}", f"c{c}", "xyz"[k]) for i, c, k in entries]
    table = AnnotationTable.from_frame(frame(rows), items=[f"i{n}" for n in range(6)], classes=list("xyz"))
    back = AnnotationTable.from_frame(table.to_frame(), items=table.items.tolist(), classes=table.classes)
    assert back.fingerprint() == table.fingerprint()


def test_a_thousand_annotators_fit_in_memory() -> None:
    items, coders, classes, each = 100_000, 1_000, 8, 5
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(items, dtype=np.int32), each)
    coder = ((rng.integers(0, coders, items)[:, None] + np.arange(each) * 7) % coders).ravel().astype(np.int32)
    label = rng.integers(0, classes, items * each).astype(np.int32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = AnnotationTable(
        np.array([f"{i}" for i in range(items)], dtype=object),
        tuple(f"c{c}" for c in range(coders)),
        tuple("abcdefgh"),
        item, coder, label, np.ones(len(item), np.float32),
    )  # fmt: skip
    assert len(table) == items * each
    assert table.annotations_per_coder().sum() == items * each
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 400, f"{grown:.0f} MiB; a dense items x coders x classes array would take 6,400"


def test_coders_with_the_same_annotations_are_told() -> None:
    rows = [(f"i{n}", c, "ab"[n % 2]) for n in range(4) for c in "xyz"]
    rows += [("i4", "z", "a"), *((f"i{n}", c, "a") for n in range(4) for c in "uv"), ("i0", "s", "a"), ("i0", "t", "a")]
    table = AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]))
    assert [[table.coders[c] for c in group] for group in table.equal_coders(4)] == [["x", "y"]]  # z said more
    assert table.equal_coders(5) == []
