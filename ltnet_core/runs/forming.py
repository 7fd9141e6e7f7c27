"""The transition matrices while they are learned: a small file in the checkpoint, for the Train page.

::

    checkpoint/forming.json    {"stage", "epoch", "epochs", "classes": […], "coders": {NAME: K × K}}, rows are truth
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np

from ..annotations import AnnotationTable, FloatArray, is_machine
from ..errors import DamageError
from ..files.reading import read_json
from ..files.shapes import mismatch
from ..files.writing import write_json

NAME = "forming.json"
MOST_CODERS = 8
MOST_CLASSES = 30  # more can hardly be told apart in a small picture


class Forming(TypedDict):
    """The matrices after an epoch."""

    stage: str
    epoch: int
    epochs: int
    classes: list[str]
    coders: dict[str, list[list[float]]]


def write_forming(
    checkpoint: Path, stage: str, epoch: int, epochs: int, table: AnnotationTable, matrices: FloatArray
) -> None:
    """Keep (C,K,K) ``matrices`` of the coders of ``table`` that have the most annotations, human coders first.

    Raises
    ------
    StorageError
    """
    if len(table.classes) > MOST_CLASSES:
        return
    machine = np.asarray([is_machine(coder) for coder in table.coders])
    most = np.sort(np.lexsort((-table.annotations_per_coder(), machine))[:MOST_CODERS])
    content: Forming = {
        "stage": stage,
        "epoch": epoch,
        "epochs": epochs,
        "classes": list(table.classes),
        "coders": {table.coders[c]: np.round(matrices[c], 4).tolist() for c in most.tolist()},
    }
    write_json(checkpoint / NAME, content)


def read_forming(checkpoint: Path) -> Forming | None:
    """The matrices as they were last written; None where there are none, or none that can be read."""
    path = checkpoint / NAME
    if not path.is_file():
        return None
    try:
        content: Any = read_json(path)
    except DamageError:  # a picture of work in progress; the next epoch writes it anew
        return None
    if mismatch(content, Forming) is not None:
        return None
    k = len(content["classes"])
    square = all(len(m) == k and all(len(row) == k for row in m) for m in content["coders"].values())
    return cast(Forming, content) if square else None
