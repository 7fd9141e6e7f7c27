"""Arrays in NumPy's own files."""

from __future__ import annotations

import io
import math
import sys
from typing import Any

import numpy as np

from ...errors import DatasetError
from .files import MAX_FILE_BYTES, Files

MAGIC = b"\x93NUMPY"
KINDS = "biufSU"


def read_array(files: Files, name: str, limit: int = MAX_FILE_BYTES) -> np.ndarray[Any, Any]:
    """Read a ``.npy`` file of numbers or text; objects, which are pickled, are refused.

    Raises
    ------
    DatasetError
        it is damaged, too large, or holds objects.
    """
    return array_of(files.read(name, limit), name)


def array_of(data: bytes, name: str) -> np.ndarray[Any, Any]:
    """Read the array from the file's bytes."""
    if not data.startswith(MAGIC):
        raise DatasetError("is not a readable NumPy array (it does not begin like one).", file=name)
    try:
        array = _array(data)
    except Exception as e:  # a damaged header raises whatever Python's own parser raises
        raise DatasetError(
            f"is not a readable NumPy array ({str(e).splitlines()[0][:200] if str(e) else e!r}).", file=name
        ) from e
    if array.dtype.kind == "U":
        points = np.atleast_1d(array).astype(array.dtype.newbyteorder("=")).reshape(-1).view(np.uint32)
        if ((points > sys.maxunicode) | ((points >= 0xD800) & (points < 0xE000))).any():
            raise DatasetError("holds text with characters that do not exist.", file=name)
    return array


def _array(data: bytes) -> np.ndarray[Any, Any]:
    """The array over the file's bytes; ``np.load`` would make room for whatever the header says before it reads."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read_header(stream)
    if dtype.kind not in KINDS or dtype.itemsize == 0 or dtype.subdtype is not None:
        raise ValueError(f"it holds {dtype}, expected numbers or text"[:200])
    count, start = math.prod(shape), stream.tell()
    if min(shape, default=0) < 0 or count * dtype.itemsize > len(data) - start:
        raise ValueError(f"it should have {count:,} values, but is shorter")
    array = np.frombuffer(data, dtype=dtype, count=count, offset=start)
    return array.reshape(shape, order="F" if by_columns else "C")
