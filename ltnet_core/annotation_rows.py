"""Rows ``image, coder, label[, count]`` as text: everything that keeps them from being an annotation table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import did_you_mean

MOST_VOTES = 1e9
MACHINE_PREFIX = "machine:"
"""Names of machine coders start so; a human coder may not."""

IntArray = NDArray[np.int64]
Names = Sequence[str]
Problem = tuple[str, IntArray, str]
"""Kind, positions of the rows from 0, and a sentence about the first of them."""


@dataclass(frozen=True)
class Column:
    """A column of text as codes (rows,) into its different values."""

    codes: IntArray
    values: NDArray[Any]

    @classmethod
    def of(cls, column: pd.Series) -> Column:
        if isinstance(column.dtype, pd.CategoricalDtype):
            return cls(column.cat.codes.to_numpy().astype(np.int64), column.cat.categories.to_numpy(dtype=object))
        codes, values = pd.factorize(column.to_numpy(dtype=object))
        return cls(codes.astype(np.int64), values)

    def rows(self, wrong: NDArray[np.bool_], missing: bool = False) -> IntArray:
        """Positions of the rows whose value is ``wrong`` (values,), or missing."""
        return np.flatnonzero(np.append(wrong, missing)[self.codes])  # code −1, a missing value, is the last

    def places(self, known: Sequence[str] | NDArray[Any]) -> NDArray[np.int32]:
        """(rows,) index of each value in ``known``, −1 where it is not there."""
        position = pd.Index(np.asarray(known, dtype=object), dtype=object).get_indexer(self.values)
        return np.append(position, -1)[self.codes].astype(np.int32)

    def used(self) -> list[str]:
        """The values that occur, sorted."""
        return sorted(self.values[np.unique(self.codes)])

    def blank(self) -> NDArray[np.bool_]:
        return np.asarray(self.values == "")


def find_problems(
    frame: pd.DataFrame,
    *,
    items: Names | None,
    classes: Names | None,
    coders: Names | None = None,
) -> list[Problem]:
    """Everything that keeps rows ``image, coder, label[, count]`` from being a table.

    Columns may be categorical; they are looked at once per different value, not once per row.
    """
    image, coder, label = (Column.of(frame[c]) for c in ("image", "coder", "label"))
    return [
        *_empty_cells(image, coder, label),
        *_reserved_names(coder),
        *_unknown_names("class", label, classes),
        *_unknown_names("coder", coder, coders),
        *_unknown_images(frame, image, items),
        *_bad_counts(frame),
        *_duplicates(frame, image, coder, label),
        *_silent_coders(coder, coders),
    ]


def _empty_cells(image: Column, coder: Column, label: Column) -> list[Problem]:
    problems = []
    for name, column in (("image", image), ("coder", coder), ("label", label)):
        rows = column.rows(column.blank(), missing=True)
        if len(rows):
            problems.append((f"empty {name}", rows, f"the {name} is empty; every row needs image, coder and label."))
    return problems


def _reserved_names(coder: Column) -> list[Problem]:
    rows = coder.rows(np.asarray([str(c).startswith(MACHINE_PREFIX) for c in coder.values], dtype=np.bool_))
    if not len(rows):
        return []
    message = (
        f"coder {coder.values[coder.codes[rows[0]]]!r} starts with {MACHINE_PREFIX!r}, which is kept for machine "
        "coders; rename it."
    )
    return [("reserved coder name", rows, message)]


def _unknown_names(axis: str, column: Column, known: Names | None) -> list[Problem]:
    if known is None:
        return []
    rows = column.rows(~np.isin(column.values, np.asarray(known, dtype=object)) & ~column.blank())
    if not len(rows):
        return []
    first = str(column.values[column.codes[rows[0]]])
    message = f"unknown {axis} {first!r}; known are {', '.join(map(str, known))}." + did_you_mean(first, known)
    return [(f"unknown {axis}", rows, message)]


def _unknown_images(frame: pd.DataFrame, image: Column, items: Names | None) -> list[Problem]:
    rows = np.flatnonzero(image.places(items) < 0) if items is not None else np.zeros(0, dtype=np.int64)
    if not len(rows):
        return []
    return [("unknown image", rows, f"annotation for an unknown image {str(frame['image'].iloc[rows[0]])!r}.")]


def _bad_counts(frame: pd.DataFrame) -> list[Problem]:
    if "count" not in frame:
        return []
    counts = pd.to_numeric(frame["count"], errors="coerce").to_numpy(np.float64)
    rows = np.flatnonzero(~((counts > 0) & (counts <= MOST_VOTES)))
    if not len(rows):
        return []
    value = frame["count_text" if "count_text" in frame else "count"].iloc[rows[0]]
    shown = repr(value) if isinstance(value, str) else f"{value:g}"
    return [("bad count", rows, f"count {shown} is not a positive number of votes.")]


def _duplicates(frame: pd.DataFrame, image: Column, coder: Column, label: Column) -> list[Problem]:
    """Without a count column a coder has one label per image; with one, it may split its votes over classes."""
    key = image.codes * (len(coder.values) + 1) + coder.codes
    if "count" in frame:
        key = key * (len(label.values) + 1) + label.codes
    rows = np.flatnonzero(pd.Series(key).duplicated(keep="first").to_numpy())
    if not len(rows):
        return []
    again = int(rows[0])
    first = int(np.flatnonzero(key == key[again])[0]) + 2
    message = (
        f"duplicate annotation: coder {frame['coder'].iloc[again]!r} annotated {frame['image'].iloc[again]!r} in row "
        f"{first}; keep one, or use a count column."
    )
    return [("duplicate annotation", rows, message)]


def _silent_coders(coder: Column, coders: Names | None) -> list[Problem]:
    used = set(coder.values[np.unique(coder.codes[coder.codes >= 0])])
    silent = [c for c in coders or () if c not in used]
    if not silent:
        return []
    message = f"coder {silent[0]!r} has no annotations; remove it or add some."
    return [("empty coder", np.zeros(0, dtype=np.int64), message)]
