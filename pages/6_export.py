"""Export: the learned truth, the matrices, the model, a report."""

from __future__ import annotations

import shlex
from functools import partial

import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.files.spreadsheet import guarded
from ui import commands, downloads, frame, markup, reads
from ui.current import current
from ui.workspace import adjudications_of

PREVIEW = 200

state = current()
run = frame.finished_run(state)
stem = run.folder.name


def made_by_command(kind: str, label: str, mime: str, file: str, text: str) -> None:
    """A file that has to be made first, in a process of its own."""
    ready = st.session_state.setdefault("exports", {}).get((stem, kind))
    markup.heading(label, below=text)
    if ready is None:
        if st.button("Prepare", key=f"make_{kind}"):
            try:
                with st.spinner("Preparing …"):
                    st.session_state["exports"][stem, kind] = commands.export(run, kind)
            except (LTNetError, OSError) as e:
                markup.callout("error", str(e), title="This could not be made")
            else:
                st.rerun()
    else:
        st.download_button("Download", ready, file, mime, key=f"get_{kind}", on_click="ignore", type="primary")


with st.grid(min_column_width=300, gap="medium"):
    with st.container(border=True, height="stretch"):
        markup.heading(
            "Learned truth", below="One row per image: the learned truth, its confidence, and what every coder said."
        )
        with st.container(horizontal=True):
            st.download_button(
                "Download CSV", lambda: downloads.truth(run, ".csv"), f"{stem}-truth.csv", "text/csv",
                key="get_csv", on_click="ignore", type="primary",
            )  # fmt: skip
            st.download_button(
                "Parquet", lambda: downloads.truth(run, ".parquet"), f"{stem}-truth.parquet",
                "application/vnd.apache.parquet", key="get_parquet", on_click="ignore",
            )  # fmt: skip
    with st.container(border=True, height="stretch"):
        markup.heading(
            "Transition matrices", below="One matrix per coder: rows are truth, columns what the coder says."
        )
        with st.container(horizontal=True):
            for suffix, mime in ((".json", "application/json"), (".csv", "text/csv"), (".svg", "image/svg+xml")):
                kind = suffix[1:].upper()
                st.download_button(
                    f"Download {kind}" if suffix == ".json" else kind, partial(downloads.matrices, run, suffix),
                    f"{stem}-matrices{suffix}", mime, key=f"get_matrices{suffix}", on_click="ignore",
                    type="primary" if suffix == ".json" else "secondary",
                )  # fmt: skip
    with st.container(border=True, height="stretch"):
        made_by_command(
            "model", "Model", "application/octet-stream", f"{stem}-model.pt",
            "The trained network for your own code: truth from an image alone.",
        )  # fmt: skip
    try:
        decisions = downloads.settled(adjudications_of(state.dataset)) if state.dataset else None
    except LTNetError as e:
        decisions = None
        markup.callout("error", str(e), title="What was settled cannot be read")
    if decisions is not None:
        with st.container(border=True, height="stretch"):
            markup.heading("What was settled", below="One row per image that people settled: label, reviewer, reason.")
            st.download_button(
                "Download settled CSV", decisions, f"{stem}-settled.csv", "text/csv", key="get_settled",
                on_click="ignore", type="primary",
            )  # fmt: skip
    with st.container(border=True, height="stretch"):
        made_by_command(
            "report", "Report", "text/html", f"{stem}-report.html", "One page with matrices and results, to pass on."
        )

table, count = reads.first_truths(run, PREVIEW)
markup.heading("Preview", f"the first {len(table):,} of {count:,} rows")
bars = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
st.dataframe(guarded(table), hide_index=True, height=330, column_config={"confidence": bars})

markup.heading("The same from the command line")
folder = shlex.quote(str(run.folder))
st.code(
    f"python -m ltnet_core export {folder} --out truth.csv --matrices T.json\n"
    f"python -m ltnet_core export {folder} --out truth.parquet --model model.pt --report report.html\n"
    f"python -m ltnet_core evaluate {folder} --json",
    language=None,
    wrap_lines=True,
)
