"""Files that are nearly an export of an annotation tool, and files that are none at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from read_exports import aside, labels, put, read

from ltnet_core.datasets import FORMATS
from ltnet_core.datasets.formats import (
    coco,
    doccano,
    fiftyone,
    label_studio,
    mturk,
    prodigy,
    sagemaker,
    toloka,
    via,
    zooniverse,
)
from ltnet_core.datasets.formats.answers import SEVERAL
from ltnet_core.datasets.sources.files import FolderFiles


def frame(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=str)


@pytest.mark.parametrize(
    ("reader", "name", "content", "text"),
    [
        (
            label_studio,
            "e.json",
            [{"completions": []}],
            "e.json comes from Label Studio before 1.0; export it again as JSON",
        ),
        (via, "v.json", {"vid_list": {}}, "v.json is of VIA 3; export it as CSV of VIA 2"),
        (sagemaker, "o.manifest", [{"source-ref": "a.png"}], "o.manifest names images and no labels"),
        (mturk, "b.csv", frame("HITId,WorkerId\n1,W\n"), "b.csv of Mechanical Turk has no column Answer.…"),
        (toloka, "t.csv", frame("ASSIGNMENT:worker_id,x\nW,1\n"), "t.csv of Toloka has no column OUTPUT:…"),
        (coco, "c.json", {"images": [], "annotations": []}, "no JSON with images, annotations and categories"),
        (fiftyone, "labels.json", {"labels": []}, "no labels.json with classes and labels"),
        (prodigy, "p.jsonl", [{"answer": "accept"}], "no annotations of Prodigy"),
        (doccano, "all.jsonl", [{"id": 1, "filename": "a", "label": ["x"], "more": 1}], "no export of doccano"),
        (zooniverse, "z.csv", frame("subject_id,workflow_id\n1,2\n"), "no classifications of Zooniverse"),
    ],
)
def test_a_near_miss_says_what_to_do(tmp_path: Path, reader: Any, name: str, content: Any, text: str) -> None:
    put(tmp_path, name, content)
    matched = reader.match(FolderFiles(tmp_path))
    assert not matched.fits
    assert matched.text.startswith(text)


@pytest.mark.parametrize("reader", FORMATS.values(), ids=FORMATS)
def test_nothing_and_rubbish_are_no_export(tmp_path: Path, reader: Any) -> None:
    match: Callable[[FolderFiles], Any] = reader.match
    assert not match(FolderFiles(tmp_path)).fits
    for name, content in (
        ("a.json", "{"),
        ("b.jsonl", "[1]\n"),
        ("c.csv", "\0"),
        ("d.xml", "<annotations"),
        ("labels.json", "[" * 5000),
    ):
        (tmp_path / name).write_text(content)
    (tmp_path / "e.manifest").write_bytes(b"\xff\xfe")
    assert not match(FolderFiles(tmp_path)).fits


def test_toloka_with_a_column_for_each_choice(tmp_path: Path) -> None:
    table = frame(
        "INPUT:image,OUTPUT:Cat,OUTPUT:dog,GOLDEN:Cat,GOLDEN:dog,ASSIGNMENT:worker_id,ASSIGNMENT:status\n"
        + "".join(f"{n}.png,{'true,false' if n % 2 else 'false,true'},,,W,APPROVED\n" for n in range(10))
        + "x.png,true,true,,,W,APPROVED\ny.png,true,false,false,true,W,APPROVED\n"
    )
    reading = read(toloka, tmp_path, "t.tsv", table.to_csv(sep="\t", index=False))
    assert [k for *_, k in labels(reading)] == ["dog", "Cat"] * 5 + ["Cat"]
    assert aside(reading) == {SEVERAL: "t.tsv, row 12"}
    assert reading.truth[0].frame.astype(str).to_numpy().tolist() == [["y.png", "dog", ""]]
    assert not reading.questions
