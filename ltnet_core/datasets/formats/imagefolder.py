"""Classes as folders, one source or several: ``AffectNet/<class>/…``, ``RAF/<class>/…``, ``unlabelled/…``.

Every source is a human coder. Below a source, or above the classes where there is one
source only, ``train/`` and ``test/`` are optional; the labels of a ``test/`` part are
that source's own test set.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...errors import DatasetError
from ..coded_columns import categorical
from ..corrections import NOTHING, Corrections
from ..names.folder_levels import WRAPPERS, ImageRole, lay_out
from ..names.splits import PIECE, set_name, words
from ..questions import Answer, Question, flag, listed
from ..reading import Match, Reading, Rows
from ..sources.files import Files
from ..study import Problem
from ..tables.classes_file import read_classes
from ..tables.table import header

FORMAT = "imagefolder"
RANK = 410
TITLE = "A folder per class"
LAYOUT = """\
RAF/train/happy/…          one folder per source, each a coder; train/ and test/ optional
RAF/test/happy/…           that source's own test set
AffectNet/happy/…
unlabelled/…               optional: images nobody labelled

train/happy/…  test/sad/…  or one source only, called by the folder's name
happy/…  sad/…
classes.csv                optional: order and short codes, or names for folders called by number"""
NOTE = """\
Folders of persons (`subject0`, `S001`) above or below the classes are no classes and no coders."""

CORRECTABLE = True


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by images two folders deep, or one where there is one source."""
    layout = lay_out(files.images, corrections)
    if layout.wrong:
        return Match(False, layout.wrong, 0.4)
    labelled = [p for p in layout.roles.values() if p.label]
    if not labelled:
        return Match(False, "images lie in no source/class folders", 0.2 if files.images else 0.0)
    classes = sorted({p.label for p in labelled})
    if len(classes) < 2:
        return Match(False, f"images of one class only, {classes[0]!r}", 0.4)
    tops = {n.split("/", 1)[0] for n in files.names}
    wrapped = len(tops) == 1 and min(tops).lower() in WRAPPERS
    if wrapped or (layout.sources and len(tops) == 1 and all(n.count("/") >= 3 for n in files.images)):
        return Match(False, "the only folder holds the dataset", 0.3)
    if len(layout.stray) > len(labelled):
        return Match(False, f"most images, such as {layout.stray[0]}, lie in no class folder", 0.3)
    named = sorted({p.source for p in labelled})
    kind = f"sources {', '.join(named[:4])}" if layout.sources else "one source"
    return Match(True, f"images in {len(classes)} class folders, {kind}")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read image folders.

    Raises
    ------
    DatasetError
        there are no labelled images to train on.
    """
    layout = lay_out(files.images, corrections)
    if layout.wrong:
        raise DatasetError(f"{layout.wrong}.", file=name)
    problems = []
    if layout.stray:
        texts = tuple(f"{n}: lies in no class folder; expected source/class/image." for n in layout.stray[:5])
        problems.append(Problem("misplaced image", len(layout.stray), texts))
    if layout.note:
        problems.append(Problem("folders left out", 1, (layout.note,), "note"))
    known = [(n, layout.roles[n]) for n in files.images if n in layout.roles]
    train = [(n, p) for n, p in known if p.label and p.part == "train"]
    test = [(n, p) for n, p in known if p.label and p.part == "test"]
    if not train:
        raise DatasetError("no source has training images; expected source/class/image.", file=name)
    sources = {p.source for _, p in known}
    if layout.sources:
        for empty in sorted({n.split("/")[0] for n in files.names if "/" in n} - sources - set(layout.parts)):
            problems.append(Problem("empty coder", 1, (f"{empty}/: holds no labelled images.",)))

    def rows(located: list[tuple[str, ImageRole]], column: str, values: list[str]) -> Rows:
        frame = {"image": [n for n, _ in located], "label": [p.label for _, p in located], column: values}
        return Rows(
            name,
            pd.DataFrame({c: categorical(v) for c, v in frame.items()}),
            np.arange(1, len(located) + 1, dtype=np.int32),
        )

    source = name.rsplit(".", 1)[0] if name.endswith((".zip", ".tar")) else name
    labels = rows(train, "coder", [p.source or source for _, p in train])
    truth = [rows(test, "split", [_mark(p) for _, p in test])] if test else []
    held = {n: _mark(p) for n, p in known if p.part == "test" and not p.label}
    questions = _numbered(sorted(sources - {""}), corrections) if layout.sources else []
    listed_classes = "classes.csv" in files and "class" in header(files, "classes.csv")
    classes, codes = read_classes(files) if listed_classes else (None, None)
    return Reading(
        files, [n for n, _ in known], [labels], truth, classes, codes, problems=problems, splits=layout.parts,
        parts=held, questions=questions,
    )  # fmt: skip


def _numbered(sources: list[str], corrections: Corrections) -> list[Question]:
    """The question whether folders such as fold1 and fold2 are coders, or parts of one dataset."""
    if len(sources) < 2 or corrections.annotators or not all(PIECE.fullmatch(" ".join(words(s))) for s in sources):
        return []
    shown = ", ".join(sources[:4])
    ways = (
        Answer(flag("--split", f"train={listed(sources)}"), f"{shown} are pieces of one dataset"),
        Answer(flag("--annotators", listed(sources)), "each is a coder"),
    )
    return [
        Question(
            "numbered folders", f"the folders {shown} are called like pieces of one dataset.", tuple(sources), ways
        )
    ]


def _mark(role: ImageRole) -> str:
    return f"test:{role.source}" if role.source else set_name("test", role.mark)
