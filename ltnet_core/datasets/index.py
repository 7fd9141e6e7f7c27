"""A large study, read once and kept as columns on disk, so that it opens again at once.

::

    LTNET_CACHE, or XDG_CACHE_HOME/ltnet-studio, or ~/.cache/ltnet-studio
      index/<digest of place, format and corrections>/
        study.json            names, format, reading, problems, the stamps of the files it was read from, digests of
                              these here
        items.parquet         image, truth, test_set: N rows
        entries.parquet       item, coder, label, count: M rows
        problem-<i>.parquet   the full list of a problem

It is a copy: deleting it loses nothing. It counts only while every folder of the dataset
and every file that is no image has the size and the time of change it had when it was read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from ..annotations import AnnotationTable
from .corrections import NOTHING, Corrections
from .dataset_reading import DatasetReading
from .left_out import Without
from .sources.files import Below, Files, FolderFiles, GivenFiles, is_image_name
from .sources.roots import expanded, named_roots
from .sources.zip_files import ZipFiles
from .study import Problem, Study

VERSION = 6
SMALLEST = 50_000
MOST_STAMPS = 20_000
SETTLED_NS = 2_000_000_000


def cache_folder() -> Path:
    """The folder of copies, which can be made again."""
    folder = os.environ.get("LTNET_CACHE")
    if folder:
        return expanded(folder).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return expanded(base).absolute() / "ltnet-studio"


def _folder_of(location: Path, format: str | None, corrections: Corrections) -> Path:
    # What links may lead to is part of what was read.
    parts = [VERSION, str(location.resolve()), format, corrections.to_json(), *map(str, named_roots())]
    key = json.dumps(parts, sort_keys=True)
    return cache_folder() / "index" / hashlib.sha256(key.encode()).hexdigest()[:24]


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_mtime_ns, status.st_size]


def _stamps(files: Files) -> dict[str, list[int]] | None:
    """Path → time of change and size of all that a reader reads; None where there are too many paths to check."""
    if files.location.is_file():
        return {str(files.location): _stamp(files.location)}
    paths = {files.location}
    # A circle of links ends with more paths than are looked at.
    for base, _, names in os.walk(files.location, followlinks=bool(named_roots())):
        paths.add(Path(base))
        paths.update(Path(base, n) for n in names if not is_image_name(n))
        if len(paths) > MOST_STAMPS:
            return None
    return {str(p): _stamp(p) for p in paths}


def save(study: Study, location: Path, format: str | None, corrections: Corrections = NOTHING) -> None:
    """Keep a study that is large, and whose files can be checked for changes later.

    Where the cache cannot be written, nothing is kept and nothing fails: the study can always be read anew.
    """
    table = study.table
    plain = isinstance(study.files, FolderFiles | ZipFiles | GivenFiles | Below | Without)
    if not plain or study.format == "joined" or len(table) + len(table.items) < SMALLEST:
        return
    try:
        stamps = _stamps(study.files)
        if stamps is None or max(s[0] for s in stamps.values()) > time.time_ns() - SETTLED_NS:
            return  # a file may change again within the resolution of its time of change
        folder = _folder_of(location, format, corrections)
        partial = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
        partial.mkdir(parents=True)
        try:
            _write(study, partial, stamps)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError:
        return


def _write(study: Study, folder: Path, stamps: dict[str, list[int]]) -> None:
    table = study.table
    items = {"image": table.items.tolist(), "truth": study.truth, "test_set": study.test_set.tolist()}
    pa.parquet.write_table(pa.table(items), folder / "items.parquet", compression="zstd")
    entries = {"item": table.item, "coder": table.coder, "label": table.label, "count": table.count}
    pa.parquet.write_table(pa.table(entries), folder / "entries.parquet", compression="zstd")
    for i, problem in enumerate(study.problems):
        if problem.listing is not None:
            listing = problem.listing.astype(object).where(problem.listing.notna(), None)
            columns = {c: [None if v is None else str(v) for v in listing[c]] for c in listing}
            pa.parquet.write_table(pa.table(columns), folder / f"problem-{i}.parquet", compression="zstd")
    about: dict[str, Any] = {
        "stamps": stamps,
        "name": study.name,
        "format": study.format,
        "why": study.why,
        "below": study.files.below,
        "coders": table.coders,
        "classes": table.classes,
        "codes": study.codes,
        "planted": {c: t.tolist() for c, t in study.planted.items()},
        "problems": [p.to_json() for p in study.problems],
        "has_images": study.has_images,
        "reading": study.reading.to_json(),
        "questions": [q.to_json() for q in study.reading.questions],
    }
    text = json.dumps(about)
    digests = {p.name: _digest(p) for p in sorted(folder.glob("*.parquet"))}
    (folder / "study.json").write_text(json.dumps([text, _hash(text.encode()), digests]), encoding="utf-8")


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()


def _digest(path: Path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def _sound(folder: Path) -> dict[str, Any]:
    """The content of ``study.json`` of a copy, checked.

    Raises
    ------
    OSError, ValueError, TypeError
        a file of it is damaged or missing.
    """
    names = [p.name for p in folder.iterdir() if not p.is_file()]
    if names:  # a pipe would block whoever opens it
        raise ValueError(f"{names[0]} is no file")
    text, digest, digests = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    if _hash(text.encode()) != digest or any(_digest(folder / name) != d for name, d in digests.items()):
        raise ValueError("a file is not what was written")
    about: dict[str, Any] = json.loads(text)
    return about


def load(files: Files, location: Path, format: str | None, corrections: Corrections = NOTHING) -> Study | None:
    """The study as it was kept; None where there is none, or a file has changed since."""
    folder = _folder_of(location, format, corrections)
    try:
        about = _sound(folder)
        if any(_stamp(Path(p)) != s for p, s in about["stamps"].items()):
            return None
        items = pa.parquet.read_table(folder / "items.parquet")
        entries = pa.parquet.read_table(folder / "entries.parquet")
        for part in filter(None, about["below"].split("/")):
            files = files.inside(part)
        table = AnnotationTable.trusted(
            np.asarray(items.column("image").to_pylist(), dtype=object),
            tuple(about["coders"]),
            tuple(about["classes"]),
            *(entries.column(c).to_numpy() for c in ("item", "coder", "label", "count")),
        )
        sets = items.column("test_set").combine_chunks().dictionary_encode()
        names = np.asarray(sets.dictionary.to_pylist(), dtype=object)
        return Study(
            about["name"],
            about["format"],
            files,
            table,
            tuple(about["codes"]),
            items.column("truth").to_numpy(),
            names[sets.indices.to_numpy()],
            {c: np.asarray(t, dtype=np.float64) for c, t in about["planted"].items()},
            tuple(
                Problem(p["kind"], p["count"], tuple(p["examples"]), p["level"], _listing(folder, i))
                for i, p in enumerate(about["problems"])
            ),
            about["why"],
            about["has_images"],
            DatasetReading.from_json(about["reading"], about["questions"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, pa.ArrowException):
        return None  # a copy that is damaged or of another version is made again


def _listing(folder: Path, number: int) -> pd.DataFrame | None:
    with contextlib.suppress(FileNotFoundError):
        return pd.read_parquet(folder / f"problem-{number}.parquet").fillna("").astype(object)
    return None
