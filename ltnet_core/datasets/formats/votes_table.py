"""One row per image and one column per class, with its number of votes: a crowd without names."""

from __future__ import annotations

from ..corrections import NOTHING, Corrections
from ..label_tables.label_table import match_shape, read_tables
from ..label_tables.table_rows import from_votes
from ..reading import Match, Reading
from ..sources.files import Files

FORMAT = "votes-table"
RANK = 320
TITLE = "Table of votes, one column per class"
LAYOUT = """\
votes.csv          image,neutral,happiness,…   the number of votes in each cell, or shares of one, or a single 1;
                                               the file's name is the coder's
images/…           optional, any folder"""
NOTE = """\
Every cell is a number from 0 on. The votes of a row are one coder's, weighted by how many people said so; shares,
also in percent with decimals, are one vote. If the columns are annotators with numbered classes instead, choose *one
column per annotator*."""
CORRECTABLE = True
SHAPE = "votes"

__all__ = ["FORMAT", "LAYOUT", "TITLE", "from_votes", "match", "read"]


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by an image column and columns of votes."""
    none = "no table with an image column and one column of votes per class"
    understood, miss = match_shape(files, ("votes",), corrections, none)
    if understood is None:
        return Match(False, none, min(miss.likeness, 0.1))
    classes = ", ".join(understood.roles.votes[:4])
    return Match(True, f"{understood.table.file} with the column {understood.roles.image} and votes for {classes}")


def read(files: Files, name: str, corrections: Corrections = NOTHING, by_hand: bool = False) -> Reading:
    """Read every table of labels; the file's name is the coder's.

    Raises
    ------
    DatasetError
    """
    return read_tables(
        files,
        name,
        corrections,
        SHAPE if by_hand else None,
        none="no table has an image column and one column of votes per class.",
    )
