"""What a finished run leaves behind, in the order of classes and coders that the user gave."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .aggregation import aggregate, confusion_counts
from .annotations import ADJUDICATOR, AnnotationTable, FloatArray, is_machine
from .coders import machine_name
from .datasets import Study
from .evaluation import evaluate
from .identifiability import evidence, weak_rows
from .manifest import write_manifest
from .runs import Run
from .truth import column_names, expected_counts, truth_table
from .writing import naming, replacing, write_bytes, write_json

ROW_GROUP = 65_536  # rows of a result that are read at once, when one of them is asked for


@dataclass(frozen=True)
class Learned:
    """What training found, in canonical order.

    Attributes
    ----------
    table : annotations of human and machine coders; C coders, K classes.
    method : which of ``networks`` tells the truth of an image alone.
    transitions, start : (C,K,K), learned and before training; start is None where there was none.
    posterior : (N,K) truth given the image and its annotations.
    temperature : by which p of ``method`` was softened, chosen on held-out annotations.
    networks : method → (N,K) p of the image alone.
    usable : (N,) items whose image could be read.
    items : items to learn from, whose truth is reported.
    weights : (C,) weight of each coder's annotations in the posterior.
    features : (N,D) unit vectors of what the network sees; near ones look alike to it.
    given : coders that were taken at their word.
    reference_coder : the one in whose words the truth is told, whose matrix started next to the identity.
    """

    table: AnnotationTable
    method: str
    transitions: FloatArray
    start: FloatArray | None
    posterior: FloatArray
    temperature: float
    networks: Mapping[str, FloatArray]
    usable: NDArray[np.bool_]
    items: NDArray[np.int64]
    weights: FloatArray
    features: NDArray[np.float32]
    given: tuple[str, ...] = ()
    reference_coder: str | None = None

    def in_order_of(self, human: AnnotationTable) -> Learned:
        """The same, with classes and coders in the users' order, machine coders after them, the adjudicator last."""
        shown = [c for c in human.coders if c in self.table.coders and c != ADJUDICATOR]
        shown += [m for c in shown if (m := machine_name(c)) in self.table.coders]
        shown += [ADJUDICATOR] if ADJUDICATOR in self.table.coders else []
        coders = np.asarray([self.table.coder_index(c) for c in shown], dtype=np.int64)
        classes = np.asarray([self.table.classes.index(c) for c in human.classes], dtype=np.int64)
        cells = np.ix_(coders, classes, classes)
        order = [f"coder:{c}" for c in shown] + ["mixture"]
        names = sorted(self.networks, key=lambda n: (n == self.method, order.index(n) if n in order else len(order)))

        table = self.table.keep_coders(shown)
        label = np.argsort(classes)[table.label].astype(np.int32)
        return Learned(
            AnnotationTable(table.items, table.coders, human.classes, table.item, table.coder, label, table.count),
            self.method,
            self.transitions[cells],
            None if self.start is None else self.start[cells],
            self.posterior[:, classes],
            self.temperature,
            {name: self.networks[name][:, classes] for name in names},
            self.usable,
            self.items,
            self.weights[coders],
            self.features,
            self.given,
            self.reference_coder,
        )


def write_results(run: Run, study: Study, human: AnnotationTable, learned: Learned) -> list[str]:
    """Write truth, matrices, evaluation and test predictions of a run; the manifest is not written here.

    ``human`` holds the annotations of the human coders that took part, test items included.
    Returns sentences about what the data cannot tell.
    """
    learned = learned.in_order_of(human)
    table, networks = learned.table, learned.networks
    r = learned.posterior
    truth = r.argmax(1).astype(np.int32)
    network = networks[learned.method].argmax(1).astype(np.int32)
    labelled = human.keep_items(learned.usable & ~study.is_test)
    known_by = evidence(r, table, learned.transitions)
    reference, source = reference_matrices(study, table)
    evaluation = evaluate(
        human=human,
        truth=study.truth,
        test_set=study.test_set,
        networks=dict(networks),
        posterior=r,
        learned=truth,
        usable=learned.usable,
        transitions=dict(zip(table.coders, learned.transitions, strict=True)),
        reference=reference,
    )
    # The test items come last: the exported truth leaves them out, the gallery can show them.
    items = np.concatenate([learned.items, np.flatnonzero(study.is_test & learned.usable)])
    columns = column_names(table.coders, table.classes)
    frame = truth_table(table, r, truth, network, items)
    frame["_origin"] = _origins(frame, {c: columns[c] for c in table.coders if not is_machine(c) and c != ADJUDICATOR})
    known = study.truth[items]
    frame["_known_truth"] = np.where(known >= 0, np.asarray(table.classes, dtype=object)[known], "")
    p = networks[learned.method][items]
    frame["_network_confidence"] = p.max(1)
    frame["_margin"] = _margin(r[items])
    frame["_split"] = study.test_set[items]

    with naming(run.results):
        run.results.mkdir(exist_ok=True)
    _write_parquet(frame, run.results / "truth.parquet")
    seen = pd.DataFrame(p.astype(np.float32), columns=[f"p_{c}" for c in table.classes])
    _write_parquet(seen, run.results / "network.parquet")
    _write_parquet(_entries(table, items), run.results / "annotations.parquet")
    write_array(learned.features[items].astype(np.float16), run.results / "features.npy")
    _write_parquet(_test_predictions(study, networks, table.classes), run.results / "predictions.parquet")
    write_json(
        run.results / "transitions.json",
        {
            "classes": list(table.classes),
            "coders": _by_coder(table.coders, learned.transitions),
            "dawid_skene": _by_coder(human.coders, aggregate(labelled, "dawid-skene").transitions),
            "start": None if learned.start is None else _by_coder(table.coders, learned.start),
            "counts": _by_coder(table.coders, expected_counts(r, table)),
            "support": _by_coder(table.coders, known_by.support),
            "low": _by_coder(table.coders, known_by.low),
            "high": _by_coder(table.coders, known_by.high),
            "reference": {
                c: [None if np.isnan(row).any() else row.tolist() for row in m] for c, m in reference.items()
            },
            "reference_source": source,
            "columns": columns,
            "weights": dict(zip(table.coders, learned.weights.tolist(), strict=True)),
            "given": list(learned.given),
            "reference_coder": learned.reference_coder,
        },
    )
    write_json(run.results / "evaluation.json", evaluation)
    return weak_rows(known_by, table, learned.given)


def finish(run: Run) -> None:
    """Say that the results are complete. From now on the run is done."""
    write_manifest(run.folder)


def reference_matrices(study: Study, table: AnnotationTable) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """True matrices where known: planted ones, else what training annotations say against the known truth.

    A row without evidence is NaN.
    """
    reference: dict[str, FloatArray] = {}
    source: dict[str, str] = {}
    known = np.where(study.is_test, -1, study.truth)
    counts = confusion_counts(table, np.eye(len(table.classes))[known] * (known >= 0)[:, None])
    with np.errstate(invalid="ignore"):
        measured = counts / counts.sum(2, keepdims=True)
    for position, coder in enumerate(table.coders):
        if coder in study.planted:
            reference[coder], source[coder] = study.planted[coder], "planted"
        elif (known[table.item[table.coder == position]] >= 0).any():
            reference[coder], source[coder] = measured[position], "truth"
    return reference, source


def _by_coder(coders: tuple[str, ...], matrices: FloatArray) -> dict[str, Any]:
    return {c: m.tolist() for c, m in zip(coders, matrices, strict=True)}


def _origins(frame: pd.DataFrame, human_columns: dict[str, str]) -> NDArray[Any]:
    """The human coders who annotated each item, joined by ``+``, or ``unlabelled``."""
    origin = np.full(len(frame), "", dtype=object)
    for coder, column in human_columns.items():
        here = (frame[column] != "").to_numpy()
        origin[here] = np.where(origin[here] == "", coder, origin[here] + "+" + coder)
    origin[origin == ""] = "unlabelled"
    return origin


def _test_predictions(study: Study, networks: Mapping[str, FloatArray], classes: tuple[str, ...]) -> pd.DataFrame:
    items = np.flatnonzero(study.is_test)
    parts = []
    for name, p in networks.items():
        part = pd.DataFrame(p[items], columns=[f"p_{c}" for c in classes])
        part.insert(0, "image", study.table.items[items])
        part.insert(1, "network", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _margin(r: FloatArray) -> FloatArray:
    """(n,) lead of the most probable class over the next."""
    top = np.partition(r, -2, axis=1)
    return np.asarray(top[:, -1] - top[:, -2])


def _entries(table: AnnotationTable, items: NDArray[np.int64]) -> pd.DataFrame:
    """The annotations learned from, soft pseudo labels included, by row of the truth table."""
    row = np.full(len(table.items), -1, dtype=np.int32)
    row[items] = np.arange(len(items))
    at = row[table.item]
    order = np.argsort(at, kind="stable")
    order = order[at[order] >= 0]
    return pd.DataFrame(
        {
            "row": at[order],
            "coder": table.coder[order].astype(np.int16),
            "label": table.label[order].astype(np.int16),
            "count": table.count[order].astype(np.float32),
        }
    )


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    with replacing(path) as partial:
        frame.to_parquet(partial, index=False, row_group_size=ROW_GROUP)


def write_array(array: NDArray[Any], path: Path) -> None:
    """Write an ``.npy`` file; through memory, because numpy's own error of a full disk does not say that it is full.

    Raises
    ------
    StorageError
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())
