"""Export: final labels, the learned truth, the matrices, the model, a report, and files for other programs."""

from __future__ import annotations

import shlex

import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.explore.adjudications import Adjudications
from ltnet_core.explore.set_aside import read_set_aside
from ltnet_core.export.kind import EXPORTS, Export
from ltnet_core.export.kinds.glossary import glossary
from ltnet_core.files.spreadsheet import guarded
from ltnet_core.labels.disagreement import CASES
from ui import export_routes, frame, markup, reads
from ui.current import current
from ui.wording import ONE_DIGIT
from ui.workspace import adjudications_of

PREVIEW = 200

state = current()
run = frame.finished_run(state)
store = None if state.dataset is None else adjudications_of(state.dataset)
try:
    settled = 0 if store is None else len(Adjudications(store).to_frame())
    aside = 0 if store is None or not store.is_file() else len(read_set_aside(store))
except LTNetError as e:
    settled = aside = 0
    markup.refused(e, "What was settled cannot be read")


def card(export: Export) -> None:
    """One export with a link per kind of file; the server makes the file when the link is followed."""
    markup.heading(export.title, below=export.text)
    with st.container(horizontal=True):
        for number, ending in enumerate(export.suffixes):
            kind = ending[1:].upper()
            st.link_button(
                kind if number else f"Download {kind}",
                export_routes.address(run, export.name, ending),
                type="secondary" if number else "primary",
            )


if aside:
    verb = "image is set aside: it is" if aside == 1 else "images are set aside: they are"
    markup.sentence(f"{aside:,} {verb} in no table below, and no refit learns from what is set aside.")

with st.grid(min_column_width=300, gap="medium"):
    for export in EXPORTS.values():
        if settled or aside or not export.of_settled:
            with st.container(border=True, height="stretch", vertical_alignment="distribute"):
                card(export)

if settled:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        text = "Whose label was confirmed, by coder and class, is told by the report on Disagreements, under Settling."
        markup.sentence(text)
        frame.link("disagreements", "Go to Disagreements", state)

table, count = reads.first_truths(run, PREVIEW)
markup.heading("Preview", f"the first {len(table):,} of {count:,} rows of the learned truth")
columns = {
    "confidence": st.column_config.ProgressColumn(format=ONE_DIGIT, min_value=0, max_value=100),
    "case": st.column_config.TextColumn(width="medium"),
}
cases = {str(number): text for number, text in CASES.items()}
st.dataframe(
    guarded(table.assign(case=table["case"].map(cases).fillna(""), confidence=100 * table["confidence"])),
    hide_index=True,
    height=330,
    column_config=columns,
)

with st.expander("What the columns mean"):
    st.dataframe(guarded(glossary()), hide_index=True)

markup.heading("The same from the command line")
folder = shlex.quote(str(run.folder))
taken = f" --adjudications {shlex.quote(str(store))}" if (settled or aside) and store is not None else ""
title = "" if state.dataset is None else f" --title={shlex.quote(state.dataset.name)}"
report = (
    f"python -m ltnet_core report {folder} --settled {shlex.quote(str(store))} --out settled.html{title}\n"
    if settled and store is not None
    else ""
)
st.code(
    f"python -m ltnet_core export {folder} --out truth.csv --matrices T.json --model model.pt "
    f"--report report.html{title}{taken}\n"
    f"python -m ltnet_core export {folder} --format final --out labels.csv{taken}\n"
    f"{report}python -m ltnet_core export --help    # every --format",
    language=None,
    wrap_lines=True,
)
