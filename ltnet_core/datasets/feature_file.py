"""A file of features: one vector for each image, computed by any network, read a part at a time.

::

    features.parquet   a column of image names, and columns of floats or one column of lists of floats
    features.npy       (M, D) floats; the names of its rows are the lines of features.txt beside it
    features.npz       names (M,) text and features (M, D) floats

Nothing in it is ever unpickled.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..errors import DatasetError
from .feature_columns import FeatureColumns
from .names.image_names import match_names
from .sources.array_file import array_of
from .sources.files import suffix
from .sources.roots import open_regular

SUFFIXES = (".parquet", ".npy", ".npz")
MOST_DIMENSIONS = 65_536
PART_BYTES = 64 * 2**20
MOST_NAME_BYTES = 2 * 2**30
EXAMPLES = 3

Vectors = NDArray[np.float32]
Part = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class FeatureFile:
    """Features of an opened file: names and shape are checked, values are checked when they are read.

    Attributes
    ----------
    path : of the file. names : M names of images, no two alike. dimensions : D features of each.
    """

    path: Path
    names: list[str]
    dimensions: int
    _parts: Callable[[], Iterator[Part]]

    def parts(self) -> Iterator[Vectors]:
        """The vectors in the order of ``names``, (≤ rows of a part, D) at a time.

        Raises
        ------
        DatasetError
            a value is not a finite number of 32 bits, or the file is damaged.
        """
        done = 0
        for part in self._parts():
            with np.errstate(over="ignore"):
                vectors = np.ascontiguousarray(part, dtype=np.float32)
            wrong = ~np.isfinite(vectors)
            if wrong.any():
                row, column = np.argwhere(wrong)[0]
                raise DatasetError(
                    f"feature {column + 1} of {self.names[done + row]!r} is {part[row, column]}; features are finite "
                    "numbers of 32 bits.",
                    file=str(self.path),
                    row=done + int(row) + 1,
                )
            yield vectors
            done += len(vectors)
        if done != len(self.names):
            raise DatasetError(f"ends after {done:,} of {len(self.names):,} vectors.", file=str(self.path))


@dataclass(frozen=True)
class Matched:
    """Which row of a file belongs to which item.

    Attributes
    ----------
    item : (M,) index of each row's item; −1 where the dataset has no such image. missing : items without features.
    strangers : names of rows that are no item.
    """

    item: NDArray[np.int64]
    missing: tuple[str, ...]
    strangers: tuple[str, ...]


def open_features(path: Path) -> FeatureFile:
    """Open a file of features and check its names and its shape.

    Raises
    ------
    DatasetError
    """
    open_ = {".parquet": _open_parquet, ".npy": _open_npy, ".npz": _open_npz}.get(suffix(path.name))
    if open_ is None:
        raise DatasetError("is no file of features; give .parquet, .npy or .npz.", file=str(path))
    os.close(open_regular(path, None, str(path)))
    with _understood(path):
        file = open_(path)
    _require_names(file)
    return file


def match_items(file: FeatureFile, items: Sequence[str]) -> Matched:
    """Match the names of a file with the images of a dataset, as tables of labels are matched.

    Raises
    ------
    DatasetError
        no name is an image of the dataset, or two names are the same one.
    """
    matched = match_names(file.names, items).images
    places = {name: i for i, name in enumerate(items)}
    item = np.asarray([places.get(name, -1) for name in matched], dtype=np.int64)
    known = item >= 0
    if not known.any():
        raise DatasetError(
            f"none of its {len(file.names):,} names is an image of the dataset: it has {_some(file.names)}, the "
            f"dataset {_some(items)}.",
            file=str(file.path),
        )
    first: dict[int, str] = {}
    for name, i in zip(file.names, item.tolist(), strict=True):
        if i in first:
            raise DatasetError(
                f"the names {first[i]!r} and {name!r} are both the image {items[i]!r}; leave one of them out.",
                file=str(file.path),
            )
        if i >= 0:
            first[i] = name
    bare = np.ones(len(items), dtype=np.bool_)
    bare[item[known]] = False
    strangers = tuple(file.names[r] for r in np.flatnonzero(~known))
    return Matched(item, tuple(items[i] for i in np.flatnonzero(bare).tolist()), strangers)


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:EXAMPLES])) + (", …" if len(names) > EXAMPLES else "")


def _require_names(file: FeatureFile) -> None:
    """Raise unless there are vectors, each with a name of its own."""
    where = str(file.path)
    if not file.names:
        raise DatasetError("holds no features.", file=where)
    if not 1 <= file.dimensions <= MOST_DIMENSIONS:
        raise DatasetError(f"has {file.dimensions:,} features a vector, not 1 to {MOST_DIMENSIONS:,}.", file=where)
    rows: dict[str, int] = {}
    for row, name in enumerate(file.names, 1):
        if not name:
            raise DatasetError("has no image name.", file=where, row=row)
        if name in rows:
            raise DatasetError(f"names {name!r} a second time, after row {rows[name]:,}.", file=where, row=row)
        rows[name] = row


@contextmanager
def _understood(path: Path) -> Iterator[None]:
    """Raise a DatasetError that names the file for whatever a library raises because it is damaged.

    Raises
    ------
    DatasetError
    """
    try:
        yield
    except DatasetError:
        raise
    except MemoryError as e:
        raise DatasetError("is too large for the memory of this machine.", file=str(path)) from e
    except Exception as e:  # damaged headers raise whatever the parsers raise
        reason = str(e).strip().splitlines()[0][:200] if str(e).strip() else type(e).__name__
        raise DatasetError(f"is not a readable file of features ({reason.rstrip('.')}).", file=str(path)) from e


# ---- Parquet


def _open_parquet(path: Path) -> FeatureFile:
    with pq.ParquetFile(path) as file:
        columns = FeatureColumns.of(file, path)
    # A text that stands in many rows is read once: a small file could otherwise fill the memory.
    with pq.ParquetFile(path, read_dictionary=[columns.name]) as file:
        names = columns.names(file)

    def parts() -> Iterator[Part]:
        with _understood(path), pq.ParquetFile(path) as again:
            yield from columns.parts(again, max(PART_BYTES // (8 * columns.dimensions), 1))

    return FeatureFile(path, names, columns.dimensions, parts)


# ---- NumPy


@contextmanager
def _as_stream(path: Path) -> Iterator[IO[bytes]]:
    with open(path, "rb") as f:
        yield f


def _open_npy(path: Path) -> FeatureFile:
    beside = path.with_suffix(".txt")
    if not beside.is_file():
        raise DatasetError(f"needs the names of its rows in {beside.name!r} beside it, one a line.", file=str(path))
    if beside.stat().st_size > MOST_NAME_BYTES:
        raise DatasetError("is too large for a list of names.", file=str(beside))
    try:
        names = beside.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as e:
        raise DatasetError("is not UTF-8 text; save it as UTF-8.", file=str(beside)) from e
    names = [name.removesuffix("\r") for name in names]
    names = names[:-1] if names[-1] == "" else names
    return _array_file(path, names, f"{beside.name!r}", lambda: _as_stream(path), path.stat().st_size)


def _open_npz(path: Path) -> FeatureFile:
    with zipfile.ZipFile(path) as archive:
        sizes = {i.filename: i.file_size for i in archive.infolist()}
        for name in ("names.npy", "features.npy"):
            if name not in sizes:
                has = ", ".join(sorted(n.removesuffix(".npy") for n in sizes)[:EXAMPLES]) or "nothing"
                raise DatasetError(f"has no array {name.removesuffix('.npy')!r}; it has {has}.", file=str(path))
        if sizes["names.npy"] > MOST_NAME_BYTES:
            raise DatasetError("its names are too large.", file=str(path))
        array = array_of(archive.read("names.npy"), f"{path}: names")
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DatasetError(
            "its names are not one list of text; save them as np.array(names, dtype=str).", file=str(path)
        )
    names = [n.decode() if isinstance(n, bytes) else n for n in array.tolist()]

    @contextmanager
    def stream() -> Iterator[IO[bytes]]:
        with zipfile.ZipFile(path) as archive, archive.open("features.npy") as f:
            yield f

    return _array_file(path, names, "names", stream, sizes["features.npy"])


def _array_file(path: Path, names: list[str], names_from: str, stream: Callable[[], Any], size: int) -> FeatureFile:
    """The features of one array of ``size`` bytes, its header included."""
    with stream() as f:
        shape, by_columns, kind = _header(f)
        start = f.tell()
    if kind.kind != "f":
        raise DatasetError(f"holds {kind}, expected floats.", file=str(path))
    if len(shape) != 2:
        text = " × ".join(map(str, shape)) or "a single value"
        raise DatasetError(f"has the shape {text}, expected images × features.", file=str(path))
    if by_columns and min(shape) > 1:
        raise DatasetError("is stored column by column; save np.ascontiguousarray(features) instead.", file=str(path))
    rows, dimensions = shape
    if rows != len(names):
        raise DatasetError(f"has {rows:,} vectors for {len(names):,} names in {names_from}.", file=str(path))
    if start + rows * dimensions * kind.itemsize > size:
        raise DatasetError(f"is shorter than its {rows:,} × {dimensions:,} features.", file=str(path))

    def parts() -> Iterator[Part]:
        at_once = max(PART_BYTES // max(dimensions * kind.itemsize, 1), 1)
        with _understood(path), stream() as f:
            f.read(start)
            for first in range(0, rows, at_once):
                count = min(at_once, rows - first) * dimensions
                data = f.read(count * kind.itemsize)
                yield np.frombuffer(data, dtype=kind, count=count).reshape(-1, dimensions)

    return FeatureFile(path, names, dimensions, parts)


def _header(f: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether it is stored by columns, and type."""
    version = np.lib.format.read_magic(f)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, kind = read(f)
    if kind.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    if any(n < 0 for n in shape) or math.prod(shape) > 2**62:
        raise ValueError(f"its shape {shape} cannot be")
    return shape, by_columns, kind
