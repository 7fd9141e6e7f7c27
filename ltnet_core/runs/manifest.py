"""The manifest of a run: written last, with the size and the digest of every file that must not change any more."""

from __future__ import annotations

import hashlib
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from ..files.reading import damaged, read_json, reading, require_file, version
from ..files.shapes import mismatch
from ..files.writing import amount, write_json

NAME = "manifest.json"
LARGEST = 2**63 - 1  # bytes that a file can have
KEPT = ("spec.json", "adjudications.csv")  # besides the results


class Entry(TypedDict):
    """Size and digest of a file when it was written."""

    size: int
    blake2b: str


def entry(path: Path) -> Entry:
    """Size and digest of a file.

    Raises
    ------
    DamageError
    """
    status = require_file(path)
    return {"size": status.st_size, "blake2b": _digest(path, status)}


def write_manifest(folder: Path) -> None:
    """Write the manifest: the results in the run's folder are complete."""
    files = [folder / name for name in KEPT if (folder / name).is_file()]
    files += sorted(p for p in (folder / "results").rglob("*") if p.is_file() and not p.name.startswith("."))
    entries = {p.relative_to(folder).as_posix(): entry(p) for p in files}
    write_json(folder / NAME, {"complete": True, "time": time.time(), "files": entries})


def read_manifest(folder: Path) -> dict[str, Entry] | None:
    """Path below the folder → entry; None of a run from before there were digests.

    Raises
    ------
    DamageError
        the manifest is missing or damaged.
    """
    path = folder / NAME
    return _entries(path, version(require_file(path)))


@lru_cache(maxsize=64)
def _entries(path: Path, of: tuple[int, ...]) -> dict[str, Entry] | None:
    content = read_json(path)
    if content.get("complete") is not True:
        raise damaged(path, "it does not say that the run is complete")
    if "files" not in content:
        return None
    if (wrong := mismatch(content["files"], dict[str, Entry])) is not None:
        raise damaged(path, wrong)
    files: dict[str, Entry] = content["files"]
    for name, one in files.items():
        if not 0 <= one["size"] <= LARGEST:
            raise damaged(path, f"the size of {name!r} is none that a file has")
    return files


def require_size(folder: Path, name: str, expected: Entry) -> os.stat_result:
    """Raise unless a file is there and as large as it was; reads nothing of it.

    Raises
    ------
    DamageError
    """
    status = require_file(folder / name)
    if status.st_size != expected["size"]:
        sizes = f"it has {amount(status.st_size)}, the run wrote {amount(expected['size'])}"
        if amount(status.st_size) == amount(expected["size"]):
            sizes = f"it has {status.st_size:,} bytes, the run wrote {expected['size']:,}"
        raise damaged(folder / name, sizes)
    return status


def require_unchanged(folder: Path, name: str, expected: Entry) -> None:
    """Raise unless a file is byte for byte what was written; it is read once for every version of it.

    Raises
    ------
    DamageError
    """
    status = require_size(folder, name, expected)
    if _digest(folder / name, status) != expected["blake2b"]:
        raise damaged(folder / name, "its content is not what the run wrote")


def _digest(path: Path, status: os.stat_result) -> str:
    return _digest_of(path, version(status))


@lru_cache(maxsize=1024)
def _digest_of(path: Path, of: tuple[int, ...]) -> str:
    with reading(path), open(path, "rb") as f:
        return hashlib.file_digest(f, lambda: hashlib.blake2b(digest_size=32)).hexdigest()
