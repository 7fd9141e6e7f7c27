"""The transition matrices of the coders."""

from __future__ import annotations

from ..finished_run import load_matrices, write_matrices
from ..kind import Column, Export

EXPORT = Export(
    name="matrices",
    title="Transition matrices",
    text="One matrix per coder: rows are truth, columns what the coder says.",
    write=lambda source, out: write_matrices(load_matrices(source.run), out),
    suffixes={".json": "application/json", ".csv": "text/csv", ".svg": "image/svg+xml"},
    columns=(
        Column("coder", "the coder whose matrix it is"),
        Column("truth", "the row of the matrix: the true class"),
        Column("said", "the column of the matrix: the class that the coder says"),
        Column("probability", "how often the coder says so where that is the truth, from 0 to 1"),
        Column("row_annotations", "the annotations of known truth that this row of the matrix is as sure as"),
    ),
    flag=True,
    rank=20,
)
