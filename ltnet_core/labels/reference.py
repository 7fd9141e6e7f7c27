"""What the labels show of each coder who could be the reference coder, before anything is trained.

The labels of the reference coder are taken as nearly right. Where coders do not overlap, no label shows whose labels
are right, so the user names the reference coder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..annotations import ADJUDICATOR, AnnotationTable, is_machine


@dataclass(frozen=True)
class ReferenceEvidence:
    """What the labels show of a coder who could be the reference coder.

    Attributes
    ----------
    coder : name.
    items : number of items it labelled.
    votes : annotations per item; above 1 where the coder is a crowd.
    consensus : mean over items of the share of its votes for the most frequent label; None where no item has two votes.
    unused : classes that it never used.
    shared : number of its items that another coder labelled too.
    agreement : of the other coders' annotations of these items, the share equal to its own label; None without any.
    """

    coder: str
    items: int
    votes: float
    consensus: float | None
    unused: tuple[str, ...]
    shared: int
    agreement: float | None


def reference_evidence(table: AnnotationTable) -> list[ReferenceEvidence]:
    """What the labels show of every human coder, the one with most items first.

    None of this shows who is right: coders who agree with each other may all answer another question than the user's.
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
