"""AffectNet's later release as a table: ``train_set_annotation_without_lnd.csv`` with the number of each image."""

from __future__ import annotations

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import cells
from ..names.parts import part_of_file
from ..reading import Match, Reading
from ..sources.files import Files
from ..study import Problem
from ..tables.table import header, is_table, read_table
from .affectnet import CLASSES, CODER, NO_EXPRESSION
from .answers import Answers

FORMAT = "affectnet-numbers"
RANK = 60
CHOOSES = True
TITLE = "AffectNet, numbered images"
LAYOUT = """\
train_set_annotation_without_lnd.csv     number,expression,valence,arousal       codes 0–7
val_set_annotation_without_lnd.csv       evaluated, never trained on
train_set/images/0.jpg …  val_set/images/3.jpg …"""
NOTE = """\
Valence and arousal are no classes. Faces labelled *none*, *uncertain* or *no face* (codes 8 to 10) are left out and
counted."""

NEEDED = {"number", "expression"}
MEASURES = {"valence", "arousal"}


def _tables(files: Files) -> list[str]:
    return [n for n in files.others if is_table(n) and set(header(files, n)) >= NEEDED]


def match(files: Files) -> Match:
    """Recognised by the columns number, expression and valence or arousal."""
    for name in _tables(files):
        if MEASURES & set(header(files, name)):
            return Match(True, f"{name} with the columns number and expression")
    return Match(False, "no table with number, expression, valence and arousal", 0.0)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the tables of both parts.

    Raises
    ------
    DatasetError
        an unknown code.
    """
    answers = Answers("AffectNet", corrections, "number", label="expression")
    remarks: list[Problem] = []
    for file in _tables(files):
        table = read_table(files, file)
        remarks += table.remarks()
        part = part_of_file(file)
        listed = {_number(n): n for n in files.images if (part_of_file(n.rpartition("/")[0]) or part) == part}
        for row, number, code in zip(table.row, cells(table, "number"), cells(table, "expression"), strict=True):
            if code in NO_EXPRESSION:
                answers.set_aside(f"the face is labelled {NO_EXPRESSION[code]!r}", file, int(row))
            elif not code.isdecimal() or len(code) > 1 or int(code) >= len(CLASSES):
                raise DatasetError(f"unknown expression code {code!r}; known are 0 to 10.", file=file, row=int(row))
            else:
                image = listed.get(number, number)
                answers.add(file, int(row), image, CLASSES[int(code)], coder=CODER, part=part)
    return answers.reading(files, name, classes=CLASSES, problems=remarks)


def _number(image: str) -> str:
    return image.rsplit("/", 1)[-1].rsplit(".", 1)[0]
