"""The items of a dataset before any run, as columns: their annotations, without a learned truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from ..datasets import Study
from ..files.parquet_files import TEXT
from ..labels.coder_labels import RowAnnotations
from ..runs.learned_items import LearnedItems


def labelled_items(study: Study) -> LearnedItems:
    """The items of a study: ``truth`` and ``network`` are −1, ``confidence`` and ``margin`` 0; test items come last."""
    table = study.table
    rows = np.argsort(study.is_test, kind="stable")
    labels = RowAnnotations.of(table, rows).labels(len(rows), len(table.coders))
    origin, origins = labels.origins(table.coders, "unlabelled")
    split, splits = pd.factorize(study.test_set[rows], sort=True)
    nothing, zero = np.full(len(rows), -1, dtype=np.int16), np.zeros(len(rows), dtype=np.float32)
    return LearnedItems(
        names=pa.array(table.items[rows], TEXT),
        coders=table.coders,
        classes=table.classes,
        labels=labels,
        truth=nothing,
        network=nothing,
        known=study.truth[rows].astype(np.int16),
        confidence=zero,
        margin=zero,
        origin=origin,
        origins=origins,
        split=split.astype(np.int16),
        splits=tuple(map(str, splits)),
    )
