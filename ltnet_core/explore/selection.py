"""The items of a run that a view shows, their order, and counts of the five cases."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR, is_machine
from ..errors import OptionError, RunError, did_you_mean
from ..labels.coder_labels import NO_ROWS, Codes, Rows
from ..labels.disagreement import cases
from ..runs.learned_items import RELATIONS, LearnedItems
from .changed_truth import changed_truth
from .coders import alone_with
from .decided import OPEN, SET_ASIDE, SKIPPED, Decided
from .item_map import ItemMap
from .map_filters import asks_for_map, map_masks
from .wish import AGAINST, ANYTHING, NOTHING, SORTS_OF_LABELS, Wish

MOST_PAIRS = 15
MOST_ORIGINS = 24  # of more sets of coders each holds a few items only, and none is counted by itself
NOBODY = -2  # the code that no item has
KEPT = 12  # selections of a run that are remembered; 6 MB each where there are 1.5 million items
CASES, LABELS = "case", "labels"  # names of filters that are no single column

Mask = NDArray[np.bool_]
CaseTables = dict[tuple[str, str, str], NDArray[np.intp]]  # (5,) by first coder, second coder and origin


@dataclass(frozen=True)
class CaseCount:
    """How often each case occurs for two coders among items of one origin; ``cases[i]`` is of case i + 1.

    ``origin`` is empty where items have so many origins that all are counted together.
    """

    first: str
    second: str
    origin: str
    items: int
    cases: tuple[int, ...]


@dataclass
class Selections:
    """Selections of the items of a run, or of a dataset before any run.

    ``other`` has the items of another run; ``item_map`` gives the map of these, None while there is none.

    Safe to share between threads.
    """

    items: LearnedItems
    other: Callable[[str], LearnedItems] | None = None
    item_map: Callable[[], ItemMap | None] = lambda: None
    _changed: dict[str, Mask] = field(default_factory=dict, repr=False)
    _orders: dict[tuple[str, int], Rows] = field(default_factory=dict, repr=False)
    _cases: dict[tuple[int, int], NDArray[np.int8]] = field(default_factory=dict, repr=False)
    _bars: dict[tuple[str, ...], CaseTables] = field(default_factory=dict, repr=False)
    _kept: OrderedDict[Any, Rows] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    # ---- which

    def require(self, wish: Wish) -> None:
        """Raise unless the run has the coders, classes and sets of items that the wish names.

        Raises
        ------
        OptionError, RunError
        """
        items = self.items
        for coder, classes in wish.says:
            items.coder(coder)
            for name in classes:
                if name not in (ANYTHING, NOTHING):
                    _index(items.classes, name, "class")
        for coder in wish.pair or ():
            items.coder(coder)
        for name in (*wish.truth, *wish.network, *wish.known):
            if name != NOTHING:
                _index(items.classes, name, "class")
        for name in wish.origin:
            _index(items.origins, name, "origin")
        for name in wish.split:
            if name not in ("", ANYTHING):
                _index(items.splits, name, "test set")
        if wish.alone:
            items.coder(wish.alone)
        if wish.than:
            self.changed(wish.than)
        self._of_map(wish)
        self._require_no_truth(wish)

    def _require_no_truth(self, wish: Wish) -> None:
        if self.items.learned:
            return
        is_set_by_name = {
            "case": bool(wish.cases),
            "truth": bool(wish.truth),
            "network": bool(wish.network),
            "than": bool(wish.than),
            "against": bool(wish.against),
        }
        is_set_by_name |= {name: getattr(wish, name) != (0.0, 1.0) for name in ("confidence", "margin")}
        is_set_by_name["sort"] = wish.sort not in ("", *SORTS_OF_LABELS)
        for name, is_set in is_set_by_name.items():
            if is_set:
                raise OptionError(f"{name} is about the learned truth, and there is no run yet.")

    def rows(self, wish: Wish, decided: Decided | None = None) -> Rows:
        """The rows to show, in their order.

        Raises
        ------
        OptionError, RunError
            a coder, class or origin that is not there.
        """
        decided = decided or Decided.nothing(len(self.items))
        key = (wish, decided.version if wish.reviewed or wish.reviewer else 0, decided.marked)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            mask = self.mask(wish, decided)
            order = self._order(wish)
            rows = np.flatnonzero(mask).astype(np.int32) if order is None else order[mask[order]]
            if wish.top:
                rows = rows[: wish.top].copy()
            self._kept[key] = rows
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return rows

    def shown(self, wish: Wish, decided: Decided | None = None) -> Mask:
        """(N,) items that :meth:`rows` has, without putting them in order."""
        if not wish.top:
            return self.mask(wish, decided)
        shown = np.zeros(len(self.items), dtype=np.bool_)
        shown[self.rows(wish, decided)] = True
        return shown

    def mask(self, wish: Wish, decided: Decided | None = None) -> Mask:
        """(N,) items that pass all filters of the wish; the order and ``top`` play no part."""
        return self._all(self.masks(wish, decided))

    def _all(self, masks: Mapping[str, Mask]) -> Mask:
        """(N,) items that are in all masks."""
        keep = np.ones(len(self.items), dtype=np.bool_)
        for mask in masks.values():
            keep &= mask
        return keep

    def masks(self, wish: Wish, decided: Decided | None = None) -> dict[str, Mask]:
        """Name of each filter that restricts anything → (N,) items that pass it."""
        items = self.items
        self._require_no_truth(wish)
        decided = decided or Decided.nothing(len(items))
        out: dict[str, Mask] = {}
        if ANYTHING not in wish.split:
            codes = [_index(items.splits, name, "test set", missing_is_none=name == "") for name in wish.split]
            out["split"] = _among(items.split, codes, len(items.splits))
        if wish.origin:
            codes = [_index(items.origins, name, "origin") for name in wish.origin]
            out["origin"] = _among(items.origin, codes, len(items.origins))
        for coder, classes in wish.says:
            out[f"says.{coder}"] = self._of_classes(items.labels.of_coder(items.coder(coder)), classes)
        columns = {"truth": items.truth, "network": items.network, "known": items.known}
        for name, column in columns.items():
            if getattr(wish, name):
                out[name] = self._of_classes(column, getattr(wish, name))
        for name, numbers in (("confidence", items.confidence), ("margin", items.margin)):
            low, high = getattr(wish, name)
            if low > 0 or high < 1:
                out[name] = (numbers >= np.float32(low)) & (numbers <= np.float32(high))
        if wish.labels:
            codes = [RELATIONS.index(name) for name in wish.labels]
            out[LABELS] = _among(self.relation(wish.pair), codes, len(RELATIONS))
        if wish.against:
            codes = [list(AGAINST).index(name) for name in wish.against]
            out["against"] = _among(self.against, codes, len(AGAINST))
        if wish.than:
            out["than"] = self.changed(wish.than)
        if wish.alone:
            out["alone"] = alone_with(items, wish.alone)
        if wish.search:
            hits = pc.match_substring(items.names, wish.search, ignore_case=True)
            out["search"] = hits.to_numpy(zero_copy_only=False)
        if wish.cases or (wish.pair is not None and not wish.labels):
            out[CASES] = self._of_cases(wish)
        return out | self._of_map(wish) | self._of_decisions(wish, decided)

    def _of_map(self, wish: Wish) -> dict[str, Mask]:
        if not asks_for_map(wish):
            return {}
        item_map = self.item_map()
        if item_map is None:
            raise OptionError("area, region and neighbours are about the map of the images, and there is none yet.")
        return map_masks(item_map, wish, len(self.items))

    def _of_classes(self, column: Codes, names: Sequence[str]) -> Mask:
        """(N,) items whose class is one of these; ``*any*`` is every class, ``*none*`` no class."""
        if ANYTHING in names and NOTHING not in names:
            return column >= 0
        codes = [-1 if n == NOTHING else _index(self.items.classes, n, "class") for n in names if n != ANYTHING]
        codes += range(len(self.items.classes)) if ANYTHING in names else ()
        return _among(column, codes, len(self.items.classes))

    def changed(self, run: str) -> Mask:
        """(N,) items whose learned truth is another one than that of another run.

        Raises
        ------
        RunError
            there is no such run, or it is not finished.
        """
        with self._lock:
            if run not in self._changed:
                if self.other is None:
                    raise RunError(f"there is no run {run!r} to compare with.")
                self._changed = {run: changed_truth(self.other(run), self.items)[0]}
            return self._changed[run]

    def relation(self, pair: tuple[str, str] | None) -> Codes:
        """(N,) index into ``RELATIONS``, of the labels of two coders, or of all people."""
        if pair is None:
            return self.items.relation
        a, b = (self.items.labels.of_coder(self.items.coder(c)) for c in pair)
        out = (a >= 0).astype(np.int16) + (b >= 0)
        out[(out == 2) & (a != b)] = 3
        return out

    @cached_property
    def against(self) -> Codes:
        """(N,) index into ``AGAINST``: whether a label differs from the learned truth; −1 where there is no label."""
        out = np.full(len(self.items), -1, dtype=np.int16)
        out[self.items.labels.row] = 0
        out[self.items.contradicted] = 1
        return out

    def _of_cases(self, wish: Wish) -> Mask:
        if wish.pair is None:
            wanted = np.uint8(sum(1 << n for n in wish.cases))
            return np.asarray((self.any_case & wanted) != 0)
        first, second = (self.items.coder(c) for c in wish.pair)
        if not self.items.learned:
            labels = self.items.labels
            return (labels.of_coder(first) >= 0) & (labels.of_coder(second) >= 0)
        case = self.case_of(first, second)
        return _among(case, wish.cases or range(1, 6), 6)

    def _of_decisions(self, wish: Wish, decided: Decided) -> dict[str, Mask]:
        out = {}
        if wish.reviewed:
            settled = decided.settled
            states = {"settled": settled >= 0, "skipped": settled == SKIPPED, "open": settled == OPEN}
            out["reviewed"] = np.logical_or.reduce([states[name] for name in wish.reviewed])
        if wish.reviewer:
            codes = [_index(decided.reviewers, n, "reviewer", missing_is_none=True) for n in wish.reviewer]
            out["reviewer"] = _among(decided.reviewer, codes, len(decided.reviewers))
        tagged = np.zeros(len(self.items), dtype=np.bool_)
        for name in wish.tag:
            if name != NOTHING:
                tagged[decided.tags.get(name, NO_ROWS)] = True
        if NOTHING in wish.tag:
            anyhow = np.zeros(len(self.items), dtype=np.bool_)
            for rows in decided.tags.values():
                anyhow[rows] = True
            tagged |= ~anyhow
        if wish.tag:
            out["tag"] = tagged
        elif len(aside := decided.tags.get(SET_ASIDE, NO_ROWS)):
            out["tag"] = np.ones(len(self.items), dtype=np.bool_)
            out["tag"][aside] = False
        return out

    def sort_of(self, wish: Wish) -> str:
        """The order asked for, or the list's own."""
        return wish.sort or ("unsure" if self.items.learned else "disputed")

    def _order(self, wish: Wish) -> Rows | None:
        """(N,) all rows in the order asked for; None for their own."""
        sort = self.sort_of(wish)
        if sort == "name":
            return None
        key = (sort, wish.seed if sort == "random" else 0)
        if key not in self._orders:
            items = self.items
            sure = -items.confidence
            if sort == "random":
                for old in [k for k in self._orders if k[0] == "random"]:
                    del self._orders[old]
                order = np.random.default_rng(wish.seed).permutation(len(items))
            elif sort == "unsure":
                order = np.argsort(items.confidence, kind="stable")
            elif sort == "sure":
                order = np.argsort(sure, kind="stable")
            elif sort == "disputed":
                order = np.lexsort((items.margin, -items.split_votes))
            else:
                order = np.lexsort((sure, ~items.contradicted))
            self._orders[key] = order.astype(np.int32)
        return self._orders[key]

    # ---- how many

    @cached_property
    def learned_from(self) -> Mask:
        """(N,) items that are not of a test set."""
        return self.mask(Wish())

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of coders that met on some item, at most ``MOST_PAIRS``.

        People come before machine coders, which label everything; then those who met most often.
        """
        return self._meetings[0]

    @property
    def pairs_in_all(self) -> int:
        """How many pairs of coders met."""
        return self._meetings[1]

    @cached_property
    def any_case(self) -> NDArray[np.uint8]:
        """(N,) bit n says that some of the pairs is in case n."""
        out = np.zeros(len(self.items), dtype=np.uint8)
        for a, b in self.pairs:
            out |= np.left_shift(np.uint8(1), self.case_of(a, b).astype(np.uint8))
        return out

    @cached_property
    def _meetings(self) -> tuple[list[tuple[int, int]], int]:
        first, second, _ = self.items.labels.meetings()
        judge = self.items.coders.index(ADJUDICATOR) if ADJUDICATOR in self.items.coders else -1
        labelling = (first != judge) & (second != judge)
        first, second = first[labelling], second[labelling]
        machine = np.asarray([is_machine(c) for c in self.items.coders], dtype=np.int8)
        most = np.argsort(machine[first] + machine[second], kind="stable")[:MOST_PAIRS]
        return list(zip(first[most].tolist(), second[most].tolist(), strict=True)), len(first)

    def case_of(self, first: int, second: int) -> NDArray[np.int8]:
        """(N,) case of each item for two coders and the learned truth; 0 where one of them is silent."""
        with self._lock:
            if (first, second) not in self._cases:
                items = self.items
                case = cases(items.labels.of_coder(first), items.labels.of_coder(second), items.truth)
                if first > second or (first, second) not in self.pairs:
                    return case
                self._cases[first, second] = case
            return self._cases[first, second]

    @property
    def few_origins(self) -> bool:
        """Whether items of each origin, a set of people who labelled them, are worth looking at by themselves."""
        return len(self.items.origins) <= MOST_ORIGINS

    def case_counts(self, wish: Wish, decided: Decided | None = None) -> list[CaseCount]:
        """The five cases for every pair and every origin, of the items that fit all but the case; none before a run.

        With a pair an origin is part of the case. What no item fits any more is still there, in the order in which all
        items have them: what is looked at does not move while one filters.
        """
        if not self.items.learned:
            return []
        if wish.split not in self._bars:
            self._bars[wish.split] = self._case_tables(self.masks(Wish(split=wish.split)))
        whole = self._bars[wish.split]
        own = self.masks(replace(wish, pair=None, cases=(), top=0, origin=() if wish.pair else wish.origin), decided)
        fitting = self._case_tables(own) if own.keys() - {"split"} else whole
        out = []
        for key in sorted(whole, key=lambda k: _importance(k, int(whole[k].sum()))):
            counts = fitting.get(key, np.zeros(5, dtype=np.intp))
            out.append(CaseCount(*key, int(counts.sum()), tuple(map(int, counts))))
        return out

    def _case_tables(self, masks: Mapping[str, Mask]) -> CaseTables:
        """(5,) items of all masks in each case by first coder, second coder and origin, where there are any."""
        items = self.items
        keep = self._all(masks)
        rows = None if bool(keep.all()) else np.flatnonzero(keep)
        whole, origins = (items.origin, items.origins) if self.few_origins else (np.zeros_like(items.origin), ("",))
        origin = whole if rows is None else whole[rows]
        out = {}
        for a, b in self.pairs:
            case = self.case_of(a, b)
            case = case if rows is None else case[rows]
            cell = origin.astype(np.intp) * 6 + case
            table = np.bincount(cell, minlength=6 * len(origins)).reshape(-1, 6)[:, 1:]
            for o in np.flatnonzero(table.sum(1)).tolist():
                out[items.coders[a], items.coders[b], origins[o]] = table[o]
        return out


def _importance(bar: tuple[str, str, str], items: int) -> tuple[int, int]:
    """Pairs of people first, those of machine coders last."""
    return is_machine(bar[0]) + is_machine(bar[1]), -items


def _among(column: NDArray[Any], codes: Iterable[int], size: int) -> Mask:
    """(N,) whether a code from −1 to below ``size`` is one of these; other codes of the list are no item's."""
    wanted = [c for c in codes if -1 <= c < size]
    if len(wanted) == 1:
        return np.asarray(column == wanted[0])
    table = np.zeros(size + 1, dtype=np.bool_)
    table[wanted] = True  # −1 is the last
    return np.asarray(table[column])


def _index(names: Sequence[str], name: str, kind: str, missing_is_none: bool = False) -> int:
    if name in names:
        return list(names).index(name)
    if missing_is_none:
        return NOBODY
    raise OptionError(f"there is no {kind} {name!r}." + did_you_mean(name, names))
