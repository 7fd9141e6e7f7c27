"""Decoded pixels that outlive their run: the next run on the same images does not decode again.

::

    <cache>/pixels/
      <key>.json   written last: size and digest of the pixels, images that could not be read
      <key>.npy    (N, channels, size, size) uint8
      <0…f>.lock   held while the pixels of a key that begins so are made

The key is made of the names of the images, what says that their files changed (:meth:`Files.stamp`), the size, and the
version of the decoder. The cache is that of large studies (:func:`~ltnet_core.datasets.index.cache_folder`).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import PIL

from ..datasets.index import cache_folder
from ..datasets.sources.files import Files
from ..datasets.sources.roots import named_roots
from ..errors import DatasetError, OptionError
from ..files.locking import try_lock
from ..files.writing import naming, remove_abandoned
from ..runs.checkpoint import forget

LIMIT = "LTNET_CACHE_GB"
USUAL_LIMIT = 20.0  # GB
DECODER = 2  # to be raised when other pixels come out
LOOK_AGAIN = 0.5
KEY_BYTES = 20


def pixels_folder() -> Path:
    """Where decoded pixels are kept."""
    return cache_folder() / "pixels"


def pixels_limit() -> float:
    """Bytes that they may take, from ``LTNET_CACHE_GB``; 0 keeps none.

    Raises
    ------
    OptionError
    """
    text = os.environ.get(LIMIT, str(USUAL_LIMIT))
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if not 0 <= limit < math.inf:
        raise OptionError(f"{LIMIT} must be a number of gigabytes, got {text!r}.")
    return limit * 1e9


def pixels_key(files: Files, names: Sequence[str], size: int, channels: int) -> str | None:
    """What the pixels of these images are kept under; None where a change of a file could go unnoticed."""
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    # Where links may lead decides which files can be read.
    digest.update(repr((DECODER, PIL.__version__, size, channels, named_roots())).encode())
    for name in names:
        try:
            stamp = files.stamp(name)
        except DatasetError:  # it cannot be read now, and may be tomorrow
            stamp = (-1,)
        if stamp is None:
            return None
        digest.update(f"{name}\0{stamp}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


@contextmanager
def making(folder: Path, key: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the right to make the pixels of a key; others wait, and ``waiting`` is called meanwhile, which may raise.

    Raises
    ------
    StorageError
    """
    path = folder / f"{key[0]}.lock"
    with naming(path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _locked(handle):
            waiting()
            time.sleep(LOOK_AGAIN)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Whether the lock is held now; true too on a file system without locks, where two may make the same pixels."""
    try:
        return try_lock(handle)
    except OSError as e:
        if e.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
    return True


def mark_used(folder: Path, key: str) -> None:
    """Say that the pixels of a key are used now."""
    with contextlib.suppress(OSError):  # a cache of others that may only be read
        os.utime(folder / f"{key}.json")


def make_room(folder: Path, needed: float) -> None:
    """Remove the pixels that were not used for longest, until so many bytes fit into the limit.

    Who has them open keeps them.
    """
    remove_abandoned(folder)
    entries = []
    for pixels in folder.glob("*.npy"):
        facts = pixels.with_suffix(".json")
        with contextlib.suppress(OSError):  # somebody else removes it
            used = (facts if facts.exists() else pixels).stat().st_mtime
            entries.append((used, pixels.stat().st_size, pixels))
    taken = sum(size for _, size, _ in entries)
    for _, size, pixels in sorted(entries):
        if taken + needed <= pixels_limit():
            return
        forget(pixels.with_suffix(".json"), pixels)
        taken -= size
