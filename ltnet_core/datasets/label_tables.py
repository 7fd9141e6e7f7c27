"""What formats share in which any table at the top of the dataset may hold labels."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import DatasetError
from .columns import role
from .files import Files
from .plain import read_classes
from .reading import Reading, Rows
from .tables import is_table, read_table


def tables(files: Files) -> list[str]:
    """Tables at the top of the dataset, but for those with a meaning of their own."""
    return [n for n in files.names if is_table(n) and "/" not in n and n not in ("classes.csv", "truth.csv")]


def read_tables(files: Files, name: str, rows: Callable[[str], Rows | None], none: str) -> Reading:
    """Every table in which ``rows`` finds annotations, with ``classes.csv`` and ``truth.csv``.

    Raises
    ------
    DatasetError
        a table is broken, or there is none with annotations: then it says ``none``.
    """
    labels = [found for file in tables(files) if (found := rows(file)) is not None and len(found)]
    if not labels:
        raise DatasetError(none, file=name)
    classes, codes = read_classes(files)
    return Reading(files, files.images, labels, known_truth(files), classes, codes)


def known_truth(files: Files) -> list[Rows]:
    """Rows of ``truth.csv``, where there is one.

    Raises
    ------
    DatasetError
    """
    if "truth.csv" not in files:
        return []
    table = read_table(files, "truth.csv")
    columns = {w: role(tuple(table.frame.columns), w) for w in ("image", "label", "split")}
    table.need([w for w in ("image", "label") if columns[w] is None])
    return [Rows.of(table, {w: c for w, c in columns.items() if c is not None})]
