"""One label per image, settled over learned, with its provenance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ... import __version__
from ...settings import Settings
from ..final_labels import FinalLabels
from ..finished_run import write_tables
from ..kind import Column, Export, Source

COLUMNS = (
    Column("image", "the image's name in the dataset"),
    Column("label", "its final label: what people settled it as, else the learned truth"),
    Column("label_source", "settled or learned"),
    Column("confidence", "the probability of the learned truth, from 0 to 1; empty where the label was settled"),
    Column("settled_by", "who settled it"),
    Column("settled_at", "when it was settled, in UTC"),
    Column("settled_reason", "why, as the reviewer put it"),
    Column(
        "settled_after_seeing",
        "what the reviewer had in sight before the answer: image, labels, or empty where that is not known",
    ),
    Column("learned_truth", "the learned truth, also where the label was settled"),
    Column("run", "the name of the run"),
    Column("method", "how the run learned: what fit --method takes"),
    Column("version", "the version of LTNet Studio that wrote the file"),
)
OF_DECISIONS = {
    "settled_by": "reviewer",
    "settled_at": "time",
    "settled_reason": "reason",
    "settled_after_seeing": "shown",
}


def write(source: Source, out: Path) -> int:
    """Write the table, a part of its rows at a time.

    Raises
    ------
    RunError, DatasetError, StorageError
    """
    final = FinalLabels.of(source)
    write_tables(_tables(final, source), out)
    return len(final)


def _tables(final: FinalLabels, source: Source) -> Iterator[pd.DataFrame]:
    method = Settings.of_spec(source.run.spec()).method
    for part in final.parts():
        settled = np.asarray([at is not None for at in part.decision], dtype=np.bool_)
        columns: dict[str, Any] = {
            "image": part.images,
            "label": part.labels,
            "label_source": part.sources(),
            **{name: part.of_decisions(of) for name, of in OF_DECISIONS.items()},
            "learned_truth": part.learned,
            "run": [source.run.folder.resolve().name] * len(settled),
            "method": [method] * len(settled),
            "version": [__version__] * len(settled),
        }
        table = pd.DataFrame({name: pd.Series(values, dtype=str) for name, values in columns.items()})
        table.insert(3, "confidence", np.where(settled, np.nan, part.confidence))
        yield table


EXPORT = Export(
    name="final",
    adjudicated=True,
    title="Final labels",
    text="One label per image, what people settled over what was learned, with who says so and how sure it is.",
    write=write,
    suffixes={".csv": "text/csv", ".parquet": "application/vnd.apache.parquet"},
    columns=COLUMNS,
    rank=5,
)
