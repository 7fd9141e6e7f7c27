"""A large array that is written on the disk and appears under its name when it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .writing import naming, replacing


@contextmanager
def new_array(path: Path, shape: tuple[int, ...], kind: DTypeLike) -> Iterator[NDArray[Any]]:
    """An ``.npy`` file as an array to be filled.

    Raises
    ------
    StorageError
    """
    with replacing(path) as partial:
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.dtype(kind), shape=shape)
        # The room is taken before: writing to a memory map on a full disk kills the process without a word.
        if hasattr(os, "posix_fallocate"):
            with open(partial, "r+b") as f, naming(path, lambda: partial.stat().st_size):
                os.posix_fallocate(f.fileno(), 0, partial.stat().st_size)
        yield array
        array.flush()
