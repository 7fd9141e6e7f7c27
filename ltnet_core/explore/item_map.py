"""The map of a run's items: points that lie close where the network sees two images alike, kept in the run's folder.

:mod:`.map_making` makes it from the run's features.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..files.parquet_files import write_tables
from ..files.reading import damaged, reading, require_file
from ..labels.coder_labels import Codes, Rows
from ..runs.learned_items import Floats
from ..runs.manifest import entry
from ..runs.run import Run
from .wish import SIDE

FILE, FEATURES = "map.parquet", "features.npy"
MADE_FROM = b"features"  # under this the file keeps the digest of the features that it was made from
MOST_POINTS = 50_000  # items that have a point; of more a sample has
MOST_REGIONS = 24
DUPLICATE = 0.99  # cosine from which two images are near-duplicates
OUTLIERS = 0.01  # share of the points that are outliers, those farthest from their neighbours
NEIGHBOUR = 10  # which neighbour an outlier is far from


@dataclass(frozen=True)
class ItemMap:
    """n points.

    Attributes
    ----------
    row : (n,) row of each point's item, ascending.
    x, y : (n,) from 0 to ``SIDE``.
    region : (n,) index of the region of the map, the largest first.
    nearest : (n,) cosine between the features of an item and those of the item most like it; −1 where there is none.
    twin : (n,) row of that item, −1 where there is none.
    far : (n,) 1 − the cosine to the item's tenth neighbour.
    """

    row: Rows
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    region: Codes
    nearest: Floats
    twin: Rows
    far: Floats

    def __len__(self) -> int:
        return len(self.row)

    @property
    def regions(self) -> int:
        """How many regions there are."""
        return int(self.region.max()) + 1 if len(self) else 0

    @property
    def duplicate(self) -> NDArray[np.bool_]:
        """(n,) whether another item is almost the same to the network."""
        return self.nearest >= np.float32(DUPLICATE)

    @property
    def outlier(self) -> NDArray[np.bool_]:
        """(n,) whether it is one of the points that are farthest from their neighbours."""
        out = np.zeros(len(self), dtype=np.bool_)
        if len(self) > NEIGHBOUR:
            most = int(np.ceil(OUTLIERS * len(self)))
            out[np.argsort(-self.far, kind="stable")[:most]] = True
        return out

    def to_frame(self, names: pa.Array) -> pd.DataFrame:
        """A row for each point: image, x, y, region from 1, the image most like it and that cosine, outlier."""
        image = names.take(self.row).to_pylist()
        known = self.twin >= 0
        like = np.full(len(self), "", dtype=object)
        like[known] = names.take(self.twin[known]).to_pylist()
        columns = {"image": image, "x": self.x, "y": self.y, "region": self.region + 1, "most_like": like}
        return pd.DataFrame({**columns, "cosine": self.nearest.round(4), "outlier": self.outlier.astype(int)})


def map_file(run: Run) -> Path:
    """Where a run's map lies."""
    return run.folder / FILE


def write_map(run: Run, item_map: ItemMap) -> None:
    """Keep the map of a run.

    Raises
    ------
    StorageError
    """
    table = pa.table({f.name: getattr(item_map, f.name) for f in fields(ItemMap)})
    write_tables([table.replace_schema_metadata({MADE_FROM: _digest(run)})], map_file(run))


def _digest(run: Run) -> bytes:
    return entry(run.result(FEATURES))["blake2b"].encode()


def read_map(run: Run, items: int) -> ItemMap:
    """The map of a run of so many items.

    Raises
    ------
    RunError
        there is none, it is damaged, or the run has been trained again since.
    """
    path = map_file(run)
    require_file(path)
    kinds = {"row": "i", "x": "u", "y": "u", "region": "i", "nearest": "f", "twin": "i", "far": "f"}
    with reading(path):
        table = pq.read_table(path, columns=[*kinds])
        columns: dict[str, NDArray[Any]] = {name: table.column(name).to_numpy() for name in kinds}
    if (table.schema.metadata or {}).get(MADE_FROM) != _digest(run):
        raise damaged(path, "it was made from other features than the run has")
    for name, kind in kinds.items():
        if columns[name].dtype.kind != kind or (kind == "f" and not np.isfinite(columns[name]).all()):
            raise damaged(path, f"column {name!r} does not hold what a map has there")
    out = ItemMap(**columns)
    if len(out) and not (
        out.row[0] >= 0
        and out.row[-1] < items
        and (np.diff(out.row) > 0).all()
        and max(out.x.max(), out.y.max()) <= SIDE
        and 0 <= out.region.min() <= out.region.max() < MOST_REGIONS
        and -1 <= out.twin.min() <= out.twin.max() < items
    ):
        raise damaged(path, f"it is no map of {items:,} items")
    return out
