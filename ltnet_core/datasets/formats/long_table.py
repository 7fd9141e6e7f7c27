"""One row per annotation, in CSV, Parquet or JSON Lines, whatever the field calls its columns."""

from __future__ import annotations

from ..corrections import NOTHING, Corrections
from ..label_tables.label_table import match_shape, read_tables, tables
from ..reading import Match, Reading
from ..sources.files import Files
from ..tables.columns import ROLES, role
from ..tables.table import header

FORMAT = "long-table"
RANK = 300
TITLE = "Table, one row per annotation"
LAYOUT = """\
labels.csv         image,coder,label[,count]   also .tsv, .parquet, .jsonl; also called task/item/file_name,
                   worker/annotator/rater, class/category/emotion, votes
images/…           optional, any folder
classes.csv        class[,code]                optional"""
NOTE = """\
Also one file alone: `python -m ltnet_core aggregate labels.csv --method dawid-skene --out truth.csv`. Without images
labels can be aggregated; training needs images."""
CORRECTABLE = True
SHAPE = "long"

NEEDED = ("image", "coder", "label")


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by a table with columns for image, coder and label."""
    none = "no table with one row per annotation"
    understood, miss = match_shape(files, ("long",), corrections, none)
    if understood is not None:
        used = ", ".join(str(getattr(understood.roles, w)) for w in NEEDED)
        return Match(True, f"{understood.table.file} with the columns {used}")
    best = Match(False, miss.text if miss.likeness > 0.4 else none, 0.0)
    for name in tables(files):
        columns = header(files, name)
        missing = [w for w in NEEDED if role(columns, w) is None]
        likeness = 0.6 * (1 - len(missing) / len(NEEDED))
        if columns and missing and likeness > best.likeness:
            names = " or ".join(ROLES[missing[0]][:3])
            best = Match(False, f"{name} has no column for the {missing[0]} ({names})", likeness)
    return best


def read(files: Files, name: str, corrections: Corrections = NOTHING, by_hand: bool = False) -> Reading:
    """Read every table of labels.

    Raises
    ------
    DatasetError
    """
    return read_tables(
        files, name, corrections, SHAPE if by_hand else None, none=f"no table has columns for {', '.join(NEEDED)}."
    )
