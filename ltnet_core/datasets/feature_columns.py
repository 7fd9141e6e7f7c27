"""The columns of a Parquet file that hold image names and features, and their values, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..errors import DatasetError

NAME = "image"
ROWS = 65_536
LONGEST_NAME = 4_096

Part = NDArray[np.floating[Any]]


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner))


def _is_list(kind: pa.DataType) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(lists and pa.types.is_floating(kind.value_type))


@dataclass(frozen=True)
class FeatureColumns:
    """The columns of names and features of one file.

    Attributes
    ----------
    path : of the file, for messages. name : column of image names. columns : of floats, or one of lists of floats.
    as_list : whether it is one of lists. dimensions : features of each image.
    """

    path: Path
    name: str
    columns: tuple[str, ...]
    as_list: bool
    dimensions: int

    @classmethod
    def of(cls, file: pq.ParquetFile, path: Path) -> FeatureColumns:
        """Choose the columns by their types.

        Raises
        ------
        DatasetError
            there are no names or no features, or another kind of column.
        """
        schema = file.schema_arrow
        texts = [f.name for f in schema if _is_text(f.type)]
        floats = [f.name for f in schema if pa.types.is_floating(f.type)]
        lists = [f.name for f in schema if _is_list(f.type)]
        where = str(path)
        for field in schema:
            if field.name not in (*texts, *floats, *lists):
                raise DatasetError(
                    f"column {field.name!r} holds {str(field.type)[:60]}; a file of features has names and floats.",
                    file=where,
                )
        if len(set(schema.names)) < len(schema.names):
            raise DatasetError("two of its columns have the same name.", file=where)
        name = NAME if NAME in texts else texts[0] if len(texts) == 1 else None
        if name is None:
            several = f"several columns of text ({', '.join(texts[:5])})" if texts else "no column of text"
            raise DatasetError(f"has {several}; call the one with image names {NAME!r}.", file=where)
        others = [t for t in texts if t != name]
        if others:
            raise DatasetError(f"column {others[0]!r} holds text beside the image names; leave it out.", file=where)
        if len(lists) + bool(floats) != 1:
            many = "several columns of lists" if lists else "no column of floats"
            many = "columns of floats and of lists" if lists and floats else many
            raise DatasetError(f"has {many}; give columns of floats or one column of lists of floats.", file=where)
        length = cls._length(file, lists[0], path) if lists else len(floats)
        return cls(path, name, tuple(lists or floats), bool(lists), length)

    @staticmethod
    def _length(file: pq.ParquetFile, column: str, path: Path) -> int:
        first = next(file.iter_batches(1, columns=[column]), None)
        if first is None or not len(first):
            raise DatasetError("holds no features.", file=str(path))
        length = pc.list_value_length(first.column(0))[0].as_py()
        if length is None:
            raise DatasetError(f"column {column!r} has no features.", file=str(path), row=1)
        return int(length)

    def names(self, file: pq.ParquetFile) -> list[str]:
        """The image name of every row.

        Raises
        ------
        DatasetError
        """
        out: list[str] = []
        for batch in file.iter_batches(ROWS, columns=[self.name]):
            column = batch.column(0)
            if column.null_count:
                row = len(out) + 1 + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
                raise DatasetError("has no image name.", file=str(self.path), row=row)
            texts = column.dictionary if pa.types.is_dictionary(column.type) else column
            longest = pc.max(pc.binary_length(texts)).as_py() or 0
            if longest > LONGEST_NAME:
                raise DatasetError(
                    f"column {self.name!r} has a text of {longest:,} bytes, no name.", file=str(self.path)
                )
            out += column.to_pylist()
        return out

    def parts(self, file: pq.ParquetFile, rows: int) -> Iterator[Part]:
        """(≤ rows, D) features, in the order of the file; a value that is missing is NaN.

        Raises
        ------
        DatasetError
            a list of another length.
        """
        done = 0
        for batch in file.iter_batches(rows, columns=list(self.columns)):
            if self.as_list:
                yield self._of_lists(batch.column(0), done)
            else:
                columns = [batch.column(c).to_numpy(zero_copy_only=False) for c in self.columns]
                yield np.stack(columns, axis=1)
            done += len(batch)

    def _of_lists(self, column: pa.Array, done: int) -> Part:
        length = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
        other = np.flatnonzero(length != self.dimensions)
        if len(other):
            has = "no features" if length[other[0]] < 0 else f"{length[other[0]]:,} features"
            raise DatasetError(
                f"has {has}, the first row {self.dimensions:,}.", file=str(self.path), row=done + int(other[0]) + 1
            )
        values: Part = column.flatten().to_numpy(zero_copy_only=False)
        return values.reshape(-1, self.dimensions)
