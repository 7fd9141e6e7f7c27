"""Tables of a dataset made in a test, as if read from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ltnet_core.datasets.coded_columns import categorical
from ltnet_core.datasets.tables.table import Table


def table(columns: Mapping[str, Sequence[object]], file: str = "f.csv") -> Table:
    """Columns of cells, which become text; rows count from 2, as in a spreadsheet."""
    frame = pd.DataFrame({name.lower(): categorical([str(cell) for cell in cells]) for name, cells in columns.items()})
    rows = np.arange(2, len(frame) + 2, dtype=np.int32)
    return Table(file, frame, rows, {}, None, {name.lower(): name for name in columns})
