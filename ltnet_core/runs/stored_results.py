"""The results of a finished run on the disk: items as columns of codes, annotations by index, every name once.

::

    results/names.json           classes, coders, origins and splits, which the codes below are indices into
    results/items.parquet        one row per item: image, codes, confidence, p by class index
    results/annotations.parquet  row, coder, label, count
    results/transitions.parquet  one row per coder, truth and label: T and what belongs to it
    results/features.npy         what the network sees of each item

Runs from before there was ``names.json`` are read by :mod:`~ltnet_core.runs.first_results`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..annotations import FloatArray
from ..files.parquet_files import (
    read_codes,
    read_row,
    read_row_parts,
    read_rows,
    read_texts,
    read_vote_parts,
    read_votes,
    write_parquet,
)
from ..files.reading import damaged, read_json, reading
from ..files.writing import write_array, write_json
from ..labels.coder_labels import NO_LABELS, NO_ROWS, Labels, RowAnnotations, ascending, begins
from .first_results import FirstResults
from .learned_items import LearnedItems
from .run import Run
from .run_contents import MATRICES, PARTLY_KNOWN, cells_of

NAMES, ITEMS, ANNOTATIONS, TRANSITIONS = "names.json", "items.parquet", "annotations.parquet", "transitions.parquet"
BATCH = 1 << 18  # annotations that are read at once


@dataclass(frozen=True)
class Transitions:
    """The matrices of C coders, rows are truth.

    Attributes
    ----------
    learned, start : (C,K,K), learned and before training; start is None where there was none.
    dawid_skene : (C,K,K) what the labels alone say, NaN for machine coders.
    counts : (C,K,K) expected annotations behind each cell. support : (C,K) annotations behind each row.
    low, high : (C,K,K) ends of each cell's 95 % interval.
    reference : (C,K,K) the true matrix; NaN in unknown rows.
    reference_source : coder → ``planted`` or ``truth``.
    weights : (C,) weight of each coder's annotations in the posterior.
    reference_coder : name of the reference coder; None where there is none.
    sharpness : power of the posterior of items that people labelled.
    """

    learned: FloatArray
    start: FloatArray | None
    dawid_skene: FloatArray
    counts: FloatArray
    support: FloatArray
    low: FloatArray
    high: FloatArray
    reference: FloatArray
    reference_source: dict[str, str] = field(default_factory=dict)
    weights: tuple[float, ...] = ()
    reference_coder: str | None = None
    sharpness: float = 1.0

    def matrices(self) -> dict[str, FloatArray]:
        """Name → (C,K,K) of those there are; the support of a row is repeated for its cells."""
        arrays = {name: getattr(self, name) for name in MATRICES if getattr(self, name) is not None}
        return {**arrays, "support": np.repeat(self.support[:, :, None], self.support.shape[1], axis=2)}


@dataclass(frozen=True)
class Results:
    """Everything that the pages and the exports read of a finished run; N rows, C coders, K classes.

    Attributes
    ----------
    items : the rows, their labels included.
    posterior : (N,K) truth given the image and its annotations. p : (N,K) truth given the image alone.
    annotations : what was learned from. features : (N,D) unit vectors.
    share : (N,) what people's annotations of an item count in the posterior (:mod:`ltnet_core.learning.shared_errors`).
    """

    items: LearnedItems
    posterior: FloatArray
    p: FloatArray
    annotations: RowAnnotations
    transitions: Transitions
    features: NDArray[Any]
    share: FloatArray


def write_results_files(folder: Path, results: Results) -> None:
    """Write every file of the store into a folder.

    Raises
    ------
    StorageError
    """
    items, transitions = results.items, results.transitions
    names = {name: getattr(items, name) for name in ("classes", "coders", "origins", "splits")}
    names["given"] = items.certain
    facts = {
        name: getattr(transitions, name) for name in ("weights", "reference_coder", "reference_source", "sharpness")
    }
    known = np.flatnonzero(~np.isnan(transitions.dawid_skene).any(axis=(1, 2)))
    facts["dawid_skene"] = [items.coders[c] for c in known]
    write_json(folder / NAMES, {**names, **facts})
    codes = {name: getattr(items, name) for name in ("truth", "network", "known", "origin", "split")}
    numbers = {"confidence": items.confidence, "margin": items.margin, "share": results.share.astype(np.float32)}
    p = {f"p_{k}": column for k, column in enumerate(results.posterior.T)}
    image_p = {f"image_p_{k}": column.astype(np.float32) for k, column in enumerate(results.p.T)}
    write_parquet({"image": items.names, **codes, **numbers, **p, **image_p}, folder / ITEMS, coded=[*codes])
    entries = {f.name: getattr(results.annotations, f.name) for f in fields(RowAnnotations)}
    write_parquet(entries, folder / ANNOTATIONS, coded=("coder", "label", "count"))
    cells = cells_of(len(items.coders), len(items.classes))
    matrices = {name: matrix.ravel() for name, matrix in transitions.matrices().items()}
    write_parquet({**cells, **matrices}, folder / TRANSITIONS, coded=[*cells, "support"])
    write_array(results.features, folder / "features.npy")


class ResultReader(Protocol):
    """Reads the results of a finished run, whichever version wrote them; every method may raise ``RunError``."""

    @property
    def item_files(self) -> tuple[str, ...]:
        """The results that the items are read from."""

    @property
    def transition_files(self) -> tuple[str, ...]:
        """The results that the matrices are read from."""

    def items(self) -> LearnedItems:
        """The rows, without their probabilities."""

    def posterior(self, rows: int) -> FloatArray:
        """(rows, K) of the first rows."""

    def posterior_parts(self, rows: int) -> Iterator[FloatArray]:
        """The same, some rows at a time."""

    def image_p(self, items: LearnedItems) -> Iterator[FloatArray] | None:
        """(n,K) of all rows given the image alone, some at a time; None where that was not kept."""

    def probabilities(self, items: LearnedItems, row: int) -> tuple[FloatArray, FloatArray | None]:
        """(K,) of one row, given all and given the image alone; None where that was not kept."""

    def annotations(self, items: LearnedItems, row: int) -> dict[str, FloatArray]:
        """coder → (K,) what it said of one row, votes or shares."""

    def annotation_parts(self, items: LearnedItems) -> Iterator[RowAnnotations]:
        """All annotations in the order of their rows, some at a time."""

    def shares(self, rows: int) -> FloatArray:
        """(rows,) what people's annotations of the first rows count in the posterior."""

    def share(self, items: LearnedItems, row: int) -> float:
        """What people's annotations of one row count in the posterior; all of it where that was not kept."""

    def transitions(self) -> dict[str, Any]:
        """``{"classes": […], "coders": {NAME: K × K}, "start", "dawid_skene", "counts", "support", …}``."""


def open_results(run: Run) -> ResultReader:
    """What reads the results of a finished run.

    Raises
    ------
    RunError
        it is not finished, or its manifest is damaged.
    """
    run.require_complete()
    return StoredResults(run) if run.keeps(NAMES) else FirstResults(run)


def load_items(run: Run) -> LearnedItems:
    """Read the items of a finished run.

    Raises
    ------
    RunError
        the run is not finished, or its results are damaged.
    """
    return open_results(run).items()


def read_transitions(run: Run) -> dict[str, Any]:
    """The matrices of a finished run by coder, see :meth:`ResultReader.transitions`.

    Raises
    ------
    RunError
        the run is not finished, or its results are damaged.
    """
    return open_results(run).transitions()


@dataclass(frozen=True)
class StoredResults:
    """Reads what :func:`write_results_files` wrote."""

    run: Run
    item_files: tuple[str, ...] = (NAMES, ITEMS, ANNOTATIONS)
    transition_files: tuple[str, ...] = (NAMES, TRANSITIONS)

    def names(self) -> dict[str, Any]:
        """The content of names.json."""
        return read_json(self.run.result(NAMES))

    def items(self) -> LearnedItems:
        names, path = self.names(), self.run.result(ITEMS)
        coders, classes, origins, splits, certain = (
            tuple(names[name]) for name in ("coders", "classes", "origins", "splits", "given")
        )
        ranges = {"truth": (0, len(classes)), "network": (-1, len(classes)), "known": (-1, len(classes))}
        ranges |= {"origin": (0, len(origins)), "split": (0, len(splits))}
        with reading(path), pq.ParquetFile(path) as file:
            # One column at a time: the room that one took to be decoded is used again by the next.
            images = read_texts(path, file.read(["image"]).column(0))
            codes = {name: read_codes(path, file.read([name]), name, *ends) for name, ends in ranges.items()}
            numbers = {name: file.read([name]).column(0).to_numpy() for name in ("confidence", "margin")}
        return LearnedItems(
            names=images,
            coders=coders,
            classes=classes,
            labels=self._labels(len(images), len(coders), len(classes)),
            truth=codes["truth"],
            network=codes["network"],
            known=codes["known"],
            confidence=numbers["confidence"],
            margin=numbers["margin"],
            origin=codes["origin"],
            origins=origins,
            split=codes["split"],
            splits=splits,
            certain=certain,
        )

    def _labels(self, rows: int, coders: int, classes: int) -> Labels:
        path = self.run.result(ANNOTATIONS)
        kept = [(NO_ROWS, NO_ROWS, NO_LABELS)]
        last = (-1, -1)
        with reading(path), pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH, columns=["row", "coder", "label"]):
                row, coder, label = (
                    read_codes(path, batch, name, 0, size)
                    for name, size in (("row", rows), ("coder", coders), ("label", classes))
                )
                if not ascending(row, last[0]):
                    raise damaged(path, "its rows are not in order")
                first = begins(row, coder, last)
                kept.append((row, coder, label) if first.all() else (row[first], coder[first], label[first]))
                last = int(row[-1]), int(coder[-1])
        row, coder, label = (np.concatenate(parts) for parts in zip(*kept, strict=True))
        return Labels.of(row, coder, label, rows, coders)

    def posterior(self, rows: int) -> FloatArray:
        return read_rows(self.run.result(ITEMS), self._p(), rows)

    def posterior_parts(self, rows: int) -> Iterator[FloatArray]:
        return read_row_parts(self.run.result(ITEMS), self._p(), rows)

    def _p(self) -> list[str]:
        return [f"p_{k}" for k in range(len(self.names()["classes"]))]

    def image_p(self, items: LearnedItems) -> Iterator[FloatArray] | None:
        columns = [f"image_p_{k}" for k in range(len(items.classes))]
        return read_row_parts(self.run.result(ITEMS), columns, len(items))

    def probabilities(self, items: LearnedItems, row: int) -> tuple[FloatArray, FloatArray | None]:
        k = len(items.classes)
        columns = [f"{prefix}{label}" for prefix in ("p_", "image_p_") for label in range(k)]
        both = read_row(self.run.result(ITEMS), columns, row, len(items))
        return both[:k], both[k:]

    def annotations(self, items: LearnedItems, row: int) -> dict[str, FloatArray]:
        return read_votes(self.run.result(ANNOTATIONS), row, items.coders, len(items.classes))

    def annotation_parts(self, items: LearnedItems) -> Iterator[RowAnnotations]:
        sizes = len(items), len(items.coders), len(items.classes)
        return (RowAnnotations(*part) for part in read_vote_parts(self.run.result(ANNOTATIONS), *sizes))

    def _keeps_shares(self) -> bool:
        path = self.run.result(ITEMS)
        with reading(path), pq.ParquetFile(path) as file:
            return "share" in file.schema_arrow.names

    def shares(self, rows: int) -> FloatArray:
        return read_rows(self.run.result(ITEMS), ["share"], rows)[:, 0] if self._keeps_shares() else np.ones(rows)

    def share(self, items: LearnedItems, row: int) -> float:
        if not self._keeps_shares():
            return 1.0
        return float(read_row(self.run.result(ITEMS), ["share"], row, len(items))[0])

    def transitions(self) -> dict[str, Any]:
        names, path = self.names(), self.run.result(TRANSITIONS)
        coders, classes = names["coders"], names["classes"]
        shape = len(coders), len(classes), len(classes)
        with reading(path), pq.ParquetFile(path) as file:
            table = file.read([name for name in MATRICES if name in file.schema_arrow.names])
            matrices = {name: table.column(name).to_numpy().reshape(shape) for name in table.column_names}
        by_coder = {name: dict(zip(coders, _lists(name, m), strict=True)) for name, m in matrices.items()}
        for name, known in (("dawid_skene", names["dawid_skene"]), ("reference", names["reference_source"])):
            by_coder[name] = {coder: by_coder[name][coder] for coder in known}
        facts = {name: names[name] for name in ("given", "reference_coder", "reference_source")}
        facts["sharpness"] = names.get("sharpness", 1.0)
        weights = dict(zip(coders, names["weights"], strict=True))
        learned = by_coder.pop("learned")
        return {"classes": classes, "coders": learned, "start": None, **by_coder, "weights": weights, **facts}


def _lists(name: str, matrices: FloatArray) -> list[Any]:
    """Each coder's matrix as JSON: an unknown row is None, the support one number a row."""
    if name in PARTLY_KNOWN:
        return [[None if np.isnan(row).any() else row.tolist() for row in matrix] for matrix in matrices]
    return list((matrices[:, :, 0] if name == "support" else matrices).tolist())
