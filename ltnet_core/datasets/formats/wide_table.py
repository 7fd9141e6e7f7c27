"""One row per image and one column per annotator, as cleanlab takes it; an empty cell is an absent annotation."""

from __future__ import annotations

from ..corrections import NOTHING, Corrections
from ..label_tables.label_table import match_shape, read_tables
from ..reading import Match, Reading
from ..sources.files import Files

FORMAT = "wide-table"
RANK = 330
TITLE = "Table, one column per annotator"
LAYOUT = """\
labels.csv         image,Ann,Ben,Cem           a class in each cell, empty where an annotator did not label the image
                   image,label                 or one column of labels: its coder is called as the file is
images/…           optional, any folder
classes.csv        class[,code]                optional"""
NOTE = """\
Columns that describe the image, the person or the work (age, sex, site, time …) are left out and shown as ignored."""
CORRECTABLE = True
SHAPE = "wide"


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by an image column and others whose cells are words that repeat."""
    none = "no table with an image column and one column per annotator"
    understood, miss = match_shape(files, ("wide", "single"), corrections, none)
    if understood is None:
        return Match(False, miss.text if miss.likeness > 0.1 else none, min(miss.likeness, 0.55))
    return Match(True, f"{understood.table.file} with the column {understood.roles.image} and one column per annotator")


def read(files: Files, name: str, corrections: Corrections = NOTHING, by_hand: bool = False) -> Reading:
    """Read every table of labels; each annotator's column becomes a coder.

    Raises
    ------
    DatasetError
    """
    return read_tables(
        files,
        name,
        corrections,
        SHAPE if by_hand else None,
        none="no table has an image column and one column per annotator.",
    )
