"""Facets: the number of items that each value of each filter would show under the other filters; cross tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR
from ..errors import OptionError, did_you_mean
from ..labels.coder_labels import Codes
from ..runs.learned_items import RELATIONS
from .decided import OPEN, SKIPPED, Decided
from .map_filters import NEIGHBOURS, neighbour_counts
from .selection import CASES, LABELS, Mask, Selections
from .wish import AGAINST, ANYTHING, NOTHING, Wish

MOST_CODERS = 24  # whose labels are counted without being asked for
BANDS = ("0.9-1", "0.7-0.9", "0.5-0.7", "0-0.5")  # of confidence, as they stand in an address
TRUTH, NETWORK, KNOWN = "*truth*", "*network*", "*known*"  # columns of a table beside the coders

Counts = dict[str, int]
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class Passing:
    """Which items pass all filters, and which pass all but one.

    Attributes
    ----------
    masks : name of a filter → (N,) items that pass it. fails : (N,) how many filters an item does not pass.
    """

    masks: dict[str, Mask]
    fails: NDArray[np.uint16]

    @classmethod
    def of(cls, masks: dict[str, Mask], items: int) -> Passing:
        fails = np.zeros(items, dtype=np.uint16)
        for mask in masks.values():
            fails += ~mask
        return cls(masks, fails)

    def without(self, *names: str) -> Mask:
        """(N,) items that pass all filters but those named."""
        own = [self.masks[name] for name in names if name in self.masks]
        keep: Mask = self.fails == 0
        if own:
            keep |= self.fails == np.add.reduce([~mask for mask in own], dtype=np.uint16)
        return keep

    def values(self, column: NDArray[Number], *names: str) -> NDArray[Number]:
        """The values of a column (N,) of the items that pass all filters but those named."""
        if any(name in self.masks for name in names):
            return column[self.without(*names)]
        return column if len(self._rows) == len(column) else column[self._rows]

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        """Items that pass all filters."""
        return np.flatnonzero(self.fails == 0)


def facet_counts(selections: Selections, wish: Wish, decided: Decided | None = None) -> dict[str, Counts]:
    """filter → value as in an address → number of items with that value that pass all other filters."""
    items = selections.items
    decided = decided or Decided.nothing(len(items))
    passing = Passing.of(selections.masks(wish, decided), len(items))
    columns = {"known": items.known}
    if items.learned:
        columns |= {"truth": items.truth, "network": items.network}
    out = {name: _of_classes(passing.values(column, name), items.classes) for name, column in columns.items()}
    for coder in _coders(selections, wish):
        out[f"says.{coder}"] = _of_coder(selections, coder, passing.without(f"says.{coder}"))
    origins = np.bincount(passing.values(items.origin, "origin"), minlength=len(items.origins))
    listed = items.origins if selections.few_origins else wish.origin
    out["origin"] = {name: int(origins[items.origins.index(name)]) for name in listed}
    splits = np.bincount(passing.values(items.split, "split"), minlength=len(items.splits))
    out["split"] = {name: int(n) for name, n in zip(items.splits, splits, strict=True)}
    both = [CASES] if wish.pair and not wish.cases else []  # a pair alone asks for items that both labelled
    relation = np.bincount(passing.values(selections.relation(wish.pair), LABELS, *both), minlength=len(RELATIONS))
    out[LABELS] = {name: int(n) for name, n in zip(RELATIONS, relation, strict=True)}
    if items.learned:
        against = np.bincount(passing.values(selections.against, "against") + 1, minlength=len(AGAINST) + 1)
        out["against"] = {name: int(n) for name, n in zip(AGAINST, against[1:], strict=True)}
        out[CASES] = _of_cases(selections, wish, passing)
        out["confidence"] = _of_bands(passing.values(items.confidence, "confidence"))
    if (item_map := selections.item_map()) is not None:
        out[NEIGHBOURS] = neighbour_counts(item_map, passing.without(NEIGHBOURS))
    return out | _of_decisions(decided, passing)


def _coders(selections: Selections, wish: Wish) -> list[str]:
    """The coders whose labels are counted: the first, and those that are asked for."""
    coders = [c for c in selections.items.coders if c != ADJUDICATOR]
    return list(dict.fromkeys([*coders[:MOST_CODERS], *(c for c, _ in wish.says)]))


def _of_classes(column: Codes, classes: Sequence[str]) -> Counts:
    counts = np.bincount(column.astype(np.intp) + 1, minlength=len(classes) + 1)
    return {**{name: int(n) for name, n in zip(classes, counts[1:], strict=True)}, NOTHING: int(counts[0])}


def _of_coder(selections: Selections, coder: str, keep: Mask) -> Counts:
    labels, c = selections.items.labels, selections.items.coder(coder)
    mine = slice(labels.ends[c], labels.ends[c + 1])
    counts = np.bincount(labels.label[mine][keep[labels.row[mine]]], minlength=len(selections.items.classes))
    labelled = int(counts.sum())
    by_class = {name: int(n) for name, n in zip(selections.items.classes, counts, strict=True)}
    return {**by_class, ANYTHING: labelled, NOTHING: int(keep.sum()) - labelled}


def _of_cases(selections: Selections, wish: Wish, passing: Passing) -> Counts:
    if wish.pair is None:
        patterns = np.bincount(passing.values(selections.any_case, CASES), minlength=64)
        has = np.arange(64)[:, None] >> np.arange(6) & 1
        counts = patterns @ has
        differ = int(patterns[(has[:, [2, 4, 5]] == 1).any(1)].sum())
    else:
        a, b = (selections.items.coder(c) for c in wish.pair)
        counts = np.bincount(passing.values(selections.case_of(a, b), CASES), minlength=6)
        differ = int(counts[[2, 4, 5]].sum())
    return {**{str(n): int(counts[n]) for n in range(1, 6)}, "differ": differ}


def _of_bands(confidence: NDArray[np.float32]) -> Counts:
    out = {}
    for band in BANDS:
        low, high = (np.float32(end) for end in band.split("-"))
        out[band] = int(np.count_nonzero((confidence >= low) & (confidence <= high)))
    return out


def _of_decisions(decided: Decided, passing: Passing) -> dict[str, Counts]:
    settled = passing.values(decided.settled, "reviewed")
    skipped, is_open = int((settled == SKIPPED).sum()), int((settled == OPEN).sum())
    reviewed = {"settled": len(settled) - skipped - is_open, "skipped": skipped, "open": is_open}
    reviewers = _of_classes(passing.values(decided.reviewer, "reviewer"), decided.reviewers)
    reviewers.pop(NOTHING)
    keep = passing.without("tag")
    tags = {name: int(keep[rows].sum()) for name, rows in decided.tags.items()}
    return {"reviewed": reviewed, "reviewer": reviewers, "tag": tags}


@dataclass(frozen=True)
class CrossTable:
    """Items counted by the classes of two columns.

    Attributes
    ----------
    first, second : what the rows and columns are: coders, or ``*truth*``, ``*network*``, ``*known*``.
    counts : (K,K) items by class of ``first`` × class of ``second`` that pass all filters but those of the two.
    """

    first: str
    second: str
    counts: NDArray[np.int64]


def columns_of(selections: Selections) -> list[str]:
    """The columns that a cross table can have."""
    items = selections.items
    own = [TRUTH, NETWORK] if items.learned else []
    if bool((items.known >= 0).any()):
        own.append(KNOWN)
    return [*own, *(c for c in items.coders if c != ADJUDICATOR)]


def filter_of(column: str) -> str:
    """Name of the filter on a column."""
    return {TRUTH: "truth", NETWORK: "network", KNOWN: "known"}.get(column, f"says.{column}")


def table_of(selections: Selections, wish: Wish, first: str, second: str, decided: Decided | None = None) -> CrossTable:
    """Count items by the classes of two columns, see :class:`CrossTable`.

    Raises
    ------
    OptionError
        there is no such column.
    """
    a, b = (column_of(selections, name) for name in (first, second))
    items = selections.items
    own = {filter_of(first), filter_of(second)}
    passing = Passing.of(selections.masks(wish, decided), len(items))
    keep = passing.without(*own)
    k = len(items.classes)
    keep = keep & (a >= 0) & (b >= 0)
    counts = np.bincount(a[keep].astype(np.intp) * k + b[keep], minlength=k * k).reshape(k, k)
    return CrossTable(first, second, counts)


def column_of(selections: Selections, name: str) -> Codes:
    """(N,) class of each item by one of :func:`columns_of`, −1 where it has none.

    Raises
    ------
    OptionError
        there is no such column.
    """
    known = columns_of(selections)
    if name not in known:
        raise OptionError(f"there is nothing called {name!r} to compare." + did_you_mean(name, known))
    items = selections.items
    columns = {TRUTH: items.truth, NETWORK: items.network, KNOWN: items.known}
    return columns[name] if name in columns else items.labels.of_coder(items.coder(name))
