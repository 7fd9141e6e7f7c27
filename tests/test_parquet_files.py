"""Parquet files of a run: codes, names, rows and votes, and how a file that holds others is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltnet_core.errors import DamageError
from ltnet_core.files import parquet_files
from ltnet_core.files.mapped_array import new_array
from ltnet_core.files.parquet_files import (
    read_codes,
    read_row,
    read_row_parts,
    read_rows,
    read_texts,
    read_vote_parts,
    read_votes,
    write_parquet,
    write_tables,
)
from ltnet_core.files.reading import read_array


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven rows of two columns, in groups of three and parts of two."""
    monkeypatch.setattr(parquet_files, "ROW_GROUP", 3)
    monkeypatch.setattr(parquet_files, "READ_ROWS", 2)
    columns = {"a": np.arange(7, dtype=np.float64), "b": np.arange(7, dtype=np.float32) * 10, "name": list("xyxyxyx")}
    write_parquet(columns, tmp_path / "t.parquet", ["name"])
    return tmp_path / "t.parquet"


def test_groups_of_rows_and_coded_columns(path: Path) -> None:
    with pq.ParquetFile(path) as file:
        assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [3, 3, 1]
        encodings = {
            file.metadata.row_group(0).column(n).path_in_schema: file.metadata.row_group(0).column(n).encodings
            for n in range(3)
        }
    assert "RLE_DICTIONARY" in encodings["name"]
    assert "RLE_DICTIONARY" not in encodings["a"]
    assert os.listdir(path.parent) == ["t.parquet"]


@pytest.mark.parametrize("row", [0, 2, 3, 5, 6])
def test_one_row_wherever_its_group_is(path: Path, row: int) -> None:
    assert read_row(path, ["b", "a"], row, 7).tolist() == [10.0 * row, row]


def test_a_row_that_is_not_there_and_a_file_of_other_items_are_refused(path: Path) -> None:
    with pytest.raises(DamageError, match="it has no row 7"):
        read_row(path, ["a"], 7, 7)
    with pytest.raises(DamageError, match="it has 7 rows for 8 items"):
        read_row(path, ["a"], 0, 8)
    with pytest.raises(DamageError, match="is damaged"):
        read_row(path, ["gone"], 0, 7)
    with pytest.raises(DamageError, match="is missing"):
        read_row(path.with_name("gone.parquet"), ["a"], 0, 7)


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 7])
def test_the_first_rows_at_once_and_in_parts(path: Path, rows: int) -> None:
    assert read_rows(path, ["a", "b"], rows).tolist() == [[n, 10.0 * n] for n in range(rows)]
    parts = list(read_row_parts(path, ["a", "b"], rows))
    assert sum(map(len, parts)) == rows
    assert all(1 <= len(part) <= 2 for part in parts if rows)
    assert [part.shape[1] for part in parts] == [2] * len(parts)


def test_more_rows_than_there_are_are_refused(path: Path) -> None:
    with pytest.raises(DamageError, match="it has 7 rows for 8 items"):
        read_rows(path, ["a"], 8)
    with pytest.raises(DamageError, match="is damaged"):
        read_rows(path, ["name"], 2)


def test_tables_one_below_the_other(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_tables((pa.table({"a": [n, n + 1]}) for n in (1, 3)), path)
    assert pq.read_table(path).column("a").to_pylist() == [1, 2, 3, 4]

    def fails() -> Any:
        yield pa.table({"a": [1]})
        raise KeyError("no")

    with pytest.raises(KeyError):
        write_tables(fails(), path)
    assert pq.read_table(path).num_rows == 4  # the old file stands
    assert os.listdir(tmp_path) == ["t.parquet"]


# ---- codes and names


@pytest.mark.parametrize("values", [[0, 1, 2], [], [2, 2]])
def test_codes_within_their_range(values: list[int]) -> None:
    table = pa.table({"c": pa.array(values, pa.int16())})
    assert read_codes(Path("t"), table, "c", 0, 3).tolist() == values


@pytest.mark.parametrize(
    "values",
    [[-1, 0], [0, 3], [0.0, 1.0], ["a"], [None, 1], [True, False]],
    ids=["low", "high", "floats", "text", "null", "bool"],
)
def test_codes_out_of_range_or_of_another_kind_are_refused(values: list[Any]) -> None:
    with pytest.raises(DamageError, match="column 'c' must hold whole numbers from 0 to 2"):
        read_codes(Path("t"), pa.table({"c": values}), "c", 0, 3)


def test_names_of_images_are_one_array_of_text() -> None:
    chunks = pa.chunked_array([["a"], ["b", ""]])
    assert read_texts(Path("t"), chunks).to_pylist() == ["a", "b", ""]
    assert read_texts(Path("t"), chunks).type == parquet_files.TEXT
    assert len(read_texts(Path("t"), pa.chunked_array([], pa.string()))) == 0
    for wrong in (pa.chunked_array([[1]]), pa.chunked_array([["a", None]]), pa.chunked_array([[b"a"]])):
        with pytest.raises(DamageError, match="column 'image' must hold the name of every image"):
            read_texts(Path("t"), wrong)


# ---- votes

VOTES = {
    "row": np.asarray([0, 0, 0, 2], np.int32),
    "coder": np.asarray([0, 0, 1, 1], np.int32),
    "label": np.asarray([1, 0, 1, 0], np.int16),
    "count": np.asarray([2.0, 0.5, 1.0, 3.0], np.float32),
}


def stored(folder: Path, **changes: Any) -> Path:
    write_parquet(VOTES | changes, folder / "v.parquet", ["coder"])
    return folder / "v.parquet"


def test_votes_of_one_row(tmp_path: Path) -> None:
    path = stored(tmp_path)
    votes = read_votes(path, 0, ["X", "Y"], 2)
    assert {coder: v.tolist() for coder, v in votes.items()} == {"X": [0.5, 2.0], "Y": [0.0, 1.0]}
    assert read_votes(path, 1, ["X", "Y"], 2) == {}
    for names, classes in ((["X"], 2), (["X", "Y"], 1)):
        with pytest.raises(DamageError, match="row 0 has a coder or a class that the run does not have"):
            read_votes(path, 0, names, classes)
    for change in (
        {"coder": np.asarray([-1, 0, 1, 1])},
        {"count": np.asarray([-1.0, 1, 1, 1])},
        {"count": np.asarray([np.nan, 1, 1, 1])},
    ):
        with pytest.raises(DamageError):
            read_votes(stored(tmp_path, **change), 0, ["X", "Y"], 2)


def test_all_votes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "READ_ROWS", 3)
    parts = list(read_vote_parts(stored(tmp_path), 3, 2, 2))
    assert [len(part[0]) for part in parts] == [3, 1]
    for position, name in enumerate(("row", "coder", "label", "count")):
        joined = np.concatenate([part[position] for part in parts])
        assert joined.tolist() == VOTES[name].tolist()
        assert joined.dtype == VOTES[name].dtype
    for sizes in ((2, 2, 2), (3, 1, 2), (3, 2, 1)):
        with pytest.raises(DamageError, match="must hold whole numbers from 0"):
            list(read_vote_parts(stored(tmp_path), *sizes))


# ---- arrays


def test_an_array_appears_when_it_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with new_array(path, (2, 3), np.float32) as array:
        array[:] = 7
        assert not path.exists()
    assert read_array(path, (2, 3), np.float32, mmap=True).sum() == 42
    with pytest.raises(ZeroDivisionError), new_array(path, (2, 3), np.float32) as array:
        array[:] = 1 / 0
    assert os.listdir(tmp_path) == ["a.npy"]
    assert read_array(path, (2, 3), np.float32)[0, 0] == 7


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((3, 2), np.float32), "expected 2 × 3 of float32, got (3, 2)"),
        (np.zeros((2, 3)), "expected 2 × 3 of float32"),
        (np.asarray([[0, 0, 0], [0, np.inf, 0]], np.float32), "it holds numbers that are not finite"),
        (np.asarray([[None] * 3] * 2), "Object arrays cannot be loaded"),
    ],
)
def test_an_array_of_another_form_is_refused(tmp_path: Path, array: np.ndarray[Any, Any], reason: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DamageError) as error:
        read_array(tmp_path / "a.npy", (2, 3), np.float32)
    assert reason in error.value.reason


def test_arrays_without_rows_and_without_dimensions_are_checked_too(tmp_path: Path) -> None:
    for shape in ((0, 3), (), (5,)):
        np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
        assert read_array(tmp_path / "a.npy", shape, np.float32).shape == shape
    np.save(tmp_path / "a.npy", np.asarray(np.nan, np.float32))
    with pytest.raises(DamageError, match="not finite"):
        read_array(tmp_path / "a.npy", (), np.float32)


def test_a_large_array_is_checked_to_its_last_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ltnet_core.files import reading

    monkeypatch.setattr(reading, "PART_BYTES", 8)
    values = np.zeros((9, 2), np.float32)
    np.save(tmp_path / "a.npy", values)
    read_array(tmp_path / "a.npy", (9, 2), np.float32, mmap=True)
    values[8, 1] = np.nan
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(DamageError, match="not finite"):
        read_array(tmp_path / "a.npy", (9, 2), np.float32, mmap=True)
