"""Arrays and plain values out of pickled files, without running anything in them.

CIFAR-10 and CIFAR-10N are published as pickles. An unpickler calls whatever a file names;
this one knows the few names by which NumPy stores an array, and refuses every other.
"""

from __future__ import annotations

import codecs
import io
import pickle
import zipfile
from typing import Any

import numpy as np

from ..errors import DatasetError
from .files import Files

MAX_BYTES = 1024**3


def _array(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray:
    """What NumPy's own reconstruction makes: an empty array, whose content follows."""
    return np.ndarray.__new__(np.ndarray, (0,), np.dtype(np.uint8))


def _scalar(dtype: np.dtype[Any], data: bytes) -> Any:
    return np.frombuffer(data, dtype=dtype)[0].item()


def _encoded(text: str, encoding: str) -> bytes:
    """How protocol 2 stores bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes as {encoding!r}")
    return codecs.encode(text, "latin-1")


def _dtype(code: str, *_: object) -> np.dtype[Any]:
    found = np.dtype(code)
    if found.hasobject:
        raise pickle.UnpicklingError("arrays of objects")
    return found


class _Array(np.ndarray):
    """Never made; stands for the class that a file names."""


KNOWN = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encoded,
    ("collections", "OrderedDict"): dict,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it holds tensors, expected NumPy arrays")


def read_pickle(files: Files, name: str) -> Any:
    """The content of a pickle or of a file that ``torch.save`` wrote.

    Raises
    ------
    DatasetError
        it is damaged, or names anything but arrays and plain values.
    """
    data = files.read(name, MAX_BYTES)
    try:
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                inner = next(i for i in archive.infolist() if i.filename.endswith("data.pkl"))
                if inner.file_size > MAX_BYTES:
                    raise DatasetError("unpacks to more than a gigabyte.", file=name)
                data = archive.read(inner)
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except DatasetError:
        raise
    except Exception as e:  # a damaged pickle raises whatever the opcode it breaks at raises
        raise DatasetError(f"cannot be read as plain arrays ({e}).", file=name) from e
