"""Zooniverse: the classifications of a project, or the reductions that its aggregation code made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import cells, json_cell, tables_with
from ..names.listed_names import as_listed
from ..reading import Match, Reading
from ..sources.files import Files, is_image_name
from ..sources.json_files import real, text
from ..study import Problem
from ..tables.table import Table, header, read_table
from .answers import SEVERAL, Answers, seconds

FORMAT = "zooniverse"
RANK = 200
CHOOSES = True
TITLE = "Zooniverse classifications and reductions"
LAYOUT = """\
project-classifications.csv     classification_id,user_name,…,created_at,…,annotations,subject_data,…
question_reducer.csv            or: subject_id,workflow_id,task,data.happy,data.sad,…    votes, without names
subjects.csv                    optional: subject_id,…,metadata    the file names of a reduction's subjects
images/…                        optional, matched by name"""
NOTE = """\
Each `user_name` is a coder; volunteers who were not logged in have a name for each address. The answer is the value
of a question task; drawings and texts are no labels. Of two classifications of one volunteer the later one stands. A
reduction has votes without names: they are one coder's, weighted by their number."""

CLASSIFIED = {"user_name", "annotations", "subject_data"}
REDUCED = {"subject_id", "workflow_id"}
NO_VOTES = ("num_votes", "agreement", "aggregation_version", "most_likely", "entropy", "total_vote_count")


def _reductions(files: Files) -> list[str]:
    matching = []
    for name in tables_with(files, REDUCED):
        columns = header(files, name)
        votes = any(c.startswith("data.") for c in columns) or {"reducer_key", "data"} <= set(columns)
        if votes and "user_name" not in columns:
            matching.append(name)
    return matching


def match(files: Files) -> Match:
    """Recognised by the columns of either table."""
    for name in tables_with(files, CLASSIFIED):
        return Match(True, f"{name} with the columns user_name, annotations and subject_data")
    for name in _reductions(files):
        return Match(True, f"{name} with the votes of each subject_id")
    return Match(False, "no classifications of Zooniverse")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the classifications, or the reductions where there are none.

    Raises
    ------
    DatasetError
        a cell of JSON is broken, or a subject has no file name.
    """
    answers = Answers("Zooniverse's export", corrections, "subject_data", "user_name")
    remarks: list[Problem] = []
    classified = tables_with(files, CLASSIFIED)
    for file in classified:
        table = read_table(files, file)
        remarks += table.remarks()
        _classifications(answers, table)
    if not classified:
        named = _subjects(files)
        for file in _reductions(files):
            table = read_table(files, file)
            remarks += table.remarks()
            _require_names(table, named, files)
            _votes(answers, table, named)
    return answers.reading(files, name, problems=remarks)


def _classifications(answers: Answers, table: Table) -> None:
    columns = ("user_name", "annotations", "subject_data", "created_at", "workflow_id")
    several = len(set(cells(table, "workflow_id"))) > 1
    images: dict[str, str] = {}
    for row, who, answers_cell, subject, when, workflow in zip(
        map(int, table.row), *(cells(table, c) for c in columns), strict=True
    ):
        if subject not in images:
            images[subject] = _image(json_cell(subject, "subject_data", table.file, row))
        if not images[subject]:
            raise DatasetError("the cell 'subject_data' names no image file.", file=table.file, row=row)
        for task, value in _tasks(json_cell(answers_cell, "annotations", table.file, row)):
            chosen = [v for v in value if text(v)] if isinstance(value, list) else [value]
            label = text(chosen[0]) if len(chosen) == 1 else ""
            if len(chosen) > 1 and all(text(v) for v in chosen):
                answers.set_aside(SEVERAL, table.file, row)
            elif value is not None and value != [] and not label:
                answers.set_aside("a drawing or a survey is no answer to a question", table.file, row)
            question = f"{workflow}:{task}" if several else task
            answers.add(table.file, row, images[subject], label, coder=who, question=question, when=seconds(when))


def _tasks(content: Any) -> Iterator[tuple[str, Any]]:
    """(task, value) of all tasks, those inside a combined one as well; free texts are left out."""
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict) or part.get("taskType") == "text":
            continue
        value = part.get("value")
        if isinstance(value, list) and value and all(isinstance(v, dict) and "task" in v for v in value):
            yield from _tasks(value)
        elif isinstance(value, dict) and isinstance(value.get("select"), str):
            yield text(part.get("task")), value["select"]
        else:
            yield text(part.get("task")), value


def _image(content: Any) -> str:
    """The file name in the metadata of a subject."""
    for metadata in content.values() if isinstance(content, dict) else ():
        texts = (
            [v for v in metadata.values() if isinstance(v, str) and is_image_name(v)]
            if isinstance(metadata, dict)
            else []
        )
        if texts:
            return texts[0].strip()
    return ""


def _subjects(files: Files) -> dict[str, str]:
    """Subject → file name, from the subjects' export beside the reductions."""
    out = {}
    for file in tables_with(files, {"subject_id", "metadata"}):
        table = read_table(files, file)
        for row, subject, metadata in zip(
            map(int, table.row), cells(table, "subject_id"), cells(table, "metadata"), strict=True
        ):
            named = _image({subject: json_cell(metadata, "metadata", file, row)})
            if named:
                out[subject] = named
    return out


def _require_names(table: Table, named: dict[str, str], files: Files) -> None:
    subjects = {named.get(s, s) for s in cells(table, "subject_id")}
    if files.images and not set(as_listed(subjects, files.images).values()) & set(files.images):
        raise DatasetError(
            "Zooniverse's reduction names subjects by number and no image is called so; "
            "put the export of the subjects (subject_id, metadata) beside it.",
            file=table.file,
        )


def _votes(answers: Answers, table: Table, named: dict[str, str]) -> None:
    subjects = cells(table, "subject_id")
    tasks = cells(table, "task") if "task" in table.frame else cells(table, "reducer_key")
    if "data" in table.frame:
        content = [
            json_cell(c, "data", table.file, int(r)) for c, r in zip(cells(table, "data"), table.row, strict=True)
        ]
        votes = [[(str(k), v) for k, v in c.items()] if isinstance(c, dict) else [] for c in content]
    else:
        columns = [c for c in table.frame.columns if c.startswith("data.")]
        names = [table.titles[c].partition(".")[2] for c in columns]
        numbers = zip(*(table.numbers(c) for c in columns), strict=True)
        votes = [list(zip(names, row, strict=True)) for row in numbers]
    for row, subject, task, counts in zip(map(int, table.row), subjects, tasks, votes, strict=True):
        for label, count in counts:
            if label.lower() not in NO_VOTES and real(count) > 0:
                answers.add(table.file, row, named.get(subject, subject), label, question=task, count=real(count))
