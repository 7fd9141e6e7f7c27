"""Pixels and annotations of a study, cut into batches on the device that trains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..annotations import AnnotationTable, FloatArray
from ..images.image import Pixels
from .augmentation import Draws, cut_out, mirror_and_shift
from .batch import Entries, WeightTable

Items = NDArray[np.int64]

SHARE_FOR_PIXELS = 0.5  # of a GPU's free memory; the rest is the network's
CHUNK_BYTES = 256 * 2**20
PADDED_BYTES = 2**30  # annotations of all items, as many for each as the most annotated has
TABLE_CELLS = 2**25  # coders × classes × classes of a batch


class ResidentPixels:
    """All pixels, bytes or floats, in a device's memory, channels last, as convolutions like them.

    Attributes
    ----------
    source : the pixels in the machine's own memory or on its disk.
    """

    def __init__(self, pixels: Pixels, device: torch.device):
        self.source = pixels
        n, channels, size, _ = self.shape = tuple(pixels.shape)
        one = torch.from_numpy(np.asarray(pixels[np.arange(1)]))
        self._bytes = torch.empty((n, size, size, channels), dtype=one.dtype, device=device)
        chunk = max(CHUNK_BYTES // max(one.nbytes, 1), 1)
        for start in range(0, n, chunk):
            items = np.arange(start, min(start + chunk, n))
            part = torch.from_numpy(np.asarray(pixels[items])).to(device)
            self._bytes[start : start + chunk] = part.permute(0, 2, 3, 1)

    def __getitem__(self, items: Tensor) -> Tensor:
        """(B,channels,S,S) uint8 of the items, which are a tensor on the same device."""
        return self._bytes[items].permute(0, 3, 1, 2)


def on_device(pixels: Pixels, device: torch.device) -> Pixels | ResidentPixels:
    """The pixels in a GPU's memory where they fit there beside a network, else as they are."""
    if device.type != "cuda" or not isinstance(pixels, np.ndarray):
        return pixels
    free, _ = torch.cuda.mem_get_info(device)
    return ResidentPixels(pixels, device) if pixels.nbytes <= SHARE_FOR_PIXELS * free else pixels


class TrainingData:
    """Pixels and annotations of a study, ready to be cut into batches.

    Parameters
    ----------
    pixels : (N,channels,S,S) uint8, may be memory-mapped, or on the device (:func:`on_device`).
    table : the annotations to learn from.
    coder_weights : (C,) weight of each coder in the loss.
    mean, std : (channels,) of pixels in 0..255, for normalisation.
    augment : mirror and shift images while training.
    cutout : side of the square blanked out of each training image, as a share of the image's.
    tables : whether annotations are handed out as tables of weights; by default on a GPU.

    Attributes
    ----------
    made_of : table, weights, mean, std, augment and cutout, as they came.
    static : whether a batch is made on the device alone, from the numbers of its items, in tensors whose shapes depend
        on the size of the batch alone.
    """

    def __init__(
        self,
        pixels: Pixels | ResidentPixels,
        table: AnnotationTable,
        coder_weights: FloatArray,
        mean: FloatArray,
        std: FloatArray,
        device: torch.device,
        augment: bool = True,
        cutout: float = 0.0,
        tables: bool | None = None,
    ):
        n, _, self.size, _ = pixels.shape
        self.pixels, self.device, self.augment = pixels, device, augment
        self.made_of = table, coder_weights, mean, std, augment, cutout
        self.shift = max(self.size // 10, 1)
        self.hole = round(cutout * self.size)
        self.tables = device.type == "cuda" if tables is None else tables
        self._mean = torch.tensor(mean, dtype=torch.float32, device=device)[:, None, None]
        self._std = torch.tensor(std, dtype=torch.float32, device=device)[:, None, None]
        _, self._coders, self._classes = table.shape
        self._start = np.searchsorted(table.item, np.arange(n + 1))
        self._coder, self._label = table.coder.astype(np.int64), table.label.astype(np.int64)
        self._weight = (table.count * coder_weights[table.coder]).astype(np.float32)
        most = int(np.diff(self._start).max(initial=0))
        self._padded: tuple[Tensor, Tensor] | None = None
        if self.tables and 8 * n * most <= PADDED_BYTES:
            self._padded = self._pad(table.item.astype(np.int64), n, most)
        self.static = self._padded is not None and isinstance(pixels, ResidentPixels)

    def _pad(self, item: Items, n: int, most: int) -> tuple[Tensor, Tensor]:
        """(N,A) cell in a table of coders × classes, and weight, of each item's annotations.

        Items with fewer than the most have one cell beyond the table instead.
        """
        cell = np.full((n, most), self._coders * self._classes, dtype=np.int32)
        weight = np.zeros((n, most), dtype=np.float32)
        at = np.arange(len(item)) - self._start[item]
        cell[item, at] = self._coder * self._classes + self._label
        weight[item, at] = self._weight
        return torch.from_numpy(cell).to(self.device), torch.from_numpy(weight).to(self.device)

    def images(self, items: Items | Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B,channels,S,S) normalised pixels; augmented when a generator is given."""
        draws = None if generator is None else self.draws(len(items), generator)
        return self.prepared(self.bytes_of(items), draws)

    def bytes_of(self, items: Items | Tensor) -> Tensor:
        """(B,channels,S,S) uint8 on the device; ``items`` may be a tensor there where the pixels are there too."""
        if isinstance(self.pixels, ResidentPixels):
            return self.pixels[self.index(items)]
        return self.fetched(np.asarray(items)).to(self.device, non_blocking=True)

    def fetched(self, items: Items) -> Tensor:
        """The same in the machine's own memory, for a GPU where it can copy it from by itself."""
        if isinstance(self.pixels, ResidentPixels):
            raise TypeError("the pixels are on the device already.")
        batch = torch.from_numpy(np.asarray(self.pixels[items]))
        return batch if self.device.type == "cpu" else batch.pin_memory()

    def draws(self, images: int, generator: torch.Generator) -> Draws:
        """How so many images are augmented."""
        return Draws.of(images, self.size, self.shift if self.augment else None, self.hole, generator)

    def prepared(self, batch: Tensor, draws: Draws | None = None) -> Tensor:
        """Normalised pixels of bytes; augmented when ``draws`` say how."""
        if draws is not None and draws.shifts is not None and draws.mirrored is not None:
            batch = mirror_and_shift(batch, self.shift, draws.shifts, draws.mirrored)
        images = batch.float().sub_(self._mean).div_(self._std).contiguous(memory_format=torch.channels_last)
        return images if draws is None or draws.middles is None else cut_out(images, self.hole, draws.middles)

    def annotations(self, items: Items | Tensor, as_table: bool = True) -> Entries | WeightTable:
        """The annotations of these items, as a table where the data have tables and ``as_table`` allows it."""
        b, cells = len(items), self._coders * self._classes
        as_table = as_table and self.tables and b * cells * self._classes <= TABLE_CELLS
        if self._padded is None:
            entries = self.entries(np.asarray(items.cpu() if isinstance(items, Tensor) else items))
            if not as_table:
                return entries
            flat = (entries.row * self._coders + entries.coder) * self._classes + entries.label
            weight = torch.zeros(b * cells, device=self.device).scatter_(0, flat, entries.weight)
            return WeightTable(weight.view(b, self._coders, self._classes))
        cell, weight = (padded[self.index(items)] for padded in self._padded)
        if as_table:
            # No cell is written twice but the one beyond the table, and that with zeros alone.
            full = torch.zeros((b, cells + 1), device=self.device).scatter_(1, cell.long(), weight)
            return WeightTable(full[:, :cells].view(b, self._coders, self._classes))
        per_item = cell.shape[1]
        row = torch.arange(b, device=self.device).repeat_interleave(per_item)
        cell = torch.where(cell < cells, cell, 0).long().flatten()
        return Entries(row, cell // self._classes, cell % self._classes, weight.flatten(), per_item)

    def entries(self, items: Items) -> Entries:
        """The annotations of these items, ``row`` counting within ``items``."""
        start, size = self._start[items], self._start[items + 1] - self._start[items]
        row = np.repeat(np.arange(len(items)), size)
        index = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(start, size)
        coder, label, weight = self._coder[index], self._label[index], self._weight[index]
        return Entries(
            torch.from_numpy(row), torch.from_numpy(coder), torch.from_numpy(label), torch.from_numpy(weight)
        ).to(self.device)

    def index(self, items: Items | Tensor) -> Tensor:
        """Numbers of items as a tensor on the device."""
        return torch.as_tensor(items, device=self.device)


def batches(items: Items, size: int) -> Iterator[Items]:
    """Cut items into batches; a last batch of one joins the one before (batch norm needs two)."""
    stops = list(range(size, len(items), size))
    if stops and len(items) - stops[-1] == 1:
        stops.pop()
    yield from np.split(items, stops)
