"""The annotation table: the annotation of every item by every coder, validated once when it is made.

One table serves two coders or a thousand: it is a sparse list of entries
``(item, coder, label, count)``, sorted by item, then coder, then label. Memory
grows with the number of annotations, never with items × coders × classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .annotation_rows import MACHINE_PREFIX as MACHINE_PREFIX
from .annotation_rows import Column, find_problems
from .errors import AnnotationError, did_you_mean

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

ADJUDICATOR = "Adjudication"
"""The coder whose annotations are what people settled, see :mod:`~ltnet_core.explore.adjudications`."""


def is_machine(coder: str) -> bool:
    """Whether this coder's name is that of a machine coder."""
    return coder.startswith(MACHINE_PREFIX)


def human_name(coder: str) -> str:
    """The human coder behind a coder: itself, or whom a machine coder learned from."""
    return coder.removeprefix(MACHINE_PREFIX)


def in_words(coder: str) -> str:
    """A coder's name for a sentence."""
    return f"{human_name(coder)}’s machine coder" if is_machine(coder) else coder


@dataclass(frozen=True)
class AnnotationTable:
    """Items × coders with absent entries and votes.

    Attributes
    ----------
    items : (N,) array of str, unique.
    coders : C names, unique. Index order is display order.
    classes : K names, unique. Index order is display order.
    item, coder, label : (M,) int arrays, the entries: indices into the three above.
    count : (M,) float array: 1 for a plain label, the number of votes, or a share for a soft
        pseudo label.

    Raises
    ------
    AnnotationError
        an index out of range, a count that is not positive, an entry given twice,
        a name given twice.
    """

    items: NDArray[Any]
    coders: tuple[str, ...]
    classes: tuple[str, ...]
    item: NDArray[np.int32] = field(repr=False)
    coder: NDArray[np.int32] = field(repr=False)
    label: NDArray[np.int32] = field(repr=False)
    count: NDArray[np.float32] = field(repr=False)

    def __post_init__(self) -> None:
        for axis, names in (("item", self.items), ("coder", self.coders), ("class", self.classes)):
            _require_unique(axis, names)
        if len(self.classes) < 2:
            raise AnnotationError(f"At least two classes are needed, {len(self.classes)} given.")
        sizes = (len(self.items), len(self.coders), len(self.classes))
        for axis, index, size in zip(
            ("item", "coder", "class"), (self.item, self.coder, self.label), sizes, strict=True
        ):
            if len(index) != len(self.item):
                raise AnnotationError("item, coder, label and count must have the same length.")
            if len(index) and (index.min() < 0 or index.max() >= size):
                wrong = int(np.flatnonzero((index < 0) | (index >= size))[0])
                raise AnnotationError(
                    f"Entry {wrong} names {axis} index {int(index[wrong])}; there are {size} ({axis}s 0 to {size - 1})."
                )
        if len(self.count) != len(self.item):
            raise AnnotationError("item, coder, label and count must have the same length.")
        if len(self.count) and not (np.isfinite(self.count).all() and self.count.min() > 0):
            wrong = int(np.flatnonzero(~(np.isfinite(self.count) & (self.count > 0)))[0])
            raise AnnotationError(f"Entry {wrong} has count {self.count[wrong]}; counts are positive numbers.")
        self._sort()

    def _sort(self) -> None:
        """Put the entries in their order.

        Raises
        ------
        AnnotationError
            an entry is given twice.
        """
        key = self._key()
        if len(key) > 1 and not (np.diff(key) > 0).all():
            order = np.argsort(key, kind="stable")
            ordered = key[order]
            twice = np.flatnonzero(np.diff(ordered) == 0)
            if len(twice):
                e = int(order[twice[0] + 1])
                raise AnnotationError(
                    f"Duplicate annotation: coder {self.coders[self.coder[e]]!r} says "
                    f"{self.classes[self.label[e]]!r} of item {self.items[self.item[e]]!r} twice; "
                    "give votes as one row with a count."
                )
            for name in ("item", "coder", "label", "count"):
                object.__setattr__(self, name, getattr(self, name)[order])

    def _key(self) -> NDArray[np.int64]:
        key = self.item.astype(np.int64) * max(len(self.coders), 1) + self.coder
        return key * len(self.classes) + self.label

    # ---- making one

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        items: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
        coders: Sequence[str] | None = None,
        source: str = "frame",
    ) -> AnnotationTable:
        """Build a table from rows ``image, coder, label[, count]``.

        ``items``, ``classes`` and ``coders`` default to the sorted names found. Row
        numbers in errors count from 1 for the header, as a spreadsheet shows them.

        Raises
        ------
        AnnotationError
            missing column, unknown class, item or coder, coder without annotations,
            duplicate annotation; names ``source`` and the row.
        """
        missing = [c for c in ("image", "coder", "label") if c not in frame.columns]
        if missing:
            raise AnnotationError(
                f"{source}: column {missing[0]!r} is missing; expected image, coder, label[, count], "
                f"found {', '.join(map(str, frame.columns))}."
            )
        problems = find_problems(frame, items=items, classes=classes, coders=coders)
        if problems:
            _, rows, message = problems[0]
            where = f"{source}, row {rows[0] + 2}" if len(rows) else source
            raise AnnotationError(f"{where}: {message}")
        return cls.checked(frame, items=items, classes=classes, coders=coders)

    @classmethod
    def checked(
        cls,
        frame: pd.DataFrame,
        *,
        items: Sequence[str] | None,
        classes: Sequence[str] | None,
        coders: Sequence[str] | None,
    ) -> AnnotationTable:
        """The same from rows in which :func:`find_problems` finds nothing."""
        columns = {c: Column.of(frame[c]) for c in ("image", "coder", "label")}
        named = {"image": items, "coder": coders, "label": classes}
        names = {
            c: np.asarray(columns[c].used() if named[c] is None else list(named[c] or ()), dtype=object)
            for c in columns
        }
        index = {c: columns[c].places(names[c]) for c in columns}
        count = frame["count"].to_numpy(np.float32) if "count" in frame else np.ones(len(frame), np.float32)
        return cls(
            names["image"],
            tuple(names["coder"]),
            tuple(names["label"]),
            index["image"],
            index["coder"],
            index["label"],
            count,
        )

    @classmethod
    def trusted(
        cls,
        items: NDArray[Any],
        coders: tuple[str, ...],
        classes: tuple[str, ...],
        item: NDArray[np.int32],
        coder: NDArray[np.int32],
        label: NDArray[np.int32],
        count: NDArray[np.float32],
    ) -> AnnotationTable:
        """A table of names, indices and counts that were checked before, sorted as they were then."""
        table = object.__new__(cls)
        for name, value in zip(
            cls.__dataclass_fields__, (items, coders, classes, item, coder, label, count), strict=True
        ):
            object.__setattr__(table, name, value)
        return table

    def to_frame(self) -> pd.DataFrame:
        """The entries as rows ``image, coder, label, count``."""
        return pd.DataFrame(
            {
                "image": self.items[self.item],
                "coder": np.asarray(self.coders, dtype=object)[self.coder],
                "label": np.asarray(self.classes, dtype=object)[self.label],
                "count": self.count,
            }
        )

    # ---- reading one

    def __len__(self) -> int:
        return len(self.item)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(items N, coders C, classes K)."""
        return len(self.items), len(self.coders), len(self.classes)

    def coder_index(self, coder: str) -> int:
        """Index of a coder by name."""
        if coder not in self.coders:
            raise AnnotationError(
                f"There is no coder {coder!r}; the coders are {', '.join(self.coders)}."
                + did_you_mean(coder, self.coders)
            )
        return self.coders.index(coder)

    def labels_of(self, coder: str) -> NDArray[np.int32]:
        """(N,) class index with the most votes of the coder for each item, −1 where it has none.

        Among equal votes the class whose name sorts first wins.
        """
        mine = self.coder == self.coder_index(coder)
        item, label, count = self.item[mine], self.label[mine], self.count[mine]
        rank = name_rank(self.classes)[label]
        order = np.lexsort((-rank, count, item))
        out = np.full(len(self.items), -1, dtype=np.int32)
        out[item[order]] = label[order]  # the last write wins: the largest count, then the first name
        return out

    def votes(self, coders: Sequence[str] | None = None) -> FloatArray:
        """(N,K) summed counts over the given coders (all by default)."""
        keep = self._mask(coders)
        n, _, k = self.shape
        flat = self.item[keep].astype(np.int64) * k + self.label[keep]
        return _sums(flat, self.count[keep], n * k).reshape(n, k)

    def annotations_per_coder(self) -> IntArray:
        """(C,) number of items each coder annotated."""
        if not len(self):
            return np.zeros(len(self.coders), dtype=np.int64)
        # Sorted by item, then coder: an annotation begins where one of the two changes.
        begins = np.append(True, (np.diff(self.item) != 0) | (np.diff(self.coder) != 0))
        return np.bincount(self.coder[begins], minlength=len(self.coders)).astype(np.int64)

    def class_counts(self) -> FloatArray:
        """(C,K) summed counts of each coder and class."""
        _, c, k = self.shape
        flat = self.coder.astype(np.int64) * k + self.label
        return _sums(flat, self.count, c * k).reshape(c, k)

    def annotated(self, coders: Sequence[str] | None = None) -> NDArray[np.bool_]:
        """(N,) whether any of the given coders (all by default) annotated the item."""
        out = np.zeros(len(self.items), dtype=np.bool_)
        out[self.item[self._mask(coders)]] = True
        return out

    def _mask(self, coders: Sequence[str] | None) -> NDArray[np.bool_]:
        if coders is None:
            return np.ones(len(self.item), dtype=np.bool_)
        wanted = np.zeros(len(self.coders), dtype=np.bool_)
        wanted[[self.coder_index(c) for c in coders]] = True
        return np.asarray(wanted[self.coder])

    # ---- changing one (always a new table)

    def keep_coders(self, coders: Sequence[str]) -> AnnotationTable:
        """The same items and classes, only these coders, in this order."""
        new = np.full(len(self.coders), -1, dtype=np.int32)
        for position, name in enumerate(coders):
            new[self.coder_index(name)] = position
        keep = new[self.coder] >= 0
        return self._with(tuple(coders), self.classes, new[self.coder[keep]], self.label[keep], keep)

    def keep_items(self, mask: NDArray[np.bool_]) -> AnnotationTable:
        """The same coders and classes; entries only of items where ``mask`` (N,) is true.

        The items themselves stay, so that indices keep their meaning.
        """
        keep = mask[self.item]
        return self._with(self.coders, self.classes, self.coder[keep], self.label[keep], keep)

    def in_order(self, coders: Sequence[str], classes: Sequence[str]) -> AnnotationTable:
        """The same annotations with only these coders, and all the classes, in these orders."""
        table = self.keep_coders(coders)
        new = np.argsort([self.classes.index(c) for c in classes]).astype(np.int32)
        return table._with(table.coders, tuple(classes), table.coder, new[table.label])

    def _with(
        self,
        coders: tuple[str, ...],
        classes: tuple[str, ...],
        coder: NDArray[np.int32],
        label: NDArray[np.int32],
        keep: NDArray[np.bool_] | slice = slice(None),
    ) -> AnnotationTable:
        """The entries ``keep`` with other indices; what was checked of this table is not checked again."""
        _require_unique("coder", coders)
        table = self.trusted(self.items, coders, classes, self.item[keep], coder, label, self.count[keep])
        table._sort()
        return table

    def with_coder(self, name: str, votes: FloatArray) -> AnnotationTable:
        """Add a coder with ``votes``, (N,K); a row of zeros is an absent annotation."""
        item, label = np.nonzero(votes)
        return AnnotationTable(
            self.items,
            (*self.coders, name),
            self.classes,
            np.concatenate([self.item, item.astype(np.int32)]),
            np.concatenate([self.coder, np.full(len(item), len(self.coders), np.int32)]),
            np.concatenate([self.label, label.astype(np.int32)]),
            np.concatenate([self.count, votes[item, label].astype(np.float32)]),
        )

    def canonical(self, by_name: bool = True) -> tuple[AnnotationTable, NDArray[np.int64], NDArray[np.int64]]:
        """The same table in an order that depends on its content alone.

        Classes are sorted by name and coders by their annotations, so that neither the
        order of rows, nor the names of coders, nor the order of ``classes.csv`` can
        change a result by as much as a rounding error. With ``by_name`` false, classes are
        sorted by their annotations too, and by name only where two have the same.

        Returns
        -------
        table, class_order (K,), coder_order (C,)
            ``table.classes[i] == self.classes[class_order[i]]``, likewise for coders.
        """
        class_order = np.argsort(np.asarray(self.classes, dtype=object), kind="stable")
        if not by_name:
            class_order = class_order[np.argsort(self._class_ranks()[class_order], kind="stable")]
        new_class = np.argsort(class_order)
        keys = []
        by_coder = np.argsort(self.coder, kind="stable")
        ends = np.cumsum(np.bincount(self.coder, minlength=len(self.coders)))
        for mine in np.split(by_coder, ends[:-1])[: len(self.coders)]:
            entries = np.stack([self.item[mine], new_class[self.label[mine]], self.count[mine]]).astype(np.float64)
            entries = entries[:, np.lexsort(entries[::-1])]
            keys.append((-entries.shape[1], hashlib.sha256(entries.tobytes()).hexdigest()))
        coder_order = np.asarray(sorted(range(len(keys)), key=lambda c: keys[c]), dtype=np.int64)
        new_coder = np.argsort(coder_order)
        table = self._with(
            tuple(self.coders[c] for c in coder_order),
            tuple(self.classes[k] for k in class_order),
            new_coder[self.coder].astype(np.int32),
            new_class[self.label].astype(np.int32),
        )
        return table, class_order, coder_order

    def equal_coders(self, fewest: int) -> list[list[int]]:
        """Groups of coders with equal annotations, of ``fewest`` items and two classes at least."""
        if (number := len(self.coders)) < 2:
            return []
        sums = np.stack([np.bincount(self.coder, w, number) for w in (None, self.item, self.label, self.count)])
        _, alike, size = np.unique(sums, axis=1, return_inverse=True, return_counts=True)  # few coders are left
        groups: dict[bytes, list[int]] = {}
        for coder in np.flatnonzero((size[alike.ravel()] > 1) & (sums[0] >= fewest)).tolist():
            mine = np.flatnonzero(self.coder == coder)
            label = self.label[mine]
            if (label != label[0]).any():
                digest = hashlib.sha256(b"".join(a.tobytes() for a in (self.item[mine], label, self.count[mine])))
                groups.setdefault(digest.digest(), []).append(coder)
        return [group for group in groups.values() if len(group) > 1]

    def _class_ranks(self) -> IntArray:
        """(K,) rank of each class by its votes, whatever the names; equal where they cannot be told apart.

        First by how many votes it has, and of which items; among equal ones by who gave them, where a coder is known
        by the ranks of the classes that it gave to which items.
        """
        _, c, k = self.shape
        ranks = self._ranks(self.label, k, np.zeros(len(self), dtype=np.int64))
        if len(np.unique(ranks)) < k:
            coders = self._ranks(self.coder, c, ranks[self.label])
            ranks = self._ranks(self.label, k, coders[self.coder])
        return ranks

    def _ranks(self, of: NDArray[np.int32], groups: int, other: IntArray) -> IntArray:
        """(groups,) rank of each by its annotations: the most first, then a digest of (item, ``other``) and counts."""
        size = int(other.max(initial=0)) + 1
        key = (of.astype(np.int64) * max(len(self.items), 1) + self.item) * size + other
        cells, inverse = np.unique(key, return_inverse=True)
        votes = np.bincount(inverse, weights=self.count, minlength=len(cells))
        group, rest = np.divmod(cells, max(len(self.items), 1) * size)
        ends = np.searchsorted(group, np.arange(groups + 1)).tolist()
        parts = [np.stack([rest[a:b].astype(np.float64), votes[a:b]]) for a, b in pairwise(ends)]
        keys = [(-float(part[1].sum()), hashlib.sha256(part.tobytes()).hexdigest()) for part in parts]
        place = {key: rank for rank, key in enumerate(sorted(set(keys)))}
        return np.asarray([place[key] for key in keys], dtype=np.int64)

    def fingerprint(self) -> str:
        """A short digest of the whole content, to tell whether two tables are the same."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        digest.update("\0".join([*self.items, "", *self.coders, "", *self.classes]).encode())
        for array in (self.item, self.coder, self.label, self.count):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def _require_unique(axis: str, names: Sequence[str] | NDArray[Any]) -> None:
    repeated = pd.Series(np.asarray(names, dtype=object), dtype=object).loc[lambda s: s.duplicated()].tolist()
    if repeated:
        raise AnnotationError(f"{axis} {repeated[0]!r} is given twice; each name must be unique.")


def _sums(index: NDArray[Any], weight: NDArray[np.float32], size: int) -> FloatArray:
    """(size,) sums of ``weight`` over the entries with each index."""
    return np.asarray(np.bincount(index, weights=weight, minlength=size), dtype=np.float64)


def name_rank(classes: Sequence[str]) -> IntArray:
    """(K,) rank of each class when the names are sorted: the tie-break that no reordering changes."""
    return np.argsort(np.argsort(np.asarray(classes, dtype=object), kind="stable")).astype(np.int64)
