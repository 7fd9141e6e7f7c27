"""FiftyOne's image classification dataset: ``labels.json`` beside ``data/``."""

from __future__ import annotations

from typing import Any

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files
from ..sources.json_files import json_head, text
from ..sources.text_files import read_json
from .answers import SEVERAL, Answers

FORMAT = "fiftyone"
RANK = 270
CHOOSES = True
TITLE = "FiftyOne image classification, labels.json"
LAYOUT = """\
labels.json        {"classes": ["angry", "happy", …], "labels": {"a": 1, "b": 0, …}}      file names without ending
data/a.jpg …       also train/labels.json, train/data/…, validation/…, which is evaluated, never trained on"""
NOTE = """\
A label may be a place in `classes`, a name or `{"label": …, "confidence": …}`. An image with several classes is left
out and counted."""

FILE = "labels.json"


def _exports(files: Files) -> list[str]:
    lists = [n for n in files.others if n.rsplit("/", 1)[-1].lower() == FILE]
    return [n for n in lists if b'"labels"' in json_head(files, n) or b'"classes"' in json_head(files, n)]


def match(files: Files) -> Match:
    """Recognised by labels.json with classes and labels."""
    for name in _exports(files):
        try:
            content = read_json(files, name)
        except DatasetError:
            continue
        if isinstance(content, dict) and isinstance(content.get("labels"), dict) and "classes" in content:
            return Match(True, f"{name} with classes and labels")
    return Match(False, f"no {FILE} with classes and labels", 0.0)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the labels of all parts.

    Raises
    ------
    DatasetError
        it is not of that form, or a label is none of the classes.
    """
    answers = Answers("FiftyOne's labels", corrections)
    classes: list[str] = []
    for file in _exports(files):
        content = read_json(files, file)
        labels = content.get("labels") if isinstance(content, dict) else None
        names = content.get("classes") if isinstance(content, dict) else None
        if not isinstance(labels, dict) or not (names is None or isinstance(names, list)):
            raise DatasetError('expected {"classes": […], "labels": {…}}.', file=file)
        known = [text(n) for n in names or ()]
        classes += known
        folder = file.rsplit("/", 1)[0] + "/data/" if "/" in file else ""
        for row, (image, label) in enumerate(labels.items(), 1):
            chosen = [_named(v, known, file, row) for v in (label if isinstance(label, list) else [label])]
            chosen = [c for c in chosen if c]
            if len(chosen) > 1:
                answers.set_aside(SEVERAL, file, row)
            elif chosen:
                answers.add(file, row, folder + image, chosen[0], part=file)
    return answers.reading(files, name, classes=classes or None)


def _named(label: Any, classes: list[str], file: str, row: int) -> str:
    if isinstance(label, dict):
        label = label.get("label")
    if isinstance(label, int) and not isinstance(label, bool) and classes:
        if not 0 <= label < len(classes):
            raise DatasetError(f"the label {label} is none of the {len(classes)} classes.", file=file, row=row)
        return classes[label]
    return text(label)
