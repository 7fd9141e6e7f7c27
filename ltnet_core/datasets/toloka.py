"""Toloka's assignments: a TSV with INPUT:, OUTPUT:, GOLDEN: and ASSIGNMENT: columns."""

from __future__ import annotations

from ..errors import DatasetError
from .answers import Answers, are_choices, seconds
from .corrections import NOTHING, Corrections
from .export_tables import cells, image_column, tables_with
from .files import Files
from .reading import Match, Reading
from .study import Problem
from .tables import header, read_table

FORMAT = "toloka"
RANK = 190
CHOOSES = True
TITLE = "Toloka assignments"
LAYOUT = """\
assignments.tsv    INPUT:image,OUTPUT:result,GOLDEN:result,…,ASSIGNMENT:worker_id,ASSIGNMENT:status,…
images/…           optional, matched by name"""
NOTE = """\
Each worker is a coder. Rejected, skipped and expired assignments are left out and counted. The answer of a control
task (`GOLDEN:`) is known truth, not an annotation. Of two answers of one worker about an image the later one stands."""

WORKER = "assignment:worker_id"
TIMES = ("assignment:submitted", "assignment:accepted", "assignment:started")
GOOD = ("", "approved", "submitted", "accepted", "active")


def match(files: Files) -> Match:
    """Recognised by the column ASSIGNMENT:worker_id and some that start with OUTPUT."""
    for name in tables_with(files, {WORKER}):
        if any(c.startswith("output:") for c in header(files, name)):
            return Match(True, f"{name} with the columns ASSIGNMENT:worker_id and OUTPUT:…")
        return Match(False, f"{name} of Toloka has no column OUTPUT:…", 0.9)
    return Match(False, "no assignments of Toloka")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the assignments.

    Raises
    ------
    DatasetError
        no column names an image, or none holds choices.
    """
    answers = Answers("Toloka's assignments", corrections)
    remarks: list[Problem] = []
    truth: dict[str, str] = {}
    for file in tables_with(files, {WORKER}):
        table = read_table(files, file)
        remarks += table.remarks()
        columns = list(table.frame.columns)
        shown = image_column(table, [c for c in columns if c.startswith("input:")], files)
        answers.image, answers.coder = table.titles[shown], table.titles[WORKER]
        questions = [c for c in columns if c.startswith("output:") and are_choices(cells(table, c))]
        if not questions:
            raise DatasetError("no column OUTPUT:… holds choices.", file=file, row=1)
        images, workers, status = (cells(table, c) for c in (shown, WORKER, "assignment:status"))
        times = cells(table, next((c for c in TIMES if c in columns), ""))
        for column in questions:
            question = table.titles[column].partition(":")[2]
            golden = cells(table, "golden:" + column.partition(":")[2])
            for i, (row, label) in enumerate(zip(map(int, table.row), cells(table, column), strict=True)):
                if golden[i] and images[i]:
                    truth[images[i]] = golden[i]
                if status[i].lower() not in GOOD:
                    answers.set_aside(f"the assignment is {status[i].lower()}", file, row)
                else:
                    when = seconds(times[i])
                    answers.add(file, row, images[i], label, coder=workers[i], question=question, when=when)
    return answers.reading(files, name, truth=truth, problems=remarks)
