"""RAF-DB as others share it: ``train_labels.csv`` and ``test_labels.csv`` beside folders named 1 to 7."""

from __future__ import annotations

import re

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import cells
from ..reading import Match, Reading
from ..sources.files import Files
from ..study import Problem
from ..tables.columns import role
from ..tables.table import header, read_table
from .answers import Answers
from .rafdb import CLASSES, CODER

FORMAT = "rafdb-tables"
RANK = 40
CHOOSES = True
TITLE = "RAF-DB, train_labels.csv and test_labels.csv"
LAYOUT = """\
train_labels.csv   image,label             train_00001_aligned.jpg,5      codes 1–7
test_labels.csv    the test set: evaluated, never trained on
DATASET/train/5/train_00001_aligned.jpg    any folder"""
NOTE = """\
Codes: 1 surprise, 2 fear, 3 disgust, 4 happiness, 5 sadness, 6 anger, 7 neutral. The tables count; a folder of
another code than the table's is named."""

TABLES = {"train": "train_labels.csv", "test": "test_labels.csv"}
IMAGE = re.compile(r"^(?:train|test)_\d+(?:_aligned)?\.\w+$")


def _tables(files: Files) -> dict[str, str]:
    """Part → its table, in whatever folder."""
    ends = {n.rsplit("/", 1)[-1]: n for n in reversed(files.others)}
    return {part: ends[end] for part, end in TABLES.items() if end in ends}


def match(files: Files) -> Match:
    """Recognised by the two tables and names such as train_00001_aligned.jpg."""
    tables = _tables(files)
    if "train" not in tables:
        return Match(False, f"{TABLES['train']} is missing", 0.0)
    named = [n for n in files.images[:999] if IMAGE.match(n.rsplit("/", 1)[-1])]
    columns = header(files, tables["train"])
    if (
        len(named) < min(999, len(files.images))
        or not named
        or role(columns, "image") is None
        or "label" not in columns
    ):
        return Match(False, f"{TABLES['train']} is not RAF-DB's", 0.0)
    return Match(True, ", ".join(tables.values()))


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the tables.

    Raises
    ------
    DatasetError
        a label is no code from 1 to 7.
    """
    answers = Answers("RAF-DB", corrections, "image")
    problems: list[Problem] = []
    folders = {n.rsplit("/", 1)[-1]: n.split("/")[-2] for n in files.images if "/" in n}
    apart = []
    for part, file in _tables(files).items():
        table = read_table(files, file, ("label",))
        problems += table.remarks()
        image = role(tuple(table.frame.columns), "image")
        if image is None:
            raise DatasetError("no column names the image.", file=file, row=1)
        for row, shown, code in zip(map(int, table.row), cells(table, image), cells(table, "label"), strict=True):
            if code not in {str(i) for i in range(1, 8)}:
                raise DatasetError(f"expected a code from 1 to 7, found {code!r}.", file=file, row=row)
            folder = folders.get(shown.rsplit("/", 1)[-1], code)
            if folder.isdigit() and folder != code:
                apart.append(f"{file}, row {row}: {shown} lies in the folder {folder} and has the label {code}.")
            answers.add(file, row, shown, CLASSES[int(code) - 1], coder=CODER, part=part)
    if apart:
        problems.append(Problem("folder and table disagree", len(apart), tuple(apart[:5]), "error"))
    return answers.reading(files, name, classes=CLASSES, problems=problems)
