"""Images inside tables and tar shards: what they are called, whose labels they have, and how they are read."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltnet_core.datasets.formats import hf_parquet, webdataset
from ltnet_core.datasets.formats.hf_parquet import _as_text
from ltnet_core.datasets.formats.webdataset import TarFiles, _label, _sample
from ltnet_core.datasets.reading import Reading
from ltnet_core.datasets.sources.files import Files, FolderFiles
from ltnet_core.errors import DatasetError

PNG, JPG = b"\x89PNG rest", b"\xff\xd8\xff rest"


def labels(reading: Reading) -> list[tuple[str, str, str]]:
    return [
        (str(i), str(c), str(k))
        for rows in reading.labels
        for i, c, k in zip(rows.frame["image"], rows.frame["coder"], rows.frame["label"], strict=True)
    ]


# ---- Parquet


@pytest.mark.parametrize(
    ("value", "names", "text"),
    [
        (1, ["cat", "dog"], "dog"),
        (2, ["cat", "dog"], "2"),
        (-1, ["cat", "dog"], ""),
        (-1, None, ""),
        (1, None, "1"),
        (1.0, None, "1"),
        (1.5, None, "1.5"),
        (True, ["cat", "dog"], "True"),
        (None, None, ""),
        (" cat ", None, "cat"),
        ([1], ["cat", "dog"], "dog"),
        ([], None, ""),
        ([0, 1], ["cat", "dog"], None),
    ],
)
def test_a_cell_of_labels_as_text(value: Any, names: list[str] | None, text: str | None) -> None:
    assert _as_text([value], names) == [text]


def images(*cells: tuple[bytes | None, str | None]) -> list[dict[str, Any]]:
    return [{"bytes": data, "path": path} for data, path in cells]


def parquet(folder: Path, name: str, names: list[str] | None = None, **columns: Any) -> Files:
    table = pa.table(columns)
    if names is not None:
        about = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({b"huggingface": json.dumps(about).encode()})
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / name, row_group_size=2)
    return FolderFiles(folder)


def test_images_are_called_by_their_path_or_number_below_the_part(tmp_path: Path) -> None:
    cells = images((PNG, "x/a.png"), (JPG, None), (PNG, "a.png"), (b"RIFF", "noending"), (PNG, "b\\c.png"))
    files = parquet(tmp_path, "data/train-00000-of-00002.parquet", ["cat", "dog"], image=cells, label=[0, 1, 1, 0, -1])
    assert hf_parquet.match(files).text == "data/train-00000-of-00002.parquet with images in the column image"
    reading = hf_parquet.read(files, "set")
    assert list(reading.images) == [
        "train/a.png",
        "train/0000001.jpg",
        "train/0000002-a.png",
        "train/0000003.webp",
        "train/c.png",
    ]
    assert labels(reading) == [
        ("train/a.png", "set", "cat"),
        ("train/0000001.jpg", "set", "dog"),
        ("train/0000002-a.png", "set", "dog"),
        ("train/0000003.webp", "set", "cat"),
    ]
    assert reading.classes == ["cat", "dog"]
    assert reading.files.read("train/0000001.jpg") == JPG
    assert reading.files.read("train/c.png") == PNG
    assert reading.files.stamp("train/c.png") != reading.files.stamp("train/a.png")
    with pytest.raises(DatasetError, match="is larger than 3 bytes"):
        reading.files.read("train/a.png", 3)
    with pytest.raises(DatasetError, match="no such image in the dataset"):
        reading.files.read("train/gone.png")


def test_bytes_that_are_missing_are_told(tmp_path: Path) -> None:
    files = parquet(tmp_path, "t.parquet", image=images((None, "a.png"), (PNG, "b.png")), label=["x", "y"])
    reading = hf_parquet.read(files, "set")
    with pytest.raises(DatasetError, match=r"t\.parquet: the table holds no bytes of this image"):
        reading.files.read("t/a.png")


def test_a_test_shard_is_held_out_and_a_table_without_images_is_left_out(tmp_path: Path) -> None:
    parquet(tmp_path, "train-00000-of-00001.parquet", image=[PNG, PNG], label=["x", "y"])
    parquet(tmp_path, "test-00000-of-00001.parquet", image=[PNG, PNG], label=["y", "x"])
    files = parquet(tmp_path, "other.parquet", a=[1, 2])
    reading = hf_parquet.read(files, "set")
    assert [k for *_, k in labels(reading)] == ["x", "y"]
    assert reading.truth[0].frame["label"].tolist() == ["y", "x"]
    assert [p.examples for p in reading.problems] == [("other.parquet: holds no images.",)]


def test_a_column_of_coders_or_one_for_each(tmp_path: Path) -> None:
    cells = images((PNG, "a.png"), (PNG, "a.png"), (PNG, "b.png"))
    files = parquet(
        tmp_path, "t.parquet", image=cells, label=["x", "y", "x"], worker=["Ann", "Ben", "Ann"], note=["p", "q", "r"]
    )
    reading = hf_parquet.read(files, "set")
    assert labels(reading) == [("t/a.png", "Ann", "x"), ("t/a.png", "Ben", "y"), ("t/b.png", "Ann", "x")]
    assert [p.examples for p in reading.problems] == [("t.parquet: 'note' is no column of labels.",)]
    apart = parquet(tmp_path / "wide", "t.parquet", image=cells[1:], Ann=["x", "y"], Ben=["y", "y"])
    assert {c for _, c, _ in labels(hf_parquet.read(apart, "set"))} == {"Ann", "Ben"}
    several = parquet(tmp_path / "many", "t.parquet", image=cells[1:], label=[["x"], ["x", "y"]])
    aside = [p for p in hf_parquet.read(several, "set").problems if p.kind == "annotation set aside"]
    assert aside[0].examples == ("t.parquet, row 2: more than one class was chosen for the image (1 such).",)


def test_tables_that_cannot_be_labels_are_refused(tmp_path: Path) -> None:
    files = parquet(tmp_path, "t.parquet", image=images((PNG, "a.png")))
    with pytest.raises(DatasetError, match=r"t\.parquet: no column of labels; found none"):
        hf_parquet.read(files, "set")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    assert not hf_parquet.match(FolderFiles(tmp_path)).fits
    with pytest.raises(DatasetError, match=r"t\.parquet: is not a readable Parquet file"):
        hf_parquet.read(FolderFiles(tmp_path), "set")


@pytest.mark.parametrize(
    "about", [b"{", b"[]", b'{"info": 5}', b'{"info": {"features": {"label": {"names": 5}}}}', b"[" * 9999]
)
def test_odd_descriptions_of_a_table_name_no_classes(tmp_path: Path, about: bytes) -> None:
    table = pa.table({"image": images((PNG, "a.png"), (PNG, "b.png")), "label": [0, 1]})
    pq.write_table(table.replace_schema_metadata({b"huggingface": about}), tmp_path / "t.parquet")
    assert [k for *_, k in labels(hf_parquet.read(FolderFiles(tmp_path), "set"))] == ["0", "1"]


# ---- tar shards


@pytest.mark.parametrize(
    ("name", "sample"), [("a.jpg", "a"), ("x/a.b.cls", "x/a"), ("x.y/a", "x.y/a"), ("x.y/.json", "x.y/"), ("a", "a")]
)
def test_the_name_of_a_sample_ends_at_its_first_dot(name: str, sample: str) -> None:
    assert _sample(name) == sample


@pytest.mark.parametrize(
    ("data", "file", "label"),
    [
        (b"3\n", "a.cls", "3"),
        (b"\xef\xbb\xbfcat", "a.txt", "cat"),
        (b'"cat"', "a.json", "cat"),
        (b'{"cls": 2, "x": 1}', "a.json", "2"),
        (b'{"label": "dog", "cls": 2}', "a.json", "dog"),
        (b'{"x": 1}', "a.json", ""),
        (b"[1]", "a.json", ""),
    ],
)
def test_the_label_in_a_file_of_a_sample(data: bytes, file: str, label: str) -> None:
    assert _label(data, file) == label


@pytest.mark.parametrize(("data", "file"), [(b"\xff", "a.cls"), (b"{", "a.json"), (b"[" * 9999, "a.json")])
def test_a_label_that_cannot_be_read_is_named(data: bytes, file: str) -> None:
    with pytest.raises(DatasetError, match=f"{file}: is not a readable label"):
        _label(data, file)


def shard(path: Path, **members: bytes) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def test_samples_of_shards_are_read_where_they_lie(tmp_path: Path) -> None:
    shard(
        tmp_path / "train-0.tar",
        a_png=PNG,
        a_txt=b"dog",
        a_cls=b"cat",
        b_png=PNG,
        b_json=b'{"label": "dog"}',
        c_png=PNG,
    )
    files = FolderFiles(tmp_path)
    assert webdataset.match(files).text == "train-0.tar with 3 images and their labels by name"
    reading = webdataset.read(files, "set")
    assert labels(reading) == [("a.png", "set", "cat"), ("b.png", "set", "dog")]
    assert reading.files.read("b.png") == PNG
    assert reading.files.head("b.png", 4) == PNG[:4]
    shard(tmp_path / "val-0.tar", a_png=JPG, a_cls=b"dog")
    two = webdataset.read(FolderFiles(tmp_path), "set")
    assert [(i, k) for i, _, k in labels(two)] == [("train-0/a.png", "cat"), ("train-0/b.png", "dog")]
    assert two.truth[0].frame["image"].tolist() == ["val-0/a.png"]
    assert two.files.read("val-0/a.png") == JPG


def test_members_that_are_not_there_too_large_or_cut_off(tmp_path: Path) -> None:
    shard(tmp_path / "s.tar", a_png=PNG * 200)
    files = TarFiles(FolderFiles(tmp_path), {"": "s.tar"})
    for read in (files.read, lambda n: files.head(n, 1)):
        with pytest.raises(DatasetError, match="no such file in the archive"):
            read("gone.png")
    assert files.stamp("gone.png") is None
    with pytest.raises(DatasetError, match="is larger than 5 bytes"):
        files.read("a.png", 5)
    data = (tmp_path / "s.tar").read_bytes()
    (tmp_path / "s.tar").write_bytes(data[:1000])
    with pytest.raises(DatasetError, match="is cut off; the archive is damaged"):
        files.read("a.png")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.tar.gz", "s.tar.gz is compressed; unpack it to .tar, or its files into a folder"),
        ("s.tar", "is not a readable tar archive"),
        ("s.txt", "no tar shards"),
    ],
)
def test_what_is_no_shard_says_why(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(b"no tar")
    matched = webdataset.match(FolderFiles(tmp_path))
    assert not matched.fits
    assert text in matched.text
