"""Which items the gallery shows, and in which order: pure functions of a truth table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ltnet_core.annotations import is_machine
from ltnet_core.disagreement import cases, codes_of

PER_PAGE = 60
SORTS = {
    "dispute": "most confident disputes",
    "unsure": "least confident first",
    "sure": "most confident first",
    "name": "file name",
}


@dataclass(frozen=True)
class Filter:
    """What to show; None or an empty string means anything."""

    pair: tuple[str, str] | None = None
    case: int | None = None
    coder: str = ""
    said: str = ""
    truth: str = ""
    origin: str = ""
    sort: str = "dispute"


def pairs_that_met(frame: pd.DataFrame, columns: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of coders who annotated at least one common item."""
    said = {c: (frame[column] != "").to_numpy() for c, column in columns.items()}
    return [(a, b) for a, b in combinations(columns, 2) if (said[a] & said[b]).any()]


def disputed(frame: pd.DataFrame, columns: Mapping[str, str], coders: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) items whose learned truth contradicts one of these coders.

    People come first: where a human coder spoke, machine coders do not make a dispute.
    """
    truth = frame["learned_truth"].to_numpy()
    human = np.zeros(len(frame), dtype=np.bool_)
    against = {True: human.copy(), False: human.copy()}
    for coder in coders:
        said = frame[columns[coder]].to_numpy()
        present = said != ""
        if not is_machine(coder):
            human |= present
        against[is_machine(coder)] |= present & (said != truth)
    return np.asarray(against[False] | (against[True] & ~human))


def select(frame: pd.DataFrame, columns: Mapping[str, str], classes: Sequence[str], wish: Filter) -> NDArray[np.int64]:
    """Row positions to show, in order. ``columns`` names each coder's column."""
    keep = np.ones(len(frame), dtype=np.bool_)
    if wish.pair is not None:
        first, second = (codes_of(frame[columns[c]], list(classes)) for c in wish.pair)
        case = cases(first, second, codes_of(frame["learned_truth"], list(classes)))
        keep &= case == wish.case if wish.case else case > 0
    elif wish.case:
        keep &= (frame["case"] == str(wish.case)).to_numpy()
    if wish.coder:
        column = frame[columns[wish.coder]].to_numpy()
        keep &= column == wish.said if wish.said else column != ""
    elif wish.said:
        keep &= np.logical_or.reduce([(frame[c] == wish.said).to_numpy() for c in columns.values()])
    if wish.truth:
        keep &= (frame["learned_truth"] == wish.truth).to_numpy()
    if wish.origin:
        keep &= (frame["_origin"] == wish.origin).to_numpy()
    rows = np.flatnonzero(keep)
    confidence = frame["confidence"].to_numpy()[rows]
    if wish.sort == "unsure":
        order = np.argsort(confidence, kind="stable")
    elif wish.sort == "sure":
        order = np.argsort(-confidence, kind="stable")
    elif wish.sort == "name":
        order = np.argsort(frame["image"].to_numpy()[rows].astype(str), kind="stable")
    else:
        dispute = disputed(frame, columns, wish.pair or list(columns))[rows]
        order = np.lexsort((-confidence, ~dispute))
    return np.asarray(rows[order], dtype=np.int64)


def page_of(rows: NDArray[np.int64], page: int, size: int = PER_PAGE) -> tuple[NDArray[np.int64], int, int]:
    """The rows of one page (from 1, kept within range), its number, and how many pages there are."""
    pages = max(1, -(-len(rows) // size))
    page = min(max(page, 1), pages)
    return rows[(page - 1) * size : page * size], page, pages
