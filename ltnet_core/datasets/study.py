"""A study: one annotation table, the files of its images, the known truth, the problems."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations import AnnotationTable, is_machine
from ..errors import DatasetError
from .corrections import NOTHING, Corrections
from .dataset_reading import DatasetReading
from .questions import require_answers
from .sources.files import Files

Level = Literal["error", "warning", "note"]

EXAMPLES = 5
"""How many of its kind a problem tells in words."""


@dataclass(frozen=True)
class Problem:
    """A problem of a dataset.

    An ``error`` concerns what labels mean; training refuses until it is mended.
    A ``warning`` concerns single items, which are left out, or something to check.
    A ``note`` is for information.

    Attributes
    ----------
    count : how many. examples : a sentence about each of the first of them.
    listing : all of them, where they can be listed: columns ``file, row, image, detail``.
    """

    kind: str
    count: int
    examples: tuple[str, ...]
    level: Level = "warning"
    listing: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "count": self.count, "examples": list(self.examples), "level": self.level}


@dataclass(frozen=True)
class Study:
    """A dataset, read and checked.

    Attributes
    ----------
    format : name of the format it was read as. why : what it was recognised by.
    files : the source of the images' bytes; item names are file names in it.
    table : annotations by the human coders; N items, C coders, K classes.
    codes : K short codes (``Ne``), unique, for captions.
    truth : (N,) known class index, −1 where unknown.
    test_set : (N,) name of the test set the item belongs to, "" for items to learn from.
    planted : coder → (K,K) true transition matrix, when the dataset brings one; unknown rows are NaN.
    problems : all problems.
    reading : how its files were read, and the open questions.
    corrections : a person's corrections of the reading.
    has_images : false where there are labels and not a single image: they can be aggregated, not trained on.
    left_out : names of items that are not learned from, and that have no annotations in ``table``.
    """

    name: str
    format: str
    files: Files = field(repr=False)
    table: AnnotationTable
    codes: tuple[str, ...]
    truth: NDArray[np.int32] = field(repr=False)
    test_set: NDArray[Any] = field(repr=False)
    planted: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()
    why: str = ""
    has_images: bool = True
    reading: DatasetReading = field(default_factory=DatasetReading, repr=False)
    corrections: Corrections = field(default=NOTHING, repr=False)
    left_out: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_test(self) -> NDArray[np.bool_]:
        """(N,) items that are evaluated and never trained on."""
        return np.asarray(self.test_set != "")

    @property
    def test_sets(self) -> list[str]:
        return sorted(set(self.test_set.tolist()) - {""})

    @property
    def human_coders(self) -> tuple[str, ...]:
        return tuple(c for c in self.table.coders if not is_machine(c))

    def with_table(self, table: AnnotationTable) -> Study:
        """The same study with other annotations of the same items and classes."""
        return replace(self, table=table)

    def training_table(self) -> AnnotationTable:
        """The annotations of the items that are not in a test set."""
        return self.table.keep_items(~self.is_test)

    def errors(self) -> list[Problem]:
        """The problems that keep it from being trained on."""
        return [p for p in self.problems if p.level == "error"]

    def require_sound(self, set_aside: bool = False) -> None:
        """Raise for the first open question about the reading, or the first problem that changes what labels mean.

        The rows that it concerns are not in ``table``; with ``set_aside`` the rest is used without them.

        Raises
        ------
        DatasetError
        """
        require_answers(self.reading.questions, self.name)
        errors = self.errors()
        if errors and not set_aside:
            rows = sum(p.count for p in errors)
            such = "1 such row; `inspect` lists it" if rows == 1 else f"{rows:,} such rows; `inspect` lists them"
            others = f" ({such}, --set-aside goes on without)"
            raise DatasetError(errors[0].examples[0] + others)
        if not len(self.training_table()):
            raise DatasetError(f"{self.name}: no annotations of training items; there is nothing to learn from.")

    def require_images(self) -> None:
        """Raise unless there are images to train on.

        Raises
        ------
        DatasetError
        """
        if not self.has_images:
            raise DatasetError(
                f"{self.name}: there are no images; put them into images/ (any depth, any names), "
                "or join the labels with a folder of images."
            )
