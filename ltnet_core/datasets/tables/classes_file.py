"""``classes.csv``: the order of the classes, and their short codes."""

from __future__ import annotations

from ...errors import DatasetError
from ..sources.files import Files
from .columns import named
from .table import Table, header, read_table


def _cells(table: Table, column: str) -> list[str]:
    return [str(c) for c in table.frame[column]]


def lists_classes(files: Files) -> bool:
    """Whether ``classes.csv`` is the list of classes: a table of images may have that name too."""
    if "classes.csv" not in files:
        return False
    columns = header(files, "classes.csv")
    return "class" in columns or not named(columns, "image")


def read_classes(files: Files) -> tuple[list[str] | None, list[str] | None]:
    """Classes and short codes of ``classes.csv``; None for a column that is not there.

    Raises
    ------
    DatasetError
        a class or code is empty or given twice, or there are fewer than two.
    """
    if not lists_classes(files):
        return None, None
    table = read_table(files, "classes.csv", ("class",))
    lists = {"class": _cells(table, "class")}
    if "code" in table.frame:
        lists["code"] = _cells(table, "code")
    for column, names in lists.items():
        for i, (name, row) in enumerate(zip(names, table.row, strict=True)):
            if not name:
                raise DatasetError(f"the {column} is empty.", file=table.file, row=int(row))
            if name in names[:i]:
                again = "listed twice" if column == "class" else "used twice; codes must be unique"
                raise DatasetError(f"{column} {name!r} is {again}.", file=table.file, row=int(row))
    if len(lists["class"]) < 2:
        raise DatasetError(f"lists {len(lists['class'])} classes; at least two are needed.", file=table.file)
    return lists["class"], lists.get("code")
