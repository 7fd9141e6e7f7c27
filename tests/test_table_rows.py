"""Annotations and known truth of tables whose columns' roles are known; votes, parts and absent labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from small_tables import table

from ltnet_core.datasets.corrections import NOTHING, Corrections
from ltnet_core.datasets.label_tables.column_roles import Roles
from ltnet_core.datasets.label_tables.repeated_rows import people_and_questions, which_question, who_labelled
from ltnet_core.datasets.label_tables.role_questions import Titles
from ltnet_core.datasets.label_tables.table_rows import (
    from_votes,
    melt,
    renamed_images,
    rows_of,
    stem,
    truth_of,
    without_column,
)
from ltnet_core.datasets.label_tables.vote_columns import Votes, odd_vote, votes_in
from ltnet_core.datasets.reading import Rows

NAMES = ["a", "b", "c"]


def listed(rows: Rows | None) -> list[tuple[str, ...]]:
    assert rows is not None
    return [tuple(map(str, row)) for row in rows.frame.itertuples(index=False)]


def test_the_cell_that_keeps_columns_from_being_votes_is_named() -> None:
    cells = {"image": list("abcdefgh"), "Cat": ["0.5"] * 8, "Dog": ["0.5"] * 3 + ["-0.5"] + ["0.5"] * 4}
    assert odd_vote(table(cells), ["cat", "dog"]).startswith(
        " (votes are numbers from 0 on; row 5 of 'Dog' holds '-0.5'"
    )
    assert "row 2 of 'Cat' is empty" in odd_vote(
        table(cells | {"Cat": [""] + ["0.5"] * 7, "Dog": ["1"] * 8}), ["cat", "dog"]
    )
    assert odd_vote(table(cells | {"Dog": ["1"] * 8}), ["cat", "dog"]) == ""
    assert odd_vote(table(cells | {"Dog": ["x"] * 8}), ["cat", "dog"]) == odd_vote(table(cells), ["dog"]) == ""


def test_percentages_are_shares_of_one_vote() -> None:
    cells = {"image": NAMES, "Cat": ["99.5", "20", "33.3"], "Dog": ["0.5", "80", "66.7"]}
    some = table(cells)
    assert votes_in(some, ["cat", "dog"], NOTHING) == Votes(("cat", "dog"))
    rows = from_votes(some, "image", ["cat", "dog"], "crowd")
    np.testing.assert_allclose(rows.frame["count"], [0.995, 0.005, 0.2, 0.8, 0.333, 0.667])
    whole = table({"image": NAMES, "Cat": [99, 20, 33], "Dog": [1, 80, 67]})  # a hundred people may have voted
    assert from_votes(whole, "image", ["cat", "dog"], "crowd").frame["count"].tolist() == [99, 1, 20, 80, 33, 67]


def test_a_files_name_without_folders_and_ending() -> None:
    assert [stem(f) for f in ("x/y/Ann.v1.csv", "Ann", "x/.csv")] == ["Ann.v1", "Ann", ".csv"]


def test_one_row_per_annotation_of_a_wide_table() -> None:
    missing: dict[str, int] = {}
    rows = melt(
        table({"image": NAMES, "Ann": ["x", "", "y"], "Ben": ["nan", "y", "x"]}),
        "image",
        ["ann", "ben"],
        NOTHING,
        missing,
    )
    assert listed(rows) == [("a", "Ann", "x"), ("c", "Ann", "y"), ("b", "Ben", "y"), ("c", "Ben", "x")]
    assert rows.row.tolist() == [2, 4, 3, 4]
    assert missing == {"nan": 1}  # an empty cell is no value
    assert listed(melt(table({"image": NAMES}), "image", [])) == []


@pytest.mark.parametrize(
    ("ann", "ben", "corrections", "left"),
    [
        (["-1", "0", "2"], ["0", "-1", "-1"], NOTHING, ["0", "2", "0"]),
        (["-1.0", "0", "2"], ["0", "0", "0"], NOTHING, ["0", "2", "0", "0", "0"]),
        (["-1", "0", "1"], ["0", "1", "1"], NOTHING, ["-1", "0", "1", "0", "1", "1"]),  # three grades
        (["-1", "0", "2"], ["0", "0", "0"], Corrections(missing=()), ["-1", "0", "2", "0", "0", "0"]),
        (["-1", "0", "2"], ["0", "0", "0"], Corrections(missing=("2",)), ["-1", "0", "0", "0", "0"]),
    ],
)
def test_minus_one_of_a_wide_table(ann: list[str], ben: list[str], corrections: Corrections, left: list[str]) -> None:
    rows = melt(table({"image": NAMES, "Ann": ann, "Ben": ben}), "image", ["ann", "ben"], corrections)
    assert [k for *_, k in listed(rows)] == left


def test_votes_are_rows_with_a_count_and_what_is_no_number_is_kept_to_be_named() -> None:
    some = table({"image": NAMES, "Cat": ["3", "0", "x"], "Dog": ["1", "", "2"]})
    rows = from_votes(some, "image", ["cat", "dog"], "crowd")
    frame = rows.frame
    assert list(zip(frame["image"], frame["coder"], frame["label"], strict=True)) == [
        ("a", "crowd", "Cat"),
        ("a", "crowd", "Dog"),
        ("c", "crowd", "Cat"),
        ("c", "crowd", "Dog"),
    ]
    np.testing.assert_array_equal(frame["count"], [3, 1, np.nan, 2])
    assert frame["count_text"].tolist() == ["", "", "x", ""]
    assert rows.row.tolist() == [2, 2, 4, 4]
    own = from_votes(some, "image", ["dog"], some.frame["cat"])
    assert own.frame["coder"].tolist() == ["3", "x"]
    assert "count_text" not in own.frame


def roles(**how: object) -> Roles:
    return Roles("f.csv", image="image", **how)  # type: ignore[arg-type]


LONG = table(
    {
        "image": NAMES,
        "who": ["X", "Y", "X"],
        "label": ["x", "n/a", "nan"],
        "n": ["1", "2", "3"],
        "set": ["train", "out", "val"],
        "gold": ["x", "", "x"],
    }
)


def test_rows_of_a_long_table_with_all_columns() -> None:
    found = rows_of(
        LONG, roles(shape="long", coder="who", label="label", count="n", split="set", truth="gold"), NOTHING, "f"
    )
    assert listed(found.labels) == [("a", "X", "x", "1.0", "train", "1"), ("b", "Y", "n/a", "2.0", "train", "2")]
    assert found.missing == {"nan": 1}
    assert found.splits == {"train": "train", "out": "train", "val": "test"}
    assert [q.kind for q in found.questions] == ["split values"]
    assert listed(found.truth) == [("a", "x", "train"), ("c", "x", "test:val")]


def test_rows_to_ignore_are_gone_and_answered_questions_with_them() -> None:
    said = Corrections(split={"out": "ignore"}, missing=("N/A",))
    found = rows_of(LONG, roles(shape="long", coder="who", label="label", split="set"), said, "f")
    assert [r[0] for r in listed(found.labels)] == ["a"]
    assert found.questions == ()
    assert found.missing == {"nan": 1}
    kept = rows_of(LONG, roles(shape="long", coder="who", label="label"), said, "f")
    assert kept.missing == {"n/a": 1, "nan": 1}


def test_a_single_column_is_the_coders_and_a_whole_table_may_be_a_part() -> None:
    found = rows_of(LONG, roles(shape="single", label="label"), NOTHING, "Ann", "test:val")
    assert listed(found.labels) == [("a", "Ann", "x", "test:val"), ("b", "Ann", "n/a", "test:val")]
    assert found.splits == {}
    votes = rows_of(
        table({"image": ["a"], "Cat": [2], "Dog": [0]}), roles(shape="votes", votes=("cat", "dog")), NOTHING, "crowd"
    )
    assert listed(votes.labels) == [("a", "crowd", "Cat", "2.0")]


def test_columns_left_out_are_named() -> None:
    some = table({"image": NAMES, "Ann": ["x", "y", "x"], "Notes": ["p", "q", "r"]})
    found = rows_of(some, roles(shape="wide", coders=("ann",), left=("notes",)), NOTHING, "f")
    assert found.labels is not None
    (problem,) = found.labels.remarks
    assert problem.examples == ("f.csv: 'Notes' is no annotator's.",)
    many = table({"image": list(map(str, range(20))), "Ann": ["x"] * 20, "Notes": list(map(str, range(20)))})
    found = rows_of(many, roles(shape="wide", coders=("ann",), left=("notes",)), NOTHING, "f")
    assert found.labels is not None
    assert found.labels.remarks[0].examples == ("f.csv: 'Notes' is no annotator's: too many different values.",)


def test_truth_beside_labels_counts_once_for_each_image_and_alone_each_row() -> None:
    some = table(
        {"image": ["a", "a", "b"], "who": ["X", "Y", "X"], "label": ["x", "y", "x"], "gold": ["x", "x", "nan"]}
    )
    found = rows_of(some, roles(shape="long", coder="who", label="label", truth="gold"), NOTHING, "f")
    assert listed(found.truth) == [("a", "x")]
    alone = truth_of(some, "image", "gold", roles(), NOTHING)
    assert alone.labels is None
    assert listed(alone.truth) == [("a", "x"), ("a", "x")]
    assert alone.truth is not None
    assert alone.truth.row.tolist() == [2, 3]


def test_images_under_other_names_and_rows_without_a_column() -> None:
    assert list(renamed_images(LONG, "image", ["p", "q", "q"]).frame["image"]) == ["p", "q", "q"]
    rows = Rows.of(LONG, {"image": "image", "label": "label", "split": "set"})
    assert list(without_column(rows, "split").frame.columns) == ["image", "label"]


# ---- votes or annotators


def votes(columns: dict[str, Sequence[object]], corrections: Corrections = NOTHING) -> Votes | None:
    return votes_in(table(columns), [c.lower() for c in columns], corrections)


def questions(columns: dict[str, Sequence[object]]) -> list[str]:
    found = votes(columns)
    return ["none"] if found is None else [q.kind for q in found.questions]


def test_columns_that_add_up_are_votes() -> None:
    assert votes({"cat": [3, 0, 2], "dog": [1, 4, 2]}) == Votes(("cat", "dog"))  # four voters
    assert votes({"cat": [0.25, 1.0], "dog": [0.75, 0.0]}) == Votes(("cat", "dog"))  # shares
    assert votes({"cat": [25.5, 60], "dog": [74.5, 41.9]}) == Votes(("cat", "dog"))  # per cent, nearly
    assert votes({"cat": [1, 0, 0], "dog": [0, 1, 1]}) == Votes(("cat", "dog"))  # one is marked
    assert votes({"happy": [3, 0], "sad": [1, 9]}) == Votes(("happy", "sad"))  # words of faces


def test_columns_that_are_no_votes() -> None:
    assert votes({"cat": [3, 0]}) is None
    assert votes({"cat": [], "dog": []}) is None
    assert votes({"cat": [3, ""], "dog": [1, 4]}) is None
    assert votes({"cat": [3, -1], "dog": [1, 4]}) is None
    assert votes({"cat": [0.5, 0.1], "dog": [0.2, 0.1]}) is None  # measures
    assert votes({"cat": [3, 0], "dog": [1, 4]}, Corrections(annotators=("cat",))) is None
    assert votes({"reader1": [3, 2, 1], "reader2": [3, 2, 2], "reader3": [3, 1, 1]}) is None  # grades
    assert votes({"cat": [0] * 19 + [1], "dog": [0] * 20}) is None  # hardly any row has one


def test_a_total_is_no_class() -> None:
    assert votes({"cat": [3, 0], "dog": [1, 4], "total": [4, 4]}) == Votes(("cat", "dog"))
    assert votes({"cat": [3, 0], "dog": [1, 5], "cow": [4, 5]}) != Votes(
        ("cat", "dog")
    )  # two rows may add up by chance
    many = {"cat": [3, 0] * 10, "dog": [1, 5] * 10, "cow": [4, 5] * 10}
    assert votes(many) == Votes(("cat", "dog"))


def test_zeros_and_ones_that_add_up_to_anything_are_asked_about() -> None:
    columns = {"Cat": [1, 0, 1, 0], "Dog": [1, 0, 0, 0]}
    assert questions(columns) == ["annotators or classes"]
    found = votes(columns)
    assert found is not None
    assert [a.flag for a in found.questions[0].answers] == ["--annotators Cat,Dog", "--classes-are Cat,Dog"]
    assert questions({"Reader1": [1, 0, 1], "Reader2": [0, 1, 0]}) == ["annotators or classes"]  # never agree


def test_whole_numbers_that_take_from_each_other_are_asked_about() -> None:
    assert questions({"cat": [9, 0, 5, 0], "dog": [0, 7, 1, 6]}) == ["annotators or classes"]
    assert questions({"cat": [4, 2, 1, 3], "dog": [4, 2, 1, 2]}) == ["none"]  # rise and fall together


# ---- several rows of an image


def titles(**names: str) -> Titles:
    return Titles("f.csv", names)


def test_who_labelled_is_a_column_that_tells_the_rows_of_an_image_apart() -> None:
    some = table({"image": ["a", "a", "b"], "by": ["X", "Y", "X"], "label": ["x", "x", "y"], "other": ["p", "p", "p"]})
    asked = who_labelled(some, titles(by="By"), "image", ["by", "label", "other"], ["label"])
    assert asked is not None
    assert [a.flag for a in asked.answers] == ["--columns coder=By,label=label"]
    without = who_labelled(some, titles(), "image", ["by", "other"], ["other"])
    assert without is not None
    assert [a.flag for a in without.answers] == ["--columns coder=by,label=other"]
    assert who_labelled(some, titles(), "image", ["other"], ["label"]) is None
    once = table({"image": ["a", "b"], "by": ["X", "Y"], "label": ["x", "y"]})
    assert who_labelled(once, titles(), "image", ["by"], "label") is None
    assert who_labelled(table({"image": [], "by": []}), titles(), "image", ["by"], None) is None


def test_which_question_the_rows_of_an_annotator_answer() -> None:
    some = table(
        {"image": list("aaaa"), "by": list("XXYY"), "q": list("1212"), "label": list("pqpq"), "n": list("3333")}
    )
    asked = which_question(some, titles(), "image", "by", "label", ["n", "q"])
    assert asked is not None
    assert asked.about == ("q",)
    assert "answer different questions" in asked.sentence
    many = table({"image": ["a"] * 13, "by": ["X"] * 13, "q": list(map(str, range(13))), "label": ["p"] * 13})
    assert which_question(many, titles(), "image", "by", "label", ["q"]) is None  # thirteen are no questions
    single = table({"image": list("ab"), "by": list("XX"), "q": list("12"), "label": list("pq")})
    assert which_question(single, titles(), "image", "by", "label", ["q"]) is None


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        (["Ann_x", "Ann_y", "Ben_x", "Ben_y"], "--annotators Ann_x,Ben_x"),
        (["Ann x", "Ann y", "Ben x", "Ben y"], "--annotators 'Ann x,Ben x'"),
        (["a:Ann:1", "b:Ann:1", "a:Ben:1", "b:Ben:1"], "--annotators a:Ann:1,b:Ann:1"),
        (["Ann_x", "Ann_y", "Ben_x"], None),
        (["Ann_x", "Ben_x"], None),
        (["_x", "_y", "Ben_x", "Ben_y"], None),
        (["Ann", "Ben", "Cem", "Dan"], None),
    ],
)
def test_columns_called_by_two_things(columns: list[str], first: str | None) -> None:
    asked = people_and_questions(titles(), columns)
    assert (asked.answers[0].flag if asked else None) == first
