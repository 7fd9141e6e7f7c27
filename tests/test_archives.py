"""Archives: a tar is read in place, others are refused with what to do."""

from __future__ import annotations

import gc
import os
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest
from conftest import Command, write_csv
from test_dataset_reading import FACES, READ, a, faces

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.sources.archives import open_files
from ltnet_core.errors import DatasetError


def test_a_tar_is_read_in_place_and_other_archives_are_told_what_to_do(tmp_path: Path, ltnet: Command) -> None:
    make, coders, *_ = READ["two readers"]
    make(tmp_path / "s") if (tmp_path / "s").mkdir() is None else None
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(tmp_path / "s", "s")
    study = load_dataset(tmp_path / "s.tar")
    assert set(study.table.coders) == set(coders)
    assert study.files.read(str(study.table.items[0])) == (tmp_path / "s" / "images" / FACES[0]).read_bytes()
    with tarfile.open(tmp_path / "s.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "s", "s")
    (tmp_path / "s.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(30))
    (tmp_path / "s.rar").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(30))
    (tmp_path / "s.zip.001").write_bytes(b"PK\x03\x04" + bytes(30))
    for name, text in (
        ("s.tar.gz", "make a zip"),
        ("s.7z", "unpack it"),
        ("s.rar", "unpack it"),
        ("s.zip.001", "join the parts"),
    ):
        refused = ltnet("inspect", tmp_path / name)
        assert refused.returncode == 2 and text in refused.stderr


def test_what_is_no_file_is_not_said_to_be_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    for name, reason in (("pipe", "is neither a file nor"), ("link", "is a link that leads"), ("x", "does not exist")):
        with pytest.raises(DatasetError, match=f"{name}: {reason}"):
            open_files(tmp_path / name)


def test_a_damaged_or_hostile_tar_is_refused_or_passed_over(tmp_path: Path) -> None:
    faces(tmp_path / "s")
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(tmp_path / "s", "../s")
        link = tarfile.TarInfo("images/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(DatasetError, match="no known dataset format: 0 files"):
        load_dataset(tmp_path / "s.tar")
    (tmp_path / "cut.tar").write_bytes((tmp_path / "s.tar").read_bytes()[:1000])
    with pytest.raises(DatasetError):
        load_dataset(tmp_path / "cut.tar")


def test_archives_inside_are_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "annotations.csv", ("image", "coder", "label"), [(x, "A", a(i)) for i, x in enumerate(FACES)])
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("f000.png", b"")
    (problem,) = [p for p in load_dataset(tmp_path).problems if p.kind == "archive inside"]
    assert problem.level == "error" and problem.examples[0].startswith("images.zip: is an archive inside")


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_an_archive_among_objects_that_refer_to_each_other_is_closed(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    if name == "a.zip":
        with zipfile.ZipFile(tmp_path / name, "w") as z:
            z.write(tmp_path / "a.png", "a.png")
    else:
        with tarfile.open(tmp_path / name, "w") as t:
            t.add(tmp_path / "a.png", "a.png")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        files = open_files(tmp_path / name)
        assert files.read("a.png") == b"x"
        circle: list[object] = [files]
        vars(files)["circle"] = circle
        del files, circle
        gc.collect()
    assert not [w for w in caught if issubclass(w.category, ResourceWarning)]


def test_an_entry_that_comes_twice_is_told_however_its_folder_is_written(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library that writes them warns too
        for name, content in (
            ("./a.csv", b"1"),
            ("a.csv", b"2"),
            ("././b.csv", b"3"),
            ("./", b""),
            ("c.csv", b"4"),
            ("c.csv", b"5"),
        ):
            archive.writestr(name, content)
    files = open_files(tmp_path / "s.zip")
    assert {name: files.read(name) for name in files.names} == {"a.csv": b"2", "b.csv": b"3", "c.csv": b"5"}
    assert files.passed_over == tuple(f"{name!r} occurs twice; the last one counts." for name in ("a.csv", "c.csv"))
