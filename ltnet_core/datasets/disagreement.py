"""Folders named by class beside a table of labels: two sources of the same labels, which must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .corrections import Corrections
from .formats import imagefolder
from .label_tables.label_table import OWN, LabelTable, understand_beside, unread_tables
from .label_tables.vote_columns import PEOPLE
from .names.class_numbers import number
from .names.image_names import match_names
from .questions import Answer, Question, flag, listed
from .reading import Reading
from .sources.files import Files, inside
from .tables.columns import labels as label_columns

TABLES = ("long-table", "wide-table", "votes-table", "plain", "ltnet-list")
PLAIN, PLAIN_TABLE = "plain", "annotations.csv"
FOLDERS = ("imagefolder", "annotator-folders")
LABELS_AGREE, FEWEST, SHOWN = 0.999, 4, 4


def disagreement(format: str, reading: Reading, corrections: Corrections) -> list[Question]:
    """A question where folders of images can be classes and differ from the labels of the table.

    Folders are no classes where none is named like a class of the table: by person, by date, by number.
    """
    if format in FOLDERS:
        return _beside_folders(reading, corrections)
    if format == PLAIN and (beside := _beside_plain(reading, corrections)):
        return beside
    if (
        format not in TABLES
        or not reading.images
        or not reading.labels
        or corrections.columns
        or corrections.classes_are
        or corrections.annotators
    ):
        return []
    by_folder = class_folders(reading.files)
    if not by_folder:
        return []
    names = sorted({c.casefold() for c in by_folder.values()})
    agree, total, classes = _compared(reading, by_folder, names)
    file, folders = reading.labels[0].file, sorted(set(by_folder.values()))[:SHOWN]
    files = listed(dict.fromkeys(r.file for r in reading.labels))
    table = Answer(_explicit(format, reading), "the table holds the labels; the folders are none")
    ways: tuple[Answer, ...] = (table, Answer(flag("--ignore", files), "the folders are the labels; the table is none"))
    where = f"images lie in folders called {', '.join(folders)}"
    alike = len(classes & set(names)) > 1
    if total is None:
        sentence = f"{file} names no image of the dataset, and {where}: the folders may be the labels."
        ways = ways[1:]
    elif not alike and _called_otherwise(reading):
        sentence = f"{where}, and {file} has no column called like a label: either may be the labels."
    elif alike and total >= FEWEST and agree < LABELS_AGREE * total:
        sentence = (
            f"{file} and the folders disagree: {where}, and {agree:,} of {total:,} labels in the table say the same."
        )
    else:
        return []
    return [Question("folders and table disagree", sentence, (file, *folders), ways)]


def _compared(reading: Reading, by_folder: Mapping[str, str], names: Sequence[str]) -> tuple[int, int | None, set[str]]:
    """How many labels of the tables are called like the image's folder, of how many; and all classes of the tables.

    None where the tables name no image of the dataset, nor several at once.
    """
    code = {n: k for k, n in enumerate(names)}
    agree = total = 0
    classes: set[str] = set()
    there, named = set(reading.images), False
    for rows in reading.labels:
        found = match_names([str(n) for n in rows.frame["image"].cat.categories], reading.images)
        images, named = found.images, named or bool(found.ambiguous) or not there.isdisjoint(found.images)
        words = [str(c).casefold() for c in rows.frame["label"].cat.categories]
        classes.update(words)
        known = [code[by_folder[i].casefold()] if i in by_folder else -1 for i in images]
        folder = np.asarray(known, dtype=np.int64)
        label = np.asarray([code.get(c, -2) for c in words], dtype=np.int64)
        of_row = folder[rows.frame["image"].cat.codes]
        total += int((of_row >= 0).sum())
        agree += int((of_row == label[rows.frame["label"].cat.codes]).sum())
    return agree, total if named else None, classes


def _called_otherwise(reading: Reading) -> bool:
    """Whether a table has a single column of labels, or several of no common class, that are not called like labels."""
    for table in reading.tables:
        columns = [c for c, role in table.columns.items() if role in ("label", "annotator")]
        people = [c for c in columns if PEOPLE.search(c)]
        if table.shape in ("single", "wide") and not label_columns(columns) and not people:
            apart = any(q.kind == "which column is the label" for q in reading.questions)
            return len(columns) == 1 or apart
    return False


def _beside_folders(reading: Reading, corrections: Corrections) -> list[Question]:
    """The questions whether folders are the labels, where a table beside them may hold labels and is not read."""
    out = []
    classes = {str(c) for r in reading.labels for c in r.frame["label"].cat.categories}
    for file, why in unread_tables(reading.files, corrections, classes).items():
        sentence = (
            f"{file} may hold labels and is not read: {why}. The folders are read as the classes; to read the table, "
            "mend it or say what its columns are."
        )
        way = Answer(flag("--ignore", file), "the folders are the labels, the table is left out")
        out.append(Question("table beside folders", sentence, (file,), (way,)))
    return out


def _said(f: LabelTable) -> set[str]:
    """The cells of a table's columns of labels, and the names of those of votes."""
    columns = [c for c in (f.roles.label, f.roles.truth, *f.roles.coders) if c is not None]
    return {str(v).casefold() for c in columns for v in f.table.frame[c].cat.categories} | set(f.roles.votes)


def _beside_plain(reading: Reading, corrections: Corrections) -> list[Question]:
    """The question whether tables of the same classes beside ``annotations.csv``, which alone is read, are labels."""
    used = {str(c).casefold() for r in reading.labels for c in r.frame["label"].cat.categories}
    used = {c for c in used if number(c) is None}
    others = [
        f.table.file
        for f in understand_beside(reading.files, corrections)
        if f.roles.shape != "none" and f.table.file not in (PLAIN_TABLE, *OWN) and len(used & _said(f)) > 1
    ]
    if not others:
        return []
    sentence = (
        f"{', '.join(others[:6])} may hold labels, too, and only {PLAIN_TABLE} is read; where it has another name, "
        "such as labels.csv, all tables are."
    )
    way = Answer(flag("--ignore", listed(others)), f"only {PLAIN_TABLE} holds labels")
    return [Question("tables beside annotations.csv", sentence, tuple(others), (way,))]


def _explicit(format: str, reading: Reading) -> str:
    """The flags that state how the tables were read."""
    for table in reading.tables:
        by_role: dict[str, list[str]] = {}
        for column, role in table.columns.items():
            by_role.setdefault(role, []).append(column)
        if "annotator" in by_role:
            return flag("--annotators", listed(by_role["annotator"]))
        if "votes" in by_role:
            return flag("--classes-are", listed(by_role["votes"]))
        pairs = [f"{r}={by_role[r][0]}" for r in ("image", "label", "coder") if r in by_role]
        if "label" in by_role:
            return flag("--columns", listed(pairs))
    return flag("--format", format)


def class_folders(files: Files) -> dict[str, str]:
    """Image → the class of the folder it lies in; empty where the folders are no classes."""
    for folder in inside(files):
        if imagefolder.match(folder).fits:
            reading = imagefolder.read(folder, "folders")
            out: dict[str, str] = {}
            for rows in (*reading.labels, *reading.truth):
                pairs = zip(rows.frame["image"].astype(str), rows.frame["label"].astype(str), strict=True)
                prefix = folder.below[len(files.below) :]
                out.update((prefix + i, c) for i, c in pairs)
            return out
    return {}
