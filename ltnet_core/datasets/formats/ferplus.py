"""FER+: the votes of ten crowd taggers for the faces of FER2013, ``fer2013new.csv``.

Barsoum et al., *Training deep networks for facial expression recognition with
crowd-sourced label distribution*, 2016. Its rows follow those of ``fer2013.csv``; with
that file beside it, both are coders of the same faces. Alone, its image names are matched
with whatever images there are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ...errors import DatasetError
from ..coded_columns import categorical
from ..dataset_reading import TableReading
from ..reading import Match, Reading, Rows
from ..sources.files import Files
from ..study import Problem
from ..tables.table import Table, header, read_table
from . import fer2013
from .votes_table import from_votes

FORMAT = "ferplus"
RANK = 70
TITLE = "FER+ (with or without FER2013)"
LAYOUT = """\
fer2013new.csv     Usage,Image name,neutral,happiness,…,contempt,unknown,NF      votes of the taggers
fer2013.csv        emotion,pixels,Usage        optional: the faces themselves, and FER2013's own labels
images/…           or the faces as files, fer0000000.png …"""
NOTE = """\
Votes for *unknown* and *no face* are left out and counted. The plurality of the votes is the truth of the rows that
are not `Training`, where it has a single winner. With `fer2013.csv` beside it, FER2013 and FER+ are two coders of the
same faces."""

FILE = "fer2013new.csv"
CODER = "FER+"
CLASSES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
NO_FACE = ("unknown", "nf")


def match(files: Files) -> Match:
    """Recognised by the file's name and the classes in its header."""
    if FILE not in files:
        return Match(False, f"{FILE} is missing")
    if {"usage", *CLASSES} <= set(header(files, FILE)):
        return Match(True, f"{FILE} with votes for {len(CLASSES)} classes")
    return Match(False, f"{FILE} has no columns Usage, Image name and the classes", 0.7)


def read(files: Files, name: str) -> Reading:
    """Read the votes, and FER2013's labels and faces where they are there.

    Votes for "unknown" and "no face" are left out and counted; a face with no other vote is
    unlabelled.

    Raises
    ------
    DatasetError
        the two files have another number of rows.
    """
    table = read_table(files, FILE, ("usage", *CLASSES))
    if fer2013.FILE in files:
        faces, images, problems = fer2013.faces(files)
        total = int(faces["row"].max()) + 1
        if len(table.row) < total:
            raise DatasetError(
                f"has {len(table.row):,} rows, fewer than {fer2013.FILE}; both must be of the same release.", file=FILE
            )
        # Faces that FER+ dropped have no name in it: the rows tell which face is which.
        table = _named(table, [f"fer{i:07d}.png" for i in range(len(table.row))])
        names = faces["image"].tolist()
        labels = [fer2013.rows_of(faces[faces["training"].to_numpy()], coder=fer2013.CODER)]
        source: Files = images
    else:
        table.need(["image name"])
        table = _named(table, [str(c) for c in table.frame["image name"]])
        names, problems, labels, source = files.images, [], [], files
    present = (table.frame["image"] != "").to_numpy()
    if fer2013.FILE in files:
        present = present & table.frame["image"].isin(names).to_numpy()  # rows of faces that cannot be read
    usage = table.frame["usage"].astype(str).str.lower().to_numpy()
    learn = from_votes(table.keep(present & (usage == fer2013.TRAINING)), "image", list(CLASSES), CODER)
    test, ties = _plurality(table, present & (usage != fer2013.TRAINING))
    aside = sum(float(np.nansum(table.numbers(c))) for c in NO_FACE if c in table.frame)
    problems = list(problems)
    if aside:
        problems.append(
            Problem(
                "vote set aside", int(aside), (f"{FILE}: votes for unknown or no face say nothing of a class.",), "note"
            )
        )
    if ties:
        problems.append(
            Problem("test image without a winner", ties, (f"{FILE}: the votes have no single winner.",), "note")
        )
    roles = {"usage": "split", "image name": "image", **dict.fromkeys(CLASSES, "votes")}
    tables = [TableReading.of(FILE, "votes", table.titles.values(), roles)]
    tables += [fer2013.TABLE] if fer2013.FILE in files else []
    return Reading(source, names, [*labels, learn], [test], CLASSES, problems=problems, tables=tables)


def _named(table: Table, names: list[str]) -> Table:
    return replace(table, frame=table.frame.assign(image=categorical(names)))


def _plurality(table: Table, which: np.ndarray) -> tuple[Rows, int]:
    """The class with the most votes for the test faces, and how many have no single winner."""
    votes = np.stack([np.nan_to_num(table.numbers(c)) for c in CLASSES], axis=1)
    best = votes.max(1)
    clear = which & (best > 0) & ((votes == best[:, None]).sum(1) == 1)
    at = np.flatnonzero(clear)
    usage = table.frame["usage"].astype(str).to_numpy()
    frame = pd.DataFrame(
        {
            "image": table.frame["image"].iloc[at].array,
            "label": categorical([CLASSES[k] for k in votes[at].argmax(1)]),
            "split": categorical([f"test:{u}" for u in usage[at]]),
        }
    )
    return Rows(FILE, frame, table.row[at]), int((which & ~clear).sum())
