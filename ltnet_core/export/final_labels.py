"""The final label of every image: the class it was settled as, else the learned truth; and its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..labels.coder_labels import Labels
from ..runs.learned_items import LearnedItems
from ..runs.stored_results import load_items
from .kind import Source

PART = 16_384  # rows that are in memory as text at once
SETTLED, LEARNED = "settled", "learned"


@dataclass(frozen=True)
class FinalLabels:
    """N images learned from, in the order of the truth table.

    Attributes
    ----------
    items : of the run, without those that are set aside; the first N rows are these images.
    classes : those of the run, then those that occur only among the settled labels.
    label : (N,) index of the final label.
    settled : row → index of its decision in ``decisions``.
    decisions : what people settled, see :attr:`~ltnet_core.export.kind.Source.decisions`.
    """

    items: LearnedItems = field(repr=False)
    classes: tuple[str, ...]
    label: NDArray[np.int64] = field(repr=False)
    settled: dict[int, int] = field(repr=False)
    decisions: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, source: Source) -> FinalLabels:
        """Those of a finished run.

        Raises
        ------
        RunError, DatasetError
        """
        items, decisions = source.kept(load_items(source.run)), source.decisions
        label = items.truth[: items.learned_from()].astype(np.int64)
        classes = list(dict.fromkeys([*items.classes, *decisions["label"]]))
        number = {name: n for n, name in enumerate(classes)}
        rows = items.rows([str(image) for image in decisions["image"]])
        settled = {int(row): at for at, row in enumerate(rows) if 0 <= row < len(label)}
        for row, at in settled.items():
            label[row] = number[decisions["label"].iloc[at]]
        return cls(items, tuple(classes), label, settled, decisions)

    def __len__(self) -> int:
        return len(self.label)

    def parts(self) -> Iterator[Part]:
        """The rows, so many at a time; at least one part."""
        for start in range(0, max(len(self), 1), PART):
            yield Part(self, start, min(start + PART, len(self)))


@dataclass(frozen=True)
class Part:
    """Rows ``start`` to before ``end`` of the final labels."""

    final: FinalLabels
    start: int
    end: int

    @property
    def images(self) -> list[str]:
        """(n,) their names."""
        names: list[str] = self.final.items.names[self.start : self.end].to_pylist()
        return names

    @property
    def labels(self) -> list[str]:
        """(n,) their final labels."""
        return [self.final.classes[k] for k in self.final.label[self.start : self.end].tolist()]

    @property
    def learned(self) -> list[str]:
        """(n,) their learned truth."""
        return [self.final.items.classes[k] for k in self.final.items.truth[self.start : self.end].tolist()]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """(n,) probability of the learned truth."""
        return np.asarray(self.final.items.confidence[self.start : self.end], dtype=np.float64)

    @property
    def decision(self) -> list[int | None]:
        """(n,) index of the decision that settled each, None where the label is the learned one."""
        return [self.final.settled.get(row) for row in range(self.start, self.end)]

    @property
    def coder_labels(self) -> Labels:
        """The labels of the coders for these rows, numbered from 0."""
        return self.final.items.labels.between(self.start, self.end)

    def of_decisions(self, column: str) -> list[Any]:
        """(n,) a column of the decisions, empty text where nobody settled the row."""
        values = self.final.decisions[column].to_numpy()
        return ["" if at is None else values[at] for at in self.decision]

    def sources(self) -> list[str]:
        """(n,) ``settled`` or ``learned``."""
        return [LEARNED if at is None else SETTLED for at in self.decision]
