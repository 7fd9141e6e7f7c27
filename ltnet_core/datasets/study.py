"""A study: one annotation table, where its images lie, what is known of the truth, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotationTable, is_machine
from ..errors import DatasetError
from .files import Files


@dataclass(frozen=True)
class Problem:
    """Something found wrong in a dataset.

    An ``error`` concerns what labels mean; training refuses until it is mended.
    A ``warning`` concerns single items, which are set aside.
    """

    kind: str
    count: int
    examples: tuple[str, ...]
    level: Literal["error", "warning"] = "warning"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "count": self.count, "examples": list(self.examples), "level": self.level}


@dataclass(frozen=True)
class Study:
    """A dataset, read and checked.

    Attributes
    ----------
    format : name of the format it was read as.
    files : where image bytes come from; item names are file names in it.
    table : annotations by the human coders; N items, C coders, K classes.
    codes : K short codes (``Ne``), unique, for captions.
    truth : (N,) known class index, −1 where unknown.
    test_set : (N,) name of the test set the item belongs to, "" for items to learn from.
    planted : coder → (K,K) true transition matrix, when the dataset brings one; unknown rows are NaN.
    problems : what was found wrong.
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

    def training_table(self) -> AnnotationTable:
        """The annotations of the items that are not in a test set."""
        return self.table.keep_items(~self.is_test)

    def require_sound(self) -> None:
        """Raise for the first problem that changes what labels mean.

        Raises
        ------
        DatasetError
        """
        errors = [p for p in self.problems if p.level == "error"]
        if errors:
            others = f" ({sum(p.count for p in errors):,} such rows; `inspect` lists them)"
            raise DatasetError(errors[0].examples[0] + others)
        if not len(self.training_table()):
            raise DatasetError(f"{self.name}: no annotations of training items; there is nothing to learn from.")


def short_codes(classes: tuple[str, ...]) -> tuple[str, ...]:
    """A unique short code for every class: ``Ne`` for neutral, longer where two letters clash."""
    out: list[str] = []
    for name in classes:
        word = name.strip() or name
        tries = [word[:n].capitalize() for n in range(2, len(word) + 1)] or [word]
        tries += [f"{word[:1].upper()}{n}" for n in range(1, len(classes) + 1)]
        out.append(next(t for t in tries if t not in out))
    return tuple(out)
