"""Which rows of a table count, which of two images a row is about, and columns of counts beside labels."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import write_csv
from read_exports import put
from small_tables import table

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.corrections import NOTHING, Corrections
from ltnet_core.datasets.formats import mturk, toloka
from ltnet_core.datasets.label_tables.column_roles import Roles
from ltnet_core.datasets.label_tables.roles import find_roles
from ltnet_core.datasets.label_tables.row_questions import rows_set_aside
from ltnet_core.datasets.questions import Question
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.datasets.study import Study
from ltnet_core.errors import DatasetError
from ltnet_core.settings.flags import names

IMAGES = [f"{n}.png" for n in range(8)]
CLASSES = ["cat", "dog", "cow", "cat", "dog", "cow", "cat", "dog"]


def corrections(flags: str) -> Corrections:
    """What the flags of an answer say."""
    columns, split, ignore = {}, {}, ()
    for option, value in zip(*[iter(shlex.split(flags))] * 2, strict=True):
        if option == "--columns":
            columns |= dict(n.split("=") for n in names(value))
        elif option == "--split":
            part, _, values = value.partition("=")
            split |= dict.fromkeys(names(values), part)
        else:
            assert option == "--ignore"
            ignore = tuple(names(value))
    return Corrections(columns=columns, split=split, ignore=ignore)


def load(path: Path, said: Corrections = NOTHING) -> tuple[Study, list[Question]]:
    study = load_dataset(path, corrections=said)
    return study, [q for q in study.reading.questions if q.kind == "rows that may not count"]


@pytest.mark.parametrize(
    ("title", "values", "aside"),
    [
        ("status", ["Approved", "REJECTED", "in progress"], ["REJECTED", "in progress"]),
        ("_tainted", ["false", "true"], ["true"]),
        ("was_cancelled", ["0"], []),
        ("is_valid", ["0", "1"], ["0"]),
        ("passed", ["Yes", "No"], ["No"]),
        ("smiling", ["yes", "no"], []),
        ("source", ["human", "model"], ["model"]),
        ("brand", ["human", "model"], []),
        ("status", ["approved", "submitted"], []),
        ("note", ["rejected", *map(str, range(20))], []),
    ],
)
def test_values_of_rows_that_may_not_count(title: str, values: list[str], aside: list[str]) -> None:
    assert rows_set_aside(title, values) == aside


@pytest.mark.parametrize("shape", ["long", "single", "wide"])
def test_rejected_rows_are_asked_about_and_every_answer_is_read(shape: str, tmp_path: Path) -> None:
    out = ["rejected" if n in (1, 4) else "approved" for n in range(8)]
    cells: dict[str, Sequence[str]] = {"image": IMAGES, "label": CLASSES, "status": out}
    if shape == "wide":
        cells = {"image": IMAGES, "Ann": CLASSES, "Ben": CLASSES[::-1], "status": out}
    if shape == "long":
        cells["worker"] = ["Ann", "Ben"] * 4
    write_csv(tmp_path / "labels.csv", tuple(cells), list(zip(*cells.values(), strict=True)))
    study, (question,) = load(tmp_path / "labels.csv")
    with pytest.raises(DatasetError, match=r"labels\.csv: the column 'status' says 'rejected' of some rows"):
        study.require_sound()
    assert len(study.table) == 8 * len(study.table.coders) or shape == "long"
    left_out, counted = (load(tmp_path / "labels.csv", corrections(a.flag)) for a in question.answers)
    assert left_out[1] == counted[1] == []
    assert len(left_out[0].training_table()) == len(study.table) * 6 // 8
    assert len(counted[0].training_table()) == len(study.table)


@pytest.mark.parametrize("format", ["plain", "long-table"])
def test_a_format_chosen_by_hand_asks_too(format: str, tmp_path: Path) -> None:
    rows = [(n, "Ann", c, "deleted" if c == "cow" else "") for n, c in zip(IMAGES, CLASSES, strict=True)]
    write_csv(tmp_path / "annotations.csv", ("image", "coder", "label", "state"), rows)
    study = load_dataset(tmp_path, format)
    assert [q.about for q in study.reading.questions] == [("state",)]
    left_out = load_dataset(tmp_path, format, corrections(study.reading.questions[0].answers[0].flag))
    assert (len(left_out.training_table()), left_out.reading.questions) == (6, ())


def test_beside_a_split_the_rows_can_only_be_counted() -> None:
    cells = {"image": IMAGES, "label": CLASSES, "split": ["train", "test"] * 4, "deleted": ["0", "1"] * 4}
    (question,) = found(cells).questions
    assert [a.flag for a in question.answers] == ["--ignore deleted"]


def found(columns: dict[str, Sequence[object]], said: Corrections = NOTHING, images: Sequence[str] = IMAGES) -> Roles:
    return find_roles(table(columns), images, said)


def test_two_images_in_a_row_are_asked_about() -> None:
    turned = [*IMAGES[1:], IMAGES[0]]
    cells = {"image": IMAGES, "reference_image": turned, "worker": ["Ann"] * 8, "label": CLASSES}
    (question,) = found(cells).questions
    assert question.kind == "two images in a row"
    assert [a.flag for a in question.answers] == ["--columns image=image", "--columns image=reference_image"]
    other = found(cells, Corrections(columns={"image": "reference_image"}))
    assert (other.image, other.truth, other.questions) == ("reference_image", None, ())


@pytest.mark.parametrize(
    "second",
    [
        [f"https://x.test/faces/{n}" for n in IMAGES],  # the same images by address
        [f"https://flickr.test/{n}_z.jpg" for n in range(8)],  # no images of the dataset
        ["logo.png"] * 8,
    ],
)
def test_another_name_of_the_image_is_no_second_image(second: list[str]) -> None:
    cells = {"image": IMAGES, "url": second, "worker": ["Ann"] * 8, "label": CLASSES}
    assert found(cells).questions == ()


@pytest.mark.parametrize(
    ("reader", "head"),
    [
        (mturk, "HITId,WorkerId,Input.left,Input.right,Answer.kind.label"),
        (toloka, "ASSIGNMENT:status,ASSIGNMENT:worker_id,INPUT:left,INPUT:right,OUTPUT:kind"),
    ],
)
def test_an_export_about_pairs_of_images_is_refused(reader: object, head: str, tmp_path: Path) -> None:
    rows = [f"APPROVED,W,{a},{b},cat" for a, b in itertools.pairwise(IMAGES)]
    put(tmp_path, "e.csv", "\n".join([head, *rows, ""]))
    with pytest.raises(DatasetError, match=r"e\.csv, row 1: the columns '.*left' and '.*right' name different images"):
        reader.read(FolderFiles(tmp_path), "set")  # type: ignore[attr-defined]


def test_counts_called_like_the_classes_of_a_label_are_asked_about() -> None:
    votes = {"cat_vote": [5, 0, 1] * 2 + [4, 0], "dog_vote": [0, 6, 2] * 2 + [1, 3], "cow_vote": [1, 0, 3] * 2 + [0, 0]}
    for column in ("label", "expert_consensus"):
        seen = found({"image": IMAGES, column: CLASSES, "eeg_id": range(8), **votes})
        assert (seen.shape, seen.votes) == ("votes", tuple(votes))
        assert [a.flag for a in seen.questions[0].answers] == [
            "--classes-are cat_vote,dog_vote,cow_vote",
            f"--columns label={column}",
        ]
    shares = {c: [n / 10 for n in v] for c, v in votes.items()}
    assert found({"image": IMAGES, "label": CLASSES, **shares}).shape == "single"


def test_findings_with_gaps_may_be_classes() -> None:
    gaps = {"Edema": ["1", "0", "", "-1"] * 2, "Hernia": ["", "1", "0", "0"] * 2}
    (question,) = found({"image": IMAGES, **gaps}).questions
    assert [a.flag for a in question.answers] == ["--annotators Edema,Hernia", "--classes-are Edema,Hernia"]
    people = {f"reader{i}": v for i, v in enumerate(gaps.values())}
    assert found({"image": IMAGES, **people}).questions == ()
    grades = {c: [v.replace("1", "2") for v in cells] for c, cells in gaps.items()}
    assert found({"image": IMAGES, **grades}).questions == ()


def test_coordinates_are_no_labels() -> None:
    cells = {"image": IMAGES, "finding label": CLASSES, "x": [1, 2] * 4, "y": [2, 1] * 4}
    assert found(cells).label == "finding label"
    assert found({"x": IMAGES, "y": CLASSES}).label == "y"


def test_numbers_beside_a_truth_of_names_are_asked_about(tmp_path: Path) -> None:
    numbers = [{"cat": 0, "dog": 1, "cow": 2}[c] for c in CLASSES]
    rows = list(zip(IMAGES, ["Ann"] * 8, numbers, CLASSES, strict=True))
    write_csv(tmp_path / "labels.csv", ("image", "worker", "label", "truth"), rows)
    study = load_dataset(tmp_path / "labels.csv")
    assert [q.kind for q in study.reading.questions] == ["numbers and names"]
    assert "'Ann' wrote numbers (0, 1, 2) and 'the known truth' names (cat, cow, dog)" in (
        study.reading.questions[0].sentence
    )


def test_classes_may_hold_brackets_and_colons(tmp_path: Path) -> None:
    for classes in (("[0, 10]", "[10, 20]", "[20, 30]"), ("grade:1", "grade:2", "1:2"), ("{x}", "[y]", "a, b")):
        of = dict(zip(("cat", "dog", "cow"), classes, strict=True))
        rows = [(i, "Ann", of[c]) for i, c in zip(IMAGES, CLASSES, strict=True)]
        write_csv(tmp_path / "labels.csv", ("image", "worker", "label"), rows)
        assert set(load_dataset(tmp_path / "labels.csv").table.classes) == set(classes)


@pytest.mark.parametrize("cell", ['{{"answer": "{}"}}', "{{'answer': '{}'}}"])
def test_a_record_is_no_class(cell: str, tmp_path: Path) -> None:
    rows = [(i, "Ann", cell.format(c)) for i, c in zip(IMAGES, CLASSES, strict=True)]
    write_csv(tmp_path / "labels.csv", ("image", "worker", "label"), rows)
    with pytest.raises(DatasetError, match=r"labels\.csv: the label .* is a record or a list, no class"):
        load_dataset(tmp_path / "labels.csv")


def test_votes_with_empty_cells_may_be_classes() -> None:
    votes = {"cat": ["5", "", "4"] * 2 + ["", "5"], "dog": ["", "5", "1"] * 2 + ["5", ""]}
    (question,) = found({"image": IMAGES, **votes}).questions
    assert [a.flag for a in question.answers] == ["--annotators cat,dog", "--classes-are cat,dog"]
    grades = {"Ann": ["5", "", "4", "3"] * 2, "Ben": ["", "4", "3", "3"] * 2}
    assert found({"image": IMAGES, **grades}).questions == ()


def test_decimal_commas_and_words_of_yes_and_no_are_numbers() -> None:
    shares = {"cat": ["0,7", "0,25"] * 4, "dog": ["0,3", "0,75"] * 4}
    assert found({"image": IMAGES, **shares}).shape == "votes"
    cells = table(
        {"a": ["1,5", "-2", ""], "b": ["1,500", "2", "3"], "c": ["yes", "No", ""], "d": ["TRUE", "false", "f"]}
    )
    np.testing.assert_array_equal(cells.numbers("a"), [1.5, -2, np.nan])
    np.testing.assert_array_equal(cells.numbers("b"), [np.nan, 2, 3])
    np.testing.assert_array_equal(cells.votes(["c", "c"]), [[1, 1], [0, 0], [np.nan, np.nan]])
    assert np.isnan(cells.votes(["c", "a"])[:, 0]).all() and np.isnan(cells.votes(["c", "d"])).all()
    (question,) = found(
        {"image": IMAGES, "smiling": ["yes", "no"] * 4, "tall": ["no", "no", "yes", "yes"] * 2}
    ).questions
    assert question.sentence.startswith(
        "f.csv: the columns 'smiling', 'tall' hold true and false, or yes and no, and a"
    )


def test_counts_without_a_coder_are_votes(tmp_path: Path) -> None:
    rows = [(i, c, n) for i, c in zip(IMAGES, CLASSES, strict=True) for c, n in ((c, 3), ("bird", 1))]
    write_csv(tmp_path / "labels.csv", ("image", "label", "count"), rows)
    study = load_dataset(tmp_path / "labels.csv")
    study.require_sound()
    assert (study.table.coders, study.table.count.tolist()) == (("labels",), [1.0, 3.0] * 8)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("['{0}', 'bird']", "is a record or a list, no class"),
        ("[{1}, 2, 3]", "is a record or a list, no class"),
        ("Ann:{0};Ben:bird", "is a record or a list, no class"),
        ("{1}.5", "is one of 24 measured numbers"),
        ("{0} number {1}", "is one of 24 that occur once"),
    ],
)
def test_what_no_class_is_called_is_refused(cell: str, why: str, tmp_path: Path) -> None:
    rows = [
        (i, w, cell.format(c, 8 * n + k))
        for n, w in enumerate("ABC")
        for k, (i, c) in enumerate(zip(IMAGES, CLASSES, strict=True))
    ]
    write_csv(tmp_path / "labels.csv", ("image", "worker", "label"), rows)
    with pytest.raises(DatasetError, match=r"^labels\.csv: the label .* " + why):
        load_dataset(tmp_path / "labels.csv")
