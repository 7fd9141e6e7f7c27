"""From a reading to a checked study: spelling, missing labels, coders, parts, questions, and what is set aside."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import write_image

from ltnet_core.datasets.assemble import assemble, merge
from ltnet_core.datasets.coded_columns import categorical
from ltnet_core.datasets.corrections import NOTHING, Corrections
from ltnet_core.datasets.dataset_reading import TableReading
from ltnet_core.datasets.names.class_codes import short_codes
from ltnet_core.datasets.reading import Reading, Rows
from ltnet_core.datasets.revise import folder_parts, revise
from ltnet_core.datasets.sources.files import Files, FolderFiles
from ltnet_core.datasets.study import EXAMPLES, Problem, Study
from ltnet_core.errors import DatasetError

Row = tuple[str, ...]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for number, name in enumerate("abcd"):
        write_image(tmp_path / "images" / f"{name}.png", number)
    return FolderFiles(tmp_path)


def rows(
    content: Sequence[Row], columns: Row = ("image", "coder", "label"), count: Sequence[float] | None = None
) -> Rows:
    cells = zip(*content, strict=True) if content else [()] * len(columns)
    frame = pd.DataFrame({name: categorical(list(values)) for name, values in zip(columns, cells, strict=True)})
    if count is not None:
        frame["count"] = np.asarray(count, dtype=np.float64)
    return Rows("f.csv", frame, np.arange(2, len(frame) + 2, dtype=np.int32))


def reading(files: Files, labels: Sequence[Row], truth: Sequence[Row] = (), **how: Any) -> Reading:
    known = [rows(truth, ("image", "label", "split"))] if truth else []
    return Reading(files, files.images, [rows(labels)], known, **how)


def study(
    files: Files, labels: Sequence[Row], truth: Sequence[Row] = (), said: Corrections = NOTHING, **how: Any
) -> Study:
    return assemble(revise(reading(files, labels, truth, **how), said), "set", "long-table", "f.csv")


def entries(of: Study) -> list[Row]:
    table = of.table
    return [
        (str(table.items[i]), table.coders[c], table.classes[k])
        for i, c, k in zip(table.item, table.coder, table.label, strict=True)
    ]


def kinds(of: Study) -> list[str]:
    return [q.kind for q in of.reading.questions]


AB = [("a.png", "X", "cat"), ("b.png", "X", "dog"), ("a.png", "Y", "dog"), ("b.png", "Y", "cat")]


# ---- spelling


def test_one_spelling_for_numbers_letters_and_lists(files: Files) -> None:
    fish = unicodedata.normalize("NFD", "fläche")
    of = study(files, [("a.png", "X", "1"), ("b.png", "X", "1.0"), ("c.png", "X", fish), ("d.png", "X", "['fläche']")])
    assert of.table.classes == ("1", "fläche")
    assert of.table.votes().tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_people_of_one_name_are_one_coder(files: Files) -> None:
    name = "Zoë"
    of = study(
        files,
        [("a.png", unicodedata.normalize("NFD", name), "cat"), ("b.png", "Zoë ", "dog"), ("c.png", " Zoë", "cat")],
    )
    assert of.table.coders == (name,)
    numbered = study(files, [("a.png", "1", "cat"), ("b.png", "1.0", "dog"), ("c.png", "02", "cat")])
    assert numbered.table.coders == ("1", "2")
    mixed = study(files, [("a.png", "1", "cat"), ("b.png", "1.0", "dog"), ("c.png", "Ann", "cat")])
    assert mixed.table.coders == ("1", "1.0", "Ann")  # names, not numbers


def test_a_correction_renames_joins_and_leaves_out_classes(files: Files) -> None:
    labels = [("a.png", "X", "Kat"), ("b.png", "X", "dog"), ("c.png", "X", "cat"), ("d.png", "X", "junk")]
    of = study(files, labels, said=Corrections(classes={"Kat": "cat", "junk": ""}))
    assert entries(of) == [("images/a.png", "X", "cat"), ("images/b.png", "X", "dog"), ("images/c.png", "X", "cat")]
    listed = study(
        files, labels[1:3], said=Corrections(classes={"cat": "Cat"}), classes=["cat", "dog"], codes=["C", "D"]
    )
    assert listed.table.classes == ("Cat", "dog")
    assert listed.codes == ("Ca", "Do")  # the codes were of other names


def test_votes_for_classes_that_become_one_are_added(files: Files) -> None:
    content = [("a.png", "X", "cat"), ("a.png", "X", "Kat"), ("a.png", "X", "dog"), ("b.png", "X", "dog")]
    of = Reading(files, files.images, [rows(content, count=[2, 3, 1, 4])])
    table = assemble(revise(of, Corrections(classes={"Kat": "cat"})), "set", "votes-table", "").table
    assert table.votes().tolist()[:2] == [[5, 1], [0, 4]]


# ---- what is left out


def test_labels_that_a_person_said_are_none_are_counted_in_labels_and_truth(files: Files) -> None:
    labels = [*AB, ("c.png", "X", "Not_Sure")]
    of = study(
        files, labels, [("c.png", "not sure", "test"), ("d.png", "cat", "test")], Corrections(missing=("not sure",))
    )
    assert of.table.classes == ("cat", "dog")
    assert dict(of.reading.missing) == {"Not_Sure": 1, "not sure": 1}
    assert of.truth.tolist() == [-1, -1, -1, 0]
    assert not kinds(of)
    assert kinds(study(files, [*AB, ("c.png", "X", "not sure")])) == ["missing values"]


def test_coders_that_are_not_asked_for_are_out(files: Files) -> None:
    only = study(files, AB, said=Corrections(annotators=("y",)))
    assert only.table.coders == ("Y",)
    assert only.reading.splits == {"X": "ignore"}
    letters = [(i, {"X": "Zoé", "Y": "Y"}[c], k) for i, c, k in AB]
    for form in ("NFC", "NFD"):
        said = Corrections(annotators=(unicodedata.normalize(form, "zoé"),))  # type: ignore[arg-type]
        assert study(files, letters, said=said).table.coders == ("Zoé",)
    ignored = study(files, AB, said=Corrections(ignore=("Y",)))
    assert ignored.table.coders == ("X",)
    alone = study(files, [*AB, ("c.png", "Z", "cow")], said=Corrections(ignore=("Z",)))
    assert alone.table.classes == ("cat", "dog")  # only Z used the third
    every = study(files, AB, said=Corrections(annotators=("column",)))  # names of columns
    assert every.table.coders == ("X", "Y")


# ---- parts


@pytest.mark.parametrize(
    ("images", "said", "parts", "folders"),
    [
        (
            ["train/a", "test/b", "val/c"],
            NOTHING,
            {"test/b": "test", "val/c": "test:val"},
            {"train": "train", "test": "test", "val": "test"},
        ),
        (["x/train/a", "x/test/b"], NOTHING, {"x/test/b": "test"}, {"train": "train", "test": "test"}),
        (["训练/a", "测试/b"], NOTHING, {"测试/b": "test:测试"}, {"训练": "train", "测试": "test"}),
        (["a/1", "b/2"], Corrections(split={"B": "test"}), {"b/2": "test:b"}, {"a": "train", "b": "test"}),
        (["test/a", "val/b"], NOTHING, {}, {}),  # nothing would be left to learn from
        (["train/a", "happy/b"], NOTHING, {}, {}),
        (["train/a", "b"], NOTHING, {}, {"train": "train"}),
        (["a", "b"], NOTHING, {}, {}),
        ([], NOTHING, {}, {}),
        (["1/2/3/train/a", "1/2/3/test/b"], NOTHING, {}, {}),  # too deep
    ],
)
def test_parts_by_folders(images: list[str], said: Corrections, parts: dict[str, str], folders: dict[str, str]) -> None:
    found = folder_parts(images, said)
    assert found[0] == parts
    if images != ["train/a", "b"]:
        assert found[1] == folders
    assert list(found[1]) == sorted(found[1])  # in the same order every time


def test_rows_of_a_test_part_become_truth(files: Files) -> None:
    content = [
        ("a.png", "X", "cat", "train"),
        ("b.png", "X", "dog", "train"),
        ("c.png", "X", "cat", "test"),
        ("c.png", "Y", "cat", "test"),
    ]
    content += [
        ("c.png", "Z", "dog", "test"),
        ("d.png", "X", "dog", "test:val"),
        ("d.png", "Y", "cat", "test:val"),
        ("a.png", "Y", "cat", "ignore"),
    ]
    of = assemble(Reading(files, files.images, [rows(content, ("image", "coder", "label", "split"))]), "set", "f", "")
    assert len(of.table) == 2
    assert of.truth.tolist() == [-1, -1, 0, -1]
    assert of.test_set.tolist() == ["", "", "test", "val"]
    (open_one,) = (p for p in of.problems if p.kind == "test image without a winner")
    assert open_one.examples == ("1 test images have labels without a single winner; nothing is known of their truth.",)
    everything = rows([(*r[:3], "test") for r in content], ("image", "coder", "label", "split"))
    with pytest.raises(DatasetError, match="every label belongs to a test part, so there is nothing to learn from"):
        assemble(Reading(files, files.images, [everything]), "set", "f", "")


def test_images_held_out_by_where_they_lie_are_no_labels(files: Files) -> None:
    of = study(files, [*AB, ("c.png", "X", "cat")], parts={"images/c.png": "test", "images/d.png": "test:val"})
    assert len(of.table) == 4
    assert of.test_set.tolist() == ["", "", "test", "val"]
    assert of.truth.tolist() == [-1, -1, 0, -1]


def test_problems_of_rows_in_a_test_part_are_named(files: Files) -> None:
    labels = [*((*r, "train") for r in AB), ("gone.png", "X", "cat", "test"), ("c.png", "X", "cow", "test")]
    content = rows(labels, ("image", "coder", "label", "split"))
    of = assemble(Reading(files, files.images, [content], classes=["cat", "dog"]), "set", "f", "")
    found = {p.kind: p.examples[0] for p in of.problems}
    assert found["missing image"] == "f.csv, row 6: image 'gone.png' is not in the dataset; it stands in a test part."
    assert found["unknown class"] == "f.csv, row 7: label 'cow' is not in the dataset; it stands in a test part."


def test_known_truth_that_cannot_be_is_named(files: Files) -> None:
    truth = [
        ("a.png", "cat", ""),
        ("a.png", "dog", ""),
        ("gone.png", "cat", ""),
        ("b.png", "cta", ""),
        ("c.png", "dog", "Val"),
    ]
    of = study(files, AB, truth, classes=["cat", "dog"])
    found = {p.kind: (p.count, p.examples[0]) for p in of.problems}
    assert found["duplicate truth"] == (1, "f.csv, row 3: the truth of 'images/a.png' is given twice.")
    assert found["missing image"][1] == "f.csv, row 4: image 'gone.png' is listed but not in the dataset."
    assert found["unknown class"][1] == "f.csv, row 5: unknown class 'cta'; known are cat, dog. Did you mean 'cat'?"
    assert of.test_set.tolist() == ["", "", "Val", ""]


# ---- questions


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["cat;dog", "cat", "dog", "cat"], "several labels in one cell"),
        (["cat and dog", "cat", "dog", "cat"], "several labels in one cell"),
        (["and/or", "cat", "dog", "cat"], None),
        (["Cat", "cat", "dog", "dog"], "classes that differ by spelling"),
        (["no-finding", "no finding", "dog", "dog"], "classes that differ by spelling"),
        (["cat", "dog", "cat", "dog"], None),
    ],
)
def test_labels_that_are_unclear_are_asked_about(files: Files, labels: list[str], kind: str | None) -> None:
    content = [(f"{'abcd'[n]}.png", "X", label) for n, label in enumerate(labels)]
    assert kinds(study(files, content)) == ([kind] if kind else [])
    listed = study(files, content, classes=sorted({*labels}))  # the dataset says that these are its classes
    assert not kinds(listed)


def test_the_answers_to_cells_of_several_labels(files: Files) -> None:
    of = study(files, [("a.png", "X", "cat;dog"), *AB])
    assert [a.flag for a in of.reading.questions[0].answers] == [
        "--class 'cat;dog=cat'",
        "--class 'cat;dog='",
        "--class 'cat;dog=cat;dog'",
    ]
    for said in ({"cat;dog": "cat"}, {"cat;dog": ""}, {"cat;dog": "cat;dog"}):
        assert not kinds(study(files, [("c.png", "X", "cat;dog"), *AB], said=Corrections(classes=said)))


def by_coder(**said: Sequence[str]) -> list[Row]:
    return [
        (f"{'abcd'[n % 4]}.png" if n < 4 else f"x{n}.png", c, k)
        for c, labels in said.items()
        for n, k in enumerate(labels)
    ]


def test_coders_who_count_from_0_beside_others_who_count_from_1(files: Files) -> None:
    of = study(files, by_coder(X=["0", "1", "2", "0"], Y=["1", "2", "3", "1"]))
    assert kinds(of) == ["base of class numbers"]
    assert of.reading.questions[0].about == ("X", "Y")
    assert [a.flag for a in of.reading.questions[0].answers] == ["--annotators X,Y", "--ignore Y"]
    assert not kinds(study(files, by_coder(X=["0", "1", "2"], Y=["0", "1", "2"])))
    assert not kinds(study(files, by_coder(X=["0", "1"], Y=["1", "2"])))  # two are too few to tell
    assert not kinds(study(files, by_coder(X=["0", "1", "2"], Y=["1", "2", "3"], Z=["0", "3"])))


def test_a_coder_who_shares_no_class_with_any_other(files: Files) -> None:
    five = ["p", "q", "p", "q", "p"]
    of = study(files, by_coder(X=["cat", "dog", "cat", "dog", "cat"], Y=["dog", "cat", "dog", "dog", "cat"], Z=five))
    assert kinds(of) == ["coder that shares no class"]
    assert [a.flag for a in of.reading.questions[0].answers] == ["--ignore Z", "--annotators X,Y,Z"]
    assert not kinds(
        study(files, by_coder(X=["cat", "dog", "cat", "dog", "cat"], Y=["dog"] * 5, Z=five[:4]))
    )  # four labels
    assert not kinds(
        study(files, by_coder(X=["cat", "dog", "cat", "dog", "cat"], Y=["dog"] * 5, Z=["p"] * 5))
    )  # one class
    both = study(files, by_coder(X=["cat", "dog", "cat", "dog", "cat"], Z=five))
    assert [a.flag for a in both.reading.questions[0].answers] == [
        "--annotators X,Z",
        "--annotators X",
        "--annotators Z",
    ]


def test_coders_called_like_parts(files: Files) -> None:
    tables = [TableReading("train.csv", "single", {}), TableReading("val.csv", "single", {})]
    labels = [(i, {"X": "train", "Y": "val"}[c], k) for i, c, k in AB]
    of = study(files, labels, tables=tables)
    assert kinds(of) == ["coder called like a part"]
    assert [a.flag for a in of.reading.questions[0].answers] == ["--split test=val", "--annotators train,val"]
    own = [TableReading("votes.csv", "single", {})]
    assert not kinds(study(files, labels, tables=own))  # somebody wrote these names himself


def test_labels_that_are_numbers_are_places_in_the_list_of_classes(files: Files) -> None:
    labels = [("a.png", "X", "0"), ("b.png", "X", "1")]
    of = study(files, labels, classes=["cat", "dog"])
    assert entries(of) == [("images/a.png", "X", "cat"), ("images/b.png", "X", "dog")]
    unclear = study(files, [("a.png", "X", "1"), ("b.png", "X", "2")], classes=["cat", "dog", "cow", "pig"])
    assert kinds(unclear) == ["base of class numbers"]


# ---- problems


def test_what_is_odd_about_classes_and_coders_is_told(files: Files) -> None:
    of = study(files, [*AB, ("c.png", "y ", "cat")], classes=["cat", "dog", "cow"])
    found = {p.kind: p.examples[0] for p in of.problems}
    assert found["unused class"] == "class 'cow' is listed but nobody used it."
    assert found["similar coder names"] == "coders 'Y', 'y' may be one person in another spelling."


def test_rows_that_cannot_be_used_are_set_aside_with_their_place(files: Files) -> None:
    labels = [
        *AB,
        ("a.png", "X", "dog"),
        ("", "X", "cat"),
        ("c.png", "", "cat"),
        ("imges/d.png", "X", ""),
        ("e.png", "Z", "cat"),
    ]
    of = study(files, labels)
    found = {p.kind: p.examples[0] for p in of.problems if p.level == "error" or p.kind == "missing image"}
    assert found["duplicate annotation"] == (
        "f.csv, row 6: duplicate annotation: coder 'X' annotated 'images/a.png' in row 2; keep one, or use a count column."
    )
    assert found["empty image"].startswith("f.csv, row 7: the image is empty")
    assert found["empty coder"].startswith("f.csv, row 8: the coder is empty")
    assert found["empty label"].startswith("f.csv, row 9: the label is empty")
    assert found["missing image"] == (
        "f.csv, row 10: image 'e.png' is listed but not in the dataset. The nearest is 'images/d.png'."
    )
    assert len(of.table) == 4


def test_nothing_usable_is_refused_with_the_first_reason(files: Files) -> None:
    with pytest.raises(
        DatasetError, match=r"f\.csv: no annotation is usable; the first: f\.csv, row 2: image 'x' is listed"
    ):
        study(files, [("x", "X", "cat"), ("x", "X", "dog")])
    with pytest.raises(DatasetError, match=r"f\.csv: has a header but no annotations"):
        study(files, [])
    with pytest.raises(DatasetError, match="only the class 'cat' occurs; at least two are needed"):
        study(files, [("a.png", "X", "cat")])
    with pytest.raises(DatasetError, match="no class is named"):
        study(files, [("a.png", "X", "")])


def test_what_lies_beside_the_images_and_is_not_read_is_told(files: Files, tmp_path: Path) -> None:
    (tmp_path / "more.tar.gz").write_bytes(b"x")
    (tmp_path / "raw.heic").write_bytes(b"x")
    of = study(FolderFiles(tmp_path), AB)
    found = {p.kind: (p.level, p.examples[0]) for p in of.problems}
    assert found["archive inside"] == (
        "warning",
        "more.tar.gz: is an archive inside the dataset and is not read; unpack it beside the table.",
    )
    assert found["image type not read"][1].startswith("raw.heic: .heic files are a type of image that is not read")


def test_problems_of_a_kind_are_one_and_errors_are_apart() -> None:
    many = [Problem("k", 2, tuple("abcdef"[:EXAMPLES]), listing=pd.DataFrame({"row": [n]})) for n in range(3)]
    merged = merge([*many, Problem("k", 1, ("z",), "error"), Problem("other", 1, ("y",))])
    assert [(p.kind, p.count, p.level) for p in merged] == [
        ("k", 6, "warning"),
        ("k", 1, "error"),
        ("other", 1, "warning"),
    ]
    assert len(merged[0].examples) == 2 * EXAMPLES
    assert merged[0].listing is not None
    assert merged[0].listing["row"].tolist() == [0, 1, 2]
    assert merged[2].listing is None


@pytest.mark.parametrize(
    ("classes", "codes"),
    [
        (("neutral", "negative", "ne"), ("Ne", "Neg", "N1")),
        (("stage 1", "stage 2", "stage 10", "stable"), ("S1", "S2", "S10", "St")),
        (("class_01", "class_02"), ("C01", "C02")),
        (("Stage I", "Stage II", "Stage III"), ("SI", "SII", "SIII")),
        (("BI-RADS 4a", "BI-RADS 4b", "BI-RADS 5"), ("B4a", "B4b", "B5")),
        (("benign nevus", "benign keratosis", "benign"), ("BNe", "BKe", "Be")),
        (("class number 00 of all", "class number 01 of all"), ("C00", "C01")),
        (("left ear", "left eye", "right ear"), ("LEa", "LEy", "Ri")),
        (("001.albatross", "002.albatross", "010.gull"), ("001", "002", "010")),
        (("0 - none", "1 - mild"), ("0", "1")),
        (("a", "A", "b"), ("a", "A", "b")),
        (("1", "2", "10"), ("1", "2", "10")),
        ((" x ", "é"), ("x", "é")),
    ],
)
def test_codes_are_short_and_differ(classes: tuple[str, ...], codes: tuple[str, ...]) -> None:
    made = short_codes(classes)
    assert len(set(made)) == len(classes)
    assert made == codes
