"""Machine coders: a network trained on the labels of one human coder, which labels the other items."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..annotations import MACHINE_PREFIX, AnnotationTable, FloatArray
from ..files.printing import counted

SMALLEST_SHARE = 0.01
MOST_NOTES = 3


def machine_name(coder: str) -> str:
    """Name of the machine coder trained on this human coder."""
    return MACHINE_PREFIX + coder


def trainable(table: AnnotationTable, fewest: int) -> tuple[list[str], list[str]]:
    """Coders that can train a machine coder, and sentences about those that cannot."""
    able, few, notes = [], [], []
    used = (table.class_counts() > 0).sum(1)
    for name, size, classes in zip(table.coders, table.annotations_per_coder(), used, strict=True):
        if size < fewest:
            so_few = f"only {counted(size, 'item')} (fewer than {fewest})"
            few.append(f"coder {name!r} labelled {so_few}: it gets no machine coder.")
        elif classes < 2:
            notes.append(f"coder {name!r} used only one class: it gets no machine coder.")
        else:
            able.append(name)
    if len(few) > MOST_NOTES:
        few = [f"{len(few):,} of {len(table.coders):,} coders labelled fewer than {fewest} items: no machine coders."]
    return able, few + notes


def add_pseudo_labels(
    table: AnnotationTable,
    predictions: dict[str, FloatArray],
    kind: Literal["soft", "hard"],
    usable: NDArray[np.bool_],
) -> AnnotationTable:
    """The table with one machine coder per network: pseudo labels of the usable items that its human coder left out.

    Parameters
    ----------
    predictions : human coder → (N,K) distributions of the network trained on it.
    kind : ``soft`` gives the distribution as fractional counts that sum to 1 (shares
        below .01 dropped, to keep the table sparse), ``hard`` its class with count 1.
    usable : (N,) items whose image could be read and that are not in a test set.
    """
    out = table
    for coder, p in predictions.items():
        pseudo = p.copy() if kind == "soft" else np.eye(p.shape[1])[p.argmax(1)]
        least = np.minimum(SMALLEST_SHARE, pseudo.max(1, keepdims=True))  # of 200 classes all may be small
        pseudo[pseudo < least] = 0.0
        pseudo /= pseudo.sum(1, keepdims=True)
        pseudo[~usable | table.annotated([coder])] = 0.0
        if not pseudo.any():
            continue  # the human has labelled everything
        out = out.with_coder(machine_name(coder), pseudo)
    return out
