"""ExpW, ``label.lst``: a face in each line, with its box and the confidence of the face detector.

Zhang, Luo, Loy and Tang, *From facial expression recognition to interpersonal relation prediction*, IJCV 2018.
"""

from __future__ import annotations

import re

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files, is_image_name
from ..sources.text_files import read_lines
from .answers import Answers

FORMAT = "expw"
RANK = 100
CHOOSES = True
TITLE = "ExpW, label.lst"
LAYOUT = """\
label.lst          name.jpg face top left right bottom confidence label       codes 0–6
image/origin/…     any folder"""
NOTE = """\
Codes: 0 angry, 1 disgust, 2 fear, 3 happy, 4 sad, 5 surprise, 6 neutral. Boxes and confidence are no labels. An image
on which several faces have different labels is left out and counted: the label belongs to a face, not to the image."""

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
NAMES = ("label.lst", "labels.lst", "label.txt")
LINE = re.compile(r"^(?P<image>.+?)(?P<numbers>(?:[ \t]+-?\d+(?:\.\d+)?){7})$")
HEAD, LOOKED_AT = 16_384, 50


def _list(files: Files) -> str | None:
    for name in files.others:
        if name.rsplit("/", 1)[-1].lower() in NAMES:
            lines = files.head(name, HEAD).decode("utf-8-sig", "replace").splitlines()
            lines = [line.strip() for line in (lines[:-1] or lines)[:LOOKED_AT] if line.strip()]
            if lines and all(_has_box(line) for line in lines):
                return name
    return None


def _has_box(line: str) -> bool:
    """Whether an image, a face, a box (top, left, right, bottom), a confidence and a label make up a line."""
    parsed = LINE.match(line)
    if parsed is None or not is_image_name(parsed["image"]):
        return False
    _, top, left, right, bottom, *_ = map(float, parsed["numbers"].split())
    return right > left and bottom > top  # seven labels of a list of another kind are no box


def match(files: Files) -> Match:
    """Recognised by label.lst with an image and seven numbers in a line."""
    file = _list(files)
    if file is None:
        return Match(False, "no label.lst with an image and seven numbers in each line", 0.0)
    return Match(True, f"{file} with face, box, confidence and label after each image")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the list.

    Raises
    ------
    DatasetError
        a line has another form, or a label is not 0 to 6.
    """
    file = _list(files)
    if file is None:
        raise DatasetError("label.lst is missing.", file=name)
    answers = Answers("ExpW's list", corrections)
    labels: dict[str, tuple[int, set[str]]] = {}
    for row, line in enumerate(read_lines(files, file), 1):
        if not line.strip():
            continue
        parsed = LINE.match(line.strip())
        code = parsed["numbers"].split()[-1] if parsed else ""
        if parsed is None or code not in {str(i) for i in range(7)}:
            text = f"expected an image, face, box, confidence and a label from 0 to 6, found {line[:80]!r}."
            raise DatasetError(text, file=file, row=row)
        labels.setdefault(parsed["image"], (row, set()))[1].add(CLASSES[int(code)])
    for image, (row, chosen) in labels.items():
        if len(chosen) > 1:
            answers.set_aside("the faces on the image have different labels", file, row)
        else:
            answers.add(file, row, image, chosen.pop())
    return answers.reading(files, name, classes=CLASSES)
