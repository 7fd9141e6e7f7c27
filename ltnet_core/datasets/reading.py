"""The result of a format's reader: text, before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .dataset_reading import TableReading
from .questions import Question
from .sources.files import Files
from .study import Problem
from .tables.table import Table


@dataclass(frozen=True)
class Match:
    """Whether files have a format.

    Attributes
    ----------
    fits : whether the format can read them.
    text : what the format was recognised by, or, where it does not fit, what is missing.
    likeness : 0..1, how near to the format files are that do not fit.
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
    remarks : problems of the file itself.
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
    """A dataset as its format's reader returns it.

    Attributes
    ----------
    files : the source of the images' bytes.
    images : names of the images in ``files``; none where only labels were given.
    labels : annotations. truth : known truth.
    classes, codes : names in their order and short codes, where the dataset says so.
    planted : coder → cells over ``planted_classes``, true matrices that the dataset brings.
    problems : the problems so far.
    tables, splits, missing, questions : as in :class:`DatasetReading`.
    parts : image → test or test:NAME, for images that are held out by their folder.
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

    A module of this package that has a ``FORMAT`` is a reader. Readers are asked whether files match in the order of
    ``RANK``, special formats before general ones; a reader without it is asked last. ``LAYOUT`` shows the files of the
    format, and ``NOTE`` is a note in Markdown; ``docs/datasets.md`` is made of both. With ``CORRECTABLE = True`` both
    functions also take a person's corrections. With ``CHOOSES = True``, as exports of tools have it, only ``read``
    takes them: the question that holds the labels, and the parts to train on; with ``OWN_COLUMNS = True`` they may also
    name its columns.
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
