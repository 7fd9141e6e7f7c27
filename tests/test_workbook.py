"""Workbooks: cells as a person sees them, and what cannot be read for certain."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import refusal
from openpyxl import Workbook
from test_formats import said

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.tables import workbook


def book(path: Path, *sheets: list[tuple[object, ...]]) -> None:
    made = Workbook()
    made.remove(made.active)
    for n, rows in enumerate(sheets):
        page = made.create_sheet(f"sheet {n}")
        for row in rows:
            page.append(row)
    made.save(path)


def test_cells_of_a_workbook_are_text_as_a_person_sees_it(tmp_path: Path) -> None:
    rows = [("image", "Ann", "Ben"), (1.0, 2.0, 1), (), ("b.png", 1, 2), (None, None, None), ("c.png", None, 1)]
    book(tmp_path / "l.xlsx", rows)
    study = load_dataset(tmp_path / "l.xlsx")
    assert said(study) == [
        ("1", "Ann", "2", 1),
        ("1", "Ben", "1", 1),
        ("b.png", "Ann", "1", 1),
        ("b.png", "Ben", "2", 1),
        ("c.png", "Ben", "1", 1),
    ]


@pytest.mark.parametrize(
    ("sheets", "told"),
    [
        (
            ([("image", "Ann"), ("a", "x")], [("image", "Ben"), ("a", "y")]),
            "2 sheets with rows ('sheet 0', 'sheet 1'); save the one",
        ),
        (
            ([("image", "Ann", "Ben"), ("a", "x", "y"), ("b", "=B2", "x")],),
            "l.xlsx, row 3: a cell holds the formula '=B2' without its result",
        ),
        (([("image", "Ann")],), "no sheet of the workbook has a header and a row"),
    ],
)
def test_workbooks_that_cannot_be_read_for_certain(sheets: tuple[Any, ...], told: str, tmp_path: Path) -> None:
    book(tmp_path / "l.xlsx", *sheets)
    assert told in refusal(tmp_path)


def replaced(path: Path, part: str, content: bytes) -> None:
    """A workbook with another content of one part."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    path.write_bytes(out.getvalue())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'<!DOCTYPE a [<!ENTITY x "y">]><worksheet/>', "declarations of its own"),
        (b" " * 2_000_000, "that is too much for a workbook"),
        (b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="999999999"><c r="A1"/></row></sheetData></worksheet>', "more than 1,000 rows"),
        (b"<worksheet><sheetData><row", "is not a readable Excel workbook"),
    ],
    ids=["entities", "bomb", "far row", "cut"],
)  # fmt: skip
def test_hostile_workbooks(content: bytes, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 1_000)
    monkeypatch.setattr(workbook, "MOST_PART_BYTES", 1_000_000)
    book(tmp_path / "l.xlsx", [("image", "Ann"), ("a", "x")])
    replaced(tmp_path / "l.xlsx", "xl/worksheets/sheet1.xml", content)
    assert told in refusal(tmp_path)


@pytest.mark.parametrize("name", ["labels.xls", "labels.ods", "labels.xlsx"])
def test_other_workbooks_say_what_to_do(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    assert "save it as .xlsx or" in refusal(tmp_path)
