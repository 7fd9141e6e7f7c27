"""RAF-DB, basic or compound emotions: ``list_patition_label.txt`` and the aligned faces.

Li, Deng and Du, *Reliable crowdsourcing and deep locality-preserving learning for expression
recognition in the wild*, CVPR 2017. The file's name is misspelled in the release.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...errors import DatasetError
from ..coded_columns import categorical
from ..reading import Match, Reading, Rows
from ..sources.files import Files
from ..sources.text_files import read_lines
from ..study import Problem

FORMAT = "rafdb"
RANK = 30
TITLE = "RAF-DB (basic emotions)"
LAYOUT = """\
EmoLabel/list_patition_label.txt      train_00001.jpg 5        codes 1–7; any folder
Image/aligned/train_00001_aligned.jpg                          or Image/original/train_00001.jpg"""
NOTE = """\
The aligned face is taken where there is one. Codes: 1 surprise, 2 fear, 3 disgust, 4 happiness, 5 sadness, 6 anger, 7
neutral. Images that start with `test` are the test set. A list in a folder called compound has the eleven compound
emotions, codes 1 to 11. A third value in a line is a coarser group and is passed over."""

LISTS = ("list_patition_label.txt", "list_partition_label.txt")
CODER = "RAF-DB"
CLASSES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
COMPOUND = (
    "happily surprised",
    "happily disgusted",
    "sadly fearful",
    "sadly angry",
    "sadly surprised",
    "sadly disgusted",
    "fearfully angry",
    "fearfully surprised",
    "angrily surprised",
    "angrily disgusted",
    "disgustedly surprised",
)


def _list(files: Files) -> str | None:
    return next((n for n in files.names if n.rsplit("/", 1)[-1] in LISTS), None)


def match(files: Files) -> Match:
    """Recognised by the name of its list."""
    file = _list(files)
    if file is None:
        return Match(False, f"{LISTS[0]} is missing", 0.3 if any("_aligned." in n for n in files.images[:99]) else 0.0)
    return Match(True, file)


def read(files: Files, name: str) -> Reading:
    """Read the list; the aligned face is taken where there is one.

    Raises
    ------
    DatasetError
        a line is not a name and a code from 1 to 7, or to 11 of compound emotions.
    """
    file = _list(files)
    if file is None:
        raise DatasetError(f"{LISTS[0]} is missing.", file=name)
    classes = COMPOUND if "compound" in f"{files.below}{file}".lower() else CLASSES
    names, labels, rows = [], [], []
    for row, line in enumerate(read_lines(files, file), 1):
        if not line.strip():
            continue
        image, *codes = line.split()  # more than one code: the others are coarser groups of the first
        if not codes or codes[0] not in {str(i) for i in range(1, len(classes) + 1)}:
            text = f"expected a file name and a code from 1 to {len(classes)}, found {line[:80]!r}."
            raise DatasetError(text, file=file, row=row)
        names.append(image)
        labels.append(classes[int(codes[0]) - 1])
        rows.append(row)
    by_name = _by_stem(files.images)
    images = np.asarray([by_name.get(n.rsplit(".", 1)[0], n) for n in names], dtype=object)
    used = set(images)
    problems = []
    others = len(files.images) - sum(n in used for n in files.images)
    if others:
        text = "images that the list does not name, or a second version of one that it names, are left out."
        problems.append(Problem("image left out", others, (text,), "note"))
    test = np.asarray([n.startswith("test") for n in names], dtype=np.bool_)
    label, lines = np.asarray(labels, dtype=object), np.asarray(rows, dtype=np.int32)

    def part(which: np.ndarray, column: str, value: str) -> Rows:
        frame = {"image": images[which], "label": label[which], column: np.full(int(which.sum()), value, dtype=object)}
        return Rows(file, pd.DataFrame({c: categorical(v) for c, v in frame.items()}), lines[which])

    listed = [n for n in files.images if n in used]
    return Reading(
        files, listed, [part(~test, "coder", CODER)], [part(test, "split", "test")], classes, problems=problems
    )


def _by_stem(images: list[str]) -> dict[str, str]:
    """``train_00001`` → its image; the aligned one wins."""
    out: dict[str, str] = {}
    for image in images:
        stem = image.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        plain = stem.removesuffix("_aligned")
        if plain not in out or plain != stem:
            out[plain] = image
    return out
