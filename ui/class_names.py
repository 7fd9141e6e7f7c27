"""Which class names mean the same, and which are none: as the sources of a joined study call them, or as labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import streamlit as st

from ltnet_core.datasets import Study
from ltnet_core.errors import LTNetError
from ltnet_core.files.spreadsheet import guarded, unguarded
from ui import markup, reads, workspace
from ui.top import to_top
from ui.workspace import Dataset

HOW = "Names of one meaning are one class. Change what a name is taken as; an empty cell leaves its labels out."


def section(study: Study, dataset: Dataset) -> None:
    """The classes and what they are taken as, to change."""
    if workspace.is_joined(dataset):
        _of_sources(dataset)
    elif dataset.id:
        with st.expander("Merge, rename or leave out classes"):
            markup.sentence(HOW)
            _of_labels(study, dataset)


def _of_sources(dataset: Dataset) -> None:
    classes = reads.source_classes(dataset)
    markup.heading("Class names", "as the sources call them", HOW)
    rows = [(c.name, ", ".join(c.sources), c.labels, c.taken_as) for c in classes]
    new = _edited(pd.DataFrame(rows, columns=["class", "in", "labels", "taken as"]), dataset)
    if new != {c.name: c.taken_as for c in classes} and st.button("Use these names", type="primary", key="use_classes"):
        try:
            workspace.set_classes(dataset, new)
        except (LTNetError, OSError) as e:
            markup.refused(e, "These names cannot be used")
        else:
            st.rerun()


def _of_labels(study: Study, dataset: Dataset) -> None:
    taken_as = now_taken_as(study)
    counts = study.table.class_counts().sum(0).tolist()
    labels = {name: round(count) for name, count in zip(study.table.classes, counts, strict=True)}
    # How many labels had each of several names that became one is not known any more.
    rows = [(name, labels.get(name) if to == name else None, to) for name, to in taken_as.items()]
    frame = pd.DataFrame(rows, columns=["class", "labels", "taken as"]).astype({"labels": "Int64"})
    new = _edited(frame, dataset)
    if new == taken_as or not st.button("Use these names", type="primary", key="use_classes"):
        return
    try:
        with st.spinner("Reading the dataset …"):
            workspace.set_reading(dataset, replace(study.corrections, classes=corrections(new)))
    except (LTNetError, OSError) as e:
        markup.refused(e, "These names cannot be used")
    else:
        to_top()
        st.rerun()


def now_taken_as(study: Study) -> dict[str, str]:
    """Class as the labels have it → what it is taken as.

    A class that only others are taken as is written nowhere: it is no name that can be changed.
    """
    before, classes = study.corrections.classes, study.table.classes
    written = [c for c in classes if c in before or c not in before.values()] + [c for c in before if c not in classes]
    return {name: before.get(name, name) for name in written}


def corrections(taken_as: Mapping[str, str]) -> dict[str, str]:
    """What the reading is told: names that changed, and those that another one is taken as, so that they stay known."""
    others = {to for name, to in taken_as.items() if to != name}
    return {name: to for name, to in taken_as.items() if to != name or name in others}


def _edited(frame: pd.DataFrame, dataset: Dataset) -> dict[str, str]:
    """Class → what it is taken as now, in a table whose last column can be changed."""
    edited = st.data_editor(
        guarded(frame),
        hide_index=True,
        disabled=list(frame.columns[:-1]),
        column_config={"labels": st.column_config.NumberColumn(format="localized")},
        key=f"classes_{dataset.id}_{dataset.version}",
    )
    edited = unguarded(edited)
    # A cell that was emptied by a key is None, which a table gives as no number.
    new = edited["taken as"].fillna("").astype(str).str.strip()
    return dict(zip(edited["class"].astype(str), new, strict=True))
