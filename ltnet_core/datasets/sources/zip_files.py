"""A zip archive, read in place."""

from __future__ import annotations

import io
import lzma
import os
import stat
import struct
import weakref
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from ...errors import DatasetError
from .entry_names import entry_name, forward
from .files import MAX_FILE_BYTES, Files, is_hidden, version_of
from .memory import require_memory
from .roots import open_regular

# Deflate packs a table five to twenty times; what unpacks to hundreds of times its size was made to fill the memory.
BOMB_BYTES, BOMB_RATIO = 64 * 1024**2, 200
# The list of files of a zip is read as a whole; an entry takes at least 46 bytes there, and 600 in memory.
MAX_ENTRIES = 2_000_000  # as many files as one upload may have
ENCRYPTED = 1  # of the flags of an entry
BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    OverflowError,
    MemoryError,
    RuntimeError,
)
ENTRY, ENTRY_BYTES = b"PK\x01\x02", 46


class _Archive(io.BufferedReader):
    """A zip archive whose list of files is not longer than can be kept."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if len(data) > MAX_ENTRIES * ENTRY_BYTES and data.count(ENTRY) > MAX_ENTRIES:
            raise zipfile.BadZipFile(f"it lists more than {MAX_ENTRIES:,} files")
        return data


class ZipFiles(Files):
    """A zip archive, read in place: nothing is ever extracted, so no entry can land outside."""

    def __init__(self, archive: Path, allowed: Sequence[str] | None = None):
        self.location = archive
        opened = io.FileIO(open_regular(archive, allowed, archive.name))
        # A ZipFile closes only what it opened itself, and among objects that refer to each other a file may go first.
        weakref.finalize(self, opened.close)
        try:
            self._version = version_of(os.fstat(opened.fileno()))
            self._zip = zipfile.ZipFile(_Archive(opened))
        except BAD_ZIP as e:
            opened.close()
            raise DatasetError(f"is not a readable zip archive ({e}).", file=archive.name) from e
        self._entries: dict[str, zipfile.ZipInfo] = {}
        odd = []
        entries = self._zip.infolist()
        slashes = any("/" in e.filename for e in entries)
        for entry in entries:
            name = forward(entry_name(entry.filename, bool(entry.flag_bits & 0x800)), slashes)
            while name.startswith("./"):
                name = name[2:]
            if not name or name.endswith("/") or is_hidden(name.replace("../", "")):
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                odd.append(f"{name!r} is a link; links in archives are not followed.")
            elif name.startswith("/") or ".." in name.split("/") or name[1:3] == ":/":
                odd.append(f"{name!r} leads outside the archive.")
            else:
                if name in self._entries:
                    odd.append(f"{name!r} occurs twice; the last one counts.")
                self._entries[name] = entry
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

    def size(self, name: str) -> int:
        return self._entry(name).file_size

    def stamp(self, name: str) -> tuple[int, ...]:
        entry = self._entry(name)
        return *self._version, entry.file_size, entry.CRC, entry.header_offset

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = self._entries.get(name)
        if entry is None:
            raise DatasetError("no such file in the archive.", file=name)
        return entry

    def _bytes(self, name: str, size: int, limit: int) -> bytes:
        entry = self._entry(name)
        if entry.file_size > limit:
            raise DatasetError(f"unpacks to {entry.file_size:,} bytes, more than {limit:,}.", file=name)
        if entry.file_size > BOMB_BYTES and entry.file_size > BOMB_RATIO * max(entry.compress_size, 1):
            packed = f"{entry.compress_size:,} bytes that unpack to {entry.file_size:,}"
            raise DatasetError(f"is {packed}; that is no image and no table.", file=name)
        if entry.flag_bits & ENCRYPTED:
            raise DatasetError("is encrypted; unpack the archive with its password and give the folder.", file=name)
        require_memory(min(size, entry.file_size), name)
        try:
            with self._zip.open(entry) as f:
                return f.read(size)
        except BAD_ZIP as e:
            raise DatasetError(f"cannot be unpacked ({e}).", file=name) from e
