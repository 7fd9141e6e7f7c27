"""Text files that are written piece by piece, so that a large one does not lie in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..files.writing import replacing


def write_text(parts: Iterable[str], out: Path) -> None:
    """Write the parts one after the other, in UTF-8.

    Raises
    ------
    StorageError
    """
    with replacing(out) as partial, open(partial, "w", encoding="utf-8", errors="replace", newline="") as f:
        f.writelines(parts)


def json_list(entries: Iterable[Any]) -> Iterator[str]:
    """The text of a JSON list, an entry a line."""
    yield "["
    for number, entry in enumerate(entries):
        yield (",\n" if number else "\n") + json.dumps(entry, ensure_ascii=False)
    yield "\n]\n"


def json_members(entries: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """The text of a JSON object, a member a line; in ASCII, for readers that take the encoding of their machine."""
    yield "{"
    for number, (name, value) in enumerate(entries):
        start = ",\n" if number else "\n"
        yield f"{start}{json.dumps(name)}: {json.dumps(value)}"
    yield "\n}"
