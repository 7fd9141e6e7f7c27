"""How well a network explains the annotations of items that it does not train on."""

from __future__ import annotations

import numpy as np
import torch

from .group import ALONE, Group
from .ltnet import Classifier
from .steps import Totals, same_bytes
from .training_data import Items, TrainingData
from .turns import Turns
from .views import images_at_once, in_parts
from .watch import Watch

TEMPERATURES = 2.0 ** np.linspace(-1, 1.5, 6)


def measure(
    model: Classifier, data: TrainingData, items: Items, batch_size: int, watch: Watch, group: Group = ALONE
) -> Turns[tuple[float, float]]:
    """The mean loss of ``items`` under the temperature of p that makes it smallest, and the agreement.

    p gets a temperature after training, so that networks are compared with theirs: one that
    is only too sure of itself is not worse. NaN where nothing weighs anything. ``batch_size`` is that of training.
    The processes of a ``group`` share the items, and each learns the same.
    """
    model.eval()
    totals = Totals(data.device, len(TEMPERATURES))

    def add(batch: Items) -> int:
        with torch.no_grad(), same_bytes(data.device):
            annotations = data.annotations(batch)
            log_p = model(data.images(batch))
            losses = [model.loss(torch.log_softmax(log_p / tau, 1), annotations) for tau in TEMPERATURES]
            totals.add(model, torch.stack(losses), log_p, annotations)
        return len(batch)

    size = 4 * batch_size if data.device.type == "cpu" else images_at_once(data)
    for images in in_parts(group.own(items), size, add):
        watch.step(images * group.size)
        yield False
    group.add_up(totals.sums)
    return float(np.min(totals.loss())), totals.agreement()
