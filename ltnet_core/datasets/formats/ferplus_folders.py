"""FER+ as its training code takes it: ``FER2013Train/label.csv`` without a header, the images beside it.

Barsoum et al., *Training deep networks for facial expression recognition with crowd-sourced label distribution*, 2016.
"""

from __future__ import annotations

import csv
import io
import re

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files
from .answers import Answers
from .ferplus import CLASSES, CODER

FORMAT = "ferplus-folders"
RANK = 80
CHOOSES = True
TITLE = "FER+, label.csv in each folder"
LAYOUT = """\
FER2013Train/label.csv     fer0000000.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0       no header: image, box, ten counts
FER2013Train/fer0000000.png
FER2013Valid/…  FER2013Test/…                    evaluated, never trained on"""
NOTE = """\
The counts are of neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown and no face; those of
the last two are left out and counted. The class with the most votes is the truth of a test face, where there is a
single one."""

FILE = "label.csv"
BOX = re.compile(r"^\(\s*\d+(?:\s*,\s*\d+){3}\s*\)$")
CELLS = 2 + len(CLASSES) + 2


def _lists(files: Files) -> list[str]:
    lists = [n for n in files.others if n.rsplit("/", 1)[-1].lower() == FILE]
    return [n for n in lists if _is_list(files.head(n, 4096).decode("utf-8-sig", "replace"))]


def _is_list(head: str) -> bool:
    try:
        first = next(csv.reader(io.StringIO(head)), [])
    except csv.Error:
        return False
    return len(first) == CELLS and BOX.match(first[1].strip()) is not None


def match(files: Files) -> Match:
    """Recognised by label.csv with an image, a box and ten counts in each row."""
    lists = _lists(files)
    if not lists:
        return Match(False, f"no {FILE} of FER+", 0.0)
    return Match(True, f"{lists[0]} with a box and the votes of FER+ in each row")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the votes of all folders.

    Raises
    ------
    DatasetError
        a row has another form.
    """
    answers = Answers("FER+", corrections)
    for file in _lists(files):
        folder = file.rsplit("/", 1)[0] + "/" if "/" in file else ""
        text = files.read(file).decode("utf-8-sig", "replace")
        for row, cells in enumerate(csv.reader(io.StringIO(text)), 1):
            if not cells:
                continue
            counts = [c.strip() for c in cells[2:]]
            if len(cells) != CELLS or not all(c.isdecimal() and len(c) < 6 for c in counts):
                raise DatasetError(f"expected an image, a box and {CELLS - 2} counts.", file=file, row=row)
            for label, count in zip(CLASSES, counts, strict=False):
                if int(count):
                    image = folder + cells[0].strip()
                    answers.add(file, row, image, label, coder=CODER, part=file, count=float(count))
            aside = sum(int(c) for c in counts[len(CLASSES) :])
            if aside:
                answers.set_aside("a vote for unknown or no face says nothing of a class", file, row, aside)
    return answers.reading(files, name, classes=CLASSES)
