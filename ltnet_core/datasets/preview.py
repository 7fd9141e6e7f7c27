"""A preview of how a dataset is read, from the first rows of its tables."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet

from ..errors import DatasetError
from .sources.files import MAX_FILE_BYTES, WORKBOOKS, Files, suffix
from .study import Study
from .tables.encodings import as_utf8
from .tables.table import is_table

ROWS, HEAD, MOST_IMAGES, MOST_BYTES = 2_000, 1024**2, 50_000, 16 * 1024**2
CELL = re.compile(rb"[^,;\t|\r\n\"/\\]+")


@dataclass(frozen=True)
class Preview:
    """A study of the first rows; ``cut`` says that the tables have more."""

    study: Study
    cut: bool


class FirstRows(Files):
    """The files of a dataset, with tables cut after their first rows.

    Of very many images only the first ones and those that the rows name stay.

    Attributes
    ----------
    cut : whether any table was cut.
    """

    def __init__(self, files: Files, rows: int = ROWS):
        self._files, self._rows = files, rows
        self.location, self.below, self.passed_over = files.location, files.below, files.passed_over
        self.cut = False
        self._heads = {n: self._first(n) for n in files.others if is_table(n)}

    def _list(self) -> list[str]:
        images = self._files.images
        if len(images) > MOST_IMAGES:
            cells = {c.strip() for head in self._heads.values() for c in CELL.findall(head)}
            stems = {c.rsplit(b".", 1)[0] for c in cells}
            images = [
                n
                for i, n in enumerate(images)
                if i < self._rows or n.rsplit("/", 1)[-1].rsplit(".", 1)[0].encode() in stems
            ]
        return [*self._files.others, *images]

    def _first(self, name: str) -> bytes:
        """The table's first rows as a file of the same kind."""
        if suffix(name) in WORKBOOKS:
            return self._files.read(name)
        if suffix(name) == ".parquet":
            return self._first_of_parquet(name)
        head = self._files.head(name, HEAD)
        text = as_utf8(head, name, whole=len(head) < HEAD)[0]
        lines = text.split(b"\n", self._rows + 1)
        if len(lines) > self._rows + 1 and lines[-1]:
            lines.pop()
            self.cut = True
        elif len(head) == HEAD:
            lines.pop()  # it may be a part of a row
            self.cut = True
        return b"\n".join(lines)

    def _first_of_parquet(self, name: str) -> bytes:
        try:
            with self._files.open(name) as opened:
                file = pyarrow.parquet.ParquetFile(opened)
                if file.metadata.num_rows <= self._rows:
                    return self._files.read(name)
                out = io.BytesIO()
                first = pa.Table.from_batches([next(file.iter_batches(self._rows))])
                pyarrow.parquet.write_table(first, out)
        except (pa.ArrowException, OSError, ValueError) as e:
            raise DatasetError(f"is not a readable Parquet file ({e}).", file=name) from e
        self.cut = True
        return out.getvalue()

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        if name in self._heads:
            return self._heads[name]
        if self._files.size(name) > MOST_BYTES:
            raise DatasetError("is too large to be read for a preview; keep the reading to see it.", file=name)
        return self._files.read(name, limit)

    def head(self, name: str, size: int) -> bytes:
        return self._heads[name][:size] if name in self._heads else self._files.head(name, size)

    def size(self, name: str) -> int:
        return self._files.size(name)
