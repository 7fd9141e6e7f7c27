"""doccano's export of an image classification project: JSONL, JSON or CSV."""

from __future__ import annotations

from typing import Any

from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import cells, tables_with
from ..reading import Match, Reading
from ..sources.files import Files, uppermost
from ..sources.json_files import first_object, json_head, read_lines, text
from ..study import Problem
from ..tables.table import read_table
from .answers import SEVERAL, Answers, people_in

FORMAT = "doccano"
RANK = 230
CHOOSES = True
TITLE = "doccano export"
LAYOUT = """\
all.jsonl          {"id": 1, "filename": "a.png", "label": ["happy"], "Comments": []}; or a JSON list of the same
admin.jsonl        or a file for each user, each a coder
all.csv            or: id,filename,label,Comments
images/…           optional, matched by name"""
NOTE = """\
An image with several classes is left out and counted."""

FILE_NAMES = ("filename", "upload_name", "image")
COMMENTS = "comments"
OWN = {"id", "label", "categories", COMMENTS, "comment", "metadata", "meta", *FILE_NAMES}


def _lines(files: Files) -> list[str]:
    return [n for n in uppermost(files, (".json", ".jsonl", ".ndjson")) if _is_doccano(_first(files, n))]


def _first(files: Files, name: str) -> dict[str, Any]:
    if name.lower().endswith((".jsonl", ".ndjson")):
        return first_object(files, name)
    if name.lower().endswith(".json"):
        head = json_head(files, name)
        if head.startswith(b"[") and b'"Comments"' in head:
            return next((line for _, line in read_lines(files, name)), {})
    return {}


def _is_doccano(line: dict[str, Any]) -> bool:
    fields = {k.lower() for k in line}
    listed = isinstance(line.get("label", line.get("categories")), list)
    return "id" in fields and bool(fields & set(FILE_NAMES)) and listed and fields <= OWN | set(people_in(fields))


def match(files: Files) -> Match:
    """Recognised by id, filename, a list of labels and Comments."""
    for name in _lines(files):
        return Match(True, f"{name} with id, filename and a list of labels")
    for name in tables_with(files, {"id", "filename", "label", COMMENTS}):
        return Match(True, f"{name} with the columns id, filename, label, Comments")
    return Match(False, "no export of doccano")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read all exports.

    Raises
    ------
    DatasetError
        a line is broken.
    """
    answers = Answers("doccano's export", corrections, "filename")
    remarks: list[Problem] = []
    lines = _lines(files)
    for file in lines:
        for row, line in read_lines(files, file):
            labels = line.get("label", line.get("categories"))
            chosen = [text(v) for v in labels] if isinstance(labels, list) else [text(labels)]
            image = next((text(line[k]) for k in FILE_NAMES if text(line.get(k))), "")
            who = next((text(line[k]) for k in people_in(line)), "")
            _add(answers, file, row, image, chosen, who)
    for file in tables_with(files, {"id", "filename", "label", COMMENTS}):
        if file in lines:
            continue
        table = read_table(files, file)
        remarks += table.remarks()
        for row, image, label in zip(map(int, table.row), cells(table, "filename"), cells(table, "label"), strict=True):
            _add(answers, file, row, image, label.split("#"))
    return answers.reading(files, name, problems=remarks)


def _add(answers: Answers, file: str, row: int, image: str, chosen: list[str], coder: str = "") -> None:
    chosen = [c for c in chosen if c]
    if len(chosen) > 1:
        answers.set_aside(SEVERAL, file, row)
    elif chosen:
        answers.add(file, row, image, chosen[0], coder=coder, part=file)
