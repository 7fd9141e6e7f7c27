"""The one way to read a file of a run: regular files only, JSON without NaN, and a failure names the file."""

from __future__ import annotations

import errno
import json
import math
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from ..errors import DamageError, LTNetError, RunError, StorageError

NO_HANDLES = (errno.EMFILE, errno.ENFILE)
LONGEST_REASON = 200
PART_BYTES = 64 * 2**20
LARGEST_TEXT = 512 * 2**20  # of JSON and CSV that are read as a whole

# What numpy, pandas, pyarrow, safetensors (through OSError and ValueError) and json raise for damaged files.
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    EOFError,
    OverflowError,
    RecursionError,
    pa.ArrowException,
)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what a library raises for a damaged file into an error that names the file and says what to do.

    Raises
    ------
    DamageError
        the file is missing or damaged.
    RunError
        this user may not read it.
    StorageError
        too many files are open.
    """
    try:
        yield
    except DAMAGE as e:
        raise unreadable(path, e) from e


def unreadable(path: Path, e: Exception) -> LTNetError:
    """The error for a file that could not be read."""
    if isinstance(e, OSError) and e.errno in NO_HANDLES:
        return StorageError(too_many_open(e))
    if isinstance(e, FileNotFoundError | NotADirectoryError):
        return DamageError(str(path), "missing")
    if isinstance(e, PermissionError):
        return RunError(f"{str(path)!r} cannot be read ({e.strerror}); give yourself the right to read it.")
    if isinstance(e, OSError) and e.errno is not None:
        return damaged(path, os.strerror(e.errno))
    return damaged(path, f"{type(e).__name__}: {e}")


def damaged(path: Path, reason: str) -> DamageError:
    """The error for a file whose content is not what a run writes."""
    return DamageError(str(path), f"damaged ({short(reason)})")


def short(text: str) -> str:
    """A library's message as part of a sentence: one line, printable, not too long."""
    line = "".join(c if c.isprintable() else " " for c in text.strip()).strip().rstrip(".")
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def too_many_open(e: OSError) -> str:
    """What to do when the process has no file handle left."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    name = f"{e.filename!r} could not be opened: " if e.filename else ""
    return f"{name}too many files are open (the limit is {limit:,}); raise the limit with `ulimit -n` and try again."


def require_file(path: Path) -> os.stat_result:
    """Raise unless it is a regular file; a pipe in its place would block whoever opens it.

    Raises
    ------
    DamageError, RunError, StorageError
    """
    with reading(path):
        status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise damaged(path, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise damaged(path, "it is no regular file")
    return status


def version(status: os.stat_result) -> tuple[int, ...]:
    """Changes when a file does: what was checked of one version need not be checked again."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a run.

    Raises
    ------
    DamageError
        the file is missing or damaged.
    """
    status = require_file(path)
    if status.st_size > LARGEST_TEXT:
        raise damaged(path, f"it has {status.st_size:,} bytes, more than any run writes")
    with reading(path):
        content = loads(path.read_bytes().decode())
    if not isinstance(content, dict):
        raise damaged(path, "expected a JSON object")
    return content


def read_array(path: Path, shape: tuple[int, ...], kind: DTypeLike, *, mmap: bool = False) -> NDArray[Any]:
    """Read an ``.npy`` file of one shape and type, of finite numbers; ``mmap`` leaves it on the disk.

    Raises
    ------
    DamageError
    """
    require_file(path)
    with reading(path):
        array: NDArray[Any] = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    if array.shape != shape or array.dtype != np.dtype(kind):
        raise damaged(path, f"expected {' × '.join(map(str, shape))} of {np.dtype(kind)}, got {array.shape}")
    if array.dtype.kind == "f" and not all(np.isfinite(part).all() for part in _parts(array)):
        raise damaged(path, "it holds numbers that are not finite")
    return array


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The array a part at a time: what is on the disk need not be in the memory at once."""
    rows = max(PART_BYTES * len(array) // max(array.nbytes, 1), 1) if array.ndim else 1
    yield from (array[start : start + rows] for start in range(0, len(array), rows)) if array.ndim else (array,)


def loads(text: str) -> Any:
    """Parse JSON that can be written again: no NaN, no infinity, no half of a surrogate pair.

    Raises
    ------
    ValueError, RecursionError
    """
    content = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    if "\\ud" in text.lower():
        json.dumps(content, ensure_ascii=False).encode()
    return content


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value
