"""Arrays in NumPy's own files."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np

from ..errors import DatasetError
from .files import MAX_FILE_BYTES, Files


def read_array(files: Files, name: str, limit: int = MAX_FILE_BYTES) -> np.ndarray[Any, Any]:
    """A ``.npy`` file of numbers or text; objects, which are pickled, are refused.

    Raises
    ------
    DatasetError
        it is damaged, too large, or holds objects.
    """
    data = files.read(name, limit)
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as e:  # a damaged header raises whatever Python's own parser raises
        raise DatasetError(
            f"is not a readable NumPy array ({str(e).splitlines()[0] if str(e) else e!r}).", file=name
        ) from e
    if not isinstance(array, np.ndarray):
        raise DatasetError("is not a NumPy array but an archive of some.", file=name)
    if array.dtype.kind == "U":
        points = np.atleast_1d(array).astype(array.dtype.newbyteorder("=")).reshape(-1).view(np.uint32)
        if len(points) and points.max() > sys.maxunicode:
            raise DatasetError("holds text with characters that do not exist.", file=name)
    return array
