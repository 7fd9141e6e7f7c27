"""Small JPEGs of a dataset's images, made once and kept within a limit of memory, shared by all sessions."""

from __future__ import annotations

import base64
import io
import threading
from collections import OrderedDict
from collections.abc import Hashable

from ltnet_core.datasets import Files
from ltnet_core.errors import DatasetError
from ltnet_core.images.image_decoding import Decoded, decode

SIZE = 144
SIZES = (64, 144, 288)
MOST_BYTES = 48 * 1024**2
OVERHEAD = 300  # of an entry; an image that cannot be read is an empty one
LARGE = 1024
QUALITY = 85


class _Cache:
    """The newest entries that fit."""

    def __init__(self, most: int):
        self.most, self.held = most, 0
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, data: bytes) -> None:
        with self._lock:
            known = key in self._kept
            old = self._kept.pop(key, b"")
            self._kept[key] = data
            self.held += len(data) + OVERHEAD - (len(old) + OVERHEAD if known else 0)
            while self.held > self.most and len(self._kept) > 1:
                self.held -= len(self._kept.popitem(last=False)[1]) + OVERHEAD


_cache = _Cache(MOST_BYTES)
_making = [threading.Lock() for _ in range(64)]


def thumbnail(files: Files, version: str, name: str, size: int = SIZE) -> bytes:
    """A JPEG whose shorter side has at most ``size`` pixels; empty where the image cannot be read.

    ``version`` is the dataset's: it changes when an image may have changed.
    """
    key = (str(files.location), version, name, size)
    uri = _cache.get(key)
    if uri is None:
        with _making[hash(key) % len(_making)]:  # who asks for the same image waits for it
            uri = _cache.get(key)
            if uri is None:
                uri = _small(files, name, size)
                _cache.put(key, uri)
    return uri


def data_uri(files: Files, version: str, name: str, size: int = SIZE) -> str | None:
    """The same as a ``data:`` URI; None where the image cannot be read."""
    data = thumbnail(files, version, name, size)
    return _uri(data) if data else None


def _uri(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def small_uri(files: Files, name: str, size: int = SIZE) -> str | None:
    """The same of an image that is not kept."""
    data = _small(files, name, size)
    return _uri(data) if data else None


def large(files: Files, name: str) -> bytes:
    """The image for a close look, at most 1,024 pixels a side; empty where it cannot be read."""
    return _small(files, name, LARGE, LARGE)


def _small(files: Files, name: str, shorter: int, longer: int | None = None) -> bytes:
    def jpeg(decoded: Decoded) -> bytes:
        image = decoded.image
        # A wide strip is cropped by the page, not squeezed here; but not without end.
        image.thumbnail((longer, longer) if longer else _box(image.size, shorter))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=QUALITY)
        return out.getvalue()

    try:
        return decode(files, name, jpeg)
    except DatasetError:
        return b""


def _box(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    width, height = size
    share = shorter / max(min(width, height), 1)
    return min(max(round(width * share), 1), 4 * shorter), min(max(round(height * share), 1), 4 * shorter)
