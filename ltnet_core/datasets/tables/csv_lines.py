"""The lines of a CSV file: what stands above the header, the separator, names and cells."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice

from ...files.spreadsheet import unguard
from .columns import KNOWN, short

LONGEST_ROW = 16 * 1024**2
SEPARATORS = ",;\t|"
MOST_TITLES, HEAD, FIRST_ROWS, LONGEST_NUMBER = 20, 65_536, 50, 10
SEPARATOR_LINE = re.compile(rb"sep=(.)[ \t]*(?:\r\n|\r|\n)", re.IGNORECASE)


def without_preamble(data: bytes) -> tuple[bytes, str | None, int]:
    """A CSV file from its header on, the separator the file declares, and the number of lines above the header.

    These are ``sep=;``, which tells a spreadsheet the separator, comments that start with #, and titles: lines with a
    single cell above others that have several.
    """
    parsed = SEPARATOR_LINE.match(data[:32])
    if parsed is not None:
        return data[parsed.end() :], parsed[1].decode(), 1
    lines = re.split(rb"\r\n|\r|\n", data[:HEAD], maxsplit=MOST_TITLES + 2)[: MOST_TITLES + 2]
    if not lines or b'"' in lines[0] or (_width(lines[0]) > 1 and not lines[0].startswith(b"#")):
        return data, None, 0
    if short(lines[0].decode("utf-8", "ignore")) in KNOWN:
        return data, None, 0  # a table of one column
    for above, line in enumerate(lines[:-1]):
        if line.startswith(b"#") or _width(line) < 2:
            continue
        same = _width(lines[above + 1]) in (0, _width(line))
        if above == 0 or not same or _width(lines[0]) >= _width(line):
            break
        end = re.match(rb"(?:[^\r\n]*(?:\r\n|\r|\n)){%d}" % above, data)
        return (data, None, 0) if end is None else (data[end.end() :], None, above)
    return data, None, 0


def _width(line: bytes) -> int:
    """How many cells a line has, by the separator that occurs most; none in a blank line."""
    return max(line.count(s.encode()) for s in SEPARATORS) + 1 if line.strip() else 0


def first_row(text: bytes, declared: str | None = None) -> tuple[list[str], str]:
    """Cells of the header as they stand, and the separator.

    It is the declared one, or the most frequent outside quotes; of several the one that gives as many cells in each of
    the first rows.
    """
    head = text.decode("utf-8", "ignore")
    line = head.replace("\r", "\n").split("\n", 1)[0]
    bare = "".join(line.split('"')[::2])
    there = sorted((s for s in SEPARATORS if s in bare), key=lambda s: (-bare.count(s), SEPARATORS.index(s)))
    separator = declared or next(iter(there), SEPARATORS[0])
    csv.field_size_limit(LONGEST_ROW)
    try:
        if declared is None and len(there) > 1:
            separator = next((s for s in there if _is_even(head, s)), separator)
        return next(csv.reader(io.StringIO(head, newline=""), delimiter=separator), []), separator
    except csv.Error as e:
        raise ValueError(f"its header cannot be read: {e}") from e


def _rows(head: str, separator: str) -> list[list[str]]:
    """The first rows, without blank ones and the last, which may be cut."""
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=separator)
    return [r for r in islice(reader, FIRST_ROWS) if r][: None if len(head) < HEAD else -1]


def _is_even(head: str, separator: str) -> bool:
    rows = _rows(head, separator)
    return len(rows) > 1 and all(len(r) == len(rows[0]) for r in rows)


def with_all_names(data: bytes, declared: str | None = None) -> bytes:
    """A CSV file whose header has an empty name for a column that has none though all rows have its cells.

    Some programs end each row, not the header, with a separator; R writes the rows' numbers before them.
    """
    names, separator = first_row(data[:HEAD], declared)
    head = data[:HEAD].decode("utf-8", "ignore")
    rows = _rows(head, separator)[1:]
    if not rows or any(len(r) != len(names) + 1 for r in rows):
        return data
    if not any(r[-1].strip() for r in rows):
        end = _end_of_header(data)
        return data[:end] + separator.encode() + data[end:]
    if not all(line.startswith('"') for line in head.splitlines()[: len(rows)] if line):
        return data  # R writes names of rows in quotes; else the comma may be one in a text
    numbers = [int(r[0]) if r[0].isdecimal() and len(r[0]) < LONGEST_NUMBER else -1 for r in rows]
    return separator.encode() + data if numbers == list(range(numbers[0], numbers[0] + len(rows))) else data


def _end_of_header(data: bytes) -> int:
    """Where the first line ends, outside quotes."""
    quoted = False
    for i, byte in enumerate(data):
        quoted ^= byte == ord('"')
        if byte in b"\r\n" and not quoted:
            return i
    return len(data)


def csv_cell(cell: str) -> str:
    """The text of a cell of a CSV file: without blanks and quotes around it and without a spreadsheet's guard.

    Quotes are left where a blank stands before them: ``a.png, "happy"``.
    """
    text = cell.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('""', '"').strip()
    return unguard(text)
