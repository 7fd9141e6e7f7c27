"""JSON and lists of lines in files, with limits: a small file can be large in memory."""

from __future__ import annotations

import json
import re
from typing import Any

from ...errors import DatasetError
from .files import Files

MAX_JSON_BYTES = 512 * 1024**2
MAX_LIST_BYTES = 256 * 1024**2
# An empty list takes three bytes in a file and seventy in memory.
MAX_VALUES = 20_000_000
MAX_LINES = 10_000_000
# The three ways to write half of a surrogate pair: an escape, three bytes, UTF-16.
HALVES = re.compile(rb"\\u[dD]|\xed|\0")
LINE_ENDS = (b"\n", b"\r", b"\v", b"\f", b"\x1c", b"\x1d", b"\x1e", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")


def read_json(files: Files, name: str) -> Any:
    """The content of a JSON file, with or without a byte order mark.

    Raises
    ------
    DatasetError
        it is no JSON, nested too deep, or too large.
    """
    return parse_json(files.read(name, MAX_JSON_BYTES), name)


def parse_json(data: bytes, name: str) -> Any:
    """The JSON in a file's bytes."""
    values = sum(data.count(c) for c in (b",", b"[", b"{"))
    if values > MAX_VALUES:
        raise DatasetError(f"holds more than {MAX_VALUES:,} values.", file=name)
    try:
        return loads(data)
    except UnicodeEncodeError as e:
        raise DatasetError(f"is not readable JSON ({e.object[e.start]!r} in it is half a character).", file=name) from e
    except RecursionError as e:
        raise DatasetError("is not readable JSON (it is nested too deep).", file=name) from e
    except ValueError as e:
        raise DatasetError(f"is not readable JSON ({e}).", file=name) from e


def loads(data: bytes | str) -> Any:
    """Parse JSON whose text can be written again: an escape such as ``\\ud800`` alone makes one that no file can hold.

    Raises
    ------
    ValueError, RecursionError
    """
    content = json.loads(data)
    if isinstance(data, str) or HALVES.search(data):
        json.dumps(content, ensure_ascii=False).encode()
    return content


def read_lines(files: Files, name: str, errors: str = "replace") -> list[str]:
    """The lines of a list in UTF-8, without their ends.

    Raises
    ------
    DatasetError
        it is too long, or, where ``errors`` is ``strict``, not UTF-8.
    """
    data = files.read(name, MAX_LIST_BYTES)
    if sum(map(data.count, LINE_ENDS)) > MAX_LINES:
        raise DatasetError(f"has more than {MAX_LINES:,} lines.", file=name)
    try:
        return data.decode("utf-8-sig", errors).splitlines()
    except UnicodeDecodeError as e:
        raise DatasetError("is not UTF-8 text; save it as UTF-8.", file=name) from e
