"""Hugging Face Parquet: tables that hold the images themselves, as the Hub stores and ``datasets`` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import DatasetError, OptionError
from ..corrections import NOTHING, Corrections, key_of
from ..reading import Match, Reading
from ..sources.files import MAX_IMAGE_BYTES, Files, is_image_name, suffix
from ..sources.text_files import loads
from ..study import Problem
from ..tables.columns import role, without
from .answers import SEVERAL, Answers, are_choices

FORMAT = "hf-parquet"
RANK = 150
CHOOSES = OWN_COLUMNS = True
TITLE = "Hugging Face Parquet with images inside"
LAYOUT = """\
data/train-00000-of-00001.parquet     image: {bytes, path}, label: class number or name
data/test-00000-of-00001.parquet      test and validation are evaluated, never trained on"""
NOTE = """\
The images stay in the tables and are read from there. Names of class numbers are those of the table's `ClassLabel`. A
column for the coder, or one column per annotator, may take the place of the one label."""

BYTES, PATH = "bytes", "path"
MOST_GROUP_BYTES = 1024**3
NAMED_SPLIT = re.compile(r"^(?P<part>.+?)-\d{5}-of-\d{5}$")
KINDS = (
    (b"\x89PNG", ".png"),
    (b"\xff\xd8", ".jpg"),
    (b"RIFF", ".webp"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II", ".tif"),
    (b"MM", ".tif"),
)


def _shards(files: Files) -> list[str]:
    return [n for n in files.others if suffix(n) == ".parquet"]


@contextmanager
def _opened(files: Files, name: str) -> Iterator[pq.ParquetFile]:
    """A table, read from where it lies; one inside an archive is unpacked into memory.

    Raises
    ------
    DatasetError
        it is no Parquet, or too large to be held.
    """
    with files.open(name) as f:
        try:
            table = pq.ParquetFile(f)
        except (pa.ArrowException, OSError, ValueError) as e:
            raise DatasetError(f"is not a readable Parquet file ({str(e).splitlines()[0]}).", file=name) from e
        yield table


def _image_field(schema: pa.Schema) -> str | None:
    """The column that holds images: a struct with bytes, or bytes that are named like an image."""
    for field in schema:
        if pa.types.is_struct(field.type) and field.type.get_field_index(BYTES) >= 0:
            return str(field.name)
    named = [f.name for f in schema if pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)]
    return next((n for n in named if n.lower() in ("image", "img", "picture", "photo", "jpg", "png", "bytes")), None)


def match(files: Files) -> Match:
    """Recognised by Parquet with a column of images."""
    for name in _shards(files):
        try:
            with _opened(files, name) as shard:
                field = _image_field(shard.schema_arrow)
        except DatasetError:
            continue
        if field is not None:
            return Match(True, f"{name} with images in the column {field}")
    return Match(False, "no Parquet table with images inside", 0.0)


@dataclass(frozen=True)
class RowPosition:
    """Position of an image: shard, row group and row in it."""

    shard: str
    group: int
    row: int


class ParquetImages(Files):
    """The images of tables as files.

    Parameters
    ----------
    source : the files they come from.
    positions : name of an image → where it lies.
    columns : shard → its column of images.
    """

    def __init__(self, source: Files, positions: dict[str, RowPosition], columns: dict[str, str]):
        self.location, self.below, self.passed_over = source.location, source.below, source.passed_over
        self._source, self._positions, self._columns = source, positions, columns
        self._groups: dict[tuple[str, int], pa.ChunkedArray] = {}

    def _list(self) -> list[str]:
        return list(self._positions)

    def read(self, name: str, limit: int = MAX_IMAGE_BYTES) -> bytes:
        position = self._positions.get(name)
        if position is None:
            raise DatasetError("no such image in the dataset.", file=name)
        cell = self._group(position)[position.row].as_py()
        data = cell.get(BYTES) if isinstance(cell, dict) else cell
        if data is None:
            raise DatasetError("the table holds no bytes of this image.", file=position.shard)
        if len(data) > limit:
            raise DatasetError(f"is larger than {limit:,} bytes.", file=name)
        return bytes(data)

    def stamp(self, name: str) -> tuple[int, ...] | None:
        position = self._positions.get(name)
        shard = None if position is None else self._source.stamp(position.shard)
        return None if position is None or shard is None else (*shard, position.group, position.row)

    def _group(self, position: RowPosition) -> pa.ChunkedArray:
        """The images of a row group; the last ones read are kept, as many as fit into the bound."""
        key = (position.shard, position.group)
        images = self._groups.pop(key, None)
        if images is None:
            with _opened(self._source, position.shard) as shard:
                images = _column(shard, position, self._columns[position.shard])
        groups = {**self._groups, key: images}
        while len(groups) > 1 and sum(g.nbytes for g in groups.values()) > MOST_GROUP_BYTES:
            groups.pop(next(iter(groups)))
        self._groups = groups
        return images


def _column(shard: pq.ParquetFile, position: RowPosition, column: str, called: str | None = None) -> pa.ChunkedArray:
    size = shard.metadata.row_group(position.group).total_byte_size
    if size > MOST_GROUP_BYTES:
        raise DatasetError(f"has row groups of {size:,} bytes, more than {MOST_GROUP_BYTES:,}.", file=position.shard)
    try:
        return shard.read_row_group(position.group, columns=[column]).column(called or column)
    except (pa.ArrowException, OSError, ValueError) as e:
        raise DatasetError(f"cannot be read ({str(e).splitlines()[0]}).", file=position.shard) from e


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the labels of all shards; the images stay where they are.

    Raises
    ------
    DatasetError
        a shard is broken, has no labels, or its columns of labels answer different questions.
    """
    if corrections.classes_are:
        raise OptionError(f"--classes-are: tables of {TITLE} have one class in a cell, and no votes.")
    answers = Answers("the Parquet tables", corrections, coder=corrections.columns.get("coder", ""), split="split")
    positions: dict[str, RowPosition] = {}
    columns: dict[str, str] = {}
    classes: list[str] = []
    used: dict[str, set[str]] = {}
    problems: list[Problem] = []
    for file in _shards(files):
        with _opened(files, file) as shard:
            field = _image_field(shard.schema_arrow)
            if field is None:
                problems.append(Problem("table left out", 1, (f"{file}: holds no images.",), "note"))
                continue
            columns[file] = field
            labels = _labels(shard, file, field, corrections)
            classes += labels.classes
            if labels.left_out:
                text = f"{file}: {', '.join(map(repr, labels.left_out))} is no column of labels."
                problems.append(Problem("column left out", len(labels.left_out), (text,), "note"))
            for number, (image, position) in enumerate(_images(shard, file, field, positions, labels.coder)):
                positions.setdefault(image, position)
                for title, cells in labels.cells.items():
                    label, part = cells[number], labels.part[number]
                    if label is None:
                        answers.set_aside(SEVERAL, file, number + 1)
                        continue
                    who = labels.who[number] if labels.coder else title if len(labels.cells) > 1 else ""
                    used.setdefault(title, set()).update({label} - {""})
                    answers.add(file, number + 1, image, label, coder=who, part=part)
    answers.separate(used)
    images = ParquetImages(files, positions, columns)
    return answers.reading(
        images, name, classes=classes or None, images=list(positions), problems=problems, beside=files
    )


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Column → the names of its class numbers, as ``datasets`` writes them beside the table."""
    try:
        features = loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {
            c: list(map(str, f["names"]))
            for c, f in features.items()
            if isinstance(f, dict) and isinstance(f.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _images(
    shard: pq.ParquetFile, file: str, field: str, taken: dict[str, RowPosition], again: bool
) -> list[tuple[str, RowPosition]]:
    """(name, position) of each row: the path it was saved under, else its number, below the part or the shard.

    ``again``: a path that comes twice is one image that several people labelled.
    """
    folder = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    split = NAMED_SPLIT.match(folder)
    folder = split["part"] if split else folder
    out: list[tuple[str, RowPosition]] = []
    used = set(taken)
    for group in range(shard.num_row_groups):
        paths = _paths(shard, file, group, field)
        unnamed = not all(is_image_name(p) for p in paths)
        cells = _column(shard, RowPosition(file, group, 0), field) if unnamed else None
        for row, path in enumerate(paths):
            base = path if is_image_name(path) else f"{len(out):07d}{_ending(cells[row]) if cells is not None else ''}"
            name = f"{folder}/{base}"
            if name in used and not (again and is_image_name(path)):
                name = f"{folder}/{len(out):07d}-{base}"
            used.add(name)
            out.append((name, RowPosition(file, group, row)))
    return out


def _paths(shard: pq.ParquetFile, file: str, group: int, field: str) -> list[str]:
    """The last part of the path of each image of a row group, "" where it has none; no image is read."""
    kind = shard.schema_arrow.field(field).type
    if not pa.types.is_struct(kind) or kind.get_field_index(PATH) < 0:
        return [""] * shard.metadata.row_group(group).num_rows
    cells = _column(shard, RowPosition(file, group, 0), f"{field}.{PATH}", field)
    return [str((c or {}).get(PATH) or "").replace("\\", "/").rsplit("/", 1)[-1] for c in cells.to_pylist()]


def _ending(cell: pa.Scalar) -> str:
    """The ending that fits the first bytes of an image."""
    data = cell[BYTES] if pa.types.is_struct(cell.type) and cell.is_valid else cell
    buffer = data.as_buffer() if data.is_valid else None
    head = buffer.slice(0, min(4, buffer.size)).to_pybytes() if buffer is not None else b""
    return next((end for mark, end in KINDS if head.startswith(mark)), ".png")


@dataclass(frozen=True)
class Labels:
    """The labels of a shard, a value for each row.

    Attributes
    ----------
    cells : column → classes, "" where empty, None for more than one.
    coder : whether ``who`` names the coder.
    """

    cells: dict[str, list[str | None]]
    who: list[str]
    coder: bool
    part: list[str]
    classes: list[str]
    left_out: list[str]


def _labels(shard: pq.ParquetFile, file: str, field: str, corrections: Corrections) -> Labels:
    schema = shard.schema_arrow
    others = [n for n in schema.names if n != field and not pa.types.is_struct(schema.field(n).type)]
    named = _class_names(schema)
    try:
        table = shard.read(columns=others)
        text = {c: _as_text(table.column(c).to_pylist(), named.get(c)) for c in others}
    except (pa.ArrowException, OSError, ValueError, KeyError) as e:
        raise DatasetError(f"cannot be read ({str(e).splitlines()[0]}).", file=file) from e
    title = {c.lower(): c for c in others}
    said = {r: next((c for c in others if key_of(c) == key_of(n)), None) for r, n in corrections.columns.items()}
    label, coder, split, image = (
        said.get(w) or title.get(role(tuple(title), w) or "") for w in ("label", "coder", "split", "image")
    )
    own = said.get("label")
    chosen = [own] if own is not None else [c for c in others if c in named]
    if not chosen:
        free = [title[c] for c in without(title, [str(c).lower() for c in (coder, split, image)])]
        chosen = [label] if label is not None else [c for c in free if are_choices([v or "" for v in text[c]])]
    if not chosen:
        raise DatasetError(f"no column of labels; found {', '.join(map(repr, others)) or 'none'}.", file=file)
    rows = table.num_rows
    return Labels(
        {c: text[c] for c in chosen},
        [v or "" for v in text[coder]] if coder is not None else [""] * rows,
        coder is not None,
        [f"{file}/{v or ''}" for v in text[split]] if split is not None else [file] * rows,
        [c for column in chosen for c in named.get(column, ())],
        [c for c in others if c not in (*chosen, coder, split, image)],
    )


def _as_text(values: list[Any], names: list[str] | None) -> list[str | None]:
    """Cells as text, "" where empty, None where there is more than one class."""
    out: list[str | None] = []
    for value in values:
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else value or None
        if isinstance(value, list):
            out.append(None)
        elif value is None or (isinstance(value, int) and value < 0):
            out.append("")
        elif names is not None and isinstance(value, int) and not isinstance(value, bool):
            out.append(names[value] if value < len(names) else str(value))
        else:
            plain = int(value) if isinstance(value, float) and value.is_integer() else value
            out.append(str(plain).strip())
    return out
