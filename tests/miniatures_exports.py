"""A miniature of every export of an annotation tool, and of further layouts of datasets, as people have them."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from conftest import write_csv, write_image
from openpyxl import Workbook
from PIL import Image

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
    said = [
        json.dumps([{"emotion": {"label": e}, "comment": f"remark {i}"}]) for i, e in enumerate(("happy", "sad", "sad"))
    ]
    rows = [
        ("H1", "1", "W1", "Approved", "", "https://s3.test/a.jpg", said[0]),
        ("H1", "2", "W2", "Approved", "", "https://s3.test/a.jpg", said[1]),
        ("H2", "3", "W1", "Approved", "", "https://s3.test/b.jpg", said[2]),
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
        said = json.dumps([{"task": "T0", "task_label": "What?", "value": value}])
        subject = json.dumps({str(500 + number): {"retired": None, "Filename": image}})
        return (number, who, 77, when, said, subject)

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


def coco(at: Path) -> None:
    images(at, "images/a.png", "images/b.png", "images/c.png", "images/d.png")
    listed = [{"id": n, "file_name": f"{i}.png", "width": 16, "height": 16} for n, i in enumerate("abcd")]
    kinds = [{"id": 1, "name": "sad"}, {"id": 2, "name": "happy"}]
    train = [
        {"id": 0, "image_id": 0, "category_id": 2},
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 16, 16], "segmentation": []},
        {"id": 2, "image_id": 2, "category_id": 1, "bbox": [3, 3, 5, 5]},
    ]
    write_json(at / "train.json", {"images": listed, "annotations": train, "categories": kinds})
    held = [{"id": 0, "image_id": 3, "category_id": 2}]
    write_json(at / "val2017.json", {"images": listed, "annotations": held, "categories": kinds})


def fiftyone(at: Path) -> None:
    images(at, "train/data/a.jpg", "train/data/b.jpg", "validation/data/c.jpg")
    write_json(
        at / "train" / "labels.json",
        {"classes": ["sad", "happy"], "labels": {"a": 1, "b": {"label": "sad", "confidence": 0.5}}},
    )
    write_json(at / "validation" / "labels.json", {"classes": ["sad", "happy"], "labels": {"c": 0}})


def text_table(at: Path) -> None:
    images(at, "images/a.png", "images/b.png")
    (at / "labels.txt").write_text("file_name\tannotator\tlabel\na.png\tAnn\thappy\na.png\tBen\tsad\nb.png\tAnn\tsad\n")


def json_records(at: Path) -> None:
    images(at, "images/a.png", "images/b.png")
    rows = [("a.png", "Ann", "happy"), ("a.png", "Ben", "sad"), ("b.png", "Ann", "sad")]
    write_json(at / "labels.json", [dict(zip(("image", "annotator", "label"), r, strict=True)) for r in rows])


def json_columns(at: Path) -> None:
    write_json(
        at / "readings.json",
        {"image": ["a.png", "b.png", "c.png"], "Kim": ["owl", "wren", "owl"], "Lee": ["owl", None, "wren"]},
    )


def json_of_answers(at: Path) -> None:
    at.mkdir(exist_ok=True)
    write_json(at / "answers.json", {"0": {"0": 1, "1": 0}, "1": {"1": 1}, "2": {"0": 0, "1": -1}})


def json_of_images(at: Path) -> None:
    images(at, "a.png", "b.png")
    for who, labels in {"ann": ("happy", "sad"), "ben": ("sad", "sad")}.items():
        write_json(at / f"{who}.json", dict(zip(("a.png", "b.png"), labels, strict=True)))


def question_worker_answer(at: Path) -> None:
    write_csv(at / "answer.csv", ("question", "worker", "answer"), [(0, "w0", 1), (0, "w1", 0), (1, "w0", 0)])
    write_csv(at / "truth.csv", ("question", "truth"), [(0, 1), (1, 0)])


def _png(value: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), 9 * value, dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def hf_parquet(at: Path) -> None:
    features = {"image": {"_type": "Image"}, "label": {"names": ["sad", "happy"], "_type": "ClassLabel"}}
    for part, names, labels in (("train", "abc", [1, 0, 0]), ("test", "d", [1])):
        cells = [{"bytes": _png(n), "path": f"{i}.png" if i != "c" else None} for n, i in enumerate(names)]
        table = pa.table({"image": pa.array(cells), "label": pa.array(labels)})
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        (at / "parquet").mkdir(parents=True, exist_ok=True)
        pq.write_table(table, at / "parquet" / f"{part}-00000-of-00001.parquet", row_group_size=2)


def webdataset(at: Path) -> None:
    for shard, samples in {"train-0000": "ab", "train-0001": "a", "val-0000": "c"}.items():
        at.mkdir(parents=True, exist_ok=True)
        with tarfile.open(at / f"{shard}.tar", "w") as archive:
            for n, sample in enumerate(samples):
                label = b"1\n" if sample == "a" else b"0"
                for name, data in ((f"{sample}.png", _png(n)), (f"{sample}.cls", label)):
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    archive.addfile(entry, io.BytesIO(data))


def workbook(at: Path) -> None:
    images(at, "images/a.png", "images/b.png", "images/c.png")
    book = Workbook()
    book.create_sheet("notes")["A1"] = "read me"
    for row in [("image", "Ann", "Ben"), ("a.png", "happy", "sad"), ("b.png", "sad", None), ("c.png", "sad", "sad")]:
        book.active.append(row)
    at.mkdir(exist_ok=True)
    book.save(at / "labels.xlsx")


def labelme(at: Path) -> None:
    images(at, "train/a.jpg", "train/b.jpg", "test/c.jpg")
    at.joinpath("answers.txt").write_text("1 -1 0\n-1 0 1\n")
    at.joinpath("filenames_train.txt").write_text("a.jpg\nb.jpg\n")
    at.joinpath("labels_train.txt").write_text("1\n0\n")
    at.joinpath("filenames_test.txt").write_text("c.jpg\n")
    at.joinpath("labels_test.txt").write_text("1\n")


def expw(at: Path) -> None:
    images(at, "origin/a b.jpg", "origin/c.jpg", "origin/d.jpg")
    lines = ["a b.jpg 0 20 110 220 140 20.5 3", "c.jpg 0 1 1 9 9 30 0", "d.jpg 0 1 1 9 9 30 0", "d.jpg 1 3 3 9 9 30 4"]
    at.joinpath("label.lst").write_text("\n".join(lines) + "\n")


def ckplus(at: Path) -> None:
    for subject, sequence, frames, code in (("S005", "001", 3, 3), ("S010", "002", 2, 1), ("S010", "003", 1, None)):
        images(
            at / "cohn-kanade-images" / subject / sequence,
            *(f"{subject}_{sequence}_{n:08d}.png" for n in range(1, frames + 1)),
        )
        folder = at / "Emotion" / subject / sequence
        folder.mkdir(parents=True)
        if code is not None:
            (folder / f"{subject}_{sequence}_{frames:08d}_emotion.txt").write_text(f"   {code:.7e}\n")


def ferplus_folders(at: Path) -> None:
    for n, (part, row) in enumerate(
        {"Train": "4,1,0,0,0,0,0,0,0,0", "Valid": "0,9,0,0,0,0,0,0,1,0", "Test": "5,5,0,0,0,0,0,0,0,0"}.items()
    ):
        name = f"fer000000{n}.png"
        images(at / f"FER2013{part}", name)
        (at / f"FER2013{part}" / "label.csv").write_text(f'{name},"(0, 0, 48, 48)",{row}\n')


def affectnet_numbers(at: Path) -> None:
    images(at, "train_set/images/0.jpg", "train_set/images/1.jpg", "val_set/images/0.jpg")
    head = ("number", "expression", "valence", "arousal")
    write_csv(at / "train_set_annotation_without_lnd.csv", head, [(0, 1, 0.1, -0.1), (1, 4, 0.2, 0.3)])
    write_csv(at / "val_set_annotation_without_lnd.csv", head, [(0, 1, 0.1, -0.1)])


def affectnet_automatic(at: Path) -> None:
    images(at, "Manually_Annotated_Images/1/a.jpg", "Automatically_Annotated_Images/2/b.jpg")
    write_csv(at / "training.csv", ("subDirectory_filePath", "expression"), [("1/a.jpg", 1)])
    write_csv(at / "automatically_annotated.csv", ("subDirectory_filePath", "expression"), [("2/b.jpg", 4)])


def rafdb_tables(at: Path) -> None:
    images(
        at,
        "DATASET/train/5/train_00001_aligned.jpg",
        "DATASET/train/4/train_00002_aligned.jpg",
        "DATASET/test/7/test_0001_aligned.jpg",
    )
    write_csv(
        at / "train_labels.csv", ("image", "label"), [("train_00001_aligned.jpg", 5), ("train_00002_aligned.jpg", 4)]
    )
    write_csv(at / "test_labels.csv", ("image", "label"), [("test_0001_aligned.jpg", 7)])


def rafdb_compound(at: Path) -> None:
    images(at, "compound/Image/aligned/train_0001_aligned.jpg", "compound/Image/aligned/train_0002_aligned.jpg")
    (at / "compound" / "EmoLabel").mkdir()
    (at / "compound" / "EmoLabel" / "list_patition_label.txt").write_text("train_0001.jpg 11 2\ntrain_0002.jpg 1 1\n")


def annotator_folders(at: Path) -> None:
    images(at, "ann/happy/a.png", "ann/sad/b.png", "ann/sad/c.png")
    for there, here in {"ben/sad/a.png": "ann/happy/a.png", "ben/sad/b.png": "ann/sad/b.png"}.items():
        (at / there).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(at / here, at / there)


def annotator_folders_by_content(at: Path) -> None:
    annotator_folders(at)
    (at / "ben/sad/a.png").rename(at / "ben/sad/0001.png")
    (at / "ben/sad/b.png").rename(at / "ben/sad/0002.png")


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
    "coco": (coco, "coco", "train.json with images, annotations and categories", [("images/a.png", DATASET, "happy", 1), ("images/b.png", DATASET, "sad", 1)], {"images/d.png": ("happy", "test")}),
    "fiftyone": (fiftyone, "fiftyone", "train/labels.json with classes and labels", [("train/data/a.jpg", DATASET, "happy", 1), ("train/data/b.jpg", DATASET, "sad", 1)], {"validation/data/c.jpg": ("sad", "test")}),
    "json records": (
        json_records, "json-records", "labels.json with the columns image, annotator, label",
        [("images/a.png", "Ann", "happy", 1), ("images/a.png", "Ben", "sad", 1), ("images/b.png", "Ann", "sad", 1)], {},
    ),
    "text table": (
        text_table, "text-table", "labels.txt with the columns file_name, annotator, label",
        [("images/a.png", "Ann", "happy", 1), ("images/a.png", "Ben", "sad", 1), ("images/b.png", "Ann", "sad", 1)], {},
    ),
    "json columns": (
        json_columns, "json-records", "readings.json with the column image and one column per annotator",
        [("a.png", "Kim", "owl", 1), ("a.png", "Lee", "owl", 1), ("b.png", "Kim", "wren", 1), ("c.png", "Kim", "owl", 1), ("c.png", "Lee", "wren", 1)], {},
    ),
    "json answers": (
        json_of_answers, "json-answers", "answers.json with the answers of annotators",
        [("0", "annotator 0", "1", 1), ("0", "annotator 1", "0", 1), ("1", "annotator 1", "1", 1), ("2", "annotator 0", "0", 1)], {},
    ),
    "json images": (json_of_images, "json-answers", "ann.json with the class of each image", PEOPLE, {}),
    "question worker answer": (
        question_worker_answer, "question-worker-answer", "answer.csv with the columns question, worker, answer",
        [("0", "w0", "1", 1), ("0", "w1", "0", 1), ("1", "w0", "0", 1)], {"0": ("1", ""), "1": ("0", "")},
    ),
    "hf parquet": (
        hf_parquet, "hf-parquet", "parquet/test-00000-of-00001.parquet with images in the column image",
        [("train/a.png", DATASET, "happy", 1), ("train/b.png", DATASET, "sad", 1), ("train/0000002.png", DATASET, "sad", 1)], {"test/d.png": ("happy", "test")},
    ),
    "webdataset": (
        webdataset, "webdataset", "train-0000.tar with 4 images and their labels by name",
        [("train-0000/a.png", DATASET, "1", 1), ("train-0000/b.png", DATASET, "0", 1), ("train-0001/a.png", DATASET, "1", 1)], {"val-0000/c.png": ("0", "test")},
    ),
    "excel": (
        workbook, "wide-table", "labels.xlsx with the column image and one column per annotator",
        [("images/a.png", "Ann", "happy", 1), ("images/a.png", "Ben", "sad", 1), ("images/b.png", "Ann", "sad", 1), ("images/c.png", "Ann", "sad", 1), ("images/c.png", "Ben", "sad", 1)], {},
    ),
    "labelme": (
        labelme, "labelme", "answers.txt and filenames_train.txt",
        [("train/a.jpg", "annotator 1", "1", 1), ("train/a.jpg", "annotator 3", "0", 1), ("train/b.jpg", "annotator 2", "0", 1), ("train/b.jpg", "annotator 3", "1", 1)],
        {"train/a.jpg": ("1", ""), "train/b.jpg": ("0", ""), "test/c.jpg": ("1", "test")},
    ),
    "expw": (expw, "expw", "label.lst with face, box, confidence and label after each image", [("origin/a b.jpg", DATASET, "happy", 1), ("origin/c.jpg", DATASET, "angry", 1)], {}),
    "ckplus": (
        ckplus, "ckplus", "emotions such as Emotion/S005/001/S005_001_00000003_emotion.txt",
        [("cohn-kanade-images/S005/001/S005_001_00000003.png", "CK+", "disgust", 1), ("cohn-kanade-images/S010/002/S010_002_00000002.png", "CK+", "anger", 1)], {},
    ),
    "ferplus folders": (
        ferplus_folders, "ferplus-folders", "FER2013Test/label.csv with a box and the votes of FER+ in each row",
        [("FER2013Train/fer0000000.png", "FER+", "neutral", 4), ("FER2013Train/fer0000000.png", "FER+", "happiness", 1)], {"FER2013Valid/fer0000001.png": ("happiness", "test")},
    ),
    "affectnet numbers": (
        affectnet_numbers, "affectnet-numbers", "train_set_annotation_without_lnd.csv with the columns number and expression",
        [("train_set/images/0.jpg", "AffectNet", "happiness", 1), ("train_set/images/1.jpg", "AffectNet", "fear", 1)], {"val_set/images/0.jpg": ("happiness", "test")},
    ),
    "affectnet automatic": (
        affectnet_automatic, "affectnet", "automatically_annotated.csv with the columns subDirectory_filePath and expression",
        [("Automatically_Annotated_Images/2/b.jpg", "AffectNet (automatic)", "fear", 1), ("Manually_Annotated_Images/1/a.jpg", "AffectNet", "happiness", 1)], {},
    ),
    "rafdb tables": (
        rafdb_tables, "rafdb-tables", "train_labels.csv, test_labels.csv",
        [("DATASET/train/4/train_00002_aligned.jpg", "RAF-DB", "happiness", 1), ("DATASET/train/5/train_00001_aligned.jpg", "RAF-DB", "sadness", 1)], {"DATASET/test/7/test_0001_aligned.jpg": ("neutral", "test")},
    ),
    "rafdb compound": (
        rafdb_compound, "rafdb", "compound/EmoLabel/list_patition_label.txt",
        [("compound/Image/aligned/train_0001_aligned.jpg", "RAF-DB", "disgustedly surprised", 1), ("compound/Image/aligned/train_0002_aligned.jpg", "RAF-DB", "happily surprised", 1)], {},
    ),
    "annotator folders": (
        annotator_folders, "annotator-folders", "the same images, by name and content, in the folders ann, ben",
        [("ann/happy/a.png", "ann", "happy", 1), ("ann/happy/a.png", "ben", "sad", 1), ("ann/sad/b.png", "ann", "sad", 1), ("ann/sad/b.png", "ben", "sad", 1), ("ann/sad/c.png", "ann", "sad", 1)], {},
    ),
    "annotator folders by content": (
        annotator_folders_by_content, "annotator-folders", "the same images, by content, in the folders ann, ben",
        [("ann/happy/a.png", "ann", "happy", 1), ("ann/happy/a.png", "ben", "sad", 1), ("ann/sad/b.png", "ann", "sad", 1), ("ann/sad/b.png", "ben", "sad", 1), ("ann/sad/c.png", "ann", "sad", 1)], {},
    ),
}  # fmt: skip
