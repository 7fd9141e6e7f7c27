"""One network on the majority vote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...annotations import FloatArray
from ...labels.aggregation import aggregate
from ...method import Method

if TYPE_CHECKING:
    from ..results import Learned
    from ..trainer import Trainer


def learn(trainer: Trainer) -> Learned:
    """Train the network."""
    from ..one_network import learn_target

    return learn_target(trainer, target)


def target(trainer: Trainer) -> FloatArray:
    """(N,K) the vote of each annotated item; rows of zeros elsewhere."""
    table = trainer.plan.table
    items = np.flatnonzero(table.annotated())
    votes = np.zeros((len(table.items), len(table.classes)))
    votes[items, aggregate(table, "majority").labels[items]] = 1.0
    return votes


METHOD = Method(
    name="majority",
    title="majority vote",
    text="One network on the majority vote.",
    stage="train:majority",  # without the prefix, it is the vote itself
    stage_title="trained on the majority vote",
    task="Train on the majority vote",
    learn=learn,
    rank=2,
)
