"""CSV cells that a spreadsheet would run, and their way back."""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ltnet_core.datasets.sources.archives import open_files
from ltnet_core.datasets.tables.table import read_table
from ltnet_core.files.spreadsheet import csv_bytes, guard, guarded, unguard, unguarded, write_csv

SIGNS = "=+-@\t\r\n＝＋－＠−﹦﹢﹣﹫"
ODD = st.text(alphabet=st.sampled_from("=+-@\t\r\n＝＋'\"; ,|a1.\ufeff\u200b\x01e"), max_size=12) | st.text(max_size=12)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    "before", ["", " ", '"', "'", "''", "\ufeff", "\x01", "\x7f", "\u00a0", "\u200b", "\u3000", ' \ufeff"']
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(before: str, sign: str) -> None:
    text = f"{before}{sign}cmd|'/C calc'!A0"
    assert guard(text).startswith("'" + text[0]) and unguard(guard(text)) == text


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r"])
def test_a_cell_inside_ours_is_guarded_too(separator: str) -> None:
    """A spreadsheet of a country that writes 1,5 splits rows at semicolons, whatever our quotes say."""
    assert f"{separator}'=1+1" in guard(f"a{separator}=1+1")
    assert f"{separator}' =1+1" in guard(f"a{separator} =1+1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "happy",
        "'tis",
        "'happy'",
        "it's",
        "a-b",
        "a=b",
        "x@y",
        "-0.5",
        "+3",
        "-1e-5",
        "-.5",
        "'-7",
        "a, -b",
        "two\n\nparts",
        "a;b",
        "end\n",
    ],
)
def test_other_text_and_numbers_stay_as_they_are(text: str) -> None:
    assert guard(text) == text == unguard(text)


def test_what_is_no_plain_number_is_guarded() -> None:
    assert [guard(t) for t in ("-1-1", "+1 2", "-1;=2", "--1", "-", "-٣")] == [
        "'-1-1",
        "'+1 2",
        "'-1;'=2",
        "'--1",
        "'-",
        "'-٣",
    ]


@settings(deadline=None)  # other work shares the processor
@given(ODD)
@example("'=x")
@example("'';'=x")
@example("-1;-1")
def test_every_text_comes_back(text: str) -> None:
    assert unguard(guard(text)) == text


@settings(deadline=None)  # other work shares the processor
@given(ODD)
def test_guarding_twice_needs_unguarding_twice(text: str) -> None:
    assert unguard(unguard(guard(guard(text)))) == text


@settings(deadline=None)  # other work shares the processor
@given(st.lists(st.tuples(ODD, ODD), min_size=1, max_size=4), ODD.filter(lambda t: t.strip() not in ("", "a")))
def test_a_file_comes_back(rows: list[tuple[str, str]], title: str) -> None:
    """Titles and cells, through the bytes of a file and another program's reader."""
    clean = [tuple(c.replace("\0", "") for c in row) for row in rows]  # pandas' reader ends a cell at NUL
    frame = pd.DataFrame(clean, columns=["a", title.replace("\0", "") or "b"], dtype=object)
    back = pd.read_csv(io.BytesIO(csv_bytes(frame)), dtype=str, keep_default_na=False)
    back = unguarded(back)
    assert list(back.columns) == list(frame.columns)
    assert back.to_numpy().tolist() == frame.to_numpy().tolist()


@settings(deadline=None)  # other work shares the processor
@given(st.lists(ODD.map(lambda t: t.replace("\0", "").strip()), min_size=1, max_size=4))
@example(["'=x", "=x", "''=x", "c\rd", "a;=1"])
def test_the_reader_of_datasets_gives_back_what_was_written(cells: list[str]) -> None:
    cells = [c for c in cells if c] or ["x"]
    with tempfile.TemporaryDirectory() as folder:
        write_csv(pd.DataFrame({"image": "a.png", "=label": cells}), Path(folder) / "t.csv")
        table = read_table(open_files(folder), "t.csv")
    assert table.frame["=label"].tolist() == cells


def test_numbers_categories_and_missing_cells(tmp_path: object) -> None:
    frame = pd.DataFrame(
        {"=n": [-0.5, 2.0], "c": pd.Categorical(["@x", "y"]), "m": ["=1", None], "i": [-1, 2], "b": [True, False]}
    )
    shown = guarded(frame)
    assert list(shown.columns) == ["'=n", "c", "m", "i", "b"]
    assert shown["'=n"].tolist() == [-0.5, 2.0] and shown["c"].tolist() == ["'@x", "y"]
    assert shown["m"].tolist()[0] == "'=1" and pd.isna(shown["m"].iloc[1])
    assert frame["c"].tolist() == ["@x", "y"], "the caller's table stays as it is"
    assert csv_bytes(frame, "%.2f").decode() == "'=n,c,m,i,b\n-0.50,'@x,'=1,-1,True\n2.00,y,,2,False\n"


@pytest.mark.parametrize("part", ["\n", "\t ", "; ", "'", "''=", "\n'", " ", "1", "-1.", "\ufeff", "=", ";="])
def test_the_time_is_linear_in_the_length(part: str) -> None:
    text = part * (400_000 // len(part)) + "x"
    began = time.process_time()
    assert unguard(guard(text)) == text
    assert time.process_time() - began < 5


def test_an_empty_table_has_its_header() -> None:
    assert csv_bytes(pd.DataFrame(columns=["=a", "b"])) == b"'=a,b\n"
