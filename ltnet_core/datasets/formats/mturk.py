"""Amazon Mechanical Turk's batch results: one row per assignment, with Input.* and Answer.* columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import NO, YES, cells, image_column, json_cell, tables_with
from ..reading import Match, Reading
from ..sources.files import Files
from ..sources.json_files import text
from ..study import Problem
from ..tables.table import Table, header, read_table
from .answers import Answers, are_choices, one_of, seconds

FORMAT = "mturk"
RANK = 180
CHOOSES = True
TITLE = "Mechanical Turk batch results"
LAYOUT = """\
Batch_1_batch_results.csv    HITId,…,WorkerId,AssignmentStatus,…,Input.image_url,Answer.emotion.label
images/…                     optional, matched by name"""
NOTE = """\
Each `WorkerId` is a coder. Rejected assignments are left out and counted. The answer may stand in one column, in one
column of `true` and `false` for each choice, or as JSON in `Answer.taskAnswers`; comments are no labels. Of two
answers of one worker about one image the one submitted later stands."""

NEEDED = {"hitid", "workerid"}
WRITTEN = ("comment", "feedback", "optout", "opt-out", "remark", "note")


def match(files: Files) -> Match:
    """Recognised by the columns HITId and WorkerId and some that start with Answer."""
    for name in tables_with(files, NEEDED):
        if any(c.startswith("answer.") for c in header(files, name)):
            return Match(True, f"{name} with the columns HITId, WorkerId and Answer.…")
        return Match(False, f"{name} of Mechanical Turk has no column Answer.…; export the results of the batch", 0.9)
    return Match(False, "no batch results of Mechanical Turk")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the results of all batches.

    Raises
    ------
    DatasetError
        no column names an image, none holds choices, or a cell of JSON is broken.
    """
    answers = Answers("Mechanical Turk's results", corrections)
    remarks: list[Problem] = []
    for file in tables_with(files, NEEDED):
        table = read_table(files, file, ("workerid",))
        remarks += table.remarks()
        shown = image_column(table, [c for c in table.frame.columns if c.startswith("input.")], files)
        answers.image, answers.coder = table.titles[shown], table.titles["workerid"]
        questions = _questions(table)
        status = cells(table, "assignmentstatus")
        rejected = cells(table, "reject")
        workers, images = cells(table, "workerid"), cells(table, shown)
        times = cells(table, "submittime")
        for i, row in enumerate(map(int, table.row)):
            if status[i].lower() == "rejected" or rejected[i]:
                answers.set_aside("the assignment was rejected", file, row)
                continue
            for question, chosen in questions.items():
                if chosen[i] is None:
                    answers.set_aside("more than one choice, or none that is clear", file, row)
                else:
                    answers.add(
                        file,
                        row,
                        images[i],
                        chosen[i] or "",
                        coder=workers[i],
                        question=question,
                        when=seconds(times[i]),
                    )
    return answers.reading(files, name, problems=remarks)


def _questions(table: Table) -> dict[str, list[str | None]]:
    """Question → (rows,) the class that was chosen; "" for none, None for several."""
    columns = [c for c in table.frame.columns if c.startswith("answer.")]
    answers: dict[str, list[str | None]] = {}
    options: dict[str, list[str]] = {}
    for column in columns:
        title = table.titles[column].partition(".")[2]
        chosen = cells(table, column)
        if any(word in title.lower() for word in WRITTEN):
            continue
        if title.lower() == "taskanswers":
            answers |= _task_answers(table, chosen)
        elif "." in title and {c.lower() for c in chosen} <= YES | NO:
            options.setdefault(title.rpartition(".")[0], []).append(column)
        elif are_choices(chosen):
            answers[title.removesuffix(".label")] = list(chosen)
    for question, marked in options.items():
        if [table.titles[c].rpartition(".")[2] for c in marked] == ["label"]:  # a question of yes and no
            answers[question] = list(cells(table, marked[0]))
            continue
        names = [table.titles[c].rpartition(".")[2] for c in marked]
        rows = zip(*(cells(table, c) for c in marked), strict=True)
        answers[question] = [one_of(n for n, v in zip(names, row, strict=True) if v.lower() in YES) for row in rows]
    if not answers:
        among = ", ".join(table.titles[c] for c in columns)
        raise DatasetError(f"none of {among} holds choices.", file=table.file, row=1)
    return answers


def _task_answers(table: Table, chosen: list[str]) -> dict[str, list[str | None]]:
    """The answers in JSON: ``[{"emotion": {"label": "happy"}}]`` or ``[{"emotion": {"happy": true, …}}]``."""
    answers: dict[str, list[str | None]] = {}
    for i, cell in enumerate(chosen):
        content = json_cell(cell, "Answer.taskAnswers", table.file, int(table.row[i])) or []
        for part in content if isinstance(content, list) else [content]:
            for question, value in part.items() if isinstance(part, dict) else ():
                if not any(word in question.lower() for word in WRITTEN):
                    answers.setdefault(question, [""] * len(chosen))[i] = one_of(_chosen(value))
    return {q: labels for q, labels in answers.items() if are_choices([k or "" for k in labels])}


def _chosen(value: Any) -> Iterable[str]:
    if not isinstance(value, dict):
        return [text(value)]
    for key in ("label", "labels"):
        if key in value:
            return [text(v) for v in (value[key] if isinstance(value[key], list) else [value[key]])]
    return [str(name) for name, on in value.items() if on is True]
