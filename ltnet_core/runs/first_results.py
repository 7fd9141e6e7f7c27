"""Reads the results of runs of the first version: ``truth.parquet`` with names of classes, ``transitions.json``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..annotations import FloatArray
from ..files.parquet_files import read_row, read_row_parts, read_rows, read_texts, read_vote_parts, read_votes
from ..files.reading import damaged, read_json, reading
from ..labels.coder_labels import Codes, Labels, RowAnnotations
from ..labels.truth import column_names
from .learned_items import Floats, LearnedItems
from .run import Run

ITEMS, TRANSITIONS = "truth.parquet", "transitions.json"


@dataclass(frozen=True)
class FirstResults:
    """Reads what the first version wrote; the oldest runs kept neither margins nor p of the image alone."""

    run: Run
    item_files: tuple[str, ...] = (ITEMS, TRANSITIONS)
    transition_files: tuple[str, ...] = (TRANSITIONS,)

    def items(self) -> LearnedItems:
        about = self.transitions()
        path = self.run.result(ITEMS)
        classes, coders = tuple(about["classes"]), tuple(about["coders"])
        columns = column_names(coders, classes)
        with reading(path), pq.ParquetFile(path) as plain:
            stored = set(plain.schema_arrow.names)
        lost = [c for c in ("image", *columns.values(), *(f"p_{c}" for c in classes)) if c not in stored]
        if lost:
            raise damaged(path, f"it has no column {lost[0]!r}")
        texts = [*columns.values(), "learned_truth", "network_truth", "_known_truth", "_origin", "_split"]
        with reading(path), pq.ParquetFile(path, read_dictionary=[c for c in texts if c in stored]) as file:
            truth = _coded(file, "learned_truth", classes)[0]
            if (truth < 0).any():
                raise damaged(path, "a learned truth is no class of the run")
            origin, origins = _coded(file, "_origin", None)
            split, splits = _coded(file, "_split", None)
            return LearnedItems(
                names=read_texts(path, file.read(["image"]).column(0)),
                coders=coders,
                classes=classes,
                labels=Labels.of_columns([_coded(file, columns[c], classes)[0] for c in coders], len(truth)),
                truth=truth,
                network=_coded(file, "network_truth", classes)[0],
                known=_coded(file, "_known_truth", classes)[0],
                confidence=_numbers(file, "confidence"),
                margin=_numbers(file, "_margin") if "_margin" in stored else _margins(file, classes),
                origin=origin.astype(np.int32),
                origins=origins,
                split=split,
                splits=splits,
                certain=tuple(about.get("given", ())),
            )

    def posterior(self, rows: int) -> FloatArray:
        return read_rows(self.run.result(ITEMS), self._p(), rows)

    def posterior_parts(self, rows: int) -> Iterator[FloatArray]:
        return read_row_parts(self.run.result(ITEMS), self._p(), rows)

    def _p(self) -> list[str]:
        return [f"p_{c}" for c in self.transitions()["classes"]]

    def image_p(self, items: LearnedItems) -> Iterator[FloatArray] | None:
        if not self.run.keeps("network.parquet"):
            return None
        return read_row_parts(self.run.result("network.parquet"), [f"p_{c}" for c in items.classes], len(items))

    def probabilities(self, items: LearnedItems, row: int) -> tuple[FloatArray, FloatArray | None]:
        columns = [f"p_{c}" for c in items.classes]
        posterior = read_row(self.run.result(ITEMS), columns, row, len(items))
        if not self.run.keeps("network.parquet"):
            return posterior, None
        return posterior, read_row(self.run.result("network.parquet"), columns, row, len(items))

    def annotations(self, items: LearnedItems, row: int) -> dict[str, FloatArray]:
        if self.run.keeps("annotations.parquet"):
            return read_votes(self.run.result("annotations.parquet"), row, items.coders, len(items.classes))
        one = np.eye(len(items.classes))
        labels = items.labels.at(np.asarray([row]))[:, 0].tolist()
        return {coder: one[label] for coder, label in zip(items.coders, labels, strict=True) if label >= 0}

    def annotation_parts(self, items: LearnedItems) -> Iterator[RowAnnotations]:
        if self.run.keeps("annotations.parquet"):
            sizes = len(items), len(items.coders), len(items.classes)
            parts = read_vote_parts(self.run.result("annotations.parquet"), *sizes)
            yield from (RowAnnotations(*part) for part in parts)
            return
        labels = items.labels
        order = np.argsort(labels.row, kind="stable")
        one = np.ones(len(order), dtype=np.float32)
        yield RowAnnotations(labels.row[order], labels.coder()[order], labels.label[order], one)

    def shares(self, rows: int) -> FloatArray:
        return np.ones(rows)

    def share(self, items: LearnedItems, row: int) -> float:
        return 1.0

    def transitions(self) -> dict[str, Any]:
        return read_json(self.run.result(TRANSITIONS))


def _coded(file: Any, column: str, names: tuple[str, ...] | None) -> tuple[Codes, tuple[str, ...]]:
    """(N,) indices into the names, by default those that occur; −1 for a text that is none, and where there is none."""
    if column not in file.schema_arrow.names:
        return np.zeros(file.metadata.num_rows, dtype=np.int16), ("",)
    codes = file.read([column]).column(0).combine_chunks()
    codes = codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes
    values = [str(v) for v in codes.dictionary.to_pylist()]
    known = tuple(sorted(values)) if names is None else names
    number = {name: n for n, name in enumerate(known)}
    code_of = np.asarray([number.get(value, -1) for value in values] + [-1], dtype=np.int16)
    return code_of[codes.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)], known


def _numbers(file: Any, column: str) -> Floats:
    return np.asarray(file.read([column]).column(0).to_numpy(), dtype=np.float32)


def _margins(file: Any, classes: tuple[str, ...]) -> Floats:
    """Of a run from before margins were kept."""
    out = []
    for batch in file.iter_batches(columns=[f"p_{c}" for c in classes]):
        p = np.stack([c.to_numpy() for c in batch.columns], axis=1)
        top = np.partition(p, -2, axis=1)
        out.append((top[:, -1] - top[:, -2]).astype(np.float32))
    return np.concatenate(out) if out else np.zeros(0, dtype=np.float32)
