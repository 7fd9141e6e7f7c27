"""How much may be uploaded: limits from the environment, and the books of what is here.

::

    LTNET_MAX_UPLOAD_GB        bytes of one upload, in GiB            default: what the disk has
    LTNET_MAX_UPLOAD_FILES     files and folders of one upload        default: 2,000,000
    LTNET_MAX_WORKSPACE_GB     bytes of all datasets and unfinished uploads    default: what the disk has
    LTNET_MAX_WORKSPACE_FILES  files and folders of the same                   default: what the disk has
    LTNET_UPLOAD_DAYS          days that an unfinished upload is kept          default: 7

Bytes are booked before they are written, under one lock, so the limits hold for any number of requests at once. After
a restart the books are made again from what lies on the disk.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ui.upload_errors import UploadError, gone

GIB = 1024**3
RESERVE, RESERVE_SHARE = GIB, 20  # what stays free: this, or a twentieth of a smaller disk
RESERVE_FILES = 1000  # inodes that stay free
MOST_FILES = 2_000_000
DAYS = 7.0
PREFIX = ".incoming-"

lock = threading.RLock()
_measuring = threading.Lock()
_uploads: dict[Path, Usage] = {}
_datasets: dict[Path, Usage] = {}
_coming: dict[Path, int] = {}  # datasets folder → bytes of requests on their way, written or not


@dataclass
class Usage:
    """``entries`` are files and folders, ``files`` the complete files among them."""

    size: int = 0
    entries: int = 0
    files: int = 0


@dataclass(frozen=True)
class Limits:
    """What one upload and the whole workspace may have; None is what the disk has."""

    upload_size: int | None
    upload_entries: int
    workspace_size: int | None
    workspace_entries: int | None
    keep_seconds: float


def limits() -> Limits:
    """The limits that the environment sets.

    Raises
    ------
    UploadError
        500: a variable is no positive number.
    """
    size, whole = _number("LTNET_MAX_UPLOAD_GB"), _number("LTNET_MAX_WORKSPACE_GB")
    entries, all_entries = _number("LTNET_MAX_UPLOAD_FILES"), _number("LTNET_MAX_WORKSPACE_FILES")
    days = _number("LTNET_UPLOAD_DAYS")
    return Limits(
        None if size is None else int(size * GIB),
        MOST_FILES if entries is None else int(entries),
        None if whole is None else int(whole * GIB),
        None if all_entries is None else int(all_entries),
        (DAYS if days is None else days) * 24 * 3600,
    )


def _number(name: str) -> float | None:
    wish = os.environ.get(name, "").strip()
    if not wish:
        return None
    try:
        value = float(wish)
    except ValueError:
        value = math.nan
    if not 0 < value < 1e12:
        raise UploadError(500, f"{name} is {wish!r}, which is not a positive number; mend it where the server starts.")
    return value


def amount(size: float) -> str:
    """Bytes for people, in powers of 1,024 as the limits count them."""
    for unit, most in (("GB", GIB), ("MB", 1024**2), ("KB", 1024)):
        if size >= most:
            return f"{size / most:,.1f} {unit}"
    return f"{size:,.0f} bytes"


# ---- room on the disk


def room(folder: Path) -> int:
    """Bytes that uploads may still take of the disk; below 0 where the reserve is used up."""
    disk = shutil.disk_usage(folder)
    return disk.free - min(RESERVE, disk.total // RESERVE_SHARE)


def require_disk(folder: Path, size: int, entries: int = 0) -> None:
    """Refuse what the disk has no room for.

    Raises
    ------
    UploadError
        507: says how much is missing.
    """
    free = room(folder)
    if size > free:
        raise UploadError(
            507,
            f"The server’s disk is full: {amount(size)} are to come and {amount(max(0, free))} may be used, so "
            f"{amount(size - free)} are missing. Make room there and go on, or discard what has been sent.",
        )
    disk = os.statvfs(folder)
    left = disk.f_favail - RESERVE_FILES
    if disk.f_files and entries > left:  # some file systems have no such limit, and say 0
        raise UploadError(
            507,
            f"The server’s disk can hold {max(0, left):,} more files and {entries:,} are to come, so "
            f"{entries - left:,} too many. Remove files there and go on, or discard what has been sent.",
        )


@contextmanager
def coming(folder: Path, size: int, whole: int = 0) -> Iterator[None]:
    """Keep room on the disk for a request of so many bytes while it comes; ``whole`` is what the upload says it has.

    Raises
    ------
    UploadError
        404; 507: with all that other requests bring, it would not fit.
    """
    parent = folder.parent
    with lock:
        try:
            wanted = size + _coming.get(parent, 0)
            if wanted > room(folder):  # then it is told what is missing for all of it
                here = _uploads.get(folder, Usage())
                wanted = max(wanted, whole - here.size)
            # One entry, because nobody knows yet how many: what fills a disk’s last ones is told by the disk.
            require_disk(folder, wanted, 1)
        except FileNotFoundError:
            raise gone() from None
        _coming[parent] = _coming.get(parent, 0) + size
    try:
        yield
    finally:
        with lock:
            _coming[parent] -= size


# ---- the books


def book(folder: Path, most: Limits, size: int = 0, entries: int = 0) -> None:
    """Add to what an upload has.

    Raises
    ------
    UploadError
        404: it is no more; 507: it would be too much for the upload or for the workspace.
    """
    with lock:
        usage = _uploads.get(folder)
        if usage is None:
            raise gone()
        if size > 0:
            _require_size(usage.size + size, most.upload_size, "per upload; this one has more")
            if most.workspace_size is not None:
                _require_size(_total(folder.parent).size + size, most.workspace_size, "in all; its datasets are full")
        if entries > 0:
            _require_entries(usage.entries + entries, most.upload_entries, "per upload; this one has more")
            if most.workspace_entries is not None:
                together = _total(folder.parent).entries + entries
                _require_entries(together, most.workspace_entries, "in all; its datasets are full")
        usage.size += size
        usage.entries += entries


def correct(folder: Path, size: int, entries: int = 0, files: int = 0) -> None:
    """Bring the books to what is on the disk, where there is nothing left to refuse."""
    with lock:
        usage = _uploads.get(folder)
        if usage is not None:
            usage.size += size
            usage.entries += entries
            usage.files += files


def require_quota(parent: Path, most: Limits, size: int, entries: int) -> None:
    """Refuse an upload that says it has more than one may have, or than the workspace has left.

    Raises
    ------
    UploadError
        507
    """
    for has, may, unit in ((size, most.upload_size, amount), (entries, most.upload_entries, _files)):
        if may is not None and has > may:
            raise UploadError(507, f"This upload has {unit(has)}; this server takes {unit(may)} at most.")
    with lock:
        whole = _total(parent)
    of_all = ((size, whole.size, most.workspace_size, amount), (entries, whole.entries, most.workspace_entries, _files))
    for has, used, may, unit in of_all:
        if may is not None and has > may - used:
            text = f"This upload has {unit(has)}; of the {unit(may)} that this server’s datasets may have"
            raise UploadError(507, f"{text}, {unit(max(0, may - used))} are left. Remove datasets or ask for more.")


def _require_size(size: int, most: int | None, rest: str) -> None:
    if most is not None and size > most:
        raise UploadError(507, f"This server takes {amount(most)} {rest}.")


def _require_entries(entries: int, most: int, rest: str) -> None:
    if entries > most:
        raise UploadError(507, f"This server takes {most:,} files and folders {rest}.")


def _files(number: float) -> str:
    return f"{number:,.0f} files"


def _total(parent: Path) -> Usage:
    kept = [u for books in (_uploads, _datasets) for folder, u in books.items() if folder.parent == parent]
    return Usage(sum(u.size for u in kept), sum(u.entries for u in kept))


def usage(folder: Path) -> Usage:
    """What an upload has; it is measured the first time, before anything more of it is written.

    Raises
    ------
    UploadError
        404: it is no more.
    """
    with lock:
        if (known := _uploads.get(folder)) is not None:
            return known
    with _measuring:
        if (known := _uploads.get(folder)) is not None:
            return known
        # What a killed server was writing has no name yet, and never will.
        for left in (folder / "tmp").iterdir() if (folder / "tmp").is_dir() else ():
            left.unlink(missing_ok=True)
        data, parts = measure(folder / "data"), measure(folder / "parts")
        measured = Usage(data.size + parts.size, data.entries + parts.entries, data.files)
        with lock:
            if not folder.is_dir():
                raise gone()
            _uploads[folder] = measured
        return measured


def measure_workspace(parent: Path) -> None:
    """Bring the books of all datasets and unfinished uploads up to date; a dataset is measured once."""
    places = [p for p in parent.iterdir() if p.is_dir()]
    for folder in places:
        if folder.name.startswith(PREFIX):
            with contextlib.suppress(UploadError):  # it has just been finished or discarded
                usage(folder)
        elif not folder.name.startswith(".") and folder not in _datasets:
            size = measure(folder)
            with lock:
                _datasets[folder] = size
    with lock:
        for gone_place in [p for p in _datasets if p.parent == parent and p not in places]:
            del _datasets[gone_place]


def measure(folder: Path) -> Usage:
    """What lies below a folder; links are not followed."""
    total = Usage()
    try:
        entries = os.scandir(folder)
    except OSError:  # removed meanwhile, or a link
        return total
    with entries, contextlib.suppress(FileNotFoundError):  # it is being removed
        for entry in entries:
            total.entries += 1
            if entry.is_dir(follow_symlinks=False):
                below = measure(Path(entry.path))
                total.size += below.size
                total.entries += below.entries
                total.files += below.files
            elif entry.is_file(follow_symlinks=False):
                total.size += entry.stat(follow_symlinks=False).st_size
                total.files += 1
    return total


def opened(folder: Path) -> None:
    """Start the books of a new upload."""
    with lock:
        _uploads[folder] = Usage()


def closed(folder: Path, dataset: Path | None = None) -> None:
    """End the books of an upload that was discarded, or has become a dataset."""
    with lock:
        usage = _uploads.pop(folder, None)
        if dataset is not None and usage is not None:
            _datasets[dataset] = usage
