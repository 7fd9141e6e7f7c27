"""The files of a dataset, read the same way from a folder or one by one, and never written."""

from __future__ import annotations

import io
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from ...errors import DatasetError
from ...files.printing import is_text
from ...images.image_formats import MAX_IMAGE_BYTES as MAX_IMAGE_BYTES
from ...images.image_formats import SUFFIXES
from .memory import require_memory
from .roots import HOW, is_below, named_roots, open_regular

WORKBOOKS = (".xlsx", ".xlsm")  # zips that are tables
DEEPEST = 4
MOST_IN_FOLDERS = 200
DEEPEST_FOLDER = 200
MAX_FILE_BYTES = 2 * 1024**3


def suffix(name: str) -> str:
    """The ending of a file's name in lower case, ``.csv``."""
    return os.path.splitext(name)[1].lower()


def version_of(about: os.stat_result) -> tuple[int, ...]:
    """Size and times of a file, which change with its content."""
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns


def is_image_name(name: str) -> bool:
    """Whether the name ends like an image's."""
    return suffix(name) in SUFFIXES


def is_hidden(name: str) -> bool:
    """Whether a file is not read: a part of its name starts with a dot, or with what macOS and Office add."""
    return any(part.startswith((".", "__MACOSX", "~$")) for part in name.split("/"))


class Files(ABC):
    """The files of one dataset. ``names`` are relative, with forward slashes.

    Attributes
    ----------
    location : where they lie on this machine.
    below : folder inside ``location`` that the names count from; "" or a prefix that ends in a slash.
    passed_over : a sentence about each entry that is not read: links, entries that lead outside.
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
    def _kinds(self) -> tuple[list[str], list[str]]:
        images: list[str] = []
        others: list[str] = []
        for name in self.names:
            (images if is_image_name(name) else others).append(name)
        return images, others

    @property
    def images(self) -> list[str]:
        """The files with an image's name, sorted."""
        return self._kinds[0]

    @property
    def others(self) -> list[str]:
        """The files without an image's name, sorted."""
        return self._kinds[1]

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

    def size(self, name: str) -> int:
        """Bytes of one file.

        Raises
        ------
        DatasetError
        """
        return len(self.read(name))

    def stamp(self, name: str) -> tuple[int, ...] | None:
        """Numbers that change when the content of a file may have changed; None where there are none.

        Raises
        ------
        DatasetError
        """
        return None

    def open(self, name: str) -> BinaryIO:
        """One file, to be read from any position; the caller closes it.

        Raises
        ------
        DatasetError
        """
        return io.BytesIO(self.read(name))

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

    def size(self, name: str) -> int:
        return self._files.size(self._prefix + name)

    def stamp(self, name: str) -> tuple[int, ...] | None:
        return self._files.stamp(self._prefix + name)

    def open(self, name: str) -> BinaryIO:
        return self._files.open(self._prefix + name)


class _OnDisk(Files):
    """Files on the disk, each at its own path.

    Attributes
    ----------
    allowed : resolved folders that must hold a file, after all links, when it is read; None allows every location.
    """

    allowed: tuple[str, ...] | None = None

    @abstractmethod
    def _path(self, name: str) -> str | Path:
        """Path of a file; raises DatasetError where it is no file of the dataset."""

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        return self._bytes(name, None, limit)

    def head(self, name: str, size: int) -> bytes:
        return self._bytes(name, size, MAX_FILE_BYTES)

    def open(self, name: str) -> BinaryIO:
        return os.fdopen(open_regular(self._path(name), self.allowed, name), "rb")

    def _bytes(self, name: str, size: int | None, limit: int) -> bytes:
        handle = open_regular(self._path(name), self.allowed, name)
        try:
            length = os.fstat(handle).st_size
            if size is None and length > limit:
                raise DatasetError(f"is larger than {limit:,} bytes.", file=name)
            wanted = length if size is None else min(size, length)
            require_memory(wanted, name)
            data = os.read(handle, wanted)
            if len(data) < wanted:  # so much that the system reads it in parts, or the file shrinks
                with open(handle, "rb", closefd=False) as f:
                    data += f.read(wanted - len(data))
            return data
        except OSError as e:
            raise DatasetError(f"cannot be read ({e.strerror}).", file=name) from e
        finally:
            os.close(handle)

    def size(self, name: str) -> int:
        about = self._stat(name)
        if not stat.S_ISREG(about.st_mode):
            raise DatasetError("is not a regular file.", file=name)
        return about.st_size

    def stamp(self, name: str) -> tuple[int, ...]:
        return version_of(self._stat(name))

    def _stat(self, name: str) -> os.stat_result:
        try:
            return os.stat(self._path(name))
        except (OSError, ValueError) as e:
            raise DatasetError(f"cannot be read ({getattr(e, 'strerror', None) or e}).", file=name) from e


class FolderFiles(_OnDisk):
    """The files of a folder, without hidden ones.

    A link is followed where it leads to a file in the folder, or to a file or folder in one that ``LTNET_ROOTS``
    names; a link to a folder inside the folder is not, because that one is read under its own name.
    """

    def __init__(self, folder: Path):
        self.location = folder
        self._root = os.path.realpath(folder)
        self._named = tuple(os.path.realpath(r) for r in named_roots())
        self.allowed = (self._root, *self._named)

    def _list(self) -> list[str]:
        names: list[str] = []
        odd: list[str] = []
        listed = {self._root}
        waiting = [(self._root, "")]
        while waiting:
            folder, prefix = waiting.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError as e:
                odd.append(f"{prefix or '.'} cannot be listed ({e.strerror}).")
                continue
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                name = prefix + entry.name
                if not is_text(name):  # no table can name it, and nothing can show it
                    odd.append(
                        f"{os.fsencode(name).decode(errors='backslashreplace')} is not named in UTF-8; rename it."
                    )
                    continue
                linked = entry.is_symlink()
                real = os.path.realpath(entry.path) if linked else entry.path
                try:
                    is_folder = entry.is_dir()
                except OSError as e:  # such as a link that leads to itself
                    odd.append(f"{name} cannot be followed ({e.strerror}).")
                    continue
                if linked and not is_below(real, self.allowed or ()):
                    odd.append(f"{name} is a link that leads outside the dataset; {HOW}.")
                elif not is_folder:
                    names.append(name)
                elif name.count("/") >= DEEPEST_FOLDER:
                    odd.append(f"{name} is a folder more than {DEEPEST_FOLDER} deep.")
                elif linked and (is_below(real, (self._root,)) or real in listed):
                    odd.append(f"{name} is a link to a folder that is read under its own name.")
                else:
                    listed.add(real)
                    waiting.append((real, name + "/"))
        self.passed_over = tuple(sorted(odd))
        return names

    def _path(self, name: str) -> str:
        # Not taken from the listing: a study opened from its index has none, and must not list a million files for it.
        if not name or name.startswith("/") or "\0" in name or ".." in name.split("/"):
            raise DatasetError("lies outside the dataset.", file=name)
        return f"{self.location}/{name}"


class GivenFiles(_OnDisk):
    """Single files, without others of their folders: name → path.

    ``allowed`` are the resolved folders that must hold them; None, for files that the user named, allows every
    location.
    """

    def __init__(self, location: Path, paths: Mapping[str, Path], allowed: Sequence[str] | None = None):
        self.location, self._paths = location, dict(paths)
        self.allowed = None if allowed is None else tuple(allowed)

    def _list(self) -> list[str]:
        return list(self._paths)

    def _path(self, name: str) -> Path:
        if name not in self._paths:
            raise DatasetError("no such file in the dataset.", file=name)
        return self._paths[name]


def inside(files: Files) -> Iterator[Files]:
    """The files, then those of the only folder in them, and so on."""
    for _ in range(DEEPEST):
        yield files
        folders = {n.split("/", 1)[0] for n in files.names if "/" in n}
        if len(folders) != 1 or any("/" not in n for n in files.images):
            return
        files = files.inside(folders.pop())


def uppermost(files: Files, endings: Collection[str], but: Collection[str] = ()) -> list[str]:
    """The files of these endings at the top of the dataset; if there are none, the first of those in folders.

    A single folder is looked into by itself (:func:`inside`). Files called as one of ``but`` do not count.
    """
    names = [n for n in files.others if suffix(n) in endings and n.rsplit("/", 1)[-1] not in but]
    top = [n for n in names if "/" not in n]
    if top or not names or len({n.split("/", 1)[0] for n in files.names}) == 1:
        return top
    return [n for n in names if n.count("/") <= DEEPEST][:MOST_IN_FOLDERS]
