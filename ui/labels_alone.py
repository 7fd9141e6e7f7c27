"""What the labels alone tell of a dataset, before any training: worked out beside the pages, once for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ltnet_core.annotations import AnnotationTable, FloatArray
from ltnet_core.datasets import Study
from ltnet_core.files.spreadsheet import guarded
from ltnet_core.labels.aggregation import aggregate, work_of_choosing
from ltnet_core.labels.identifiability import labels_suffice
from ltnet_core.runs.evaluation import human_label_accuracy, scores
from ui import compare, markup, params, reads
from ui.current import run_again
from ui.small_matrices import small_matrices
from ui.wording import ONE_DIGIT, coder_name, duration
from ui.workspace import Dataset

METHODS = ("majority", "dawid-skene", "auto")
MEASURES = {"accuracy": "accuracy", "macro_f1": "macro F1", "ece": "calibration error"}
AT_ONCE = 5.0  # seconds; what takes longer waits for a button
SECONDS_AT_LEAST, SECONDS_A_NUMBER = 0.8, 4e-7  # measured on one core of 2026
MOST_CELLS = 4_000_000  # coders × classes²; of more no matrices are made
MOST_PICTURES, FIRST = 8, 6
MOST_CLASSES, MOST_CLASSES_AS_NUMBERS = 24, 60  # of a picture, of a table
LOOK_AGAIN = 1  # second

_worker = ThreadPoolExecutor(1, "labels-alone")
_asked: set[tuple[str, str, str | None, str]] = set()  # datasets for which somebody pressed the button


@dataclass(frozen=True)
class LabelsAlone:
    """What ``aggregate`` makes of the labels.

    Attributes
    ----------
    scores : method → accuracy, macro F1 and calibration error on the labelled items of known truth; empty without any.
    own : how often the labels themselves are right there; None where the truth is not known.
    items : labelled items. changed : of them, those where ``auto`` says another class than most labels.
    transitions : (C,K,K) by ``auto``, rows are truth; None where there are too many.
    share : (K,) of each class in the truth by ``auto``.
    note : what ``auto`` decided. suffice : whether the labels alone determine truth and matrices. met : whether any
        image has labels of several coders.
    """

    scores: Mapping[str, Mapping[str, Any]]
    own: float | None
    items: int
    changed: int
    transitions: FloatArray | None = field(repr=False)
    share: FloatArray = field(repr=False)
    note: str
    suffice: bool
    met: bool


def work_out(study: Study) -> LabelsAlone:
    """Aggregate the labels by every method, as the command ``aggregate`` does."""
    table, truth = study.table, study.truth
    results = {method: aggregate(table, method) for method in METHODS}
    labelled = table.annotated()
    known = np.flatnonzero(labelled & (truth >= 0))
    auto = results["auto"]
    c, k = len(table.coders), len(table.classes)
    return LabelsAlone(
        {m: scores(r.p[known], truth[known], r.labels[known]) for m, r in results.items()} if len(known) else {},
        human_label_accuracy(table, truth),
        int(labelled.sum()),
        int((auto.labels != results["majority"].labels)[labelled].sum()),
        auto.transitions if c * k * k <= MOST_CELLS else None,
        np.nan_to_num(np.nanmean(auto.p, axis=0)),
        auto.note,
        labels_suffice(table),
        _met(table),
    )


def _met(table: AnnotationTable) -> bool:
    """Whether several coders labelled the same item; one may have given it votes for several classes."""
    pairs = table.item.astype(np.int64) * len(table.coders) + table.coder
    return len(np.unique(pairs)) > len(np.unique(table.item))


def begin(dataset: Dataset) -> Future[LabelsAlone]:
    """Work it out in the background; the same of this version of the dataset for everybody who asks."""
    return _begin(*_key(dataset), dataset)


def _key(dataset: Dataset) -> tuple[str, str, str | None, str]:
    return str(dataset.location), dataset.version, dataset.format, dataset.corrections


@st.cache_resource(max_entries=12, show_spinner=False)
def _begin(location: str, version: str, format: str | None, corrections: str, _dataset: Dataset) -> Future[LabelsAlone]:
    return _worker.submit(work_out, reads.study(_dataset))


@st.cache_data(max_entries=24, show_spinner=False)
def _seconds_expected(location: str, version: str, format: str | None, corrections: str, _study: Study) -> float:
    return SECONDS_AT_LEAST + SECONDS_A_NUMBER * work_of_choosing(_study.table)


def section(study: Study, dataset: Dataset) -> None:
    """Heading, and the results or what is done until they are there."""
    if study.reading.questions or not len(study.table):
        return
    markup.heading("What the labels alone tell", "before any training; no image is looked at")
    key = _key(dataset)
    expected = _seconds_expected(*key, study)
    if expected > AT_ONCE and key not in _asked:
        markup.sentence(f"There are many labels: this takes about {duration(expected)}; you can go on meanwhile.")
        if st.button("Work it out", key="work_out"):
            _asked.add(key)
            st.rerun()
        return
    working = begin(dataset)
    if not working.done():
        wait(working, study, expected)
        return
    try:
        show(study, working.result())
    except MemoryError:
        markup.callout("error", "The memory of this machine is not enough for it.", title="This was not worked out")


def wait(working: Future[LabelsAlone], study: Study, expected: float) -> None:
    """Hold the room for it, and run the page again when it is there."""
    many = len(study.table.coders) > MOST_PICTURES
    height = 20 + 11 * math.ceil(min(len(study.table.coders), MOST_PICTURES) / 6) + (22 if many else 0)
    text = f"Working out majority vote, Dawid–Skene and the default of “aggregate”: about {duration(expected)}."
    markup.show(f'<div style="min-height: {height}rem" role="status"><p class="lt-quiet">{markup.esc(text)}</p></div>')

    @st.fragment(run_every=LOOK_AGAIN)
    def look() -> None:
        if working.done():
            run_again()

    with st.container():  # of its own: where a fragment ran that shows nothing, nothing else must stand
        look()


def show(study: Study, alone: LabelsAlone) -> None:
    """How right each method is where that is known, and every coder's matrix."""
    text = f"Of {alone.items:,} labelled images, the estimate differs from the majority vote in {alone.changed:,}."
    if alone.own is not None:
        text += f" The labels themselves are right {100 * alone.own:.1f} % of the time."
    if not alone.met:
        text += (
            " No image has labels of several coders, so the labels alone tell nothing of how the coders differ, and "
            "there are no matrices before training."
        )
    elif not alone.suffice:
        text += (
            " Few images have labels of several coders, so labels alone cannot tell truth and matrices apart: read "
            "these with care. Training looks at the images too."
        )
    markup.sentence(text)
    if alone.scores:
        items = max(int(s["items"]) for s in alone.scores.values())
        markup.show(compare.table(alone.scores, MEASURES))
        markup.sentence(f"On the {items:,} labelled images of known truth, test images among them.")
    elif (study.truth >= 0).any():
        markup.sentence("No labelled image has a known truth, so nobody can say how right these are; test images have.")
    else:
        markup.sentence("The dataset brings no known truth, so nobody can say how right these are.")
    if alone.transitions is not None and alone.met:
        _matrices(study.table, study.codes, alone.transitions, alone.share)
    if alone.note:
        with st.expander("How the estimate was made"):
            markup.sentence(alone.note)


def _matrices(table: AnnotationTable, codes: tuple[str, ...], transitions: FloatArray, share: FloatArray) -> None:
    """A small picture per coder, and the numbers; of many coders a table first."""
    chosen = list(range(len(table.coders)))
    if len(chosen) > MOST_PICTURES:
        chosen = _chosen(table, transitions, share)
    if len(table.classes) <= MOST_CLASSES:
        matrices = {table.coders[c]: transitions[c].tolist() for c in chosen}
        markup.show(small_matrices(matrices, table.classes, codes))
    if len(table.classes) > MOST_CLASSES_AS_NUMBERS:
        markup.sentence("There are too many classes to show the matrices; `aggregate --matrices FILE` writes them.")
        return
    rows = [
        {"coder": coder_name(table.coders[c]), "truth": name}
        | {code: round(float(v), 3) for code, v in zip(codes, transitions[c, k], strict=True)}
        for c in chosen
        for k, name in enumerate(table.classes)
    ]
    with st.expander("The same as numbers"):
        st.dataframe(guarded(pd.DataFrame(rows)), hide_index=True, key="alone_numbers")


def _chosen(table: AnnotationTable, transitions: FloatArray, share: FloatArray) -> list[int]:
    """A table of all coders, those with the most annotations first; returns the chosen ones, or the first."""
    size = table.annotations_per_coder()
    ranked = np.argsort(-size, kind="stable")
    right = np.diagonal(transitions, axis1=1, axis2=2) @ share
    frame = pd.DataFrame(
        {
            "coder": [coder_name(table.coders[c]) for c in ranked],
            "images": size[ranked],
            "right, as the labels have it": 100 * right[ranked],
        }
    )
    bar = st.column_config.ProgressColumn(format=ONE_DIGIT, min_value=0, max_value=100)
    ids = [table.coders[c] for c in ranked]
    rows = params.choose_rows("coder", frame, ids, {"right, as the labels have it": bar})
    return [int(c) for c in ranked[rows if rows else slice(FIRST)]]
