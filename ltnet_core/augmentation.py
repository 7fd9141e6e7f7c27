"""Training images are mirrored, shifted and cut out; a generator on the images' device draws how."""

from __future__ import annotations

import torch
from torch import Tensor


def mirror_and_shift(batch: Tensor, shift: int, generator: torch.Generator) -> Tensor:
    """Mirror each image with probability ½ and shift it by up to ``shift`` pixels, edges reflected.

    ``batch`` is (B,channels,S,S), ``shift`` less than S. The result lies in memory with its channels last.
    """
    b, _, size, _ = batch.shape
    device = generator.device
    draws = torch.randint(0, 2 * shift + 1, (2, b), generator=generator, device=device)
    flip = torch.rand(b, generator=generator, device=device) < 0.5
    steps = torch.arange(size, device=device)
    rows = reflected(steps[None] + (draws[0][:, None] - shift), size)
    columns = torch.where(flip[:, None], size - 1 - steps[None], steps[None])
    columns = reflected(columns + (draws[1][:, None] - shift), size)
    each = torch.arange(b, device=batch.device)[:, None, None]
    rows, columns = rows.to(batch.device)[:, :, None], columns.to(batch.device)[:, None, :]
    return batch.permute(0, 2, 3, 1)[each, rows, columns].permute(0, 3, 1, 2)


def reflected(index: Tensor, size: int) -> Tensor:
    """Indices up to ``size`` − 1 beyond either end, mirrored at the first and the last pixel."""
    last = size - 1
    return last - (last - index.abs()).abs()


def cut_out(images: Tensor, hole: int, generator: torch.Generator) -> Tensor:
    """Blank a square of ``hole`` pixels' side out of each normalised image, to the mean of all pixels.

    Its middle may be any pixel, so that part of it may lie outside. T. DeVries and G. W. Taylor, *Improved
    regularization of convolutional neural networks with cutout*, 2017, arXiv:1708.04552.
    """
    b, _, size, _ = images.shape
    device = generator.device
    start = torch.randint(0, size, (2, b, 1), generator=generator, device=device) - hole // 2
    steps = torch.arange(size, device=device)
    rows, columns = (steps >= start) & (steps < start + hole)
    holes = (rows[:, :, None] & columns[:, None, :]).to(images.device)
    return images.masked_fill(holes[:, None], 0.0)
