"""How far coders agree: Cohen's kappa of each pair, Fleiss' kappa and Krippendorff's alpha of all."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotationTable, FloatArray

MAX_PAIRS = 2000


def cohen_kappa(counts: FloatArray) -> float | None:
    """Cohen's kappa of a (K,K) table of counts (first coder × second coder); None when it is undefined.

    J. Cohen, *A coefficient of agreement for nominal scales*, 1960.
    """
    total = counts.sum()
    if total == 0:
        return None
    expected = float(counts.sum(1) @ counts.sum(0)) / total**2
    if expected >= 1:
        return None
    return float((np.trace(counts) / total - expected) / (1 - expected))


def krippendorff_alpha(table: AnnotationTable) -> float | None:
    """Krippendorff's nominal alpha over all items with at least two annotations; None when undefined.

    K. Krippendorff, *Content Analysis*, 4th ed., ch. 12. Votes count as that many coders.
    """
    votes = table.votes()
    total = votes.sum(1)
    votes = votes[total >= 2]
    total = total[total >= 2]
    if not len(votes):
        return None
    of_class = votes.sum(0)
    n = of_class.sum()
    observed = ((total**2 - (votes**2).sum(1)) / (total - 1)).sum() / n
    expected = (n**2 - (of_class**2).sum()) / (n * (n - 1))
    return None if expected == 0 else float(1 - observed / expected)


def fleiss_kappa(table: AnnotationTable) -> float | None:
    """Fleiss' kappa over all items with at least two annotations; None when undefined.

    J. L. Fleiss, *Measuring nominal scale agreement among many raters*, 1971. Items may
    have different numbers of annotations: each item's agreement counts alike. Votes
    count as that many coders.
    """
    votes = table.votes()
    total = votes.sum(1)
    votes, total = votes[total >= 2], total[total >= 2]
    if not len(votes):
        return None
    observed = float((((votes**2).sum(1) - total) / (total * (total - 1))).mean())
    share = votes.sum(0) / total.sum()
    expected = float(share @ share)
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def pair_counts(first: NDArray[np.int32], second: NDArray[np.int32], classes: int) -> FloatArray:
    """(K,K) items by what the first coder said × what the second said; both (N,) class indices, −1 where absent."""
    both = (first >= 0) & (second >= 0)
    cells = first[both].astype(np.int64) * classes + second[both]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.float64)


def agreement(table: AnnotationTable) -> dict[str, Any]:
    """Agreement of all coders and of each pair.

    ``{"krippendorff_alpha", "fleiss_kappa", "pairs": [{"a", "b", "items", "kappa", "agreement"}], "pairs_left_out"}``.

    Only pairs that share items are listed; of crowds with more than 2,000 pairs, those
    of the coders with the most annotations.
    """
    coders = list(table.coders)
    listed = coders
    if len(coders) * (len(coders) - 1) // 2 > MAX_PAIRS:
        most = np.argsort(-table.annotations_per_coder(), kind="stable")[: int((2 * MAX_PAIRS) ** 0.5)]
        listed = [coders[i] for i in sorted(most)]
    pairs = []
    labels = {c: table.labels_of(c) for c in listed}
    for a, b in combinations(listed, 2):
        counts = pair_counts(labels[a], labels[b], len(table.classes))
        shared = int(counts.sum())
        if shared:
            pairs.append(
                {
                    "a": a,
                    "b": b,
                    "items": shared,
                    "kappa": cohen_kappa(counts),
                    "agreement": float(np.trace(counts)) / shared,
                }
            )
    every, used = len(coders) * (len(coders) - 1) // 2, len(listed) * (len(listed) - 1) // 2
    return {
        "krippendorff_alpha": krippendorff_alpha(table),
        "fleiss_kappa": fleiss_kappa(table),
        "pairs": pairs,
        "pairs_left_out": every - used,
    }
