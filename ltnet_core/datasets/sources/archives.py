"""Open a dataset: a folder, a zip, a tar or one file. Of other archives the error says what to do."""

from __future__ import annotations

import io
import os
import re
import tarfile
import weakref
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ...errors import DatasetError
from .files import MAX_FILE_BYTES, WORKBOOKS, Files, FolderFiles, GivenFiles, is_hidden, suffix, version_of
from .memory import require_memory
from .roots import expanded, open_regular, require_below
from .zip_files import ZipFiles

MOST_MEMBERS, LONGEST_HEADER = 2_000_000, 1024**2
LONG_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
# First bytes of a file, and its type.
MARKS = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
)
PART = re.compile(r"\.(?:z\d\d|r\d\d|\d{3})$|\.part\d+\.rar$", re.IGNORECASE)


def refuse(path: Path) -> None:
    """Raise for an archive of a type that is not read, or for one part of a split archive.

    Raises
    ------
    DatasetError
    """
    if PART.search(path.name):
        raise DatasetError(
            "is one part of a split archive; join the parts or unpack them first, and give the folder.", file=path.name
        )
    try:
        with open(path, "rb") as f:
            head = f.read(8)
    except OSError as e:
        raise DatasetError(f"cannot be read ({e.strerror}).", file=path.name) from e
    kind = next((k for mark, k in MARKS if head.startswith(mark)), None)
    if kind is not None:
        if path.name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")):
            kind = "a compressed tar archive"
        raise DatasetError(f"is {kind}, which is not read in place; unpack it, or make a zip of it.", file=path.name)


def is_tar(path: Path) -> bool:
    """Whether a file is a tar archive that is not compressed."""
    try:
        with open(path, "rb") as f:
            f.seek(257)
            return f.read(5) == b"ustar" or (path.suffix.lower() == ".tar" and tarfile.is_tarfile(path))
    except OSError:
        return False


class _Entry(tarfile.TarInfo):
    """An entry of a tar; a header that is longer than any name is an error."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in LONG_HEADERS and self.size > LONGEST_HEADER:
            raise tarfile.HeaderError(f"a header of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]


class TarFiles(Files):
    """A tar archive, read in place: nothing is ever extracted, and links in it are not followed."""

    def __init__(self, archive: Path, allowed: Sequence[str] | None = None):
        self.location = archive
        self._file = io.FileIO(open_regular(archive, allowed, archive.name))
        weakref.finalize(self, self._file.close)
        self._positions: dict[str, tuple[int, int]] = {}
        odd = []
        try:
            with tarfile.open(fileobj=self._file, mode="r:", tarinfo=_Entry) as tar:
                for n, entry in enumerate(tar):
                    if n >= MOST_MEMBERS:
                        raise DatasetError(f"holds more than {MOST_MEMBERS:,} entries.", file=archive.name)
                    name = entry.name.replace("\\", "/").removeprefix("./")
                    if entry.isdir() or is_hidden(name.replace("../", "")):
                        continue
                    if not entry.isreg() or entry.sparse is not None:
                        odd.append(f"{name!r} is a link or no plain file; it is not followed.")
                    elif name.startswith("/") or ".." in name.split("/") or name[1:3] == ":/":
                        odd.append(f"{name!r} leads outside the archive.")
                    else:
                        if name in self._positions:
                            odd.append(f"{name!r} occurs twice; the last one counts.")
                        self._positions[name] = (entry.offset_data, entry.size)
        except (tarfile.TarError, OSError, ValueError, EOFError, RecursionError) as e:
            self._file.close()
            raise DatasetError(f"is not a readable tar archive ({e}).", file=archive.name) from e
        self.passed_over = tuple(odd)

    def _list(self) -> list[str]:
        return list(self._positions)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        size = self.size(name)
        if size > limit:
            raise DatasetError(f"is larger than {limit:,} bytes.", file=name)
        return self.head(name, size)

    def head(self, name: str, size: int) -> bytes:
        offset, length = self._position(name)
        wanted = min(size, length)
        require_memory(wanted, name)
        try:
            data = os.pread(self._file.fileno(), wanted, offset)
        except OSError as e:
            raise DatasetError(f"cannot be read ({e.strerror}).", file=name) from e
        if len(data) < wanted:
            raise DatasetError("is cut off; the archive is damaged.", file=name)
        return data

    def size(self, name: str) -> int:
        return self._position(name)[1]

    def stamp(self, name: str) -> tuple[int, ...]:
        return *version_of(os.fstat(self._file.fileno())), *self._position(name)

    def _position(self, name: str) -> tuple[int, int]:
        """Offset and length of a file in the archive, in bytes."""
        position = self._positions.get(name)
        if position is None:
            raise DatasetError("no such file in the archive.", file=name)
        return position


def open_files(location: str | os.PathLike[str], roots: Sequence[Path] | None = None) -> Files:
    """Open a folder, a ``.zip``, a ``.tar`` or one file.

    ``roots`` are the folders that must hold it, now and whenever it is read; None allows every location.

    Raises
    ------
    DatasetError
        nothing is there, it lies outside ``roots``, or it is an archive of a type that is not read.
    """
    path = expanded(location)
    allowed = None
    if roots is not None:
        path = require_below(path, roots)
        allowed = [os.path.realpath(r) for r in roots]
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as e:  # such as a name that is too long
        raise DatasetError(f"cannot be opened ({e.strerror}).", file=str(location)) from e
    if is_folder:
        return FolderFiles(path)
    if not is_file:
        what = "does not exist"
        if os.path.lexists(path):
            what = "is a link that leads nowhere" if path.is_symlink() else "is neither a file nor a folder"
        raise DatasetError(f"{what}; give a dataset folder, a .zip of one or a table of labels.", file=str(location))
    if path.suffix.lower() == ".zip":
        return ZipFiles(path, allowed)
    refuse(path)
    if is_tar(path):
        return TarFiles(path, allowed)
    if suffix(path.name) not in WORKBOOKS and zipfile.is_zipfile(path):
        return ZipFiles(path, allowed)
    return GivenFiles(path, {path.name: path}, allowed)
