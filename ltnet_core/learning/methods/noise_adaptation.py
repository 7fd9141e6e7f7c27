"""One transition matrix for all labels, which starts from a network trained on the labels as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...labels.aggregation import confusion_counts
from ...method import Method

if TYPE_CHECKING:
    from torch import nn

    from ...annotations import AnnotationTable
    from ..ltnet import Classifier
    from ..plan import Material, Networks
    from ..results import Learned
    from ..trainer import Trainer


def networks(material: Material) -> Networks:
    """The mixture, then the network with the matrix."""
    from ..plan import Networks

    return Networks({"mixture": material.fit_plan(), material.stage: material.fit_plan(last=True)})


def learn(trainer: Trainer) -> Learned:
    """Train both networks; the matrix starts at what the labels say of the first one's truth."""
    from ..coder_models.noise_adaptation import noise_adaptation
    from ..one_network import learn_with
    from ..stages import Task

    def model(base: nn.Module, table: AnnotationTable) -> Classifier:
        k = len(table.classes)
        counts = confusion_counts(table, np.eye(k)[mixture.argmax(1)]).sum(0) + 1 / k
        return noise_adaptation(base, counts / counts.sum(1, keepdims=True), len(table.coders))

    mixture = trainer.network(Task("mixture", trainer.plan.table))
    return learn_with(trainer, model, {"mixture": mixture})


METHOD = Method(
    name="noise-adaptation",
    title="noise adaptation layer",
    text="One transition matrix for all labels (Goldberger and Ben-Reuven, 2017).",
    parts=frozenset({"coders", "matrices", "two stages", "mixup"}),
    earlier_tasks={"mixture": "All labels mixed: where the last network starts from"},
    networks=networks,
    learn=learn,
    rank=4,
)
