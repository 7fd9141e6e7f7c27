"""Readers of annotation tools' exports, one entry at a time: what is a label, what is set aside and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from read_exports import aside, labels, put, read

from ltnet_core.datasets.formats import (
    coco,
    cvat,
    doccano,
    fiftyone,
    label_studio,
    label_studio_rows,
    mturk,
    prodigy,
    sagemaker,
    toloka,
    via,
    zooniverse,
)
from ltnet_core.datasets.formats.answers import BOXES, BY_MODEL, SEVERAL
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.errors import DatasetError

# ---- COCO


def of_coco(*annotations: dict[str, Any]) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 10, "height": 20}, {"id": "b", "file_name": "b.png"}],
        "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
        "annotations": [*annotations],
    }


def one(image: Any, category: Any, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, **more}


def test_coco_categories_of_whole_images(tmp_path: Path) -> None:
    content = of_coco(
        one(1, 5), one(1, 5, bbox=[0, 0, 10, 20]), one(1, 5, bbox=[0, 0, 0, 0]), one(1, 6, bbox=[0, 0, 9, 20]), one("b", 6, bbox=[]),
        one("b", 6, segmentation=[[1, 2, 3]]), one(1, 5, bbox=[0, 0, 10, 20], segmentation=[[1]]),
    )  # fmt: skip
    reading = read(coco, tmp_path, "c.json", content)
    assert labels(reading) == [("a.png", "set", "cat"), ("b.png", "set", "dog")]
    assert reading.classes == ["cat", "dog"]
    assert aside(reading) == {BOXES: "c.json, row 4"}
    several = read(coco, tmp_path, "c.json", of_coco(one(1, 5), one(1, 6), one("b", 6)))
    assert labels(several) == [("b.png", "set", "dog")]
    assert aside(several) == {SEVERAL: "c.json, row 1"}


def test_coco_annotations_of_several_people(tmp_path: Path) -> None:
    of = {"labeled_by": "Ann"}, {"attributes": {"worker_id": 7}}
    reading = read(coco, tmp_path, "c.json", of_coco(one(1, 5, **of[0]), one(1, 6, **of[1]), one("b", 6, **of[0])))
    said = [("a.png", "Ann", "cat"), ("a.png", "annotator 7", "dog"), ("b.png", "Ann", "dog")]
    assert sorted(labels(reading)) == said
    assert aside(reading) == {}
    names = [{"id": i, "name": n, "supercategory": s} for i, (n, s) in enumerate([("cat", "X"), ("dog", "X"), ("cat", "Y"), ("dog", "Y")])]  # fmt: skip
    both = of_coco(one(1, 0), one(1, 3), one("b", 1), one("b", 2)) | {"categories": names}
    reading = read(coco, tmp_path, "c.json", both)
    assert sorted(labels(reading)) == [("a.png", "X", "cat"), ("a.png", "Y", "dog"), ("b.png", "X", "dog"), ("b.png", "Y", "cat")]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"annotations": [one(2, 5)]}, "c.json, row 1: annotation whose image_id or category_id is not listed."),
        ({"annotations": [one(1, 5), one(1, True)]}, "c.json, row 2: annotation whose image_id"),
        ({"annotations": ["x"]}, "c.json, row 1: annotation whose image_id"),
        ({"images": [{"id": 1}]}, "c.json, row 1: entry of images without id and file_name."),
        ({"images": [{"id": 1, "file_name": "a"}, {"id": [1], "file_name": "b"}]}, "c.json, row 2: entry of images"),
        ({"categories": [{"id": 5, "name": ""}]}, "c.json, row 1: entry of categories without id and name."),
        ({"annotations": []}, "set: COCO's annotations: no label of a whole image was found."),
    ],
)
def test_coco_that_is_broken_is_refused(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(DatasetError) as error:
        read(coco, tmp_path, "c.json", of_coco(one(1, 5)) | change)
    assert str(error.value).startswith(reason)


# ---- VIA


def test_via_attributes_are_questions(tmp_path: Path) -> None:
    content = {
        "_via_img_metadata": {
            "a1": {"filename": "a.png", "file_attributes": {"kind": "cat", "Caption": "free"}, "regions": [1]},
            "b1": {"filename": "b.png", "file_attributes": {"kind": {"cat": False, "dog": "true"}}},
            "c1": {"filename": "c.png", "file_attributes": {"kind": {"cat": True, "dog": True}}, "regions": []},
            "d1": {"filename": "d.png", "file_attributes": {}, "regions": [1]},
            "e1": {"filename": "e.png", "file_attributes": "odd"},
            "odd": 5,
        }
    }
    reading = read(via, tmp_path, "v.json", content)
    assert labels(reading) == [("a.png", "set", "cat"), ("b.png", "set", "dog")]
    assert aside(reading) == {SEVERAL: "v.json, row 3", BOXES: "v.json, row 4"}


def test_via_tables_repeat_an_image_for_each_region(tmp_path: Path) -> None:
    rows = [
        ("a.png", '{"kind": "cat"}', 2),
        ("a.png", '{"kind": "dog"}', 2),
        ("b.png", "", 0),
        ("c.png", '{"kind": "dog"}', ""),
    ]
    table = pd.DataFrame(rows, columns=["filename", "file_attributes", "region_count"])
    assert labels(read(via, tmp_path, "v.csv", table)) == [("a.png", "set", "cat"), ("c.png", "set", "dog")]


# ---- CVAT


def test_cvat_tags_and_their_attributes(tmp_path: Path) -> None:
    document = """<annotations><meta><assignee><username> Ann </username></assignee></meta>
      <image name="a.png"><tag label="cat"/><box label="dog"/></image>
      <image name="b.png"><tag label="dog"/><tag label="dog"/></image>
      <image name="c.png"><tag label="cat"/><tag label="dog"/></image>
      <image name="d.png"><polygon label="dog"/></image>
      <image name="t.png" subset="Test"><tag label="cat"/></image></annotations>"""
    reading = read(cvat, tmp_path, "x.xml", document)
    assert labels(reading) == [("a.png", "Ann", "cat"), ("b.png", "Ann", "dog")]
    assert aside(reading) == {BOXES: "x.xml, row 4", SEVERAL: "x.xml, row 3"}
    assert reading.truth[0].frame.astype(str).to_numpy().tolist() == [["t.png", "cat", "test"]]
    alike = """<annotations><image name="a.png"><tag label="face"><attribute name="mood">glad</attribute></tag></image>
      <image name="b.png"><tag label="face"><attribute name="mood">sad</attribute></tag></image></annotations>"""
    assert labels(read(cvat, tmp_path, "x.xml", alike)) == [("a.png", "set", "glad"), ("b.png", "set", "sad")]


def test_cvat_of_a_project_names_the_assignee_of_each_task(tmp_path: Path) -> None:
    tasks = "".join(
        f"<task><id>{n}</id><assignee>{who and f'<username>{who}</username>'}</assignee></task>"
        for n, who in ((7, "Ann"), (8, "Ben"), (9, ""))
    )
    images = "".join(
        f'<image name="{n}.png" task_id="{task}"><tag label="{c}"/></image>'
        for n, task, c in (("a", 7, "cat"), ("a", 8, "dog"), ("b", 9, "cat"), ("b", 8, "cat"))
    )
    document = f"<annotations><meta><project><tasks>{tasks}</tasks></project></meta>{images}</annotations>"
    assert labels(read(cvat, tmp_path, "x.xml", document)) == [
        ("a.png", "Ann", "cat"),
        ("a.png", "Ben", "dog"),
        ("b.png", "set", "cat"),
        ("b.png", "Ben", "cat"),
    ]


def test_tags_that_a_model_gave_in_cvat_are_no_annotations(tmp_path: Path) -> None:
    document = """<annotations><image name="a.png"><tag label="cat" source="manual"/></image>
      <image name="b.png"><tag label="dog" source="auto"/></image>
      <image name="c.png"><tag label="dog" source="semi-auto"/></image></annotations>"""
    reading = read(cvat, tmp_path, "x.xml", document)
    assert labels(reading) == [("a.png", "set", "cat"), ("c.png", "set", "dog")]
    assert aside(reading) == {BY_MODEL: "x.xml, row 2"}


def test_cvat_of_a_video_is_told_what_to_export(tmp_path: Path) -> None:
    put(tmp_path, "x.xml", "<annotations><track id='0'/></annotations>")
    matched = cvat.match(FolderFiles(tmp_path))
    assert (matched.fits, matched.text) == (False, "x.xml is of a video; export it as CVAT for images")


# ---- Label Studio


def choice(label: Any, **more: Any) -> dict[str, Any]:
    chosen = label if isinstance(label, list) else [label]
    return {"result": [{"type": "choices", "from_name": "kind", "value": {"choices": chosen}}], **more}


def task(name: str, *annotations: Any, **data: Any) -> dict[str, Any]:
    return {"data": {"image": f"/data/upload/1/{name}", **data}, "annotations": [*annotations]}


def test_label_studio_choices_of_people(tmp_path: Path) -> None:
    tasks = [
        task("a.png", choice("cat", completed_by=3), choice("dog", completed_by={"email": "b@x", "id": 4})),
        task("b.png", choice("dog", completed_by={"id": 7}), choice("cat", was_cancelled=True), "odd"),
        task("c.png", choice(["cat", "dog"], completed_by=3), choice([], completed_by=3)),
        task(
            "d.png", {"result": [{"type": "rating", "value": {"rating": 3}}]}, {"result": [{"type": "rectanglelabels"}]}
        ),
        task("e.png", {"result": "odd"}, split="test"),
        task(
            "f.png",
            choice("cat", completed_by=3, updated_at="2024-01-02"),
            choice("dog", completed_by=3, created_at="2024-01-01"),
        ),
        {"data": {"text": "no image"}, "annotations": [choice("cat")]},
        task("g.png", {"result": [*choice("cat")["result"], {"meta": {"text": ["Zoe"]}}]}),
        task("t.png", choice("dog", completed_by=3), Subset="Val"),
        {"data": {"image": "h.png"}, "annotations": None},
    ]
    reading = read(label_studio, tmp_path, "e.json", tasks)
    assert [(i.rsplit("/", 1)[-1], c, k) for i, c, k in labels(reading)] == [
        ("a.png", "annotator 3", "cat"),
        ("a.png", "b@x", "dog"),
        ("b.png", "annotator 7", "dog"),
        ("f.png", "annotator 3", "cat"),
        ("g.png", "Zoe", "cat"),
    ]
    assert aside(reading) == {
        "the annotation was cancelled": "e.json, row 2",
        SEVERAL: "e.json, row 3",
        "the annotation holds no choice": "e.json, row 3",
        "a rating is no choice of a class": "e.json, row 4",
        BOXES: "e.json, row 4",
        "it names no image": "e.json, row 7",
        "the same person answered again": "e.json, row 6",
    }
    assert reading.truth[0].frame["label"].tolist() == ["dog"]
    with pytest.raises(DatasetError, match=r"e\.json, row 2: expected a task with data and annotations"):
        read(label_studio, tmp_path, "e.json", [task("a.png", choice("cat")), {"data": 5}])


def row(image: str, **fields: Any) -> dict[str, Any]:
    return {"image": image, "annotator": 1, "annotation_id": 1, "lead_time": 2.5, **fields}


def test_label_studio_rows_hold_choices_in_some_of_their_fields(tmp_path: Path) -> None:
    rows = [
        row("a.png", kind="cat", stars=3, note=""),
        row("b.png", kind={"choices": ["dog"]}, stars=4),
        row("c.png", kind={"choices": ["cat", "dog"]}),
        row("d.png", kind=["cat"], annotator="Ann"),
    ]
    reading = read(label_studio_rows, tmp_path, "e.json", rows)
    assert labels(reading) == [
        ("a.png", "annotator 1", "cat"),
        ("b.png", "annotator 1", "dog"),
        ("d.png", "Ann", "cat"),
    ]
    assert aside(reading) == {SEVERAL: "e.json, row 3"}
    numbers = read(label_studio_rows, tmp_path, "e.json", [row("a.png", stars=3), row("b.png", stars=4)])
    assert [k for *_, k in labels(numbers)] == ["3", "4"]  # nothing else is a choice
    with pytest.raises(DatasetError, match=r"e\.json: no field holds the choices of the annotators"):
        read(label_studio_rows, tmp_path, "e.json", [row("a.png"), row("b.png")])


def test_label_studio_tables_hold_json_in_cells(tmp_path: Path) -> None:
    table = pd.DataFrame(
        [row("a.png", kind='{"choices": ["cat"]}'), row("b.png", kind="[dog"), row("c.png", kind='["cat"]')]
    )
    reading = read(label_studio_rows, tmp_path, "e.csv", table)
    assert [k for *_, k in labels(reading)] == ["cat", "[dog", "cat"]


# ---- Prodigy, SageMaker, doccano, FiftyOne


def line(**fields: Any) -> dict[str, Any]:
    return {"_input_hash": 1, "answer": "accept", "_annotator_id": "Ann", **fields}


def test_prodigy_answers(tmp_path: Path) -> None:
    options = [{"id": 1, "text": "cat"}, {"id": "dog", "text": "Dog!"}, "odd"]
    reading = read(prodigy, tmp_path, "p.jsonl", [
        line(image="a.png", options=options, accept=[1]),
        line(image="data:image/png;base64,x", path="b.png", options=options, accept=["dog"]),
        line(image="data:x", meta={"file": "c.png"}, options=options, accept=[1], _annotator_id=None, _session_id="s-ben"),
        line(image="d.png", options=options, accept=[1, "dog"]),
        line(image="e.png", options=options, accept=[]),
        line(image="f.png", options=options, accept=[], spans=[1]),
        line(image="g.png", options=options, accept=[1], answer="ignore"),
        line(image="h.png", options="odd", accept=["own"]),
    ])  # fmt: skip
    assert labels(reading) == [
        ("a.png", "Ann", "cat"),
        ("b.png", "Ann", "dog"),
        ("c.png", "s-ben", "cat"),
        ("h.png", "Ann", "own"),
    ]
    assert aside(reading) == {
        SEVERAL: "p.jsonl, row 4",
        "nothing was chosen": "p.jsonl, row 5",
        BOXES: "p.jsonl, row 6",
        "the answer is ignore": "p.jsonl, row 7",
    }


def job(image: str, name: str = "j", value: Any = 0, **metadata: Any) -> dict[str, Any]:
    return {
        "source-ref": image,
        name: value,
        f"{name}-metadata": {"type": "groundtruth/image-classification", **metadata},
    }


def test_sagemaker_jobs(tmp_path: Path) -> None:
    reading = read(sagemaker, tmp_path, "o.manifest", [
        job("s3://b/a.png", **{"class-name": "cat"}),
        job("s3://b/b.png", **{"class-name": "dog", "human-annotated": "no"}),
        job("s3://b/c.png", **{"failure-reason": "x"}),
        job("s3://b/d.png", value=[0, 1], **{"class-map": {"0": "cat", "1": "dog"}}),
        job("s3://b/e.png", value=[1], **{"class-map": {"1": "dog"}}),
        job("s3://b/f.png", type="groundtruth/object-detection"),
        job("s3://b/g.png", type="groundtruth/text"),
        job("s3://b/h.png", value=[]),
        job("s3://b/i.png", value=["dog"], **{"class-map": 5}),
        {"source-ref": "s3://b/k.png", "j-metadata": 5},
    ])  # fmt: skip
    assert [(i, c, k) for i, c, k in labels(reading)] == [
        ("s3://b/a.png", "j", "cat"),
        ("s3://b/e.png", "j", "dog"),
        ("s3://b/i.png", "j", "dog"),
    ]
    assert list(aside(reading)) == [
        "a model gave the label, not a person",
        "the labelling of the image failed",
        SEVERAL,
        BOXES,
        "text is no class of an image",
        "the image has no class",
    ]
    both = [job("a.png", **{"class-name": "cat"}) | job("a.png", "k", **{"class-name": "red"})]
    assert [q.kind for q in read(sagemaker, tmp_path, "o.manifest", both).questions] == ["several questions"]


def test_doccano_lists_of_classes(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "filename": "a.png", "label": ["cat"], "Comments": []},
        {"id": 2, "upload_name": "b.png", "label": ["cat", "dog"]},
        {"id": 3, "filename": "c.png", "label": []},
        {"id": 4, "filename": "d.png", "label": "dog"},
    ]
    reading = read(doccano, tmp_path, "all.jsonl", lines)
    assert [(i, k) for i, _, k in labels(reading)] == [("a.png", "cat"), ("d.png", "dog")]
    assert aside(reading) == {SEVERAL: "all.jsonl, row 2"}
    (tmp_path / "all.jsonl").unlink()
    table = pd.DataFrame(
        [(1, "a.png", "cat", ""), (2, "b.png", "cat#dog", "")], columns=["id", "filename", "label", "Comments"]
    )
    assert [(i, k) for i, _, k in labels(read(doccano, tmp_path, "all.csv", table))] == [("a.png", "cat")]


def test_fiftyone_labels_by_place_or_name(tmp_path: Path) -> None:
    of_image: dict[str, Any] = {
        "a": 1,
        "b": "cat",
        "c": {"label": "dog"},
        "d": {"label": 0},
        "e": [0, 1],
        "f": None,
        "g": [1],
        "h": True,
    }
    reading = read(fiftyone, tmp_path, "labels.json", {"classes": ["cat", "dog"], "labels": of_image})
    assert [(i, k) for i, _, k in labels(reading)] == [
        ("a", "dog"),
        ("b", "cat"),
        ("c", "dog"),
        ("d", "cat"),
        ("g", "dog"),
        ("h", "true"),
    ]
    assert aside(reading) == {SEVERAL: "labels.json, row 5"}
    for label in (2, -1):
        with pytest.raises(DatasetError, match=rf"labels\.json, row 1: the label {label} is none of the 2 classes"):
            read(fiftyone, tmp_path, "labels.json", {"classes": ["cat", "dog"], "labels": {"a": label}})
    with pytest.raises(DatasetError, match="expected {"):
        read(fiftyone, tmp_path, "labels.json", {"classes": "cat", "labels": {"a": 0}})


# ---- crowds


def frame(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=str)


def test_mechanical_turk_answers_in_every_form(tmp_path: Path) -> None:
    table = frame(
        "HITId,WorkerId,AssignmentStatus,Input.image,Answer.kind.cat,Answer.kind.dog,Answer.comment,SubmitTime\n"
        "1,W,Approved,a.png,true,false,nice,Mon Jan 08 01:00:00 PST 2024\n"
        "2,W,Rejected,b.png,true,false,,\n"
        "3,W,Approved,c.png,true,true,,\n"
        "4,V,Approved,d.png,off,on,,\n"
        "5,V,Approved,e.png,,,,\n"
    )
    reading = read(mturk, tmp_path, "b.csv", table)
    assert labels(reading) == [("a.png", "W", "cat"), ("d.png", "V", "dog")]
    assert aside(reading) == {
        "the assignment was rejected": "b.csv, row 3",
        "more than one choice, or none that is clear": "b.csv, row 4",
    }
    column = table[["HITId", "WorkerId", "Input.image"]].assign(
        **{"Answer.kind.label": ["cat", "dog", "", "cat", "dog"]}
    )
    assert [k for *_, k in labels(read(mturk, tmp_path, "b.csv", column))] == ["cat", "dog", "cat", "dog"]
    tasks = [
        '[{"kind": {"label": "cat"}, "remark": "x"}]',
        '[{"kind": {"dog": true, "cat": false}}]',
        "",
        '{"kind": "cat"}',
        '[{"kind": {"labels": ["cat", "dog"]}}]',
    ]
    of_tasks = table[["HITId", "WorkerId", "Input.image"]].assign(**{"Answer.taskAnswers": tasks})
    assert [k for *_, k in labels(read(mturk, tmp_path, "b.csv", of_tasks))] == ["cat", "dog", "cat"]
    only_comments = table[["HITId", "WorkerId", "Input.image", "Answer.comment"]]
    with pytest.raises(DatasetError, match=r"b\.csv, row 1: none of Answer\.comment holds choices"):
        read(mturk, tmp_path, "b.csv", only_comments)


def test_toloka_assignments(tmp_path: Path) -> None:
    table = frame(
        "INPUT:image,OUTPUT:kind,GOLDEN:kind,ASSIGNMENT:worker_id,ASSIGNMENT:status,ASSIGNMENT:submitted\n"
        "a.png,cat,,W,APPROVED,2024-01-01T00:00:00\n"
        "a.png,dog,,W,APPROVED,2024-01-02T00:00:00\n"
        "b.png,cat,dog,W,APPROVED,\n"
        "c.png,cat,,W,REJECTED,\n"
    )
    reading = read(toloka, tmp_path, "t.tsv", table.to_csv(sep="\t", index=False))
    assert labels(reading) == [("a.png", "W", "dog"), ("b.png", "W", "cat")]
    assert list(aside(reading)) == ["the assignment is rejected", "the same person answered again"]
    assert reading.truth[0].frame.astype(str).to_numpy().tolist() == [["b.png", "dog", ""]]


def test_zooniverse_tasks(tmp_path: Path) -> None:
    subject = '{"7": {"retired": null, "#file": "%s.png"}}'
    values: list[Any] = [
        "cat",
        ["dog"],
        ["cat", "dog"],
        None,
        [],
        [{"x": 1}],
        [{"task": "T1", "value": "dog"}],
        {"select": "cat"},
    ]
    tasks = [
        json.dumps([{"task": "T0", "value": v}, {"task": "T9", "value": "free", "taskType": "text"}]) for v in values
    ]
    rows = [("W", t, subject % n, 1) for n, t in zip("abcdefgh", tasks, strict=True)]
    table = pd.DataFrame(rows, columns=["user_name", "annotations", "subject_data", "workflow_id"])
    reading = read(zooniverse, tmp_path, "z.csv", table)
    assert labels(reading) == [("a.png", "W", "cat"), ("b.png", "W", "dog"), ("h.png", "W", "cat")]
    assert list(aside(reading)) == [SEVERAL, "a drawing or a survey is no answer to a question"]
    assert reading.questions[0].about == ("T0", "T1")
    with pytest.raises(DatasetError, match=r"z\.csv, row 2: the cell 'subject_data' names no image file"):
        read(zooniverse, tmp_path, "z.csv", table.assign(subject_data='{"7": {"x": "no image"}, "8": 5}'))
