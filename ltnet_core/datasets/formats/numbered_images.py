"""Images that are rows of a table or an array, not files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import DatasetError
from ..sources.files import MAX_FILE_BYTES, Files


class ArrayImages(Files):
    """Images of an array as PNG files.

    Parameters
    ----------
    source : the files they come from.
    names : N names of images.
    load : makes (N,H,W) or (N,H,W,3) pixels, uint8; called when the first image is read.
    """

    def __init__(self, source: Files, names: Sequence[str], load: Callable[[], NDArray[np.uint8]]):
        self.location, self.below, self.passed_over = source.location, source.below, source.passed_over
        self._position = {n: i for i, n in enumerate(names)}
        self._load = load

    @cached_property
    def _pixels(self) -> NDArray[np.uint8]:
        return self._load()

    def _list(self) -> list[str]:
        return list(self._position)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        out = io.BytesIO()
        Image.fromarray(self._image(name)).save(out, "PNG", compress_level=1)
        return out.getvalue()

    def size(self, name: str) -> int:
        return self._image(name).nbytes

    def stamp(self, name: str) -> tuple[int, ...]:
        content = hashlib.blake2b(np.ascontiguousarray(self._image(name)).data, digest_size=16)
        return int.from_bytes(content.digest()), *self._image(name).shape

    def _image(self, name: str) -> NDArray[np.uint8]:
        if name not in self._position:
            raise DatasetError("no such image in the dataset.", file=name)
        return np.asarray(self._pixels[self._position[name]])
