"""JSON as pieces of text, so that a large file of it does not lie in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any


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
