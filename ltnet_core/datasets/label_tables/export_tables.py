"""Shared by the readers of tools' tables: cells as text, the column of image names, JSON inside a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import DatasetError
from ..names.listed_names import base_name
from ..sources.files import Files, is_image_name, uppermost
from ..sources.text_files import loads
from ..tables.table import TABLE_SUFFIXES, Table, header
from .row_questions import holds_image_names, names_another_image

BESIDE = ("classes.csv", "truth.csv")
YES, NO = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0", ""})


def tables_with(files: Files, columns: set[str]) -> list[str]:
    """The tables that have all of these columns, in lower case: at the top of the dataset, or else in folders."""
    names = [*uppermost(files, TABLE_SUFFIXES, BESIDE), *(n for n in BESIDE if n in files)]
    return [n for n in names if columns <= set(header(files, n))]


def cells(table: Table, column: str) -> list[str]:
    """(rows,) the text of a column; blanks where there is no such column."""
    if column not in table.frame:
        return [""] * len(table.row)
    column_cells = table.frame[column].cat
    names = [str(n) for n in column_cells.categories]
    return [names[c] for c in column_cells.codes]


def image_column(table: Table, columns: Sequence[str], files: Files) -> str:
    """The column of image names: of the dataset's images, or else of anything that ends like an image's name.

    Raises
    ------
    DatasetError
        there is none of ``columns``, several and none names images, or two name different images.
    """
    bases = {base_name(i) for i in files.images}
    stems = {b.rsplit(".", 1)[0] for b in bases}

    def likeness(column: str) -> tuple[int, int, int]:
        names = [base_name(str(c)) for c in table.frame[column].cat.categories]
        return sum(n in bases for n in names), sum(is_image_name(n) for n in names), sum(n in stems for n in names)

    best = max(columns, key=likeness, default=None)
    if best is None or (len(columns) > 1 and not any(likeness(best))):
        among = ", ".join(repr(table.titles[c]) for c in columns) or "its columns"
        raise DatasetError(f"none of {among} names an image.", file=table.file, row=1)
    for other in columns:
        known = max(likeness(other)[:: 2 if files.images else 1][:2])  # of the dataset's images, where there are any
        several = holds_image_names(table, other) and 2 * known >= len(table.frame[other].cat.categories)
        if other != best and several and names_another_image(table, best, other):
            a, b = table.titles[best], table.titles[other]
            raise DatasetError(
                f"the columns {a!r} and {b!r} name different images, so that an answer may be about either; write a "
                "row for each image, or remove the columns of the images that the answers are not about.",
                file=table.file,
                row=1,
            )
    return best


def json_cell(cell: str, column: str, file: str, row: int) -> Any:
    """The JSON in a cell; None where the cell is empty.

    Raises
    ------
    DatasetError
        it is no JSON.
    """
    if not cell:
        return None
    try:
        return loads(cell)
    except (ValueError, RecursionError) as e:
        raise DatasetError(f"the cell {column!r} is not readable JSON.", file=file, row=row) from e
