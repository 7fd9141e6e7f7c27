"""How a dataset was read: open questions, the roles of the columns beside the first rows, how to change them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ltnet_core.datasets import FORMATS, Study
from ltnet_core.datasets.correction_flags import of_answer
from ltnet_core.datasets.corrections import Corrections, from_roles
from ltnet_core.datasets.dataset_reading import ROLES, TableReading
from ltnet_core.datasets.questions import Question
from ltnet_core.errors import LTNetError, OptionError
from ltnet_core.files.spreadsheet import guarded
from ui import markup, reads
from ui.top import to_top
from ui.workspace import Dataset, set_format, set_reading

TABLES, COLUMNS, ACROSS = 8, 40, 4
SHAPES = {
    "long": "a row for each annotation",
    "wide": "a column for each annotator",
    "single": "one column of labels",
    "votes": "a column for each class",
    "truth": "known truth",
    "none": "no labels",
}
CODERS, CLASSES, FIRST = 8, 12, 5


def questions(study: Study, dataset: Dataset) -> None:
    """The open questions, each with its answers as a choice."""
    for n, question in enumerate(study.reading.questions):
        with st.container(border=True):
            markup.callout("warning", question.sentence, title=_title(question))
            if not dataset.id:
                markup.sentence("Answer it where the dataset was brought: " + question.answers[0].flag)
                continue
            meanings = {a.flag: markup.label(a.meaning) for a in question.answers}
            flag = st.radio("Answer", list(meanings), format_func=meanings.__getitem__, index=None, key=f"answer_{n}")
            format, corrections = of_answer(flag) if flag else (None, Corrections())
            if flag and format is None:
                _preview(dataset, study.corrections.updated(corrections))
            if st.button("Keep this reading", key=f"settle_{n}", type="primary", disabled=flag is None) and flag:
                if format is not None:
                    set_format(dataset, format)
                _apply(dataset, study.corrections.updated(corrections))


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
        if study.corrections:
            forget(dataset)


def forget(dataset: Dataset) -> None:
    """A button that takes back every answer and choice about the reading."""
    if dataset.id and st.button("Forget all that was said about the reading", key="forget"):
        _apply(dataset, Corrections())


def _title(question: Question) -> str:
    return question.kind[0].upper() + question.kind[1:]


def _table(n: int, table: TableReading, study: Study, dataset: Dataset) -> None:
    markup.heading(table.file, SHAPES.get(table.shape, table.shape))
    rows = reads.first_rows(dataset, table.file)
    if len(rows):
        st.dataframe(guarded(rows), hide_index=True)
    columns = dict(list(table.columns.items())[:COLUMNS])
    if not dataset.id or study.format == "joined":
        markup.sentence(", ".join(f"{c}: {r}" for c, r in columns.items()))
        return
    _roles(n, columns, study, dataset)


@st.fragment
def _roles(n: int, columns: dict[str, str], study: Study, dataset: Dataset) -> None:
    """The role of every column, to change; what a change would make of the first rows is shown at once."""
    chosen = {}
    for start in range(0, len(columns), ACROSS):
        row = list(columns.items())[start : start + ACROSS]
        for cell, (column, role) in zip(st.columns(ACROSS), row, strict=False):
            # A new reading makes new widgets: one that was there before would keep the role of the reading before.
            key = f"role_{n}_{column}_{dataset.version}"
            chosen[column] = cell.selectbox(column, ROLES, index=ROLES.index(role), key=key)
    if chosen == columns:
        return
    with st.container(border=True):
        try:
            corrections = _corrections(columns, chosen, study)
        except OptionError as e:
            markup.refused(e, "It cannot be read so")
            return
        _preview(dataset, corrections)
        if st.button("Keep this reading", key=f"read_so_{n}", type="primary"):
            _apply(dataset, corrections)


def _corrections(columns: dict[str, str], chosen: dict[str, str], study: Study) -> Corrections:
    """The earlier corrections, replaced where the changed roles differ."""
    if hasattr(FORMATS[study.format], "CHOOSES"):  # an export: only the question that holds the labels can be chosen
        labels = [c for c, r in chosen.items() if r == "label"]
        out = [c for c, r in columns.items() if r in ("label", "ignored") and c not in labels]
        corrections, before = Corrections(ignore=tuple(out)), replace(study.corrections, ignore=())
        if {c: r for c, r in chosen.items() if columns[c] not in ("label", "ignored")}.items() <= columns.items():
            return before.updated(corrections)
        raise OptionError("of this export only the question that holds the labels can be chosen.")
    kept = Corrections(
        ignore=tuple(i for i in study.corrections.ignore if chosen.get(i, "ignored") == "ignored"),
        split=study.corrections.split,
        missing=study.corrections.missing,
        classes=study.corrections.classes,
    )
    return kept.updated(from_roles(columns, chosen))


def _preview(dataset: Dataset, corrections: Corrections) -> None:
    """What the first rows would be: counts, classes, annotations, open questions."""
    try:
        preview = reads.preview(dataset, corrections)
    except (LTNetError, OSError) as e:
        markup.refused(e, "The first rows cannot be read so", "warning")
        return
    study = preview.study
    labelled = int((study.table.annotated() & ~study.is_test).sum())
    note = "by the first rows of each table" if preview.cut else "nothing is kept yet"
    markup.heading("So it would be read", note)
    numbers = dict(zip(study.table.coders, study.table.annotations_per_coder(), strict=True))
    most = sorted(numbers.items(), key=lambda c: -c[1])[:CODERS]
    markup.facts(
        [
            ("labelled images", f"{labelled:,}"),
            ("test images", f"{int(study.is_test.sum()):,}"),
            ("coders", f"{len(numbers):,}"),
            ("classes", f"{len(study.table.classes):,}"),
        ]
    )
    markup.sentence(
        "coders: " + ", ".join(f"{c} ({int(v):,})" for c, v in most) + (" …" if len(numbers) > CODERS else "")
    )
    shown = study.table.classes[:CLASSES]
    markup.sentence("classes: " + ", ".join(shown) + (" …" if len(study.table.classes) > CLASSES else ""))
    rows = study.table.to_frame().head(FIRST)
    st.dataframe(guarded(rows if (rows["count"] != 1).any() else rows.drop(columns="count")), hide_index=True)
    for problem in study.errors()[:2]:
        markup.callout("error", problem.examples[0], title=problem.kind)
    for question in study.reading.questions[:2]:
        markup.callout("warning", question.sentence, title="It would ask")


def _apply(dataset: Dataset, corrections: Corrections) -> None:
    try:
        with st.spinner("Reading the dataset …"):
            set_reading(dataset, corrections)
    except (LTNetError, OSError) as e:
        markup.refused(e, "It cannot be read so")
    else:
        to_top()
        st.rerun()
