"""Classes as folders, one source or several: ``AffectNet/<class>/…``, ``RAF/<class>/…``, ``unlabelled/…``.

Every source is a human coder. Below a source, or above the classes where there is one
source only, ``train/`` and ``test/`` are optional; the labels of a ``test/`` part are
that source's own test set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import DatasetError
from .files import Files
from .reading import Match, Reading, Rows
from .study import Problem
from .tables import categorical

FORMAT = "imagefolder"
TITLE = "A folder per class"
LAYOUT = """\
RAF/train/happy/…          one folder per source, each a coder; train/ and test/ optional
RAF/test/happy/…           that source's own test set
AffectNet/happy/…
unlabelled/…               optional: images nobody labelled

train/happy/…  test/sad/…  or one source only, called by the folder's name
happy/…  sad/…"""
NOTE = """\
`val` and `validation` count as `test`."""

UNLABELLED = frozenset({"unlabelled", "unlabeled"})
TRAIN = frozenset({"train", "training"})
TEST = frozenset({"test", "testing", "val", "valid", "validation"})


@dataclass(frozen=True)
class _Place:
    source: str
    part: str
    label: str


def _place(name: str, sources: bool) -> _Place | None:
    """Where a file lies; None where the depth does not fit. ``sources``: whether sources come first."""
    folders = name.split("/")[:-1]
    if folders and folders[0].lower() in UNLABELLED:
        return _Place(folders[0], "unlabelled", "")
    source = folders.pop(0) if sources and folders else ""
    part = "train"
    if folders and folders[0].lower() in TRAIN | TEST:
        part = "test" if folders.pop(0).lower() in TEST else "train"
    return _Place(source, part, folders[0]) if (source or not sources) and folders else None


def _has_sources(files: Files) -> bool | None:
    """Whether source folders stand above the classes; None where the images lie in no such order."""
    depths = [n.count("/") for n in files.images if n.split("/", 1)[0].lower() not in UNLABELLED]
    tops = {n.split("/", 1)[0].lower() for n in files.images if "/" in n} - UNLABELLED
    if not depths or max(depths) == 0:
        return None
    if tops <= TRAIN | TEST:
        return False if min(depths) >= 2 else None
    if max(depths) == 1:
        return False if len(tops) >= 2 else None
    return True


def match(files: Files) -> Match:
    """Recognised by images two folders deep, or one where there is one source."""
    sources = _has_sources(files)
    labelled = [p for n in files.images if (p := _place(n, bool(sources))) and p.label]
    if sources is None or not labelled:
        return Match(False, "images lie in no source/class folders", 0.2 if files.images else 0.0)
    tops = {n.split("/", 1)[0] for n in files.images}
    parts = {n.split("/")[1].lower() for n in files.images if n.count("/") >= 2}
    deep = all(n.count("/") >= 3 for n in files.images)
    if sources and len(tops) == 1 and deep and not parts <= TRAIN | TEST:
        return Match(False, "the only folder holds the dataset", 0.3)
    classes = sorted({p.label for p in labelled})
    if len(classes) < 2:
        return Match(False, f"images of one class only, {classes[0]!r}", 0.4)
    named = sorted({p.source for p in labelled})
    kind = f"sources {', '.join(named[:4])}" if sources else "one source"
    return Match(True, f"images in {len(classes)} class folders, {kind}")


def read(files: Files, name: str) -> Reading:
    """Read image folders.

    Raises
    ------
    DatasetError
        there are no labelled images to train on.
    """
    sources = bool(_has_sources(files))
    places = [(n, _place(n, sources)) for n in files.images]
    stray = [n for n, p in places if p is None]
    problems = []
    if stray:
        texts = tuple(f"{n}: lies in no class folder; expected source/class/image." for n in stray[:5])
        problems.append(Problem("misplaced image", len(stray), texts))
    known = [(n, p) for n, p in places if p is not None]
    train = [(n, p) for n, p in known if p.label and p.part == "train"]
    test = [(n, p) for n, p in known if p.label and p.part == "test"]
    if not train:
        raise DatasetError("no source has training images; expected source/class/image.", file=name)
    seen = {p.source for _, p in known}
    if sources:
        for empty in sorted({n.split("/")[0] for n in files.names if "/" in n} - seen):
            problems.append(Problem("empty coder", 1, (f"{empty}/: holds no labelled images.",)))

    def rows(found: list[tuple[str, _Place]], column: str, values: list[str]) -> Rows:
        frame = {"image": [n for n, _ in found], "label": [p.label for _, p in found], column: values}
        return Rows(
            name,
            pd.DataFrame({c: categorical(v) for c, v in frame.items()}),
            np.arange(1, len(found) + 1, dtype=np.int32),
        )

    source = name.rsplit(".", 1)[0] if name.endswith(".zip") else name
    labels = rows(train, "coder", [p.source or source for _, p in train])
    truth = [rows(test, "split", [f"test:{p.source}" if p.source else "test" for _, p in test])] if test else []
    return Reading(files, [n for n, _ in known], [labels], truth, problems=problems)
