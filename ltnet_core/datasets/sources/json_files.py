"""JSON of tools, read with bounds: whole files and one object per line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from ...errors import DatasetError
from .files import Files, suffix
from .text_files import MAX_JSON_BYTES, loads, read_json

LONGEST_LINE = 16 * 1024**2
HEAD = 65_536
LINES = (".jsonl", ".ndjson", ".manifest")
NULL_LINE = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|\n)[ \t\r\n]*null")
BLANK = b"\xef\xbb\xbf \t\r\n"


def json_head(files: Files, name: str) -> bytes:
    """The first bytes without blanks; none where the file cannot be read."""
    try:
        return files.head(name, HEAD).lstrip(BLANK)
    except DatasetError:
        return b""


def read_lines(files: Files, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row, object) of a file with one JSON object per line, or of a JSON list of objects.

    Raises
    ------
    DatasetError
        a line is no JSON object.
    """
    if suffix(name) not in LINES:
        for row, content in enumerate(read_json(files, name), 1):
            if not isinstance(content, dict):
                raise DatasetError("expected a JSON object.", file=name, row=row)
            yield row, content
        return
    for row, line in enumerate(files.read(name, MAX_JSON_BYTES).lstrip(BLANK).split(b"\n"), 1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            raise DatasetError(f"the line is longer than {LONGEST_LINE:,} bytes.", file=name, row=row)
        try:
            content = loads(line)
        except (ValueError, RecursionError) as e:
            raise DatasetError(f"is not readable JSON ({_first_words(e)}).", file=name, row=row) from e
        if not isinstance(content, dict):
            raise DatasetError("expected a JSON object.", file=name, row=row)
        yield row, content


def require_objects(data: bytes, name: str) -> None:
    """Raise for a line that is ``null``: Arrow's reader ends the whole process on a block of nothing else.

    Raises
    ------
    DatasetError
    """
    empty = NULL_LINE.search(data)
    if empty is not None:
        raise DatasetError("expected a JSON object.", file=name, row=data[: empty.end()].count(b"\n") + 1)


def first_object(files: Files, name: str) -> dict[str, Any]:
    """The first object of a file with one per line; empty where there is none."""
    head = json_head(files, name)
    try:
        content = loads(head.split(b"\n", 1)[0].decode())
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _first_words(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else str(error).split("\n")[0]


def real(value: Any) -> float:
    """A number of JSON; NaN for anything else, infinity for a whole number that no float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def text(value: Any) -> str:
    """A scalar of JSON as a class, a person or an image may be written; "" for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() if isinstance(value, str | int | float) else ""
