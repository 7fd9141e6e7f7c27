"""Uploads of whole folders. They are on disk from the first byte, so a torn connection or a restart loses nothing.

::

    WORKSPACE/datasets/.incoming-<id>/     hidden, so not a dataset yet
      about.json                           {"name"}
      upload.json                          {"id", "token": its SHA-256, "created", "files", "bytes"}; its time of
                                           modification says when the browser was last heard of
      data/<path>                          complete files, with the time of modification they had at the sender
      parts/<total>-<modified>/<path>      what has come of a large file; a changed file gets another folder
      tmp/                                 files being written

A finished upload is this folder under a dataset's id, without ``parts`` and ``tmp``.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import stat
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltnet_core.errors import DatasetError, LTNetError
from ltnet_core.runs import write_json
from ui.upload_names import refusal
from ui.workspace import Dataset, datasets_folder, read_dataset, require_dataset, settle

MAX_FILE = 2 * 1024**3
RESERVE = 1024**3  # what an upload leaves free on the disk
KEEP_SECONDS = 7 * 24 * 3600
PREFIX = ".incoming-"
DISCARDED = ".discarded-"
FULL = (errno.ENOSPC, errno.EDQUOT)

_lock = threading.Lock()
_sizes: dict[str, int] = {}  # bytes of each upload, so that no batch has to count them
_counts: dict[tuple[str, int], int] = {}  # files of an upload as of a time of modification
_open_parts: set[Path] = set()


class UploadError(LTNetError):
    """The upload cannot go on as asked; ``status`` is what HTTP calls it."""

    def __init__(self, status: int, message: str):
        self.status = status
        super().__init__(message)


class Refused(LTNetError):
    """One file cannot be taken; the others can. The message is the end of a sentence about the file."""


@dataclass(frozen=True)
class Ticket:
    """What a browser needs to send files."""

    id: str
    token: str


@dataclass(frozen=True)
class Unfinished:
    """An upload that waits to be gone on with. ``files`` and ``size`` are what its folder has, ``here`` what came."""

    id: str
    name: str
    files: int
    size: int
    here: int
    idle_seconds: float


# ---- what the page does


def begin(name: str, files: int = 0, size: int = 0) -> Ticket:
    """Make room for an upload of so many files and bytes.

    Raises
    ------
    UploadError
        507: it would not fit.
    """
    sweep()
    parent = datasets_folder()
    parent.mkdir(parents=True, exist_ok=True)
    most, free = limit(), _free(parent)
    if most is not None and size > most:
        raise UploadError(507, f"The folder has {_amount(size)}; this server takes {_amount(most)} at most.")
    if size > free:
        raise UploadError(507, f"The folder has {_amount(size)}; there is room for {_amount(max(0, free))}.")
    id = uuid.uuid4().hex[:12]
    folder = parent / (PREFIX + id)
    folder.mkdir()
    plain = "".join(c if c.isprintable() else " " for c in name).strip()[:120]
    write_json(folder / "about.json", {"name": plain or "Uploaded folder"})
    for part in ("data", "parts", "tmp"):
        (folder / part).mkdir()
    about = {"id": id, "created": time.time(), "files": files, "bytes": size}
    return _ticket(folder, about)


def go_on(id: str) -> Ticket:
    """A new token for an unfinished upload; the old one is void.

    Raises
    ------
    UploadError
        404: there is no such upload.
    """
    folder = _folder(id)
    return _ticket(folder, _about(folder))


def discard(id: str) -> None:
    """Remove an unfinished upload; nothing happens if there is none."""
    try:
        _remove(_folder(id))
    except UploadError:
        return


def unfinished() -> list[Unfinished]:
    """Uploads of which something has come, last heard of first."""
    found = []
    for folder in _incoming():
        try:
            about, heard = _about(folder), (folder / "upload.json").stat().st_mtime_ns
            key = (folder.name, heard)
            if key not in _counts:
                _counts[key] = sum(len(files) for _, _, files in os.walk(folder / "data"))
            name = json.loads((folder / "about.json").read_text(encoding="utf-8"))["name"]
        except (OSError, ValueError, KeyError, UploadError):  # it has just been finished or discarded
            continue
        idle = max(0.0, time.time() - heard / 1e9)
        if _counts[key] or any(files for _, _, files in os.walk(folder / "parts")):
            found.append(Unfinished(about["id"], name, about["files"], about["bytes"], _counts[key], idle))
    return sorted(found, key=lambda u: u.idle_seconds)


def sweep() -> None:
    """Remove what nobody has touched for a week, and what a killed server left half removed."""
    parent = datasets_folder()
    if not parent.is_dir():
        return
    for folder in parent.glob(DISCARDED + "*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in _incoming():
        heard = [p.stat().st_mtime for name in ("upload.json", "about.json") if (p := folder / name).exists()]
        if time.time() - max([*heard, folder.stat().st_mtime]) > KEEP_SECONDS:
            _remove(folder)


# ---- what the browser does


@dataclass(frozen=True)
class Upload:
    """An upload whose token was right."""

    id: str
    folder: Path

    def present(self) -> dict[str, Any]:
        """What is here: ``{"files": {path: [size, modified]}, "parts": {path: [have, total, modified]}}``.

        ``modified`` is in milliseconds since 1970, as browsers give it.
        """
        files = {
            name: [found.st_size, found.st_mtime_ns // 1_000_000] for name, found in _walk(self.folder / "data", "")
        }
        parts = {}
        for name, found in _walk(self.folder / "parts", ""):
            version, path = name.split("/", 1)
            total, modified = map(int, version.split("-"))
            parts[path] = [found.st_size, total, modified]
        with _lock:
            _sizes[self.id] = sum(size for size, _ in files.values()) + sum(have for have, _, _ in parts.values())
        return {"files": files, "parts": parts}

    def heard(self) -> None:
        """Note that the browser is there."""
        try:
            os.utime(self.folder / "upload.json")
        except FileNotFoundError:
            raise _gone() from None

    def require_room(self, size: int) -> None:
        """Refuse a batch of so many bytes that would not fit on the disk.

        Raises
        ------
        UploadError
            507: no room; nothing was written.
        """
        try:
            free = _free(self.folder)
        except FileNotFoundError:
            raise _gone() from None
        if size > free:
            raise _full()

    def receive(self, path: str, size: int, modified: int = 0) -> WholeFile:
        """Start to write a file of so many bytes; see :class:`WholeFile`.

        Raises
        ------
        Refused
            the file cannot be taken.
        UploadError
            404, 507: none can.
        """
        target = self._place("data", path, size)
        more = size - _size(target)
        self.count(more)
        try:
            return WholeFile(self, target, more, modified)
        except BaseException:
            self.count(-more)
            raise

    def receive_part(self, path: str, offset: int, size: int, total: int, modified: int = 0) -> FilePart:
        """Start to write some bytes of a large file; see :class:`FilePart`.

        Raises
        ------
        Refused
            the file cannot be taken.
        UploadError
            409: what lies before ``offset`` has not come, or another request is writing it; 404, 507.
        """
        target = self._place("data", path, total)
        version = f"{total}-{modified}"
        _make_folder(self.folder / "parts" / version)
        part = self._place(f"parts/{version}", path, total)
        have = _size(part)
        if not 0 <= offset <= have or offset + size > total:
            raise UploadError(409, f"{have:,} bytes of {path!r} are here; go on from there.")
        with _lock:
            if part in _open_parts:
                raise UploadError(409, f"{path!r} is being written by another request.")
            _open_parts.add(part)
        try:
            self.count(offset + size - have)
            try:
                return FilePart(self, part, target, offset, size, total, modified)
            except BaseException:
                self.count(have - offset - size)
                raise
        except BaseException:
            with _lock:
                _open_parts.discard(part)
            raise

    def remove(self, paths: Sequence[str]) -> None:
        """Remove complete files that the sender’s folder does not have (any more)."""
        for path in paths:
            if refusal(path) is None:
                place = self.folder / "data" / path
                if _parents_are_folders(self.folder / "data", path) and stat.S_ISREG(_mode(place)):
                    self.count(-_size(place))
                    place.unlink(missing_ok=True)

    def finish(self, files: int, size: int) -> Dataset:
        """Turn the upload into a dataset of the workspace.

        Raises
        ------
        UploadError
            409: not everything that the sender has is here.
        DatasetError
            it is no dataset; the files stay, so that what is missing can be added.
        """
        here, total = 0, 0
        for _, found in _walk(self.folder / "data", ""):
            here, total = here + 1, total + found.st_size
        if (here, total) != (files, size):
            raise UploadError(409, f"{here:,} files with {total:,} bytes are here instead of {files:,} with {size:,}.")
        name = json.loads((self.folder / "about.json").read_text(encoding="utf-8"))["name"]
        try:
            require_dataset(self.folder / "data", [self.folder / "data"])
        except DatasetError as e:
            if not self.folder.exists() and (done := _finished(self.id)):
                return done  # an earlier request, whose answer was lost, has finished it meanwhile
            # People know the folder by their own name.
            raise DatasetError(re.sub(r"^data: ", lambda _: f"{name}: ", str(e))) from e
        for part in ("parts", "tmp"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        try:
            dataset = read_dataset(settle(self.folder, name))
        except FileNotFoundError:
            dataset = _finished(self.id)
        if dataset is None:
            raise _gone()
        _forget(self.id)
        return dataset

    def cancel(self) -> None:
        """Remove everything that came."""
        _remove(self.folder)

    def _place(self, below: str, path: str, total: int) -> Path:
        """Where the file goes; the folders above it are made."""
        if why := refusal(path):
            raise Refused(why)
        if total > MAX_FILE:
            raise Refused(f"is larger than {_amount(MAX_FILE)}")
        place = self.folder / below
        *parents, name = path.split("/")
        for parent in parents:
            place = place / parent
            _make_folder(place)
        if stat.S_ISDIR(_mode(place / name)):
            raise Refused("has the name of a folder that is already here")
        return place / name

    def count(self, more: int) -> None:
        """Book bytes on this upload.

        Raises
        ------
        UploadError
            507: they would be too many.
        """
        most = limit()
        if most is None:
            return
        if self.id not in _sizes:
            self.present()
        with _lock:
            total = _sizes.get(self.id, 0) + more
            if more > 0 and total > most:
                raise UploadError(507, f"This server takes {_amount(most)} per upload; this one has more.")
            _sizes[self.id] = total


def open_upload(id: str, token: str) -> Upload:
    """The unfinished upload with this token.

    Raises
    ------
    UploadError
        404: there is no such upload; 403: it is not this token’s.
    """
    folder = _folder(id)
    _check(_about(folder), token)
    return Upload(id, folder)


def finished(id: str, token: str) -> Dataset | None:
    """The dataset that an upload with this token has become: for a browser that missed the answer."""
    dataset = _finished(id)
    if dataset is not None:
        _check(_about(dataset.location.parent), token)
    return dataset


class WholeFile:
    """A file on its way in. It gets its name when it is complete, so no half file ever has one."""

    def __init__(self, upload: Upload, target: Path, booked: int, modified: int):
        self._upload, self._target, self._booked, self._modified = upload, target, booked, modified
        self._temporary = upload.folder / "tmp" / uuid.uuid4().hex
        self._fd = _open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def write(self, data: memoryview) -> None:
        """Add bytes."""
        _write(self._fd, data)

    def complete(self) -> None:
        """All bytes have come."""
        fd, self._fd = self._fd, -1
        os.close(fd)
        try:
            os.utime(self._temporary, ns=(self._modified * 1_000_000,) * 2)
            os.replace(self._temporary, self._target)
        except OSError as e:
            self._undo()
            raise _trouble(e) from e

    def give_up(self) -> None:
        """No more bytes will come; nothing of the file stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._undo()

    def _undo(self) -> None:
        self._temporary.unlink(missing_ok=True)
        self._upload.count(-self._booked)


class FilePart:
    """A piece of a large file on its way in. What has come stays, whatever happens."""

    def __init__(self, upload: Upload, part: Path, target: Path, offset: int, size: int, total: int, modified: int):
        self._upload, self._part, self._target, self._modified = upload, part, target, modified
        self._missing, self._last = size, offset + size == total
        self._fd = _open(part, os.O_WRONLY | os.O_CREAT)
        os.ftruncate(self._fd, offset)
        os.lseek(self._fd, offset, os.SEEK_SET)

    def write(self, data: memoryview) -> None:
        """Add bytes."""
        _write(self._fd, data)
        self._missing -= len(data)

    def complete(self) -> None:
        """All bytes of the piece have come; the last piece gives the file its name."""
        if self._last:
            try:
                os.utime(self._part, ns=(self._modified * 1_000_000,) * 2)
                os.replace(self._part, self._target)
            except OSError as e:
                raise _trouble(e) from e
        self.give_up()

    def give_up(self) -> None:
        """No more bytes will come."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            with _lock:
                _open_parts.discard(self._part)
            self._upload.count(-self._missing)


# ---- limits


def limit() -> int | None:
    """Bytes that one upload may have, if ``LTNET_MAX_UPLOAD_GB`` says so.

    Raises
    ------
    UploadError
        500: it says something that is no number.
    """
    wish = os.environ.get("LTNET_MAX_UPLOAD_GB", "").strip()
    if not wish:
        return None
    try:
        return int(float(wish) * 1024**3)
    except (ValueError, OverflowError):
        raise UploadError(500, f"LTNET_MAX_UPLOAD_GB is {wish!r}, which is not a number of gigabytes.") from None


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free - RESERVE


def _amount(size: float) -> str:
    return f"{size / 1024**3:,.1f} GB" if size >= 1024**3 else f"{size / 1024**2:,.1f} MB"


# ---- on disk


def _ticket(folder: Path, about: dict[str, Any]) -> Ticket:
    token = secrets.token_urlsafe(32)
    write_json(folder / "upload.json", {**about, "token": _digest(token)})
    return Ticket(about["id"], token)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _check(about: dict[str, Any], token: str) -> None:
    if not hmac.compare_digest(_digest(token), about["token"]):
        raise UploadError(403, "This upload was taken over by another window.")


def _gone() -> UploadError:
    return UploadError(404, "There is no such upload (any more).")


def _folder(id: str) -> Path:
    folder = datasets_folder() / (PREFIX + id)
    if not re.fullmatch(r"[0-9a-f]{12}", id) or not folder.is_dir():
        raise _gone()
    return folder


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / "upload.json").read_text(encoding="utf-8"))
        return {**about, **{k: int(about[k]) for k in ("files", "bytes")}, "id": str(about["id"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise _gone() from None


def _incoming() -> list[Path]:
    return [f for f in datasets_folder().glob(PREFIX + "*") if f.is_dir()]


def _finished(id: str) -> Dataset | None:
    for known in datasets_folder().glob("[!.]*/upload.json"):
        try:
            if _about(known.parent)["id"] == id:
                return read_dataset(known.parent)
        except UploadError:
            continue
    return None


def _remove(folder: Path) -> None:
    # Renamed first, so that a batch in flight finds nothing to write to and cannot get in the way.
    dying = folder.with_name(DISCARDED + uuid.uuid4().hex[:12])
    try:
        folder.rename(dying)
    except FileNotFoundError:
        return
    shutil.rmtree(dying, ignore_errors=True)
    _forget(folder.name.removeprefix(PREFIX))


def _forget(id: str) -> None:
    with _lock:
        _sizes.pop(id, None)
        for key in [k for k in _counts if k[0] == PREFIX + id]:
            del _counts[key]


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files with their relative names; links are passed over."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        raise _gone() from None
    # One by one: a list of the entries of a large folder, each with its facts, takes a kilobyte per file.
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield prefix + entry.name, entry.stat(follow_symlinks=False)


def _mode(place: Path) -> int:
    try:
        return os.lstat(place).st_mode
    except OSError:  # if the place is no good, writing to it will say why
        return 0


def _size(place: Path) -> int:
    try:
        return os.lstat(place).st_size
    except OSError:
        return 0


def _parents_are_folders(folder: Path, path: str) -> bool:
    for parent in path.split("/")[:-1]:
        folder = folder / parent
        if not stat.S_ISDIR(_mode(folder)):
            return False
    return True


def _make_folder(place: Path) -> None:
    try:
        os.mkdir(place)
    except FileExistsError:
        if not stat.S_ISDIR(_mode(place)):
            raise Refused(f"lies below {place.name!r}, which is a file here") from None
    except OSError as e:
        raise _trouble(e) from e


def _open(place: Path, flags: int) -> int:
    try:
        return os.open(place, flags | os.O_NOFOLLOW, 0o666)
    except OSError as e:
        raise _trouble(e) from e


def _write(fd: int, data: memoryview) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError as e:
        raise _stopped(e) from e


def _trouble(e: OSError) -> LTNetError:
    """What a failure to create a file means: for this file, or for all."""
    if e.errno in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP):
        return Refused(f"has a name that this server cannot store ({e.strerror})")
    return _stopped(e)


def _stopped(e: OSError) -> UploadError:
    if e.errno in FULL:
        return _full()
    if e.errno == errno.ENOENT:
        return _gone()
    return UploadError(500, f"The server could not write a file ({e.strerror}).")


def _full() -> UploadError:
    return UploadError(507, "The server’s disk is full. Make room there and go on, or discard what has been sent.")
