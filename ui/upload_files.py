"""One file of an upload on its way to the disk, whole or in pieces."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ltnet_core.datasets.sources.files import MAX_IMAGE_BYTES, is_image_name, suffix
from ltnet_core.errors import LTNetError
from ltnet_core.files.writing import FULL
from ui import quotas
from ui.quotas import Limits, amount
from ui.upload_errors import Busy, RefusedFile, UploadError, gone
from ui.upload_names import refusal

MAX_FILE = 2 * 1024**3

finishing: set[Path] = set()  # uploads whose files may not change any more, under quotas.lock
_open_parts: set[Path] = set()


@dataclass(frozen=True)
class Rules:
    """What an upload takes: ``images`` and archives of them alone, within ``most``."""

    images: bool
    most: Limits

    def refuse(self, path: str, size: int) -> None:
        """Refuse a file that cannot be taken.

        Raises
        ------
        RefusedFile
        """
        if why := refusal(path):
            raise RefusedFile(why)
        if self.images and not (is_image_name(path) or is_archive(path)):
            raise RefusedFile("is no image by its name")
        # An archive is read in place; other files may have to fit into memory.
        if not is_archive(path) and size > (most := MAX_IMAGE_BYTES if self.images else MAX_FILE):
            raise RefusedFile(f"is larger than {amount(most)}")


def is_archive(path: str) -> bool:
    """Whether a file that comes alone under this name is an archive of a dataset."""
    return "/" not in path and suffix(path) == ".zip"


@dataclass(frozen=True)
class Piece:
    """``size`` bytes from ``offset`` on of a file that has ``total``."""

    offset: int
    size: int
    total: int


class WholeFile:
    """A file on its way in. It gets its name when it is complete, so no half file ever has one."""

    def __init__(self, folder: Path, path: str, size: int, modified: int, rules: Rules):
        rules.refuse(path, size)
        self._folder, self._path, self._modified = folder, path, modified
        self._target, known = _target(folder, "data", path, rules)
        self._size, self._left = size, size
        self._booked = (max(0, size - known.st_size), 0) if known else (size, 1)
        quotas.book(folder, rules.most, *self._booked)
        self._temporary = folder / "tmp" / uuid.uuid4().hex
        try:
            self._fd = _open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, folder, path, size)
        except BaseException:
            self._undo()
            raise

    def write(self, data: memoryview) -> None:
        """Add bytes."""
        _write(self._fd, data, self._folder, self._path, self._left)
        self._left -= len(data)

    def complete(self) -> None:
        """All bytes have come."""
        fd, self._fd = self._fd, -1
        os.close(fd)
        try:
            _name(self._folder, self._path, self._temporary, self._target, self._modified, (self._size, self._booked))
        except BaseException:
            self._undo()
            raise

    def give_up(self) -> None:
        """No more bytes will come; nothing of the file stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._undo()

    def _undo(self) -> None:
        self._temporary.unlink(missing_ok=True)
        size, entries = self._booked
        quotas.correct(self._folder, -size, -entries)


class FilePart:
    """A piece of a large file on its way in. What has come stays, whatever happens."""

    def __init__(self, folder: Path, path: str, piece: Piece, modified: int, rules: Rules):
        rules.refuse(path, piece.total)
        self._folder, self._path, self._modified, self._piece = folder, path, modified, piece
        self._target, _ = _target(folder, "data", path, rules)
        version = f"{piece.total}-{modified}"
        _make_folder(folder / "parts" / version, folder, rules)
        self._part, _ = _target(folder, f"parts/{version}", path, rules)
        self._left, self._fd = piece.size, -1
        with quotas.lock:
            if self._part in _open_parts:
                raise UploadError(409, f"{path!r} is being written by another request.")
            _open_parts.add(self._part)
        try:
            self._begin(version, rules)
        except BaseException:
            with quotas.lock:
                _open_parts.discard(self._part)
            raise

    def _begin(self, version: str, rules: Rules) -> None:
        piece, known = self._piece, _lstat(self._part)
        have = known.st_size if known else 0
        if not 0 <= piece.offset <= have or piece.offset + piece.size > piece.total:
            raise UploadError(409, f"{have:,} bytes of {self._path!r} are here; go on from there.")
        if piece.offset == 0:
            _drop_parts(self._folder, self._path, keep=version)
        more = max(0, piece.offset + piece.size - have)
        self._counted = have + more
        quotas.book(self._folder, rules.most, more, 0 if known else 1)
        try:
            self._fd = _open(self._part, os.O_WRONLY | os.O_CREAT, self._folder, self._path, piece.size)
        except BaseException:
            quotas.correct(self._folder, -more, 0 if known else -1)
            raise
        os.ftruncate(self._fd, piece.offset)
        os.lseek(self._fd, piece.offset, os.SEEK_SET)

    def write(self, data: memoryview) -> None:
        """Add bytes."""
        _write(self._fd, data, self._folder, self._path, self._left)
        self._left -= len(data)

    def complete(self) -> None:
        """All bytes of the piece have come; the last piece gives the file its name."""
        piece = self._piece
        if piece.offset + piece.size == piece.total:
            try:
                os.fsync(self._fd)
            except OSError as e:
                raise _trouble(e, self._folder, self._path, 0) from e
            _name(self._folder, self._path, self._part, self._target, self._modified, (piece.total, (piece.total, 1)))
        self.give_up()

    def give_up(self) -> None:
        """No more bytes will come."""
        if self._fd >= 0:
            quotas.correct(self._folder, os.fstat(self._fd).st_size - self._counted)
            os.close(self._fd)
            self._fd = -1
            with quotas.lock:
                _open_parts.discard(self._part)


def remove(folder: Path, path: str) -> None:
    """Remove a complete file, and what has come of it in pieces; nothing happens if there is none."""
    if refusal(path) is not None:
        return
    _drop_parts(folder, path)
    with quotas.lock:
        if folder in finishing:
            raise Busy
        _unlink(folder, folder / "data", path, files=-1)


def _drop_parts(folder: Path, path: str, keep: str = "") -> None:
    """Remove what has come of a file that has changed since, or that the sender does not have any more."""
    try:
        versions = os.listdir(folder / "parts")
    except FileNotFoundError:
        raise gone() from None
    for version in versions:
        with quotas.lock:
            if version != keep and folder / "parts" / version / path not in _open_parts:
                _unlink(folder, folder / "parts" / version, path)


def _unlink(folder: Path, below: Path, path: str, files: int = 0) -> None:
    known = _lstat(below / path)
    if known is not None and _parents_are_folders(below, path) and not stat.S_ISDIR(known.st_mode):
        (below / path).unlink(missing_ok=True)
        regular = stat.S_ISREG(known.st_mode)
        quotas.correct(folder, -known.st_size if regular else 0, -1, files if regular else 0)


def _name(
    folder: Path, path: str, source: Path, target: Path, modified: int, counted: tuple[int, tuple[int, int]]
) -> None:
    """Give a complete file its name and time; ``counted`` is its size, and what was booked of bytes and entries."""
    size, (booked, entries) = counted
    with quotas.lock:
        if folder in finishing:
            raise Busy
        known = _lstat(target)
        try:
            os.utime(source, ns=(modified * 1_000_000,) * 2)
            os.replace(source, target)
        except OSError as e:
            raise _trouble(e, folder, path, 0) from e
        replaced = known.st_size if known else 0
        quotas.correct(folder, size - replaced - booked, (0 if known else 1) - entries, 0 if known else 1)


def walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Regular files with their relative names; links are passed over.

    Raises
    ------
    UploadError
        404: the upload is no more.
    """
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        raise gone() from None
    # One by one: a list of the entries of a large folder, each with its facts, takes a kilobyte per file.
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from walk(Path(entry.path), f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield prefix + entry.name, entry.stat(follow_symlinks=False)


# ---- on disk


def _target(folder: Path, below: str, path: str, rules: Rules) -> tuple[Path, os.stat_result | None]:
    """Where the file goes, and what is there; the folders above it are made."""
    parent_path = folder / below
    *parents, name = path.split("/")
    for parent in parents:
        parent_path = parent_path / parent
        _make_folder(parent_path, folder, rules)
    target = parent_path / name
    known = _lstat(target)
    if known is not None and stat.S_ISDIR(known.st_mode):
        raise RefusedFile("has the name of a folder that is already here")
    return target, known


def _make_folder(path: Path, folder: Path, rules: Rules) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        known = _lstat(path)
        if known is None or not stat.S_ISDIR(known.st_mode):
            raise RefusedFile(f"lies below {path.name!r}, which is a file here") from None
    except OSError as e:
        raise _trouble(e, folder, path.name, 0) from e
    else:
        try:
            quotas.book(folder, rules.most, entries=1)
        except UploadError:
            os.rmdir(path)
            raise


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:  # if the place is no good, writing to it will say why
        return None


def _parents_are_folders(folder: Path, path: str) -> bool:
    for parent in path.split("/")[:-1]:
        folder = folder / parent
        known = _lstat(folder)
        if known is None or not stat.S_ISDIR(known.st_mode):
            return False
    return True


def _open(target: Path, flags: int, folder: Path, path: str, size: int) -> int:
    try:
        return os.open(target, flags | os.O_NOFOLLOW, 0o666)
    except OSError as e:
        raise _trouble(e, folder, path, size) from e


def _write(fd: int, data: memoryview, folder: Path, path: str, left: int) -> None:
    try:
        while data:
            written = os.write(fd, data)
            data, left = data[written:], left - written
    except OSError as e:
        raise _trouble(e, folder, path, left) from e


def _trouble(e: OSError, folder: Path, path: str, left: int) -> LTNetError:
    """What a failure to write a file means, for this file or for all; ``left`` bytes of it were not written."""
    if e.errno in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP):
        return RefusedFile(f"has a name that this server cannot store ({e.strerror})")
    if e.errno == errno.ENOENT:
        return gone()
    if e.errno not in FULL:
        return UploadError(500, f"The server could not write {path!r} ({e.strerror}).")
    try:
        disk = os.statvfs(folder)
    except OSError:
        return gone()
    if disk.f_files and not disk.f_favail:
        missing = "its disk can hold no more files. Remove some there"
    else:
        free = amount(disk.f_bavail * disk.f_frsize)
        missing = f"its disk is full: {amount(left)} of this file are still to come, {free} are free. Make room there"
    return UploadError(507, f"The server could not write {path!r}: {missing} and go on, or discard what has been sent.")
