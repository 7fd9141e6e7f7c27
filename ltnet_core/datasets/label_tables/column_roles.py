"""The roles of a table's columns, as they were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..dataset_reading import TableReading
from ..questions import Question


@dataclass(frozen=True)
class Roles:
    """The roles of a table's columns, by their names in lower case.

    Attributes
    ----------
    shape : long, wide, single, votes, truth or none.
    coders : columns of annotators (wide), or the one column of labels (single). votes : columns of classes.
    left : columns that look like labels but are none, for the message.
    missing : what the table lacks to be read, where ``shape`` is none.
    """

    file: str
    shape: str = "none"
    image: str | None = None
    label: str | None = None
    coder: str | None = None
    count: str | None = None
    split: str | None = None
    truth: str | None = None
    confidence: tuple[str, ...] = ()
    coders: tuple[str, ...] = ()
    votes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    missing: str = ""
    columns: tuple[str, ...] = field(default=(), repr=False)

    def reading(self, titles: Mapping[str, str]) -> TableReading:
        """The roles for the user; ``titles`` are the columns' names as the file spells them."""
        of = dict.fromkeys(self.columns, "ignored")
        if self.shape != "none" or self.split is not None:
            for name in ("image", "label", "coder", "count", "split", "truth"):
                column = getattr(self, name)
                if column is not None:
                    of[column] = name
            of.update(dict.fromkeys(self.confidence, "confidence"))
            of.update(dict.fromkeys(self.coders, "annotator" if self.shape == "wide" else "label"))
            of.update(dict.fromkeys(self.votes, "votes"))
        return TableReading(self.file, self.shape, {titles.get(c, c): r for c, r in of.items()})
