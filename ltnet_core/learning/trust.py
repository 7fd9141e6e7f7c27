"""Whom to believe where the labels alone do not tell: by the held-out labels that a network meets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotationTable, FloatArray

FEW, LEAST_TRUST, MOST_NAMED = 20.0, 0.1, 5
SUREST = 0.15  # of the images in which it sees a class, those the network is surest of
SURE = 0.9  # share of a coder's labels of them that it meets, from which on the coder can be the reference


def trust(p: FloatArray, table: AnnotationTable, held_out: NDArray[np.int64]) -> dict[str, float]:
    """coder → weight of its annotations in (0, 1], the best coder's is 1.

    A transition matrix explains errors that depend on the truth alone. People also err more
    where the image itself is unclear, and then their labels say less than T makes of them,
    the more so the more they err. So a coder weighs as much as the network's rate of
    disagreement with the best coder's held-out annotations is of that with its own; coders
    with few held-out annotations are drawn towards the rate of all.
    ``p`` (N,K) is what a network trained on all labels mixed sees.
    """
    item, coder, label = _first_choices(table, held_out)
    rate = _rates(p.argmax(1)[item] != label, coder, len(table.coders))
    return {name: float(max(rate.min() / r, LEAST_TRUST)) for name, r in zip(table.coders, rate, strict=True)}


def trust_note(trusted: dict[str, float]) -> str:
    """A sentence about what each coder's labels weigh."""
    if len(trusted) > MOST_NAMED:
        low = min(trusted, key=lambda c: trusted[c])
        return f"labels weigh between {trusted[low]:.2f} ({low!r}) and 1, by how often the network meets them."
    told = ", ".join(f"{c!r} {w:.2f}" for c, w in trusted.items())
    return f"labels weigh {told}, by how often the network meets those of held-out images."


def reference_coder(p: FloatArray, table: AnnotationTable, held_out: NDArray[np.int64]) -> tuple[str | None, float]:
    """The coder in whose words the truth can be told, and the share of its labels met; None where nobody's.

    It is the one whose held-out labels the network meets most often, if its errors, too, are
    such that a matrix does not explain: where a coder confuses classes, it does so on clear images
    as well, and even of those that the network is surest of a good part of its labels is missed;
    where it errs on unclear images alone, the surest ones show labels as they should be. (Such images
    are the anchor points of Liu and Tao, 2016, doi:10.1109/TPAMI.2015.2456899.) They are
    the surest 15 % of those in which the network (``p``, (N,K)) sees each class.
    """
    item, coder, label = _first_choices(table, held_out)
    best = int(_rates(p.argmax(1)[item] != label, coder, len(table.coders)).argmin())
    item, label = item[coder == best], label[coder == best]
    seen, sure = p.argmax(1)[item], p.max(1)[item]
    among = np.zeros(len(item), dtype=np.bool_)
    for k in range(len(table.classes)):
        here = np.flatnonzero(seen == k)
        among[here[np.argsort(-sure[here], kind="stable")][: int(np.ceil(SUREST * len(here)))]] = True
    met = float((seen == label)[among].mean()) if among.any() else 0.0
    return (table.coders[best] if among.sum() >= FEW and met >= SURE else None), met


def reference_note(coder: str, met: float) -> str:
    """A sentence about the coder in whose words the truth is told."""
    return (
        f"the labels alone fit more than one truth: it is told in the words of {coder!r}, of whose labels the network "
        f"meets {met:.0%} where it is surest; its matrix starts next to the identity. Another coder can be made the "
        "reference, or none."
    )


def _first_choices(
    table: AnnotationTable, held_out: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """item, coder and label of held-out annotations; of a coder's votes for an item, the class with the most.

    How a crowd splits says how clear an image is, not how good the crowd.
    """
    at = np.flatnonzero(np.isin(table.item, held_out))
    at = at[np.lexsort((-table.count[at], table.coder[at], table.item[at]))]
    item, coder = table.item[at].astype(np.int64), table.coder[at].astype(np.int64)
    first = np.append(True, (np.diff(item) != 0) | (np.diff(coder) != 0))[: len(at)]
    return item[first], coder[first], table.label[at][first].astype(np.int64)


def _rates(missed: NDArray[np.bool_], coder: NDArray[np.int64], coders: int) -> FloatArray:
    """(C,) share of a coder's labels that are missed; with few of them, drawn towards that of all."""
    total = np.bincount(coder, minlength=coders).astype(np.float64)
    wrong = np.bincount(coder, missed, coders)
    return np.asarray((wrong + FEW * wrong.sum() / max(total.sum(), 1e-9) + 1e-9) / (total + FEW))
