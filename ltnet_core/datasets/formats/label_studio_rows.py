"""Label Studio's JSON-MIN and CSV exports: one row per annotation, one field per question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import tables_with
from ..names.listed_names import path_of
from ..reading import Match, Reading
from ..sources.files import Files, is_image_name, uppermost
from ..sources.json_files import json_head, read_lines, text
from ..sources.text_files import loads
from ..study import Problem
from ..tables.table import is_table, read_table
from .answers import SEVERAL, Answers, are_choices, seconds
from .label_studio import coder_of, image_of

FORMAT = "label-studio-rows"
RANK = 170
CHOOSES = True
TITLE = "Label Studio export, JSON-MIN and CSV"
LAYOUT = """\
export.json        "JSON-MIN": [{"image": …, "emotion": "happy", "annotator": 1, "annotation_id": …}, …]
export.csv         or "CSV": annotation_id,annotator,created_at,emotion,id,image,lead_time,updated_at
images/…           optional, matched by name"""
NOTE = """\
Each annotator is a coder. Of two annotations of one person the one updated later stands. What is no choice (boxes,
texts, ratings beside a choice) is no label; where several fields hold choices it is asked which one counts."""

OWN = frozenset(
    {
        "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "history",
        "total_annotations", "total_predictions", "project", "inner_id", "file_upload", "comment_count",
        "unresolved_comment_count", "was_cancelled", "ground_truth",
    }
)  # fmt: skip
PARTS = ("split", "subset", "usage")
NEEDED = {"annotation_id", "annotator", "lead_time"}


def _lists(files: Files) -> list[str]:
    names = uppermost(files, (".json",))
    return [n for n in names if all(f'"{key}"'.encode() in json_head(files, n) for key in NEEDED)]


def _tables(files: Files) -> list[str]:
    return tables_with(files, NEEDED)


def match(files: Files) -> Match:
    """Recognised by the fields annotation_id, annotator and lead_time."""
    for name in _lists(files):
        if json_head(files, name).startswith(b"["):
            return Match(True, f"{name}, a list of annotations with annotation_id and annotator")
    for name in _tables(files):
        return Match(True, f"{name} with the columns annotation_id and annotator")
    return Match(False, "no JSON-MIN or CSV export of Label Studio")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the exports.

    Raises
    ------
    DatasetError
        no field holds choices, or several do.
    """
    answers = Answers("Label Studio's export", corrections, "image", "annotator", split="split")
    remarks: list[Problem] = []
    for file in [*_lists(files), *_tables(files)]:
        if is_table(file) and not file.lower().endswith(".json"):
            table = read_table(files, file)
            remarks += table.remarks()
            names = [table.titles[c] for c in table.frame.columns]
            columns = [table.frame[c].astype(str).tolist() for c in table.frame.columns]
            rows = [
                (int(r), dict(zip(names, v, strict=True)))
                for r, v in zip(table.row, zip(*columns, strict=True), strict=True)
            ]
        else:
            rows = list(read_lines(files, file))
        _add(answers, file, rows)
    return answers.reading(files, name, problems=remarks)


def _add(answers: Answers, file: str, rows: list[tuple[int, dict[str, Any]]]) -> None:
    questions = _questions(rows)
    if not questions:
        raise DatasetError("no field holds the choices of the annotators.", file=file)
    for row, content in rows:
        part = next((text(v) for k, v in content.items() if k.lower() in PARTS), "")
        who = coder_of(_number(content.get("annotator")))
        when = seconds(content.get("updated_at") or content.get("created_at"))
        for question in questions:
            labels = list(_labels(content.get(question)))
            if len(labels) > 1:
                answers.set_aside(SEVERAL, file, row)
            elif labels:
                image = image_of(content)
                answers.add(file, row, image, labels[0], coder=who, question=question, when=when, part=part)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value


def _questions(rows: Iterable[tuple[int, dict[str, Any]]]) -> list[str]:
    """The fields that hold choices: not the tool's own, no image, not numbers where others hold words."""
    values: dict[str, list[str]] = {}
    for _, content in rows:
        for key, value in content.items():
            if key.lower() not in OWN and key.lower() not in PARTS:
                values.setdefault(key, []).append(next(iter(_labels(value)), ""))
    values = {k: v for k, v in values.items() if not any(is_image_name(path_of(x)) for x in v) and are_choices(v)}
    words = {k: v for k, v in values.items() if not all(_is_number(x) for x in v if x)}
    return sorted(words or values)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _labels(value: Any) -> Iterator[str]:
    """The classes in a field: a word, a list, or ``{"choices": […]}``, also as JSON in a cell of a CSV."""
    if isinstance(value, str) and value[:1] in "[{" and value:
        try:
            value = loads(value)
        except (ValueError, RecursionError):
            yield value
            return
    if isinstance(value, dict):
        value = value.get("choices", [])
    for choice in value if isinstance(value, list) else [value]:
        if text(choice):
            yield text(choice)
