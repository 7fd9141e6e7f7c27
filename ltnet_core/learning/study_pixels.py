"""The pixels of a study for a run: from the cache, from its checkpoint, or decoded."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from ..annotations import FloatArray
from ..datasets import Study
from ..datasets.all_images import PixelsOnDemand, Source, decode_all
from ..errors import DamageError, StorageError
from ..files.reading import read_array
from ..images.image import Pixels, look, survey
from ..runs.checkpoint import forget, keep, kept
from ..runs.run import Run
from ..settings.groups import DataOptions
from .group import ALONE, Group
from .pixel_cache import make_room, making, mark_used, pixels_folder, pixels_key, pixels_limit
from .progress import Progress

SAMPLE = 4000  # images from which pixel statistics are taken
STEM = "images"
FREE = 1024**3  # bytes to leave free on a disk


class ImageFacts(TypedDict):
    """How the images were decoded.

    ``kept`` says whether their pixels are in the checkpoint, ``cached`` under which key they are in the cache.
    """

    size: int
    channels: int
    broken: dict[str, str]
    kept: bool
    cached: NotRequired[str | None]


class CachedFacts(TypedDict):
    """What the cache keeps beside pixels."""

    broken: dict[str, str]


@dataclass(frozen=True)
class StudyPixels:
    """Pixels of all images of a study.

    Attributes
    ----------
    pixels : (N, channels, size, size) uint8, black where an image is broken. broken : image → why it cannot be read.
    """

    pixels: Pixels
    size: int
    channels: int
    broken: dict[str, str]


class PixelSource:
    """Where a run has its pixels from.

    Parameters
    ----------
    study, run : the images, and the checkpoint where a run keeps how they were decoded. options : of the run.
    progress : to tell how far decoding is. default_size : typical side of the images → size where none is asked for.
    group : the processes that look at the pixels.
    """

    def __init__(
        self,
        study: Study,
        run: Run,
        options: DataOptions,
        progress: Progress,
        default_size: Callable[[int], int],
        group: Group = ALONE,
    ):
        self._default_size, self._group, self._source = default_size, group, Source.of(study)
        self._files, self._names = study.files, [str(n) for n in study.table.items]
        self._run, self._options, self._progress = run, options, progress

    def get(self) -> StudyPixels:
        """The pixels, decoded where nobody did before; images that cannot be read are noted.

        Raises
        ------
        DatasetError, StorageError, Cancelled
        """
        folder = self._run.checkpoint
        try:
            known = self._of_this_run()
        except DamageError as e:
            self._progress.note(f"{e.file!r} is {e.reason}, so the images are decoded again.")
            forget(folder / f"{STEM}.json", folder / "pixels.npy")
            known = None
        facts, pixels = known or self._of_a_new_run()
        if facts["broken"]:
            first = next(iter(facts["broken"].values()))
            self._progress.note(f"unreadable images set aside: {len(facts['broken']):,}; the first: {first}")
        if pixels is None:
            self._progress.note(
                "the images are decoded anew in every epoch: all of them would need more room than there is."
            )
            pixels = PixelsOnDemand(
                self._files,
                self._names,
                facts["size"],
                facts["channels"],
                facts["broken"],
                self._group.local_size,
                self._source,
            )
        return StudyPixels(pixels, facts["size"], facts["channels"], facts["broken"])

    def _of_this_run(self) -> tuple[ImageFacts, Pixels | None] | None:
        """What an earlier process of this run decoded; None where it did not come so far.

        Raises
        ------
        DamageError
        """
        folder = self._run.checkpoint
        facts = cast(ImageFacts | None, kept(folder, STEM, ImageFacts))
        if facts is None:
            return None
        size, channels = facts["size"], facts["channels"]
        if facts["kept"]:
            return facts, self._read(folder / "pixels.npy", size, channels)
        if facts.get("cached") is None:
            return facts, None
        key = pixels_key(self._files, self._names, size, channels)
        if key != facts["cached"]:
            self._progress.note(
                "the images' files have other sizes or times than when this run began, or are decoded otherwise now: "
                "networks that were trained before saw the images as they were."
            )
        cached = None if key is None else self._in_cache(pixels_folder(), key, size, channels)
        # Where the cache has lost them the facts stay: networks that are trained already follow from them.
        return facts, cached[1] if cached is not None else self._decode(size, channels)[1]

    def _of_a_new_run(self) -> tuple[ImageFacts, Pixels | None]:
        side, channels = survey(self._files, self._names)
        size = self._options.image_size or self._default_size(side)
        facts, pixels = self._decode(size, channels)
        files = ["pixels.npy"] if facts["kept"] else []
        keep(self._run.checkpoint, STEM, files, cast(dict[str, Any], facts))
        return facts, pixels

    def _decode(self, size: int, channels: int) -> tuple[ImageFacts, Pixels | None]:
        """Decode into the cache, into the checkpoint where that is not possible, or nowhere for want of room."""
        needed = len(self._names) * channels * size**2
        facts: ImageFacts = {"size": size, "channels": channels, "broken": {}, "kept": False, "cached": None}
        budget = self._options.pixel_budget
        allowed = budget is None or needed <= budget * 1024**3
        if allowed and (cached := self._cached(size, channels, needed)) is not None:
            key, facts["broken"], pixels = cached
            return {**facts, "cached": key}, pixels
        room = allowed if budget is not None else needed <= _free(self._run.folder)
        path = self._run.checkpoint / "pixels.npy" if room else None
        facts["broken"] = decode_all(self._files, self._names, size, channels, path, self._counter())
        if path is None:
            return facts, None
        return {**facts, "kept": True}, self._read(path, size, channels)

    def _cached(self, size: int, channels: int, needed: int) -> tuple[str, dict[str, str], Pixels] | None:
        """Key, broken images and pixels of the cache, decoded into it where they are not there; None without one."""
        cache = pixels_folder()
        if needed > pixels_limit() or self._group.local_size < self._group.size:
            return None  # another machine may have no such folder
        key = pixels_key(self._files, self._names, size, channels)
        if key is None:
            return None
        try:
            with making(cache, key, lambda: self._progress.advance(0, "decode")):
                cached = self._in_cache(cache, key, size, channels)
                if cached is None:
                    make_room(cache, needed)
                    if needed > _free(cache):
                        return None
                    path = cache / f"{key}.npy"
                    broken = decode_all(self._files, self._names, size, channels, path, self._counter())
                    keep(cache, key, [path.name], {"broken": broken})
                    cached = broken, self._read(path, size, channels)
        except (StorageError, DamageError) as e:
            self._progress.note(f"decoded images cannot be kept for the next run: {e}")
            return None
        return key, *cached

    def _in_cache(self, cache: Path, key: str, size: int, channels: int) -> tuple[dict[str, str], Pixels] | None:
        """Broken images and pixels that the cache has; what is damaged or out of date there is removed."""
        try:
            facts = kept(cache, key, CachedFacts)
            if facts is None:
                return None
            if not any(self._readable(name, why) for name, why in facts["broken"].items()):
                pixels = self._read(cache / f"{key}.npy", size, channels)
                mark_used(cache, key)
                self._progress.say(f"  the images' pixels are those of an earlier run ({cache / key}.npy)")
                return facts["broken"], pixels
        except DamageError as e:
            self._progress.say(f"  {e.file!r} is {e.reason}, so the images are decoded again.")
        forget(cache / f"{key}.json", cache / f"{key}.npy")
        return None

    def _readable(self, name: str, why: str) -> bool:
        """Whether a file that a disk did not give then can be read now; no other file is tried, it could do harm."""
        return why.startswith(f"{name}: cannot be read") and not look(self._files, name).error

    def _read(self, path: Path, size: int, channels: int) -> Pixels:
        return cast(Pixels, read_array(path, (len(self._names), channels, size, size), np.uint8, mmap=True))

    def _counter(self) -> Callable[[int, int], None]:
        counted = 0

        def count(done: int, total: int) -> None:
            nonlocal counted
            new, counted = done - counted, done
            self._progress.advance(new, "decode")

        return count


def _free(folder: Path) -> int:
    """Bytes for pixels on a folder's disk."""
    return shutil.disk_usage(folder).free - FREE


def pixel_statistics(pixels: Pixels, items: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """(channels,) mean and standard deviation of the training pixels (a sample of at most 4,000 images)."""
    sample = spread(items, SAMPLE)
    totals, squares, count = np.zeros(pixels.shape[1]), np.zeros(pixels.shape[1]), 0
    for start in range(0, len(sample), 64):
        part = np.asarray(pixels[sample[start : start + 64]], dtype=np.float64)
        totals, squares = totals + part.sum((0, 2, 3)), squares + np.square(part).sum((0, 2, 3))
        count += part[:, 0].size
    mean = totals / count
    return mean, np.sqrt(np.maximum(squares / count - mean**2, 1.0))


def spread(items: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of them, evenly spread."""
    return items[:: max(-(-len(items) // most), 1)]
