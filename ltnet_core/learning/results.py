"""The results of a finished run, in the order of classes and coders of the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR, AnnotationTable, FloatArray, is_machine
from ..datasets import Study
from ..files.parquet_files import TEXT
from ..files.writing import naming, write_json
from ..labels.aggregation import confusion_counts
from ..labels.coder_labels import RowAnnotations
from ..labels.identifiability import weak_rows
from ..labels.intervals import Evidence, evidence
from ..labels.truth import expected_counts
from ..runs.evaluation import aggregator, evaluate
from ..runs.learned_items import LearnedItems
from ..runs.run import Run
from ..runs.stored_results import Results, Transitions, write_results_files
from .coders import machine_name
from .shared_errors import annotation_shares


@dataclass(frozen=True)
class Learned:
    """What was learned, in canonical order (see :meth:`AnnotationTable.canonical`).

    Attributes
    ----------
    table : annotations of human and machine coders; C coders, K classes.
    method : the key in ``networks`` of the network whose p is the latent truth.
    transitions, start : (C,K,K), learned and before training; start is None where there was none.
    posterior : (N,K) truth given the image and its annotations.
    temperature : τ of the p of ``method``, chosen on held-out annotations.
    networks : method → (N,K) p of the image alone.
    usable : (N,) items whose image could be read.
    items : items to learn from, whose truth is reported.
    weights : (C,) weight of each coder's annotations in the posterior.
    features : (N,D) unit vectors; images that look alike to the network have a large cosine.
    certain : coders whose labels were taken as the truth.
    reference_coder : the coder whose labels fix what the classes mean; None where there is none.
    shares : (N,) share that the annotations of each item count in the posterior; those of machine coders and of
        certain coders count 1. None where all count 1.
    sharpness : power β of the posterior of items that people labelled, chosen by left-out annotations.
    assumed : (C,K) pseudo annotations of the prior of each row of T; None for none.
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
    certain: tuple[str, ...] = ()
    reference_coder: str | None = None
    shares: FloatArray | None = None
    sharpness: float = 1.0
    assumed: FloatArray | None = None

    def in_order_of(self, human: AnnotationTable) -> Learned:
        """The same with classes and coders in the order of ``human``; then machine coders, then the adjudicator."""
        shown = [c for c in human.coders if c in self.table.coders and c != ADJUDICATOR]
        shown += [m for c in shown if (m := machine_name(c)) in self.table.coders]
        shown += [ADJUDICATOR] if ADJUDICATOR in self.table.coders else []
        coders = np.asarray([self.table.coder_index(c) for c in shown], dtype=np.int64)
        classes = np.asarray([self.table.classes.index(c) for c in human.classes], dtype=np.int64)
        cells = np.ix_(coders, classes, classes)
        order = [f"coder:{c}" for c in shown] + ["mixture"]
        names = sorted(self.networks, key=lambda n: (n == self.method, order.index(n) if n in order else len(order)))

        return replace(
            self,
            table=self.table.in_order(shown, human.classes),
            transitions=self.transitions[cells],
            start=None if self.start is None else self.start[cells],
            posterior=self.posterior[:, classes],
            networks={name: self.networks[name][:, classes] for name in names},
            weights=self.weights[coders],
            assumed=None if self.assumed is None else self.assumed[np.ix_(coders, classes)],
        )


def write_results(run: Run, study: Study, human: AnnotationTable, learned: Learned) -> list[str]:
    """Write the results of a run and its evaluation; the manifest is not written here.

    ``human`` holds the annotations of the human coders that took part, test items included.
    Returns sentences about rows of T with little evidence.
    """
    learned = learned.in_order_of(human)
    table, networks, r = learned.table, learned.networks, learned.posterior
    truth = r.argmax(1).astype(np.int16)
    learnable = human.keep_items(learned.usable & ~study.is_test)
    alone = aggregator(learnable)
    known, source = true_matrices(study, table)
    evaluation = evaluate(
        human=learnable,
        alone=alone,
        alone_on_all=alone if len(learnable) == len(human) else aggregator(human),
        truth=study.truth,
        test_set=study.test_set,
        networks=dict(networks),
        posterior=r,
        learned=truth,
        usable=learned.usable,
        transitions=dict(zip(table.coders, learned.transitions, strict=True)),
        true_matrices=known,
    )
    known_by = _known_by(learned)
    # The test items come last: the exported truth leaves them out, the gallery can show them.
    rows = np.concatenate([learned.items, np.flatnonzero(study.is_test & learned.usable)])
    annotations = RowAnnotations.of(table, rows)
    results = Results(
        items=_items(study, learned, rows, truth, annotations),
        posterior=r[rows],
        p=networks[learned.method][rows],
        annotations=annotations,
        transitions=Transitions(
            learned=learned.transitions,
            start=learned.start,
            dawid_skene=_stacked(dict(zip(human.coders, alone("dawid-skene").transitions, strict=True)), table),
            counts=expected_counts(r, table),
            support=known_by.support,
            low=known_by.low,
            high=known_by.high,
            reference=_stacked(known, table),
            reference_source=source,
            weights=tuple(learned.weights.tolist()),
            reference_coder=learned.reference_coder,
            sharpness=learned.sharpness,
        ),
        features=learned.features[rows].astype(np.float16),
        share=np.ones(len(rows)) if learned.shares is None else learned.shares[rows],
    )
    with naming(run.results):
        run.results.mkdir(exist_ok=True)
    write_results_files(run.results, results)
    write_json(run.results / "evaluation.json", evaluation)
    return weak_rows(known_by, table, learned.certain)


def _known_by(learned: Learned) -> Evidence:
    """Evidence behind T; each annotation counts as in the posterior."""
    table = learned.table
    counted = learned.weights[table.coder]
    if learned.shares is not None:
        errs = np.asarray([not is_machine(c) and c not in learned.certain for c in table.coders], dtype=np.bool_)
        counted = counted * annotation_shares(learned.shares, table, errs)
    p = learned.networks[learned.method]
    return evidence(learned.posterior, table, learned.transitions, p, counted, learned.assumed)


def _items(
    study: Study, learned: Learned, rows: NDArray[np.int64], truth: NDArray[np.int16], annotations: RowAnnotations
) -> LearnedItems:
    """The rows as the gallery shows them."""
    table, r = learned.table, learned.posterior[rows]
    labels = annotations.labels(len(rows), len(table.coders))
    people = [c if not is_machine(c) and c != ADJUDICATOR else "" for c in table.coders]
    origin, origins = labels.origins(people, "unlabelled")
    split, splits = pd.factorize(study.test_set[rows], sort=True)
    return LearnedItems(
        names=pa.array(table.items[rows], TEXT),
        coders=table.coders,
        classes=table.classes,
        labels=labels,
        truth=truth[rows],
        network=learned.networks[learned.method][rows].argmax(1).astype(np.int16),
        known=study.truth[rows].astype(np.int16),
        confidence=r.max(1).astype(np.float32),
        margin=_margin(r).astype(np.float32),
        origin=origin,
        origins=origins,
        split=split.astype(np.int16),
        splits=tuple(map(str, splits)),
        certain=learned.certain,
    )


def _stacked(matrices: Mapping[str, FloatArray], table: AnnotationTable) -> FloatArray:
    """(C,K,K) in the order of the table's coders; NaN for coders without a matrix."""
    k = len(table.classes)
    unknown = np.full((k, k), np.nan)
    return np.stack([matrices.get(coder, unknown) for coder in table.coders])


def true_matrices(study: Study, table: AnnotationTable) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """coder → its true matrix (K,K), and coder → where that comes from.

    ``planted``: the dataset brings it. ``truth``: counted from the annotations of training items with known truth; a
    row of no item is NaN.
    """
    measured: dict[str, FloatArray] = {}
    known = np.where(study.is_test, -1, study.truth)
    if (known >= 0).any():
        counts = confusion_counts(table, np.eye(len(table.classes))[known] * (known >= 0)[:, None])
        with np.errstate(invalid="ignore"):
            shares = counts / counts.sum(2, keepdims=True)
        measured = {table.coders[c]: shares[c] for c in np.unique(table.coder[known[table.item] >= 0])}
    both = measured | study.planted
    matrices = {c: both[c] for c in table.coders if c in both}
    return matrices, {c: "planted" if c in study.planted else "truth" for c in matrices}


def _margin(r: FloatArray) -> FloatArray:
    """(n,) lead of the most probable class over the next."""
    top = np.partition(r, -2, axis=1)
    return np.asarray(top[:, -1] - top[:, -2])
