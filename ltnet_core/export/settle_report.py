"""The settle report: which label was confirmed where two coders differ, and how often each class of a coder was."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR, in_words, is_machine
from ..datasets import Files
from ..errors import DatasetError
from ..explore.gains import MEANING, Gains
from ..explore.opinions import Agreement
from ..files.printing import in_percent, isolated
from ..files.spreadsheet import csv_bytes
from ..images.image_decoding import Decoded, decode
from ..labels.intervals import wilson
from ..runs.learned_items import LearnedItems
from .html_pages import html_page

MOST_CODERS = 200  # of all those who labelled what was settled
MOST_ROWS = 500  # of the page; the CSV has all
FACES, MOST_FACES, FACE = 6, 300, 72  # of a row, of a page, pixels
ENOUGH = 5  # settled images below which there is no rule


@dataclass(frozen=True)
class Verdict:
    """How images were settled to which one coder gave one class and another coder, if any, another class.

    Attributes
    ----------
    second, second_says : empty for a verdict on one coder alone.
    items : number of settled images.
    for_first, for_second : those settled as the class that the coder gave.
    other : most frequent class among the others; empty where there are none.
    leading : most frequent class among all.
    share, low, high : share of ``leading``, and its 95 % interval.
    images : names of the first of them.
    """

    first: str
    second: str
    first_says: str
    second_says: str
    items: int
    for_first: int
    for_second: int
    other: str
    leading: str
    share: float
    low: float
    high: float
    images: tuple[str, ...]

    @property
    def for_neither(self) -> int:
        """Number of images settled as a third class."""
        return self.items - self.for_first - self.for_second

    @property
    def sentence(self) -> str:
        """A rule for the annotation guideline; none where few images are settled or the answers are split."""
        first, second, leading = isolated(in_words(self.first)), isolated(in_words(self.second)), isolated(self.leading)
        both = f" and {second} says {isolated(self.second_says)}" if self.second else ""
        which, n = f"Where {first} says {isolated(self.first_says)}{both}", self.items
        if n < ENOUGH:
            return f"{which}, only {n} {'image is' if n == 1 else 'images are'} settled: too few for a rule."
        ends = f"95 % interval {in_percent(self.low)} to {in_percent(self.high)}"
        much = f"{in_percent(self.share)} of {n:,} images were settled as {leading} ({ends})"
        if self.low > 0.5:
            return f"{which}, {much}: take {leading}."
        return f"{which}, {much}: no clear rule; look at these images together and write down what tells them apart."


@dataclass(frozen=True)
class SettleReport:
    """What settling showed of one dataset.

    Attributes
    ----------
    settled : number of settled items.
    not_there : number of decisions about images or classes that the dataset does not have.
    pairs : verdicts where two coders differ, the one with the most settled images first.
    alone : verdicts on each coder and class.
    gains : what that brought to a run; None for a dataset before any run.
    agreements : how far second answers agree with the first.
    """

    settled: int
    not_there: int
    pairs: tuple[Verdict, ...]
    alone: tuple[Verdict, ...]
    coders_left_out: int = 0
    gains: Gains | None = None
    agreements: tuple[Agreement, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """A row for each verdict."""
        columns = ["first", "first_says", "second", "second_says", "items", "for_first", "for_second", "for_neither"]
        columns += ["other", "leading", "share", "low", "high", "sentence"]
        rows = [{c: getattr(v, c) for c in columns} for v in (*self.pairs, *self.alone)]
        return pd.DataFrame(rows, columns=columns)

    def csv_bytes(self) -> bytes:
        """The content of a CSV file."""
        return csv_bytes(self.to_frame())

    def to_html(self, title: str, files: Files | None = None) -> str:
        """One page that loads nothing and runs nothing; with ``files``, with small pictures in it."""
        pairs, alone = self.pairs[:MOST_ROWS], self.alone[:MOST_ROWS]
        faces = _faces([*pairs, *alone], files) if files is not None else {}
        left_out = len(self.pairs) + len(self.alone) - len(pairs) - len(alone)
        return html_page(
            "settle_report.html",
            report=self,
            title=title,
            pairs=pairs,
            alone=alone,
            faces=faces,
            left_out=left_out,
            meaning=MEANING,
        )


def settle_report(items: LearnedItems, decisions: Mapping[str, str]) -> SettleReport:
    """Compare the settled classes with the labels of the coders.

    In pairs a machine coder stands in where fewer than two people labelled an image.

    Parameters
    ----------
    decisions : image → class that it was settled as.
    """
    classes = {name: k for k, name in enumerate(items.classes)}
    rows = items.rows(list(decisions))
    truth = np.asarray([classes.get(label, -1) for label in decisions.values()], dtype=np.int16)
    in_items = (rows >= 0) & (truth >= 0)
    rows, truth = rows[in_items].astype(np.int64), truth[in_items]
    order = np.argsort(rows, kind="stable")
    rows, truth = rows[order], truth[order]
    labels = items.labels.at(rows)
    coders = [c for c, name in enumerate(items.coders) if name != ADJUDICATOR and (labels[c] >= 0).any()]
    coders.sort(key=lambda c: (is_machine(items.coders[c]), -int((labels[c] >= 0).sum())))
    listed = sorted(coders[:MOST_CODERS], key=lambda c: (is_machine(items.coders[c]), c))
    counted = _Settled(items, rows, truth, labels)
    pairs = [v for a, b in combinations(listed, 2) for v in counted.of_pair(a, b)]
    return SettleReport(
        settled=len(rows),
        not_there=int((~in_items).sum()),
        pairs=tuple(sorted(pairs, key=lambda v: (is_machine(v.first) or is_machine(v.second), -v.items))),
        alone=tuple(v for c in listed for v in counted.of_coder(c)),
        coders_left_out=len(coders) - len(listed),
    )


@dataclass(frozen=True)
class _Settled:
    """S settled items: ``rows`` (S,), ``truth`` (S,) settled as, ``labels`` (C,S) of the coders (−1: none)."""

    items: LearnedItems
    rows: NDArray[np.int64] = field(repr=False)
    truth: NDArray[np.int16] = field(repr=False)
    labels: NDArray[np.int16] = field(repr=False)

    @cached_property
    def machines(self) -> NDArray[np.int64]:
        """(S,) how many machine coders a pair needs: one for each of two people who did not label the item."""
        people = [not is_machine(name) and name != ADJUDICATOR for name in self.items.coders]
        return np.asarray(np.maximum(2 - (self.labels[people] >= 0).sum(0), 0), dtype=np.int64)

    def of_pair(self, a: int, b: int) -> Iterator[Verdict]:
        """A verdict for each pair of different classes that coders a and b gave to one image."""
        k = len(self.items.classes)
        first, second = self.labels[a], self.labels[b]
        needed = self.machines == is_machine(self.items.coders[a]) + is_machine(self.items.coders[b])
        differ = np.flatnonzero((first >= 0) & (second >= 0) & (first != second) & needed)
        cells = first[differ].astype(np.int64) * k + second[differ]
        for cell in np.unique(cells).tolist():
            yield self._verdict(differ[cells == cell], (a, cell // k), (b, cell % k))

    def of_coder(self, c: int) -> Iterator[Verdict]:
        """A verdict for each class that the coder gave."""
        for label in np.unique(self.labels[c][self.labels[c] >= 0]).tolist():
            yield self._verdict(np.flatnonzero(self.labels[c] == label), (c, label), None)

    def _verdict(self, at: NDArray[np.int64], first: tuple[int, int], second: tuple[int, int] | None) -> Verdict:
        classes, coders = self.items.classes, self.items.coders
        counts = np.bincount(self.truth[at], minlength=len(classes))
        leading = int(counts.argmax())
        low, high = wilson(int(counts[leading]) / len(at), len(at))
        others = counts.copy()
        others[[label for _, label in filter(None, (first, second))]] = 0
        names = self.items.names.take(self.rows[at[:FACES]]).to_pylist()
        return Verdict(
            first=coders[first[0]],
            second=coders[second[0]] if second else "",
            first_says=classes[first[1]],
            second_says=classes[second[1]] if second else "",
            items=len(at),
            for_first=int(counts[first[1]]),
            for_second=int(counts[second[1]]) if second else 0,
            other=classes[int(others.argmax())] if others.any() else "",
            leading=classes[leading],
            share=float(counts[leading] / len(at)),
            low=low,
            high=high,
            images=tuple(names),
        )


def _faces(verdicts: Sequence[Verdict], files: Files) -> dict[str, str]:
    """Image → ``data:`` URI of a small JPEG; images that cannot be read are left out."""
    out: dict[str, str] = {}
    for name in dict.fromkeys(name for v in verdicts for name in v.images):
        if len(out) == MOST_FACES:
            break
        try:
            jpeg = decode(files, name, _small)
        except DatasetError:
            continue
        out[name] = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
    return out


def _small(decoded: Decoded) -> bytes:
    image: Any = decoded.image
    image.thumbnail((FACE, FACE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()
