"""The image lists of the authors' release: ``path l1 l2 l3 [l4]`` in each line, −1 for an absent label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...errors import DatasetError
from ..coded_columns import categorical, coded
from ..names.class_numbers import number
from ..names.image_names import match_names
from ..reading import Match, Reading, Rows
from ..sources.files import Files, suffix
from ..sources.text_files import read_lines
from ..study import Problem
from ..tables.classes_file import read_classes

FORMAT = "ltnet-list"
RANK = 390
TITLE = "LTNet image list"
LAYOUT = """\
train.txt          path l1 l2 l3 [l4]          class numbers from 0, −1 where a coder gave none; blanks or tabs between
test.txt           path label                  optional: known truth of test images
classes.csv        class[,code]                optional: names for the numbers"""
NOTE = """\
Coders are called `coder1`, `coder2` … by their column."""

NUMBER = re.compile(r"-?[0-9]{1,9}")
BLANKS = " \t"
LONGEST_LINE = 10_000
ABSENT = -1


def _lists(files: Files) -> list[str]:
    return [n for n in files.names if suffix(n) in (".txt", ".lst", ".list") and "/" not in n]


def _first(files: Files, name: str) -> list[int]:
    """The numbers of the first line; empty where the line is no path with numbers."""
    head = files.head(name, 4096).decode("utf-8", "replace")
    path, numbers = _parts(head.replace("\r", "\n").split("\n", 1)[0])
    known = bool(suffix(path)) or match_names([path], files.images).images[0] in files
    return numbers if known else []


def _parts(line: str) -> tuple[str, list[int]]:
    """The path of a line and the numbers after it."""
    path = line.strip(BLANKS)
    numbers: list[int] = []
    while True:
        cut = max(map(path.rfind, BLANKS))
        if cut < 0 or NUMBER.fullmatch(path, cut + 1) is None:
            return path.strip(), numbers[::-1]
        numbers.append(int(path[cut + 1 :]))
        path = path[:cut].rstrip(BLANKS)


def _is_test(name: str) -> bool:
    return name.lower().startswith(("test", "val"))


def match(files: Files) -> Match:
    """Recognised by a first line of a path and numbers."""
    for name in _lists(files):
        labels = _first(files, name)
        if labels and not _is_test(name):
            return Match(True, f"{name} with {len(labels)} labels after each path")
    for name in _lists(files):
        head = files.head(name, 4096).decode("utf-8", "replace").replace("\r", "\n").split("\n")
        cells = head[0].split()
        if len(cells) > 1 and len(head) > 1 and _parts(head[1])[1] and len(head[1].split()) == len(cells):
            shown = head[0].strip()[:200]
            text = f"{name} has a header ({shown}) and blanks between its cells; save it as CSV with commas"
            return Match(False, text, 0.7)
    names = _lists(files)
    return Match(False, "no list with a path and class numbers in each line", 0.2 if names else 0.0)


def read(files: Files, name: str) -> Reading:
    """Read the lists; coders are called by their column, ``coder1`` and so on.

    Raises
    ------
    DatasetError
        a line has no path, another number of labels than the first, or a number that is no class.
    """
    labels, truth, problems = [], [], []
    lists = {file: _lines(files, file) for file in _lists(files) if _first(files, file)}
    if not lists:
        raise DatasetError("there is no list with a path and class numbers in each line.", file=name)
    classes, codes = read_classes(files)
    numbered = _names([numbers for _, numbers, _ in lists.values()], classes, codes)
    last = max(numbered)
    names = np.asarray([numbered.get(k, "") for k in range(last + 1)], dtype=object)
    for file, (paths, numbers, rows) in lists.items():
        wrong = np.flatnonzero(((numbers > last) | (numbers < ABSENT)).any(1))
        if len(wrong):
            text = f"class numbers must lie between {min(numbered)} and {last}, or be -1 for none."
            raise DatasetError(text, file=file, row=int(rows[wrong[0]]))
        if _is_test(file):
            known = numbers[:, 0] != ABSENT
            images = [p for p, k in zip(paths, known, strict=True) if k]
            truth.append(_truth(file, images, names[numbers[known, 0]], rows[known]))
            continue
        item, coder = np.nonzero(numbers != ABSENT)
        repeated = [p for p, n in Counter(paths).items() if n > 1]
        if repeated:
            problems.append(
                Problem("image listed twice", len(repeated), tuple(f"{file}: {p!r}" for p in repeated[:5]), "error")
            )
        frame = pd.DataFrame(
            {
                "image": categorical(paths).take(item),
                "coder": coded(coder, [f"coder{c + 1}" for c in range(numbers.shape[1])]),
                "label": categorical(names[numbers[item, coder]]),
            }
        )
        labels.append(Rows(file, frame, rows[item]))
    return Reading(files, files.images, labels, truth, classes or list(numbered.values()), codes, problems=problems)


def _names(lists: Sequence[np.ndarray], classes: Sequence[str] | None, codes: Sequence[str] | None) -> dict[int, str]:
    """Class number → class: its place from 0, or from 1 where the last one is one too high; a code, if all are codes.

    Codes of classes that are called by number are those of this program, and no labels.
    """
    used = {int(k) for numbers in lists for k in np.unique(numbers)} - {ABSENT}
    if classes is None:
        return {k: str(k) for k in range(max(used, default=0) + 1)}
    own = {int(c): k for c, k in zip(codes or (), classes, strict=False) if c.isdecimal() and number(k) is None}
    if used and used <= set(own):
        return own
    return dict(enumerate(classes, int(0 not in used and max(used, default=0) == len(classes))))


def _truth(file: str, paths: list[str], labels: np.ndarray, rows: np.ndarray) -> Rows:
    frame = pd.DataFrame(
        {
            "image": categorical(paths),
            "label": categorical(labels),
            "split": categorical(["test"] * len(paths)),
        }
    )
    return Rows(file, frame, rows)


def _lines(files: Files, file: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Paths, (lines, labels) numbers and line numbers of a list."""
    paths, labels, rows, width = [], [], [], None
    for row, line in enumerate(read_lines(files, file, "strict"), 1):
        if not line.strip():
            continue
        path, numbers = _parts(line) if len(line) <= LONGEST_LINE else ("", [])
        if not path or not numbers:
            raise DatasetError("expected a path and one number per coder.", file=file, row=row)
        width = width or len(numbers)
        if len(numbers) != width:
            raise DatasetError(f"has {len(numbers)} labels, the first line {width}.", file=file, row=row)
        if max(map(abs, numbers)) > 10_000:
            raise DatasetError("class numbers must lie between 0 and 9,999, or be -1 for none.", file=file, row=row)
        paths.append(path)
        labels.append(numbers)
        rows.append(row)
    return paths, np.asarray(labels, dtype=np.int64), np.asarray(rows, dtype=np.int32)
