"""``answer.csv`` with question, worker, answer, and ``truth.csv``: the form of the truth inference benchmarks.

Zheng et al., *Truth inference in crowdsourcing: is the problem solved?*, VLDB 2017.
"""

from __future__ import annotations

from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import cells, tables_with
from ..reading import Match, Reading
from ..sources.files import Files
from ..study import Problem
from ..tables.columns import named
from ..tables.table import header, read_table
from .answers import Answers

FORMAT = "question-worker-answer"
RANK = 290
CHOOSES = True
TITLE = "Crowd answers: question, worker, answer"
LAYOUT = """\
answer.csv         question,worker,answer
truth.csv          question,truth              optional: known truth, to measure by
images/…           optional, matched by name"""
NOTE = """\
A worker who answered a question twice and differently is named; the table does not say which answer stands."""

NEEDED = {"question", "worker", "answer"}


def match(files: Files) -> Match:
    """Recognised by the three columns."""
    for name in tables_with(files, NEEDED):
        if len(named(header(files, name), "image")) > 1:
            return Match(False, f"{name} also names images, and says in question what was asked", 0.3)
        return Match(True, f"{name} with the columns question, worker, answer")
    return Match(False, "no table with question, worker, answer")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the answers and the truth.

    Raises
    ------
    DatasetError
    """
    answers = Answers("the table of answers", corrections, "question", "worker", "answer")
    remarks: list[Problem] = []
    for file in tables_with(files, NEEDED):
        table = read_table(files, file)
        remarks += table.remarks()
        rows = zip(table.row, *(cells(table, c) for c in ("question", "worker", "answer")), strict=True)
        for row, item, who, label in rows:
            answers.add(file, int(row), item, label, coder=who)
    truth: dict[str, str] = {}
    for file in tables_with(files, {"question", "truth"}):
        table = read_table(files, file)
        remarks += table.remarks()
        truth |= {i: t for i, t in zip(cells(table, "question"), cells(table, "truth"), strict=True) if t}
    return answers.reading(files, name, truth=truth, problems=remarks)
