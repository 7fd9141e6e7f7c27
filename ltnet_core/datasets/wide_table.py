"""One row per image and one column per annotator, as cleanlab takes it; an empty cell is an absent annotation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .columns import role, without
from .files import Files
from .label_tables import read_tables, tables
from .reading import Match, Reading, Rows
from .study import Problem
from .tables import Table, categorical, coded, header, mapped, read_table, united

FORMAT = "wide-table"
TITLE = "Table, one column per annotator"
LAYOUT = """\
labels.csv         image,Ann,Ben,Cem           a class in each cell, empty where an annotator did not label the image
images/…           optional, any folder
classes.csv        class[,code]                optional"""
NOTE = """\
A cell that is empty, `nan` or `-1` is an absent label. Where the cells are numbers and there is a `classes.csv`, they
are places in it, from 0."""

ABSENT = frozenset({"", "nan", "none", "null", "na", "n/a", "-1", "-1.0"})
MOST_CLASSES, FEW = 200, 20


def match(files: Files) -> Match:
    """Recognised by an image column and others whose cells are words that repeat."""
    for name in tables(files):
        found = header(files, name)
        image = role(found, "image")
        if image is None or role(found, "coder") is not None:
            continue
        table = read_table(files, name)
        others = without(table.frame.columns, (image, role(found, "split")))
        if image in table.frame and annotators(table, others):
            return Match(True, f"{name} with the column {image} and one column per annotator")
    return Match(False, "no table with an image column and one column per annotator", 0.1 if tables(files) else 0.0)


def annotators(table: Table, columns: list[str]) -> list[str]:
    """Columns that can be an annotator's: few different cells for so many rows."""
    most = max(FEW, min(MOST_CLASSES, len(table.row) // 2))
    out = []
    for column in columns:
        values = {str(v) for v in table.frame[column].cat.categories if str(v).lower() not in ABSENT}
        if 0 < len(values) <= most:
            out.append(column)
    return out


def read(files: Files, name: str) -> Reading:
    """Read every table of that kind; each annotator's column becomes a coder.

    Raises
    ------
    DatasetError
    """

    def rows(file: str) -> Rows | None:
        table = read_table(files, file)
        columns = tuple(table.frame.columns)
        image = role(columns, "image")
        if image is None:
            return None
        others = without(columns, (image, role(columns, "split")))
        chosen = annotators(table, others) or others
        part = melt(table, image, chosen)
        left = [table.titles[c] for c in others if c not in chosen and any(table.frame[c] != "")]
        if left:
            text = f"{file}: {', '.join(map(repr, left))} is no annotator's: too many different values."
            part = replace(part, remarks=(*part.remarks, Problem("column left out", len(left), (text,))))
        if others == [role(columns, "label")]:  # one column called label: its coder is called as the file is
            stem = file.rsplit(".", 1)[0]
            part = replace(part, frame=part.frame.assign(coder=categorical([stem] * len(part))))
        return part

    return read_tables(files, name, rows, "no table has an image column and one column per annotator.")


def melt(table: Table, image: str, coders: list[str]) -> Rows:
    """One row per annotation; a coder is called what the file calls its column."""
    if not coders:
        return Rows(
            table.file, pd.DataFrame(columns=["image", "coder", "label"]), np.zeros(0, np.int32), table.remarks()
        )
    cells = [table.frame[c] for c in coders]
    said = united([mapped(c, ["" if str(v).lower() in ABSENT else str(v) for v in c.cat.categories]) for c in cells])
    n, c = len(table.row), len(coders)
    images = table.frame[image].cat
    frame = pd.DataFrame(
        {
            "image": coded(np.tile(images.codes, c), images.categories),
            "coder": coded(np.repeat(np.arange(c), n), [table.titles[x] for x in coders]),
            "label": said,
        }
    )
    present = (frame["label"] != "").to_numpy()
    return Rows(table.file, frame[present].reset_index(drop=True), np.tile(table.row, c)[present], table.remarks())
