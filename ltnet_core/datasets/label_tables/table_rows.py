"""Annotations and known truth of a table whose columns' roles are known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from ...errors import DatasetError
from ..coded_columns import categorical, coded, mapped
from ..corrections import NOTHING, Corrections
from ..names.missing import absent, minus_one_is_absent
from ..names.splits import read_split
from ..questions import Question, flag, listed
from ..reading import Rows
from ..sources.files import Files
from ..study import Problem
from ..tables.columns import named, role
from ..tables.table import Table, read_table
from .column_facts import FEW
from .column_roles import Roles
from .vote_columns import are_percentages


@dataclass(frozen=True)
class TableRows:
    """What a table holds.

    Attributes
    ----------
    labels, truth : annotations and known truth; None where it has none.
    splits : value of the split column → train, test or ignore.
    missing : value → in how many cells it means "no label".
    questions : the open questions.
    """

    labels: Rows | None
    truth: Rows | None
    splits: dict[str, str]
    missing: dict[str, int]
    questions: tuple[Question, ...]


def stem(file: str) -> str:
    """A file's name without its folders and ending."""
    return os.path.splitext(file.rsplit("/", 1)[-1])[0]


def rows_of(table: Table, roles: Roles, corrections: Corrections, coder: str, part: str | None = None) -> TableRows:
    """Annotations and truth of a table; ``coder`` is the coder where no column names one.

    ``part`` is the part of the whole table: train, test or test:NAME.
    """
    image = str(roles.image)
    table, splits, questions = _with_split(table, roles, corrections, part)
    missing: dict[str, int] = {}
    if roles.shape == "votes":
        labels = from_votes(table, image, list(roles.votes), coder if roles.coder is None else table.frame[roles.coder])
    elif roles.shape == "wide":
        labels = melt(table, image, list(roles.coders), corrections, missing)
    elif roles.shape == "single" and roles.count is not None:
        of = {"image": image, "label": str(roles.label), "count": roles.count, "split": _split(table)}
        labels = Rows.of(table, {w: c for w, c in of.items() if c is not None})
        labels = _without_absent(labels, corrections, missing)
        labels = replace(labels, frame=labels.frame.assign(coder=_same(coder, len(labels))))
    elif roles.shape == "single":
        labels = melt(table, image, [str(roles.label)], corrections, missing)
        labels = replace(labels, frame=labels.frame.assign(coder=_same(coder, len(labels))))
    else:
        columns = {
            "image": image,
            "coder": roles.coder,
            "label": roles.label,
            "count": roles.count,
            "split": _split(table),
        }
        labels = Rows.of(table, {w: c for w, c in columns.items() if c is not None})
        labels = _without_absent(labels, corrections, missing)
        if "count" in corrections.columns and "count" in labels.frame:
            labels = _with_votes(labels)
    if roles.left:
        labels = replace(labels, remarks=(*labels.remarks, _left_out(table, roles.left)))
    truth = None
    if roles.truth is not None:
        truth = _truth(table, image, roles.truth, corrections)
    return TableRows(labels, truth, splits, missing, questions)


def _with_votes(rows: Rows) -> Rows:
    """The rows without those of no vote, of a column that a person named as counts: a row stands for each class."""
    some = (rows.frame["count"] != 0).to_numpy()
    return replace(rows, frame=rows.frame[some].reset_index(drop=True), row=rows.row[some])


def _left_out(table: Table, left: Sequence[str]) -> Problem:
    """Problem: columns that look like labels and are not read, and what would read them."""
    agreed = named(left, "agreed")
    truth = flag("--columns", listed([f"truth={table.titles.get(agreed[0], agreed[0])}"])) if agreed else ""
    texts = []
    for columns, why in (
        (agreed, f": it is called like what others made of the labels; {truth} takes it for known truth"),
        ([c for c in left if c not in agreed and _few(table, c)], ""),
        ([c for c in left if c not in agreed and not _few(table, c)], ": too many different values"),
    ):
        if columns:
            names = ", ".join(repr(table.titles.get(c, c)) for c in columns)
            texts.append(f"{table.file}: {names} is no annotator's{why}.")
    return Problem("column left out", len(left), tuple(texts))


def _few(table: Table, column: str) -> bool:
    return len(table.frame[column].cat.categories) < FEW


def truth_of(table: Table, image: str, label: str, roles: Roles, corrections: Corrections) -> TableRows:
    """The known truth of a table that holds nothing else."""
    table, splits, questions = _with_split(table, roles, corrections, None)
    return TableRows(None, _truth(table, image, label, corrections, once=False), splits, {}, questions)


def known_truth(files: Files, corrections: Corrections) -> TableRows:
    """What ``truth.csv`` holds; nothing where there is none.

    Raises
    ------
    DatasetError
    """
    if "truth.csv" not in files:
        return TableRows(None, None, {}, {}, ())
    table = read_table(files, "truth.csv")
    columns = tuple(table.frame.columns)
    if {"learned_truth", "network_truth"} <= set(columns):
        text = "holds a learned truth, which is no known truth to measure by; move it out of the dataset."
        raise DatasetError(text, file="truth.csv")
    image, label = role(columns, "image"), role(columns, "label") or role(columns, "truth")
    table.need([w for w, c in (("image", image), ("label", label)) if c is None])
    split = role(tuple(c for c in columns if not corrections.ignores(c)), "split")
    roles = Roles("truth.csv", "truth", image, truth=label, split=split)
    return truth_of(table, str(image), str(label), roles, corrections)


def _same(text: str, n: int) -> pd.Categorical[Any]:
    return coded(np.zeros(n, dtype=np.int8), [text])


SPLIT = "\0split"


def _split(table: Table) -> str | None:
    return SPLIT if SPLIT in table.frame else None


def _with_split(
    table: Table, roles: Roles, corrections: Corrections, part: str | None
) -> tuple[Table, dict[str, str], tuple[Question, ...]]:
    """The table with a column of the part of each row, where there are parts, and without rows to ignore."""
    questions = roles.questions
    if roles.split is not None:
        column, title = table.frame[roles.split], table.titles[roles.split]
        splits = read_split(column, title, table.file, corrections, others=roles.shape == "truth")
        table = replace(table, frame=table.frame.assign(**{SPLIT: splits.rows}))
        keep = (table.frame[SPLIT] != "ignore").to_numpy()
        table = table if keep.all() else table.keep(keep)
        return table, splits.values, questions if splits.question is None else (*questions, splits.question)
    if part is not None:
        table = replace(table, frame=table.frame.assign(**{SPLIT: _same(part, len(table.row))}))
    return table, {}, questions


def _without_absent(rows: Rows, corrections: Corrections, missing: dict[str, int]) -> Rows:
    """Rows whose label means "no label" are left out and counted; an empty label is an error."""
    labels = rows.frame["label"].cat
    gone = np.asarray([c != "" and absent(str(c), corrections) for c in labels.categories], dtype=np.bool_)
    if not gone.any():
        return rows
    away = gone[labels.codes]
    for code, n in zip(*np.unique(labels.codes[away], return_counts=True), strict=True):
        missing[str(labels.categories[code])] = missing.get(str(labels.categories[code]), 0) + int(n)
    return replace(rows, frame=rows.frame[~away].reset_index(drop=True), row=rows.row[~away])


def _truth(table: Table, image: str, label: str, corrections: Corrections, once: bool = True) -> Rows:
    """Known truth; with ``once`` one row for each image, however often the table has it."""
    columns = {"image": image, "label": label, "split": _split(table)}
    rows = Rows.of(table, {w: c for w, c in columns.items() if c is not None})
    names = [str(c) for c in rows.frame["label"].cat.categories]
    rows = replace(rows, frame=rows.frame.assign(label=_blank(rows.frame["label"], names, corrections)))
    keep = rows.frame["label"].to_numpy() != ""
    if SPLIT in table.frame:  # an image of a test part is held out, also where its truth is unknown
        parts = rows.frame["split"].cat
        keep |= np.asarray([str(c).startswith("test") for c in parts.categories], dtype=np.bool_)[parts.codes]
    if once:
        keep &= ~rows.frame.duplicated().to_numpy()
    return Rows(rows.file, rows.frame[keep].reset_index(drop=True), rows.row[keep])


def _blank(label: pd.Series, names: Sequence[str], corrections: Corrections) -> pd.Categorical[Any]:
    """The labels, empty where a cell means that there is none."""
    return mapped(label, ["" if absent(n, corrections) else n for n in names])


def melt(
    table: Table,
    image: str,
    coders: Sequence[str],
    corrections: Corrections = NOTHING,
    missing: dict[str, int] | None = None,
) -> Rows:
    """One row per annotation; a coder has the name of its column in the file.

    Absent labels are counted in ``missing``.
    """
    if not coders:
        empty = pd.DataFrame(columns=["image", "coder", "label"])
        return Rows(table.file, empty, np.zeros(0, np.int32), table.remarks())
    union = union_categoricals([table.frame[c] for c in coders])
    names = [str(v) for v in union.categories]
    counts = dict(zip(names, np.bincount(union.codes, minlength=len(names)), strict=True))
    label_counts = {v: float(n) for v, n in counts.items() if n and not absent(v, corrections)}
    gone = [absent(v, corrections) for v in names]
    if corrections.missing != () and minus_one_is_absent(label_counts):
        gone = [g or v in ("-1", "-1.0") for g, v in zip(gone, names, strict=True)]
    for value, away in zip(names, gone, strict=True):
        if missing is not None and away and value and counts[value]:
            missing[value] = missing.get(value, 0) + int(counts[value])
    n, c = len(table.row), len(coders)
    images = table.frame[image].cat
    frame = pd.DataFrame(
        {
            "image": coded(np.tile(images.codes, c), images.categories),
            "coder": coded(np.repeat(np.arange(c), n), [table.titles[x] for x in coders]),
            "label": union,
        }
    )
    if SPLIT in table.frame:
        parts = table.frame[SPLIT].cat
        frame["split"] = coded(np.tile(parts.codes, c), parts.categories)
    present = ~np.asarray(gone, dtype=np.bool_)[union.codes]
    return Rows(table.file, frame[present].reset_index(drop=True), np.tile(table.row, c)[present], table.remarks())


def from_votes(table: Table, image: str, classes: list[str], coder: str | pd.Series) -> Rows:
    """One row per image and class that got votes, by one coder or the one in each row; percentages become shares."""
    votes = table.votes(classes)
    signed = all(str(c).endswith("%") for name in classes for c in table.frame[name].cat.categories if c)
    if are_percentages(np.nan_to_num(votes), signed):
        votes = votes / 100
    if np.isin(votes, (-1, 1)).all():
        votes = np.maximum(votes, 0)  # -1 is no, 1 is yes
    present = np.stack([(table.frame[c] != "").to_numpy() for c in classes], axis=1)
    row, label = np.nonzero(present & (votes != 0))  # text that is no number stays, for the message
    frame = pd.DataFrame(
        {
            "image": table.frame[image].iloc[row].array,
            "coder": _same(coder, len(row)) if isinstance(coder, str) else coder.iloc[row].array,
            "label": coded(label, [table.titles[c] for c in classes]),
            "count": votes[row, label],
        }
    )
    if SPLIT in table.frame:
        frame["split"] = table.frame[SPLIT].iloc[row].array
    if np.isnan(frame["count"]).any():
        texts = [
            table.frame[classes[k]].iloc[r] if np.isnan(votes[r, k]) else "" for r, k in zip(row, label, strict=True)
        ]
        frame["count_text"] = categorical(texts)
    return Rows(table.file, frame, table.row[row], table.remarks())


def without_column(rows: Rows, column: str) -> Rows:
    """The same rows without one column."""
    return replace(rows, frame=rows.frame.drop(columns=column))


def renamed_images(table: Table, image: str, names: Sequence[str]) -> Table:
    """The table, with the names in its column of images replaced."""
    return replace(table, frame=table.frame.assign(**{image: mapped(table.frame[image], names)}))
