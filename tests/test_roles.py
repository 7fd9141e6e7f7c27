"""What the columns of a table are: by their names, by their cells, and by what a person said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from small_tables import table

from ltnet_core.datasets.corrections import NOTHING, Corrections
from ltnet_core.datasets.label_tables.column_facts import ColumnFacts
from ltnet_core.datasets.label_tables.column_roles import Roles
from ltnet_core.datasets.label_tables.roles import find_column, find_roles
from ltnet_core.datasets.tables.columns import about, labels, named, role, short, without, words
from ltnet_core.errors import DatasetError

IMAGES = [f"images/{n}.png" for n in range(8)]
NAMES = [f"{n}.png" for n in range(8)]
CLASSES = ["cat", "dog", "cow", "cat", "dog", "cow", "cat", "dog"]
OTHERS = ["cat", "cow", "cow", "dog", "dog", "cat", "cat", "dog"]


def roles(columns: dict[str, Sequence[object]], corrections: Corrections = NOTHING, shape: str | None = None) -> Roles:
    return find_roles(table(columns), IMAGES, corrections, shape)


def kinds(found: Roles) -> list[str]:
    return [q.kind for q in found.questions]


# ---- names


@pytest.mark.parametrize(
    ("name", "key", "parts"),
    [
        ("Image Name", "imagename", ["image", "name"]),
        ("true_label", "truelabel", ["true", "label"]),
        ("AnnGrade_conf2", "anngradeconf2", ["ann", "grade", "conf"]),
        ("a.b-c:d/e", "abcde", ["a", "b", "c", "d", "e"]),
        ("e\u0301tiquette", "étiquette", ["étiquette"]),
        ("", "", []),
    ],
)
def test_the_key_and_the_words_of_a_columns_name(name: str, key: str, parts: list[str]) -> None:
    assert short(name) == key
    assert words(name) == parts


@pytest.mark.parametrize(
    ("columns", "what", "expected"),
    [
        (["id", "filename", "image"], "image", "image"),
        (["id", "File Name"], "image", "id"),
        (["File Name", "x"], "image", "File Name"),
        (["bild", "x"], "image", "bild"),
        (["文件名", "标签"], "image", "文件名"),
        (["worker id"], "coder", "worker id"),
        (["labelled by"], "coder", "labelled by"),
        (["Rating"], "label", "Rating"),
        (["Dx"], "label", "Dx"),
        (["n votes"], "count", "n votes"),
        (["DataSplit"], "split", "DataSplit"),
        (["emotion_gold"], "truth", "emotion_gold"),
        (["gold_id"], "truth", None),  # a number of something
        (["True class"], "truth", "True class"),
        (["class_true"], "truth", "class_true"),
        (["true"], "truth", None),  # yes or no
        (["untrue story"], "truth", None),
        (["Ann_conf"], "confidence", "Ann_conf"),
        (["anything"], "image", None),
        ([], "image", None),
    ],
)
def test_the_column_of_a_role_by_its_name(columns: list[str], what: str, expected: str | None) -> None:
    assert role(columns, what) == expected


def test_the_usual_name_comes_first_and_each_column_once() -> None:
    assert named(["Label", "y", "label", "class"], "label") == ["label", "class", "Label", "y"]
    assert labels(["Finding Labels", "x"]) == ["Finding Labels"]
    assert labels(["Finding Labels", "Disease class"]) == []  # two may be
    assert labels(["label", "Finding Labels"]) == ["label"]


@pytest.mark.parametrize(
    ("name", "is_about"),
    [
        *((n, True) for n in ("age_group", "patient id", "AGE", "image_width", "time-stamp", "lesion ids")),
        *((n, False) for n in ("Reader1", "id", "ids", "grade", "page", "")),
    ],
)
def test_a_column_about_the_image_or_the_person(name: str, is_about: bool) -> None:
    assert about(name) is is_about


def test_columns_without_a_role_and_those_without_a_name() -> None:
    assert without(["a", "b", "unnamed: 0", "", "c"], ["b", None]) == ["a", "c"]
    assert find_column(["labels", "image"], " LABEL") is None
    assert find_column(["label", "image"], " LABEL ") == "label"
    assert find_column(["validaci\u00f3n"], "validacio\u0301n") == "validaci\u00f3n"


# ---- cells


def facts(columns: dict[str, Sequence[object]], corrections: Corrections = NOTHING) -> ColumnFacts:
    return ColumnFacts(table(columns), IMAGES, corrections)


def test_values_are_those_in_use_that_are_labels() -> None:
    some = facts({"a": ["x", "", "nan", "y", "x"], "b": ["1", "2.0", "01", "2", "x"]})
    assert some.values("a") == ["x", "y"]
    assert some.keys("b") == {"1", "2", "x"}
    assert facts({"a": ["x", "skip"]}, Corrections(missing=("skip",))).values("a") == ["x"]
    whole = table({"a": ["x", "y", "z"]})
    part = ColumnFacts(whole.keep(np.asarray([True, False, True])), IMAGES, NOTHING)
    assert part.values("a") == ["x", "z"]


@pytest.mark.parametrize(
    ("values", "few"),
    [
        ([str(n) for n in range(20)], True),
        ([str(n) for n in range(21)], False),
        ([str(n % 25) for n in range(50)], True),  # half as many as rows
        ([str(n % 26) for n in range(50)], False),
        ([str(n % 201) for n in range(1000)], False),
        ([str(n % 200) for n in range(1000)], True),
        (["0.5", "1"], False),  # measured
        (["", "nan"], False),
    ],
)
def test_few_values_are_classes(values: list[str], few: bool) -> None:
    assert facts({"a": values}).few("a") is few


def test_columns_share_classes_by_half_of_the_smaller_one() -> None:
    some = facts({"a": ["cat", "dog", "cow", "pig"], "b": ["CAT", "dog", "x", "y"], "c": ["cat", "x", "y", "z"]})
    assert some.share("a", "b")
    assert not some.share("a", "c")
    assert some.share("c", "b")
    empty = facts({"a": ["cat"], "b": [""]})
    assert not empty.share("a", "b")


def test_a_column_speaks_with_several_classes_or_one_of_anothers() -> None:
    some = facts({"a": ["cat", "dog"], "b": ["cat", "cat"], "c": ["x", "x"]})
    assert some.speaks("a", ["c"])
    assert some.speaks("b", ["a", "b"])
    assert not some.speaks("c", ["a", "b", "c"])


def test_a_column_that_says_the_same_of_an_image_in_every_row() -> None:
    some = facts({"i": ["a", "a", "b"], "truth": ["x", "x", "y"], "says": ["x", "y", "y"], "n": ["1", "2", "3"]})
    assert some.fixed("truth", "i")
    assert not some.fixed("says", "i")
    assert not some.fixed("truth", "n")  # each row is another image


def test_codes_and_names_that_say_the_same() -> None:
    some = facts({"a": ["0", "1", "0"], "b": ["cat", "dog", "cat"], "c": ["cat", "dog", "dog"], "d": ["x", "x", "x"]})
    assert some.same("a", "b")
    assert not some.same("a", "c")
    assert not some.same("a", "d")
    assert not some.same("d", "d")  # one value says nothing


def test_how_many_cells_name_images() -> None:
    some = facts({"a": ["0.png", "1.png", "x", ""], "b": ["p", "q", "r", "s"]})
    assert some.matched("a") == pytest.approx(2 / 3)
    assert some.matched("b") == 0
    without_images = ColumnFacts(table({"a": ["0.png", "1.png", "x", "y"], "e": [""] * 4}), [], NOTHING)
    assert without_images.matched("a") == 0.5
    assert without_images.matched("e") == 0


def test_groups_of_columns_that_share_classes_through_others() -> None:
    some = facts({"a": ["1", "2"], "x": ["p", "q"], "b": ["2", "3"], "c": ["3", "4"]})
    assert some.groups(["a", "x", "c", "b"]) == [["x"], ["a", "c", "b"]]


# ---- whole tables


def test_a_row_per_annotation() -> None:
    found = roles(
        {
            "image": NAMES,
            "worker": list("xyxyxyxy"),
            "label": CLASSES,
            "votes": [1] * 8,
            "usage": ["train", "test"] * 4,
            "gold": OTHERS,
            "conf": ["0.5"] * 8,
            "note": list("abcdefgh"),
        }
    )
    assert (found.shape, found.image, found.coder, found.label) == ("long", "image", "worker", "label")
    assert (found.count, found.split, found.truth, found.confidence) == ("votes", "usage", "gold", ("conf",))
    assert not found.questions
    shown = found.reading({"image": "Image"}).columns
    assert shown == {
        "Image": "image",
        "worker": "coder",
        "label": "label",
        "votes": "count",
        "usage": "split",
        "gold": "truth",
        "conf": "confidence",
        "note": "ignored",
    }


def test_a_row_per_image_with_a_column_per_annotator() -> None:
    found = roles({"file": NAMES, "Ann": CLASSES, "Ben": OTHERS, "age": list(map(str, range(8)))})
    assert (found.shape, found.image, found.coders) == ("wide", "file", ("ann", "ben"))
    assert found.reading({}).columns["ann"] == "annotator"
    assert not found.questions


def test_a_row_per_image_with_one_label() -> None:
    found = roles({"file": NAMES, "emotion": CLASSES, "site": list("aabbaabb")})
    assert (found.shape, found.label) == ("single", "emotion")
    assert found.reading({}).columns == {"file": "image", "emotion": "label", "site": "ignored"}


def test_columns_that_share_no_class_are_asked_about() -> None:
    colours = ["red", "blue"] * 4
    found = roles({"file": NAMES, "Ann": CLASSES, "Ben": OTHERS, "tint": colours})
    assert found.coders == ("ann", "ben")
    assert kinds(found) == ["column that shares no class"]
    assert found.questions[0].about == ("tint",)
    alone = roles({"file": NAMES, "Ann": CLASSES, "tint": colours})
    assert kinds(alone) == ["which column is the label"]
    assert [a.flag for a in alone.questions[0].answers] == [
        "--columns label=Ann",
        "--columns label=tint",
        "--annotators Ann,tint",
    ]


def test_columns_beside_the_label_with_its_classes_are_asked_about() -> None:
    found = roles({"file": NAMES, "label": CLASSES, "second": OTHERS})
    assert (found.shape, found.coders) == ("wide", ("label", "second"))
    assert kinds(found) == ["columns of the same classes"]
    assert [a.flag for a in found.questions[0].answers] == ["--annotators label,second", "--ignore second"]
    agreed = roles({"file": NAMES, "label": CLASSES, "consensus": OTHERS})
    assert agreed.coders == ("label",)  # made of the others' labels


def test_a_source_beside_the_label_is_asked_about() -> None:
    found = roles({"file": NAMES, "label": CLASSES, "dataset": ["A", "B"] * 4})
    assert kinds(found) == ["source column"]
    assert [a.flag for a in found.questions[0].answers] == ["--columns coder=dataset,label=label", "--ignore dataset"]
    said = roles(
        {"file": NAMES, "label": CLASSES, "dataset": ["A", "B"] * 4}, Corrections(columns={"coder": "DATASET"})
    )
    assert (said.shape, said.coder, kinds(said)) == ("long", "dataset", [])


def test_several_columns_called_like_labels_are_asked_about() -> None:
    found = roles({"file": NAMES, "label": CLASSES, "emotion": ["p", "q"] * 4})
    assert kinds(found) == ["which column is the label"]
    assert found.coders == ("label", "emotion")
    twins = roles({"file": NAMES, "class": [str("catdogcow".index(c) // 3) for c in CLASSES], "label": CLASSES})
    assert (twins.shape, twins.label, kinds(twins)) == ("single", "label", [])  # codes of the same names


def test_truth_that_is_not_called_so_is_asked_about() -> None:
    rows = {"image": [n for n in NAMES[:4] for _ in "ab"], "rater": list("abababab"), "label": CLASSES}
    fixed = [CLASSES[n] for n in range(4) for _ in "ab"]
    found = roles({**rows, "right": fixed})
    assert kinds(found) == ["truth beside a response"]
    assert found.questions[0].about == ("label", "right")
    assert kinds(roles({**rows, "right": OTHERS})) == ["which column is the label"]  # it differs between the raters
    assert roles({**rows, "truth": fixed}).truth == "truth"


def test_several_answers_of_one_annotator_for_an_image_are_asked_about() -> None:
    image = [n for n in NAMES[:2] for _ in range(4)]
    found = roles(
        {"image": image, "rater": list("aabbaabb"), "round": list("12121212"), "label": ["cat", "dog"] * 4},
    )
    assert kinds(found) == ["several questions"]
    assert "they answer different questions" in found.questions[0].sentence
    assert [a.flag for a in found.questions[0].answers] == [
        "--columns split=round --split train=1 --split ignore=2",
        "--columns split=round --split train=2 --split ignore=1",
    ]
    again = roles(
        {
            "image": image,
            "rater": list("aabbaabb"),
            "round": list("12121212"),
            "label": ["cat", "dog", "dog", "cat"] * 2,
        }
    )
    assert "they answered again" in again.questions[0].sentence


def test_who_labelled_is_asked_where_images_have_several_rows() -> None:
    found = roles({"image": [n for n in NAMES[:4] for _ in "ab"], "by": list("abababab"), "label": CLASSES})
    assert "who labelled" in kinds(found)
    way = next(q for q in found.questions if q.kind == "who labelled").answers[0]
    assert way.flag == "--columns coder=by,label=label"


def test_columns_called_by_person_and_question() -> None:
    columns = {"file": NAMES, "Ann_kind": CLASSES, "Ann_stage": OTHERS, "Ben_kind": OTHERS, "Ben_stage": CLASSES}
    found = roles(columns)
    assert kinds(found) == ["annotators and questions"]
    flags = [a.flag for a in found.questions[0].answers]
    assert flags == [
        "--annotators Ann_kind,Ben_kind",
        "--annotators Ann_stage,Ben_stage",
        "--annotators Ann_kind,Ann_stage",
        "--annotators Ben_kind,Ben_stage",
        "--annotators Ann_kind,Ann_stage,Ben_kind,Ben_stage",
    ]


@pytest.mark.parametrize(
    ("columns", "corrections", "shape", "expected"),
    [
        ({"cat": [1, 0] * 4, "dog": [0, 1] * 4}, Corrections(classes_are=("CAT", "dog")), "votes", ("cat", "dog")),
        ({"Ann": CLASSES, "Ben": OTHERS, "Cem": CLASSES}, Corrections(annotators=("Ben",)), "wide", ("ben",)),
        ({"Ann": CLASSES, "Ben": OTHERS}, Corrections(ignore=("ann",)), "wide", ("ben",)),
    ],
)
def test_what_a_person_said_comes_first(
    columns: dict[str, Sequence[object]], corrections: Corrections, shape: str, expected: tuple[str, ...]
) -> None:
    found = roles({"file": NAMES, **columns}, corrections)
    assert (found.shape, found.votes or found.coders) == (shape, expected)
    assert not found.questions


def test_columns_chosen_by_hand_need_no_names() -> None:
    chosen = Corrections(columns={"image": "a", "coder": "b", "label": "c"})
    found = roles({"a": NAMES, "b": list("xyxyxyxy"), "c": CLASSES}, chosen)
    assert (found.shape, found.image, found.coder, found.label) == ("long", "a", "b", "c")
    single = roles({"a": NAMES, "b": list("xyxyxyxy"), "c": CLASSES}, Corrections(columns={"label": "c"}))
    assert (single.shape, single.image, single.label) == ("single", "a", "c")


def test_the_column_of_images_is_the_one_whose_cells_name_images() -> None:
    numbers = list(map(str, range(100, 108)))
    assert roles({"id": numbers, "face": NAMES, "label": CLASSES}).image == "face"
    assert roles({"id": NAMES, "face": numbers, "label": CLASSES}).image == "id"
    assert find_roles(table({"id": numbers, "label": CLASSES}), [], NOTHING).image == "id"


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ({"a": ["x"] * 8, "b": CLASSES}, "no column of image names"),
        ({"image": NAMES, "rater": list("xyxyxyxy"), "age": list(map(str, range(8)))}, "no column of labels"),
        ({"image": NAMES, "age": ["1"] * 8}, "no column of labels: 'age' are none"),
        ({"image": NAMES}, "no column of labels"),
    ],
)
def test_what_a_table_lacks(columns: dict[str, Sequence[object]], missing: str) -> None:
    found = roles(columns)
    assert (found.shape, found.missing) == ("none", missing)
    assert set(found.reading({}).columns.values()) == {"ignored"}


def test_a_form_to_be_filled_in_is_no_table_of_labels() -> None:
    form = table({"image": NAMES, "label": CLASSES}, file="sample_submission.csv")
    assert find_roles(form, IMAGES, NOTHING).missing == "a form to be filled in"
    assert find_roles(form, IMAGES, Corrections(columns={"label": "label"})).shape == "single"


def test_a_first_row_of_data_is_no_header() -> None:
    with pytest.raises(DatasetError, match=r"f\.csv, row 1: there is no header: the first row holds data \('cat', 'x'"):
        roles({"cat": ["cat", *CLASSES[:7]], "x": list("xyxyxyxy"), "image": NAMES})
    with pytest.raises(DatasetError, match="there is no header"):
        roles({"7": NAMES, "image label": CLASSES}, Corrections(columns={"image": "7"}))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("wide", ("wide", ("ann", "n"))), ("votes", ("votes", ("ann", "n")))],
)
def test_a_format_chosen_by_hand(shape: str, expected: tuple[str, tuple[str, ...]]) -> None:
    found = roles({"file": NAMES, "Ann": CLASSES, "n": ["1", "2"] * 4}, shape=shape)
    assert (found.shape, found.coders or found.votes) == expected


def test_the_plain_format_knows_its_columns_by_name() -> None:
    columns = {"image": NAMES, "label": list("xyxyxyxy"), "coder": CLASSES, "rater": OTHERS, "response": OTHERS}
    found = roles(columns, shape="plain")
    assert (found.shape, found.image, found.coder, found.label) == ("long", "image", "coder", "label")
    assert not found.questions
