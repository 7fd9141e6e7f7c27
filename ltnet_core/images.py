"""Image bytes → pixels of one size, decoded once for a whole study."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from .datasets.files import MAX_IMAGE_BYTES, Files
from .errors import DatasetError

MAX_PIXELS = 100_000_000
SAMPLE = 64
CHUNK = 512

EXIF_ORIENTATION = 0x0112

ByteArray = NDArray[np.uint8]
IntArray = NDArray[np.int64]

# What Pillow's decoders raise for damaged files, besides their own errors.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    EOFError,
    MemoryError,
    OverflowError,
    IndexError,
    KeyError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def open_image(files: Files, name: str) -> Image.Image:
    """Decode one image: first frame, turned upright, 8 bits, mode ``L`` or ``RGB``.

    Raises
    ------
    DatasetError
        the bytes are no readable image, or it has more than 100 million pixels.
    """
    return _decode(files.read(name, MAX_IMAGE_BYTES), name)


@dataclass(frozen=True)
class Look:
    """What one image file is.

    Attributes
    ----------
    digest : of its bytes; empty where they could not be read.
    size : bytes. width, height : pixels, 0 where it is no image.
    mode : Pillow's, such as ``RGB``, ``I;16`` or ``CMYK``. frames : more than 1 for an animation.
    turned : whether its EXIF data turn it. error : why it cannot be used, empty where it can.
    """

    digest: bytes = b""
    size: int = 0
    width: int = 0
    height: int = 0
    mode: str = ""
    frames: int = 1
    turned: bool = False
    error: str = ""


def look(files: Files, name: str) -> Look:
    """Read and decode one image, to find out what it is; never raises for a broken one."""
    try:
        data = files.read(name, MAX_IMAGE_BYTES)
    except DatasetError as e:
        return Look(error=str(e))
    digest = hashlib.blake2b(data, digest_size=16).digest()
    try:
        image = _decode(data, name)
        with Image.open(io.BytesIO(data)) as header:
            turned = header.getexif().get(EXIF_ORIENTATION, 1) not in (0, 1)
            width, height = image.size
            return Look(digest, len(data), width, height, header.mode, int(getattr(header, "n_frames", 1)), turned)
    except DatasetError as e:
        return Look(digest, len(data), error="is empty." if not data else str(e))
    except _BROKEN as e:  # a second frame or EXIF data that are torn
        return Look(digest, len(data), error=f"{name}: is not a readable image ({e}).")


def look_at_all(files: Files, names: Sequence[str], progress: Callable[[int, int], None] | None = None) -> list[Look]:
    """:func:`look` at every image."""
    out: list[Look] = []
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(names), CHUNK):
            out += pool.map(lambda name: look(files, name), names[start : start + CHUNK])
            if progress:
                progress(len(out), len(names))
    return out


def _decode(data: bytes, name: str) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DatasetError(f"has {image.width}×{image.height} pixels, more than {MAX_PIXELS:,}.", file=name)
            image.load()
            upright: Image.Image = ImageOps.exif_transpose(image)
            if upright.mode.startswith(("I", "F")):
                # Pillow clips deep pixels on conversion; medical and scientific images need them scaled.
                deep = np.asarray(upright, dtype=np.float64)
                top = 65535.0 if upright.mode.startswith("I;16") or deep.max() > 255 else 255.0
                return Image.fromarray((deep.clip(0, top) * (255.0 / top)).astype(np.uint8))
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                flat = Image.new("RGBA", upright.size, "white")
                flat.alpha_composite(upright.convert("RGBA"))
                upright = flat
            grey = upright.mode in ("L", "1", "LA")
            return upright.convert("L" if grey else "RGB")
    except DatasetError:
        raise
    except UnidentifiedImageError as e:  # its own message names an object in memory
        raise DatasetError("is not a readable image (no known format).", file=name) from e
    except _BROKEN as e:
        raise DatasetError(f"is not a readable image ({e}).", file=name) from e


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
    image = open_image(files, name)
    fitted = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR) if image.size != (size, size) else image
    array = np.asarray(fitted.convert("L" if channels == 1 else "RGB"))
    return array[None] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def survey(files: Files, names: Sequence[str]) -> tuple[int, int]:
    """(side, channels) typical of these images: the median shorter side, and 1 where all of a sample are grey."""
    sides, grey = [], True
    step = max(len(names) // SAMPLE, 1)
    for name in names[::step]:
        try:
            image = open_image(files, name)
        except DatasetError:
            continue
        sides.append(min(image.size))
        if image.mode != "L":
            small = np.asarray(image.resize((16, 16)).convert("RGB"), dtype=np.int16)
            grey = grey and bool((small.max(-1) - small.min(-1)).max() <= 8)
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
    if out is not None:
        partial = out.with_name(out.name + ".partial")
        pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(names), channels, size, size))

    def work(i: int) -> None:
        try:
            image = load_pixels(files, names[i], size, channels)
            if pixels is not None:
                pixels[i] = image
        except DatasetError as e:
            broken[names[i]] = str(e)

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(names), CHUNK):
            list(pool.map(work, range(start, min(start + CHUNK, len(names)))))
            if progress:
                progress(min(start + CHUNK, len(names)), len(names))
    if pixels is not None and out is not None:
        pixels.flush()
        os.replace(partial, out)
    return dict(sorted(broken.items()))
