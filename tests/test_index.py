"""A large study is kept as columns and opens again without being read; any change makes it be read anew."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import write_csv, write_image

from ltnet_core.datasets import Study, index, load_dataset
from ltnet_core.datasets.tables import table as tables_module


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small study that counts as large, in a cache of its own."""
    monkeypatch.setenv("LTNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "SMALLEST", 3)
    folder = tmp_path / "study"
    for n in range(4):
        write_image(folder / "images" / "deep" / f"{n}.png", n)
    rows = [(f"deep/{n}.png", c, k) for n in range(3) for c, k in (("A", "cat"), ("B", "dog"))]
    write_csv(folder / "annotations.csv", ("image", "coder", "label"), [*rows, ("gone.png", "A", "cat")])
    write_csv(folder / "truth.csv", ("image", "label", "split"), [("deep/3.png", "cat", "test")])
    (folder / "planted_T.json").write_text('{"classes": ["cat", "dog"], "coders": {"A": [[0.9, 0.1], [0.3, 0.7]]}}')
    settle(folder)
    return folder


def settle(folder: Path) -> None:
    """As if nothing had changed for a minute."""
    then = time.time() - 60
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (then, then))


def same(a: Study, b: Study) -> None:
    assert a.table.fingerprint() == b.table.fingerprint()
    np.testing.assert_array_equal(a.truth, b.truth)
    np.testing.assert_array_equal(a.test_set, b.test_set)
    np.testing.assert_array_equal(a.planted["A"], b.planted["A"])
    assert (a.name, a.format, a.why, a.codes, a.has_images) == (b.name, b.format, b.why, b.codes, b.has_images)
    assert a.problems == b.problems


def test_a_study_opens_again_without_being_read(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_dataset(large)

    def refuse(*_: object) -> None:
        raise AssertionError("the table was read again")

    monkeypatch.setattr(tables_module, "_parse_csv", refuse)
    again = load_dataset(large)
    same(first, again)
    assert again.files.read("images/deep/1.png") == (large / "images/deep/1.png").read_bytes()
    mine, theirs = first.problems[0].listing, again.problems[0].listing
    assert mine is not None and theirs is not None
    assert theirs["image"].tolist() == mine["image"].tolist() == ["gone.png"]


@pytest.mark.parametrize("change", ["table", "image added", "format"])
def test_a_change_makes_it_be_read_anew(large: Path, change: str) -> None:
    before = load_dataset(large)
    if change == "table":
        with open(large / "annotations.csv", "a") as f:
            f.write("deep/3.png,C,cat\n")
        assert load_dataset(large).table.coders == ("A", "B", "C")
    elif change == "image added":
        write_image(large / "images" / "deep" / "new.png", 9)
        assert len(load_dataset(large).table.items) == len(before.table.items) + 1
    else:
        assert load_dataset(large, "long-table").format == "long-table"


def test_a_copy_that_is_damaged_is_made_again(large: Path, tmp_path: Path) -> None:
    first = load_dataset(large)
    kept = list((tmp_path / "cache" / "index").iterdir())
    assert len(kept) == 1
    for name in ("items.parquet", "entries.parquet", "study.json"):
        (kept[0] / name).write_bytes(b"junk")
        same(first, load_dataset(large))


def test_without_a_place_to_write_nothing_is_kept_and_nothing_said(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTNET_CACHE", "/proc/none")
    assert len(load_dataset(large).table) == 6


def test_small_studies_and_fresh_files_are_not_kept(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(large / "annotations.csv")
    load_dataset(large)
    assert not (tmp_path / "cache").exists()
    settle(large)
    monkeypatch.setattr(index, "SMALLEST", 100)
    load_dataset(large)
    assert not (tmp_path / "cache").exists()
