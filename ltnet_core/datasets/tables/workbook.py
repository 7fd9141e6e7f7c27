"""Excel workbooks (.xlsx): the one sheet with rows, as a table of text; nothing in them is calculated or run."""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, zip_longest
from typing import Any

import pyarrow as pa

from ...errors import DatasetError
from ..sources.files import WORKBOOKS, Files, suffix
from ..sources.zip_files import BOMB_BYTES, BOMB_RATIO

OLD_SUFFIXES = (".xls", ".xlsb", ".ods", ".numbers")
MOST_ROWS, MOST_CELLS, MOST_PART_BYTES = 1_048_576, 20_000_000, 512 * 1024**2
MOST_PARTS, MOST_TITLES = 10_000, 20
DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def header_of_sheet(data: bytes, name: str) -> tuple[str, ...]:
    """The row of the sheet that names its columns, without reading all others.

    Raises
    ------
    DatasetError
    """
    _check_parts(data, name)
    rows = _only_sheet(data, name, formulas=False, most=MOST_TITLES)
    return tuple(_text(v) for v in rows[_titles(rows)])


@lru_cache(maxsize=2)  # several formats ask for the same table before one is chosen
def sheet(data: bytes, name: str) -> tuple[pa.Table, int]:
    """The sheet as columns of text, and the row that names them: the first one, below titles of a single cell.

    A number without a fraction is written without one, a date as ``2024-01-31``, a formula as the result that was
    saved with it.

    Raises
    ------
    DatasetError
        it is no workbook, too large, several sheets have rows, or a formula was saved without its result.
    """
    _check_parts(data, name)
    rows = _only_sheet(data, name, formulas=False)
    written = _only_sheet(data, name, formulas=True)
    for number, (row, formulas) in enumerate(zip_longest(rows, written, fillvalue=()), 1):
        for value, formula in zip_longest(row, formulas):
            if value is None and isinstance(formula, str) and formula.startswith("="):
                raise DatasetError(
                    f"a cell holds the formula {formula[:40]!r} without its result; "
                    "save the workbook anew in a spreadsheet program, or as CSV.",
                    file=name,
                    row=number,
                )
    above = _titles(rows)
    return _as_columns(rows[above:]), above + 1


def _titles(rows: list[list[Any]]) -> int:
    """How many rows with at most one cell stand above the first one with several."""
    return next((i for i, r in enumerate(rows[:MOST_TITLES]) if sum(v is not None for v in r) > 1), 0)


def require_readable(files: Files) -> None:
    """Raise where nothing else was recognised and a workbook at the top of the dataset cannot be read.

    Raises
    ------
    DatasetError
    """
    for name in files.others:
        if "/" not in name and suffix(name) in OLD_SUFFIXES:
            raise DatasetError("is a kind of workbook that is not read; save it as .xlsx or as CSV.", file=name)
        if "/" not in name and suffix(name) in WORKBOOKS:
            header_of_sheet(files.read(name), name)


def _check_parts(data: bytes, name: str) -> None:
    """Refuse what unpacks to too much and what declares entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            total = sum(e.file_size for e in entries)
            bomb = any(e.file_size > BOMB_BYTES and e.file_size > BOMB_RATIO * max(e.compress_size, 1) for e in entries)
            if len(entries) > MOST_PARTS or total > MOST_PART_BYTES or bomb:
                raise DatasetError(
                    f"unpacks to {total:,} bytes; that is too much for a workbook. Save it as CSV.", file=name
                )
            for entry in entries:
                if entry.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(entry) as part:
                        head = part.read(4096).replace(b"\0", b"")
                    if DECLARATION.search(head):
                        raise DatasetError(
                            "holds XML with declarations of its own; save the workbook as CSV.", file=name
                        )
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, ValueError, EOFError) as e:
        raise DatasetError(f"is not a readable Excel workbook ({e}); save it as .xlsx or CSV.", file=name) from e


def _only_sheet(data: bytes, name: str, formulas: bool, most: int | None = None) -> list[list[Any]]:
    """The rows of the only sheet that has more than one, at ``most`` so many of them."""
    from openpyxl import load_workbook  # a third of a second that only workbooks need

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which hold no labels
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=not formulas, keep_links=False)
            filled = {}
            for page in book.worksheets:
                page.reset_dimensions()  # the size that a sheet states may be wrong
                rows = list(islice(_rows(page.iter_rows(values_only=True), name), most))
                if len(rows) > 1:
                    filled[page.title] = rows
            book.close()
    except DatasetError:
        raise
    except Exception as e:  # openpyxl raises whatever its parsers do on a damaged part
        raise DatasetError(f"is not a readable Excel workbook ({type(e).__name__}: {e}).", file=name) from e
    if len(filled) > 1:
        names = ", ".join(map(repr, list(filled)[:5]))
        raise DatasetError(
            f"the workbook has {len(filled)} sheets with rows ({names}); save the one with the labels, or "
            "each annotator's, as CSV.",
            file=name,
        )
    if not filled:
        raise DatasetError("no sheet of the workbook has a header and a row.", file=name)
    return next(iter(filled.values()))


def _rows(sheet_rows: Iterator[tuple[Any, ...]], name: str) -> Iterator[list[Any]]:
    cells = 0
    blank: list[list[Any]] = []
    for number, row in enumerate(sheet_rows, 1):
        cells += len(row)
        if number > MOST_ROWS or cells > MOST_CELLS:
            raise DatasetError(f"has more than {MOST_ROWS:,} rows or {MOST_CELLS:,} cells; save it as CSV.", file=name)
        values = list(row)
        while values and values[-1] is None:
            values.pop()
        if values:
            yield from blank  # empty rows count only where something follows, so that rows keep their numbers
            blank.clear()
            yield values
        elif len(blank) < MOST_ROWS:
            blank.append([])


def _as_columns(rows: list[list[Any]]) -> pa.Table:
    width = max(map(len, rows))
    titles = [_text(v) for v in rows[0]]
    titles += [""] * (width - len(titles))
    columns = [[_text(r[i]) if i < len(r) else "" for r in rows[1:]] for i in range(width)]
    # A column without a name is called as pandas calls it.
    named = [t or f"unnamed: {i}" for i, t in enumerate(titles)]
    return pa.Table.from_arrays([pa.array(c, pa.string()) for c in columns], names=named)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, datetime.datetime | datetime.date | datetime.time) else str(value)
