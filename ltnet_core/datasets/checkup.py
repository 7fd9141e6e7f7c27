"""The check-up of a dataset before training: its problems, with counts, examples and full lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ..annotations import AnnotationTable
from ..files.printing import counted
from ..files.spreadsheet import csv_bytes
from ..images.image import Look
from ..labels.identifiability import overlap_notes
from .all_images import look_at_all
from .study import EXAMPLES, Level, Problem, Study

HUGE_PIXELS = 25_000_000
TINY_SIDE = 16
RARE, UNEVEN = 20, 50
LISTED = 1_000_000
LEVELS = ("error", "warning", "note")
DEEP_MODES = ("I", "F")


def check_up(
    study: Study, images: bool = True, progress: Callable[[int, int], None] | None = None
) -> tuple[Problem, ...]:
    """All problems, errors first. With ``images`` every image file is opened too.

    Images are read, decoded and compared by content, and never altered.
    """
    problems = [*study.problems, *_labels(study)]
    if images and study.has_images:
        names = [str(n) for n in study.table.items]
        problems += _images(study, names, look_at_all(study.files, names, progress))
    return tuple(sorted(problems, key=lambda p: LEVELS.index(p.level)))


def listing(problems: Sequence[Problem]) -> pd.DataFrame:
    """All entries of all problems as rows: ``kind, level, file, row, image, detail``.

    A problem without a full list has its examples here.
    """
    parts = []
    for problem in problems:
        part = problem.listing
        if part is None:
            part = pd.DataFrame({"file": "", "row": pd.NA, "image": "", "detail": list(problem.examples)})
        part = part.head(LISTED).astype(object)
        part.insert(0, "level", problem.level)
        part.insert(0, "kind", problem.kind)
        parts.append(part)
    columns = ["kind", "level", "file", "row", "image", "detail"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def listing_csv(problems: Sequence[Problem]) -> bytes:
    """:func:`listing` as the content of a CSV file, see :func:`~ltnet_core.files.spreadsheet.guard`."""
    return csv_bytes(listing(problems))


# ---- labels


def _labels(study: Study) -> list[Problem]:
    table, out = study.training_table(), []
    learn = ~study.is_test
    bare = np.flatnonzero(learn & ~table.annotated())
    if len(bare):
        verbs = ("has", "it takes") if len(bare) == 1 else ("have", "they take")
        text = f"{counted(len(bare), 'image')} {verbs[0]} no label; {verbs[1]} part as unlabelled data."
        out.append(Problem("unlabelled image", len(bare), (text,), "note", _listed(study.table, bare)))
    counts = table.class_counts().sum(0)
    used = counts[counts > 0]
    rare = np.flatnonzero((counts > 0) & ((counts < RARE) | (counts * UNEVEN < used.max(initial=0))))
    if len(rare) and len(used) > 1:
        total = counts.sum()
        texts = tuple(f"class {table.classes[k]!r} has {counts[k]:,.0f} of {total:,.0f} labels." for k in rare)
        out.append(Problem("rare class", len(rare), texts[:EXAMPLES], "note"))
    notes = overlap_notes(table) if len(table) else []
    if notes:
        out.append(Problem("coders who never meet", len(notes), tuple(n[0].upper() + n[1:] for n in notes), "note"))
    return out


def _listed(table: AnnotationTable, items: np.ndarray, detail: Sequence[str] | str = "") -> pd.DataFrame:
    return pd.DataFrame({"file": "", "row": pd.NA, "image": table.items[items], "detail": detail})


# ---- images


# kind, level, the images that it concerns, and the sentence about one
_KINDS: tuple[tuple[str, Level, Callable[[Look], bool], str], ...] = (
    ("empty file", "warning", lambda x: x.empty, "{look.error}"),
    ("unreadable image", "warning", lambda x: bool(x.error) and not x.empty, "{look.error}"),
    (
        "huge image",
        "note",
        lambda x: x.width * x.height > HUGE_PIXELS,
        "{name}: {look.width}×{look.height} pixels; decoding it takes long.",
    ),
    (
        "tiny image",
        "note",
        lambda x: 0 < min(x.width, x.height) < TINY_SIDE,
        "{name}: {look.width}×{look.height} pixels.",
    ),
    ("animated image", "note", lambda x: x.animated, "{name}: has several frames; the first is used."),
    (
        "deep image",
        "note",
        lambda x: x.mode.startswith(DEEP_MODES),
        "{name}: has more than 8 bits per pixel ({look.mode}); they are scaled to 8.",
    ),
    ("CMYK image", "note", lambda x: x.mode == "CMYK", "{name}: is turned into RGB."),
    ("rotated image", "note", lambda x: x.turned, "{name}: is turned upright, as its EXIF data say."),
)


def _images(study: Study, names: Sequence[str], looks: Sequence[Look]) -> list[Problem]:
    out = []
    for kind, level, concerns, text in _KINDS:
        at = [i for i, x in enumerate(looks) if concerns(x)]
        if at:
            texts = [text.format(name=names[i], look=looks[i]) for i in at]
            listed = _listed(study.table, np.asarray(at, dtype=np.int64), texts)
            out.append(Problem(kind, len(at), tuple(texts[:EXAMPLES]), level, listed))
    return out + _duplicates(study, names, looks)


def _duplicates(study: Study, names: Sequence[str], looks: Sequence[Look]) -> list[Problem]:
    """Problems: images of equal content under several names, and those in both a test set and training."""
    groups: dict[bytes, list[int]] = {}
    for i, x in enumerate(looks):
        if not x.error:
            groups.setdefault(x.digest, []).append(i)
    test = study.is_test
    leaks, twins = [], []
    for group in groups.values():
        if len(group) == 1:
            continue
        learn, held = [i for i in group if not test[i]], [i for i in group if test[i]]
        leaks += [(i, held[0]) for i in learn if held]
        twins += [(i, learn[0]) for i in learn[1:]]
    labels = _labels_by_item(study.table, {i for pair in (*leaks, *twins) for i in pair})
    out = []
    for kind, pairs, say in (
        ("test image in training", leaks, "{0} is the test image {1} under another name: it is learned from"),
        ("duplicate image", twins, "{0} has the content of {1}"),
    ):
        if not pairs:
            continue
        texts = [say.format(names[i], names[j]) + _differ(labels.get(i, ""), labels.get(j, "")) + "." for i, j in pairs]
        listed = _listed(study.table, np.asarray([i for i, _ in pairs]), texts)
        out.append(Problem(kind, len(pairs), tuple(texts[:EXAMPLES]), listing=listed))
    return out


def _labels_by_item(table: AnnotationTable, items: set[int]) -> dict[int, str]:
    """The annotations of each of these items, as text."""
    out: dict[int, list[str]] = {}
    for e in np.flatnonzero(np.isin(table.item, list(items))):
        text = f"{table.coders[table.coder[e]]}: {table.classes[table.label[e]]}"
        out.setdefault(int(table.item[e]), []).append(text)
    return {i: ", ".join(texts[:EXAMPLES]) for i, texts in out.items()}


def _differ(mine: str, theirs: str) -> str:
    return f" ({mine} and {theirs})" if mine and theirs and mine != theirs else ""
