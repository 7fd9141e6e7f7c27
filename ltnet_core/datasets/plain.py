"""The plain dataset folder: ``images/``, ``annotations.csv``, and optionally ``truth.csv`` and ``classes.csv``."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations import AnnotationTable, find_problems
from ..errors import DatasetError, did_you_mean
from .files import Files, is_image_name
from .study import Problem, Study, short_codes

FORMAT = "plain"
EXAMPLES = 5


def recognises(files: Files) -> bool:
    """Whether the files look like a plain dataset folder."""
    return "annotations.csv" in files


def read_csv(files: Files, name: str, required: tuple[str, ...]) -> pd.DataFrame:
    """A CSV file as text columns, names and cells stripped of blanks around them.

    Raises
    ------
    DatasetError
        empty, not text, not a table, or without a required column.
    """
    data = files.read(name)
    if not data.strip():
        raise DatasetError(f"is empty; expected a header row {','.join(required)}.", file=name)
    if b"\0" in data[:65536]:
        raise DatasetError("is not text; expected a CSV file in UTF-8.", file=name)
    try:
        frame = pd.read_csv(
            io.BytesIO(data), dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
        )
    except UnicodeDecodeError as e:
        row = data[: e.start].count(b"\n") + 1
        raise DatasetError("is not UTF-8 text; save it as UTF-8.", file=name, row=row) from e
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as e:
        raise DatasetError(f"is not a CSV table ({str(e).strip()}).", file=name) from e
    frame.columns = [str(c).strip().lower() for c in frame.columns]
    for column in required:
        if column not in frame.columns:
            raise DatasetError(
                f"column {column!r} is missing; found {', '.join(map(repr, frame.columns))}."
                + did_you_mean(column, list(frame.columns)),
                file=name,
                row=1,
            )
    for column in frame.columns:
        frame[column] = frame[column].fillna("").str.strip()
    return frame


def _image_names(column: pd.Series, known: frozenset[str]) -> pd.Series:
    """Names as the dataset lists them: slashes forward, ``./`` gone, ``images/`` added where it was left out."""
    names = column.str.replace("\\", "/", regex=False).str.replace(r"^(\./)+", "", regex=True)
    short = ~names.isin(known) & ("images/" + names).isin(known)
    return names.where(~short, "images/" + names)


def _examples(file: str, rows: NDArray[Any], texts: list[str]) -> tuple[str, ...]:
    return tuple(f"{file}, row {int(r) + 2}: {t}" for r, t in zip(rows[:EXAMPLES], texts, strict=False))


def merge(problems: list[Problem]) -> list[Problem]:
    """One problem per kind and level; counts are rows, of all files together."""
    out: dict[tuple[str, str], Problem] = {}
    for p in problems:
        before = out.get((p.kind, p.level))
        if before is not None:
            p = replace(p, count=before.count + p.count, examples=before.examples + p.examples)
        out[p.kind, p.level] = p
    return list(out.values())


def _read_classes(files: Files) -> tuple[list[str], list[str] | None] | None:
    if "classes.csv" not in files:
        return None
    frame = read_csv(files, "classes.csv", ("class",))
    names = frame["class"].tolist()
    for row, name in enumerate(names):
        if not name:
            raise DatasetError("the class is empty.", file="classes.csv", row=row + 2)
        if name in names[:row]:
            raise DatasetError(f"class {name!r} is listed twice.", file="classes.csv", row=row + 2)
    if len(names) < 2:
        raise DatasetError(f"lists {len(names)} classes; at least two are needed.", file="classes.csv")
    if "code" not in frame.columns:
        return names, None
    codes = frame["code"].tolist()
    for row, code in enumerate(codes):
        if not code:
            raise DatasetError("the code is empty.", file="classes.csv", row=row + 2)
        if code in codes[:row]:
            raise DatasetError(f"code {code!r} is used twice; codes must be unique.", file="classes.csv", row=row + 2)
    return names, codes


def _read_planted(files: Files, classes: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """True matrices (K,K) that the dataset brings; a row of NaN for a class they do not know."""
    name = "planted_T.json"
    if name not in files:
        return {}
    try:
        content = json.loads(files.read(name))
        place = [classes.index(c) for c in content["classes"]]
        out = {}
        for coder, cells in content["coders"].items():
            planted = np.asarray(cells, dtype=np.float64)
            if not np.allclose(planted.sum(1), 1, atol=1e-3) or planted.min() < 0:
                raise DatasetError(f"the rows of coder {coder!r} are not probabilities.", file=name)
            out[coder] = np.full((len(classes), len(classes)), np.nan)
            out[coder][place] = 0.0
            out[coder][np.ix_(place, place)] = planted
    except DatasetError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as e:
        raise DatasetError(
            f'expected {{"classes": [...], "coders": {{NAME: K x K}}}} over the dataset\'s classes ({e}).', file=name
        ) from e
    return out


def read(files: Files, name: str) -> Study:
    """Read a plain dataset folder.

    Raises
    ------
    DatasetError
        a file is broken, a column is missing, there are no images or no usable annotation.
    """
    frame = read_csv(files, "annotations.csv", ("image", "coder", "label"))
    if not len(frame):
        raise DatasetError("has a header but no annotations.", file="annotations.csv")
    images = [n for n in files.names if is_image_name(n) and n.startswith("images/")]
    if not images:
        raise DatasetError("there are no images; put them into images/ (any depth, any names).", file=name)
    known = frozenset(images)
    frame["image"] = _image_names(frame["image"], known)
    truth_frame = _read_truth(files, known)
    listed = _read_classes(files)

    found = set(frame["label"]) | (set(truth_frame["label"]) if truth_frame is not None else set())
    classes = listed[0] if listed else sorted(found - {""})
    if len(classes) < 2:
        raise DatasetError(
            f"only the class {classes[0]!r} occurs; at least two are needed." if classes else "no class is named.",
            file="annotations.csv",
        )
    problems: list[Problem] = []
    aside = np.zeros(len(frame), dtype=np.bool_)
    for kind, rows, message in find_problems(frame, items=images, classes=classes):
        if kind == "unknown image":
            kind = "missing image"
            texts = [f"image {frame['image'].iloc[r]!r} is listed but not in the dataset." for r in rows[:EXAMPLES]]
            problems.append(Problem(kind, len(rows), _examples("annotations.csv", rows, texts)))
        else:
            texts = [message, *(f"{kind}: {dict(frame.iloc[r])}" for r in rows[1:EXAMPLES])]
            problems.append(Problem(kind, len(rows), _examples("annotations.csv", rows, texts), "error"))
        aside[rows] = True
    coders = sorted({c for c in frame["coder"] if c})
    good = frame[~aside]
    for coder in [c for c in coders if not (good["coder"] == c).any()]:
        problems.append(
            Problem("empty coder", 1, (f"annotations.csv: coder {coder!r} has no usable annotation.",), "warning")
        )
    coders = [c for c in coders if (good["coder"] == c).any()]
    if not coders:
        first = problems[0].examples[0] if problems else ""
        raise DatasetError(f"no annotation is usable; the first: {first}", file="annotations.csv")
    table = AnnotationTable.from_frame(good, items=images, classes=classes, coders=coders, source="annotations.csv")

    truth = np.full(len(images), -1, dtype=np.int32)
    test_set = np.full(len(images), "", dtype=object)
    if truth_frame is not None:
        problems = merge(problems + _apply_truth(truth_frame, images, classes, truth, test_set))
    used = table.class_counts().sum(0) + np.bincount(truth[truth >= 0], minlength=len(classes))
    unused = [c for c, n in zip(classes, used, strict=True) if n == 0]
    if unused:
        idle = tuple(f"class {c!r} is listed but nobody used it." for c in unused[:EXAMPLES])
        problems.append(Problem("unused class", len(unused), idle))
    codes = tuple(listed[1]) if listed and listed[1] else short_codes(tuple(classes))
    planted = _read_planted(files, tuple(classes))
    return Study(name, FORMAT, files, table, codes, truth, test_set, planted, tuple(problems))


def _read_truth(files: Files, known: frozenset[str]) -> pd.DataFrame | None:
    if "truth.csv" not in files:
        return None
    frame = read_csv(files, "truth.csv", ("image", "label"))
    frame["image"] = _image_names(frame["image"], known)
    return frame


def _apply_truth(
    frame: pd.DataFrame,
    images: list[str],
    classes: list[str],
    truth: NDArray[np.int32],
    test_set: NDArray[Any],
) -> list[Problem]:
    """Fill ``truth`` and ``test_set`` (both (N,)) from truth.csv; return what was wrong with it."""
    problems = []
    item = pd.Index(images).get_indexer(pd.Index(frame["image"]))
    label = pd.Index(classes).get_indexer(pd.Index(frame["label"]))
    rows = np.flatnonzero(item < 0)
    if len(rows):
        texts = [f"image {frame['image'].iloc[r]!r} is listed but not in the dataset." for r in rows[:EXAMPLES]]
        problems.append(Problem("missing image", len(rows), _examples("truth.csv", rows, texts)))
    rows = np.flatnonzero((label < 0) & (item >= 0))
    if len(rows):
        texts = [
            f"unknown class {frame['label'].iloc[r]!r}; known are {', '.join(classes)}."
            + did_you_mean(frame["label"].iloc[r], classes)
            for r in rows[:EXAMPLES]
        ]
        problems.append(Problem("unknown class", len(rows), _examples("truth.csv", rows, texts), "error"))
    rows = np.flatnonzero(frame.duplicated("image").to_numpy() & (item >= 0))
    if len(rows):
        texts = [f"the truth of {frame['image'].iloc[r]!r} is given twice." for r in rows[:EXAMPLES]]
        problems.append(Problem("duplicate truth", len(rows), _examples("truth.csv", rows, texts), "error"))
    good = (item >= 0) & (label >= 0)
    truth[item[good]] = label[good]
    if "split" in frame.columns:
        held = good & (frame["split"].str.lower() == "test").to_numpy()
        test_set[item[held]] = "test"
    return problems
