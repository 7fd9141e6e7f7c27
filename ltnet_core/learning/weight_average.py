"""The mean of a network's weights over its last epochs, and whether a fit is left with it.

A few hundred held-out items cannot tell one late epoch from the next: which of them has the lowest loss is mostly
chance, and what one epoch does by chance the mean does less (P. Izmailov et al., *Averaging weights leads to wider
optima and better generalization*, UAI 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SHARE = 3  # one of so many epochs, the last ones
MOST = 4  # epochs of a deep network; in a long schedule those before are behind where it ends
SPREAD = 0.5  # nats; standard deviation over items of how much the losses of two states of a network differ
CLEARLY = 2.0  # standard errors


@dataclass(frozen=True)
class WeightAverage:
    """Mean ``weights`` of ``epochs`` epochs; buffers that are no floating-point numbers are those of the last."""

    epochs: int
    weights: dict[str, Tensor]

    @classmethod
    def with_epoch(cls, before: WeightAverage | None, model: nn.Module) -> WeightAverage:
        """The average that takes in the model as it is now."""
        now = {name: value.detach().clone() for name, value in model.state_dict().items()}
        if before is None:
            return cls(1, now)
        share = 1 / (before.epochs + 1)
        mean = {
            name: torch.lerp(before.weights[name], value, share) if value.is_floating_point() else value
            for name, value in now.items()
        }
        return cls(before.epochs + 1, mean)


def averaged(epochs: int, single_layer: bool) -> int:
    """How many of the last epochs' weights are averaged; more of a ``single_layer`` than of a deep network."""
    share = max(epochs // SHARE, 1)
    return share if single_layer else min(share, MOST)


def stands(loss: float, lowest: float, held_out: int) -> bool:
    """Whether the average, with this ``loss`` of ``held_out`` items, is not clearly worse than the ``lowest``.

    False without held-out items, whose loss is NaN.
    """
    return held_out > 0 and loss <= lowest + CLEARLY * SPREAD / math.sqrt(held_out)
