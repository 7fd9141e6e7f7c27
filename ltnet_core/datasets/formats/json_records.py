"""JSON that holds a table: a list of records, or a list for each column. It is read as other tables are."""

from __future__ import annotations

import json
from typing import Any

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files, suffix, uppermost
from ..sources.json_files import first_object, json_head, read_lines, text
from ..sources.text_files import read_json
from ..tables.columns import role
from .as_tables import AsTables, match_tables, read_as_tables

FORMAT = "json-records"
RANK = 350
TITLE = "Table as JSON records"
LAYOUT = """\
labels.json        [{"image": "a.png", "annotator": "Ann", "label": "happy"}, …]
                   or [{"image": "a.png", "Ann": "happy", "Ben": "sad"}, …], or votes, or ones and zeros
labels.jsonl       or a record with records or lists in it on each line
                   or {"image": ["a.png", …], "label": ["happy", …]}, or {"a.png": {"Ann": "happy", "Ben": "sad"}, …}
images/…           optional, any folder"""
NOTE = """\
The fields are read as the columns of a table. The list may also be the only list of an object, `{"data": […]}`. A
list with one class in a field is that class; a list of records within a record is a row for each; a record in
`labels`, `annotations`, `votes` … has a column for each of its fields, any other one fields called `outer.inner`."""

CORRECTABLE = True
MOST_COLUMNS, LINES = 1000, (".jsonl", ".ndjson")
# A field that holds the label by each person: its own fields are people.
OF_PEOPLE = ("annotators", "annotations", "labels", "answers", "votes", "ratings", "readers", "raters", "workers")


def _as_tables(files: Files) -> AsTables | None:
    tables, own = {}, {}
    for name in uppermost(files, (".json", *LINES)):
        lines = suffix(name) in LINES
        if json_head(files, name)[:1] not in ((b"{",) if lines else (b"[", b"{")):
            continue
        try:
            records = _of_lines(files, name) if lines else _records(read_json(files, name))
        except DatasetError:
            continue
        if records and (lines or f"{name}l" not in files):
            key = name if lines else f"{name}l"
            own[key] = name
            tables[key] = "".join(json.dumps(r, ensure_ascii=True) + "\n" for r in _same_fields(records)).encode()
    return AsTables(files, tables, own) if tables else None


def _of_lines(files: Files, name: str) -> list[dict[str, Any]]:
    """The records of JSON Lines, where some hold records or lists; others are read as they are."""
    first = first_object(files, name)
    if not any(isinstance(v, dict | list) for v in first.values()):
        return []
    return [row for _, record in read_lines(files, name) for row in _each(record)]


def _records(content: Any) -> list[dict[str, Any]]:
    """The records of a table; none where the JSON is no table."""
    if isinstance(content, dict) and len(content) > 1 and all(isinstance(v, dict) for v in content.values()):
        inside = next(iter(content.values()))
        named = any(role((str(k).lower(),), "image") for k in inside)
        content = [v if named else {"image": k, **v} for k, v in content.items()]
    if isinstance(content, dict):
        columns = [v for v in content.values() if isinstance(v, list)]
        if len(columns) == len(content) > 1 and len({len(c) for c in columns}) == 1 and not _nested(columns):
            return [dict(zip(content, row, strict=True)) for row in zip(*columns, strict=True)]
        lists = [c for c in columns if c and all(isinstance(r, dict) for r in c)]
        content = lists[0] if len(lists) == 1 else []
    whole = isinstance(content, list) and bool(content) and all(isinstance(r, dict) for r in content)
    return [row for record in content for row in _each(record)] if whole else []


def _each(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Copies of a record, one for each record in the only list of records that it holds."""
    lists = {k: v for k, v in record.items() if isinstance(v, list) and v and all(isinstance(r, dict) for r in v)}
    if len(lists) != 1:
        return [record]
    ((key, inner),) = lists.items()
    return [{**{k: v for k, v in record.items() if k != key}, **one} for one in inner]


def _nested(columns: list[list[Any]]) -> bool:
    return any(isinstance(cell, dict | list) for column in columns for cell in column)


def _same_fields(records: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The records as text, each with all fields, those of records inside them as ``outer.inner``."""
    flat = []
    for record in records:
        out: dict[str, str] = {}
        for key, value in record.items():
            for name, cell in value.items() if isinstance(value, dict) else [("", value)]:
                plain = not name or (name not in record and key.lower() in OF_PEOPLE)
                out[(name or key) if plain else f"{key}.{name}"] = _cell(cell)
        flat.append(out)
    fields = list(dict.fromkeys(k for r in flat for k in r))[:MOST_COLUMNS]
    return [{f: r.get(f, "") for f in fields} for r in flat]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(text(v) for v in value) if not any(isinstance(v, dict | list) for v in value) else ""
    return text(value)


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by records that make a table of labels."""
    tables = _as_tables(files)
    if tables is None:
        return Match(False, "no JSON list of records", 0.0)
    reader, matched = match_tables(tables, corrections)
    if reader is not None:
        return matched
    name = sorted(tables.own.values())[0]
    return Match(False, f"the records of {name} have no fields for image and label; {matched.text}", matched.likeness)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the records as the kind of table they make.

    Raises
    ------
    DatasetError
        they make none, or the table is broken.
    """
    tables = _as_tables(files)
    if tables is None:
        raise DatasetError("no JSON list of records makes a table of labels.", file=name)
    return read_as_tables(files, tables, name, corrections)
