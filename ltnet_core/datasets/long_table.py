"""One row per annotation, in CSV, Parquet or JSON Lines, whatever the field calls its columns."""

from __future__ import annotations

from ..errors import DatasetError
from .columns import ROLES, role
from .files import Files
from .plain import read_classes
from .reading import Match, Reading, Rows
from .tables import header, is_table, read_table

FORMAT = "long-table"
TITLE = "Table, one row per annotation"
LAYOUT = """\
labels.csv         image,coder,label[,count]   also .tsv, .parquet, .jsonl; also called task/item/file_name,
                   worker/annotator/rater, class/category/emotion, votes
images/…           optional, any folder
classes.csv        class[,code]                optional"""

NEEDED = ("image", "coder", "label")


def tables(files: Files) -> list[str]:
    """Tables at the top of the dataset, but for those with a meaning of their own."""
    return [n for n in files.names if is_table(n) and "/" not in n and n not in ("classes.csv", "truth.csv")]


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
    labels = []
    for file in tables(files):
        columns = {w: role(header(files, file), w) for w in (*NEEDED, "count")}
        if all(columns[w] for w in NEEDED):
            table = read_table(files, file)
            labels.append(Rows.of(table, {w: c for w, c in columns.items() if c is not None}))
    if not labels:
        raise DatasetError(f"no table has columns for {', '.join(NEEDED)}.", file=name)
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
