"""Tables in files: CSV of any encoding and separator that spreadsheets write, Parquet, JSON Lines."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from numpy.typing import NDArray

from ...errors import DatasetError, did_you_mean
from ..coded_columns import coded
from ..sources.files import MAX_FILE_BYTES, WORKBOOKS, Files, suffix
from ..sources.json_files import require_objects
from ..study import EXAMPLES, Problem
from .column_titles import require_different, require_header, require_one_row, with_names
from .csv_lines import LONGEST_ROW, csv_cell, first_row, with_all_names, without_preamble
from .encodings import HEAD, as_utf8
from .workbook import header_of_sheet, sheet

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", *WORKBOOKS)
LONGEST_QUOTE = 300
# A row of blanks or a run in a Parquet file takes a byte or less in a file, and hundreds in memory.
MAX_CELLS = 100_000_000
MAX_BROKEN = 1_000_000
MAX_KEYS = 5_000
LARGEST_WHOLE = 2.0**53
KEY = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"\s*:', re.DOTALL)
DECIMAL_COMMA = re.compile(r"-?\d+,(\d{1,2}|\d{4,})")  # with three digits it may be thousands
OF_ALL = re.compile(r"(\d+)\s*(?:/|of|out of|von|de|sur)\s*\d+")
TRUTHS = {"true": 1, "yes": 1, "false": 0, "no": 0}
TEXT_TYPES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes
    ----------
    file : its name in the dataset.
    frame : one categorical column of text per column of the file, blanks around cells and
        names stripped, names in lower case; an empty cell is ``""``.
    row : (rows,) the row in the file, 1 for the header, as a spreadsheet shows it.
    broken : row → what is wrong with it; rows that have another number of cells than the header.
    encoding : set where it had to be guessed.
    titles : the columns' names as the file spells them, by ``frame``'s.
    """

    file: str
    frame: pd.DataFrame
    row: NDArray[np.int32]
    broken: dict[int, str]
    encoding: str | None
    titles: dict[str, str]

    def need(self, columns: Sequence[str]) -> None:
        """Raise DatasetError unless all of these columns are there."""
        for column in columns:
            if column not in self.frame.columns:
                raise DatasetError(
                    f"column {column!r} is missing; found {', '.join(map(repr, self.frame.columns))[:LONGEST_QUOTE]}."
                    + did_you_mean(column, list(self.frame.columns)),
                    file=self.file,
                    row=1,
                )

    def remarks(self) -> tuple[Problem, ...]:
        """What is wrong with the file, though it can be read."""
        out = []
        if self.broken:
            examples = tuple(f"{self.file}, row {row}: {text}" for row, text in list(self.broken.items())[:EXAMPLES])
            out.append(Problem("broken row", len(self.broken), examples, "error"))
        if self.encoding is not None:
            text = f"{self.file}: is not UTF-8 and was read as {self.encoding}; look at the names, or save it as UTF-8."
            out.append(Problem("guessed encoding", 1, (text,)))
        return tuple(out)

    def keep(self, mask: NDArray[np.bool_]) -> Table:
        """Only the rows where ``mask`` (rows,) is true."""
        return replace(self, frame=self.frame[mask].reset_index(drop=True), row=self.row[mask])

    def numbers(self, column: str) -> NDArray[np.float64]:
        """(rows,) the column as numbers, NaN where a cell is no finite one; ``40%`` is 40, ``0,5`` 0.5 and ``3/10`` 3.

        Cells such as ``3/10`` and ``3 of 10`` say how many of all voted so; the other cells are empty then.
        """
        cells = self.frame[column].cat
        texts = [str(c).removesuffix("%") for c in cells.categories]
        parts = [OF_ALL.fullmatch(t) for t in texts if t]
        if parts and None not in parts:
            texts = [found[1] if (found := OF_ALL.fullmatch(t)) else t for t in texts]
        if any(DECIMAL_COMMA.fullmatch(t) for t in texts) and not any("." in t for t in texts):
            texts = [t.replace(",", ".") for t in texts]
        values = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64)
        values = np.where(np.isfinite(values), values, np.nan)
        return np.asarray(values[cells.codes] if len(values) else np.full(len(self.row), np.nan))

    def votes(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """(rows, columns) the cells as numbers; where all are true or false, yes or no, these are 1 and 0."""
        cells = [self.frame[c].cat for c in columns]
        if all(str(t).casefold() in (*TRUTHS, "") for c in cells for t in c.categories):
            values = [np.array([TRUTHS.get(str(t).casefold(), np.nan) for t in c.categories]) for c in cells]
            return np.stack([v[c.codes] for v, c in zip(values, cells, strict=True)], axis=1)
        return np.stack([self.numbers(c) for c in columns], axis=1)


def is_table(name: str) -> bool:
    """Whether the name ends like a table's."""
    return suffix(name) in TABLE_SUFFIXES


def header(files: Files, name: str) -> tuple[str, ...]:
    """Names of a table's columns in lower case, from its first rows; none where it is no table."""
    try:
        if suffix(name) == ".parquet":
            names = pyarrow.parquet.read_schema(io.BytesIO(files.read(name))).names
            return tuple(str(n).strip().lower() for n in names)
        if suffix(name) in WORKBOOKS:
            return tuple(n.strip().lower() for n in header_of_sheet(files.read(name), name))
        head = files.head(name, HEAD)
        if suffix(name) in (".jsonl", ".ndjson"):
            first = head.split(b"\n", 1)[0] + b"\n"
            require_objects(first, name)
            return tuple(n.strip().lower() for n in pyarrow.json.read_json(io.BytesIO(first)).column_names)
        text, _ = as_utf8(head, name, whole=len(head) < HEAD)
        text, declared, _ = without_preamble(text)
        return tuple(csv_cell(n).lower() for n in first_row(text, declared)[0])
    except (DatasetError, pa.ArrowException, OSError, ValueError):
        return ()


def read_table(files: Files, name: str, required: Sequence[str] = ()) -> Table:
    """Read a table.

    Raises
    ------
    DatasetError
        empty, not text, not a table, a column named twice, or a required one missing.
    """
    data = files.read(name)
    if not data.strip():
        wanted = f"; expected a header row {','.join(required)}" if required else ""
        raise DatasetError(f"is empty{wanted}.", file=name)
    kind = suffix(name)
    broken: dict[int, str] = {}
    encoding, first = None, 1
    clean: Callable[[str], str] = str.strip
    try:
        if kind == ".parquet":
            arrow = _read_parquet(data, name)
            titles = [str(n).strip() for n in arrow.column_names]
        elif kind in WORKBOOKS:
            arrow, first = sheet(data, name)
            titles = [n.strip() for n in arrow.column_names]
        elif kind in (".jsonl", ".ndjson"):
            _require_few_keys(data, name)
            require_objects(data, name)
            options = pyarrow.json.ReadOptions(block_size=LONGEST_ROW)
            arrow = pyarrow.json.read_json(io.BytesIO(data), read_options=options)
            titles = [n.strip() for n in arrow.column_names]
        else:
            data, encoding = as_utf8(data, name)
            data, declared, above = without_preamble(data)
            first = above + 1
            if not data.endswith((b"\n", b"\r")):
                data += b"\n"  # or Arrow takes a header alone for an empty file
            data = with_all_names(data, declared)
            raw, separator = first_row(data[:HEAD], declared)
            clean = csv_cell
            titles = [clean(t) for t in raw]
            _require_cells(max(data.count(b"\n"), data.count(b"\r")), len(titles), name)
            require_header(titles, name, first)
            arrow = _parse_csv(data, raw, separator, broken)
        columns = [_text_column(arrow.column(i), clean) for i in range(len(titles))]
    except (pa.ArrowException, OSError, ValueError, OverflowError) as e:
        reason = str(e).strip().split("\n")[0].rstrip(".")
        if "straddling object" in reason:
            reason = f"a row is longer than {LONGEST_ROW:,} bytes; a quote may not be closed"
        kinds = {".parquet": "Parquet file", ".jsonl": "JSON Lines file", ".ndjson": "JSON Lines file"}
        raise DatasetError(f"is not a readable {kinds.get(kind, 'CSV table')} ({reason}).", file=name) from e
    del data
    if arrow.num_rows == 0 and any(broken.values()):
        row, text = next((r, t) for r, t in broken.items() if t)
        raise DatasetError(f"no row has as many cells as the header: it {text}.", file=name, row=row + first - 1)
    titles, columns = with_names(titles, columns)
    names = [t.lower() for t in titles]
    require_different(names, name)
    rows = np.delete(np.arange(arrow.num_rows + len(broken), dtype=np.int32), [r - 2 for r in broken]) + 2
    frame = pd.DataFrame(dict(zip(names, columns, strict=True)))
    blank = _blank_rows(frame)
    if blank.any() and len(frame.columns) > 1:
        frame, rows = frame[~blank].reset_index(drop=True), rows[~blank]
    require_one_row(frame, name, first)
    broken = {row + first - 1: text for row, text in broken.items() if text}
    rows += first - 1
    table = Table(name, frame, rows.astype(np.int32), broken, encoding, dict(zip(names, titles, strict=True)))
    table.need(required)
    return table


def _blank_rows(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(rows,) whether no column has anything in a row."""
    blank = np.ones(len(frame), dtype=np.bool_)
    for column in frame:
        empty = frame[column].cat.categories == ""
        blank &= empty[frame[column].cat.codes] if len(empty) else True
        if not blank.any():
            break
    return blank


def _require_cells(rows: int, columns: int, name: str) -> None:
    if rows * columns > MAX_CELLS:
        raise DatasetError(
            f"has {rows:,} rows of {columns:,} columns, more than {MAX_CELLS:,} cells; remove columns that are not "
            "needed or split the table.",
            file=name,
        )


def _read_parquet(data: bytes, name: str) -> pa.Table:
    """The columns of plain values; nested ones are empty.

    Text stays as a dictionary: a million equal cells take a few bytes in the file.
    """
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
    schema = file.schema_arrow
    _require_cells(file.metadata.num_rows, len(schema), name)
    unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    if unpacked > MAX_FILE_BYTES:
        raise DatasetError(f"unpacks to {unpacked:,} bytes, more than {MAX_FILE_BYTES:,}.", file=name)
    twice = next((n for n in schema.names if schema.names.count(n) > 1), None)
    if twice is not None:
        raise DatasetError(f"column {twice!r} occurs {schema.names.count(twice)} times; rename one.", file=name, row=1)
    plain = [f.name for f in schema if not (pa.types.is_nested(f.type) or pa.types.is_fixed_size_binary(f.type))]
    text = [n for n in plain if any(is_text(schema.field(n).type) for is_text in TEXT_TYPES)]
    read = pyarrow.parquet.read_table(io.BytesIO(data), columns=plain, read_dictionary=text)
    empty = pa.DictionaryArray.from_arrays(pa.array(np.zeros(read.num_rows, np.int8)), pa.array([""]))
    arrays = [read.column(n) if n in plain else pa.chunked_array([empty]) for n in schema.names]
    return pa.Table.from_arrays(arrays, names=schema.names)


def _require_few_keys(data: bytes, name: str) -> None:
    """Refuse JSON Lines that name so many keys that a column for each would not fit."""
    rows = data.count(b"{")
    keys: set[bytes] = set()
    for key in KEY.finditer(data):
        keys.add(key[1])
        if len(keys) > MAX_KEYS:
            raise DatasetError(f"names more than {MAX_KEYS:,} keys; expected the same few in each line.", file=name)
    _require_cells(rows, len(keys), name)


def _parse_csv(data: bytes, columns: Sequence[str], separator: str, broken: dict[int, str]) -> pa.Table:
    text = pa.dictionary(pa.int32(), pa.string())

    def aside(row: Any) -> str:
        if len(broken) >= MAX_BROKEN:
            return "error"
        blank = not row.text.strip()
        broken[int(row.number)] = (
            "" if blank else f"has {row.actual_columns} cells, the header {row.expected_columns}: {row.text[:200]!r}"
        )
        return "skip"

    return pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=LONGEST_ROW),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=aside
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, text), null_values=[], strings_can_be_null=False
        ),
    )


def _are_whole(column: pa.ChunkedArray) -> bool:
    """Whether all values are whole numbers that a float holds exactly."""
    whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), LARGEST_WHOLE))
    return bool(pc.all(whole, skip_nulls=True).as_py())


def _text_column(column: pa.ChunkedArray, clean: Callable[[str], str]) -> pd.Categorical[Any]:
    """A column of any plain type as categorical text that went through ``clean``; a missing value is an empty cell."""
    kind = column.type
    if pa.types.is_dictionary(kind) and pa.types.is_binary(kind.value_type):
        chunks = [pa.DictionaryArray.from_arrays(c.indices, c.dictionary.cast(pa.string())) for c in column.chunks]
        column = pa.chunked_array(chunks, pa.dictionary(kind.index_type, pa.string()))
        kind = column.type
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        column, kind = column.cast(kind.value_type), kind.value_type
    if not pa.types.is_dictionary(kind):
        if pa.types.is_nested(kind):
            column = pa.chunked_array([pa.array([""] * len(column), pa.string())])
        elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            column = pc.cast(column, pa.string())
        elif pa.types.is_floating(kind) and _are_whole(column):
            column = pc.cast(pc.cast(column, pa.int64()), pa.string())  # pandas writes 3.0 where a column has gaps
        elif not pa.types.is_string(kind):
            column = pc.cast(column, pa.string())
        column = pc.dictionary_encode(column)
    column = column.unify_dictionaries()
    chunks = column.chunks
    if not chunks:
        return coded([], [])
    names = chunks[0].dictionary.to_pylist()
    codes = np.concatenate([c.indices.fill_null(-1).to_numpy(zero_copy_only=False) for c in chunks]).astype(np.int32)
    if (codes < 0).any():
        names.append("")
        codes[codes < 0] = len(names) - 1
    cleaned = ["" if n is None else clean(n) for n in names]
    where, unique = pd.factorize(np.asarray(cleaned, dtype=object))
    return coded(where.astype(np.int32)[codes], unique)
