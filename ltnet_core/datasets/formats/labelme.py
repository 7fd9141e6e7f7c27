"""LabelMe's crowd, ``answers.txt``: one row per image, one column per annotator, −1 where there is no answer.

Rodrigues, Lourenço, Ribeiro and Pereira, *Learning supervised topic models for classification and regression from
crowds*, PAMI 2017.
"""

from __future__ import annotations

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files
from ..sources.text_files import read_lines
from .answers import Answers

FORMAT = "labelme"
RANK = 120
CHOOSES = True
TITLE = "LabelMe crowd, answers.txt"
LAYOUT = """\
answers.txt            1 -1 0 …          a row per image of filenames_train.txt, a column per annotator
filenames_train.txt    a.jpg …           one name per line
labels_train.txt       1 …               optional: known truth, to measure by
filenames_test.txt, labels_test.txt      optional, also _valid: evaluated, never trained on
train/…  classes.csv                     optional: the images, names for the numbers"""
NOTE = """\
Annotators are called *annotator 1*, *annotator 2* … by their column."""

ANSWERS = "answers.txt"
ABSENT = ("-1", "-1.0", "nan")
HELD_OUT = ("valid", "test")


def match(files: Files) -> Match:
    """Recognised by answers.txt and filenames_train.txt."""
    if ANSWERS not in files:
        return Match(False, f"{ANSWERS} is missing", 0.3 if "filenames_train.txt" in files else 0.0)
    if _names(files) is None:
        return Match(False, f"filenames_train.txt is missing beside {ANSWERS}", 0.8)
    return Match(True, f"{ANSWERS} and {_names(files)}")


def _names(files: Files) -> str | None:
    return next((n for n in ("filenames_train.txt", "filenames.txt") if n in files), None)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the answers and the known truth.

    Raises
    ------
    DatasetError
        files of one part have another number of lines, or a row another number of answers.
    """
    named = _names(files)
    if named is None or ANSWERS not in files:
        raise DatasetError(f"{ANSWERS} and filenames_train.txt are needed.", file=name)
    answers = Answers("LabelMe's answers", corrections)
    images = _lines(files, named)
    rows = _lines(files, ANSWERS)
    _same_length(ANSWERS, rows, named, images)
    width = len(rows[0].split())
    for number, (image, row) in enumerate(zip(images, rows, strict=True), 1):
        row_labels = row.split()
        if len(row_labels) != width:
            raise DatasetError(f"has {len(row_labels)} answers, the first row {width}.", file=ANSWERS, row=number)
        for column, label in enumerate(row_labels, 1):
            if label.lower() not in ABSENT:
                answers.add(ANSWERS, number, image, label.removesuffix(".0"), coder=f"annotator {column}", part="train")
    truth = _pairs(files, "labels_train.txt", named) if "labels_train.txt" in files else {}
    for part in HELD_OUT:
        labels, listed = f"labels_{part}.txt", f"filenames_{part}.txt"
        if labels in files and listed in files:
            for number, (image, label) in enumerate(_pairs(files, labels, listed).items(), 1):
                answers.add(labels, number, image, label, part="test")
    return answers.reading(files, name, truth=truth)


def _pairs(files: Files, labels: str, named: str) -> dict[str, str]:
    images, labels_of_images = _lines(files, named), _lines(files, labels)
    _same_length(labels, labels_of_images, named, images)
    return {i: s.removesuffix(".0") for i, s in zip(images, labels_of_images, strict=True) if s.lower() not in ABSENT}


def _same_length(file: str, rows: list[str], named: str, images: list[str]) -> None:
    if len(rows) != len(images) or not rows:
        raise DatasetError(f"has {len(rows):,} rows, {named} {len(images):,}.", file=file)


def _lines(files: Files, name: str) -> list[str]:
    return [line.strip() for line in read_lines(files, name) if line.strip()]
