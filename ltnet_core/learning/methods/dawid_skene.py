"""One network on the truth that Dawid–Skene learns from the labels."""

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
    """(N,K) the posterior of each annotated item; rows of zeros elsewhere."""
    table = trainer.plan.table
    return np.where(table.annotated()[:, None], aggregate(table, "dawid-skene").p, 0.0)


METHOD = Method(
    name="dawid-skene",
    title="Dawid–Skene",
    text="One network on the truth that Dawid–Skene finds in the labels.",
    stage="train:dawid-skene",  # without the prefix, it is the aggregation itself
    stage_title="trained on Dawid–Skene’s truth",
    task="Train on Dawid–Skene’s truth",
    learn=learn,
    rank=3,
)
