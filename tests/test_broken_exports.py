"""Broken and hostile exports of annotation tools are refused in words."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import refusal, write_csv
from miniatures_exports import images, write_json
from miniatures_layouts import LAYOUTS

from ltnet_core.datasets import load_dataset


def nested(at: Path) -> None:
    (at / "labels.json").write_text('{"classes": ["a"], "labels": {"x": ' + "[" * 100_000 + "]" * 100_000 + "}}")


def entities(at: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;&x;">]>'
    (at / "a.xml").write_text(f'{bomb}<annotations><image name="a.png"><tag label="&z;"/></image></annotations>')


def wrong_class(at: Path) -> None:
    write_json(at / "labels.json", {"classes": ["a", "b"], "labels": {"x": 0, "y": 7}})


def wrong_id(at: Path) -> None:
    content: dict[str, Any] = {"images": [{"id": 1, "file_name": "a"}], "categories": [{"id": 1, "name": "x"}]}
    write_json(at / "c.json", {**content, "annotations": [{"image_id": [1], "category_id": {}}]})


def odd_subject(at: Path) -> None:
    write_csv(at / "c.csv", ("user_name", "annotations", "subject_data"), [("z", "[]", "[1, 2")])


def null_line(at: Path) -> None:
    (at / "labels.jsonl").write_text("null\n")


def null_lines_later(at: Path) -> None:
    (at / "labels.jsonl").write_text('{"image": "a", "coder": "x", "label": "y"}\n\n null\n')


def odd_line(at: Path) -> None:
    (at / "o.manifest").write_text('{"source-ref": "a.jpg", "j-metadata": {}}\n[1]\n')


def numbered_subjects(at: Path) -> None:
    images(at, "a.jpg")
    write_csv(at / "r.csv", ("subject_id", "workflow_id", "task", "data.x", "data.y"), [(5, 7, "T0", 3, 1)])


def superscript_counts(at: Path) -> None:
    row = ["a.png", "(0, 0, 48, 48)", *"4001320000"]
    (at / "FER2013Train").mkdir()
    write_csv(at / "FER2013Train" / "label.csv", row, [["b.png", row[1], "²", *row[3:]]])


def superscript_code(at: Path) -> None:
    write_csv(at / "train.csv", ("number", "expression", "valence"), [(0, 1, 0.5), (1, "²", 0.5)])


def odd_code(at: Path) -> None:
    (at / "E").mkdir()
    (at / "E" / "S005_001_00000001_emotion.txt").write_text("nan\n")


def cut_shard(at: Path) -> None:
    LAYOUTS["webdataset"][0](at)
    data = (at / "train-0000.tar").read_bytes()
    (at / "train-0000.tar").write_bytes(data[:700])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (nested, "no known dataset format"),
        (entities, "a.xml: is not readable XML (EntitiesForbidden"),
        (wrong_class, "labels.json, row 2: the label 7 is none of the 2 classes."),
        (wrong_id, "c.json, row 1: annotation whose image_id or category_id is not listed."),
        (odd_subject, "c.csv, row 2: the cell 'subject_data' is not readable JSON."),
        (null_line, "no known dataset format"),
        (null_lines_later, "labels.jsonl, row 3: expected a JSON object."),
        (odd_line, "o.manifest, row 2: expected a JSON object."),
        (numbered_subjects, "r.csv: Zooniverse's reduction names subjects by number and no image is called so"),
        (superscript_counts, "FER2013Train/label.csv, row 2: expected an image, a box and 10 counts."),
        (superscript_code, "train.csv, row 3: unknown expression code '²'; known are 0 to 10."),
        (odd_code, "E/S005_001_00000001_emotion.txt, row 1: expected a code from 0 to 7, found 'nan'."),
        (cut_shard, "train-0000"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_broken_exports_are_refused_in_words(make: Callable[[Path], None], told: str, tmp_path: Path) -> None:
    make(tmp_path)
    assert told in refusal(tmp_path)


def test_a_link_in_a_shard_is_passed_over(tmp_path: Path) -> None:
    LAYOUTS["webdataset"][0](tmp_path)
    with tarfile.open(tmp_path / "train-0000.tar", "a") as archive:
        for name in ("z.cls", "../e.png"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(entry)
    study = load_dataset(tmp_path)
    (odd,) = [p for p in study.problems if p.kind == "entry passed over"]
    assert odd.count == 2 and len(study.table.items) == 4


def test_people_called_by_a_digit_that_is_no_number(tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    write_json(tmp_path / "answers" / "a.json", {"a": {"²": "x", "3": "y"}, "b": {"²": "y"}})
    assert load_dataset(tmp_path / "answers").table.coders == ("annotator 3", "annotator ²")
    rows = [{"image": f"{n}.png", "kind": n, "annotator": "²", "annotation_id": 1, "lead_time": 1} for n in "ab"]
    write_json(tmp_path / "rows.json", rows)
    assert load_dataset(tmp_path / "rows.json").table.coders == ("annotator ²",)
