"""One row per annotation, in CSV, Parquet or JSON Lines, whatever the field calls its columns."""

from __future__ import annotations

from .columns import ROLES, role
from .files import Files
from .label_tables import read_tables, tables
from .reading import Match, Reading, Rows
from .tables import header, read_table

FORMAT = "long-table"
TITLE = "Table, one row per annotation"
LAYOUT = """\
labels.csv         image,coder,label[,count]   also .tsv, .parquet, .jsonl; also called task/item/file_name,
                   worker/annotator/rater, class/category/emotion, votes
images/…           optional, any folder
classes.csv        class[,code]                optional"""
NOTE = """\
Also one file alone: `python -m ltnet_core aggregate labels.csv --method dawid-skene --out truth.csv`. Without images
labels can be aggregated; training needs images."""

NEEDED = ("image", "coder", "label")


def match(files: Files) -> Match:
    """Recognised by a table with columns for image, coder and label."""
    best = Match(False, "no table with one row per annotation", 0.0)
    for name in tables(files):
        found = header(files, name)
        missing = [w for w in NEEDED if role(found, w) is None]
        if not missing:
            used = ", ".join(str(role(found, w)) for w in NEEDED)
            return Match(True, f"{name} with the columns {used}")
        likeness = 0.6 * (1 - len(missing) / len(NEEDED))
        if found and likeness > best.likeness:
            names = " or ".join(ROLES[missing[0]][:3])
            best = Match(False, f"{name} has no column for the {missing[0]} ({names})", likeness)
    return best


def read(files: Files, name: str) -> Reading:
    """Read every table of that kind.

    Raises
    ------
    DatasetError
    """

    def rows(file: str) -> Rows | None:
        if any(role(header(files, file), w) is None for w in NEEDED):
            return None
        table = read_table(files, file)
        columns = {w: role(tuple(table.frame.columns), w) for w in (*NEEDED, "count")}
        table.need([w for w in NEEDED if columns[w] is None])
        return Rows.of(table, {w: c for w, c in columns.items() if c is not None})

    return read_tables(files, name, rows, f"no table has columns for {', '.join(NEEDED)}.")
