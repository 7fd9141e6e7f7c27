"""A short way for the commonest images: Pillow's JPEG decoder alone, without its slow reading of a file's segments.

A plain JPEG is baseline, has one or three components of 8 bits and nothing that could turn the image or hold a second
one. Its header says what decoding takes; every other file goes Pillow's whole way.
"""

from __future__ import annotations

import struct

from PIL import Image

START = b"\xff\xd8\xff"
SCAN = 0xDA
FRAMES = (0xC0, 0xC1)
# Tables, restart interval, JFIF, Adobe's note on colours, comment. EXIF data and second images are in others.
HARMLESS = frozenset((0xC4, 0xDB, 0xDD, 0xE0, 0xEE, 0xFE))
MOST_SEGMENTS = 64
MODES = {1: "L", 3: "RGB"}


def plain_jpeg(data: bytes) -> tuple[str, tuple[int, int]] | None:
    """Mode and (width, height) of a plain JPEG; None for any other file."""
    if not data.startswith(START):
        return None
    frame = None
    at, end = 2, len(data) - 10
    for _ in range(MOST_SEGMENTS):
        if at > end or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == SCAN:
            return frame
        if marker in FRAMES:
            bits, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
            mode = MODES.get(components)
            if frame is not None or bits != 8 or not width or not height or mode is None:
                return None
            frame = mode, (width, height)
        elif marker not in HARMLESS:
            return None
        at += 2 + (data[at + 2] << 8 | data[at + 3])
    return None


def decode_plain(data: bytes, mode: str, size: tuple[int, int]) -> Image.Image | None:
    """The image of a plain JPEG; None where its data are damaged."""
    try:
        return Image.frombytes(mode, size, data, "jpeg", mode, "")
    except (ValueError, OSError, MemoryError):  # the long way says what is wrong
        return None
