"""What the annotations can tell: evidence behind rows of T, and coders who never meet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltnet_core.annotations import AnnotationTable
from ltnet_core.datasets.crowd import draw_crowd
from ltnet_core.labels.identifiability import (
    ENOUGH,
    groups_that_never_meet,
    labels_suffice,
    overlap_notes,
    undetermined,
    weak_rows,
)
from ltnet_core.labels.intervals import evidence


def table(rows: list[tuple[str, str, str]]) -> AnnotationTable:
    return AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label"]), classes=["cat", "dog"])


def test_coders_are_grouped_by_whom_they_met() -> None:
    annotated = table([("a", "X", "cat"), ("a", "Y", "cat"), ("b", "Y", "dog"), ("b", "Z", "dog"), ("c", "W", "cat")])
    assert sorted(map(sorted, groups_that_never_meet(annotated))) == [["W"], ["X", "Y", "Z"]]
    (note,) = overlap_notes(annotated)
    assert "coders of different groups" in note and "'W'" in note
    assert overlap_notes(annotated.keep_coders(["X", "Y", "Z"])) == []
    assert "only one coder, 'W'" in overlap_notes(annotated.keep_coders(["W"]))[0]


def test_weak_rows_are_named_once() -> None:
    rows = [(f"{n:03d}", "X", "cat") for n in range(40)] + [("x", "X", "dog")]
    annotated = table(rows)
    r = np.eye(2)[[0] * 40 + [1]]
    (note,) = weak_rows(evidence(r, annotated, np.array([[[0.9, 0.1], [0.5, 0.5]]])), annotated)
    assert note.startswith(f"1 of 2 rows of the matrices rest on fewer than {ENOUGH:.0f} annotations")
    assert "'X' 'dog' (1.0)" in note


def test_machine_coders_link_nobody() -> None:
    annotated = table([("a", "X", "cat"), ("b", "Y", "cat")])
    linked = annotated.with_coder("machine:X", np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert len(groups_that_never_meet(linked)) == 2


@pytest.mark.parametrize(
    ("coders", "per_item", "enough"), [(2, 2, False), (3, 3, True), (3, 1, False), (40, 2, True)], ids=str
)
def test_two_views_do_not_suffice_and_three_do(coders: int, per_item: int, enough: bool) -> None:
    drawn = draw_crowd(items=400, annotators=coders, labels_per_item=per_item, classes=3).table
    assert labels_suffice(drawn) == enough


def test_votes_without_names_suffice_from_three_an_item() -> None:
    for votes, enough in ((2, False), (3, True)):
        annotated = table([("a", "X", "cat"), ("b", "X", "dog")])
        counted = AnnotationTable(
            annotated.items,
            annotated.coders,
            annotated.classes,
            annotated.item,
            annotated.coder,
            annotated.label,
            annotated.count * votes,
        )
        assert labels_suffice(counted) == enough


def test_views_whose_errors_come_together_are_fewer() -> None:
    drawn = draw_crowd(items=400, annotators=20, labels_per_item=3, classes=3).table
    assert labels_suffice(drawn, 0.0)
    assert labels_suffice(drawn, 0.5)  # 3 / (1 + 2 · .5) = 1.5 views
    assert not labels_suffice(drawn, 0.55)


@pytest.mark.parametrize(
    ("coders", "per_item", "why"),
    [
        (2, 2, "most annotations come from coders who share images with fewer than two others"),
        (3, 1, "most images have fewer than two annotations"),
        (3, 3, None),
    ],
)
def test_labels_that_fit_more_than_one_truth_are_told_with_the_reason(
    coders: int, per_item: int, why: str | None
) -> None:
    drawn = draw_crowd(items=400, annotators=coders, labels_per_item=per_item, classes=3).table
    told = f"The labels fit more than one truth, for {why}: the confidence may be far too high."
    assert undetermined(drawn) == ("" if why is None else told)
