"""The bytes behind the download buttons, the same as the command line writes."""

from __future__ import annotations

from ltnet_core.export.finished_run import load_matrices
from ltnet_core.export.matrix_files import matrices_bytes
from ltnet_core.runs.run import Run


def matrices(run: Run, suffix: str) -> bytes:
    """The matrices of a finished run as ``.json``, ``.csv`` or ``.svg``; rows are truth."""
    return matrices_bytes(load_matrices(run), suffix)
