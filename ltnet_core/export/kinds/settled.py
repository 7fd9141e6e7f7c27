"""The adjudications, as a table that a later run can learn from."""

from __future__ import annotations

from pathlib import Path

from ...errors import DatasetError
from ...explore.adjudications import decisions_csv
from ...explore.set_aside import with_set_aside
from ...files.writing import write_bytes
from ..kind import Column, Export, Source


def write(source: Source, out: Path) -> int:
    """Write the settled items, and those that are set aside.

    Raises
    ------
    DatasetError
        nobody settled anything or set it aside.
    StorageError
    """
    decisions = with_set_aside(source.decisions, source.set_aside)
    if not len(decisions):
        raise DatasetError("nothing was settled; settle images on the page Disagreements, or give --adjudications.")
    write_bytes(out, decisions_csv(decisions))
    return len(decisions)


EXPORT = Export(
    name="settled",
    adjudicated=True,
    title="What was settled",
    text="One row per image that people settled or set aside: label, reviewer, reason.",
    write=write,
    suffixes={".csv": "text/csv"},
    columns=(
        Column("image", "the image's name in the dataset"),
        Column("label", "the class it was settled as; empty where it is set aside and open"),
        Column("reviewer", "who settled it"),
        Column("reason", "why, as the reviewer put it"),
        Column("time", "when, in UTC"),
        Column(
            "shown", "what the reviewer had in sight before the answer: image, labels, or empty where that is not known"
        ),
        Column("set_aside", "yes where the image is set aside, else empty"),
    ),
    of_settled=True,
    rank=30,
)
