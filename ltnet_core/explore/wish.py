"""What a view of the items asks for, as it stands in the address of the view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import OptionError, did_you_mean

SORTS: dict[str, str] = {
    "unsure": "gains most (least confident)",
    "wrong": "probably mislabelled",
    "disputed": "most disputed",
    "sure": "most confident",
    "name": "in the order of the dataset",
    "random": "random",
}
SORTS_OF_LABELS = ("disputed", "name", "random")  # those that need no learned truth
REVIEWED = ("settled", "skipped", "open")
LABELS: dict[str, str] = {
    "differ": "coders differ",
    "agree": "coders agree",
    "one": "one label",
    "none": "no label",
}
AGAINST: dict[str, str] = {
    "same": "no label differs from it",
    "other": "a label differs from it",
}
NEIGHBOURS: dict[str, str] = {
    "duplicate": "near-duplicates",
    "outlier": "outliers",
}
ANYTHING, NOTHING = "*any*", "*none*"
LABELS_DIFFER = (2, 4, 5)  # of the five cases
LONGEST_SEARCH = 200
SIDE = 9999  # coordinates on the map are whole numbers from 0 to here
MOST_CORNERS = 60  # of an area of the map: an address is not longer

Point = tuple[int, int]


@dataclass(frozen=True)
class Wish:
    """What to show; what is left at its default restricts nothing. Several values of one field are alternatives.

    Attributes
    ----------
    pair, cases : two coders, and which of the five cases they and the truth may be in, any where empty. Without a
        pair, any of the pairs.
    says : what single coders say: coder → classes, ``*any*`` or ``*none*``.
    truth, network, known : classes: learned, from the image alone, known (or ``*none*``).
    confidence, margin : lowest and highest, both included.
    origin : who labelled the item. split : "" for items learned from, test sets, or ``*any*``.
    labels : keys of ``LABELS``: how the labels of people relate, or those of ``pair``, whatever the learned truth.
    against : keys of ``AGAINST``: whether the labels of people are the learned truth; those of machine coders count
        for items without a label of a person.
    reviewed : ``settled``, ``skipped`` or ``open``. reviewer : who settled or skipped it.
    alone : a coder whose label no other person gave, see :func:`.coders.alone_with`.
    than : another run, whose learned truth is another one.
    area : corners of an area of the map. region : numbers of its regions, from 1. neighbours : keys of ``NEIGHBOURS``.
    tag : tags of the item, or ``*none*``. search : part of the name, whatever its case.
    sort, seed : a key of ``SORTS``, the list's own default where empty; the seed is that of ``random``.
    top : how many of the first to keep, 0 for all.
    """

    pair: tuple[str, str] | None = None
    cases: tuple[int, ...] = ()
    says: tuple[tuple[str, tuple[str, ...]], ...] = ()
    truth: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    confidence: tuple[float, float] = (0.0, 1.0)
    margin: tuple[float, float] = (0.0, 1.0)
    origin: tuple[str, ...] = ()
    split: tuple[str, ...] = ("",)
    labels: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    reviewed: tuple[str, ...] = ()
    reviewer: tuple[str, ...] = ()
    area: tuple[Point, ...] = ()
    region: tuple[int, ...] = ()
    neighbours: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    alone: str = ""
    than: str = ""
    search: str = ""
    sort: str = ""
    seed: int = 0
    top: int = 0

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Wish:
        """From the parameters of an address; ``says.NAME=CLASS`` is what a coder says. Others are left alone.

        Alternatives have ``|`` between them, as have the two coders of ``pair``; a ``|`` or ``%`` in a name is written
        ``%7C`` or ``%25``. ``case`` is a number, several with commas between them, or ``differ`` for the cases in which
        the labels do. ``area`` has a point between corners and ``_`` between x and y: ``0_0.900_0.500_700``; ``region``
        is a number, several with commas between them.

        Raises
        ------
        OptionError
            a value that cannot be meant.
        """
        wish: dict[str, Any] = {}
        for name in ("truth", "network", "known", "origin", "reviewer", "tag"):
            if parameters.get(name):
                wish[name] = split_names(parameters[name])
        if "split" in parameters:
            wish["split"] = split_names(parameters["split"])
        wish["says"] = tuple(
            (k[5:], split_names(v)) for k, v in sorted(parameters.items()) if k.startswith("says.") and v
        )
        for name, field, read in (
            ("pair", "pair", _pair),
            ("case", "cases", _cases),
            ("area", "area", _area),
            ("region", "region", _regions),
        ):
            if parameters.get(name):
                wish[field] = read(parameters[name])
        for name, most in (("seed", 2**31), ("top", 10**9)):
            if parameters.get(name):
                wish[name] = _whole(name, parameters[name], most)
        for name in ("confidence", "margin"):
            if parameters.get(name):
                wish[name] = _range(name, parameters[name])
        choices = {"reviewed": REVIEWED, "labels": tuple(LABELS), "neighbours": tuple(NEIGHBOURS)}
        choices["against"] = tuple(AGAINST)
        for name, known in choices.items():
            if parameters.get(name):
                wish[name] = tuple(_one_of(name, value, known) for value in parameters[name].split("|"))
        if parameters.get("sort"):
            wish["sort"] = _one_of("sort", parameters["sort"], tuple(SORTS))
        if len(parameters.get("search", "")) > LONGEST_SEARCH:
            raise OptionError(f"search must have at most {LONGEST_SEARCH} characters.")
        wish["search"] = parameters.get("search", "")
        wish["than"], wish["alone"] = parameters.get("than", ""), parameters.get("alone", "")
        return cls(**wish)


def join_names(names: Iterable[str]) -> str:
    """Names as alternatives in an address."""
    return "|".join(name.replace("%", "%25").replace("|", "%7C") for name in names)


def split_names(text: str) -> tuple[str, ...]:
    """The names that :func:`join_names` joined, in their order, each once."""
    return tuple(dict.fromkeys(name.replace("%7C", "|").replace("%25", "%") for name in text.split("|")))


def _pair(text: str) -> tuple[str, str]:
    first, bar, second = text.partition("|")
    if not bar or "|" in second:
        raise OptionError(f"pair must be two coders with | between them, got {text!r}.")
    (a,), (b,) = split_names(first), split_names(second)
    return a, b


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise OptionError(f"unknown {name} {value!r}." + did_you_mean(value, known))
    return value


def _cases(text: str) -> tuple[int, ...]:
    cases = LABELS_DIFFER if text == "differ" else tuple(sorted({_whole("case", n, 5) for n in text.split(",")}))
    if 0 in cases:
        raise OptionError(f"case must be numbers from 1 to 5, or differ, got {text!r}.")
    return cases


def _area(text: str) -> tuple[Point, ...]:
    corners = [corner.split("_") for corner in text.split(".")]
    if not 3 <= len(corners) <= MOST_CORNERS or any(len(corner) != 2 for corner in corners):
        raise OptionError(f"area must be 3 to {MOST_CORNERS} corners such as 0_0.900_0.500_700, got {text!r}.")
    return tuple((_whole("area", x, SIDE), _whole("area", y, SIDE)) for x, y in corners)


def _regions(text: str) -> tuple[int, ...]:
    regions = tuple(sorted({_whole("region", n, 999) for n in text.split(",")}))
    if 0 in regions:
        raise OptionError(f"region must be numbers from 1, got {text!r}.")
    return regions


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
