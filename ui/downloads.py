"""The bytes behind the download buttons, the same as the command line writes."""

from __future__ import annotations

from pathlib import Path

from ltnet_core.explore.adjudications import Adjudications, decisions_csv
from ltnet_core.export.finished_run import load_matrices, load_truth, table_bytes
from ltnet_core.export.matrix_files import matrices_bytes
from ltnet_core.runs.run import Run


def truth(run: Run, suffix: str) -> bytes:
    """The truth table of a finished run as ``.csv`` or ``.parquet``."""
    return table_bytes(load_truth(run), suffix)


def settled(store: Path) -> bytes | None:
    """What people settled, as CSV; None where that is nothing."""
    frame = Adjudications(store).to_frame()
    return decisions_csv(frame) if len(frame) else None


def matrices(run: Run, suffix: str) -> bytes:
    """The matrices of a finished run as ``.json``, ``.csv`` or ``.svg``; rows are truth."""
    return matrices_bytes(load_matrices(run), suffix)
