"""Toloka's assignments: a TSV with INPUT:, OUTPUT:, GOLDEN: and ASSIGNMENT: columns."""

from __future__ import annotations

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import NO, YES, cells, image_column, tables_with
from ..reading import Match, Reading
from ..sources.files import Files
from ..study import Problem
from ..tables.table import Table, header, read_table
from .answers import SEVERAL, Answers, are_choices, one_of, seconds

FORMAT = "toloka"
RANK = 190
CHOOSES = True
TITLE = "Toloka assignments"
LAYOUT = """\
assignments.tsv    INPUT:image,OUTPUT:result,GOLDEN:result,…,ASSIGNMENT:worker_id,ASSIGNMENT:status,…
images/…           optional, matched by name"""
NOTE = """\
Each worker is a coder. Rejected, skipped and expired assignments are left out and counted. The answer may stand in one
column, or in one column of `true` and `false` for each choice. The answer of a control task (`GOLDEN:`) is known
truth, not an annotation. Of two answers of one worker about an image the later one stands."""

WORKER = "assignment:worker_id"
TIMES = ("assignment:submitted", "assignment:accepted", "assignment:started")
MOSTLY = 0.9  # of the rows with one choice marked
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
        asked = _answers(table, [c for c in columns if c.startswith("output:")])
        if not asked:
            raise DatasetError("no column OUTPUT:… holds choices.", file=file, row=1)
        images, workers, status = (cells(table, c) for c in (shown, WORKER, "assignment:status"))
        times = cells(table, next((c for c in TIMES if c in columns), ""))
        for question, (labels, golden) in asked.items():
            for i, (row, label) in enumerate(zip(map(int, table.row), labels, strict=True)):
                if golden[i] and images[i]:
                    truth[images[i]] = golden[i]
                if status[i].lower() not in GOOD:
                    answers.set_aside(f"the assignment is {status[i].lower()}", file, row)
                elif label is None:
                    answers.set_aside(SEVERAL, file, row)
                else:
                    when = seconds(times[i])
                    answers.add(file, row, images[i], label, coder=workers[i], question=question, when=when)
    return answers.reading(files, name, truth=truth, problems=remarks)


def _answers(table: Table, columns: list[str]) -> dict[str, tuple[list[str | None], list[str]]]:
    """Question → (rows,) the answers and the known truth; columns of true and false for each choice are one question.

    An answer is None where several choices are marked.
    """
    said = {c.partition(":")[2]: cells(table, c) for c in columns}
    known = {q: cells(table, f"golden:{q}") for q in said}
    titles = {q: table.titles[f"output:{q}"].partition(":")[2] for q in said}
    ticks = [q for q, answers in said.items() if {a.lower() for a in answers} <= YES | NO]
    marked = [[titles[q] for q in ticks if said[q][i].lower() in YES] for i in range(len(table.row))]
    out: dict[str, tuple[list[str | None], list[str]]] = {}
    if len(ticks) > 1 and sum(len(m) == 1 for m in marked) >= MOSTLY * len(marked):
        truth = [one_of(titles[q] for q in ticks if known[q][i].lower() in YES) or "" for i in range(len(marked))]
        out[", ".join(titles[q] for q in ticks)] = [one_of(m) for m in marked], truth
        said = {q: answers for q, answers in said.items() if q not in ticks}
    return out | {titles[q]: (list(a), known[q]) for q, a in said.items() if are_choices(a)}
