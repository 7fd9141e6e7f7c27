"""Dataset: bring one, and see who labelled what and how far the coders agree."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from ltnet_core.datasets import FORMATS, Study
from ltnet_core.errors import LTNetError
from ltnet_core.files.printing import counted, plural
from ltnet_core.files.spreadsheet import guarded
from ui import (
    charts,
    class_names,
    frame,
    how_read,
    intake,
    joining,
    labels_alone,
    manage,
    markup,
    params,
    problem_list,
    reads,
    samples,
    uploads,
)
from ui.current import current
from ui.wording import ONE_DIGIT, coder_name, listing, percent
from ui.workspace import Dataset, set_format

ANOTHER, JOIN = "another-dataset", "join-datasets"  # where the page tells how to bring one, and how to join some
CHARTED, MOST_BARS = 8, 80  # coders in the chart; bars that can be told apart
MOST_ROWS = 20  # of the table of pairs; more are a table that scrolls


def overview(study: Study) -> None:
    """Headline numbers."""
    table = study.table
    labelled = table.annotated()
    n, _, k = table.shape
    tests, coders = int(study.is_test.sum()), len(study.human_coders)
    markup.facts(
        [
            (plural(n, "image"), f"{n:,}"),
            ("labelled", f"{int((labelled & ~study.is_test).sum()):,}"),
            ("unlabelled", f"{int((~labelled & ~study.is_test).sum()):,}"),
            (plural(tests, "test image"), f"{tests:,}"),
            (plural(coders, "coder"), f"{coders:,}"),
            (plural(k, "class"), f"{k:,}"),
        ]
    )


def read_as(study: Study, dataset: Dataset) -> None:
    """What the files were recognised as, and another choice."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        markup.sentence(f"Read as: {FORMATS[study.format].TITLE} ({study.why}).")
        if not dataset.id or study.format == "joined":
            return
        with st.popover("Read it as …", type="tertiary"):
            choices = [None, *(f for f in FORMATS if f != "joined")]
            format = st.selectbox(
                "Format",
                choices,
                index=choices.index(dataset.format),
                format_func=lambda f: "as recognised" if f is None else FORMATS[f].TITLE,
                key=f"format_{dataset.id}",
            )
            if format is not None:
                st.code(FORMATS[format].LAYOUT, language=None)
            if format != dataset.format and st.button("Read", type="primary", key="read_as"):
                try:
                    with st.spinner("Reading the dataset …"):
                        set_format(dataset, format)
                except (LTNetError, OSError) as e:
                    markup.refused(e, "It cannot be read so")
                else:
                    st.rerun()


def balance(study: Study) -> None:
    """How many labels each coder gave, and to which classes."""
    counts = study.table.class_counts()
    coders = dict(zip(study.table.coders, counts, strict=True))
    number = min(CHARTED, max(2, MOST_BARS // max(len(study.table.classes), 1)))
    most = dict(sorted(coders.items(), key=lambda c: -c[1].sum())[:number])
    note = "share of each coder’s labels" + (
        f", the {number} busiest of {len(coders):,}" if len(coders) > number else ""
    )
    markup.heading("Class balance", note)
    figure = charts.class_balance(most, study.table.classes, study.codes)
    st.plotly_chart(figure, config=charts.CONFIG, key="balance")
    if not charts.names_fit(study.table.classes):
        markup.show(markup.key(dict(zip(study.codes, study.table.classes, strict=True))))
    items = study.table.annotations_per_coder()
    rows = [
        {
            "coder": c,
            "images": int(i),
            **{f"{name} ({code})": int(v) for name, code, v in zip(study.table.classes, study.codes, n, strict=True)},
        }
        for (c, n), i in zip(coders.items(), items, strict=True)
    ]
    with st.expander("The same as numbers"):
        st.dataframe(guarded(pd.DataFrame(rows)), hide_index=True)


def agreement_part(study: Study, agreement: dict[str, Any]) -> None:
    """Kappa of each pair that met, alpha of all."""
    coders = len(study.human_coders)
    markup.heading("Agreement", "where two coders labelled the same image")
    pairs = agreement["pairs"]
    if coders < 2:
        markup.sentence("There is one coder only; transition matrices come into their own with two or more.")
        return
    if not pairs:
        markup.callout(
            "note",
            "No image was labelled by two coders, so their agreement cannot be measured directly. That is no obstacle: "
            "a machine coder trained on each coder’s labels will label the others’ images, and so bridges them.",
        )
        return
    met = {p["a"] for p in pairs} | {p["b"] for p in pairs}
    rows = [
        {
            "coders": f"{coder_name(p['a'])} – {coder_name(p['b'])}",
            "in common": p["items"],
            "agree": p["agreement"],
            "kappa": p["kappa"],
        }
        for p in sorted(pairs, key=lambda p: -p["items"])
    ]
    if len(rows) > MOST_ROWS:
        config = {
            "agree": st.column_config.NumberColumn(format=ONE_DIGIT),
            "kappa": st.column_config.NumberColumn(format="%.2f"),
        }
        whole_table = pd.DataFrame([{**r, "agree": 100 * r["agree"]} for r in rows])
        st.dataframe(guarded(whole_table), hide_index=True, height=420, key="pairs", column_config=config)
    else:
        markup.show(_pairs_table(rows))
    alpha = agreement["krippendorff_alpha"]
    left_out = agreement["pairs_left_out"]
    more = f"Left out: {counted(left_out, 'pair')} of the coders with the fewest labels. " if left_out else ""
    whole = "unknown" if alpha is None else format(alpha, ".2f")
    fleiss = agreement["fleiss_kappa"]
    whole += "" if fleiss is None else f"; Fleiss’ kappa: {fleiss:.2f}"
    scale = "Kappa is Cohen’s: 1 is full agreement, 0 what chance would give."
    text = f"{more}{scale} Krippendorff’s alpha over all coders: {whole}."
    alone = [c for c in study.human_coders if c not in met]
    if alone:
        text += f" {listing(alone)} shared no image with anybody; machine coders will bridge them."
    markup.sentence(text)


def _pairs_table(rows: list[dict[str, Any]]) -> str:
    cells = "".join(
        f"<tr><td>{markup.esc(r['coders'])}</td><td class='n'>{r['in common']:,}</td>"
        f"<td class='n'>{percent(r['agree'])}</td>"
        f"<td class='n'>{'–' if r['kappa'] is None else format(r['kappa'], '.2f')}</td></tr>"
        for r in rows
    )
    return (
        "<div class='lt-scroll'><table class='lt-table'><tr><th>coders</th><th class='n'>in common</th>"
        f"<th class='n'>agree</th><th class='n'>kappa</th></tr>{cells}</table></div>"
    )


@st.fragment
def faces(study: Study, dataset: Dataset) -> None:
    """Sample faces of every class, as one coder labelled them."""
    markup.heading("Sample images", "how one coder used the classes")
    busiest = sorted(zip(-study.table.annotations_per_coder(), study.table.coders, strict=True), key=lambda c: c[0])
    coder = params.choose("sample", "Coder", {c: c for _, c in busiest}, 260) if busiest else ""
    params.write()
    if coder:
        markup.show(samples.render(study, coder, reads.thumbnail_maker(dataset, 96)))


def more_datasets(bring: bool = False, join: bool = False) -> None:
    """Bring another, or join some; what is to be done next is open."""
    markup.show(f'<div id="{ANOTHER}"></div>')
    with st.expander("Bring another dataset", expanded=bring or bool(uploads.unfinished())):
        intake.three_ways()
    with st.expander("Join datasets into one study", expanded=join):
        markup.show(f'<div id="{JOIN}"></div>')
        joining.panel(state.datasets, intake.chosen)


state = current()
if state.dataset is None:
    intake.three_ways()
    manage.deleted_ones()
    st.stop()
try:
    study = reads.study(state.dataset)
except LTNetError as e:
    alone = reads.images_alone(state.dataset)
    if alone:
        text = "Join them with a dataset that has labels: they take part as unlabelled data, the bridge between coders."
        markup.callout("note", text, title=f"{counted(alone, 'image')}, and nobody labelled any")
    else:
        markup.refused(e, "This dataset cannot be read any more")
        if state.dataset.corrections:  # what was said may fit no longer where the files have changed
            how_read.forget(state.dataset)
    manage.dataset_itself(state.dataset, state)
    more_datasets(bring=True, join=True)
    st.stop()

overview(study)
read_as(study, state.dataset)
how_read.questions(study, state.dataset)
how_read.section(study, state.dataset)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    if study.has_images:
        frame.link("disagreements", "Look at the images", state)
    if not state.runs_here and study.has_images and not study.errors() and not study.reading.questions:
        frame.link("train", "Next: train on it →", state)
    more = f'<a class="lt-jump" href="#{ANOTHER}">Bring another dataset ↓</a>'
    if not study.has_images and state.dataset.id:
        more = f'<a class="lt-jump" href="#{JOIN}">Join these labels with images ↓</a> &ensp; {more}'
    markup.show(more)
if not study.has_images:
    text = "To train on them, join them with the dataset of their images. The command line tells their truth without."
    markup.callout("note", text, title="Labels without images")
with st.grid(2, min_column_width=400, gap="large"):
    left, right = st.container(), st.container()
with left:
    balance(study)
    class_names.section(study, state.dataset)
with right:
    problem_list.section(study, state.dataset)
    agreement_part(study, reads.study_agreement(state.dataset))
with st.container():  # what it shows changes by itself, and what stands below keeps its place in the page
    labels_alone.section(study, state.dataset)
if study.has_images:
    faces(study, state.dataset)
more_datasets(join=not study.has_images)
manage.dataset_itself(state.dataset, state)
manage.deleted_ones()
