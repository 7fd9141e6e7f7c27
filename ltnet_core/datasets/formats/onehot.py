"""One row per image and one column per class, with a 1 in the column of its class and 0 elsewhere, as ISIC gives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..dataset_reading import TableReading
from ..label_tables.label_table import tables as label_tables
from ..names.class_numbers import number
from ..names.languages import elsewhere, phrases
from ..names.splits import part_of
from ..reading import Match, Reading
from ..sources.files import Files
from ..study import Problem
from ..tables.columns import role, without
from ..tables.table import Table, header, read_table
from .answers import SEVERAL, Answers

FORMAT = "one-hot"
RANK = 310
CHOOSES = True
TITLE = "Table of ones and zeros, one column per class"
LAYOUT = """\
labels.csv         image,MEL,NV,BCC,…          1 in the column of the image's class, 0 in all others;
                                               or true and false, or a cross and nothing
images/…           optional, matched by name"""
NOTE = """\
Recognised where every row has exactly one 1, in eight rows and more. A file, a folder or a `split` column that says
test or validation is evaluated, never trained on. Columns that hold anything else are left out and named."""

FEWEST_ROWS = 8
YES = frozenset((*phrases("1, 1.0, true, x, yes, y, ✓, ✔, *"), *elsewhere("yes")))
NO = frozenset(("", *phrases("0, 0.0, false, no, n"), *elsewhere("no")))


def match(files: Files) -> Match:
    """Recognised by an image column and columns of which every row marks exactly one."""
    for name in label_tables(files):
        columns = header(files, name)
        if len(columns) < 3 or role(columns, "image") is None or role(columns, "coder") is not None:
            continue
        table = read_table(files, name)
        classes = class_columns(table)
        if classes:
            shown = ", ".join(table.titles[c] for c in classes[:4])
            return Match(True, f"{name} with a 1 in one of the columns {shown}")
    return Match(False, "no table with a 1 in one column of each row", 0.0)


def class_columns(table: Table) -> list[str]:
    """The columns of zeros and ones, if every row has exactly one 1 and more than one column has any; else none."""
    image = role(tuple(table.frame.columns), "image")
    others = without(table.frame.columns, (image, role(tuple(table.frame.columns), "split")))
    columns = [c for c in others if _binary(table, c)] or _of_two_values(table, others)
    bare = [c for c in columns if part_of(table.titles[c]) is None]  # is_test is no class, train beside bus is one
    if not bare or len(table.row) < FEWEST_ROWS:
        return []
    return next((way for way in (bare, columns) if _mark_one(table, way)), [])


def _mark_one(table: Table, columns: list[str]) -> bool:
    marks = marked(table, columns)
    return bool((marks.sum(1) == 1).all() and marks.any(0).sum() > 1)


def _values(table: Table, column: str) -> set[str]:
    return {str(c).lower() for c in table.frame[column].cat.categories}


def _binary(table: Table, column: str) -> bool:
    cells = _values(table, column)
    return cells <= YES | NO and cells != {""}


def _of_two_values(table: Table, columns: list[str]) -> list[str]:
    """The columns that hold two words, one of them once in every row, whatever these are: WAHR and FALSCH, J and N.

    With two columns either value would do.
    """
    held = {c: frozenset(_values(table, c)) for c in columns if len(table.frame[c].cat.categories) <= 2}
    pair, many = next(iter(Counter(v for v in held.values() if _are_two_words(v)).most_common(1)), (frozenset(), 0))
    return [c for c, values in held.items() if values <= pair] if many > 2 else []


def _are_two_words(values: Collection[str]) -> bool:
    return len(values) == 2 and all(number(v) is None for v in values)


def marked(table: Table, columns: list[str]) -> NDArray[np.bool_]:
    """(rows, classes) whether a cell is marked: 1, true or a cross; of two other values, the one that is rarer."""
    used: Counter[str] = Counter()
    for column in columns:
        used.update({str(v).lower(): n for v, n in table.frame[column].value_counts().items()})
    yes = YES if set(used) <= YES | NO else {min(used, key=lambda v: used[v])}
    out = []
    for column in columns:
        cells = table.frame[column].cat
        marks = np.asarray([str(c).lower() in yes for c in cells.categories], dtype=np.bool_)
        out.append(marks[cells.codes.to_numpy()])
    return np.stack(out, axis=1)


def add_rows(answers: Answers, table: Table, image: str, columns: list[str], folder: str, part: str) -> None:
    """Add one answer for each row that marks one class; a row that marks none has no answer."""
    split = role(tuple(table.frame.columns), "split")
    answers.split = answers.split or table.titles.get(split or "", "")
    parts = [part] * len(table.row) if split is None else [f"{part}/{v}" for v in table.frame[split]]
    marks = marked(table, columns)
    for name, row, held, mark in zip(table.frame[image], table.row, parts, marks, strict=True):
        places = np.flatnonzero(mark)
        if len(places) == 1:
            answers.add(table.file, int(row), folder + str(name), table.titles[columns[places[0]]], part=held)
        elif len(places):
            answers.set_aside(SEVERAL, table.file, int(row))


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read every table of that kind; they are the labels of one coder.

    Raises
    ------
    DatasetError
        no table is one.
    """
    answers = Answers(TITLE, corrections)
    problems: list[Problem] = []
    classes: list[str] = []
    tables: list[TableReading] = []
    for file in label_tables(files):
        table = read_table(files, file)
        columns = class_columns(table)
        image = role(tuple(table.frame.columns), "image")
        if not columns or image is None:
            problems.append(Problem("table left out", 1, (f"{file}: no table with a 1 in one column of each row.",)))
            continue
        classes += [table.titles[c] for c in columns]
        roles = {image: "image", **dict.fromkeys(columns, "votes")}
        if (split := role(tuple(table.frame.columns), "split")) is not None:
            roles[split] = "split"
        tables.append(TableReading.of(file, "votes", table.titles.values(), roles))
        others = without(table.frame.columns, (image, role(tuple(table.frame.columns), "split"), *columns))
        left = [table.titles[c] for c in others]
        if left:
            text = f"{file}: {', '.join(map(repr, left))} holds no zeros and ones."
            problems.append(Problem("column left out", len(left), (text,)))
        problems += table.remarks()
        add_rows(answers, table, image, columns, "", file)
    if not classes:
        raise DatasetError("no table has a 1 in one column of each row.", file=name)
    return replace(answers.reading(files, name, classes=classes, problems=problems), tables=tables)
