"""Training images are mirrored, shifted and cut out; a generator on the images' device draws how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .group import Rows


@dataclass(frozen=True)
class Draws:
    """How the images of a batch are changed; None where they are not.

    Attributes
    ----------
    shifts : (2,B) rows and columns, from 0 to twice the largest shift. mirrored : (B,) bool.
    middles : (2,B) row and column of the middle of what is cut out.
    """

    shifts: Tensor | None
    mirrored: Tensor | None
    middles: Tensor | None

    @classmethod
    def of(cls, images: int, size: int, shift: int | None, hole: int, generator: torch.Generator) -> Draws:
        """For so many ``images`` of ``size`` pixels; a ``shift`` of None and a ``hole`` of 0 change nothing."""
        device = generator.device
        shifts = mirrored = middles = None
        if shift is not None:
            shifts = torch.randint(0, 2 * shift + 1, (2, images), generator=generator, device=device)
            mirrored = torch.rand(images, generator=generator, device=device) < 0.5
        if hole:
            middles = torch.randint(0, size, (2, images, 1), generator=generator, device=device)[:, :, 0]
        return cls(shifts, mirrored, middles)

    @classmethod
    def joined(cls, parts: Sequence[Draws]) -> Draws:
        """For the images of several batches in a row."""
        shifts, mirrored, middles = zip(*((part.shifts, part.mirrored, part.middles) for part in parts), strict=True)
        return cls(_joined(shifts), _joined(mirrored), _joined(middles))

    def rows(self, rows: Rows | None) -> Draws:
        """For some rows of the batch; None is all of them."""
        if rows is None:
            return self
        return Draws(*(None if t is None else t[..., rows.slice] for t in (self.shifts, self.mirrored, self.middles)))


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    present = [part for part in parts if part is not None]
    return torch.cat(present, -1) if present else None


def mirror_and_shift(batch: Tensor, shift: int, shifts: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror each image that is to be, and shift it by up to ``shift`` pixels, edges reflected.

    ``batch`` is (B,channels,S,S), ``shift`` less than S; ``shifts`` and ``mirrored`` as in :class:`Draws`.
    """
    return (_by_windows if batch.device.type == "cpu" else _by_pixels)(batch, shift, shifts, mirrored)


def _by_windows(batch: Tensor, shift: int, draws: Tensor, flip: Tensor) -> Tensor:
    """Copy a window out of each image with a margin: what a CPU does fastest."""
    b, channels, size, _ = batch.shape
    images, mirrored = batch.numpy(), flip.numpy()
    rows, columns = draws.numpy()
    if mirrored.any():
        images = images.copy()
        images[mirrored] = torch.from_numpy(images[mirrored]).flip(3).numpy()  # which numpy does byte by byte
        columns = np.where(mirrored, 2 * shift - columns, columns)
    wide = np.empty((b, channels, size, size + 2 * shift), images.dtype)
    wide[..., shift : shift + size] = images
    wide[..., :shift] = images[..., 1 : shift + 1][..., ::-1]
    wide[..., shift + size :] = images[..., size - 1 - shift : size - 1][..., ::-1]
    around = wide.take(_rows_around(size, shift), axis=2)
    image, channel, row, column = around.strides
    starts = 2 * shift + 1
    shape, strides = (b, starts, starts, channels, size, size), (image, row, column, channel, row, column)
    windows = np.ndarray(shape, around.dtype, around, strides=strides)
    return torch.from_numpy(windows[np.arange(b), rows, columns])


@lru_cache(maxsize=16)
def _rows_around(size: int, shift: int) -> NDArray[np.int64]:
    """Where each row of an image with a margin comes from."""
    return np.asarray(reflected(torch.arange(-shift, size + shift), size))


def _by_pixels(batch: Tensor, shift: int, draws: Tensor, flip: Tensor) -> Tensor:
    """Gather every pixel from where it is: one kernel of a GPU. The result lies with its channels last."""
    b, size, device = len(batch), batch.shape[-1], batch.device
    steps = torch.arange(size, device=device)
    rows = steps[None] + (draws[0][:, None] - shift)
    columns = torch.where(flip[:, None], size - 1 - steps[None], steps[None]) + (draws[1][:, None] - shift)
    each = torch.arange(b, device=device)[:, None, None]
    picked = batch.permute(0, 2, 3, 1)[each, reflected(rows, size)[:, :, None], reflected(columns, size)[:, None]]
    return picked.permute(0, 3, 1, 2)


def reflected(index: Tensor, size: int) -> Tensor:
    """Indices up to ``size`` − 1 beyond either end, mirrored at the first and the last pixel."""
    last = size - 1
    return last - (last - index.abs()).abs()


def cut_out(images: Tensor, hole: int, middles: Tensor) -> Tensor:
    """Blank a square of ``hole`` pixels' side out of each normalised image, to the mean of all pixels, in place.

    Its middle, of :class:`Draws`, may be any pixel, so that part of it may lie outside. T. DeVries and G. W. Taylor,
    *Improved regularization of convolutional neural networks with cutout*, 2017, arXiv:1708.04552.
    """
    start = middles - hole // 2
    if images.device.type == "cpu":
        for image, row, column in zip(images.numpy(), *start.tolist(), strict=True):
            image[:, max(row, 0) : row + hole, max(column, 0) : column + hole] = 0.0
        return images
    steps = torch.arange(images.shape[-1], device=images.device)
    down, across = (steps >= start[:, :, None]) & (steps < start[:, :, None] + hole)
    return images.masked_fill_((down[:, :, None] & across[:, None, :])[:, None], 0.0)
