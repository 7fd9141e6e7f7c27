"""How a dataset was read: open questions, the roles of the columns beside the first rows, how to change them."""

from __future__ import annotations

import streamlit as st

from ltnet_core.datasets import Study
from ltnet_core.datasets.correction_flags import of_answer
from ltnet_core.datasets.corrections import Corrections, from_roles
from ltnet_core.datasets.dataset_reading import ROLES, TableReading
from ltnet_core.datasets.questions import Question
from ltnet_core.errors import LTNetError
from ltnet_core.spreadsheet import guarded
from ui import markup, reads
from ui.workspace import Dataset, set_format, set_reading

TABLES, COLUMNS, ACROSS = 8, 40, 4


def questions(study: Study, dataset: Dataset) -> None:
    """The open questions, each with its answers as a choice."""
    for n, question in enumerate(study.reading.questions):
        with st.container(border=True):
            markup.callout("warning", question.sentence, title=_title(question))
            if not dataset.id:
                markup.sentence("Answer it where the dataset was brought: " + question.answers[0].flag)
                continue
            meanings = {a.flag: a.meaning for a in question.answers}
            flag = st.radio("Answer", list(meanings), format_func=meanings.__getitem__, index=None, key=f"answer_{n}")
            if st.button("Read it so", key=f"settle_{n}", type="primary", disabled=flag is None) and flag:
                format, said = of_answer(flag)
                if format is not None:
                    set_format(dataset, format)
                _apply(dataset, study.corrections.updated(said))


def section(study: Study, dataset: Dataset) -> None:
    """Each table with its first rows and the role of every column, to change; parts, names, missing labels."""
    reading = study.reading
    facts = [
        ("parts", ", ".join(f"{name}: {part}" for name, part in list(reading.splits.items())[:12])),
        ("image names", ", ".join(f"{n:,} by {rule}" for rule, n in reading.names.items())),
        ("no label", ", ".join(f"{value} ({n:,})" for value, n in reading.missing.items())),
    ]
    if not reading.tables and not any(text for _, text in facts):
        return
    with st.expander("How it was read", expanded=bool(reading.questions)):
        for what, text in facts:
            if text:
                markup.sentence(f"{what}: {text}")
        for n, table in enumerate(reading.tables[:TABLES]):
            _table(n, table, study, dataset)
        if study.corrections and dataset.id and st.button("Forget all that was said about the reading", key="forget"):
            _apply(dataset, Corrections())


def _title(question: Question) -> str:
    return question.kind[0].upper() + question.kind[1:]


def _table(n: int, table: TableReading, study: Study, dataset: Dataset) -> None:
    markup.heading(table.file, table.shape)
    rows = reads.first_rows(dataset, table.file)
    if len(rows):
        st.dataframe(guarded(rows), hide_index=True)
    columns = dict(list(table.columns.items())[:COLUMNS])
    if not dataset.id or study.format == "joined":
        markup.sentence(", ".join(f"{c}: {r}" for c, r in columns.items()))
        return
    with st.form(f"roles_{n}", border=False):
        chosen = {}
        for start in range(0, len(columns), ACROSS):
            row = list(columns.items())[start : start + ACROSS]
            for place, (column, role) in zip(st.columns(ACROSS), row, strict=False):
                chosen[column] = place.selectbox(column, ROLES, index=ROLES.index(role), key=f"role_{n}_{column}")
        if st.form_submit_button("Read it so", key=f"read_so_{n}") and chosen != columns:
            try:
                said = from_roles(columns, chosen)
            except LTNetError as e:
                markup.callout("error", str(e), title="It cannot be read so")
            else:
                kept = Corrections(
                    ignore=tuple(i for i in study.corrections.ignore if chosen.get(i, "ignored") == "ignored"),
                    split=study.corrections.split,
                    missing=study.corrections.missing,
                    classes=study.corrections.classes,
                )
                _apply(dataset, kept.updated(said))


def _apply(dataset: Dataset, corrections: Corrections) -> None:
    try:
        with st.spinner("Reading the dataset …"):
            set_reading(dataset, corrections)
    except (LTNetError, OSError) as e:
        markup.callout("error", str(e), title="It cannot be read so")
    else:
        st.rerun()
