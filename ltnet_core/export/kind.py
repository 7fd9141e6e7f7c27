"""The class of an export, and the registry of exports.

An export is one module of :mod:`ltnet_core.export.kinds`. This module knows no PyTorch: the command line and the page
read an export's entry without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import OptionError
from ..explore.adjudications import COLUMNS, read_decisions
from ..explore.set_aside import read_set_aside
from ..files.writing import behind_link, require_folder
from ..registry import Registry
from ..runs.learned_items import LearnedItems
from ..runs.run import OWN_ADJUDICATIONS, Run


@dataclass(frozen=True)
class Source:
    """The input of an export: a finished run, and the adjudications of its dataset.

    Attributes
    ----------
    run : the run.
    adjudications : file of adjudications, the app's ``.sqlite`` or a CSV; None for those that the run began with.
    title : of a report; empty for the dataset's name when the run began.
    """

    run: Run
    adjudications: Path | None = None
    title: str = ""

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """The settled items, rows of ``COLUMNS``; columns that the file lacks are empty.

        Raises
        ------
        DatasetError
            the file is missing or is no file of adjudications.
        """
        path = self._file
        frame = pd.DataFrame(columns=list(COLUMNS), dtype=str) if path is None else read_decisions(path)
        return frame.reindex(columns=list(COLUMNS), fill_value="")

    @cached_property
    def set_aside(self) -> list[str]:
        """The images that people set aside; no table has them.

        Raises
        ------
        DatasetError
        """
        return [] if self._file is None else read_set_aside(self._file)

    def kept(self, items: LearnedItems) -> LearnedItems:
        """The items without those that are set aside."""
        rows = items.rows(self.set_aside)
        if not (rows >= 0).any():
            return items
        kept = np.ones(len(items), dtype=np.bool_)
        kept[rows[rows >= 0]] = False
        return items.keep(kept)

    @property
    def _file(self) -> Path | None:
        own = self.run.folder / OWN_ADJUDICATIONS
        return self.adjudications or (own if own.is_file() else None)


@dataclass(frozen=True)
class Column:
    """A column of an exported table and what it holds; ``<coder>`` and ``<class>`` stand for any name."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Export:
    """One file, or one kind of file, that can be made of a finished run.

    Attributes
    ----------
    name : what ``--format`` takes. title : its name for people. text : one sentence that says what it holds.
    write : writes the file and returns how many rows it has, None where it has none.
    suffixes : ending → media type of the files that can be written, the usual one first.
    file : the file's name without its ending, where the program that reads it asks for that name.
    columns : of a table, for the glossary.
    flag : whether the command has a flag of that name too: ``--matrices T.json``.
    of_settled : whether it is made of what people settled, and so is empty where nobody settled anything.
    adjudicated : whether what people settled or set aside changes it.
    titled : whether it shows a title, which can be chosen.
    rank : position in lists of exports.
    """

    name: str
    title: str
    text: str
    write: Callable[[Source, Path], int | None]
    suffixes: Mapping[str, str]
    file: str = ""
    columns: tuple[Column, ...] = ()
    flag: bool = False
    of_settled: bool = False
    adjudicated: bool = False
    titled: bool = False
    rank: int = 100


EXPORTS: Registry[Export] = Registry(
    "export", f"{__package__}.kinds", lambda module: module.EXPORT, lambda e: e.name, lambda e: e.rank
)
"""Every export by name, in the order of their ranks."""


def require_writable(name: str, out: Path) -> Export:
    """The export of a name, if the file can be written: its folder exists, its ending is one of the export's.

    Raises
    ------
    OptionError
    """
    export = EXPORTS.named(name)
    if out.suffix.lower() not in export.suffixes:
        endings = " or ".join([", ".join([*export.suffixes][:-1]), [*export.suffixes][-1]]).removeprefix(" or ")
        raise OptionError(f"cannot write {out.name!r}: the name must end in {endings}.")
    require_folder(out)
    return export


def export_run(run: Run, name: str, out: Path, adjudications: Path | None = None, title: str = "") -> int | None:
    """Write one export of a finished run; returns how many rows it has, None where it has none.

    ``adjudications`` is a file of adjudications, the app's ``.sqlite`` or a CSV; by default those that the run began
    with. ``title`` is that of a report, by default the dataset's name when the run began. A link is written through.

    Raises
    ------
    OptionError
        unknown export, an ending that it does not write, or the folder does not exist.
    RunError
        the run is not finished, or one of its files is damaged.
    DatasetError
        the adjudications cannot be read.
    StorageError
        the file could not be written.
    """
    export = require_writable(name, out)
    run.require_complete()
    return export.write(Source(run, adjudications, title), behind_link(out))
