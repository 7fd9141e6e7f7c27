"""How long and how fast a network trains, and the optimisers that do it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch

from .ltnet import Classifier

LARGEST_BATCH = {"cpu": 0, "cuda": 1024}  # that is chosen by itself; a CPU is no faster with more images per step
FEWEST_STEPS = 50  # of an epoch, for a batch that is chosen by itself: with fewer a small study learns too little


def images_per_step(base: int, items: int, device: str) -> int:
    """The batch size ``auto``: ``base``, doubled as long as a ``device`` of this kind gains by it.

    ``items`` are trained on in an epoch.
    """
    largest = min(LARGEST_BATCH[device], items // FEWEST_STEPS)
    size = base
    while 2 * size <= largest:
        size *= 2
    return size


@dataclass(frozen=True)
class Schedule:
    """How long and how fast one network trains.

    ``epochs`` counts passes over the training items; ``lr`` is the peak learning
    rate of the base network, ``transition_lr`` that of T (0 keeps T as it started),
    ``transition_delay`` the share of the schedule before T may move. ``span`` is the part of
    the schedule that these epochs go through, where another network trains or trained
    through the rest. ``single_layer`` says that the network is one.
    """

    epochs: int
    batch_size: int = 64
    lr: float = 0.05
    decay: Literal["one-cycle", "poly"] = "one-cycle"
    poly_power: float = 1.5
    weight_decay: float = 5e-4
    momentum: float = 0.9
    optimizer: Literal["adamw", "sgd"] = "adamw"
    transition_optimizer: Literal["adamw", "sgd"] = "adamw"
    transition_lr: float = 0.0
    transition_delay: float = 0.0
    span: tuple[float, float] = (0.0, 1.0)
    single_layer: bool = False

    def whole_progress(self, progress: float) -> float:
        """Progress in the whole schedule, in [0, 1), from the progress in these epochs."""
        begin, end = self.span
        return begin + (end - begin) * progress

    def rate(self, progress: float) -> float:
        """Learning rate as a share of its peak, ``progress`` in [0, 1) of the whole schedule."""
        if self.decay == "poly":
            return float((1 - progress) ** self.poly_power)
        rise = 0.2
        if progress < rise:
            return 0.1 + 0.9 * progress / rise
        return max(0.5 * (1 + math.cos(math.pi * (progress - rise) / (1 - rise))), 1e-3)


def optimizers_of(model: Classifier, schedule: Schedule, static: bool = False) -> list[torch.optim.Optimizer]:
    """One for the base network, one for T at its own pace; no weight decay on biases, norms and T.

    Those of a ``static`` step keep the learning rates as tensors on the device, which it reads anew every time.
    """
    coders = [p for name, p in model.named_parameters() if not name.startswith("base.")]
    base: list[dict[str, Any]] = [
        {
            "params": [p for p in model.base.parameters() if (p.ndim > 1) == decays],
            "weight_decay": schedule.weight_decay if decays else 0.0,
            "peak": schedule.lr,
            "delay": 0.0,
        }
        for decays in (True, False)
    ]
    groups = [(schedule.optimizer, base)]
    if coders:
        peak, delay = schedule.transition_lr, schedule.transition_delay
        own = {"params": coders, "weight_decay": 0.0, "peak": peak, "delay": delay}
        groups.append((schedule.transition_optimizer, [own]))
    device = next(model.parameters()).device
    on_gpu = device.type == "cuda"
    made: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(group, lr=0.0, betas=(schedule.momentum, 0.99), fused=True, capturable=on_gpu)
        if kind == "adamw"
        else torch.optim.SGD(group, lr=0.0, momentum=schedule.momentum, nesterov=True, fused=True)
        for kind, group in groups
    ]
    if static:
        for group in groups_of(made):
            group["lr"] = torch.zeros((), device=device)
    for optimizer in made:  # AdamW warns of steps that are not captured; the first never are
        optimizer._warned_capturable_if_run_uncaptured = True
    return made


def groups_of(optimizers: Iterable[torch.optim.Optimizer]) -> list[dict[str, Any]]:
    """The parameter groups of all optimisers, in order."""
    return [group for optimizer in optimizers for group in optimizer.param_groups]


def rates_at(optimizers: list[torch.optim.Optimizer], schedule: Schedule, progress: float) -> list[float]:
    """Learning rate of every parameter group, ``progress`` in [0, 1) of the whole schedule."""
    share = schedule.rate(progress)
    return [group["peak"] * share if progress >= group["delay"] else 0.0 for group in groups_of(optimizers)]


def set_rates(optimizers: list[torch.optim.Optimizer], rates: list[float]) -> None:
    """Give every parameter group its learning rate."""
    for group, rate in zip(groups_of(optimizers), rates, strict=True):
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
