"""Answers of a tool's export: times, repeated answers, parts, questions, coders and names of images."""

from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path
from typing import Any

import faults
import pytest
from conftest import write_csv, write_image
from small_tables import table

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.corrections import NOTHING, Corrections
from ltnet_core.datasets.formats.answers import Answers, are_choices, one_of, seconds
from ltnet_core.datasets.label_tables.export_tables import image_column, json_cell
from ltnet_core.datasets.names.listed_names import as_listed, base_name, path_of
from ltnet_core.datasets.reading import Reading
from ltnet_core.datasets.sources.files import Files, FolderFiles
from ltnet_core.errors import DatasetError, OptionError

HUGE = 10**400  # a whole number that no float holds


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (0, 0.0),
        (1.5, 1.5),
        ("12", 12.0),
        ("2024-01-01T00:00:00Z", 1704067200.0),
        ("2024-01-01T01:00:00+01:00", 1704067200.0),
        ("2024-01-01 00:00:00 UTC", 1704067200.0),
        (" 2024-01-01 ", 1704067200.0),
        ("Mon Jan 01 00:00:00 PST 2024", 1704067200.0),
    ],
)
def test_a_time_as_tools_write_it(value: object, time: float) -> None:
    assert seconds(value) == time


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        "",
        "soon",
        [],
        {},
        HUGE,
        -HUGE,
        math.inf,
        math.nan,
        "1e999",
        "nan",
        "Mon Jan 99 00:00:00 P 2024",
    ],
)
def test_what_is_no_time(value: object) -> None:
    assert math.isnan(seconds(value))


def test_one_class_none_or_several() -> None:
    assert one_of(["a", "", "a"]) == "a"
    assert one_of(["", ""]) == ""
    assert one_of([]) == ""
    assert one_of(["a", "b"]) is None


@pytest.mark.parametrize(
    ("different", "rows", "chosen"),
    [(0, 3, False), (20, 20, True), (21, 41, False), (21, 42, True), (200, 400, True), (201, 900, False)],
)
def test_answers_that_were_chosen_from_a_few(different: int, rows: int, chosen: bool) -> None:
    values = [str(n % different) if different else "" for n in range(rows)]
    assert are_choices(values) is chosen


# ---- from answers to a reading


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for number, name in enumerate("abc"):
        write_image(tmp_path / "set" / "images" / f"{name}.png", number)
    write_image(tmp_path / "set" / "test" / "t.png", 9)
    return FolderFiles(tmp_path / "set")


def labels_of(reading: Reading) -> list[tuple[str, str, str]]:
    return [
        (str(i), str(c), str(k))
        for rows in reading.labels
        for i, c, k in zip(rows.frame["image"], rows.frame["coder"], rows.frame["label"], strict=True)
    ]


def test_of_several_timed_answers_the_latest_stands(files: Files) -> None:
    answers = Answers("X")
    answers.add("f", 1, "a.png", "cat", coder="Ann", when=2.0)
    answers.add("f", 2, "a.png", "dog", coder="Ann", when=1.0)
    answers.add("f", 3, "a.png", "dog", coder="Ben", when=1.0)
    answers.add("f", 4, "b.png", "dog", coder="Ann", when=1.0)
    reading = answers.reading(files, "f")
    assert labels_of(reading) == [
        ("images/a.png", "Ann", "cat"),
        ("images/a.png", "Ben", "dog"),
        ("images/b.png", "Ann", "dog"),
    ]
    (aside,) = reading.problems
    assert aside.examples == ("f, row 2: the same person answered again (1 such).",)


def test_where_a_time_is_missing_no_answer_is_taken_for_the_latest(files: Files) -> None:
    answers = Answers("X")
    answers.add("f", 1, "a.png", "cat", coder="Ann", when=2.0)
    answers.add("f", 2, "a.png", "dog", coder="Ann")
    answers.add("f", 3, "a.png", "dog", coder="Ann")
    assert [k for *_, k in labels_of(answers.reading(files, "f"))] == ["cat", "dog"]


def test_votes_are_no_repeated_answers(files: Files) -> None:
    answers = Answers("X")
    answers.add("f", 1, "a.png", "cat", coder="Ann", when=2.0, count=3)
    answers.add("f", 1, "a.png", "dog", coder="Ann", when=1.0, count=2)
    (rows,) = answers.reading(files, "f").labels
    assert rows.frame["count"].tolist() == [3.0, 2.0]


def test_an_answer_without_an_image_is_set_aside_and_one_without_a_label_says_nothing(files: Files) -> None:
    answers = Answers("X")
    answers.add("f", 1, "", "cat")
    answers.add("f", 2, "", "")
    answers.add("f", 3, "a.png", "")
    with pytest.raises(DatasetError, match="no label of a whole image was found; it names no image"):
        answers.reading(files, "f")
    assert answers.problems()[0].count == 1
    assert Answers("X").problems() == []


def test_reasons_are_counted_the_most_frequent_first() -> None:
    answers = Answers("X")
    answers.set_aside("rare", "f", 1)
    answers.set_aside("often", "f", 2, 1200)
    answers.set_aside("often", "f", 3)
    (problem,) = answers.problems()
    assert problem.count == 1202
    assert problem.examples == ("f, row 2: often (1,201 such).", "f, row 1: rare (1 such).")


def test_the_question_with_most_classes_is_read_and_the_others_are_asked_about(files: Files) -> None:
    answers = Answers("X's export", image="file", coder="who")
    for number, image in enumerate(("a.png", "b.png", "c.png")):
        answers.add("f", number, image, "abc"[number], coder="Ann", question="kind")
        answers.add("f", number, image, "yes" if number else "no", coder="Ann", question="sharp?")
        answers.add("f", number, image, "yes", coder="Ann", question="seen?")
    reading = answers.reading(files, "f")
    assert [k for *_, k in labels_of(reading)] == ["a", "b", "c"]
    (asked,) = reading.questions
    assert set(asked.about) == {"kind", "sharp?", "seen?"}
    ways = [(set(a.flag.removeprefix("--ignore ").replace("'", "").split(",")), a.meaning) for a in asked.answers]
    assert ways == [  # to "seen?" all say the same: it holds no classes
        ({"sharp?", "seen?"}, "the labels are the answers to 'kind'"),
        ({"kind", "seen?"}, "the labels are the answers to 'sharp?'"),
    ]
    assert reading.tables[0].columns == {
        "file": "image",
        "who": "coder",
        "kind": "label",
        "sharp?": "ignored",
        "seen?": "ignored",
    }


def of_two_questions(corrections: Corrections) -> Answers:
    answers = Answers("X's export", corrections, "file", "who")
    for number, image in enumerate(("a.png", "b.png")):
        answers.add("f", number, image, "ab"[number], coder="Ann", question="kind")
        answers.add("f", number, image, "yes", coder="Ann", question="sharp")
    return answers


def test_a_correction_says_which_question_holds_the_labels(files: Files) -> None:
    for said in (Corrections(columns={"label": "SHARP"}), Corrections(ignore=("kind",))):
        reading = of_two_questions(said).reading(files, "f")
        assert {k for *_, k in labels_of(reading)} == {"yes"}
        assert not reading.questions
    letters = Answers("X", Corrections(columns={"label": unicodedata.normalize("NFD", "ÉTAT")}))
    for question, label in (("état", "a"), ("sorte", "b"), ("sorte", "c")):
        letters.add("f", 1, "a.png", label, question=question)
    assert {k for *_, k in labels_of(letters.reading(files, "f"))} == {"a"}
    with pytest.raises(DatasetError, match="all questions were left out; keep one"):
        of_two_questions(Corrections(ignore=("kind", "sharp"))).reading(files, "f")
    with pytest.raises(OptionError, match="--columns names 'nobody' for coder; in X's export only label can be chosen"):
        of_two_questions(Corrections(columns={"coder": "nobody"})).reading(files, "f")
    assert of_two_questions(Corrections(columns={"coder": "WHO"})).reading(files, "f").questions


def test_labels_that_a_person_said_are_none_are_counted_and_left_out(files: Files) -> None:
    answers = Answers("X", Corrections(missing=("skip",)))
    for row, label in enumerate(("cat", "Skip", "dog", "skip")):
        answers.add("f", row, f"{'abca'[row]}.png", label, coder="Ann")
    reading = answers.reading(files, "f")
    assert [k for *_, k in labels_of(reading)] == ["cat", "dog"]
    assert reading.missing == {"Skip": 1, "skip": 1}
    nothing = Answers("X", Corrections(missing=("cat",)))
    nothing.add("f", 1, "a.png", "cat")
    with pytest.raises(DatasetError, match="no label is left of what is not missing or ignored"):
        nothing.reading(files, "f")


@pytest.mark.parametrize("part", ["val.json", "f.json/Prueba", "测试"])
def test_answers_of_a_test_part_are_truth_and_no_labels(files: Files, part: str) -> None:
    answers = Answers("X")
    answers.add("f", 1, "a.png", "cat", coder="Ann", part="train")
    answers.add("f", 2, "b.png", "cat", coder="Ann", part=part)
    answers.add("f", 3, "b.png", "dog", coder="Ben", part=part)
    answers.add("f", 4, "b.png", "dog", coder="Cem", part=part)
    answers.add("f", 5, "c.png", "dog", coder="Ben", part=part)
    answers.add("f", 6, "c.png", "cat", coder="Cem", part=part)
    reading = answers.reading(files, "f")
    assert labels_of(reading) == [("images/a.png", "Ann", "cat")]
    (truth,) = reading.truth
    assert truth.frame.astype(str).to_numpy().tolist() == [["images/b.png", "dog", "test"]]
    assert dict(reading.parts) == {"images/c.png": "test"}
    assert [p.kind for p in reading.problems] == ["test image without a winner"]


def test_images_in_a_test_folder_are_held_out_whatever_the_file_says(files: Files) -> None:
    answers = Answers("X")
    answers.add("train.json", 1, "t.png", "cat", coder="Ann", part="train.json")
    with pytest.raises(DatasetError, match="every answer belongs to a part that is held out for tests"):
        answers.reading(files, "f")
    said = Answers("X", Corrections(split={"test": "train"}))
    said.add("train.json", 1, "t.png", "cat", coder="Ann", part="train.json")
    assert labels_of(said.reading(files, "f")) == [("test/t.png", "Ann", "cat")]


def test_rows_to_ignore_are_gone(files: Files) -> None:
    answers = Answers("X", Corrections(split={"out": "ignore"}))
    answers.add("f", 1, "a.png", "cat", coder="Ann", part="out")
    answers.add("f", 2, "b.png", "cat", coder="Ann", part="in")
    reading = answers.reading(files, "f")
    assert [i for i, *_ in labels_of(reading)] == ["images/b.png"]
    assert reading.splits == {"out": "ignore"}


def test_files_that_speak_of_the_same_images_are_a_coder_each(files: Files) -> None:
    answers = Answers("X")
    for file in ("x/one.json", "x/two.json"):
        answers.add(file, 1, "a.png", "cat")
    assert [c for _, c, _ in labels_of(answers.reading(files, "set"))] == ["one", "two"]
    alike = Answers("X")
    for file in ("x/one.json", "y/one.json"):
        alike.add(file, 1, "a.png", "cat")
    assert [c for _, c, _ in labels_of(alike.reading(files, "set"))] == ["x/one", "y/one"]
    apart = Answers("X")
    apart.add("one.json", 1, "a.png", "cat")
    apart.add("two.json", 1, "b.png", "cat", coder="Ann")
    assert [c for _, c, _ in labels_of(apart.reading(files, "set"))] == ["set", "Ann"]


def test_coders_that_share_no_class_are_questions() -> None:
    answers = Answers("X")
    answers.add("f", 1, "a.png", "cat", coder="job1")
    answers.separate({"job1": {"cat"}, "job2": {"cat", "dog"}})
    assert answers._rows[0][3] == ""
    answers.separate({"job1": {"cat"}, "job2": {"red"}})
    assert answers._rows[0][3] == "job1"


def test_known_truth_and_classes_of_the_export(files: Files) -> None:
    answers = Answers("X")
    answers.add("f", 1, "a.png", "dog", coder="Ann")
    reading = answers.reading(files, "f", classes=["wolf", "dog", "cat", "dog"], truth={"b.png": "fox"})
    assert reading.classes == ["dog", "fox"]  # those in use, in the export's order
    (truth,) = reading.truth
    assert truth.frame.astype(str).to_numpy().tolist() == [["images/b.png", "fox", ""]]


# ---- huge numbers in exports


def label_studio(name: str, when: Any) -> dict[str, Any]:
    return {
        "image": name,
        "emotion": "cat" if name < "b" else "dog",
        "annotator": 1,
        "annotation_id": 1,
        "lead_time": 1,
        "updated_at": when,
    }


def prodigy(name: str, when: Any) -> dict[str, Any]:
    label = "cat" if name < "b" else "dog"
    return {
        "image": name,
        "label": label,
        "answer": "accept",
        "_input_hash": 1,
        "_annotator_id": "Ann",
        "_timestamp": when,
    }


@pytest.mark.parametrize(("file", "line"), [("e.json", label_studio), ("e.jsonl", prodigy)])
def test_a_time_beyond_all_times_is_none(tmp_path: Path, file: str, line: Any) -> None:
    rows = [line(f"{n}.png", HUGE) for n in "abc"]
    text = json.dumps(rows) if file == "e.json" else "".join(json.dumps(r) + "\n" for r in rows)
    (tmp_path / file).write_text(text)
    assert len(load_dataset(tmp_path).table) == 3


def test_votes_beyond_all_numbers_are_named(tmp_path: Path) -> None:
    cells = [f'{{"cat": {HUGE if n == "c" else 3}, "dog": 1, "odd": true, "num_votes": 4}}' for n in "abc"]
    rows = [(f"{n}.png", 1, "T0", cell) for n, cell in zip("abc", cells, strict=True)]
    write_csv(tmp_path / "r.csv", ("subject_id", "workflow_id", "reducer_key", "data"), rows)
    study = load_dataset(tmp_path)
    assert study.table.votes().tolist()[:2] == [[3, 1], [3, 1]]
    assert [p.count for p in study.problems if p.kind == "bad count"] == [1]
    (tmp_path / "planted_T.json").write_text(f'{{"classes": ["cat", "dog"], "coders": {{"A": [[{HUGE}, 0], [0, 1]]}}}}')
    write_csv(tmp_path / "annotations.csv", ("image", "coder", "label"), [("a", "A", "cat"), ("b", "A", "dog")])
    done = faults.call("inspect", tmp_path)
    assert done.status == 2
    assert done.err.startswith("ltnet_core: planted_T.json: expected {")


# ---- names of images


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (r"C:\faces\a.png", "faces/a.png"),
        ("/data/upload/1/0a1b2c3d-a.png", "data/upload/1/0a1b2c3d-a.png"),
        ("/data/local-files/?d=faces/a%20b.png", "faces/a b.png"),
        ("https://x.org/s/a.png?sig=1", "s/a.png"),
        ("s3://bucket/s/a%2Bb.png", "s/a+b.png"),
        ("././a.png", "a.png"),
        (" a.png ", "a.png"),
        ("http://[broken/a.png", "http://[broken/a.png"),
        (unicodedata.normalize("NFD", "é.png"), "é.png"),
        ("", ""),
    ],
)
def test_the_path_in_a_name(name: str, path: str) -> None:
    assert path_of(name) == path
    assert base_name(name) == path.rsplit("/", 1)[-1]


@pytest.mark.parametrize(
    ("names", "images", "listed"),
    [
        (["x/a.png"], ["x/a.png", "y/a.png"], ["x/a.png"]),
        (["./x/a.png"], ["x/a.png"], ["x/a.png"]),
        (["/root/x/a.png"], ["x/a.png", "y/a.png"], ["x/a.png"]),
        (["a.png"], ["x/a.png", "y/a.png"], ["a.png"]),  # two have that name
        (["0a1b2c3d-a.png"], ["x/a.png"], ["x/a.png"]),
        (["0a1b2c3d-"], ["x/a.png"], ["0a1b2c3d-"]),
        (["A.PNG"], ["x/a.png"], ["x/a.png"]),
        (["a.jpg"], ["x/a.png"], ["x/a.png"]),
        (["a.jpg", "a.gif"], ["x/a.png"], ["a.jpg", "a.gif"]),  # two names are two images
        (["a.png", "A.png"], ["a.png"], ["a.png", "A.png"]),
        (["http://h/a.png?1", "http://h/a.png?2"], ["a.png"], ["a.png", "a.png"]),  # of one path
        ([], ["a.png"], []),
    ],
)
def test_names_of_an_export_as_the_dataset_lists_them(names: list[str], images: list[str], listed: list[str]) -> None:
    assert as_listed(names, images) == dict(zip(names, listed, strict=True))


def test_the_column_that_names_images_best(files: Files) -> None:
    some = table({"Input.a": ["x", "y"], "Input.b": ["a.png", "b.png"], "Input.c": ["z.png", "b.png"]})
    columns = list(some.frame.columns)
    assert image_column(some, columns, files) == "input.b"
    assert image_column(some, columns[:1], files) == "input.a"  # the only one
    stems = table({"Input.a": ["x", "y"], "Input.b": ["a", "c"]})
    assert image_column(stems, list(stems.frame.columns), files) == "input.b"
    with pytest.raises(DatasetError, match=r"none of 'Input\.a', 'Input\.b' names an image"):
        image_column(table({"Input.a": ["x"], "Input.b": ["y"]}), ["input.a", "input.b"], files)
    with pytest.raises(DatasetError, match="none of its columns names an image"):
        image_column(some, [], files)


def test_json_in_a_cell() -> None:
    assert json_cell("", "c", "f", 2) is None
    assert json_cell('{"a": [1]}', "c", "f", 2) == {"a": [1]}
    for text in ("{", '"\\ud800"', "[" * 100_000):
        with pytest.raises(DatasetError, match="f, row 2: the cell 'c' is not readable JSON"):
            json_cell(text, "c", "f", 2)


def test_corrections_of_no_form_are_refused() -> None:
    for content in ([1], "abc", 5):
        with pytest.raises(OptionError, match="corrections of a reading are an object"):
            Corrections.from_json(content)  # type: ignore[arg-type]
    assert Corrections.from_json(None) == NOTHING
