"""Where a dataset's files come from: a folder or a zip, read the same way and never written."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from pathlib import Path

from ..errors import DatasetError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})
MAX_FILE_BYTES = 2 * 1024**3
MAX_IMAGE_BYTES = 256 * 1024**2


def is_image_name(name: str) -> bool:
    """Whether the name ends like an image's."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def dataset_root(names: list[str]) -> str:
    """Folder of an archive in which the dataset lies: "" or a prefix that ends in a slash.

    People zip the folder itself as often as its content. The dataset lies where the
    uppermost annotations.csv is; without one, below the only top folder if that holds
    source/class/image.
    """
    tables = [n for n in names if n.rsplit("/", 1)[-1] == "annotations.csv"]
    if tables:
        return min(tables, key=lambda n: (n.count("/"), n))[: -len("annotations.csv")]
    tops = {n.split("/", 1)[0] for n in names}
    if len(tops) == 1 and names and all(n.count("/") >= 3 for n in names if is_image_name(n)):
        return tops.pop() + "/"
    return ""


class Files(ABC):
    """The files of one dataset. ``names`` are sorted, relative, with forward slashes."""

    location: Path
    names: list[str]

    @abstractmethod
    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """The content of one file.

        Raises
        ------
        DatasetError
            the file cannot be read or is larger than ``limit`` bytes.
        """

    def __contains__(self, name: object) -> bool:
        return name in self._set

    def _index(self, names: list[str]) -> None:
        self.names = sorted(names)
        self._set = frozenset(names)


class FolderFiles(Files):
    """A folder on disk. Hidden files are passed over; links to folders are not followed."""

    def __init__(self, folder: Path):
        self.location = folder
        names = []
        for base, folders, files in os.walk(folder):
            folders[:] = sorted(f for f in folders if not _hidden(f))
            below = os.path.relpath(base, folder).replace(os.sep, "/")
            prefix = "" if below == "." else below + "/"
            names += [prefix + f for f in files if not _hidden(f)]
        self._index(names)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        if name not in self:
            raise DatasetError("no such file in the dataset.", file=name)
        try:
            with open(self.location / name, "rb") as f:
                if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                    raise DatasetError("is not a regular file.", file=name)
                data = f.read(limit + 1)
        except OSError as e:
            raise DatasetError(f"cannot be read ({e.strerror}).", file=name) from e
        if len(data) > limit:
            raise DatasetError(f"is larger than {limit:,} bytes.", file=name)
        return data


class ZipFiles(Files):
    """A zip archive, read in place: nothing is ever extracted, so no entry can land outside."""

    def __init__(self, archive: Path):
        self.location = archive
        try:
            self._zip = zipfile.ZipFile(archive)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
            raise DatasetError(f"is not a readable zip archive ({e}).", file=archive.name) from e
        entries = {i.filename.replace("\\", "/"): i for i in self._zip.infolist() if not i.is_dir()}
        entries = {n: i for n, i in entries.items() if not _hidden(n)}
        prefix = dataset_root(list(entries))
        entries = {n: i for n, i in entries.items() if n.startswith(prefix)}
        self._entries = {n[len(prefix) :]: i for n, i in entries.items()}
        self._index(list(self._entries))

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise DatasetError("no such file in the archive.", file=name)
        if entry.file_size > limit:
            raise DatasetError(f"unpacks to {entry.file_size:,} bytes, more than {limit:,}.", file=name)
        try:
            with self._zip.open(entry) as f:
                data = f.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, NotImplementedError) as e:
            raise DatasetError(f"cannot be unpacked ({e}).", file=name) from e
        if len(data) > limit:
            raise DatasetError(f"unpacks to more than {limit:,} bytes.", file=name)
        return data


def open_files(location: str | os.PathLike[str]) -> Files:
    """Open a folder or a ``.zip``.

    Raises
    ------
    DatasetError
        there is nothing there, or it is neither.
    """
    path = Path(location).expanduser()
    if path.is_dir():
        return FolderFiles(path)
    if path.is_file():
        if path.suffix.lower() != ".zip" and not zipfile.is_zipfile(path):
            raise DatasetError("is a single file; give a dataset folder or a .zip of one.", file=str(location))
        return ZipFiles(path)
    raise DatasetError("does not exist; give a dataset folder or a .zip of one.", file=str(location))
