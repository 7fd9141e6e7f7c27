"""What every column of the exported tables means."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ...files.spreadsheet import write_csv
from .. import predictions
from ..kind import EXPORTS, Column, Export, Source

COLUMNS = (
    Column("export", "the export that has the column: what export --format takes, or predictions of predict --out"),
    Column("column", "the column's name; <coder> and <class> stand for any name"),
    Column("meaning", "what it holds"),
)


def glossary() -> pd.DataFrame:
    """A row per column of every table that can be exported, in the order of the exports."""
    tables = {**{e.name: e.columns for e in EXPORTS.values()}, "predictions": predictions.COLUMNS}
    rows = [(name, c.name, c.meaning) for name, columns in tables.items() for c in columns]
    return pd.DataFrame(rows, columns=[c.name for c in COLUMNS], dtype=str)


def write(source: Source, out: Path) -> int:
    """Write the glossary.

    Raises
    ------
    StorageError
    """
    table = glossary()
    write_csv(table, out)
    return len(table)


EXPORT = Export(
    name="glossary",
    title="Glossary of columns",
    text="What every column of these tables means.",
    write=write,
    suffixes={".csv": "text/csv"},
    columns=COLUMNS,
    rank=95,
)
