"""Which of a run's items to look at, in which order, and how often the five cases occur among them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR, is_machine
from ..errors import OptionError, RunError, did_you_mean
from ..labels.coder_labels import Rows
from ..labels.disagreement import cases
from ..runs.learned_items import LearnedItems
from .changed_truth import changed_truth

SORTS: dict[str, str] = {
    "unsure": "gains most (least confident)",
    "wrong": "probably mislabelled",
    "disputed": "most disputed",
    "sure": "most confident",
    "name": "in the order of the dataset",
    "random": "random",
}
REVIEWED = ("", "settled", "skipped", "open")
ANYTHING, NOTHING = "*any*", "*none*"
MOST_PAIRS = 15
KEPT = 12  # selections of a run that are remembered; 6 MB each where there are 1.5 million items
OPEN, SKIPPED = -1, -2
LABELS_DIFFER = (2, 4, 5)  # of the five cases

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Wish:
    """What to show; what is left at its default restricts nothing.

    Attributes
    ----------
    pair, cases : two coders, and which of the five cases they and the truth may be in, any where empty. Without a
        pair, any of the pairs.
    says : what single coders say: coder → class, ``*any*`` or ``*none*``.
    truth, network, known : class: learned, from the image alone, known.
    confidence, margin : lowest and highest, both included.
    origin : who labelled the item. split : "" for items learned from, a test set, or ``*any*``.
    reviewed : ``settled``, ``skipped`` or ``open``.
    than : another run, whose learned truth is another one.
    sort, seed : a key of ``SORTS``; the seed is that of ``random``.
    top : how many of the first to keep, 0 for all.
    """

    pair: tuple[str, str] | None = None
    cases: tuple[int, ...] = ()
    says: tuple[tuple[str, str], ...] = ()
    truth: str = ""
    network: str = ""
    known: str = ""
    confidence: tuple[float, float] = (0.0, 1.0)
    margin: tuple[float, float] = (0.0, 1.0)
    origin: str = ""
    split: str = ""
    reviewed: str = ""
    than: str = ""
    sort: str = "unsure"
    seed: int = 0
    top: int = 0

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Wish:
        """From the parameters of an address; ``says.NAME=CLASS`` is what a coder says. Others are left alone.

        ``case`` is a number, several with commas between them, or ``differ`` for the cases in which the labels do.

        ``pair`` is two coders with ``|`` between them; a ``|`` or ``%`` in a name is written ``%7C`` or ``%25``.

        Raises
        ------
        OptionError
            a value that cannot be meant.
        """
        texts = ("truth", "network", "known", "origin", "split", "than")
        wish: dict[str, Any] = {k: given[k] for k in texts if k in given}
        wish["says"] = tuple((k[5:], v) for k, v in sorted(given.items()) if k.startswith("says.") and v)
        if given.get("pair"):
            first, bar, second = given["pair"].partition("|")
            if not bar:
                raise OptionError(f"pair must be two coders with | between them, got {given['pair']!r}.")
            wish["pair"] = tuple(name.replace("%7C", "|").replace("%25", "%") for name in (first, second))
        if given.get("case"):
            wish["cases"] = _cases(given["case"])
        for name, most in (("seed", 2**31), ("top", 10**9)):
            if given.get(name):
                wish[name] = _whole(name, given[name], most)
        for name in ("confidence", "margin"):
            if given.get(name):
                wish[name] = _range(name, given[name])
        for name, known in (("reviewed", REVIEWED), ("sort", tuple(SORTS))):
            if given.get(name):
                if given[name] not in known:
                    raise OptionError(f"unknown {name} {given[name]!r}." + did_you_mean(given[name], known))
                wish[name] = given[name]
        return cls(**wish)


def _cases(text: str) -> tuple[int, ...]:
    cases = LABELS_DIFFER if text == "differ" else tuple(sorted({_whole("case", n, 5) for n in text.split(",")}))
    if 0 in cases:
        raise OptionError(f"case must be numbers from 1 to 5, or differ, got {text!r}.")
    return cases


def _whole(name: str, text: str, most: int) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 12 or int(text) > most:
        raise OptionError(f"{name} must be a whole number up to {most:,}, got {text!r}.")
    return int(text)


def _range(name: str, text: str) -> tuple[float, float]:
    low, hyphen, high = text.partition("-")
    try:
        ends = float(low or 0), float(high or 1)
    except ValueError:
        ends = 2.0, 2.0
    if not hyphen or not 0 <= ends[0] <= ends[1] <= 1:
        raise OptionError(f"{name} must be two numbers from 0 to 1 such as 0.5-0.9, got {text!r}.")
    return ends


@dataclass(frozen=True)
class CaseCount:
    """How often each case occurs for two coders among items of one origin; ``cases[i]`` is of case i + 1."""

    first: str
    second: str
    origin: str
    items: int
    cases: tuple[int, ...]


@dataclass
class Selections:
    """Selections of one run's items; ``other`` has those of another run. Safe to share between threads."""

    items: LearnedItems
    other: Callable[[str], LearnedItems] | None = None
    _changed: dict[str, Mask] = field(default_factory=dict, repr=False)
    _orders: dict[tuple[str, int], Rows] = field(default_factory=dict, repr=False)
    _cases: dict[tuple[int, int], NDArray[np.int8]] = field(default_factory=dict, repr=False)
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
        for coder, said in wish.says:
            items.coder(coder)
            if said not in (ANYTHING, NOTHING):
                _place(items.classes, said, "class")
        for coder in wish.pair or ():
            items.coder(coder)
        for name in filter(None, (wish.truth, wish.network, wish.known)):
            _place(items.classes, name, "class")
        if wish.origin:
            _place(items.origins, wish.origin, "origin")
        if wish.than:
            self.changed(wish.than)
        if wish.split not in ("", ANYTHING):
            _place(items.splits, wish.split, "test set")

    def rows(self, wish: Wish, settled: Sequence[int] | NDArray[Any] | None = None, version: int = 0) -> Rows:
        """The rows to show, in their order.

        ``settled`` (N,) is the class that each item was settled as, −1 where it is open and −2 where
        it was skipped; ``version`` changes with it.

        Raises
        ------
        OptionError, RunError
            a coder, class or origin that is not there.
        """
        key = (wish, version if wish.reviewed else 0)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            mask = self.mask(wish, settled)
            order = self._order(wish)
            found = np.flatnonzero(mask).astype(np.int32) if order is None else order[mask[order]]
            if wish.top:
                found = found[: wish.top].copy()
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found

    def mask(self, wish: Wish, settled: Sequence[int] | NDArray[Any] | None = None) -> Mask:
        """(N,) items that fit, whatever the order and ``top``."""
        items = self.items
        keep = self._all(wish.than)
        if wish.split != ANYTHING:
            keep &= items.split == _place(items.splits, wish.split, "test set", wish.split == "")
        if wish.origin:
            keep &= items.origin == _place(items.origins, wish.origin, "origin")
        for coder, said in wish.says:
            labels = items.labels.of_coder(items.coder(coder))
            if said == ANYTHING:
                keep &= labels >= 0
            elif said == NOTHING:
                keep &= labels < 0
            else:
                keep &= labels == _place(items.classes, said, "class")
        for column, name in ((items.truth, wish.truth), (items.network, wish.network), (items.known, wish.known)):
            if name:
                keep &= column == _place(items.classes, name, "class")
        for numbers, (low, high) in ((items.confidence, wish.confidence), (items.margin, wish.margin)):
            if low > 0:
                keep &= numbers >= np.float32(low)
            if high < 1:
                keep &= numbers <= np.float32(high)
        if wish.reviewed:
            state = np.full(len(items), OPEN) if settled is None else np.asarray(settled)
            keep &= {"settled": state >= 0, "skipped": state == SKIPPED, "open": state == OPEN}[wish.reviewed]
        if wish.pair is not None:
            case = self.case_of(*(items.coder(c) for c in wish.pair))
            keep &= np.isin(case, wish.cases) if wish.cases else case > 0
        elif wish.cases:
            fits = np.zeros(len(items), dtype=np.bool_)
            for a, b in self.pairs:
                fits |= np.isin(self.case_of(a, b), wish.cases)
            keep &= fits
        return keep

    def _all(self, than: str) -> Mask:
        """(N,) all items, or those that have another learned truth than in a run."""
        return self.changed(than).copy() if than else np.ones(len(self.items), dtype=np.bool_)

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

    def _order(self, wish: Wish) -> Rows | None:
        """(N,) all rows in the order asked for; None for their own."""
        if wish.sort == "name":
            return None
        key = (wish.sort, wish.seed if wish.sort == "random" else 0)
        if key not in self._orders:
            items = self.items
            sure = -items.confidence
            if wish.sort == "random":
                for old in [k for k in self._orders if k[0] == "random"]:
                    del self._orders[old]
                order = np.random.default_rng(wish.seed).permutation(len(items))
            elif wish.sort == "unsure":
                order = np.argsort(items.confidence, kind="stable")
            elif wish.sort == "sure":
                order = np.argsort(sure, kind="stable")
            elif wish.sort == "disputed":
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
        """Pairs of coders that met on some item, those who met most often first, at most ``MOST_PAIRS``."""
        return self._meetings[0]

    @property
    def pairs_in_all(self) -> int:
        """How many pairs of coders met."""
        return self._meetings[1]

    @cached_property
    def _meetings(self) -> tuple[list[tuple[int, int]], int]:
        first, second, _ = self.items.labels.meetings()
        judge = self.items.coders.index(ADJUDICATOR) if ADJUDICATOR in self.items.coders else -1
        labelling = (first != judge) & (second != judge)
        first, second = first[labelling], second[labelling]
        most = slice(MOST_PAIRS)
        return list(zip(first[most].tolist(), second[most].tolist(), strict=True)), len(first)

    def case_of(self, first: int, second: int) -> NDArray[np.int8]:
        """(N,) case of each item for two coders and the learned truth; 0 where one of them is silent."""
        with self._lock:
            if (first, second) not in self._cases:
                items = self.items
                found = cases(items.labels.of_coder(first), items.labels.of_coder(second), items.truth)
                if first > second or (first, second) not in self.pairs:
                    return found
                self._cases[first, second] = found
            return self._cases[first, second]

    def case_counts(self, wish: Wish, settled: Sequence[int] | NDArray[Any] | None = None) -> list[CaseCount]:
        """The five cases for every pair and every origin, among the items that fit all but the case."""
        items = self.items
        pairs = self.pairs
        keep = self.mask(_without_case(wish), settled)
        everything = bool(keep.all())
        rows = None if everything else np.flatnonzero(keep)
        origin = items.origin if rows is None else items.origin[rows]
        out = []
        for a, b in pairs:
            case = self.case_of(a, b)
            case = case if rows is None else case[rows]
            place = origin.astype(np.intp) * 6 + case
            table = np.bincount(place, minlength=6 * len(items.origins)).reshape(-1, 6)[:, 1:]
            for o, counts in enumerate(table):
                if counts.sum():
                    names = items.coders[a], items.coders[b], items.origins[o]
                    out.append(CaseCount(*names, int(counts.sum()), tuple(map(int, counts))))
        return sorted(out, key=_importance)


def _importance(found: CaseCount) -> tuple[bool, int]:
    """Pairs with a person in them first: the images that people labelled."""
    return is_machine(found.first) and is_machine(found.second), -found.items


def _without_case(wish: Wish) -> Wish:
    return Wish(**{**wish.__dict__, "pair": None, "cases": (), "top": 0})


def _place(names: Sequence[str], name: str, what: str, missing_is_none: bool = False) -> int:
    if name in names:
        return list(names).index(name)
    if missing_is_none:
        return -2  # nothing is so
    raise OptionError(f"there is no {what} {name!r}." + did_you_mean(name, names))
