"""Image bytes → pixels of one size, decoded once for a whole study."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .datasets.files import Files
from .errors import DatasetError
from .image_decoding import Decoded, decode
from .writing import naming, replacing

SAMPLE = 64
CHUNK = 512

ByteArray = NDArray[np.uint8]
IntArray = NDArray[np.int64]


def open_image(files: Files, name: str) -> Image.Image:
    """Decode one image: first frame, turned upright, 8 bits, mode ``L`` or ``RGB``.

    Its memory is in the budget only while it is decoded. Where many images may be asked for at the same time use
    :func:`image_decoding.decode`.

    Raises
    ------
    DatasetError
        the bytes are no readable image, or it has more than 100 million pixels.
    """
    return decode(files, name, lambda decoded: decoded.image)


@dataclass(frozen=True)
class Look:
    """What one image file is.

    Attributes
    ----------
    digest : of its bytes; empty where they are no image.
    width, height : pixels, 0 where it is no image.
    mode : Pillow's, such as ``RGB``, ``I;16`` or ``CMYK``. animated : whether it has more than one frame.
    turned : whether its EXIF data turn it. error : why it cannot be used, empty where it can.
    empty : whether that is because it has no bytes.
    """

    digest: bytes = b""
    width: int = 0
    height: int = 0
    mode: str = ""
    animated: bool = False
    turned: bool = False
    error: str = ""
    empty: bool = False


def look(files: Files, name: str) -> Look:
    """Read and decode one image, to find out what it is; never raises for a broken one."""
    try:
        if not files.size(name):
            return Look(error=f"{name}: is empty.", empty=True)
        return decode(files, name, _look)
    except DatasetError as e:
        return Look(error=str(e))


def _look(decoded: Decoded) -> Look:
    digest = hashlib.blake2b(decoded.data, digest_size=16).digest()
    return Look(digest, *decoded.image.size, decoded.mode, decoded.animated, decoded.turned)


def look_at_all(files: Files, names: Sequence[str], progress: Callable[[int, int], None] | None = None) -> list[Look]:
    """:func:`look` at every image."""
    out: list[Look] = []
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(names), CHUNK):
            out += pool.map(lambda name: look(files, name), names[start : start + CHUNK])
            if progress:
                progress(len(out), len(names))
    return out


class Pixels(Protocol):
    """(N, channels, size, size) uint8 pixels of all images, from a file or decoded when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, items: IntArray) -> ByteArray: ...


class PixelsOnDemand:
    """Pixels decoded every time they are asked for, where there is no room to keep them all.

    Images in ``broken`` are black.
    """

    def __init__(self, files: Files, names: Sequence[str], size: int, channels: int, broken: Collection[str]):
        self._files, self._names, self._broken = files, names, frozenset(broken)
        self.shape = (len(names), channels, size, size)
        self._pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))

    def __getitem__(self, items: IntArray) -> ByteArray:
        _, channels, size, _ = self.shape

        def one(i: int) -> ByteArray:
            name = self._names[i]
            if name in self._broken:
                return np.zeros((channels, size, size), dtype=np.uint8)
            return load_pixels(self._files, name, size, channels)

        found = list(self._pool.map(one, np.asarray(items).tolist()))
        return np.stack(found) if found else np.zeros((0, channels, size, size), dtype=np.uint8)


def load_pixels(files: Files, name: str, size: int, channels: int) -> ByteArray:
    """(channels, size, size) pixels of one image, cropped to a centred square and resized."""

    def fitted(decoded: Decoded) -> ByteArray:
        image = decoded.image
        if image.size != (size, size):
            image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
        array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
        return array[None] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))

    return decode(files, name, fitted)


def survey(files: Files, names: Sequence[str]) -> tuple[int, int]:
    """(side, channels) typical of these images: the median shorter side, and 1 where all of a sample are grey."""

    def side_and_grey(decoded: Decoded) -> tuple[int, bool]:
        image = decoded.image
        if image.mode == "L":
            return min(image.size), True
        small = np.asarray(image.resize((16, 16)).convert("RGB"), dtype=np.int16)
        return min(image.size), bool((small.max(-1) - small.min(-1)).max() <= 8)

    sides, grey = [], True
    step = max(len(names) // SAMPLE, 1)
    for name in names[::step]:
        try:
            side, is_grey = decode(files, name, side_and_grey)
        except DatasetError:
            continue
        sides.append(side)
        grey = grey and is_grey
    if not sides:
        raise DatasetError("no image of a sample could be read.", file=str(files.location))
    return int(np.median(sides)), 1 if grey else 3


def decode_all(
    files: Files,
    names: Sequence[str],
    size: int,
    channels: int,
    out: Path | None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Decode every image into ``out``, an ``.npy`` file of shape (N, channels, size, size), uint8.

    The file appears under its name only when complete; without ``out`` the images are only
    tried. Unreadable images become black and are returned as ``{name: reason}``.
    """
    broken: dict[str, str] = {}
    pixels = None

    def work(i: int) -> None:
        try:
            image = load_pixels(files, names[i], size, channels)
            if pixels is not None:
                pixels[i] = image
        except DatasetError as e:
            broken[names[i]] = str(e)

    with contextlib.ExitStack() as stack:
        if out is not None:
            partial = stack.enter_context(replacing(out))
            shape = (len(names), channels, size, size)
            pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
            # The room is taken before: writing to a memory map on a full disk kills the process without a word.
            if hasattr(os, "posix_fallocate"):
                with open(partial, "r+b") as f, naming(out, lambda: partial.stat().st_size):
                    os.posix_fallocate(f.fileno(), 0, partial.stat().st_size)
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)))
        for start in range(0, len(names), CHUNK):
            list(pool.map(work, range(start, min(start + CHUNK, len(names)))))
            if progress:
                progress(min(start + CHUNK, len(names)), len(names))
        if pixels is not None:
            pixels.flush()
    return dict(sorted(broken.items()))
