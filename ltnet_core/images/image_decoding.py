"""One image file → its first frame, upright, 8 bits, mode ``L`` or ``RGB``, within the budget of memory.

What a file can make Pillow do is bounded before it is done: only the decoders of :mod:`image_formats` see it, the
number of its pixels and the bytes that decoding takes are known from its header and waited for, and the number of
its blocks, chunks and tags is limited, because Pillow goes through them one by one.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import DatasetError
from ..files.writing import amount
from .decoding_budget import budget, return_free_memory
from .image_formats import DECODERS, MAX_IMAGE_BYTES, NAMES, OVERHEAD, other_format
from .plain_jpeg import decode_plain, plain_jpeg

if TYPE_CHECKING:  # the processes that decode import this file, and need no tables
    from ..datasets.sources.files import Files

MAX_PIXELS = 100_000_000
MAX_DECODING_BYTES = 1024**3
LARGE = 32 * 1024**2
MAX_READS = 1_000_000
MAX_READS_OF_HEADER = 20_000
# Encoders write ten; each goes over the whole image again, though it may take twenty bytes in the file.
SCAN, MAX_SCANS = b"\xff\xda", 100
BAND_PIXELS = 250_000
MAX_PLAIN_BYTES = 64 * 1024  # of a JPEG that is worth a shorter way: decoding a larger one takes most of the time
EXIF_ORIENTATION = 0x0112
TILE_WIDTH, TILE_LENGTH = 322, 323
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow's own limit, which it also checks within its decoders; it would warn first and refuse at twice as many.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)
# Odd EXIF data and tags are no reason to write to a terminal.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())

# What Pillow's decoders raise for damaged files, besides their own errors.
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    EOFError,
    MemoryError,
    OverflowError,
    IndexError,
    KeyError,
    AttributeError,
    AssertionError,
    RuntimeError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

T = TypeVar("T")


class Decoded:
    """A decoded image with what its file was.

    Attributes
    ----------
    image : mode ``L`` or ``RGB``, upright. side : the shorter one of the file's image, which may be larger.
    mode : the file's. turned : whether it had to be turned.
    animated : whether the file has more than one frame. data : the file's bytes.
    """

    def __init__(self, image: Image.Image, side: int, mode: str, turned: bool, animated: bool, data: bytes):
        self.image, self.side, self.mode = image, side, mode
        self.turned, self.animated, self.data = turned, animated, data


def decode(files: Files, name: str, use: Callable[[Decoded], T], side: int | None = None) -> T:
    """What ``use`` makes of a decoded image; its memory is held in the budget until ``use`` returns.

    ``use`` must not decode another image. ``side`` is the smaller side that it needs at least: a JPEG may then be
    decoded at a half, a quarter or an eighth of its size.

    Raises
    ------
    DatasetError
        the bytes are no readable image, or decoding takes too much.
    """
    needed = files.size(name)
    while True:
        with budget.room(needed) as room:
            try:
                done, needed, result = decode_bytes(files.read(name, MAX_IMAGE_BYTES), name, room.grow, use, side)
            finally:
                if room.size > LARGE:
                    return_free_memory()
            # Asked for anew where there is no room: to wait with bytes in hand could be for ever.
            if done:
                return cast(T, result)


def decode_bytes(
    data: bytes, name: str, grow: Callable[[int], bool], use: Callable[[Decoded], T], side: int | None = None
) -> tuple[bool, int, T | None]:
    """Whether there was room, the bytes that decoding takes, and what ``use`` made of the image.

    ``grow`` is asked whether there is room for so many bytes.

    Raises
    ------
    DatasetError
    """
    plain = plain_jpeg(data) if len(data) < MAX_PLAIN_BYTES else None
    if plain is not None:
        mode, size = plain
        needed = len(data) + size[0] * size[1] * 2 * _bytes_per_pixel(mode)
        smaller = side is not None and min(size) >= 2 * side
        if needed < LARGE and not smaller and data.count(SCAN) <= MAX_SCANS and grow(needed):
            image = decode_plain(data, mode, size)
            if image is not None:
                return True, needed, use(Decoded(image, min(size), mode, False, False, data))
    source = _Reads(data)
    image = _open(source, data, name)
    shorter = min(image.size)
    try:
        needed = _bytes_to_decode(image, len(data), name, side)
    except BROKEN as e:
        raise _unreadable(name, e) from e
    if not grow(needed):
        return False, needed, None
    return True, needed, use(_decoded(image, shorter, source, data, name))


class _Reads(io.BytesIO):
    """The bytes of a file, which may be read so many times; Pillow's loops over its parts end there."""

    left = MAX_READS_OF_HEADER

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError("it has too many blocks, chunks or tags")
        return super().read(size)


def _open(source: _Reads, data: bytes, name: str) -> Image.Image:
    """The image with nothing decoded but its header."""
    if not data:
        raise DatasetError("is empty.", file=name)
    try:
        image = Image.open(source, formats=DECODERS)
    except UnidentifiedImageError as e:  # its own message names an object in memory
        other = other_format(data)
        reason = f"it is {other}; read are {NAMES}" if other else "no known format"
        raise DatasetError(f"is not a readable image ({reason}).", file=name) from e
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise DatasetError(f"is not a readable image: it has more than {MAX_PIXELS:,} pixels.", file=name) from e
    except BROKEN as e:
        raise _unreadable(name, e) from e
    if image.width * image.height > MAX_PIXELS:
        text = f"is not a readable image: it has {image.width}×{image.height} pixels, more than {MAX_PIXELS:,}."
        raise DatasetError(text, file=name)
    if image.format in ("JPEG", "MPO") and data.count(SCAN) > MAX_SCANS:
        raise DatasetError(f"is not a readable image: it has more than {MAX_SCANS} scans.", file=name)
    return image


def _unreadable(name: str, e: Exception) -> DatasetError:
    return DatasetError(f"is not a readable image ({str(e) or type(e).__name__}).".replace("\n", " "), file=name)


def _bytes_per_pixel(mode: str) -> int:
    """What Pillow keeps for a pixel."""
    return 1 if mode in ("1", "L", "P") else 2 if mode.startswith("I;16") else 4


def _bytes_to_decode(image: Image.Image, size: int, name: str, side: int | None) -> int:
    """The most memory that decoding takes at a time, the file's bytes included; a JPEG is set to decode smaller."""
    coefficients = 0
    if image.info.get("progressive"):  # of the whole image, however small it is decoded
        coefficients = image.width * image.height * 2 * len(image.getbands())
    if side is not None and image.format in ("JPEG", "MPO"):
        image.draft(None, (side, side))
    pixels, per_pixel = image.width * image.height, _bytes_per_pixel(image.mode)
    tile = getattr(image, "tag_v2", {})
    if TILE_WIDTH in tile and TILE_LENGTH in tile:  # a TIFF's tile may be larger than the image, and is unpacked whole
        size += tile[TILE_WIDTH] * tile[TILE_LENGTH] * 2 * per_pixel
    # The decoder's memory is free again when the image is converted or turned.
    decoder = max(coefficients, pixels * OVERHEAD.get(image.format or "", 0))
    converted = pixels * (1 if image.mode in ("1", "L") or image.mode.startswith(("I", "F")) else 4)
    needed = size + pixels * per_pixel + max(decoder, converted)
    if needed > MAX_DECODING_BYTES:
        text = f"is not a readable image: decoding its {image.width}×{image.height} pixels takes {amount(needed)}"
        raise DatasetError(f"{text}, more than {amount(MAX_DECODING_BYTES)}.", file=name)
    return needed


def _decoded(image: Image.Image, side: int, source: _Reads, data: bytes, name: str) -> Decoded:
    try:
        # A PPM of 16 bits and a BMP of runs are read pixel by pixel, in up to two steps each.
        source.left = MAX_READS + (2 * image.width * image.height if image.format in ("PPM", "BMP") else 0)
        image.load()
        turn = UPRIGHT.get(_orientation(image))
        animated = _is_animated(image)
        mode = image.mode
        plain = _eight_bits(image)
        if turn is not None:
            plain = plain.transpose(turn)
        return Decoded(plain, side, mode, turn is not None, animated, data)
    except BROKEN as e:
        raise _unreadable(name, e) from e


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where the EXIF data are damaged."""
    try:
        orientation = image.getexif().get(EXIF_ORIENTATION, 1)
    except BROKEN:
        return 1
    return orientation if isinstance(orientation, int) else 1


def _is_animated(image: Image.Image) -> bool:
    """Whether there is a second frame; one that is damaged counts."""
    try:
        return bool(getattr(image, "is_animated", False))
    except BROKEN:
        return True


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image as ``L`` or ``RGB``, converted in bands, so that no more than one full copy is made."""
    deep = image.mode.startswith(("I", "F"))
    see_through = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if image.mode in ("L", "RGB") and not see_through:
        return image
    grey = deep or (image.mode == "1" and not see_through)
    out = Image.new("L" if grey else "RGB", image.size)
    scaled = _scale(image) if deep else None
    for box in _bands(image):
        band = image.crop(box)
        if scaled is not None:
            band = Image.fromarray(scaled(np.asarray(band)))
        elif see_through:
            flat = Image.new("RGBA", band.size, "white")
            flat.alpha_composite(band.convert("RGBA"))
            band = flat
        out.paste(band.convert(out.mode), box[:2])
    return out


def _scale(image: Image.Image) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    """How deep pixels become 8 bits. Pillow clips them; medical and scientific images need them scaled.

    Values of 32 bits have no range of their own: it is 1, 255 or 65,535, whichever holds them. Values that no range
    holds would be clipped, and the image would be another one.
    """
    if image.mode.startswith("I;16"):
        table = (np.arange(65536) * (255.0 / 65535.0)).astype(np.uint8)
        return lambda values: table[values]
    ends = [(float(v.min()), float(v.max())) for v in (np.asarray(image.crop(b)) for b in _bands(image))]
    lowest, highest = float(np.min(ends)), float(np.max(ends))  # NaN, where any value is
    ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    over = 1 + 1 / 255 if image.mode == "F" else 1.0  # an error of rounding
    top = next((t for t in ranges if highest <= t * over), None)
    if top is None or lowest < -top / 255:
        finite = bool(np.isfinite(ends).all())
        why = f"its values go from {lowest:g} to {highest:g}" if finite else "some of its values are no finite numbers"
        raise ValueError(f"{why}; save it with 8 or 16 bits")

    def scaled(values: NDArray[Any]) -> NDArray[np.uint8]:
        return np.asarray((values.astype(np.float64).clip(0, top) * (255.0 / top)).astype(np.uint8))

    return scaled


def _bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    rows = max(BAND_PIXELS // image.width, 1)
    for y in range(0, image.height, rows):
        yield 0, y, image.width, min(y + rows, image.height)
