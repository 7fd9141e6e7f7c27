"""The annotations of one batch, as a list of entries or as a table of weights.

A list serves any number of coders, and its sums run in the order of its entries: a CPU takes it. A table holds a
cell for every coder and class, most of them 0. Its sums are matrix products, which a GPU does fast and always in the
same order, where it adds up a list in whatever order its threads come.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


class Weighted:
    """What lists and tables of annotations share."""

    weight: Tensor

    @cached_property
    def mass(self) -> Tensor:
        """Σ of all weights."""
        return self.weight.sum()

    @cached_property
    def joint_mass(self) -> Tensor:
        """Σ over the images of min(1, sum of its weights)."""
        return self.item_mass().clamp(max=1).sum()

    def item_mass(self) -> Tensor:
        """(B,) sum of the weights of each image."""
        raise NotImplementedError


@dataclass(frozen=True)
class Entries(Weighted):
    """The annotations of one batch, as (E,) tensors, sorted by ``row``.

    ``row`` is the index of the image in the batch; ``weight`` is count × coder weight. Where ``per_item`` is not 0,
    every image has that many entries, some of weight 0.
    """

    row: Tensor
    coder: Tensor
    label: Tensor
    weight: Tensor
    per_item: int = 0

    def to(self, device: torch.device) -> Entries:
        row, coder, label, weight = (
            t.to(device, non_blocking=True) for t in (self.row, self.coder, self.label, self.weight)
        )
        return Entries(row, coder, label, weight, self.per_item)

    def is_empty(self) -> bool:
        return not len(self.row)

    def item_mass(self) -> Tensor:
        if self.per_item:
            return self.weight.view(-1, self.per_item).sum(1)
        return torch.bincount(self.row, weights=self.weight)

    def add_up(self, values: Tensor, like: Tensor) -> Tensor:
        """(B,…) sums of ``values`` (E,…) over the entries of each image; shape and type are those of ``like``."""
        if self.per_item:
            return values.view(-1, self.per_item, *values.shape[1:]).sum(1)
        return torch.zeros_like(like).index_add(0, self.row, values)

    def joint(self, log_p: Tensor, log_t: Tensor) -> Tensor:
        """(B,) log Σ_k p[k] Π T[c,k,label]^w over each image's entries."""
        if not self.per_item:
            joint: Tensor = _Joint.apply(log_p, log_t, self)
            return joint
        evidence = self.add_up(self.weight[:, None] * log_t[self.coder, :, self.label], log_p)
        return torch.logsumexp(log_p + evidence, dim=1)

    def agreement(self, choice: Tensor) -> Tensor:
        """Σ of the weights of the entries whose label is the ``choice`` (B,) for their image."""
        return (self.weight * (choice[self.row] == self.label)).sum()

    def partners(self, other: Tensor) -> Entries:
        """The batch in which image b has the annotations of image ``other[b]``; ``other`` is (B,)."""
        if self.per_item:
            coder, label, weight = (
                t.view(-1, self.per_item)[other].flatten() for t in (self.coder, self.label, self.weight)
            )
            return Entries(self.row, coder, label, weight, self.per_item)
        return Entries(torch.argsort(other)[self.row], self.coder, self.label, self.weight)


class _Joint(torch.autograd.Function):
    """:meth:`Entries.joint` with its gradient, by the posterior: one step of autograd for a CPU where it took six."""

    @staticmethod
    def forward(ctx: Any, log_p: Tensor, log_t: Tensor, entries: Entries) -> Tensor:
        picked = log_t[entries.coder, :, entries.label].mul_(entries.weight[:, None])
        terms = torch.zeros_like(log_p).index_add_(0, entries.row, picked).add_(log_p)
        joint = torch.logsumexp(terms, 1, keepdim=True)
        ctx.entries, ctx.shape, ctx.posterior = entries, log_t.shape, terms.sub_(joint).exp_()
        return joint[:, 0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        entries = ctx.entries
        of_p = ctx.posterior * gradient[:, None]
        each = of_p.index_select(0, entries.row).mul_(entries.weight[:, None])
        of_t = gradient.new_zeros(ctx.shape)
        return of_p, torch.ops.aten.index_put_(of_t, [entries.coder, None, entries.label], each, True), None


@dataclass(frozen=True)
class WeightTable(Weighted):
    """The annotations of one batch as ``weight`` (B,C,K): count × coder weight of every label by every coder."""

    weight: Tensor

    def is_empty(self) -> bool:
        return not self.weight.numel()

    def item_mass(self) -> Tensor:
        return self.weight.sum((1, 2))

    def joint(self, log_p: Tensor, log_t: Tensor) -> Tensor:
        """(B,) log Σ_k p[k] Π T[c,k,label]^w over each image's annotations."""
        return torch.logsumexp(log_p + self.weight.flatten(1) @ log_t.transpose(1, 2).flatten(0, 1), dim=1)

    def agreement(self, choice: Tensor) -> Tensor:
        """Σ of the weights of the annotations whose label is the ``choice`` (B,) for their image."""
        return self.weight.sum(1).gather(1, choice[:, None]).sum()

    def partners(self, other: Tensor) -> WeightTable:
        """The batch in which image b has the annotations of image ``other[b]``; ``other`` is (B,)."""
        return WeightTable(self.weight[other])
