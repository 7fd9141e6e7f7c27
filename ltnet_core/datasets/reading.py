"""What a format's reader finds in files, as text, before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .dataset_reading import TableReading
from .files import Files
from .questions import Question
from .study import Problem
from .tables import Table


@dataclass(frozen=True)
class Match:
    """Whether files have a format.

    Attributes
    ----------
    fits : it can be read so.
    text : where it fits, what it was recognised by; where it does not, what is missing.
    likeness : 0..1, how near files that do not fit come to it.
    """

    fits: bool
    text: str
    likeness: float = 0.0


@dataclass(frozen=True)
class Rows:
    """Rows of one file.

    Attributes
    ----------
    file : its name.
    frame : categorical text columns. Annotations: ``image, coder, label`` and, for votes,
        ``count`` (float). Known truth: ``image, label``. Both optionally ``split``: train, ignore, test or test:NAME.
    row : (rows,) row in the file.
    remarks : what was wrong with the file itself.
    """

    file: str
    frame: pd.DataFrame
    row: NDArray[np.int32]
    remarks: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, table: Table, columns: Mapping[str, str]) -> Rows:
        """Columns of a table under other names, ``{new: old}``."""
        frame = pd.DataFrame({new: table.frame[old] for new, old in columns.items()})
        if "count" in frame:
            frame["count"] = table.numbers(columns["count"])
            frame["count_text"] = table.frame[columns["count"]]
        return cls(table.file, frame, table.row, table.remarks())

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class Reading:
    """A dataset as its format's reader understood it.

    Attributes
    ----------
    files : where image bytes come from.
    images : names of the images in ``files``; none where only labels were given.
    labels : annotations. truth : known truth.
    classes, codes : names in their order and short codes, where the dataset says so.
    planted : coder → cells over ``planted_classes``, true matrices that the dataset brings.
    problems : what was found wrong so far.
    tables, splits, missing, questions : how it was read, as in :class:`DatasetReading`.
    parts : image → test or test:NAME, for images that are held out by where they lie.
    written : the classes as they are written, where that is known.
    """

    files: Files = field(repr=False)
    images: Sequence[str] = field(repr=False)
    labels: Sequence[Rows] = ()
    truth: Sequence[Rows] = ()
    classes: Sequence[str] | None = None
    codes: Sequence[str] | None = None
    planted: Mapping[str, Any] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    tables: Sequence[TableReading] = ()
    splits: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    questions: Sequence[Question] = ()
    parts: Mapping[str, str] = field(default_factory=dict, repr=False)
    written: frozenset[str] | None = field(default=None, repr=False)


class Format(Protocol):
    """A module that reads one format.

    A module of this package that has a ``FORMAT`` is a reader. ``RANK`` is its place in the order of asking, the more
    special first; without it, it is asked last. ``LAYOUT`` shows its files, ``NOTE`` says in Markdown what is special
    about it; both make up ``docs/datasets.md``. Where it sets ``CORRECTABLE = True`` both functions also take the
    corrections of a person; where it sets ``CHOOSES = True``, as exports of tools do, only ``read`` does: which
    question holds the labels, and which parts are trained on.
    """

    FORMAT: str
    RANK: int
    TITLE: str
    LAYOUT: str
    NOTE: str

    def match(self, files: Files) -> Match:
        """Whether the files have this format."""

    def read(self, files: Files, name: str) -> Reading:
        """Read them; ``name`` is the dataset's. Raises DatasetError."""
