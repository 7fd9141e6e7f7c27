"""Folders named by class beside a table of labels: two sources of the same labels, which must agree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .corrections import Corrections
from .formats import imagefolder
from .label_tables.label_table import OWN, LabelTable, understand_beside, unread_tables
from .label_tables.vote_columns import PEOPLE
from .names.class_numbers import number
from .names.image_names import match_names
from .questions import Answer, Question, flag, listed
from .reading import Reading
from .sources.files import Files, inside
from .study import Problem
from .tables.columns import labels as label_columns

TABLES = (
    "long-table",
    "wide-table",
    "votes-table",
    "plain",
    "ltnet-list",
    "json-records",
    "json-answers",
    "text-table",
)
PLAIN, PLAIN_TABLE = "plain", "annotations.csv"
FOLDERS = ("imagefolder", "annotator-folders")
LABELS_AGREE, FEWEST, SHOWN, TOLD = 0.999, 4, 4, 0.5


def beside_folders(format: str, reading: Reading, corrections: Corrections) -> Reading:
    """The reading with the question whether folders of images are the classes, or tables beside what was read.

    Folders that are named like no class of the table and do not tell its labels, by person, by date, by number, are no
    classes, which is noted.
    """
    if format in FOLDERS:
        return _asking(reading, _beside_class_folders(reading, corrections))
    if format == PLAIN and (beside := _beside_plain(reading, corrections)):
        return _asking(reading, beside)
    if (
        format not in TABLES
        or not reading.images
        or not reading.labels
        or corrections.columns
        or corrections.classes_are
        or corrections.annotators
    ):
        return reading
    by_folder = class_folders(reading.files)
    if not by_folder:
        return reading
    names = sorted({c.casefold() for c in by_folder.values()})
    agree, total, counts = _compared(reading, by_folder, names)
    file, folders = reading.labels[0].file, sorted(set(by_folder.values()))[:SHOWN]
    files = listed(dict.fromkeys(r.file for r in reading.labels))
    table = Answer(_explicit(format, reading), "the table holds the labels; the folders are none")
    ways: tuple[Answer, ...] = (table, Answer(flag("--ignore", files), "the folders are the labels; the table is none"))
    where = f"images lie in folders called {', '.join(folders)}"
    alike = len(set(counts) & set(names)) > 1
    if total is None:
        sentence = f"{file} names no image of the dataset, and {where}: the folders may be the labels."
        ways = ways[1:]
    elif not alike and _called_otherwise(reading):
        sentence = f"{where}, and {file} has no column called like a label: either may be the labels."
    elif alike and total >= FEWEST and agree < LABELS_AGREE * total:
        sentence = (
            f"{file} and the folders disagree: {where}, and {agree:,} of {total:,} labels in the table say the same."
        )
    elif not alike and _tell_the_label(np.stack(list(counts.values())), names):
        sentence = f"{where}, which tell the labels of {file}, but not in every row: the folders may be classes, too."
    else:
        note = Problem("folders left out", 1, (f"{where}, which are taken for no classes beside {file}.",), "note")
        return reading if alike else replace(reading, problems=[*reading.problems, note])
    return _asking(reading, [Question("folders and table disagree", sentence, (file, *folders), ways)])


def _asking(reading: Reading, questions: Sequence[Question]) -> Reading:
    return replace(reading, questions=[*questions, *reading.questions])


def _compared(
    reading: Reading, by_folder: Mapping[str, str], names: Sequence[str]
) -> tuple[int, int | None, dict[str, NDArray[np.int64]]]:
    """How many labels of the tables are called like the image's folder, of how many; and each class's by folder.

    None where the tables name no image of the dataset, nor several at once.
    """
    code = {n: k for k, n in enumerate(names)}
    agree = total = 0
    counts: dict[str, NDArray[np.int64]] = {}
    there, named = set(reading.images), False
    for rows in reading.labels:
        found = match_names([str(n) for n in rows.frame["image"].cat.categories], reading.images)
        images, named = found.images, named or bool(found.ambiguous) or not there.isdisjoint(found.images)
        words = [str(c).casefold() for c in rows.frame["label"].cat.categories]
        known = [code[by_folder[i].casefold()] if i in by_folder else -1 for i in images]
        folder = np.asarray(known, dtype=np.int64)
        label = np.asarray([code.get(c, -2) for c in words], dtype=np.int64)
        of_row = folder[rows.frame["image"].cat.codes]
        total += int((of_row >= 0).sum())
        agree += int((of_row == label[rows.frame["label"].cat.codes]).sum())
        codes = rows.frame["label"].cat.codes.to_numpy().astype(np.int64)
        cells = (codes * len(names) + of_row)[(of_row >= 0) & (codes >= 0)]
        table = np.bincount(cells, minlength=len(words) * len(names)).reshape(-1, len(names))
        for word, here in zip(words, table, strict=True):
            counts[word] = counts.get(word, 0) + here
    return agree, total if named else None, counts


def _tell_the_label(counts: NDArray[np.int64], names: Sequence[str]) -> bool:
    """Whether class folders tell much of an image's label, and not all; ``counts`` (classes, folders) are labels.

    By Cramér's V without its bias (Bergsma 2013). Folders of persons and places are as many as there are, or numbered.
    """
    counts = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
    total, (rows, columns) = counts.sum(), counts.shape
    if min(rows, columns) < 2 or columns > 2 * rows + 1 or any(re.search(r"\d", n) for n in names):
        return False
    if rows == columns == (counts > 0).sum():  # the same in other words
        return False
    expected = np.outer(counts.sum(1), counts.sum(0)) / total
    per_row = float(((counts - expected) ** 2 / expected).sum() / total)
    per_row -= (rows - 1) * (columns - 1) / (total - 1)
    free = min(n - (n - 1) ** 2 / (total - 1) for n in (rows, columns)) - 1
    return bool(per_row >= TOLD**2 * free)


def _called_otherwise(reading: Reading) -> bool:
    """Whether a table has a single column of labels, or several of no common class, that are not called like labels."""
    for table in reading.tables:
        columns = [c for c, role in table.columns.items() if role in ("label", "annotator")]
        people = [c for c in columns if PEOPLE.search(c)]
        if table.shape in ("single", "wide") and not label_columns(columns) and not people:
            apart = any(q.kind == "which column is the label" for q in reading.questions)
            return len(columns) == 1 or apart
    return False


def _beside_class_folders(reading: Reading, corrections: Corrections) -> list[Question]:
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
