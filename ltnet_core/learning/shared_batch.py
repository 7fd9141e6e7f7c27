"""A batch shared between processes: each takes some of its images through the network, and all see the same outputs.

What a layer takes from a whole batch is taken from the whole of it here too, so that the network learns what it would
learn in one process: the statistics of batch norm, and the outputs that dropout blanks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .group import Group, Rows

FLOAT = torch.float32


class SharedBatch:
    """How one process computes its share of a batch.

    Parameters
    ----------
    rows : of this process. whole_images : whether it has the images of the whole batch all the same, as what mixes
        them needs.
    """

    def __init__(self, group: Group, rows: Rows, *, whole_images: bool):
        self.group, self.rows, self._whole_images = group, rows, whole_images

    @property
    def is_copied(self) -> bool:
        """Whether every process computes the whole batch, since it is too small to share."""
        return self.rows.stop - self.rows.start == self.rows.of

    def logits(self, network: nn.Module, images: Tensor) -> Tensor:
        """(B,K) of the whole batch."""
        if self.is_copied:
            return torch.as_tensor(network(images)).float()
        if self._whole_images:
            images = images[self.rows.slice]
        with _SharedLayers(self.group, self.rows):
            own = network(images)
        return _apply(_Gathered, own.float(), self.group, self.rows)

    def add_up_gradients(self, model: nn.Module) -> None:
        """Put the gradient of the whole batch in the place of each parameter's.

        The network's is the sum over all images. What follows it is computed of the whole batch by every process.
        """
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for _, p in named]
        each = 1 / self.group.size
        shares = [
            g if name.startswith("base.") and not self.is_copied else g * each
            for (name, _), g in zip(named, gradients, strict=True)
        ]
        flat = torch.cat([g.reshape(-1) for g in shares])
        self.group.add_up(flat)
        for (_, p), g, part in zip(named, gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            p.grad = g.copy_(part.view(g.shape))


def _apply(function: Any, *arguments: Any) -> Tensor:
    out: Tensor = function.apply(*arguments)
    return out


class _Gathered(torch.autograd.Function):
    """(b,K) of each process → (B,K) of all, in the order of the batch."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, group: Group, rows: Rows) -> Tensor:
        ctx.rows = rows
        out = own.new_zeros((rows.of, *own.shape[1:]))
        out[rows.slice] = own
        group.add_up(out)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        # Every process computes the same loss of all outputs: its own rows of the gradient are what it needs.
        return gradient[ctx.rows.slice].contiguous(), None, None


class _SharedLayers(TorchFunctionMode):
    """Within, batch norm takes its statistics from the images of all processes, and dropout draws for all of them."""

    def __init__(self, group: Group, rows: Rows):
        super().__init__()
        self._group, self._rows = group, rows

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is nn.functional.batch_norm:
            return _batch_norm(self._group, *args, **(kwargs or {}))
        if func is nn.functional.dropout:
            return _dropout(self._rows, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _dropout(rows: Rows, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    if not training or p == 0:
        return input
    # As PyTorch draws it in one process: what this process keeps does not depend on how many there are.
    mask = torch.empty((rows.of, *input.shape[1:]), dtype=input.dtype, device=input.device).bernoulli_(1 - p)
    return input * mask.div_(1 - p)[rows.slice]


def _batch_norm(
    group: Group,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if not training:
        return nn.functional.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    channels = input.shape[1]
    scale = torch.ones(channels, device=input.device) if weight is None else weight
    shift = torch.zeros(channels, device=input.device) if bias is None else bias
    count, mean, var = _statistics(group, input.detach())
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(var * (count / (count - 1)), momentum)
    return _apply(_Normalised, input, scale, shift, mean, var, count, eps, group)


def _statistics(group: Group, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Count, and (C,) mean and variance, of the channels of ``x`` (b,C,…) over all processes."""
    axes = [0, *range(2, x.ndim)]
    own_var, own_mean = torch.var_mean(x.to(FLOAT), axes, correction=0)
    channels = len(own_mean)
    each = torch.zeros((group.size, 2 * channels + 1), device=x.device)
    each[group.rank, 0].fill_(x.numel() / channels)
    each[group.rank, 1 : channels + 1] = own_mean
    each[group.rank, channels + 1 :] = own_var
    group.add_up(each)
    counts, means, variances = each[:, :1], each[:, 1 : channels + 1], each[:, channels + 1 :]
    count = counts.sum()
    mean = (counts * means).sum(0) / count
    return count, mean, (counts * (variances + (means - mean).square())).sum(0) / count


class _Normalised(torch.autograd.Function):
    """(x − mean) / √(var + eps) · scale + shift, where mean and variance are those of the images of all processes."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        mean: Tensor,
        var: Tensor,
        count: Tensor,
        eps: float,
        group: Group,
    ) -> Tensor:
        ctx.save_for_backward(x, scale, mean, var, count)
        ctx.eps, ctx.group = eps, group
        return nn.functional.batch_norm(x, mean, var, scale, shift, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, mean, var, count = ctx.saved_tensors
        # Of fixed statistics, by PyTorch's own kernel; what goes through the statistics is added.
        at_fixed, of_scale, of_shift = torch.ops.aten.native_batch_norm_backward(
            gradient, x, scale, mean, var, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([of_shift, of_scale]).to(FLOAT)
        ctx.group.add_up(sums)
        each = torch.rsqrt(var + ctx.eps)
        slope = scale * each.square() * sums[1] / count
        level = scale * each * sums[0] / count - slope * mean
        shape = [1, -1] + [1] * (x.ndim - 2)
        through = torch.addcmul(level.view(shape), x.to(FLOAT), slope.view(shape))
        return (at_fixed - through).to(x.dtype), of_scale, of_shift, None, None, None, None, None
