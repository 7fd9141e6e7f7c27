"""What the exports of annotation tools have in common: repeated answers, several questions, parts, boxes, names, bounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Command, refusal, write_csv
from miniatures_exports import EXPORTS, MTURK, images, studio, write_json, write_lines
from test_formats import known, said

from ltnet_core.datasets import Corrections, load_dataset
from ltnet_core.datasets.correction_flags import of_answer
from ltnet_core.datasets.formats.answers import seconds
from ltnet_core.datasets.names.listed_names import as_listed
from ltnet_core.datasets.names.parts import part_of_file, part_of_image, part_of_value
from ltnet_core.errors import DatasetError, OptionError


def set_aside(at: Path) -> tuple[int, str]:
    (problem,) = [p for p in load_dataset(at).problems if p.kind == "annotation set aside"]
    return problem.count, " ".join(problem.examples)


# --- several questions -------------------------------------------------------------------------------------------


def mturk_two(at: Path) -> None:
    rows = [
        ("H", "1", "W1", "Approved", "", "a.jpg", "happy", "good"),
        ("H", "2", "W2", "Approved", "", "b.jpg", "sad", "bad"),
    ]
    write_csv(at / "r.csv", (*MTURK, "Answer.emotion.label", "Answer.quality"), rows)


def toloka_two(at: Path) -> None:
    head = "INPUT:image\tOUTPUT:emotion\tOUTPUT:quality\tASSIGNMENT:worker_id\n"
    (at / "t.tsv").write_text(head + "a.png\thappy\tgood\tw\nb.png\tsad\tbad\tw\n")


def zooniverse_two(at: Path) -> None:
    head = ("user_name", "workflow_id", "created_at", "annotations", "subject_data")
    tasks = json.dumps([{"task": "emotion", "value": "happy"}, {"task": "quality", "value": "good"}])
    write_csv(
        at / "c.csv", head, [("zoe", 7, "2024-01-01 10:00:00 UTC", tasks, json.dumps({"5": {"Filename": "a.jpg"}}))]
    )


def studio_two(at: Path) -> None:
    answers = [studio("happy"), studio("good", question="quality"), studio("sad", by=4)]
    write_json(at / "p.json", [{"id": 1, "data": {"image": "a.png"}, "annotations": answers}])


def studio_rows_two(at: Path) -> None:
    row = {"annotator": 1, "annotation_id": 9, "lead_time": 3.2, "emotion": "happy", "quality": "good"}
    write_json(at / "p.json", [{"image": "a.png", **row}])


def via_two(at: Path) -> None:
    entry = {"filename": "a.png", "regions": [], "file_attributes": {"emotion": "happy", "quality": "good"}}
    write_json(at / "v.json", {"a.png7": entry})


def cvat_two(at: Path) -> None:
    image = '<image name="{}.png"><tag label="{}"><attribute name="quality">{}</attribute></tag></image>'
    body = image.format("a", "emotion", "good") + image.format("b", "sad", "bad") + image.format("c", "sad", "good")
    (at / "a.xml").write_text(f"<annotations>{body}</annotations>")


def sagemaker_two(at: Path) -> None:
    about = {"type": "groundtruth/image-classification"}
    jobs = {"emotion-metadata": {**about, "class-name": "happy"}, "quality-metadata": {**about, "class-name": "good"}}
    write_lines(at / "o.manifest", [{"source-ref": "s3://b/a.jpg", **jobs}])


def parquet_two(at: Path) -> None:
    table = pa.table({"image": [{"bytes": b"x", "path": "a.png"}], "emotion_1": ["happy"], "quality": ["good"]})
    pq.write_table(table, at / "t.parquet")


@pytest.mark.parametrize(
    "make",
    [mturk_two, toloka_two, zooniverse_two, studio_two, studio_rows_two, via_two, cvat_two, sagemaker_two, parquet_two],
    ids=lambda make: make.__name__,
)
def test_answers_to_two_questions_are_never_one_label(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(DatasetError) as e:
        load_dataset(tmp_path).require_sound()
    text = str(e.value)
    assert "question" in text and "quality" in text and "emotion" in text and "good" in text and "--ignore" in text


def studio_study(at: Path, **data: object) -> Path:
    """Six images; annotators 1 and 2 say what they show and how sharp they are."""
    images(at, *(f"{i}.png" for i in range(6)))
    tasks = []
    for i in range(6):
        answers = []
        for by in (1, 2):
            mood, sharp = (
                studio(("happy", "sad", "skip")[(i + by) % 3], by),
                studio(("yes", "no")[i % 2], by, question="sharp"),
            )
            answers.append({**mood, "result": [*mood["result"], *sharp["result"]]})
        tasks.append({"data": {"image": f"{i}.png", "split": ("one", "two")[i > 3]}, "annotations": answers})
    write_json(at / "p.json", tasks)
    return at


def test_an_export_of_several_questions_asks_and_flags_answer_it(tmp_path: Path, ltnet: Command) -> None:
    at = studio_study(tmp_path)
    study = load_dataset(at)
    (question,) = [q for q in study.reading.questions if q.kind == "several questions"]
    assert question.about == ("emotion", "sharp") and study.table.classes == ("happy", "sad", "skip")
    assert study.reading.tables[0].columns == {
        "image": "image", "completed_by": "coder", "emotion": "label", "sharp": "ignored"
    }  # fmt: skip
    for flag, classes in (("--ignore emotion", ("no", "yes")), ("--columns label=sharp", ("no", "yes"))):
        answered = load_dataset(at, *of_answer(flag))
        assert answered.table.classes == classes and answered.reading.questions == ()
    done = ltnet("inspect", at, "--ignore", "sharp", "--split", "test=two", "--missing", "skip", "--json")
    content = json.loads(done.stdout)
    assert content["classes"] == ["happy", "sad"] and content["test_items"] == 2 and content["questions"] == []
    assert content["reading"]["splits"] == {"two": "test"} and content["reading"]["missing"] == {"skip": 4}
    for columns, message in (
        ({"image": "picture"}, "only label can be chosen"),
        ({"label": "blur"}, "has no such column"),
    ):
        with pytest.raises(OptionError, match=message):
            load_dataset(at, corrections=Corrections(columns))


# --- repeated answers --------------------------------------------------------------------------------------------


def test_without_a_time_two_different_answers_of_one_person_stop_training(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png")
    first, second = studio("happy", when=""), studio("sad", when="")
    tasks = [
        {"data": {"image": "a.png"}, "annotations": [first, second]},
        {"data": {"image": "b.png"}, "annotations": [first, first]},
    ]
    write_json(tmp_path / "p.json", tasks)
    study = load_dataset(tmp_path)
    assert [(p.kind, p.count) for p in study.errors()] == [("duplicate annotation", 1)]
    assert said(study) == [("a.png", "annotator 3", "happy", 1), ("b.png", "annotator 3", "happy", 1)]


def test_what_an_export_holds_besides_labels_is_counted_with_its_reason(tmp_path: Path) -> None:
    EXPORTS["mturk"][0](tmp_path)
    count, reasons = set_aside(tmp_path)
    assert (
        count == 2
        and "the assignment was rejected (1 such)" in reasons
        and "the same person answered again (1 such)" in reasons
    )


@pytest.mark.parametrize(
    ("when", "same"),
    [
        ("2024-01-08T09:00:00Z", 1704704400.0),
        ("2024-01-08 09:00:00 UTC", 1704704400.0),
        ("2024-01-08T10:00:00+01:00", 1704704400.0),
        ("Mon Jan 08 09:00:00 PST 2024", 1704704400.0),
        (1704704400, 1704704400.0),
        ("1704704400", 1704704400.0),
    ],
)
def test_times_as_tools_write_them(when: object, same: float) -> None:
    assert seconds(when) == same


@pytest.mark.parametrize(
    "when", ["", None, True, "yesterday", "Mon Jan 08", "Mon Foo 08 09:00:00 PST 2024", "1e999x", [1]]
)
def test_what_is_no_time(when: object) -> None:
    assert np.isnan(seconds(when))


def test_odd_values_in_json_are_no_reason_to_stop(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png")
    odd = studio("happy")
    odd["result"].append({"type": ["choices"], "from_name": {}, "value": 3})
    nothing = {"completed_by": [1], "result": [{"type": [], "value": None}], "updated_at": {}}
    tasks = [
        {"data": {"image": "a.png"}, "annotations": [odd, nothing]},
        {"data": {"image": "b.png"}, "annotations": [studio("sad")]},
    ]
    write_json(tmp_path / "p.json", tasks)
    assert [k for *_, k, _ in said(load_dataset(tmp_path))] == ["happy", "sad"]


def test_half_a_character_in_json_is_refused(tmp_path: Path) -> None:
    images(tmp_path, "a.png")
    write_json(tmp_path / "p.json", [{"data": {"image": "a.png"}, "annotations": [studio("\ud83d")]}])
    with pytest.raises(DatasetError, match=r"p\.json: is not readable JSON \(.* in it is half a character\)"):
        load_dataset(tmp_path)


# --- boxes -------------------------------------------------------------------------------------------------------


def coco_boxes(at: Path) -> None:
    listed = [{"id": 1, "file_name": "a.png", "width": 16, "height": 16}]
    boxes = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]
    write_json(at / "c.json", {"images": listed, "annotations": boxes, "categories": [{"id": 1, "name": "x"}]})


def studio_boxes(at: Path) -> None:
    result = [{"type": "rectanglelabels", "from_name": "b", "value": {"rectanglelabels": ["x"]}}]
    write_json(at / "p.json", [{"data": {"image": "a.png"}, "annotations": [{"completed_by": 1, "result": result}]}])


def cvat_boxes(at: Path) -> None:
    (at / "a.xml").write_text('<annotations><image name="a.png"><box label="x"/></image></annotations>')


def via_boxes(at: Path) -> None:
    write_json(
        at / "v.json",
        {"a.png7": {"filename": "a.png", "regions": [{"region_attributes": {"x": "y"}}], "file_attributes": {}}},
    )


def sagemaker_boxes(at: Path) -> None:
    write_lines(
        at / "o.manifest",
        [{"source-ref": "s3://b/a.jpg", "j": {}, "j-metadata": {"type": "groundtruth/object-detection"}}],
    )


def prodigy_boxes(at: Path) -> None:
    write_lines(at / "p.jsonl", [{"image": "a.png", "spans": [{"label": "x"}], "answer": "accept", "_input_hash": 1}])


@pytest.mark.parametrize(
    "make",
    [coco_boxes, studio_boxes, cvat_boxes, via_boxes, sagemaker_boxes, prodigy_boxes],
    ids=lambda make: make.__name__,
)
def test_boxes_are_no_labels_of_a_whole_image(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path)
    assert "no label of a whole image was found; boxes and outlines are no label" in refusal(tmp_path)


# --- parts -------------------------------------------------------------------------------------------------------


def test_words_of_parts() -> None:
    assert [part_of_value(v) for v in ("Training", "PublicTest", "val2017", "dev", "contest", "latest", "trainee", "")] == [
        "train", "test", "test", "test", "", "", "", ""
    ]  # fmt: skip
    assert [part_of_file(n) for n in ("FER2013Valid/label.csv", "instances_train.json", "test/train.csv")] == [
        "test",
        "train",
        "train",
    ]
    assert [part_of_image(n) for n in ("test/a.png", "a/val/b.png", "test.png", "train/test_1.png")] == [
        "test",
        "test",
        "",
        "train",
    ]


def test_an_image_in_a_test_folder_is_never_trained_on(tmp_path: Path) -> None:
    images(tmp_path, "train/a.png", "train/b.png", "test/c.png", "test/d.png")
    votes = {"a": ("happy", "sad"), "b": ("sad", "sad"), "c": ("sad", "sad"), "d": ("happy", "sad")}
    tasks = [
        {"data": {"image": f"{i}.png"}, "annotations": [studio(a, 1), studio(b, 2)]} for i, (a, b) in votes.items()
    ]
    write_json(tmp_path / "p.json", tasks)
    study = load_dataset(tmp_path)
    assert {i for i, *_ in said(study)} == {"train/a.png", "train/b.png"}
    assert known(study) == {"test/c.png": ("sad", "test")}
    held = study.table.items[study.is_test].tolist()
    assert held == ["test/c.png", "test/d.png"]  # the annotators disagree on the second: nothing is known of it


def test_a_test_part_alone_is_no_study(tmp_path: Path) -> None:
    images(tmp_path, "valid/a_png.rf.0.jpg", "valid/b_png.rf.1.jpg")
    write_csv(
        tmp_path / "valid" / "_classes.csv",
        ("filename", "x", "y"),
        [("a_png.rf.0.jpg", 1, 0), ("b_png.rf.1.jpg", 0, 1)],
    )
    assert "every answer belongs to a part that is held out for tests (valid/_classes.csv)" in refusal(tmp_path)


def test_tables_of_different_classes_are_united(tmp_path: Path) -> None:
    write_csv(tmp_path / "wide.csv", ("image", "Ann", "Ben"), [("a", "x", "y"), ("b", "y", "z")])
    write_csv(tmp_path / "other.csv", ("image", "label"), [("a", "x"), ("b", "y")])
    assert {c: k for _, c, k, _ in said(load_dataset(tmp_path))} == {"Ann": "y", "Ben": "z", "other": "y"}


# --- shapes of JSON and lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        [{"image": "a.png", "labels": [{"annotator": "ann", "label": "happy"}, {"annotator": "ben", "label": "sad"}]}, {"image": "b.png", "labels": [{"annotator": "ann", "label": "sad"}]}],
        {"version": 1, "data": [{"file_name": i, "rater": c, "class": k} for i, c, k in (("a.png", "ann", "happy"), ("a.png", "ben", "sad"), ("b.png", "ann", "sad"))]},
        [{"image": "a.png", "labels": {"ann": "happy", "ben": "sad"}}, {"image": "b.png", "labels": {"ann": "sad"}}],
        {"a.png": {"ann": "happy", "ben": "sad"}, "b.png": {"ann": "sad"}},
    ],
    ids=["lists of records", "the only list", "records of people", "people by item"],
)  # fmt: skip
def test_shapes_of_records(content: Any, tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png")
    write_json(tmp_path / "r.json", content)
    assert said(load_dataset(tmp_path)) == [
        ("a.png", "ann", "happy", 1),
        ("a.png", "ben", "sad", 1),
        ("b.png", "ann", "sad", 1),
    ]


def test_seven_labels_after_an_image_are_no_box(tmp_path: Path) -> None:
    (tmp_path / "label.txt").write_text("a.png 0 1 2 2 0 1 1\nb.png 1 1 2 0 0 1 1\n")
    assert load_dataset(tmp_path).format == "ltnet-list"


@pytest.mark.parametrize("cells", [("1", "0"), ("1.0", "0.0"), ("TRUE", "FALSE"), ("x", "")])
def test_marks_of_a_class(cells: tuple[str, str], tmp_path: Path) -> None:
    rows = [
        (f"{i}.png", *(cells[i % 3 != k] for k in range(3)), f"patient {i}", "val" if i > 7 else "train")
        for i in range(10)
    ]
    write_csv(tmp_path / "l.csv", ("image", "A", "B", "C", "patient", "split"), rows)
    study = load_dataset(tmp_path)
    assert said(study) == [(f"{i}.png", tmp_path.name, "ABC"[i % 3], 1) for i in range(8)]
    assert known(study) == {"8.png": ("C", "test"), "9.png": ("A", "test")}
    assert [p.examples for p in study.problems if p.kind == "column left out"] == [
        ("l.csv: 'patient' holds no zeros and ones.",)
    ]


# --- names of images ---------------------------------------------------------------------------------------------


def test_names_are_matched_one_to_one() -> None:
    listed = ["x/a.png", "x/Ü b.JPG", "y/c.png", "z/c.png", "deep/set/d.png"]
    names = {
        "https://h.test/q/a.png?X-Sig=1&d2=/e.png": "x/a.png",
        "/data/local-files/?d=set%2F%C3%9C%20b.jpg": "x/Ü b.JPG",
        "y\\c.png": "y/c.png",
        "c.png": "c.png",  # two images are called so
        "C:\\set\\d.png": "deep/set/d.png",
        "e.png": "e.png",
    }
    assert as_listed(names, listed) == names


def test_two_names_never_become_one_image() -> None:
    assert as_listed(["s/a.png", "t/a.png"], ["x/a.png"]) == {"s/a.png": "s/a.png", "t/a.png": "t/a.png"}
    assert as_listed(["a.png", "0a1b2c3d-a.png"], ["a.png"]) == {"a.png": "a.png", "0a1b2c3d-a.png": "0a1b2c3d-a.png"}


# --- from outside ------------------------------------------------------------------------------------------------


def test_an_export_is_inspected_aggregated_and_refused_from_the_command_line(
    tmp_path: Path, ltnet: Command, ltnet_process: Command
) -> None:
    (tmp_path / "mturk").mkdir()
    EXPORTS["mturk ticks"][0](tmp_path / "mturk")
    shown = ltnet_process("inspect", tmp_path / "mturk", "--json")
    content = json.loads(shown.stdout)
    assert content["format"] == "mturk" and {c: v["annotations"] for c, v in content["coders"].items()} == {
        "W1": 2,
        "W2": 1,
    }
    out = tmp_path / "truth.csv"
    done = ltnet("aggregate", tmp_path / "mturk", "--method", "majority", "--out", out)
    assert done.returncode == 0 and "b.jpg,sad" in out.read_text()
    (tmp_path / "two").mkdir()
    mturk_two(tmp_path / "two")
    refused = ltnet("aggregate", tmp_path / "two", "--method", "majority", "--out", out)
    assert refused.returncode == 2 and "2 questions were asked" in refused.stderr and "Traceback" not in refused.stderr


def test_a_label_that_was_accepted_or_rejected_is_two_classes(tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(6)]
    images(tmp_path, *names)
    lines = [
        {"image": x, "label": "owl", "_input_hash": i, "answer": ("accept", "reject")[i % 2], "_annotator_id": "ann"}
        for i, x in enumerate(names)
    ]
    write_lines(tmp_path / "p.jsonl", lines)
    study = load_dataset(tmp_path)
    assert study.format == "prodigy" and study.table.classes == ("not owl", "owl")


def test_ratings_alone_are_named(tmp_path: Path) -> None:
    rated = {"completed_by": 1, "result": [{"type": "rating", "from_name": "stars", "value": {"rating": 3}}]}
    write_json(tmp_path / "p.json", [{"id": 1, "data": {"image": "a.png"}, "annotations": [rated]}])
    assert "a rating is no choice of a class" in refusal(tmp_path)


def test_a_question_of_yes_and_no_is_no_choice(tmp_path: Path) -> None:
    images(tmp_path, "a.jpg", "b.jpg")
    answers = (("a", "W1", "yes"), ("b", "W1", "no"), ("a", "W2", "no"))
    rows = [(image, who, f"https://x.org/{image}.jpg", answer) for image, who, answer in answers]
    write_csv(tmp_path / "Batch_1_batch_results.csv", ("HITId", "WorkerId", "Input.url", "Answer.bird.label"), rows)
    assert said(load_dataset(tmp_path)) == [(f"{image}.jpg", who, answer, 1) for image, who, answer in sorted(answers)]
