"""One image: what its file is, and its pixels in the size that networks see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ..errors import DatasetError
from .image_decoding import Decoded, decode

if TYPE_CHECKING:  # the processes that decode import this file, and need no tables
    from ..datasets.sources.files import Files

SAMPLE = 64
COLOURS = 16  # pixels per side that tell grey from colour

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
        return decode(files, name, look_at) if files.size(name) else empty(name)
    except DatasetError as e:
        return Look(error=str(e))


def empty(name: str) -> Look:
    """What a file without bytes is."""
    return Look(error=f"{name}: is empty.", empty=True)


def look_at(decoded: Decoded) -> Look:
    """What a decoded image was."""
    digest = hashlib.blake2b(decoded.data, digest_size=16).digest()
    return Look(digest, *decoded.image.size, decoded.mode, decoded.animated, decoded.turned)


class Pixels(Protocol):
    """(N, channels, size, size) uint8 pixels of all images, from a file or decoded when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, items: IntArray) -> ByteArray: ...


def load_pixels(files: Files, name: str, size: int, channels: int) -> ByteArray:
    """(channels, size, size) pixels of one image, cropped to a centred square and resized.

    Raises
    ------
    DatasetError
    """
    return decode(files, name, lambda decoded: square(decoded, size, channels), smallest_side(size))


def square(decoded: Decoded, size: int, channels: int) -> ByteArray:
    """(channels, size, size) pixels of a decoded image: the largest centred square, resized."""
    image = decoded.image
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    mode = "L" if channels == 1 else "RGB"
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array[None] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def smallest_side(size: int) -> int:
    """How small a JPEG may be decoded that is then resized: at twice the size, the result is the same to the eye."""
    return 2 * size


def survey(files: Files, names: Sequence[str]) -> tuple[int, int]:
    """(side, channels) typical of these images: the median shorter side, and 1 where all of a sample are grey."""

    def side_and_grey(decoded: Decoded) -> tuple[int, bool]:
        image = decoded.image
        if image.mode == "L":
            return decoded.side, True
        small = np.asarray(image.resize((COLOURS, COLOURS)).convert("RGB"), dtype=np.int16)
        return decoded.side, bool((small.max(-1) - small.min(-1)).max() <= 8)

    sides, grey = [], True
    step = max(len(names) // SAMPLE, 1)
    for name in names[::step]:
        try:
            side, is_grey = decode(files, name, side_and_grey, smallest_side(COLOURS))
        except DatasetError:
            continue
        sides.append(side)
        grey = grey and is_grey
    if not sides:
        raise DatasetError("no image of a sample could be read.", file=str(files.location))
    return int(np.median(sides)), 1 if grey else 3
