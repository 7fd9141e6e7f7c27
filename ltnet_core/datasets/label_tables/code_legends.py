"""Tables that say which class a code is: ``code,meaning`` beside labels in codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..names.class_numbers import number, one_spelling
from ..names.missing import ABSENT, PERHAPS_NONE, plain
from ..questions import Answer, Question, renaming
from ..sources.files import is_image_name
from ..tables.columns import ROLES, about, short, words
from ..tables.table import Table
from .column_roles import Roles
from .table_rows import stem
from .vote_columns import PEOPLE

MOST_CODES, SHOWN, SHORTEST = 200, 6, 3
LEGEND = frozenset(
    {
        *("legend", "codebook", "code", "codes", "key", "keys", "map", "mapping", "lookup", "dictionary", "meaning"),
        *("classes", "categories", "names", "schema", "scheme"),
    }
)
# What a column of codes is called, in a table of any name; *room* or *camera* are of other things.
CODES = frozenset({"id", "code", "codes", "key", "value", "number", "nr", "no", "index", "classid", "labelid"})


@dataclass(frozen=True)
class Legend:
    """A table ``file`` that says of each code in use which class it is."""

    file: str
    classes: Mapping[str, str]

    def question(self) -> Question:
        """The question whether the classes are called as the legend says."""
        shown = ", ".join(f"{a} is {b!r}" for a, b in list(self.classes.items())[:SHOWN])
        sentence = f"the labels are codes, and {self.file} may say which class each of them is: {shown}."
        named = " ".join(renaming(a, b) for a, b in self.classes.items())
        kept = " ".join(renaming(a, a) for a in self.classes)
        ways = (Answer(named, f"the classes are called as {self.file} says"), Answer(kept, "the codes are the classes"))
        return Question("codes and their legend", sentence, (self.file,), ways)


def _key(text: str) -> str:
    value = number(text)
    return text if value is None else str(value)


def _cells(table: Table, column: str) -> list[str]:
    return [str(v) for v in table.frame[column]]


def _used(tables: Iterable[tuple[Table, Roles]]) -> dict[str, str]:
    """The key of each label that tables use → its class, without those that may mean that there is none."""
    out: set[str] = set()
    for table, roles in tables:
        columns = [*roles.coders, *([roles.label] if roles.label else [])] if roles.shape != "none" else []
        for column in columns:
            cells = table.frame[column].cat
            out.update(str(cells.categories[i]) for i in np.unique(cells.codes.to_numpy()) if i >= 0)
    none = ABSENT | PERHAPS_NONE
    return {_key(v): name for v, name in one_spelling(sorted(out)).items() if plain(v) not in none}


def find_legend(tables: Sequence[tuple[Table, Roles]]) -> Legend | None:
    """The table that names the codes of the others: one column holds them once each, another a name for each."""
    for i, (table, _) in enumerate(tables):
        if not 2 <= len(table.row) <= MOST_CODES or PEOPLE.search(stem(table.file)):
            continue
        others = [t for k, t in enumerate(tables) if k != i]
        used = _used(others)
        items = {str(v) for t, r in others if r.image is not None for v in t.frame[r.image].cat.categories}
        columns = {c: cells for c in table.frame.columns if _once(cells := _cells(table, c))}
        if len(used) < 2 or any(set(cells) <= items for cells in columns.values()):
            continue
        called = not LEGEND.isdisjoint(words(stem(table.file)))
        of_labels = {short(c) for _, r in others for c in (r.label, *r.coders) if c} | CODES | set(ROLES["label"])
        for codes, cells in columns.items():
            keys = [_key(c) for c in cells]
            are_short = all(number(c) is not None or len(c) <= SHORTEST for c in cells)
            if not set(used) <= set(keys) or not (called or (are_short and short(codes) in of_labels)):
                continue
            names = [c for c, n in columns.items() if c != codes and not about(c) and _are_names(n, set(used))]
            if names:
                pairs = dict(zip(keys, columns[names[0]], strict=True))
                return Legend(table.file, {used[k]: v for k, v in pairs.items() if k in used})
    return None


def _once(cells: Sequence[str]) -> bool:
    return "" not in cells and len(set(cells)) == len(cells)


def _are_names(cells: Sequence[str], used: set[str]) -> bool:
    return not any(number(c) is not None or c in used or is_image_name(c) for c in cells)
