"""Tables of annotations for the tests of aggregation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ltnet_core.annotations import AnnotationTable

Rows4 = list[tuple[str, str, str, float]]


def table_of(rows: Rows4, **known: Any) -> AnnotationTable:
    return AnnotationTable.from_frame(pd.DataFrame(rows, columns=["image", "coder", "label", "count"]), **known)


def sparse_crowd(items: int = 60, coders: int = 5, classes: int = 3, seed: int = 0) -> AnnotationTable:
    """Three labels an item, of coders who are right seven times in ten."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, items)
    rows: Rows4 = []
    for i in range(items):
        for c in rng.choice(coders, 3, replace=False):
            label = truth[i] if rng.random() < 0.7 else rng.integers(0, classes)
            rows.append((f"i{i:03d}", f"c{c}", "abcdef"[label], 1.0))
    return table_of(rows, classes=list("abcdef"[:classes]))
