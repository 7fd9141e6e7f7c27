"""One row per image and one column per class, with the number of people who said so: a crowd without names."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd

from .class_names import WORDS
from .columns import role, without
from .files import Files
from .label_tables import read_tables, tables
from .reading import Match, Reading, Rows
from .tables import Table, categorical, coded, header, read_table

FORMAT = "votes-table"
TITLE = "Table of votes, one column per class"
LAYOUT = """\
votes.csv          image,neutral,happiness,…   the number of votes in each cell; the file's name is the coder's
images/…           optional, any folder"""
NOTE = """\
Every cell is a whole number. The votes of a row are one coder's, weighted by how many people said so. If the columns
are annotators with numbered classes instead, choose *one column per annotator*."""

MOST, MOSTLY_ZERO = 0.9, 0.5


def match(files: Files) -> Match:
    """Recognised by an image column and nothing but columns of whole numbers."""
    for name in tables(files):
        found = header(files, name)
        image = role(found, "image")
        if image is None or role(found, "coder") is not None or len(found) < 3:
            continue
        table = read_table(files, name)
        classes = _classes(table, image) if image in table.frame else []
        if classes:
            return Match(True, f"{name} with the column {image} and votes for {', '.join(classes[:4])}")
    return Match(False, "no table with an image column and one column of votes per class", 0.1 if tables(files) else 0)


def _classes(table: Table, image: str) -> list[str]:
    """Columns of votes, all but the image's; none where these are rather the labels of annotators, as numbers.

    Votes are whole numbers in every cell. Either they add up to as many in most rows, or most
    of them are 0, or the columns are called like the expressions of faces.
    """
    columns = _columns(table, image)
    if len(columns) < 2 or not len(table.row):
        return []
    votes = np.stack([table.numbers(c) for c in columns], axis=1)
    if not ((votes >= 0) & (votes == np.floor(votes))).all():  # an empty cell is not a number
        return []
    alike = np.unique(votes.sum(1), return_counts=True)[1].max() >= MOST * len(votes)
    sparse = (votes == 0).mean() >= MOSTLY_ZERO
    words = sum(c in WORDS for c in columns) >= len(columns) / 2
    return columns if (alike and votes.sum(1).max() > 1) or sparse or words else []


def _columns(table: Table, image: str) -> list[str]:
    return without(table.frame.columns, (image, role(tuple(table.frame.columns), "split")))


def read(files: Files, name: str) -> Reading:
    """Read every table of that kind; the file's name is the coder's.

    Raises
    ------
    DatasetError
    """

    def rows(file: str) -> Rows | None:
        table = read_table(files, file)
        image = role(tuple(table.frame.columns), "image")
        classes = _columns(table, image) if image is not None else []
        return from_votes(table, image, classes, os.path.splitext(file)[0]) if image and classes else None

    return read_tables(files, name, rows, "no table has an image column and one column of votes per class.")


def from_votes(table: Table, image: str, classes: list[str], coder: str) -> Rows:
    """One row per image and class that got votes, by one coder."""
    votes = np.stack([table.numbers(c) for c in classes], axis=1)
    told = np.stack([(table.frame[c] != "").to_numpy() for c in classes], axis=1)
    row, label = np.nonzero(told & (votes != 0))  # what is no number stays, to be named
    frame = pd.DataFrame(
        {
            "image": table.frame[image].iloc[row].array,
            "coder": coded(np.zeros(len(row), dtype=np.int8), [coder]),
            "label": coded(label, [table.titles[c] for c in classes]),
            "count": votes[row, label],
        }
    )
    if np.isnan(frame["count"]).any():
        texts = [
            table.frame[classes[k]].iloc[r] if np.isnan(votes[r, k]) else "" for r, k in zip(row, label, strict=True)
        ]
        frame["count_text"] = categorical(texts)
    return Rows(table.file, frame, table.row[row], table.remarks())
