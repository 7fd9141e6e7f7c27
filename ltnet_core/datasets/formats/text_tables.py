"""Tables in text files: cells separated by tabs, commas or blanks under a header that names the image."""

from __future__ import annotations

import re

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files, uppermost
from ..tables.columns import role
from ..tables.csv_lines import first_row, without_preamble
from ..tables.encodings import as_utf8
from .as_tables import AsTables, match_tables, read_as_tables

FORMAT = "text-table"
RANK = 360
TITLE = "Table in a text file"
LAYOUT = """\
labels.txt         image coder label       a header, cells separated by tabs, commas or blanks; also .tab, .dat
images/…           optional, any folder"""
NOTE = """\
Read as the table it holds: a row per annotation, a column per annotator or a column per class."""
CORRECTABLE = True

ENDINGS = (".txt", ".tab", ".dat")
HEAD, MOST = 16_384, 50
BLANKS = re.compile(r"[ \t]+")


def _as_tables(files: Files) -> AsTables | None:
    tables = {}
    for name in uppermost(files, ENDINGS)[:MOST]:
        data = _table(files, name)
        if data is not None:
            tables[f"{name}.tsv"] = data
    return AsTables(files, tables) if tables else None


def _table(files: Files, name: str) -> bytes | None:
    """The file as a table; None where its first lines are none with a column of image names."""
    try:
        head = without_preamble(as_utf8(files.head(name, HEAD), name, whole=False)[0])[0]
        cells, _ = first_row(head)
    except (DatasetError, ValueError):
        return None
    if len(cells) > 1:
        return files.read(name) if _names_images(cells) else None
    lines = [line.strip() for line in head.decode("utf-8", "ignore").splitlines() if line.strip()]
    rows = [BLANKS.split(line) for line in lines[: max(1, len(lines) - 1)]]
    if not rows or not _names_images(rows[0]) or any(len(r) != len(rows[0]) for r in rows):
        return None
    return BLANKS.sub("\t", as_utf8(files.read(name), name)[0].decode()).encode()


def _names_images(cells: list[str]) -> bool:
    names = tuple(c.strip().lower() for c in cells)
    return len(names) > 1 and all(names[:-1]) and role(names, "image") is not None


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by a header with a column of image names, and what makes a table of labels."""
    tables = _as_tables(files)
    if tables is None:
        return Match(False, "no text file with a header that names a column of images", 0.0)
    return match_tables(tables, corrections)[1]


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the files as the kind of table they hold.

    Raises
    ------
    DatasetError
        they hold none, or a row is broken.
    """
    tables = _as_tables(files)
    if tables is None:
        raise DatasetError("no text file has a header that names a column of images.", file=name)
    return read_as_tables(files, tables, name, corrections)
