"""Hugging Face ImageFolder: ``metadata.csv`` or ``metadata.jsonl`` beside the images, in the root or one per split."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..label_tables.roles import find_roles
from ..label_tables.table_rows import renamed_images, rows_of
from ..questions import Question
from ..reading import Match, Reading
from ..sources.files import Files
from ..tables.classes_file import read_classes
from ..tables.table import header, read_table

FORMAT = "huggingface"
RANK = 140
TITLE = "Hugging Face ImageFolder"
LAYOUT = """\
train/metadata.csv     file_name,label                 or .jsonl; names count from the file's own folder
train/0001.png         file_name,Ann,Ben               or one column per annotator
test/metadata.csv      rows of a test or validation folder are evaluated, never trained on"""
NOTE = """\
One label column is the dataset's own coder; several columns are annotators."""
CORRECTABLE = True

NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def _tables(files: Files) -> list[str]:
    return [n for n in files.names if n.rsplit("/", 1)[-1] in NAMES]


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by metadata files with a column file_name."""
    for name in _tables(files):
        if "file_name" in header(files, name):
            return Match(True, f"{name} with the column file_name")
        return Match(False, f"{name} has no column file_name", 0.7)
    return Match(False, "metadata.csv or metadata.jsonl is missing")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the metadata of all splits.

    One label column is the dataset's own coder; a coder column, or a column per annotator, are
    taken as what they are. What lies in a test or validation folder is held out.

    Raises
    ------
    DatasetError
        no labels in the metadata.
    """
    source = name.removesuffix(".zip")
    labels, truth, readings, questions = [], [], [], list[Question]()
    splits: dict[str, str] = {}
    missing: Counter[str] = Counter()
    for file in _tables(files):
        table = read_table(files, file, ("file_name",))
        folder = file.rsplit("/", 1)[0] + "/" if "/" in file else ""
        names = [folder + str(n) if n else "" for n in table.frame["file_name"].cat.categories]
        table = renamed_images(table, "file_name", names)
        roles = find_roles(table, (), replace(corrections, columns={"image": "file_name", **corrections.columns}))
        readings.append(roles.reading(table.titles))
        if roles.shape == "none":
            raise DatasetError(f"has {roles.missing or 'no column of labels'}.", file=file, row=1)
        rows = rows_of(table, roles, corrections, source)
        if rows.labels is not None and len(rows.labels):
            labels.append(rows.labels)
        truth += [] if rows.truth is None else [rows.truth]
        splits.update(rows.splits)
        missing.update(rows.missing)
        questions += rows.questions
    classes, codes = read_classes(files)
    return Reading(
        files,
        files.images,
        labels,
        truth,
        classes,
        codes,
        tables=readings,
        splits=splits,
        missing=missing,
        questions=questions,
    )
