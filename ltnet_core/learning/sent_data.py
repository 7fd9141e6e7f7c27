"""What a network learns from, sent from the process that leads to those that follow."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..annotations import AnnotationTable, FloatArray
from ..datasets.all_images import PixelsOnDemand, Source
from ..files.reading import read_array
from ..images.image import Pixels
from .group import Group
from .training_data import ResidentPixels, TrainingData, on_device


@dataclass(frozen=True)
class MappedPixels:
    """Pixels in an ``.npy`` file, which every machine finds under the same path."""

    path: str
    shape: tuple[int, ...]
    kind: str

    def open(self) -> Pixels:
        """The same, left on the disk.

        Raises
        ------
        DamageError
            there is no such file on this machine.
        """
        return cast(Pixels, read_array(Path(self.path), self.shape, self.kind, mmap=True))


@dataclass(frozen=True)
class OnDemand:
    """Pixels decoded every time, from a dataset that every machine finds under the same path."""

    source: Source
    names: tuple[str, ...] = field(repr=False)
    size: int
    channels: int
    broken: frozenset[str] = field(repr=False)

    def open(self, side_by_side: int) -> Pixels:
        """The same pixels, decoded by this process.

        Raises
        ------
        DatasetError
        """
        files = self.source.files()
        return PixelsOnDemand(files, self.names, self.size, self.channels, self.broken, side_by_side, self.source)


@dataclass(frozen=True)
class SentData:
    """What makes the same :class:`~ltnet_core.learning.training_data.TrainingData` in another process.

    Attributes
    ----------
    pixels : or where they are. resident : whether they go into the memory of a GPU.
    """

    pixels: Pixels | MappedPixels | OnDemand
    resident: bool
    table: AnnotationTable
    coder_weights: FloatArray
    mean: FloatArray
    std: FloatArray
    augment: bool
    cutout: float

    @classmethod
    def of(cls, data: TrainingData) -> SentData:
        """What is to be sent."""
        resident = isinstance(data.pixels, ResidentPixels)
        pixels = data.pixels.source if isinstance(data.pixels, ResidentPixels) else data.pixels
        return cls(_reference(pixels), resident, *data.made_of)

    def on(self, group: Group) -> TrainingData:
        """The data on this process's device."""
        return TrainingData(
            self._pixels(group),
            self.table,
            self.coder_weights,
            self.mean,
            self.std,
            group.device,
            self.augment,
            self.cutout,
        )

    def _pixels(self, group: Group) -> Pixels | ResidentPixels:
        """Opened once, and put into a GPU's memory once."""
        key: Hashable
        if isinstance(self.pixels, OnDemand):
            key = self.pixels.source.location, self.pixels.size
            if key not in group.kept:
                group.kept[key] = self.pixels.open(group.local_size)
        elif isinstance(self.pixels, MappedPixels):
            key = self.pixels, self.resident
            if key not in group.kept:
                pixels = self.pixels.open()
                group.kept[key] = on_device(pixels, group.device) if self.resident else pixels
        else:
            return self.pixels
        return cast("Pixels | ResidentPixels", group.kept[key])


def _reference(pixels: Any) -> Pixels | MappedPixels | OnDemand:
    """Where pixels are that lie in a file; others as they are."""
    if isinstance(pixels, np.memmap) and pixels.filename is not None:
        return MappedPixels(os.path.abspath(pixels.filename), pixels.shape, str(pixels.dtype))
    if isinstance(pixels, PixelsOnDemand) and pixels.source is not None:
        _, channels, size, _ = pixels.shape
        return OnDemand(pixels.source, tuple(pixels.names), size, channels, pixels.broken)
    return cast(Pixels, pixels)
