"""Facts about a table's columns by their cells: how many values, shared classes, names of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..corrections import Corrections
from ..names.class_numbers import number
from ..names.image_names import match_names
from ..names.missing import absent
from ..sources.files import is_image_name
from ..tables.columns import LIKELY_LABELS, words
from ..tables.table import Table
from .role_questions import Titles

MOST_CLASSES, FEW, SAMPLE, MOST_CODES = 200, 20, 200, 50
FEWEST_AGREED, AGREED = 8, 0.3
MOST_QUESTIONS, FEWEST_APART, APART, SHORTEST = 8, 20, 0.1, 4
ANSWERED = LIKELY_LABELS | {"quality", "severity", "density"}


def _key(cell: str) -> str:
    """A cell with one spelling for each number and without case."""
    return cell.casefold() if (n := number(cell)) is None else str(n)


class ColumnFacts:
    """Facts about the columns of a table, one by one and in pairs."""

    def __init__(self, table: Table, images: Sequence[str], corrections: Corrections):
        self.table, self.images, self.corrections = table, images, corrections
        self.titles = Titles(table.file, table.titles)

    def title(self, column: str) -> str:
        return self.titles.of(column)

    def values(self, column: str) -> list[str]:
        """The different cells of a column that are in use, without those that say "no label"."""
        cells = self.table.frame[column].cat
        used = np.flatnonzero(np.bincount(cells.codes, minlength=len(cells.categories)))
        return [v for i in used if not absent(v := str(cells.categories[int(i)]), self.corrections)]

    def keys(self, column: str) -> set[str]:
        """The different cells of a column, with one spelling for each number and without case."""
        return set(map(_key, self.values(column)))

    def few(self, column: str) -> bool:
        """Whether a column's cells repeat as classes do: few different ones for so many rows, no measured numbers."""
        values = self.values(column)
        if not 0 < len(values) <= max(FEW, min(MOST_CLASSES, len(self.table.row) // 2)):
            return False
        return not any(isinstance(number(v), float) for v in values)

    def share(self, a: str, b: str) -> bool:
        """Whether two columns hold the same classes, at least half of those of the one that has fewer."""
        one, other = self.keys(a), self.keys(b)
        return bool(one and other) and 2 * len(one & other) >= min(len(one), len(other))

    def kappa(self, a: str, b: str) -> tuple[int, float]:
        """In how many rows two columns both say something, and how often the same beyond chance (Cohen's kappa)."""
        cells = [self.table.frame[c].cat for c in (a, b)]
        keys = {v: i for i, v in enumerate(sorted(self.keys(a) | self.keys(b)))}
        of = [np.asarray([keys.get(_key(str(v)), -1) for v in c.categories], dtype=np.int64)[c.codes] for c in cells]
        both = (of[0] >= 0) & (of[1] >= 0)
        if not both.any():
            return 0, 0.0
        one, other = (np.bincount(x[both], minlength=len(keys)) / both.sum() for x in of)
        by_chance = float(one @ other)
        agreed = float((of[0] == of[1])[both].mean())
        return int(both.sum()), (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0

    def agree(self, a: str, b: str) -> bool:
        """Whether two columns say the same of a row more often than by chance, as annotators do."""
        rows, kappa = self.kappa(a, b)
        return rows >= FEWEST_AGREED and kappa >= AGREED

    def apart(self, columns: Sequence[str]) -> bool:
        """Whether the columns hardly agree, as answers to different questions do: sharpness, noise, contrast.

        Where they are called like different answers (tumor_grade, tumor_stage), a few rows tell. Ann and Ben are people
        who may hardly agree.
        """
        titles = [self.title(c) for c in columns]
        if not 1 < len(columns) <= MOST_QUESTIONS:
            return False
        said = [set(words(t)) & ANSWERED for t in titles]
        few = any(said) and not set.intersection(*said)
        if not few and any(t[:1] != t[:1].lower() or len(t) < SHORTEST for t in titles):
            return False
        pairs = [self.kappa(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
        least, most = (FEWEST_AGREED, AGREED) if few else (FEWEST_APART, APART)
        return min(rows for rows, _ in pairs) >= least and sum(kappa for _, kappa in pairs) < most * len(pairs)

    def speaks(self, column: str, others: Sequence[str]) -> bool:
        """Whether a column may be an annotator's: it has several classes, or its only class is in another column."""
        return len(self.values(column)) > 1 or any(self.share(column, c) for c in others if c != column)

    def fixed(self, column: str, image: str) -> bool:
        """Whether a column has one value in all rows of an image, and some images have several rows."""
        a, b = (self.table.frame[c].cat.codes.to_numpy().astype(np.int64) for c in (image, column))
        n = len(np.unique(a))
        return n < len(a) and len(np.unique(a * (int(b.max(initial=0)) + 1) + b)) == n

    def of_legend(self) -> set[str]:
        """The columns of a small table that stands beside the first rows, such as what the codes mean.

        Two columns and more hold something in the same first rows alone, and never the same twice.
        """
        groups: dict[int, list[str]] = {}
        for column in self.table.frame.columns:
            cells = self.table.frame[column].cat
            full = (cells.codes[(cells.categories != "")[cells.codes]]).to_numpy()
            small = 1 < len(full) <= min(MOST_CODES, len(self.table.row) // 2)
            if small and len(np.unique(full)) == len(full) and (cells.codes.iloc[: len(full)].to_numpy() == full).all():
                groups.setdefault(len(full), []).append(str(column))
        return {c for g in groups.values() if len(g) > 1 for c in g}

    def repeats(self, column: str) -> bool:
        """Whether a value of a column is in several rows."""
        codes = self.table.frame[column].cat.codes.to_numpy()
        return len(np.unique(codes)) < len(codes)

    def same(self, a: str, b: str) -> bool:
        """Whether the values of two columns map one to one, such as codes and names."""
        x, y = (self.table.frame[c].cat.codes.to_numpy().astype(np.int64) for c in (a, b))
        pairs = len(np.unique(x * (int(y.max(initial=0)) + 1) + y))
        return pairs == len(np.unique(x)) == len(np.unique(y)) > 1

    def matched(self, column: str) -> float:
        """Share of a column's cells that name images of the dataset; without images, that end like an image's name."""
        names = [str(v) for v in self.table.frame[column].cat.categories if v]
        if not names:
            return 0.0
        names = names[:: max(1, len(names) // SAMPLE)][:SAMPLE]
        if not self.images:
            return sum(map(is_image_name, names)) / len(names)
        known = set(self.images)
        rules = match_names(names, self.images)
        return sum(n in known for n in rules.images) / len(names)

    def groups(self, columns: list[str]) -> list[list[str]]:
        """Columns that share classes, directly or through others."""
        groups: list[list[str]] = []
        for column in columns:
            near = [g for g in groups if any(self.share(column, c) for c in g)]
            groups = [g for g in groups if g not in near]
            groups.append([c for g in near for c in g] + [column])
        return [[c for c in columns if c in g] for g in groups]
