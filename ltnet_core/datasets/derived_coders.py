"""Coders whose labels are made of the others': the majority vote under another name."""

from __future__ import annotations

import numpy as np

from ..annotations import AnnotationTable
from .study import EXAMPLES, Problem

FEWEST = 20
"""Items on which the others differ that must speak for it."""
BY_CHANCE = 1e-3
"""How often the next best coder may side with the others on all of them."""
MOST_CELLS = 5_000_000


def derived_coders(table: AnnotationTable) -> list[Problem]:
    """Problem: coders who say what most of the others say wherever the others differ, as nobody does who looks.

    Where three others and more differ, a person often sides with the few.
    """
    n, c, k = table.shape
    if c < 4 or max(n, len(table)) * k > MOST_CELLS or not len(table):
        return []
    votes = table.votes()
    others = votes[table.item]
    others[np.arange(len(table)), table.label] -= table.count
    ranked = np.sort(others, axis=1)
    top, second = ranked[:, -1], ranked[:, -2]
    differ = (top > second) & (top + 0.5 < others.sum(1))
    agree = differ & (others[np.arange(len(table)), table.label] == top)
    asked, said = (np.bincount(table.coder, w, c) for w in (differ, agree))
    odd = (asked >= FEWEST) & (said == asked)
    rates = ((said + 1) / (asked + 2))[~odd & (asked >= FEWEST)]
    if not len(rates):
        return []
    found = np.flatnonzero(odd & (rates.max() ** asked < BY_CHANCE))
    texts = [
        f"coder {table.coders[i]!r} says what most of the others say on all {int(asked[i]):,} images on which they "
        "differ: leave it out if its labels are made of theirs."
        for i in found[:EXAMPLES]
    ]
    if not texts:
        return []
    return [Problem("coder like the majority", len(found), tuple(texts))]
