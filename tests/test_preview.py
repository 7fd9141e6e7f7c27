"""How a dataset would be read, from the first rows of its tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from conftest import write_csv, write_image
from miniatures_exports import EXPORTS
from miniatures_layouts import LAYOUTS

from ltnet_core.datasets import Corrections, load_dataset, preview_dataset
from ltnet_core.datasets.preview import ROWS
from ltnet_core.errors import DatasetError


def rows(n: int) -> list[tuple[str, str, str]]:
    return [(f"{i}.png", "AB"[i % 2], ("cat", "dog", "owl")[i % 3]) for i in range(n)]


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "utf16"])
def test_a_long_table_is_cut_after_its_first_rows(kind: str, tmp_path: Path) -> None:
    many = ROWS + 500
    frame = pd.DataFrame(rows(many), columns=["image", "who", "label"])
    name = tmp_path / f"labels.{'csv' if kind == 'utf16' else kind}"
    if kind == "parquet":
        frame.to_parquet(name)
    elif kind == "jsonl":
        frame.to_json(name, orient="records", lines=True)
    else:
        frame.to_csv(name, index=False, encoding={"csv": "utf-8"}.get(kind, kind))
    preview = preview_dataset(tmp_path, corrections=Corrections(columns={"coder": "who", "label": "label"}))
    assert preview.cut and preview.study.table.coders == ("A", "B")
    assert len(preview.study.table) - ROWS in (0, 1)  # a line of JSON is no header
    write_csv(tmp_path / "short.csv", ("image", "who", "label"), rows(10))
    short = preview_dataset(tmp_path / "short.csv", corrections=Corrections(columns={"coder": "who"}))
    assert not short.cut and len(short.study.table) == 10


def test_of_many_images_those_stay_that_the_rows_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltnet_core.datasets.preview.MOST_IMAGES", 3)
    for i in range(8):
        write_image(tmp_path / "images" / f"{i}.png", i)
    write_csv(tmp_path / "labels.csv", ("image", "coder", "label"), rows(6)[4:])
    monkeypatch.setattr("ltnet_core.datasets.preview.ROWS", 2)
    study = preview_dataset(tmp_path).study
    assert {"images/4.png", "images/5.png"} <= set(study.table.items) and study.problems == ()


def test_whole_datasets_are_previewed_as_they_are_read(tmp_path: Path) -> None:
    for name in ("label studio latest", "doccano", "json records"):
        make, format, *_ = (EXPORTS | LAYOUTS)[name]
        at = tmp_path / name
        at.mkdir()
        make(at)
        preview, study = preview_dataset(at), load_dataset(at)
        assert (preview.study.format, preview.cut) == (format, False)
        assert preview.study.table.to_frame().equals(study.table.to_frame())


def test_an_export_too_large_to_preview_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    EXPORTS["label studio latest"][0](tmp_path)
    monkeypatch.setattr("ltnet_core.datasets.preview.MOST_BYTES", 10)
    with pytest.raises(DatasetError, match="too large to be read for a preview"):
        preview_dataset(tmp_path)
