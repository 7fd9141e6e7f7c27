"""One network on the known truth: the upper bound of every method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...annotations import AnnotationTable, FloatArray
from ...errors import DatasetError
from ...method import Method

if TYPE_CHECKING:
    from ...datasets import Study
    from ..results import Learned
    from ..trainer import Trainer


def learn(trainer: Trainer) -> Learned:
    """Train the network."""
    from ..one_network import learn_target

    return learn_target(trainer, target)


def known(study: Study, table: AnnotationTable) -> NDArray[np.bool_]:
    """(N,) annotated items whose truth is known.

    Raises
    ------
    DatasetError
        there are none.
    """
    items = table.annotated() & (study.truth >= 0)
    if not items.any():
        raise DatasetError(
            f"{study.name}: the method 'truth' needs the known truth of annotated training items; there is none."
        )
    return items


def target(trainer: Trainer) -> FloatArray:
    """(N,K) the known truth of annotated items; rows of zeros elsewhere."""
    table, study = trainer.plan.table, trainer.study
    items = np.flatnonzero(table.annotated() & (study.truth >= 0))
    order = np.asarray([table.classes.index(c) for c in study.table.classes])
    truth = np.zeros((len(table.items), len(table.classes)))
    truth[items, order[study.truth[items]]] = 1.0
    return truth


METHOD = Method(
    name="truth",
    title="known truth",
    text="One network on the known truth: the upper bound, where the truth is known.",
    stage="train:truth",
    stage_title="trained on the known truth",
    task="Train on the known truth",
    labelled=known,
    learn=learn,
    rank=8,
)
