"""A free matrix for every coder behind the softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...method import Method

if TYPE_CHECKING:
    from torch import nn

    from ...annotations import AnnotationTable
    from ..ltnet import Classifier
    from ..results import Learned
    from ..trainer import Trainer


def learn(trainer: Trainer) -> Learned:
    """Train the network and the matrices."""
    from ..coder_models.crowd_layer import CrowdLayer
    from ..one_network import learn_with

    def model(base: nn.Module, table: AnnotationTable) -> Classifier:
        return CrowdLayer(base, len(table.coders), len(table.classes))

    return learn_with(trainer, model)


METHOD = Method(
    name="crowd-layer",
    title="crowd layer",
    text="A free matrix per coder behind the softmax (Rodrigues and Pereira, 2018).",
    parts=frozenset({"coders", "matrices", "mixup"}),
    learn=learn,
    rank=5,
)
