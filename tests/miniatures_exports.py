"""A miniature of every export of an annotation tool, as people have them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conftest import write_csv, write_image

Said = list[tuple[str, str, str, float]]
Expected = tuple[Callable[[Path], None], str, str, Said, dict[str, tuple[str, str]]]


def images(at: Path, *names: str) -> None:
    for n, name in enumerate(names):
        write_image(at / name, n)


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_lines(path: Path, lines: Sequence[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def one_hot(at: Path) -> None:
    images(at, *(f"images/ISIC_{i}.jpg" for i in range(8)))
    rows = [(f"ISIC_{i}", *(float(i % 3 == k) for k in range(3))) for i in range(8)]
    write_csv(at / "GroundTruth.csv", ("image", "MEL", "NV", "BCC"), rows)


def roboflow(at: Path) -> None:
    for part, names in {"train": "abc", "valid": "d", "test": "e"}.items():
        images(at / part, *(f"{n}_png.rf.0{n}.jpg" for n in names))
    head = ("filename", " cat", " dog", " Unlabeled")
    train = [("a_png.rf.0a.jpg", " 1", " 0", " 0"), ("b_png.rf.0b.jpg", " 0", " 1", " 0"), ("c_png.rf.0c.jpg", 0, 0, 1)]
    write_csv(at / "train" / "_classes.csv", head, train)
    write_csv(at / "valid" / "_classes.csv", head, [("d_png.rf.0d.jpg", 1, 0, 0)])
    write_csv(at / "test" / "_classes.csv", head, [("e_png.rf.0e.jpg", 0, 1, 0)])


MTURK = ("HITId", "AssignmentId", "WorkerId", "AssignmentStatus", "SubmitTime", "Input.image_url")


def mturk(at: Path) -> None:
    images(at, "faces/a.jpg", "faces/b.jpg")
    rows = [
        ("H1", "1", "W1", "Approved", "Mon Jan 08 01:00:00 PST 2024", "https://s3.test/x/a.jpg", "happy", "so nice"),
        ("H1", "2", "W2", "Rejected", "Mon Jan 08 01:00:00 PST 2024", "https://s3.test/x/a.jpg", "sad", ""),
        ("H2", "3", "W1", "Submitted", "Tue Jan 09 01:00:00 PST 2024", "https://s3.test/x/b.jpg", "sad", ""),
        ("H3", "4", "W1", "Approved", "Mon Jan 08 02:00:00 PST 2024", "https://s3.test/x/b.jpg", "happy", ""),
    ]
    write_csv(at / "Batch_1_batch_results.csv", (*MTURK, "Answer.emotion.label", "Answer.comment"), rows)


def mturk_ticks(at: Path) -> None:
    images(at, "a.jpg", "b.jpg")
    rows = [
        ("H1", "1", "W1", "Approved", "", "https://s3.test/a.jpg", "true", "false"),
        ("H1", "2", "W2", "Approved", "", "https://s3.test/a.jpg", "false", "true"),
        ("H2", "3", "W1", "Approved", "", "https://s3.test/b.jpg", "false", "true"),
    ]
    write_csv(at / "results.csv", (*MTURK, "Answer.emotion.happy", "Answer.emotion.sad"), rows)


def mturk_json(at: Path) -> None:
    images(at, "a.jpg", "b.jpg")
    answers = [
        json.dumps([{"emotion": {"label": e}, "comment": f"remark {i}"}]) for i, e in enumerate(("happy", "sad", "sad"))
    ]
    rows = [
        ("H1", "1", "W1", "Approved", "", "https://s3.test/a.jpg", answers[0]),
        ("H1", "2", "W2", "Approved", "", "https://s3.test/a.jpg", answers[1]),
        ("H2", "3", "W1", "Approved", "", "https://s3.test/b.jpg", answers[2]),
    ]
    write_csv(at / "results.csv", (*MTURK, "Answer.taskAnswers"), rows)


def toloka(at: Path) -> None:
    images(at, "img/a.jpg", "img/b.jpg")
    head = (
        "INPUT:image OUTPUT:result GOLDEN:result HINT:text ASSIGNMENT:worker_id ASSIGNMENT:status ASSIGNMENT:submitted"
    )
    rows = [
        ("/set/a.jpg", "happy", "happy", "", "f00d", "APPROVED", "2024-01-01T10:00:00.000"),
        ("/set/a.jpg", "sad", "happy", "", "beef", "REJECTED", "2024-01-01T10:00:00.000"),
        ("/set/b.jpg", "sad", "", "", "f00d", "APPROVED", "2024-01-02T10:00:00.000"),
        ("/set/b.jpg", "happy", "", "", "f00d", "APPROVED", "2024-01-01T10:00:00.000"),
        ("/set/b.jpg", "happy", "", "", "beef", "APPROVED", "2024-01-01T10:00:00.000"),
    ]
    at.joinpath("assignments.tsv").write_text("\n".join("\t".join(r) for r in [head.split(), *rows]) + "\n")


def zooniverse(at: Path) -> None:
    images(at, "a.jpg", "b.jpg")

    def row(number: int, who: str, when: str, value: Any, image: str) -> tuple[object, ...]:
        annotation = json.dumps([{"task": "T0", "task_label": "What?", "value": value}])
        subject = json.dumps({str(500 + number): {"retired": None, "Filename": image}})
        return (number, who, 77, when, annotation, subject)

    rows = [
        row(1, "zoe", "2024-01-01 10:00:00 UTC", "happy", "a.jpg"),
        row(2, "not-logged-in-0f", "2024-01-01 10:00:00 UTC", "sad", "a.jpg"),
        row(3, "zoe", "2024-01-02 10:00:00 UTC", "sad", "b.jpg"),
        row(4, "zoe", "2024-01-01 10:00:00 UTC", "happy", "b.jpg"),
        row(5, "yan", "2024-01-01 10:00:00 UTC", [{"x": 1, "y": 2}], "b.jpg"),
    ]
    head = ("classification_id", "user_name", "workflow_id", "created_at", "annotations", "subject_data")
    write_csv(at / "faces-classifications.csv", head, rows)


def zooniverse_votes(at: Path) -> None:
    images(at, "a.jpg", "b.jpg")
    head = ("subject_id", "workflow_id", "task", "reducer", "data.happy", "data.sad", "data.num_votes")
    write_csv(at / "question_reducer_1.csv", head, [(500, 77, "T0", "q", 3, 1, 4), (501, 77, "T0", "q", "", 4.0, 4)])
    subjects = [(500, json.dumps({"Filename": "a.jpg"})), (501, json.dumps({"#name": "b.jpg"}))]
    write_csv(at / "subjects.csv", ("subject_id", "metadata"), subjects)


def sagemaker(at: Path) -> None:
    images(at, "a.jpg", "b.jpg", "c.jpg")

    def line(image: str, label: str, human: str = "yes") -> dict[str, Any]:
        about = {"class-name": label, "human-annotated": human, "type": "groundtruth/image-classification"}
        return {"source-ref": f"s3://bucket/x/{image}", "faces": 1, "faces-metadata": about}

    write_lines(at / "output.manifest", [line("a.jpg", "happy"), line("b.jpg", "sad"), line("c.jpg", "sad", "no")])


def studio(
    choice: str, by: object = 3, when: str = "2024-01-01T10:00:00Z", question: str = "emotion"
) -> dict[str, Any]:
    """An annotation as Label Studio exports it."""
    result = [{"type": "choices", "from_name": question, "value": {"choices": [choice]}}]
    return {"completed_by": by, "result": result, "updated_at": when}


def label_studio_latest(at: Path) -> None:
    """The newest annotation first, a rating beside a choice, a task of the test part."""
    images(at, "a.png", "b.png", "c.png")
    new, old = studio("sad", when="2024-02-01T10:00:00Z"), studio("happy")
    new["result"].append({"type": "rating", "from_name": "stars", "value": {"rating": 4}})
    tasks = [
        {"id": 1, "data": {"image": "/data/upload/1/0a1b2c3d-a.png"}, "annotations": [new, old]},
        {"id": 2, "data": {"image": "/data/upload/1/0a1b2c3d-b.png"}, "annotations": [studio("happy")]},
        {"id": 3, "data": {"image": "/data/upload/1/0a1b2c3d-c.png", "split": "test"}, "annotations": [studio("sad")]},
    ]
    write_json(at / "project.json", tasks)


def label_studio_min(at: Path) -> None:
    images(at, "images/a.png", "images/b.png")

    def row(image: str, label: str, who: int, when: int) -> dict[str, Any]:
        times = {"created_at": f"2024-01-0{when}T10:00:00Z", "updated_at": f"2024-01-0{when}T10:00:00Z"}
        more = {"annotator": who, "annotation_id": 9, "lead_time": 3.2, "stars": 4}
        return {"image": f"/data/upload/1/0a1b2c3d-{image}", "id": 1, "emotion": label, **more, **times}

    rows = [
        row("a.png", "happy", 1, 1),
        row("a.png", "sad", 2, 1),
        row("b.png", "sad", 1, 2),
        row("b.png", "happy", 1, 1),
    ]
    write_json(at / "project-min.json", rows)


def label_studio_csv(at: Path) -> None:
    images(at, "images/a.png", "images/b.png")
    head = ("annotation_id", "annotator", "created_at", "species", "id", "image", "lead_time", "updated_at")
    when = "2024-01-01T10:00:00Z"
    rows = [(n, who, when, label, 1, f"/data/upload/1/0a1b2c3d-{image}", 2.5, when) for n, (who, label, image) in enumerate(
        [(1, "owl", "a.png"), (2, "wren", "a.png"), (2, '{"choices": ["owl", "wren"]}', "b.png"), (1, "wren", "b.png")]
    )]  # fmt: skip
    write_csv(at / "project.csv", head, rows)


def cvat(at: Path) -> None:
    images(at, "a.png", "b.png", "c.png")
    body = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>t</name><assignee><username>ann</username></assignee></task></meta>
<image id="0" name="set/a.png" subset="Train"><tag label="happy" source="manual"></tag></image>
<image id="1" name="set/b.png" subset="Train"><tag label="sad"/><box label="eye" xtl="1" ytl="1" xbr="2" ybr="2"/></image>
<image id="2" name="set/c.png" subset="Test"><tag label="sad"/></image></annotations>"""
    at.joinpath("annotations.xml").write_text(body, encoding="utf-8")


def cvat_attribute(at: Path) -> None:
    images(at, "a.png", "b.png")
    image = '<image id="0" name="{}.png"><tag label="face"><attribute name="emotion">{}</attribute></tag></image>'
    body = image.format("a", "happy") + image.format("b", "sad")
    at.joinpath("annotations.xml").write_text(
        f"<annotations><version>1.1</version>{body}</annotations>", encoding="utf-8"
    )


def prodigy(at: Path) -> None:
    images(at, "images/a.jpg", "images/b.jpg")

    def line(image: str, label: str, who: str, answer: str = "accept", when: int = 1) -> dict[str, Any]:
        options = [{"id": n, "text": n} for n in ("happy", "sad")]
        about = {"_input_hash": 1, "_task_hash": 2, "_timestamp": when, "_annotator_id": f"faces-{who}"}
        return {"image": f"images/{image}", "options": options, "accept": [label], "answer": answer, **about}

    lines = [
        line("a.jpg", "happy", "ann"),
        line("a.jpg", "sad", "ben", "ignore"),
        line("b.jpg", "sad", "ann", when=2),
        line("b.jpg", "happy", "ann", when=1),
        line("b.jpg", "sad", "ben"),
    ]
    write_lines(at / "faces.jsonl", lines)


def doccano(at: Path) -> None:
    images(at, "a.png", "b.png", "c.png")
    for who, labels in {"admin": ("happy", "sad"), "ben": ("sad", "sad")}.items():
        lines = [
            {"id": n, "filename": f"{i}.png", "label": [v], "Comments": []}
            for n, (i, v) in enumerate(zip("ab", labels, strict=True))
        ]
        write_lines(
            at / f"{who}.jsonl", [*lines, {"id": 9, "filename": "c.png", "label": ["sad", "happy"], "Comments": []}]
        )


def doccano_csv(at: Path) -> None:
    images(at, "a.png", "b.png")
    rows = [(1, "a.png", "happy", ""), (2, "b.png", "sad", "x"), (3, "b.png", "sad#happy", "")]
    write_csv(at / "all.csv", ("id", "filename", "label", "Comments"), rows)


def via_csv(at: Path) -> None:
    images(at, "a.png", "b.png", "c.png")
    head = (
        "filename",
        "file_size",
        "file_attributes",
        "region_count",
        "region_id",
        "region_shape_attributes",
        "region_attributes",
    )
    rows = [
        ("a.png", 7, json.dumps({"emotion": "happy", "caption": "x"}), 0, 0, "{}", "{}"),
        ("b.png", 7, json.dumps({"emotion": {"sad": True, "happy": False}}), 0, 0, "{}", "{}"),
        ("c.png", 7, "{}", 1, 0, '{"name": "rect"}', '{"part": "eye"}'),
    ]
    write_csv(at / "via.csv", head, rows)


def via_json(at: Path) -> None:
    images(at, "a.png", "b.png")
    for who, labels in {"ann": ("happy", "sad"), "ben": ("sad", "sad")}.items():
        entries = {
            f"{i}.png7": {"filename": f"{i}.png", "size": 7, "regions": [], "file_attributes": {"emotion": v}}
            for i, v in zip("ab", labels, strict=True)
        }
        write_json(at / f"{who}.json", {"_via_settings": {}, "_via_img_metadata": entries})


# As MINIATURES of miniatures.py. Where an export names nobody its coder is called as the dataset: DATASET here.
DATASET = "DATASET"
PEOPLE = [
    ("a.png", "ann", "happy", 1),
    ("a.png", "ben", "sad", 1),
    ("b.png", "ann", "sad", 1),
    ("b.png", "ben", "sad", 1),
]
EXPORTS: dict[str, Expected] = {
    "one-hot": (one_hot, "one-hot", "GroundTruth.csv with a 1 in one of the columns MEL, NV, BCC", [(f"images/ISIC_{i}.jpg", DATASET, ("MEL", "NV", "BCC")[i % 3], 1) for i in range(8)], {}),
    "roboflow": (
        roboflow, "roboflow", "test/_classes.csv with the column filename",
        [("train/a_png.rf.0a.jpg", DATASET, "cat", 1), ("train/b_png.rf.0b.jpg", DATASET, "dog", 1)],
        {"valid/d_png.rf.0d.jpg": ("cat", "test"), "test/e_png.rf.0e.jpg": ("dog", "test")},
    ),
    "mturk": (mturk, "mturk", "Batch_1_batch_results.csv with the columns HITId, WorkerId and Answer.…", [("faces/a.jpg", "W1", "happy", 1), ("faces/b.jpg", "W1", "sad", 1)], {}),
    "mturk ticks": (mturk_ticks, "mturk", "results.csv with the columns HITId, WorkerId and Answer.…", [("a.jpg", "W1", "happy", 1), ("a.jpg", "W2", "sad", 1), ("b.jpg", "W1", "sad", 1)], {}),
    "mturk json": (mturk_json, "mturk", "results.csv with the columns HITId, WorkerId and Answer.…", [("a.jpg", "W1", "happy", 1), ("a.jpg", "W2", "sad", 1), ("b.jpg", "W1", "sad", 1)], {}),
    "toloka": (
        toloka, "toloka", "assignments.tsv with the columns ASSIGNMENT:worker_id and OUTPUT:…",
        [("img/a.jpg", "f00d", "happy", 1), ("img/b.jpg", "beef", "happy", 1), ("img/b.jpg", "f00d", "sad", 1)],
        {"img/a.jpg": ("happy", "")},
    ),
    "zooniverse": (
        zooniverse, "zooniverse", "faces-classifications.csv with the columns user_name, annotations and subject_data",
        [("a.jpg", "not-logged-in-0f", "sad", 1), ("a.jpg", "zoe", "happy", 1), ("b.jpg", "zoe", "sad", 1)], {},
    ),
    "zooniverse votes": (zooniverse_votes, "zooniverse", "question_reducer_1.csv with the votes of each subject_id", [("a.jpg", DATASET, "happy", 3), ("a.jpg", DATASET, "sad", 1), ("b.jpg", DATASET, "sad", 4)], {}),
    "sagemaker": (sagemaker, "sagemaker", "output.manifest with source-ref and the metadata of a job", [("a.jpg", "faces", "happy", 1), ("b.jpg", "faces", "sad", 1)], {}),
    "label studio latest": (label_studio_latest, "label-studio", "project.json, a list of tasks with annotations", [("a.png", "annotator 3", "sad", 1), ("b.png", "annotator 3", "happy", 1)], {"c.png": ("sad", "test")}),
    "label studio min": (
        label_studio_min, "label-studio-rows", "project-min.json, a list of annotations with annotation_id and annotator",
        [("images/a.png", "annotator 1", "happy", 1), ("images/a.png", "annotator 2", "sad", 1), ("images/b.png", "annotator 1", "sad", 1)], {},
    ),
    "label studio csv": (
        label_studio_csv, "label-studio-rows", "project.csv with the columns annotation_id and annotator",
        [("images/a.png", "annotator 1", "owl", 1), ("images/a.png", "annotator 2", "wren", 1), ("images/b.png", "annotator 1", "wren", 1)], {},
    ),
    "cvat": (cvat, "cvat", "annotations.xml with tags of images", [("a.png", "ann", "happy", 1), ("b.png", "ann", "sad", 1)], {"c.png": ("sad", "test")}),
    "cvat attribute": (cvat_attribute, "cvat", "annotations.xml with tags of images", [("a.png", DATASET, "happy", 1), ("b.png", DATASET, "sad", 1)], {}),
    "prodigy": (
        prodigy, "prodigy", "faces.jsonl with answer and _input_hash in each line",
        [("images/a.jpg", "faces-ann", "happy", 1), ("images/b.jpg", "faces-ann", "sad", 1), ("images/b.jpg", "faces-ben", "sad", 1)], {},
    ),
    "doccano": (doccano, "doccano", "admin.jsonl with id, filename and a list of labels", [(i, "admin" if c == "ann" else c, k, n) for i, c, k, n in PEOPLE], {}),
    "doccano csv": (doccano_csv, "doccano", "all.csv with the columns id, filename, label, Comments", [("a.png", DATASET, "happy", 1), ("b.png", DATASET, "sad", 1)], {}),
    "via csv": (via_csv, "via", "via.csv with the columns filename and file_attributes", [("a.png", DATASET, "happy", 1), ("b.png", DATASET, "sad", 1)], {}),
    "via json": (via_json, "via", "ann.json with file_attributes", PEOPLE, {}),
}  # fmt: skip
