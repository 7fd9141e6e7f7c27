"""One pass over the items that trains: their order, its seeds, and the losses it must not have."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..errors import TrainingError
from .group import ALONE, Group
from .steps import READ_EVERY, Steps
from .training_data import Items


class NotFinite(TrainingError):
    """The loss, or a weight, is no finite number."""


def shuffled(count: int, generator: torch.Generator, seed: int) -> Items:
    """An order of ``count`` items by ``seed``, which ``generator`` goes on from."""
    generator.manual_seed(seed)
    if generator.device.type == "cpu":
        return torch.randperm(count, generator=generator).numpy()
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()


def train(
    steps: Steps,
    order: Items,
    rates: list[list[float]],
    epoch: int,
    sums: Tensor | None = None,
    group: Group = ALONE,
) -> Iterator[int]:
    """One pass over the items that trains, ``sums`` being those of the epoch before it; yields sizes of batches done.

    Raises
    ------
    NotFinite
    """
    every = READ_EVERY[steps.data.device.type]
    for number, images in enumerate(steps.epoch(order, rates, sums), 1):
        if number % every == 0 or number == len(rates):
            require_finite_loss(steps, epoch, group)
        yield images


def require_finite_loss(steps: Steps, epoch: int, group: Group) -> None:
    """Raise :class:`NotFinite` where a loss of this epoch was no finite number, in any process of the group."""
    value = steps.totals.latest()
    if group.any(not math.isfinite(value)):
        raise NotFinite(f"The loss became {value} in epoch {epoch + 1}")


def require_finite(steps: Steps, epoch: int, group: Group = ALONE) -> None:
    """The same for the weights, which a last step may have spoiled after its loss was taken."""
    require_finite_loss(steps, epoch, group)
    values = [torch.isfinite(v).all() for v in steps.model.state_dict().values() if v.is_floating_point()]
    if group.any(not bool(torch.stack(values).all())):
        raise NotFinite(f"The weights became infinite or NaN in epoch {epoch + 1}")


def mix_seed(seed: int, epoch: int) -> int:
    """A seed of each epoch."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))
