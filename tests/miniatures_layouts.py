"""A miniature of further layouts of datasets, as people have them: tables, JSON, shards, folders. See miniatures_exports.py."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from conftest import write_csv
from miniatures_exports import DATASET, PEOPLE, Expected, images, write_json
from openpyxl import Workbook
from PIL import Image


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


LAYOUTS: dict[str, Expected] = {
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
