"""From what a reader found, as text, to a checked :class:`Study`; every format goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations import AnnotationTable, find_problems
from ..errors import DatasetError, did_you_mean
from .class_names import near_misses
from .reading import Reading, Rows
from .study import EXAMPLES, Level, Problem, Study, short_codes
from .tables import coded, mapped, united


def assemble(reading: Reading, name: str, format: str, why: str) -> Study:
    """Check everything; what cannot be used is set aside and said.

    Raises
    ------
    DatasetError
        fewer than two classes, or no usable annotation.
    """
    labels, truth = _joined(reading.labels), _joined(reading.truth)
    source = reading.labels[0].file if reading.labels else name
    problems = [*(p for r in (*reading.labels, *reading.truth) for p in r.remarks), *reading.problems]
    if labels is None:
        if problems:
            raise DatasetError(f"no annotation is usable; the first: {problems[0].examples[0]}", file=source)
        raise DatasetError("has a header but no annotations.", file=source)
    if reading.files.passed_over:
        odd = reading.files.passed_over
        problems.append(Problem("entry passed over", len(odd), odd[:EXAMPLES]))
    images = list(reading.images)
    both = [r for r in (labels, truth) if r is not None]
    if images:
        both = [_with_image_names(r, images) for r in both]
    else:
        images = sorted({n for r in both for n in r.frame["image"].cat.categories} - {""})
    labels, truth = both[0], both[1] if truth is not None else None

    classes = _classes(reading, both, source)
    if reading.classes is not None:
        both = [_numbered(r, classes) for r in both]
        labels, truth = both[0], both[1] if truth is not None else None
    table, found = _table(labels, images, classes)
    problems += found
    known = np.full(len(images), -1, dtype=np.int32)
    test_set = np.full(len(images), "", dtype=object)
    if truth is not None:
        problems += _apply_truth(truth, images, classes, known, test_set)
    if not reading.images:
        text = "no image is in the dataset; the labels can be aggregated, but training needs images."
        problems.append(Problem("missing image", len(images), (text,)))
    problems = merge(problems)
    counts = table.class_counts().sum(0)
    used = counts + np.bincount(known[known >= 0], minlength=len(classes))
    unused = [c for c, n in zip(classes, used, strict=True) if n == 0]
    if unused:
        idle = tuple(f"class {c!r} is listed but nobody used it." for c in unused[:EXAMPLES])
        problems.append(Problem("unused class", len(unused), idle))
    alike = near_misses(classes, counts)
    if alike:
        texts = tuple(f"class {a!r} ({int(n):,}) looks like {b!r}; one may be a misspelling." for a, b, n in alike)
        problems.append(Problem("similar class names", len(alike), texts[:EXAMPLES]))
    return Study(
        name,
        format,
        reading.files,
        table,
        tuple(reading.codes) if reading.codes else short_codes(tuple(classes)),
        known,
        test_set,
        {c: np.asarray(cells, dtype=np.float64) for c, cells in reading.planted.items()},
        tuple(problems),
        why,
        bool(reading.images),
    )


def merge(problems: Sequence[Problem]) -> list[Problem]:
    """One problem per kind and level; counts are rows, of all files together."""
    out: dict[tuple[str, str], Problem] = {}
    for p in problems:
        before = out.get((p.kind, p.level))
        if before is not None:
            parts = [x.listing for x in (before, p) if x.listing is not None]
            p = replace(
                p,
                count=before.count + p.count,
                examples=(before.examples + p.examples)[: 2 * EXAMPLES],
                listing=pd.concat([x.astype(object) for x in parts], ignore_index=True) if parts else None,
            )
        out[p.kind, p.level] = p
    return list(out.values())


class _All:
    """Rows of all files, one after the other."""

    def __init__(self, frame: pd.DataFrame, file: NDArray[np.int16], names: Sequence[str], row: NDArray[np.int32]):
        self.frame, self.file, self.names, self.row = frame, file, names, row

    def where(self, position: int) -> str:
        return f"{self.names[self.file[position]]}, row {int(self.row[position])}"

    def problem(self, kind: str, rows: NDArray[np.int64], texts: Sequence[str], level: Level = "warning") -> Problem:
        """A problem of these positions, with a sentence about each of the first."""
        listing = pd.DataFrame(
            {
                "file": coded(self.file[rows], self.names),
                "row": self.row[rows],
                "image": self.frame["image"].iloc[rows].array,
                "detail": self.frame["label"].iloc[rows].array,
            }
        )
        told = tuple(f"{self.where(int(r))}: {t}" for r, t in zip(rows[:EXAMPLES], texts, strict=False))
        return Problem(kind, len(rows), told, level, listing)

    def changed(self, column: str, names: Sequence[str]) -> _All:
        """The same with another name for each value of a column."""
        return _All(self.frame.assign(**{column: mapped(self.frame[column], names)}), self.file, self.names, self.row)


def _joined(parts: Sequence[Rows]) -> _All | None:
    parts = [p for p in parts if len(p)]
    if not parts:
        return None
    names = list(dict.fromkeys(p.file for p in parts))
    file = np.concatenate([np.full(len(p), names.index(p.file), dtype=np.int16) for p in parts])
    row = np.concatenate([p.row for p in parts])
    columns = list(dict.fromkeys(c for p in parts for c in p.frame.columns))
    if len(parts) == 1:
        return _All(parts[0].frame.reset_index(drop=True), file, names, row)
    frame: dict[str, Any] = {}
    for column in columns:
        if column == "count":
            frame[column] = np.concatenate([p.frame[column] if column in p.frame else np.ones(len(p)) for p in parts])
        else:
            blank = [coded(np.zeros(len(p), dtype=np.int8), [""]) for p in parts]
            frame[column] = united(
                [p.frame[column].array if column in p.frame else b for p, b in zip(parts, blank, strict=True)]
            )
    return _All(pd.DataFrame(frame), file, names, row)


def _with_image_names(rows: _All, images: Sequence[str]) -> _All:
    """The rows with the dataset's own names for images that they name in another way."""
    given = rows.frame["image"].cat.categories
    return rows.changed("image", resolve([str(n) for n in given], images))


def resolve(names: Sequence[str], images: Sequence[str]) -> list[str]:
    """Each name as the dataset lists it, or as it stands where that is not clear.

    Slashes turn forward, ``./`` goes, ``images/`` or whatever folders come before it are
    added where that leaves one image, and folders of an absolute path are dropped where
    the rest is an image.
    """
    known = frozenset(images)
    out = list(names)
    left = []
    for i, name in enumerate(names):
        if name in known:
            continue
        plain = name.replace("\\", "/")
        while plain.startswith("./"):
            plain = plain[2:]
        out[i] = plain
        if plain not in known:
            if "images/" + plain in known:
                out[i] = "images/" + plain
            elif plain:
                left.append(i)
    if not left:
        return out
    ends: dict[str, list[str]] = {}
    for image in images:
        ends.setdefault(image.rsplit("/", 1)[-1], []).append(image)
    for i in left:
        plain = out[i]
        same = ends.get(plain.rsplit("/", 1)[-1], ())
        fitting = [m for m in same if m.endswith("/" + plain) or plain.endswith("/" + m)]
        if len(fitting) == 1 and ".." not in plain.split("/"):
            out[i] = fitting[0]
    return out


def _classes(reading: Reading, rows: Sequence[_All], source: str) -> list[str]:
    if reading.classes is not None:
        classes = list(reading.classes)
    else:
        classes = sorted({str(n) for r in rows for n in r.frame["label"].cat.categories} - {""})
    if len(classes) < 2:
        raise DatasetError(
            f"only the class {classes[0]!r} occurs; at least two are needed." if classes else "no class is named.",
            file=source,
        )
    return classes


def _numbered(rows: _All, classes: Sequence[str]) -> _All:
    """Labels that are numbers are places in the list of classes, from 0, unless a class is called so."""
    given = [str(n) for n in rows.frame["label"].cat.categories]
    places = {str(i): c for i, c in enumerate(classes)}
    if set(given) & set(classes) or not all(g in places for g in given if g):
        return rows
    return rows.changed("label", [places.get(g, g) for g in given])


def _table(rows: _All, images: list[str], classes: list[str]) -> tuple[AnnotationTable, list[Problem]]:
    """The annotation table of the usable rows, and what was wrong with the others."""
    frame, problems = rows.frame, []
    aside = np.zeros(len(frame), dtype=np.bool_)
    for kind, at, message in find_problems(frame, items=images, classes=classes):
        if kind == "unknown image":
            kind = "missing image"
            # An empty name is told above.
            at = at[(frame["image"].iloc[at] != "").to_numpy()]
            if not len(at):
                continue
            texts = [f"image {frame['image'].iloc[r]!r} is listed but not in the dataset." for r in at[:EXAMPLES]]
            problems.append(rows.problem(kind, at, texts))
        else:
            if kind == "duplicate annotation":
                message = _duplicate(rows, int(at[0]))
            shown = [c for c in ("image", "coder", "label", "count") if c in frame]
            texts = [message, *(f"{kind}: {dict(frame[shown].iloc[r])}" for r in at[1:EXAMPLES])]
            problems.append(rows.problem(kind, at, texts, "error"))
        aside[at] = True
    coders = sorted({str(c) for c in frame["coder"].cat.categories} - {""})
    good = frame[~aside] if aside.any() else frame
    speaking = set(good["coder"].cat.categories[np.unique(good["coder"].cat.codes)])
    source = rows.names[0]
    for coder in [c for c in coders if c not in speaking]:
        problems.append(Problem("empty coder", 1, (f"{source}: coder {coder!r} has no usable annotation.",)))
    coders = [c for c in coders if c in speaking]
    if not coders:
        first = problems[0].examples[0] if problems else ""
        raise DatasetError(f"no annotation is usable; the first: {first}", file=source)
    return AnnotationTable.checked(good, items=images, classes=classes, coders=coders), problems


def _duplicate(rows: _All, position: int) -> str:
    """The sentence about an annotation that was given before."""
    frame = rows.frame
    key = ["image", "coder", "label"] if "count" in frame else ["image", "coder"]
    same = np.logical_and.reduce([(frame[c] == frame[c].iloc[position]).to_numpy() for c in key])
    first = int(np.flatnonzero(same)[0])
    place = f"row {int(rows.row[first])}" if rows.file[first] == rows.file[position] else rows.where(first)
    return (
        f"duplicate annotation: coder {frame['coder'].iloc[position]!r} annotated {frame['image'].iloc[position]!r} in "
        f"{place}; keep one, or use a count column."
    )


def _apply_truth(
    rows: _All, images: list[str], classes: list[str], truth: NDArray[np.int32], test_set: NDArray[np.object_]
) -> list[Problem]:
    """Fill ``truth`` and ``test_set`` (both (N,)) from the known truth; return what was wrong with it."""
    problems, frame = [], rows.frame

    def places(column: str, names: Sequence[str]) -> NDArray[np.int64]:
        cells = frame[column].cat
        found = pd.Index(np.asarray(names, dtype=object), dtype=object).get_indexer(cells.categories)
        return np.asarray(found[cells.codes], dtype=np.int64)

    item, label = places("image", images), places("label", classes)
    at = np.flatnonzero(item < 0)
    if len(at):
        texts = [f"image {frame['image'].iloc[r]!r} is listed but not in the dataset." for r in at[:EXAMPLES]]
        problems.append(rows.problem("missing image", at, texts))
    at = np.flatnonzero((label < 0) & (item >= 0))
    if len(at):
        texts = [
            f"unknown class {frame['label'].iloc[r]!r}; known are {', '.join(classes)}."
            + did_you_mean(str(frame["label"].iloc[r]), classes)
            for r in at[:EXAMPLES]
        ]
        problems.append(rows.problem("unknown class", at, texts, "error"))
    at = np.flatnonzero(pd.Series(item).duplicated().to_numpy() & (item >= 0))
    if len(at):
        texts = [f"the truth of {frame['image'].iloc[r]!r} is given twice." for r in at[:EXAMPLES]]
        problems.append(rows.problem("duplicate truth", at, texts, "error"))
    good = (item >= 0) & (label >= 0)
    truth[item[good]] = label[good]
    if "split" in frame:
        tests = {s: s for s in frame["split"].cat.categories if str(s).lower() == "test" or str(s).startswith("test:")}
        split = frame["split"].cat.categories.isin(list(tests))[frame["split"].cat.codes]
        named = [str(s).partition(":")[2] or "test" for s in frame["split"].cat.categories]
        held = good & split
        test_set[item[held]] = np.asarray(named, dtype=object)[frame["split"].cat.codes[held]]
    return problems
