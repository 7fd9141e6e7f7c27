"""Steps of a model's optimisers; on a CPU those of AdamW without what PyTorch's class looks up anew each time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

State = tuple[list[Tensor], list[Tensor], list[Tensor]]  # of a group of parameters: both averages and the steps


class OptimizerSteps:
    """Takes a step of every optimiser.

    Code between two passes through a network is in no cache. Of AdamW's step of a small network the kernel was a third.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], device: torch.device):
        self._optimizers, self._on_cpu = optimizers, device.type == "cpu"
        self._states: dict[int, list[State]] = {}

    @torch.no_grad()
    def take(self) -> None:
        """One step by the gradients that the parameters have; the bytes are those of PyTorch's class."""
        for number, optimizer in enumerate(self._optimizers):
            gradients = [[p.grad for p in group["params"]] for group in optimizer.param_groups]
            whole = not any(g is None for group in gradients for g in group)
            if whole and number in self._states:
                self._adamw(optimizer, gradients, self._states[number])
                continue
            optimizer.step()
            if whole and self._on_cpu and isinstance(optimizer, torch.optim.AdamW):
                self._states[number] = [self._state(optimizer, group["params"]) for group in optimizer.param_groups]

    def _state(self, optimizer: torch.optim.AdamW, parameters: list[Tensor]) -> State:
        states = [optimizer.state[p] for p in parameters]
        return [s["exp_avg"] for s in states], [s["exp_avg_sq"] for s in states], [s["step"] for s in states]

    def _adamw(
        self, optimizer: torch.optim.Optimizer, gradients: Sequence[Sequence[Tensor | None]], states: list[State]
    ) -> None:
        for group, of_group, (mean, square, steps) in zip(optimizer.param_groups, gradients, states, strict=True):
            beta1, beta2 = group["betas"]
            adamw(
                group["params"],
                list(of_group),  # type: ignore[arg-type]
                mean,
                square,
                [],
                steps,
                fused=group["fused"],
                amsgrad=False,
                beta1=beta1,
                beta2=beta2,
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
            )
