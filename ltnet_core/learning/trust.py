"""Weights of the coders, and the reference coder, where the labels alone do not determine them.

Both come from how often a network trained on all labels mixed predicts a coder's held-out labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotationTable, FloatArray
from .lapse_rate import lapse_rate

FEW, LEAST_TRUST, MOST_NAMED = 20.0, 0.1, 5
NEAR = 0.95  # diagonal that the reference's matrix starts with
CLEAR = 0.1  # lapse rate, below which a coder can be the reference in any case
SURE = 0.95  # probability that it is below
LEAST_ODDS = 1e-9


def trust(p: FloatArray, table: AnnotationTable, held_out: NDArray[np.int64]) -> dict[str, float]:
    """coder → weight of its annotations in (0, 1], the best coder's is 1.

    weight(c) = max(error(best) / error(c), .1), where error(c) is the share of the coder's held-out
    labels that are not the network's most probable class; with few of them it is drawn towards the
    share of all coders. T models errors that depend on the truth alone. People also err on unclear
    images, and then their labels say less than T makes of them.

    ``p`` (N,K) is that of a network trained on all labels mixed.
    """
    item, coder, label = _first_choices(table, held_out)
    rate = _rates(p.argmax(1)[item] != label, coder, len(table.coders))
    return {name: float(max(rate.min() / r, LEAST_TRUST)) for name, r in zip(table.coders, rate, strict=True)}


def trust_note(trusted: dict[str, float]) -> str:
    """A sentence about the weight of each coder."""
    why = "a coder whose held-out labels the network misses twice as often weighs half"
    if len(trusted) > MOST_NAMED:
        low = min(trusted, key=lambda c: trusted[c])
        return f"weights of the coders: {trusted[low]:.2f} ({low!r}) to 1.00; {why}."
    return f"weights of the coders: {', '.join(f'{c!r} {w:.2f}' for c, w in trusted.items())}; {why}."


@dataclass(frozen=True)
class Candidate:
    """The coder whose held-out labels the network predicts best, who may be the reference coder.

    Attributes
    ----------
    coder : name.
    lapse : posterior mean of its lapse rate, see :mod:`.lapse_rate`.
    limit : lapse rate below which its matrix is nearer to the identity than to its start without a reference coder.
    probability : that its lapse rate is below ``limit``.
    """

    coder: str
    lapse: float
    limit: float
    probability: float

    @property
    def is_reference(self) -> bool:
        """Whether its labels can be taken as nearly right."""
        return self.probability >= SURE

    def note(self) -> str:
        """A sentence that names the reference coder, or says why there is none."""
        rate = f"misses {self.lapse:.0%} of its labels of clear images"
        if self.is_reference:
            return (
                f"the labels alone fit more than one truth: the reference coder is {self.coder!r}, for the network "
                f"{rate}; its matrix starts close to a perfect coder's. You can name another reference coder, or none."
            )
        return (
            f"the labels alone fit more than one truth, and there is no reference coder: of {self.coder!r}, the best "
            f"by held-out labels, the network {rate}, and that these are fewer than {self.limit:.0%} has a probability "
            f"of {self.probability:.0%}. If the labels of one coder are right, name it as the reference coder."
        )


def reference_candidate(
    p: FloatArray, table: AnnotationTable, held_out: NDArray[np.int64], start: Mapping[str, FloatArray]
) -> Candidate | None:
    """The coder who may be the reference coder; None where it has fewer than 20 held-out labels.

    ``p`` (N,K) is that of a network trained on all labels mixed. ``start``: coder → (K,K) T from which it would start
    without a reference coder. limit = max(.1, 1 − (mean diagonal of that T + .95) / 2): a poor network lowers these
    diagonals, and so raises the limit. Clear images are the anchor points of Liu and Tao, 2016,
    doi:10.1109/TPAMI.2015.2456899.
    """
    item, coder, label = _first_choices(table, held_out)
    first = p.argmax(1)[item]
    best = int(_rates(first != label, coder, len(table.coders)).argmin())
    own = coder == best
    if own.sum() < FEW:
        return None
    surest = np.clip(p.max(1)[item[own]], LEAST_ODDS, 1 - LEAST_ODDS)
    rate = lapse_rate(np.log(surest) - np.log1p(-surest), first[own], (first == label)[own])
    name = table.coders[best]
    limit = max(CLEAR, 1 - (float(start[name].diagonal().mean()) + NEAR) / 2)
    return Candidate(name, rate.mean, limit, rate.below(limit))


def _first_choices(
    table: AnnotationTable, held_out: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(M,) item, coder and label of held-out annotations; of several votes by a coder, the class with the most.

    How the votes of a crowd split shows how clear an image is, not how good the crowd is.
    """
    at = np.flatnonzero(np.isin(table.item, held_out))
    at = at[np.lexsort((-table.count[at], table.coder[at], table.item[at]))]
    item, coder = table.item[at].astype(np.int64), table.coder[at].astype(np.int64)
    first = np.append(True, (np.diff(item) != 0) | (np.diff(coder) != 0))[: len(at)]
    return item[first], coder[first], table.label[at][first].astype(np.int64)


def _rates(missed: NDArray[np.bool_], coder: NDArray[np.int64], coders: int) -> FloatArray:
    """(C,) share of a coder's labels that the network misses; with few labels, drawn towards the share of all."""
    total = np.bincount(coder, minlength=coders).astype(np.float64)
    wrong = np.bincount(coder, missed, coders)
    return np.asarray((wrong + FEW * wrong.sum() / max(total.sum(), 1e-9) + 1e-9) / (total + FEW))
