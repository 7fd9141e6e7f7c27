"""How a dataset was read: tables and the roles of their columns, splits, names, missing values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .questions import Question

ROLES = ("image", "label", "coder", "count", "split", "truth", "confidence", "annotator", "votes", "ignored")


@dataclass(frozen=True)
class TableReading:
    """How one table was read.

    Attributes
    ----------
    file : its name.
    shape : long (a row per annotation), wide (a column per annotator), single (one column of labels), votes (a column
        per class), truth (known truth) or none (no labels).
    columns : column as the file spells it → image, label, coder, count, split, truth, confidence, annotator, votes or
        ignored.
    """

    file: str
    shape: str
    columns: Mapping[str, str]

    @classmethod
    def of(cls, file: str, shape: str, titles: Iterable[str], roles: Mapping[str, str]) -> TableReading:
        """A table whose columns have these roles, by their names in lower case; all others are ignored."""
        return cls(file, shape, {t: roles.get(t.lower(), "ignored") for t in titles})

    def to_json(self) -> dict[str, Any]:
        return {"file": self.file, "shape": self.shape, "columns": dict(self.columns)}


@dataclass(frozen=True)
class DatasetReading:
    """How a whole dataset was read.

    Attributes
    ----------
    tables : how each table was read.
    splits : folder, file or value of a split column → train, test or ignore.
    names : rule → how many image names of the tables were matched by it.
    missing : value → how many cells or rows with it were taken for "no label".
    questions : the open questions.
    """

    tables: Sequence[TableReading] = ()
    splits: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The reading as ``inspect --json`` prints it, without the questions, which have a key of their own there."""
        return {
            "tables": [t.to_json() for t in self.tables],
            "splits": dict(self.splits),
            "names": dict(self.names),
            "missing": dict(self.missing),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], questions: Sequence[Mapping[str, Any]]) -> DatasetReading:
        tables = [TableReading(t["file"], t["shape"], t["columns"]) for t in content["tables"]]
        open_questions = tuple(Question.from_json(dict(q)) for q in questions)
        return cls(tables, content["splits"], content["names"], content["missing"], open_questions)
