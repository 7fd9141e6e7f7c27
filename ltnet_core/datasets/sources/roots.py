"""Locations that a dataset's files may have: links are resolved when a file is read, and must lead to one of them.

``LTNET_ROOTS`` names folders, separated as in ``PATH``, that links and the sources of joined studies may lead to.
Without it links may lead only to files of the dataset itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ...errors import DatasetError

VARIABLE = "LTNET_ROOTS"
HOW = f"copy what it leads to into the dataset, or have {VARIABLE} name its folder"

_DESCRIPTORS = "/proc/self/fd"
# Linux opens a file without reading it, tells its path, and then opens that very file for reading.
_CAN_LOOK_FIRST = hasattr(os, "O_PATH") and os.path.isdir(_DESCRIPTORS)
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with ``~`` and ``~user`` followed; a user that does not exist stays a name."""
    return Path(os.path.expanduser(path))


def named_roots() -> tuple[Path, ...]:
    """The folders that ``LTNET_ROOTS`` names, absolute; none where it is not set."""
    texts = os.environ.get(VARIABLE, "").split(os.pathsep)
    return tuple(expanded(t).absolute() for t in texts if t.strip())


def require_below(path: Path, roots: Sequence[Path]) -> Path:
    """The path with every link resolved.

    Raises
    ------
    DatasetError
        it does not lie below one of the roots; the message does not tell whether it exists.
    """
    try:
        real = path.resolve()
    except (OSError, RuntimeError, ValueError) as e:  # a loop of links, a NUL
        raise DatasetError(f"{str(path)!r} is not a path that can be followed.") from e
    if not any(real.is_relative_to(root.resolve()) for root in roots):
        raise DatasetError(
            f"{str(path)!r} does not lie below {' or '.join(str(r) for r in roots)}; put the dataset there, upload "
            f"it, or have {VARIABLE} name its folder where the server is started."
        )
    return real


def is_below(real: str, roots: Sequence[str]) -> bool:
    """Whether a resolved path is one of the resolved roots or lies below one."""
    return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in roots)


def open_regular(path: str | os.PathLike[str], roots: Sequence[str] | None, name: str) -> int:
    """A descriptor of a regular file, after every link on the way; the caller closes it.

    Parameters
    ----------
    roots : resolved folders that must hold the file itself; None allows every location.
    name : name of the file in messages.

    Raises
    ------
    DatasetError
        it lies elsewhere, cannot be opened or is no regular file: a pipe would keep its reader waiting for ever.
    """
    try:
        if _CAN_LOOK_FIRST:
            looked = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                if roots is not None:
                    _require(os.readlink(f"{_DESCRIPTORS}/{looked}"), roots, name)
                _require_regular(looked, name)
                return os.open(f"{_DESCRIPTORS}/{looked}", _READING)
            finally:
                os.close(looked)
        handle = os.open(path, _READING)
        try:
            _require_regular(handle, name)
            if roots is not None:
                real = os.path.realpath(path)
                _require(real, roots, name)
                if not os.path.samestat(os.fstat(handle), os.lstat(real)):
                    raise DatasetError("was replaced while it was opened; try again.", file=name)
        except BaseException:
            os.close(handle)
            raise
        return handle
    except (OSError, ValueError) as e:
        raise DatasetError(f"cannot be read ({e.strerror if isinstance(e, OSError) else e}).", file=name) from e


def _require(real: str, roots: Sequence[str], name: str) -> None:
    if not is_below(real, roots):
        raise DatasetError(f"is a link that leads outside the dataset; {HOW}.", file=name)


def _require_regular(handle: int, name: str) -> None:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise DatasetError("is not a regular file.", file=name)
