"""All images of a study, decoded in parallel: facts about each, or its pixels."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import DatasetError
from ..files.mapped_array import new_array
from ..images.decoding_pool import DecodingPool, Progress, cores
from ..images.image import ByteArray, IntArray, Look, empty, load_pixels, look
from .corrections import Corrections
from .sources.files import Files
from .study import Study

MANY = 1500  # images for which processes are worth their start
CHUNK = 256

T = TypeVar("T")


def look_at_all(files: Files, names: Sequence[str], progress: Progress | None = None) -> list[Look]:
    """:func:`~ltnet_core.images.image.look` at every image."""
    if len(names) < MANY:
        return _in_threads(lambda i: look(files, names[i]), len(names), progress)
    with DecodingPool(files) as pool:
        results = pool.run(names, None, lambda i: _as_result(look(files, names[i])), progress)
    return [_as_look(name, result or {}) for name, result in zip(names, results, strict=True)]


def _as_result(look: Look) -> dict[str, Any]:
    return {"error": look.error} if look.error else {**vars(look), "digest": look.digest.hex()}


def _as_look(name: str, result: dict[str, Any]) -> Look:
    if result.get("error"):
        nothing = empty(name)
        return nothing if result["error"] == nothing.error else Look(error=result["error"])
    return Look(**{**result, "digest": bytes.fromhex(result["digest"])})


def decode_all(
    files: Files,
    names: Sequence[str],
    size: int,
    channels: int,
    out: Path | None,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Decode every image into ``out``, an ``.npy`` file of shape (N, channels, size, size), uint8.

    The file appears under its name only when complete; without ``out`` the images are only
    tried. Unreadable images become black and are returned as ``{name: reason}``.
    """
    if out is None:
        looks = look_at_all(files, names, progress)
        return {name: look.error for name, look in sorted(zip(names, looks, strict=True)) if look.error}
    shape = (len(names), channels, size, size)
    with new_array(out, shape, np.uint8) as pixels, _pool(files, names) as pool:
        return _fill(pixels, files, names, pool, progress)


@dataclass(frozen=True)
class Source:
    """Where and how a dataset was read, so that another process can read it too."""

    location: str
    format: str
    corrections: Corrections

    @classmethod
    def of(cls, study: Study) -> Source:
        return cls(os.path.abspath(study.files.location), study.format, study.corrections)

    def files(self) -> Files:
        """The files of the dataset.

        Raises
        ------
        DatasetError
        """
        from . import load_dataset

        return load_dataset(self.location, self.format, self.corrections).files


class PixelsOnDemand:
    """Pixels decoded each time they are needed, for a study whose pixels cannot all be kept.

    Images in ``broken`` are black. Each of ``side_by_side`` processes on a machine takes a share of its cores.
    ``source`` is where another process finds the files.
    """

    def __init__(
        self,
        files: Files,
        names: Sequence[str],
        size: int,
        channels: int,
        broken: Collection[str],
        side_by_side: int = 1,
        source: Source | None = None,
    ):
        self.source = source
        self._files, self.names, self.broken = files, names, frozenset(broken)
        self.shape = (len(names), channels, size, size)
        self._held = contextlib.ExitStack()
        self._pool = self._held.enter_context(_pool(files, names, max(cores() // side_by_side, 1)))
        weakref.finalize(self, self._held.close)

    def __getitem__(self, items: IntArray) -> ByteArray:
        pixels = np.zeros((len(items), *self.shape[1:]), dtype=np.uint8)
        names = [self.names[i] for i in np.asarray(items).tolist()]
        good = [row for row, name in enumerate(names) if name not in self.broken]
        some = np.zeros((len(good), *self.shape[1:]), dtype=np.uint8)
        broken = _fill(some, self._files, [names[row] for row in good], self._pool)
        if broken:
            raise DatasetError(next(iter(broken.values())))
        pixels[good] = some
        return pixels


def _pool(
    files: Files, names: Sequence[str], most: int | None = None
) -> contextlib.AbstractContextManager[DecodingPool | None]:
    """A pool of at most ``most`` processes, by default one per core; None for few images."""
    return DecodingPool(files, most) if len(names) >= MANY else contextlib.nullcontext()


def _fill(
    pixels: ByteArray, files: Files, names: Sequence[str], pool: DecodingPool | None, progress: Progress | None = None
) -> dict[str, str]:
    """Decode every image into ``pixels`` (N, channels, size, size); returns ``{name: reason}`` of unreadable ones."""
    _, channels, size, _ = pixels.shape

    def here(i: int) -> None:
        pixels[i] = load_pixels(files, names[i], size, channels)

    def tried(i: int) -> dict[str, Any] | None:
        try:
            here(i)
        except DatasetError as e:
            return {"error": str(e)}
        return None

    results = _in_threads(tried, len(names), progress) if pool is None else pool.run(names, pixels, here, progress)
    return dict(sorted((name, r["error"]) for name, r in zip(names, results, strict=True) if r is not None))


def _in_threads(work: Callable[[int], T], count: int, progress: Progress | None) -> list[T]:
    """Results of ``work`` for every number below ``count``, in threads of this process."""
    out: list[T] = []
    with ThreadPoolExecutor(max_workers=cores()) as threads:
        for start in range(0, count, CHUNK):
            out += threads.map(work, range(start, min(start + CHUNK, count)))
            if progress:
                progress(len(out), count)
    return out
