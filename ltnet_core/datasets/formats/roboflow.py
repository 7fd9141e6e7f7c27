"""Roboflow's export for classification with several labels: ``_classes.csv`` beside the images of each part."""

from __future__ import annotations

from dataclasses import replace

from ..corrections import NOTHING, Corrections
from ..dataset_reading import TableReading
from ..reading import Match, Reading
from ..sources.files import Files
from ..study import Problem
from ..tables.table import header, read_table
from .answers import Answers
from .onehot import add_rows

FORMAT = "roboflow"
RANK = 280
CHOOSES = True
TITLE = "Roboflow, _classes.csv"
LAYOUT = """\
train/_classes.csv     filename, angry, happy, …      1 for the classes of an image, 0 for the others
train/….rf.….jpg
valid/…  test/…        evaluated, never trained on"""
NOTE = """\
An image with several classes is set aside and counted; one without a class, or marked *Unlabeled*, has no label."""

FILE = "_classes.csv"
UNLABELLED = ("unlabeled", "unlabelled")


def _tables(files: Files) -> list[str]:
    return [n for n in files.others if n.rsplit("/", 1)[-1] == FILE]


def match(files: Files) -> Match:
    """Recognised by its file name and the column filename."""
    tables = _tables(files)
    if not tables:
        return Match(False, f"{FILE} is missing", 0.3 if any(".rf." in n for n in files.images[:99]) else 0.0)
    if "filename" in header(files, tables[0]):
        return Match(True, f"{tables[0]} with the column filename")
    return Match(False, f"{tables[0]} has no column filename", 0.7)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the table of every part.

    Raises
    ------
    DatasetError
        a cell is no 0 or 1.
    """
    answers = Answers("Roboflow's export", corrections)
    classes: list[str] = []
    remarks: list[Problem] = []
    tables: list[TableReading] = []
    for file in _tables(files):
        table = read_table(files, file, ("filename",))
        columns = [c for c in table.frame.columns if c not in ("filename", *UNLABELLED)]
        folder = file.rsplit("/", 1)[0] + "/" if "/" in file else ""
        classes += [table.titles[c] for c in columns]
        remarks += table.remarks()
        roles = {"filename": "image", **dict.fromkeys(columns, "votes")}
        tables.append(TableReading.of(file, "votes", table.titles.values(), roles))
        add_rows(answers, table, "filename", columns, folder, file)
    return replace(answers.reading(files, name, classes=classes, problems=remarks), tables=tables)
