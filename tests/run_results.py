"""What a run's results say, whichever files they lie in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ltnet_core.export.finished_run import truth_rows
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, read_transitions


def rows_of(folder: Path) -> pd.DataFrame:
    """The rows of ``truth.csv`` and those of the test items after them; ``_split``, ``_origin``: of which part each is."""
    items = load_items(Run(folder))
    frame = truth_rows(Run(folder), items, len(items))
    splits, origins = (np.asarray(names, dtype=object) for names in (items.splits, items.origins))
    return frame.assign(_split=splits[items.split], _origin=origins[items.origin])


def matrices_of(folder: Path) -> dict[str, Any]:
    """The matrices by coder."""
    return read_transitions(Run(folder))


def change_table(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Write a Parquet result anew with other content."""
    change(pd.read_parquet(path)).to_parquet(path, index=False)
