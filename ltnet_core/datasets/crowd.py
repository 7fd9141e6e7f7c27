"""A drawn crowd: annotators of mixed skill who label a few items each, with known truth and known matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotationTable, FloatArray
from ..errors import OptionError

# Kinds of annotators: share of all, and the range that their accuracy is drawn from.
KINDS = {
    "expert": (0.2, (0.8, 0.95)),
    "usual": (0.5, (0.5, 0.8)),
    "careless": (0.2, (0.25, 0.5)),
    "spammer": (0.1, (0, 0)),
}


@dataclass(frozen=True)
class Crowd:
    """Annotations (``table``), truth (N,), true matrices (C,K,K) and the kind of each annotator (C,)."""

    table: AnnotationTable
    truth: NDArray[np.int64]
    transitions: FloatArray
    kinds: tuple[str, ...]


def draw_crowd(
    items: int = 1000, annotators: int = 59, labels_per_item: float = 2.5, classes: int = 8, seed: int = 0
) -> Crowd:
    """Draw a crowd.

    Every item is labelled by ⌊labels_per_item⌋ or one more annotators, drawn without
    replacement. A part of the wrong labels fall on the same few confusable classes for all
    annotators; a spammer answers one favourite class half of the time and any class otherwise.
    Classes are unbalanced.

    Raises
    ------
    OptionError
        a size that makes no crowd.
    """
    if min(items, annotators) < 1 or classes < 2 or not 1 <= labels_per_item <= annotators:
        raise OptionError(
            f"a crowd needs items, annotators, two classes and 1 to {annotators} labels per item; got {items} items, "
            f"{annotators} annotators, {labels_per_item} labels per item, {classes} classes."
        )
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, items, p=rng.dirichlet(np.full(classes, 5.0)))
    confusable = rng.dirichlet(np.full(classes, 0.5), classes) * (1 - np.eye(classes)) + 1e-3 * (1 - np.eye(classes))
    confusable /= confusable.sum(1, keepdims=True)
    kinds = tuple(rng.choice(list(KINDS), annotators, p=[share for share, _ in KINDS.values()]).tolist())
    matrices = np.stack([_matrix(kind, confusable, rng) for kind in kinds])

    many = np.floor(labels_per_item).astype(int) + (rng.random(items) < labels_per_item % 1)
    order = rng.random((items, annotators)).argsort(1)
    item, annotator = np.nonzero(np.arange(annotators) < many[:, None])
    coder = order[item, annotator]
    chance = matrices[coder, truth[item]].cumsum(1)
    label = (rng.random(len(item))[:, None] > chance).sum(1).clip(max=classes - 1)
    table = AnnotationTable(
        np.array([f"{n:07d}" for n in range(items)], dtype=object),
        tuple(f"annotator{c:03d}" for c in range(annotators)),
        tuple(f"class{k}" for k in range(classes)),
        item.astype(np.int32),
        coder.astype(np.int32),
        label.astype(np.int32),
        np.ones(len(item), np.float32),
    )
    return Crowd(table, truth, matrices, kinds)


def _matrix(kind: str, confusable: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(K,K) of one annotator."""
    k = len(confusable)
    if kind == "spammer":
        favourite = np.eye(k)[rng.integers(k)]
        return np.tile(0.5 * favourite + 0.5 / k, (k, 1))
    right = rng.uniform(*KINDS[kind][1]) + rng.normal(0, 0.05, k)
    right = right.clip(0.05, 0.98)
    wrong = 0.5 * confusable + 0.5 * (1 - np.eye(k)) / (k - 1)
    return np.asarray(np.diag(right) + (1 - right)[:, None] * wrong)
