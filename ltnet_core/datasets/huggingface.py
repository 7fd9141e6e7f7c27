"""Hugging Face ImageFolder: ``metadata.csv`` or ``metadata.jsonl`` beside the images, in the root or one per split."""

from __future__ import annotations

import pandas as pd

from ..errors import DatasetError
from .columns import role, without
from .files import Files
from .plain import read_classes
from .reading import Match, Reading, Rows
from .tables import Table, categorical, header, mapped, read_table
from .wide_table import annotators, melt

FORMAT = "huggingface"
TITLE = "Hugging Face ImageFolder"
LAYOUT = """\
train/metadata.csv     file_name,label                 or .jsonl; names count from the file's own folder
train/0001.png         file_name,Ann,Ben               or one column per annotator
test/metadata.csv      rows of a test or validation folder are evaluated, never trained on"""
NOTE = """\
One label column is the dataset's own coder; several columns are annotators."""

NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
TEST = frozenset({"test", "testing", "val", "valid", "validation"})


def _tables(files: Files) -> list[str]:
    return [n for n in files.names if n.rsplit("/", 1)[-1] in NAMES]


def match(files: Files) -> Match:
    """Recognised by metadata files with a column file_name."""
    for name in _tables(files):
        if "file_name" in header(files, name):
            return Match(True, f"{name} with the column file_name")
        return Match(False, f"{name} has no column file_name", 0.7)
    return Match(False, "metadata.csv or metadata.jsonl is missing")


def read(files: Files, name: str) -> Reading:
    """Read the metadata of all splits.

    One label column is the dataset's own coder; a coder column, or a column per annotator, are
    taken as what they are.

    Raises
    ------
    DatasetError
        no labels in the metadata.
    """
    source = name.removesuffix(".zip")
    labels, truth = [], []
    for file in _tables(files):
        table = read_table(files, file, ("file_name",))
        folder = file.rsplit("/", 1)[0] + "/" if "/" in file else ""
        given = table.frame["file_name"]
        names = [folder + str(n) if n else "" for n in given.cat.categories]
        table.frame["file_name"] = mapped(given, names)
        held_out = bool({p.lower() for p in folder.split("/")} & TEST)
        part = _annotations(table, source)
        if not len(part):
            raise DatasetError("has no column of labels.", file=file, row=1)
        if not held_out:
            labels.append(part)
        elif part.frame["coder"].nunique() == 1:
            frame = part.frame.drop(columns="coder").assign(split=categorical(["test"] * len(part)))
            truth.append(Rows(part.file, frame, part.row, part.remarks))
    classes, codes = read_classes(files)
    return Reading(files, files.images, labels, truth, classes, codes)


def _annotations(table: Table, source: str) -> Rows:
    columns = tuple(table.frame.columns)
    coder, label = role(columns, "coder"), role(columns, "label")
    if coder is not None and label is not None:
        count = role(columns, "count")
        used = {"image": "file_name", "coder": coder, "label": label}
        return Rows.of(table, used if count is None else {**used, "count": count})
    if label is not None:
        part = melt(table, "file_name", [label])
        return Rows(part.file, part.frame.assign(coder=categorical([source] * len(part))), part.row, part.remarks)
    others = annotators(table, without(columns, ("file_name", role(columns, "split"))))
    if not others:
        return Rows(table.file, pd.DataFrame(), table.row[:0])
    return melt(table, "file_name", others)
