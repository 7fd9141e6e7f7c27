"""Images, coders and labels mixed in pairs."""

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
    from ..coder_models.annot_mix import AnnotMix
    from ..one_network import learn_with

    def model(base: nn.Module, table: AnnotationTable) -> Classifier:
        return AnnotMix(base, len(table.coders), len(table.classes))

    return learn_with(trainer, model)


METHOD = Method(
    name="annot-mix",
    title="annot-mix",
    text="Images, coders and labels mixed in pairs (Herde et al., 2024).",
    parts=frozenset({"coders", "matrices"}),
    learn=learn,
    rank=7,
)
