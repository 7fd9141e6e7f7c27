"""Tables that are made of files of other types, read as if they were tables of the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

from ...errors import DatasetError
from ..corrections import Corrections
from ..questions import Question
from ..reading import Match, Reading
from ..sources.files import MAX_FILE_BYTES, Files
from . import long_table, onehot, votes_table, wide_table

TABLES: tuple[ModuleType, ...] = (long_table, onehot, votes_table, wide_table)
ENDINGS = (".jsonl", ".tsv")
BESIDE = ("classes.csv", "truth.csv")


class AsTables(Files):
    """The images of a dataset, and tables that were made of its other files; ``own`` are the names of these files."""

    def __init__(self, files: Files, tables: Mapping[str, bytes], own: Mapping[str, str] | None = None):
        self._files, self.tables, self.own = files, dict(tables), dict(own or {})
        self.location, self.below, self.passed_over = files.location, files.below, files.passed_over

    def _list(self) -> list[str]:
        return [*self._files.images, *self.tables]

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        return self.tables[name] if name in self.tables else self._files.read(name, limit)

    def head(self, name: str, size: int) -> bytes:
        return self.tables[name][:size] if name in self.tables else self._files.head(name, size)


def match_tables(tables: AsTables, corrections: Corrections) -> tuple[ModuleType | None, Match]:
    """The kind of the tables and what it was recognised by; else what they lack for the nearest kind."""
    nearest = Match(False, "", 0.0)
    for reader in TABLES:
        correctable = hasattr(reader, "CORRECTABLE")
        if corrections.columns and not correctable:
            continue
        matched: Match = reader.match(tables, corrections) if correctable else reader.match(tables)
        if matched.fits:
            return reader, replace(matched, text=_own(tables, matched.text))
        nearest = max(nearest, replace(matched, text=_own(tables, matched.text)), key=lambda m: m.likeness)
    return None, nearest


def read_as_tables(files: Files, tables: AsTables, name: str, corrections: Corrections) -> Reading:
    """Read the tables as their kind is read, with ``classes.csv`` and ``truth.csv`` of the files.

    Raises
    ------
    DatasetError
        they are of no kind, or one is broken.
    """
    reader, matched = match_tables(tables, corrections)
    if reader is None:
        raise DatasetError(f"{matched.text or 'no table of labels'}.", file=name)
    beside = AsTables(files, {**tables.tables, **{n: files.read(n) for n in BESIDE if n in files}}, tables.own)
    reading: Reading = (
        reader.read(beside, name, corrections) if hasattr(reader, "CORRECTABLE") else reader.read(beside, name)
    )
    return replace(
        reading,
        files=files,
        labels=[replace(r, file=_own(tables, r.file)) for r in reading.labels],
        truth=[replace(r, file=_own(tables, r.file)) for r in reading.truth],
        tables=[replace(t, file=_own(tables, t.file)) for t in reading.tables],
        questions=[_asked(tables, q) for q in reading.questions],
    )


def _own(tables: AsTables, text: str) -> str:
    """The text with the names that the files have in the dataset."""
    for name in tables.tables:
        text = text.replace(name, tables.own.get(name, _file(name)))
    return text


def _file(table: str) -> str:
    return table[:-1] if table.endswith(ENDINGS[0]) else table.removesuffix(ENDINGS[1])


def _asked(tables: AsTables, question: Question) -> Question:
    return replace(question, sentence=_own(tables, question.sentence))
