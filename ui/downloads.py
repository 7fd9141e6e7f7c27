"""The bytes behind the download buttons, the same as the command line writes."""

from __future__ import annotations

import json

from ltnet_core.export import load_matrices, load_truth, table_bytes
from ltnet_core.runs import Run


def truth(run: Run, suffix: str) -> bytes:
    """The truth table of a finished run as ``.csv`` or ``.parquet``."""
    return table_bytes(load_truth(run), suffix)


def matrices_json(run: Run) -> bytes:
    """``{"classes", "coders": {NAME: T}}``; rows are truth."""
    return (json.dumps(load_matrices(run), indent=2, ensure_ascii=False) + "\n").encode()
