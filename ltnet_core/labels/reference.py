"""Whose words the truth is told in: what the labels show of every coder before anything is trained.

Where coders do not overlap no label tells whose words are right, so the user names the reference. This is what there
is to go by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..annotations import ADJUDICATOR, AnnotationTable, is_machine


@dataclass(frozen=True)
class ReferenceEvidence:
    """A coder who could be the reference.

    Attributes
    ----------
    coder : name. items : number of items it labelled. votes : annotations per item; a crowd gives several.
    consensus : mean share of an item's votes that its most frequent label got; None with one vote an item.
    unused : classes it never used, which cannot be told in its words.
    shared : items that another coder labelled, too. agreement : share of those others' annotations that its own label
        meets; None where there are none.
    """

    coder: str
    items: int
    votes: float
    consensus: float | None
    unused: tuple[str, ...]
    shared: int
    agreement: float | None


def reference_evidence(table: AnnotationTable) -> list[ReferenceEvidence]:
    """What the labels show of every human coder, those with most items first.

    Nothing here names the right one: coders who agree may all answer another question than the user's.
    """
    humans = table.keep_coders([c for c in table.coders if not is_machine(c) and c != ADJUDICATOR])
    everything = humans.votes()
    out = [_of(humans, coder, everything) for coder in humans.coders]
    return sorted(out, key=lambda e: (-e.items, e.coder))


def _of(
    table: AnnotationTable, coder: str, everything: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> ReferenceEvidence:
    own = table.votes([coder])
    on = np.flatnonzero(own.sum(1) > 0)
    own, others = own[on], (everything[on] - own[on]).clip(min=0)
    per_item, others_per_item = own.sum(1), others.sum(1)
    shared = others_per_item > 0
    others_agreeing = others[np.arange(len(on)), own.argmax(1)] if len(on) else others_per_item
    several = per_item > 1
    return ReferenceEvidence(
        coder,
        len(on),
        float(per_item.mean()) if len(on) else 0.0,
        float((own.max(1) / per_item)[several].mean()) if several.any() else None,
        tuple(name for name, used in zip(table.classes, own.sum(0), strict=True) if not used),
        int(shared.sum()),
        float(others_agreeing[shared].sum() / others_per_item[shared].sum()) if shared.any() else None,
    )
