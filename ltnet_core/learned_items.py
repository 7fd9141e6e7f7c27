"""The items of a finished run as columns: what was said and learned of a million of them in tens of megabytes.

Read from ``results/truth.parquet`` a column at a time; names of classes become indices, and
the probabilities stay on the disk until one item is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .annotations import ADJUDICATOR, is_machine
from .errors import RunError
from .reading import damaged, read_json, reading
from .runs import Run
from .truth import column_names

Codes = NDArray[np.int16]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LearnedItems:
    """N items with C coders and K classes; row n is row n of the truth table.

    Attributes
    ----------
    names : N image names, an Arrow array.
    labels : (C,N) class index that each coder said, −1 where absent.
    truth, network, known : (N,) class index: learned, from the image alone, known; −1 where there is none.
    confidence, margin : (N,) of the learned truth: its probability, and its lead over the next class.
    origin, split : (N,) index into ``origins`` (who labelled the item) and ``splits`` ("" for items
        learned from, else the test set).
    given : coders that were taken at their word.
    """

    names: pa.Array = field(repr=False)
    coders: tuple[str, ...]
    classes: tuple[str, ...]
    labels: Codes = field(repr=False)
    truth: Codes = field(repr=False)
    network: Codes = field(repr=False)
    known: Codes = field(repr=False)
    confidence: Floats = field(repr=False)
    margin: Floats = field(repr=False)
    origin: Codes = field(repr=False)
    origins: tuple[str, ...]
    split: Codes = field(repr=False)
    splits: tuple[str, ...]
    given: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.truth)

    def coder(self, name: str) -> int:
        """Index of a coder by name.

        Raises
        ------
        RunError
        """
        if name not in self.coders:
            raise RunError(f"the run has no coder {name!r}.")
        return self.coders.index(name)

    def row(self, name: str) -> int:
        """Row of the image of that name, −1 where there is none."""
        return int(pc.index(self.names, pa.scalar(name, self.names.type)).as_py())

    def rows(self, names: list[str]) -> NDArray[np.int64]:
        """(len(names),) rows of images, −1 where there is none."""
        if len(names) < 20:
            return np.asarray([self.row(n) for n in names], dtype=np.int64)
        # The many are looked up among the few: a table of all names would cost ten times their size.
        wanted = pa.array(names, self.names.type)
        hits = pc.index_in(self.names, value_set=wanted)
        at = np.flatnonzero(pc.is_valid(hits).to_numpy(zero_copy_only=False))
        out = np.full(len(names), -1, dtype=np.int64)
        out[pc.drop_null(hits).to_numpy()] = at
        return out

    @cached_property
    def human(self) -> NDArray[np.bool_]:
        """(C,) coders who are people."""
        return np.asarray([not is_machine(c) and c != ADJUDICATOR for c in self.coders], dtype=np.bool_)

    @cached_property
    def split_votes(self) -> Floats:
        """(N,) share of an item's annotations that are not for its most frequent label."""
        most = np.zeros(len(self), dtype=np.int16)
        for k in range(len(self.classes)):
            np.maximum(most, (self.labels == k).sum(0, dtype=np.int16), out=most)
        said = (self.labels >= 0).sum(0, dtype=np.int16)
        return np.asarray(1 - most / np.maximum(said, 1), dtype=np.float32)

    @cached_property
    def contradicted(self) -> NDArray[np.bool_]:
        """(N,) items whose learned truth contradicts a coder.

        People come first: where one spoke, machine coders do not make a contradiction.
        """
        by_people = np.zeros(len(self), dtype=np.bool_)
        spoke, by_machines = by_people.copy(), by_people.copy()
        for said, human in zip(self.labels, self.human, strict=True):
            against = (said >= 0) & (said != self.truth)
            if human:
                by_people |= against
                spoke |= said >= 0
            else:
                by_machines |= against
        return np.asarray(by_people | (by_machines & ~spoke))


def load_items(run: Run) -> LearnedItems:
    """Read the items of a finished run.

    Raises
    ------
    RunError
        the run is not finished, or its results are damaged.
    """
    about = read_json(run.result("transitions.json"))
    path = run.result("truth.parquet")
    with reading(path):
        classes, coders = tuple(about["classes"]), tuple(about["coders"])
        columns = column_names(coders, classes)
        file = pq.ParquetFile(path)
        there = set(file.schema_arrow.names)
        texts = [*columns.values(), "learned_truth", "network_truth", "_known_truth", "_origin", "_split"]
        file = pq.ParquetFile(path, read_dictionary=[c for c in texts if c in there])

        def coded(column: str, names: tuple[str, ...] | None) -> tuple[Codes, tuple[str, ...]]:
            if column not in there:
                return np.zeros(file.metadata.num_rows, dtype=np.int16), ("",)
            found = file.read([column]).column(0).combine_chunks()
            found = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
            values = [str(v) for v in found.dictionary.to_pylist()]
            known = tuple(sorted(values)) if names is None else names
            # An empty name, or one that is no class, is −1; missing cells too.
            place = np.asarray([known.index(v) if v in known else -1 for v in values] + [-1], dtype=np.int16)
            return place[found.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)], known

        def numbers(column: str) -> Floats:
            return np.asarray(file.read([column]).column(0).to_numpy(), dtype=np.float32)

        lost = [c for c in (*columns.values(), *(f"p_{c}" for c in classes)) if c not in there]
        if lost:
            raise damaged(path, f"it has no column {lost[0]!r}")
        truth = coded("learned_truth", classes)[0]
        if (truth < 0).any():
            raise damaged(path, "a learned truth is no class of the run")
        labels = np.stack([coded(columns[c], classes)[0] for c in coders])
        origin, origins = coded("_origin", None)
        split, splits = coded("_split", None)
        return LearnedItems(
            _texts(path, file),
            coders,
            classes,
            labels,
            truth,
            coded("network_truth", classes)[0],
            coded("_known_truth", classes)[0],
            numbers("confidence"),
            numbers("_margin") if "_margin" in there else _margins(file, classes),
            origin,
            origins,
            split,
            splits,
            tuple(about.get("given", ())),
        )


def _texts(path: Path, file: Any) -> pa.Array:
    """The names of the images."""
    column = file.read(["image"]).column(0)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or column.null_count:
        raise damaged(path, "column 'image' must hold the name of every image")
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _margins(file: Any, classes: tuple[str, ...]) -> Floats:
    """Of a run from before margins were kept."""
    out = []
    for batch in file.iter_batches(columns=[f"p_{c}" for c in classes]):
        p = np.stack([c.to_numpy() for c in batch.columns], axis=1)
        top = np.partition(p, -2, axis=1)
        out.append((top[:, -1] - top[:, -2]).astype(np.float32))
    return np.concatenate(out) if out else np.zeros(0, dtype=np.float32)
