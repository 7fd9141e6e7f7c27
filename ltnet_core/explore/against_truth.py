"""How often the labels of each coder are the learned truth, among the items of a view."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..annotations import ADJUDICATOR
from .decided import Decided
from .selection import Selections
from .wish import ANYTHING, Wish


@dataclass(frozen=True)
class AgainstTruth:
    """How many items a coder labelled, and how many of the labels are the learned truth."""

    coder: str
    items: int
    same: int


def against_truth(selections: Selections, wish: Wish, decided: Decided | None = None) -> list[AgainstTruth]:
    """Each coder's labels against the learned truth, of the items that fit all but that; none before a run.

    Those with the most labels come first, whatever fits; one without a label in the part that is shown is left out.
    """
    items, labels = selections.items, selections.items.labels
    if not items.learned:
        return []
    says = tuple((coder, classes) for coder, classes in wish.says if classes != (ANYTHING,))
    keep = selections.mask(replace(wish, against=(), says=says), decided)[labels.row]
    coder = np.repeat(np.arange(len(items.coders)), np.diff(labels.ends))
    same = keep & (labels.label == items.truth[labels.row])
    anyhow = selections.mask(Wish(split=wish.split))[labels.row]
    size, all_kept, all_same = (np.bincount(coder[rows], minlength=len(items.coders)) for rows in (anyhow, keep, same))
    return [
        AgainstTruth(items.coders[c], int(all_kept[c]), int(all_same[c]))
        for c in np.argsort(-size, kind="stable").tolist()
        if size[c] and items.coders[c] != ADJUDICATOR
    ]
