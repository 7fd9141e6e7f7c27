"""Of all matrices that explain the labels, those with the smallest trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...method import Method

if TYPE_CHECKING:
    from torch import nn

    from ...annotations import AnnotationTable
    from ..ltnet import Classifier
    from ..results import Learned
    from ..trainer import Trainer

START_DIAGONAL = 0.9


def learn(trainer: Trainer) -> Learned:
    """Train the network and the matrices."""
    from ..coder_models.trace import TraceRegularised
    from ..one_network import learn_with
    from ..transition import near_identity

    def model(base: nn.Module, table: AnnotationTable) -> Classifier:
        return TraceRegularised(base, near_identity(len(table.coders), len(table.classes), START_DIAGONAL))

    return learn_with(trainer, model)


METHOD = Method(
    name="trace",
    title="trace-regularised matrices",
    text="Matrices with the smallest trace that explains the labels (Tanno et al., 2019).",
    parts=frozenset({"coders", "matrices", "mixup"}),
    learn=learn,
    rank=6,
)
