"""Parquet files of a run: columns of numbers and codes, in groups of rows so that one row is read fast."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .reading import damaged, reading
from .writing import replacing

FloatArray = NDArray[np.float64]

ROW_GROUP = 65_536  # rows that are read at once, when one of them is asked for
READ_ROWS = 16_384  # rows that are read at once, when many of them are
TEXT = pa.large_string()  # the type that pandas keeps as it is


def write_parquet(columns: Mapping[str, Any], path: Path, coded: Collection[str]) -> None:
    """Write columns of one length; those named in ``coded`` have few different values.

    Raises
    ------
    StorageError
    """
    with replacing(path) as partial:
        pq.write_table(pa.table(dict(columns)), partial, row_group_size=ROW_GROUP, use_dictionary=[*coded])
    pa.default_memory_pool().release_unused()


def write_tables(tables: Iterable[pa.Table], path: Path) -> None:
    """Write tables of the same columns one below the other, each when it is there: a large file needs little memory.

    Raises
    ------
    StorageError
    """
    with replacing(path) as partial, contextlib.ExitStack() as open_file:
        writer = None
        for table in tables:
            if writer is None:
                writer = open_file.enter_context(pq.ParquetWriter(partial, table.schema))
            writer.write_table(table)


def read_codes(path: Path, table: pa.Table, column: str, low: int, high: int) -> NDArray[Any]:
    """A column of whole numbers from ``low`` to below ``high``.

    Raises
    ------
    DamageError
    """
    codes: NDArray[Any] = table.column(column).to_numpy()
    if codes.dtype.kind not in "iu" or (len(codes) and not low <= codes.min() <= codes.max() < high):
        raise damaged(path, f"column {column!r} must hold whole numbers from {low} to {high - 1}")
    return codes


def read_texts(path: Path, column: Any) -> pa.Array:
    """The names of the images, as one array of type ``TEXT``.

    Raises
    ------
    DamageError
    """
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or column.null_count:
        raise damaged(path, "column 'image' must hold the name of every image")
    return pa.concat_arrays(column.cast(TEXT).chunks) if column.num_chunks else pa.array([], TEXT)


def read_row(path: Path, columns: Sequence[str], row: int, rows: int) -> FloatArray:
    """(len(columns),) numbers of one row of ``rows``; reads only the group of rows it is in.

    Raises
    ------
    DamageError
    """
    with reading(path), pq.ParquetFile(path) as file:
        if file.metadata.num_rows != rows:
            raise damaged(path, f"it has {file.metadata.num_rows:,} rows for {rows:,} items")
        start = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if row < start + size:
                table = file.read_row_group(group, columns=list(columns))
                return np.asarray([table.column(c)[row - start].as_py() for c in columns], dtype=np.float64)
            start += size
    raise damaged(path, f"it has no row {row}")


def read_rows(path: Path, columns: Sequence[str], rows: int) -> FloatArray:
    """(rows, len(columns)) numbers of the first rows.

    Raises
    ------
    DamageError
        it has fewer.
    """
    out = np.empty((rows, len(columns)))
    start = 0
    for part in read_row_parts(path, columns, rows):
        out[start : start + len(part)] = part
        start += len(part)
    return out


def read_row_parts(path: Path, columns: Sequence[str], rows: int) -> Iterator[FloatArray]:
    """(n, len(columns)) numbers of the first rows, at most ``READ_ROWS`` at a time.

    Raises
    ------
    DamageError
        it has fewer.
    """
    with reading(path), pq.ParquetFile(path) as file:
        if file.metadata.num_rows < rows:
            raise damaged(path, f"it has {file.metadata.num_rows:,} rows for {rows:,} items")
        left = rows
        for batch in file.iter_batches(READ_ROWS, columns=list(columns)):
            part = np.stack([batch.column(c)[:left].to_numpy() for c in columns], axis=1)
            yield np.asarray(part, dtype=np.float64)
            left -= len(part)
            if not left:
                return


VotePart = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int16], NDArray[np.float32]]
"""Rows, coders, labels and counts of some annotations, (E,) each."""


def read_vote_parts(path: Path, rows: int, coders: int, classes: int) -> Iterator[VotePart]:
    """All votes or shares in the order of their rows, at most ``READ_ROWS`` at a time.

    Raises
    ------
    DamageError
    """
    with reading(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(READ_ROWS, columns=["row", "coder", "label", "count"]):
            row, coder, label = (
                read_codes(path, batch, name, 0, size)
                for name, size in (("row", rows), ("coder", coders), ("label", classes))
            )
            count = np.asarray(batch.column("count").to_numpy(), dtype=np.float32)
            yield row.astype(np.int32), coder.astype(np.int32), label.astype(np.int16), count


def read_votes(path: Path, row: int, coders: Sequence[str], classes: int) -> dict[str, FloatArray]:
    """coder → (K,) votes or shares that it gave the item of one row; reads only the groups of rows it is in.

    Raises
    ------
    DamageError
    """
    out: dict[str, FloatArray] = {}
    with reading(path):
        table = pq.read_table(path, filters=[("row", "=", row)])
        columns = (table.column(c).to_numpy() for c in ("coder", "label", "count"))
        for coder, label, count in zip(*columns, strict=True):
            if not (0 <= coder < len(coders) and 0 <= label < classes and count >= 0):
                raise damaged(path, f"row {row} has a coder or a class that the run does not have")
            out.setdefault(coders[coder], np.zeros(classes))[label] += float(count)
    return out
