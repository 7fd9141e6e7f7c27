"""Where a dataset's files come from: a folder, a zip or one file, read the same way and never written."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from ..errors import DatasetError
from .memory import require_memory

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})
DEEPEST = 4
MAX_FILE_BYTES = 2 * 1024**3
MAX_IMAGE_BYTES = 256 * 1024**2
# Deflate packs a table five to twenty times; what unpacks to hundreds of times its size was made to fill the memory.
BOMB_BYTES, BOMB_RATIO = 64 * 1024**2, 200


def suffix(name: str) -> str:
    """The ending of a file's name in lower case, ``.csv``."""
    return os.path.splitext(name)[1].lower()


def is_image_name(name: str) -> bool:
    """Whether the name ends like an image's."""
    return suffix(name) in IMAGE_SUFFIXES


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


class Files(ABC):
    """The files of one dataset. ``names`` are relative, with forward slashes.

    Attributes
    ----------
    location : where they lie on this machine.
    below : folder inside ``location`` that the names count from; "" or a prefix that ends in a slash.
    passed_over : what is not read and why, a sentence each: links, entries that lead outside.
    """

    location: Path
    below: str = ""
    passed_over: tuple[str, ...] = ()

    @cached_property
    def names(self) -> list[str]:
        """All files, sorted."""
        return sorted(self._list())

    @cached_property
    def _set(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def images(self) -> list[str]:
        """The files with an image's name, sorted."""
        return [n for n in self.names if is_image_name(n)]

    def __contains__(self, name: object) -> bool:
        return name in self._set

    @abstractmethod
    def _list(self) -> list[str]:
        """All names."""

    @abstractmethod
    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """The content of one file.

        Raises
        ------
        DatasetError
            the file cannot be read or is larger than ``limit`` bytes.
        """

    def head(self, name: str, size: int) -> bytes:
        """The first ``size`` bytes of one file.

        Raises
        ------
        DatasetError
        """
        return self.read(name)[:size]

    def inside(self, folder: str) -> Files:
        """The same files seen from a folder among them; what lies elsewhere is left out."""
        return Below(self, folder)


class Below(Files):
    """Files seen from a folder among them."""

    def __init__(self, files: Files, folder: str):
        self._files, self._prefix = files, folder + "/"
        self.location, self.below = files.location, files.below + self._prefix
        self.passed_over = files.passed_over

    def _list(self) -> list[str]:
        return [n[len(self._prefix) :] for n in self._files.names if n.startswith(self._prefix)]

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        return self._files.read(self._prefix + name, limit)

    def head(self, name: str, size: int) -> bytes:
        return self._files.head(self._prefix + name, size)


class _OnDisk(Files):
    """Files on disk, each at a path of its own."""

    @abstractmethod
    def _path(self, name: str) -> Path:
        """Where a file lies; raises DatasetError where it is none of the dataset's."""

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        data = self.head(name, limit + 1)
        if len(data) > limit:
            raise DatasetError(f"is larger than {limit:,} bytes.", file=name)
        return data

    def head(self, name: str, size: int) -> bytes:
        try:
            # Not blocking: a pipe among the files would keep its reader waiting for ever.
            handle = os.open(self._path(name), os.O_RDONLY | os.O_NONBLOCK)
            with open(handle, "rb") as f:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise DatasetError("is not a regular file.", file=name)
                require_memory(min(size, os.fstat(handle).st_size), name)
                return f.read(size)
        except OSError as e:
            raise DatasetError(f"cannot be read ({e.strerror}).", file=name) from e


class FolderFiles(_OnDisk):
    """A folder. Hidden files are passed over; links to folders are not followed."""

    def __init__(self, folder: Path):
        self.location = folder

    def _list(self) -> list[str]:
        names = []
        for base, folders, files in os.walk(self.location):
            folders[:] = sorted(f for f in folders if not _hidden(f))
            below = os.path.relpath(base, self.location).replace(os.sep, "/")
            prefix = "" if below == "." else below + "/"
            names += [prefix + f for f in files if not _hidden(f)]
        return names

    def _path(self, name: str) -> Path:
        # Not asked of the listing: a study opened from its index has none, and must not walk a million files for one.
        if not name or name.startswith("/") or "\0" in name or ".." in name.split("/"):
            raise DatasetError("lies outside the dataset.", file=name)
        return self.location / name


class GivenFiles(_OnDisk):
    """Files given one by one, without their neighbours: name → path."""

    def __init__(self, location: Path, paths: Mapping[str, Path]):
        self.location, self._paths = location, dict(paths)

    def _list(self) -> list[str]:
        return list(self._paths)

    def _path(self, name: str) -> Path:
        if name not in self._paths:
            raise DatasetError("no such file in the dataset.", file=name)
        return self._paths[name]


class ZipFiles(Files):
    """A zip archive, read in place: nothing is ever extracted, so no entry can land outside."""

    def __init__(self, archive: Path):
        self.location = archive
        try:
            self._zip = zipfile.ZipFile(archive)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
            raise DatasetError(f"is not a readable zip archive ({e}).", file=archive.name) from e
        self._entries: dict[str, zipfile.ZipInfo] = {}
        odd = []
        for entry in self._zip.infolist():
            name = entry.filename.replace("\\", "/")
            if entry.is_dir() or _hidden(name.replace("../", "").removeprefix("./")):
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                odd.append(f"{name!r} is a link; links in archives are not followed.")
            elif name.startswith("/") or ".." in name.split("/") or name[1:3] == ":/":
                odd.append(f"{name!r} leads outside the archive.")
            elif name in self._entries:
                odd.append(f"{name!r} occurs twice; the last one counts.")
                self._entries[name] = entry
            else:
                self._entries[name.removeprefix("./")] = entry
        self.passed_over = tuple(odd)

    def _list(self) -> list[str]:
        return list(self._entries)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        data = self._bytes(name, limit + 1, limit)
        if len(data) > limit:
            raise DatasetError(f"unpacks to more than {limit:,} bytes.", file=name)
        return data

    def head(self, name: str, size: int) -> bytes:
        return self._bytes(name, size, MAX_FILE_BYTES)

    def _bytes(self, name: str, size: int, limit: int) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise DatasetError("no such file in the archive.", file=name)
        if entry.file_size > limit:
            raise DatasetError(f"unpacks to {entry.file_size:,} bytes, more than {limit:,}.", file=name)
        if entry.file_size > BOMB_BYTES and entry.file_size > BOMB_RATIO * max(entry.compress_size, 1):
            packed = f"{entry.compress_size:,} bytes that unpack to {entry.file_size:,}"
            raise DatasetError(f"is {packed}; that is no image and no table.", file=name)
        require_memory(min(size, entry.file_size), name)
        try:
            with self._zip.open(entry) as f:
                return f.read(size)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, NotImplementedError, ValueError) as e:
            raise DatasetError(f"cannot be unpacked ({e}).", file=name) from e


def open_files(location: str | os.PathLike[str]) -> Files:
    """Open a folder, a ``.zip`` or one file.

    Raises
    ------
    DatasetError
        there is nothing there.
    """
    path = Path(location).expanduser()
    if path.is_dir():
        return FolderFiles(path)
    if path.is_file():
        zipped = path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)
        return ZipFiles(path) if zipped else GivenFiles(path, {path.name: path})
    raise DatasetError("does not exist; give a dataset folder, a .zip of one or a table of labels.", file=str(location))


def inside(files: Files) -> Iterator[Files]:
    """The files, then those of the only folder in them, and so on."""
    for _ in range(DEEPEST):
        yield files
        folders = {n.split("/", 1)[0] for n in files.names if "/" in n}
        if len(folders) != 1 or any("/" not in n for n in files.images):
            return
        files = files.inside(folders.pop())
