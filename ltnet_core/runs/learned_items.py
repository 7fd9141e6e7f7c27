"""The items of a finished run as columns: annotations and results of a million items in tens of megabytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR, is_machine
from ..errors import RunError
from ..labels.coder_labels import Codes, Labels, Rows

Floats = NDArray[np.float32]
RELATIONS = ("none", "one", "agree", "differ")  # of the labels of people, see LearnedItems.relation


@dataclass(frozen=True)
class LearnedItems:
    """N items with C coders and K classes; row n is row n of the truth table.

    Attributes
    ----------
    names : N image names, an Arrow array.
    labels : class index with the most votes of each coder for each item, sparse.
    truth, network, known : (N,) class index: learned, from the image alone, known; −1 where there is none.
    confidence, margin : (N,) of the learned truth: its probability, and its lead over the next class.
    origin, split : (N,) index into ``origins`` (who labelled the item) and ``splits`` ("" for items
        learned from, else the test set).
    certain : coders whose labels are the truth: T is the identity.

    Rows of a test set come last.
    """

    names: pa.Array = field(repr=False)
    coders: tuple[str, ...]
    classes: tuple[str, ...]
    labels: Labels = field(repr=False)
    truth: Codes = field(repr=False)
    network: Codes = field(repr=False)
    known: Codes = field(repr=False)
    confidence: Floats = field(repr=False)
    margin: Floats = field(repr=False)
    origin: Rows = field(repr=False)
    origins: tuple[str, ...]
    split: Codes = field(repr=False)
    splits: tuple[str, ...]
    certain: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.truth)

    def coder(self, name: str) -> int:
        """Index of a coder by name.

        Raises
        ------
        RunError
        """
        if name not in self.coders:
            raise RunError(f"there is no coder {name!r}.")
        return self.coders.index(name)

    def row(self, name: str) -> int:
        """Row of the image of that name, −1 where there is none."""
        return int(pc.index(self.names, pa.scalar(name, self.names.type)).as_py())

    def rows(self, names: list[str]) -> NDArray[np.int64]:
        """(len(names),) rows of images, −1 where there is none."""
        if len(names) < 20:
            return np.asarray([self.row(n) for n in names], dtype=np.int64)
        # The many are looked up among the few: a table of all names would cost ten times their size.
        wanted = pa.array(names, self.names.type)
        hits = pc.index_in(self.names, value_set=wanted)
        at = np.flatnonzero(pc.is_valid(hits).to_numpy(zero_copy_only=False))
        out = np.full(len(names), -1, dtype=np.int64)
        out[pc.drop_null(hits).to_numpy()] = at
        return out

    def keep(self, mask: NDArray[np.bool_]) -> LearnedItems:
        """The items where ``mask`` (N,) is true, in the same order."""
        columns = ("truth", "network", "known", "confidence", "margin", "origin", "split")
        selected = {name: getattr(self, name)[mask] for name in columns}
        return replace(self, names=self.names.filter(pa.array(mask)), labels=self.labels.keep(mask), **selected)

    @cached_property
    def human(self) -> NDArray[np.bool_]:
        """(C,) coders who are people."""
        return np.asarray([not is_machine(c) and c != ADJUDICATOR for c in self.coders], dtype=np.bool_)

    @cached_property
    def learned(self) -> bool:
        """Whether there is a learned truth: True for items of a run, False for those of a dataset before any run."""
        return bool((self.truth >= 0).any())

    @cached_property
    def relation(self) -> Codes:
        """(N,) index into ``RELATIONS``: the labels of people are none, one, equal or different."""
        labels, n = self.labels, len(self)
        human = np.repeat(self.human, np.diff(labels.ends))
        row, label = labels.row[human], labels.label[human]
        count = np.bincount(row, minlength=n)
        lowest, highest = np.full(n, len(self.classes), dtype=np.int16), np.full(n, -1, dtype=np.int16)
        np.minimum.at(lowest, row, label)
        np.maximum.at(highest, row, label)
        out = np.minimum(count, 2).astype(np.int16)
        out[(count > 1) & (lowest != highest)] = 3
        return out

    @cached_property
    def split_votes(self) -> Floats:
        """(N,) share of an item's annotations that are not for its most frequent label."""
        labels, n = self.labels, len(self)
        most = np.zeros(n, dtype=np.int32)
        for k in range(len(self.classes)):
            np.maximum(most, np.bincount(labels.row[labels.label == k], minlength=n), out=most, casting="unsafe")
        annotations = np.bincount(labels.row, minlength=n)
        return np.asarray((annotations - most) / np.maximum(annotations, 1), dtype=np.float32)

    @cached_property
    def contradicted(self) -> NDArray[np.bool_]:
        """(N,) items whose learned truth differs from the label of a person.

        Labels of machine coders count only for items without a label of a person.
        """
        labels = self.labels
        against = labels.label != self.truth[labels.row]
        human = np.repeat(self.human, np.diff(labels.ends))
        out, by_people = np.zeros((2, len(self)), dtype=np.bool_)
        by_people[labels.row[human]] = True
        out[labels.row[against & ~human]] = True
        out &= ~by_people
        out[labels.row[against & human]] = True
        return out

    def learned_from(self) -> int:
        """Number of rows that were learned from; they come first, then those of test sets."""
        return int((self.split == self.splits.index("")).sum()) if "" in self.splits else 0
