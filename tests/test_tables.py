"""Tables in files: encodings, separators, lines above the header, broken rows, and every kind of column as text."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import write_image

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.coded_columns import categorical, coded, mapped, united
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.datasets.tables import encodings
from ltnet_core.datasets.tables import table as tables
from ltnet_core.datasets.tables.csv_lines import first_row, without_preamble
from ltnet_core.datasets.tables.encodings import as_utf8
from ltnet_core.datasets.tables.table import Table, header, read_table
from ltnet_core.errors import DatasetError


def read(folder: Path, content: bytes, name: str = "t.csv", **how: Any) -> Table:
    (folder / name).write_bytes(content)
    return read_table(FolderFiles(folder), name, **how)


def cells(table: Table) -> list[list[str]]:
    return [list(map(str, row)) for row in table.frame.to_numpy()]


def refused(folder: Path, content: bytes, name: str = "t.csv", **how: Any) -> str:
    with pytest.raises(DatasetError) as error:
        read(folder, content, name, **how)
    return str(error.value)


# ---- text


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"a,b", b"a,b", None),
        (b"\xef\xbb\xbfa", b"a", None),
        ("é,ü".encode("utf-16"), "é,ü".encode(), None),
        ("é".encode("utf-16-be"), "é".encode(), "guessed"),
        (b"", b"", None),
    ],
)
def test_text_becomes_utf_8(data: bytes, text: bytes, encoding: str | None) -> None:
    if encoding == "guessed":
        data = b"\xfe\xff" + data
        encoding = None
    assert as_utf8(data, "f") == (text, encoding)


def test_text_of_another_encoding_is_guessed_and_told(tmp_path: Path) -> None:
    rows = "".join(f"{n}.png,Größe für Bücher, schöne Straße {n}\n" for n in range(40))
    table = read(tmp_path, ("image,label,more\n" + rows).encode("cp1252"))
    assert str(table.frame["label"].iloc[0]) == "Größe für Bücher"
    assert [p.kind for p in table.remarks()] == ["guessed encoding"]
    assert "is not UTF-8 and was read as" in table.remarks()[0].examples[0]


def test_a_cut_through_a_character_is_no_other_encoding() -> None:
    assert as_utf8("aé".encode()[:-1], "f", whole=False) == (b"a", None)
    assert as_utf8("a😀".encode()[:-1], "f", whole=False) == (b"a", None)
    data, encoding = as_utf8(b"\xe9abcdef" * 9, "f", whole=False)  # not at the end
    assert encoding is not None
    assert data.endswith(b"abcdef")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, b"a,b\n\0,1\n") == "t.csv: is not text; expected a CSV file."
    assert refused(tmp_path, b"  \n\t") == "t.csv: is empty."
    assert refused(tmp_path, b"", required=("image", "label")) == "t.csv: is empty; expected a header row image,label."


def test_pieces_of_text_are_checked_within_their_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "CHUNK", 4)
    text = "aé😀b" * 5
    assert as_utf8(text.encode(), "f") == (text.encode(), None)
    with pytest.raises(UnicodeDecodeError) as error:
        encodings._require_utf8(b"abcdefgh\xff")
    assert error.value.start == 8
    assert encodings._decoded(text.encode("utf-16-le"), "utf-16-le") == text.encode()


# ---- the header


@pytest.mark.parametrize(
    ("data", "above", "separator"),
    [
        (b"image,label\na,b\n", 0, None),
        (b"sep=;\r\nimage;label\r\na;b\r\n", 1, ";"),
        (b"SEP=, \nimage,label\na,b\n", 1, ","),
        (b"# made by x\n# y\nimage,label\na,b\n", 2, None),
        (b"#image,label\na,b\n", 0, None),
        (b"My table\nimage,label\na,b\n", 1, None),
        (b"My table\n\nimage;label\na;b\n", 2, None),
        (b"My table\r\nimage\tlabel\r\na\tb\r\n", 1, None),
        (b"image\na\nb\n", 0, None),  # a table of one column
        (b"My table\na,b\nc,d,e\n", 0, None),  # what comes below differs
        (b"My table\na,b\n", 1, None),
        (b'"My, table"\nimage,label\na,b\n', 0, None),
        (b"", 0, None),
    ],
)
def test_lines_above_the_header(data: bytes, above: int, separator: str | None) -> None:
    rest, declared, lines = without_preamble(data)
    assert (declared, lines) == (separator, above)
    assert data.endswith(rest)
    assert data[: len(data) - len(rest)].count(b"\n") == above


@pytest.mark.parametrize(
    ("text", "separator", "names"),
    [
        (b"a,b;c", ",", ["a", "b;c"]),
        (b"a;b;c,d", ";", ["a", "b", "c,d"]),
        (b"a\tb", "\t", ["a", "b"]),
        (b"a|b", "|", ["a", "b"]),
        (b'"x,y,z";b', ";", ["x,y,z", "b"]),
        (b"alone", ",", ["alone"]),
        (b"a,b\rc,d", ",", ["a", "b"]),
        (b'"two\nlines",b\n', ",", ["two\nlines", "b"]),
        (b"", ",", []),
    ],
)
def test_the_separator_and_the_names(text: bytes, separator: str, names: list[str]) -> None:
    assert first_row(text) == (names, separator)
    assert first_row(b"a,b;c", ";") == (["a,b", "c"], ";")


def test_rows_count_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    table = read(tmp_path, b"Title\n\nImage, Label \n a.png , cat \n,\nb.png,dog\n")
    assert table.titles == {"image": "Image", "label": "Label"}
    assert cells(table) == [["a.png", "cat"], ["b.png", "dog"]]
    assert table.row.tolist() == [4, 6]


def test_rows_with_another_number_of_cells_are_set_aside_by_row(tmp_path: Path) -> None:
    table = read(tmp_path, b"image,label\na,x\nb\n\nc,y,z\nd,x")
    assert cells(table) == [["a", "x"], ["d", "x"]]
    assert table.row.tolist() == [2, 6]
    assert table.broken == {3: "has 1 cells, the header 2: 'b'", 5: "has 3 cells, the header 2: 'c,y,z'"}
    (problem,) = table.remarks()
    assert (problem.kind, problem.count, problem.level) == ("broken row", 2, "error")
    assert problem.examples[0] == "t.csv, row 3: has 1 cells, the header 2: 'b'"


def test_names_of_columns_must_be_there_and_differ(tmp_path: Path) -> None:
    assert refused(tmp_path, b"a,A\n1,2\n") == "t.csv, row 1: column 'a' occurs 2 times; rename one."
    missing = refused(tmp_path, b"imge,label\na,b\n", required=("image", "label"))
    assert missing == "t.csv, row 1: column 'image' is missing; found 'imge', 'label'. Did you mean 'imge'?"
    assert "there is no header: the first row holds data ('a.png', 'cat')" in refused(
        tmp_path, b"a.png,cat\nb.png,dog\n"
    )
    assert read(tmp_path, b"image=a.png,label\na,b\n").titles == {"image=a.png": "image=a.png", "label": "label"}


def test_an_open_quote_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LONGEST_ROW", 1000)
    text = refused(tmp_path, b'image,label\n"a,x\n' + b"b,y\n" * 500)
    assert text == "t.csv: is not a readable CSV table (a row is longer than 1,000 bytes; a quote may not be closed)."


def test_more_cells_than_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_CELLS", 6)
    assert cells(read(tmp_path, b"a,b\n1,2\n3,4\n")) == [["1", "2"], ["3", "4"]]
    assert refused(tmp_path, b"a,b\n1,2\n3,4\n5,6\n").startswith("t.csv: has 4 rows of 2 columns, more than 6 cells")
    lines = b'{"a": 1, "b": 2}\n'
    assert refused(tmp_path, lines * 4, "t.jsonl").startswith("t.jsonl: has 4 rows of 2 columns")
    monkeypatch.setattr(tables, "MAX_KEYS", 1)
    assert refused(tmp_path, lines, "t.jsonl").startswith("t.jsonl: names more than 1 keys")


# ---- kinds of columns


def of_columns(folder: Path, **columns: Any) -> dict[str, list[str]]:
    pq.write_table(pa.table(columns), folder / "t.parquet")
    table = read_table(FolderFiles(folder), "t.parquet")
    return {name: list(map(str, table.frame[name])) for name in columns}


def test_every_kind_of_column_is_text(tmp_path: Path) -> None:
    day = datetime.date(2024, 1, 2)
    assert of_columns(
        tmp_path,
        text=["a ", None, "c"],
        whole=[1, None, 3],
        floats=[1.0, None, 3.0],
        measured=[1.5, 2.0, None],
        truth=[True, False, None],
        day=[day, None, day],
        raw=[b"a", None, b"c"],
        lists=[[1], [], None],
        coded=pa.array(["x", None, "x"]).dictionary_encode(),
        numbers=pa.array([7, None, 7]).dictionary_encode(),
        large=pa.array(["a", "b", None], pa.large_string()),
        nothing=pa.nulls(3),
    ) == {
        "text": ["a", "", "c"],
        "whole": ["1", "", "3"],
        "floats": ["1", "", "3"],
        "measured": ["1.5", "2", ""],
        "truth": ["true", "false", ""],
        "day": ["2024-01-02", "", "2024-01-02"],
        "raw": ["a", "", "c"],
        "lists": ["", "", ""],
        "coded": ["x", "", "x"],
        "numbers": ["7", "", "7"],
        "large": ["a", "b", ""],
        "nothing": ["", "", ""],
    }


@pytest.mark.parametrize("value", [1e30, -1e30, 2.0**53, np.inf, -np.inf])
def test_a_column_of_large_numbers_keeps_no_table_from_being_read(tmp_path: Path, value: float) -> None:
    column = of_columns(tmp_path, image=["a.png", "b.png"], area=[value, 1.0])["area"]
    assert [float(c) for c in column] == [value, 1.0]
    for number, name in enumerate("ab"):
        write_image(tmp_path / f"{name}.png", number)
    pq.write_table(
        pa.table({"image": ["a.png", "b.png"], "label": ["x", "y"], "area": [value, 1.0]}), tmp_path / "t.parquet"
    )
    assert load_dataset(tmp_path).table.classes == ("x", "y")


def test_whole_floats_up_to_the_last_exact_one_are_whole(tmp_path: Path) -> None:
    assert of_columns(tmp_path, n=[2.0**53 - 1, -1.0])["n"] == ["9007199254740991", "-1"]


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [b"\xff\xfe"]}), tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match=r"t\.parquet: is not a readable Parquet file"):
        read_table(FolderFiles(tmp_path), "t.parquet")


def test_json_lines_are_a_table(tmp_path: Path) -> None:
    table = read(tmp_path, b'{"Image": "a", "label": 1}\n{"Image": "b", "label": null, "x": "y"}\n', "t.jsonl")
    assert cells(table) == [["a", "1", ""], ["b", "", "y"]]
    assert table.titles["image"] == "Image"
    assert "expected a JSON object" in refused(tmp_path, b'{"a": 1}\nnull\n', "t.jsonl")
    assert "is not a readable JSON Lines file" in refused(tmp_path, b'{"a": 1}\n[2]\n', "t.jsonl")


def test_a_broken_parquet_file_is_told(tmp_path: Path) -> None:
    assert "t.parquet: is not a readable Parquet file" in refused(tmp_path, b"PAR1 no", "t.parquet")


def test_numbers_of_a_column(tmp_path: Path) -> None:
    table = read(tmp_path, b"a\n1\n 2.5 \n40%\nx\n1e999\n\n")
    assert table.numbers("a").tolist()[:3] == [1.0, 2.5, 40.0]
    assert np.isnan(table.numbers("a")[3:]).all()
    assert len(table.numbers("a")) == len(table.row)
    kept = table.keep(np.asarray([False, True, False, True, True, True])[: len(table.row)])
    assert (kept.row[0], kept.numbers("a")[0]) == (3, 2.5)


def test_the_header_of_any_file_and_none_of_what_is_no_table(tmp_path: Path) -> None:
    some = {
        "a.csv": b"sep=;\nImage;Label\n",
        "b.jsonl": b'{"Image": 1}\n{"broken',
        "c.jsonl": b"null\n",
        "d.parquet": b"no",
        "e.csv": b"\0",
        "f.csv": b"",
        "g.xlsx": b"no",
    }
    for name, content in some.items():
        (tmp_path / name).write_bytes(content)
    files = FolderFiles(tmp_path)
    assert header(files, "a.csv") == ("image", "label")
    assert header(files, "b.jsonl") == ("image",)
    assert [header(files, n) for n in ("c.jsonl", "d.parquet", "e.csv", "f.csv", "g.xlsx", "gone.csv")] == [()] * 6


# ---- categorical columns


def test_columns_under_other_names_and_one_after_the_other() -> None:
    column = pd.Series(categorical(["a", "b", "a", "c"]))
    assert list(mapped(column, ["x", "y", "x"])) == ["x", "y", "x", "x"]
    assert list(mapped(column, ["x", "y", "x"]).categories) == ["x", "y"]
    assert list(mapped(pd.Series(categorical([])), [])) == []
    both = united([column, coded([0, 1], ["c", "d"])])
    assert list(both) == ["a", "b", "a", "c", "c", "d"]
    assert list(both.categories) == ["a", "b", "c", "d"]
    assert both.categories.dtype == object
