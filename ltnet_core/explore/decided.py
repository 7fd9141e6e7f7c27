"""What people did with the items so far: settled, skipped, tagged."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..labels.coder_labels import Codes, Rows

OPEN, SKIPPED = -1, -2
SET_ASIDE, BOOKMARK, SECOND_OPINION = "set aside", "bookmark", "second opinion"  # tags with a meaning of their own
DIFFERING = "opinions differ"  # is added to the tags of images whose second answer is another one


@dataclass(frozen=True)
class Decided:
    """What people did with N items.

    Attributes
    ----------
    settled : (N,) class index that an item was settled as; −1 open, −2 skipped.
    reviewer : (N,) index into ``reviewers``; −1 where there is no decision.
    tags : tag → rows, ascending.
    version, marked : numbers that change with the decisions, and with the tags.
    """

    settled: Codes = field(repr=False)
    reviewer: Codes = field(repr=False)
    reviewers: tuple[str, ...] = ()
    tags: Mapping[str, Rows] = field(default_factory=dict, repr=False)
    version: int = 0
    marked: Hashable = 0

    @cached_property
    def rows(self) -> Rows:
        """The items that are not open, ascending."""
        return np.flatnonzero(self.settled != OPEN).astype(np.int32)

    @classmethod
    def nothing(cls, items: int) -> Decided:
        """The state of N items without any decision or tag."""
        return cls(np.full(items, OPEN, dtype=np.int16), np.full(items, -1, dtype=np.int16))
