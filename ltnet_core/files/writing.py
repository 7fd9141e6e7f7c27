"""The one way to write a file: under a temporary name beside it, synced to the disk, then renamed.

A reader sees the old file or the new one, never a part. After a failure nothing of the new one is left.
"""

from __future__ import annotations

import errno
import io
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, StorageError

PREFIX, SUFFIX = ".writing-", ".partial"
ABANDONED_SECONDS = 3600.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replacing(path: str | os.PathLike[str], size: int | None = None) -> Iterator[Path]:
    """Yield a temporary path to write to; it becomes ``path`` when the block ends without an error.

    ``size`` is the number of bytes that will be written, where it is known: a full disk's message says it.

    Raises
    ------
    StorageError
        the file could not be written; it names the file and, where the disk is full, how much is missing.
    """
    target = Path(path)
    partial = target.parent / f"{PREFIX}{secrets.token_hex(6)}{SUFFIX}"
    try:
        yield partial
        _sync(partial)
        os.replace(partial, target)
        _sync(target.parent)
    except OSError as e:
        raise storage_error(target, e, size if size is not None else _written(partial)) from e
    finally:
        with suppress(OSError):  # a read-only file system refuses this too, and the error above says why
            partial.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file as :func:`replacing` does."""
    with replacing(path, len(content)) as partial:
        partial.write_bytes(content)


def write_text(path: str | os.PathLike[str], parts: Iterable[str]) -> None:
    """Write text in UTF-8, a part at a time, as :func:`replacing` does: a large one does not lie in memory."""
    with replacing(path) as partial, open(partial, "w", encoding="utf-8", errors="replace", newline="") as f:
        f.writelines(parts)


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write JSON in UTF-8, indented, without NaN, as :func:`replacing` does.

    Raises
    ------
    StorageError
    OptionError
        a text in it is no Unicode, such as the path of a folder that is not named in UTF-8.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        data = text.encode()
    except UnicodeEncodeError as e:
        wrong = text[max(e.start - 40, 0) : e.end]
        raise OptionError(f"{str(path)!r} cannot be written: {wrong!r} is not UTF-8 text; rename it.") from e
    write_bytes(path, data)


def write_array(array: NDArray[Any], path: Path) -> None:
    """Write an ``.npy`` file; through memory, because numpy's own error of a full disk does not say that it is full.

    Raises
    ------
    StorageError
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def behind_link(path: str | os.PathLike[str]) -> Path:
    """The file that a link leads to, so that it is written through, as by a shell; any other path as it is.

    Only for a file that a user names: in a folder that others may write to, a link could lead anywhere.
    """
    path = Path(path)
    return path.resolve() if path.is_symlink() and not _is_open_file(path) else path


def require_folder(path: Path) -> Path:
    """The path of a file that a user wants to have written.

    Raises
    ------
    OptionError
        its folder does not exist, or it is a folder itself, or a device or a pipe, which a file would replace.
    """
    if not path.parent.is_dir():
        raise OptionError(f"cannot write {str(path)!r}: the folder does not exist.")
    if path.is_dir():
        raise OptionError(f"cannot write {str(path)!r}: it is a folder.")
    if (path.exists() and not path.is_file()) or _is_open_file(path):
        raise OptionError(f"cannot write {str(path)!r}: it is a device or a pipe; name a file.")
    return path


def _is_open_file(path: Path) -> bool:
    """Whether the name stands for a file that this process has open, such as ``/dev/stdout`` or ``/dev/fd/3``."""
    leads = [path.parent.resolve(), *([Path(os.readlink(path))] if path.is_symlink() else [])]
    return any(place.is_relative_to("/proc") for place in leads)


def require_output(path: Path, read: Iterable[str | os.PathLike[str] | None]) -> Path:
    """The path of a file that a user wants to have written, while these files and folders are read.

    Raises
    ------
    OptionError
        as for :func:`require_folder`, or writing it would replace what is read.
    """
    require_folder(path)
    for source in (Path(r) for r in read if r is not None and path.exists()):
        if source.is_file() and path.samefile(source):
            raise OptionError(f"cannot write {str(path)!r}: it is the file that is read; choose another name.")
        if source.is_dir() and path.resolve().is_relative_to(source.resolve()):
            raise OptionError(f"cannot write {str(path)!r}: it is a file of the dataset; choose another name.")
    return path


def require_different(paths: Iterable[Path | None]) -> None:
    """Raise OptionError where two outputs are one file."""
    there: set[Path] = set()
    for path in (p for p in paths if p is not None):
        if path.resolve() in there:
            raise OptionError(f"{str(path)!r} is to be written twice; choose another name for one of the files.")
        there.add(path.resolve())


@contextmanager
def naming(path: str | os.PathLike[str], size: Callable[[], int] | None = None) -> Iterator[None]:
    """Turn an ``OSError`` of writing ``path`` in place, such as a log or a store, into a :class:`StorageError`."""
    try:
        yield
    except OSError as e:
        raise storage_error(Path(path), e, size() if size else None) from e


def storage_error(path: Path, e: OSError, size: int | None = None) -> StorageError:
    """The error that says which file could not be written and, on a full disk, how much room is missing."""
    if e.errno not in FULL:
        return StorageError(f"{str(path)!r} could not be written ({e.strerror or e}).")
    if e.errno == errno.EFBIG:
        return StorageError(
            f"{str(path)!r} could not be written: no file may be larger than this one; raise the limit (ulimit -f)."
        )
    why = "your quota is used up" if e.errno == errno.EDQUOT else "the disk is full"
    needed = f", about {amount(size)} are needed" if size else ""
    return StorageError(
        f"{str(path)!r} could not be written: {why}. {amount(_free(path))} are free there{needed}; "
        "make room and try again."
    )


def amount(size: float) -> str:
    """Bytes for people: ``1.4 MB``."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def remove_abandoned(folder: Path) -> None:
    """Remove what a killed writer left in a folder more than an hour ago."""
    for left in folder.glob(f"{PREFIX}*{SUFFIX}"):
        try:
            if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                left.unlink()
        except OSError:  # somebody else removed it, or may not
            continue


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot sync a folder
            raise
    finally:
        os.close(handle)


def _written(partial: Path) -> int | None:
    """What had been written when the disk was full is a lower bound of what is needed."""
    try:
        return partial.stat().st_size or None
    except OSError:
        return None


def _free(path: Path) -> int:
    for folder in path.absolute().parents:
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return 0
