"""Annotations by index, and the one label of each coder and item: memory grows with the annotations alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from ..annotations import AnnotationTable, name_rank

Codes = NDArray[np.int16]
Rows = NDArray[np.int32]
DENSE = 32  # a product that is there costs as much as so many of a full block
BLOCK = 1 << 22  # cells of a full block
NO_ROWS: Rows = np.zeros(0, dtype=np.int32)
NO_LABELS: Codes = np.zeros(0, dtype=np.int16)


@dataclass(frozen=True)
class RowAnnotations:
    """Annotations of the rows of a truth table.

    Attributes
    ----------
    row, coder, label : (M,) indices. count : (M,) votes or shares, above 0.
        Sorted by row, then coder, then from the most votes to the fewest; among equal votes the class whose name
        sorts first leads. So the first entry of each row and coder is what the coder said most often.
    """

    row: Rows = field(repr=False)
    coder: Rows = field(repr=False)
    label: Codes = field(repr=False)
    count: NDArray[np.float32] = field(repr=False)

    @classmethod
    def of(cls, table: AnnotationTable, items: NDArray[np.int64]) -> RowAnnotations:
        """The annotations of ``items`` (N,), which become rows 0 to N − 1; those of other items are left out."""
        row_of = np.full(len(table.items), -1, dtype=np.int32)
        row_of[items] = np.arange(len(items), dtype=np.int32)
        row, coder, label, count = row_of[table.item], table.coder, table.label, table.count
        keep = row >= 0
        if not keep.all():
            row, coder, label, count = row[keep], coder[keep], label[keep], count[keep]
        if not ascending(row) or not begins(row, coder).all():
            order = np.lexsort((name_rank(table.classes)[label], -count, coder, row))
            row, coder, label, count = row[order], coder[order], label[order], count[order]
        return cls(row, coder, label.astype(np.int16), count)

    def labels(self, rows: int, coders: int) -> Labels:
        """The one label of each coder and row."""
        first = begins(self.row, self.coder)
        return Labels.of(self.row[first], self.coder[first], self.label[first], rows, coders)


def begins(row: NDArray[Any], coder: NDArray[Any], after: tuple[int, int] = (-1, -1)) -> NDArray[np.bool_]:
    """(M,) whether an entry is the first of its row and coder; ``after`` is the row and coder of the entry before."""
    out = np.empty(len(row), dtype=np.bool_)
    out[:1] = (row[:1] != after[0]) | (coder[:1] != after[1])
    np.not_equal(row[1:], row[:-1], out=out[1:])
    out[1:] |= coder[1:] != coder[:-1]
    return out


def ascending(row: NDArray[Any], after: int = -1) -> bool:
    """Whether no row is before the one ahead of it; ``after`` is the row ahead of the first."""
    return bool((row[:1] >= after).all() and (row[1:] >= row[:-1]).all())


@dataclass(frozen=True)
class Labels:
    """The label of each coder and row where there is one, coder after coder.

    Attributes
    ----------
    rows : how many rows there are, N.
    ends : (C + 1,) the entries of coder c are those from ``ends[c]`` to before ``ends[c + 1]``.
    row : (M,) row of each entry, ascending for each coder. label : (M,) its class index.
    """

    rows: int
    ends: NDArray[np.int64] = field(repr=False)
    row: Rows = field(repr=False)
    label: Codes = field(repr=False)

    @classmethod
    def of(cls, row: Rows, coder: NDArray[Any], label: Codes, rows: int, coders: int) -> Labels:
        """Of entries with ascending rows, one for each row and coder."""
        ends = np.append(0, np.cumsum(np.bincount(row, minlength=rows)))
        by_coder = sparse.csr_array((label, coder, ends), shape=(rows, coders)).tocsc()
        row = by_coder.indices.astype(np.int32, copy=False)
        return cls(rows, by_coder.indptr.astype(np.int64), row, by_coder.data)

    @classmethod
    def of_columns(cls, columns: Sequence[Codes], rows: int) -> Labels:
        """Of one column (N,) per coder, −1 where the coder is silent."""
        at = [np.flatnonzero(column >= 0).astype(np.int32) for column in columns]
        ends = np.append(0, np.cumsum([len(a) for a in at])).astype(np.int64)
        label = [column[a] for column, a in zip(columns, at, strict=True)]
        return cls(rows, ends, np.concatenate([NO_ROWS, *at]), np.concatenate([NO_LABELS, *label]))

    @property
    def coders(self) -> int:
        """How many coders there are, C."""
        return len(self.ends) - 1

    def of_coder(self, coder: int) -> Codes:
        """(N,) class index that a coder said, −1 where it is silent."""
        out = np.full(self.rows, -1, dtype=np.int16)
        mine = slice(self.ends[coder], self.ends[coder + 1])
        out[self.row[mine]] = self.label[mine]
        return out

    def at(self, rows: NDArray[np.int64]) -> Codes:
        """(C, len(rows)) class indices that the coders said of some rows, −1 where they are silent."""
        out = np.full((self.coders, len(rows)), -1, dtype=np.int16)
        for coder in range(self.coders):
            mine = self.row[self.ends[coder] : self.ends[coder + 1]]
            position = np.searchsorted(mine, rows)
            hit = position < len(mine)
            hit[hit] = mine[position[hit]] == rows[hit]
            out[coder, hit] = self.label[self.ends[coder] + position[hit]]
        return out

    def coder(self) -> Rows:
        """(M,) coder of each entry."""
        return np.repeat(np.arange(self.coders, dtype=np.int32), np.diff(self.ends))

    def between(self, start: int, end: int) -> Labels:
        """Of the rows ``start`` to before ``end`` only, which become rows 0 to ``end`` − ``start`` − 1."""
        mine = [self.row[low:high] for low, high in pairwise(self.ends.tolist())]
        cuts = [low + np.searchsorted(row, (start, end)) for low, row in zip(self.ends.tolist(), mine, strict=False)]
        row = np.concatenate([NO_ROWS, *(self.row[low:high] for low, high in cuts)]) - np.int32(start)
        label = np.concatenate([NO_LABELS, *(self.label[low:high] for low, high in cuts)])
        ends = np.append(0, np.cumsum([high - low for low, high in cuts])).astype(np.int64)
        return Labels(end - start, ends, row, label)

    def keep(self, mask: NDArray[np.bool_]) -> Labels:
        """Of the rows where ``mask`` (N,) is true, which become rows 0, 1, …"""
        entries = mask[self.row]
        number = np.cumsum(mask, dtype=np.int32) - 1
        ends = np.append(0, np.cumsum(entries))[self.ends].astype(np.int64)
        return Labels(int(mask.sum()), ends, number[self.row[entries]].astype(np.int32), self.label[entries])

    def until(self, rows: int) -> Labels:
        """Of the first rows only."""
        return self if rows >= self.rows else self.between(0, rows)

    def first_two(self) -> tuple[Codes, Codes]:
        """(N,) each: the labels of the first two coders, in their order, who labelled a row; −1 where there is none."""
        order = np.argsort(self.row, kind="stable")
        row, label = self.row[order], self.label[order]
        one, two = np.full(self.rows, -1, dtype=np.int16), np.full(self.rows, -1, dtype=np.int16)
        first = np.append(True, row[1:] != row[:-1])[: len(row)]
        second = np.append(False, first[:-1])[: len(row)] & ~first
        one[row[first]], two[row[second]] = label[first], label[second]
        return one, two

    def meetings(self) -> tuple[Rows, Rows, NDArray[np.int64]]:
        """Pairs of coders a < b who labelled the same rows, and how many: (P,) each, the most first."""
        ones = np.ones(len(self.row), dtype=np.float32)
        by_coder = sparse.csr_array((ones, self.row, self.ends), shape=(self.coders, self.rows))
        met = sparse.triu(products(by_coder), k=1).tocoo()
        items = met.data.astype(np.int64)
        order = np.lexsort((met.col, met.row, -items))
        return met.row[order].astype(np.int32), met.col[order].astype(np.int32), items[order]

    def origins(self, names: Sequence[str], nobody: str) -> tuple[Rows, tuple[str, ...]]:
        """(N,) who labelled each row, as an index into the second: the coders' names joined by ``+``, sorted.

        ``names`` (C,) holds "" for coders who do not count; rows without such a coder have the origin ``nobody``.
        """
        counts = np.asarray([name != "" for name in names], dtype=np.bool_)
        mine = np.repeat(counts, np.diff(self.ends))
        row, coder = self.row[mine], self.coder()[mine]
        order = np.argsort(row, kind="stable")
        row, coder = row[order], coder[order]
        starts = np.flatnonzero(np.append(True, row[1:] != row[:-1])[: len(row)])
        position = np.arange(len(row)) - np.repeat(starts, np.diff(np.append(starts, len(row))))
        # A row's coders one by one: each group of rows that were labelled alike so far is split by the next coder.
        # A group is the group it comes from and its last coder; names are made of those that are left in the end.
        group, before, last = np.zeros(self.rows, dtype=np.int64), [np.array([-1])], [np.array([-1])]
        groups = 1
        by_position = np.argsort(position, kind="stable")
        for step in np.split(by_position, np.cumsum(np.bincount(position))[:-1]) if len(row) else []:
            new, pairs = pd.factorize(group[row[step]] * len(names) + coder[step])
            group[row[step]] = groups + new
            groups += len(pairs)
            before.append(pairs // len(names))
            last.append(pairs % len(names))
        used, index = np.unique(group, return_inverse=True)
        texts = _joined(used, np.concatenate(before), np.concatenate(last), names, nobody)
        origins = tuple(sorted(set(texts)))
        number = {origin: n for n, origin in enumerate(origins)}
        return np.asarray([number[text] for text in texts], dtype=np.int32)[index], origins


def _joined(
    groups: NDArray[np.int64], before: NDArray[np.int64], last: NDArray[np.int64], names: Sequence[str], nobody: str
) -> list[str]:
    """The names of the coders of each of ``groups``, joined by ``+``; ``nobody`` for group 0, which has none.

    Group g has the coders of group ``before[g]``, and ``last[g]``.
    """
    out = []
    for group in groups.tolist():
        coders = []
        while group:
            coders.append(names[last[group]])
            group = before[group]
        out.append("+".join(reversed(coders)) or nobody)
    return out


def products(by_coder: sparse.csr_array) -> sparse.csr_array:
    """(C,C) products of the rows of (C,N): over what is there, or over full blocks where most of it is."""
    coders, rows = by_coder.shape
    a_row = np.bincount(by_coder.indices, minlength=rows).astype(np.float64)
    if DENSE * np.square(a_row).sum() < rows * coders**2:
        return by_coder @ by_coder.T
    block = max(BLOCK // coders, 1)
    parts = (by_coder[:, start : start + block].toarray() for start in range(0, rows, block))
    # Sums of whole numbers: a block has fewer than 2²⁴, which float32 still tells apart.
    return sparse.csr_array(sum((part @ part.T).astype(np.int64) for part in parts))
