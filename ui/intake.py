"""Three ways to bring a dataset: the demo, an upload (a folder, a zip or a table), a path on the server."""

from __future__ import annotations

import streamlit as st

from ltnet_core.datasets import FORMATS
from ltnet_core.errors import LTNetError
from ui import markup, workspace
from ui.access.settings import settings
from ui.clicks import once
from ui.current import select
from ui.folder_upload import folder_upload
from ui.roots import allowed_roots
from ui.top import to_top
from ui.workspace import Dataset

DEMO_ITEMS = 2400
PROBLEM = "intake_problem"


def chosen(dataset: Dataset) -> None:
    """Look at a dataset that was just brought."""
    st.session_state.pop(PROBLEM, None)
    select(dataset)
    to_top()
    st.rerun()


def three_ways() -> None:
    """The demo, an upload, a path."""
    if PROBLEM in st.session_state:
        markup.callout("error", st.session_state[PROBLEM], title="This dataset cannot be used")
    for column, way in zip(st.columns(3, gap="medium"), (_demo, _upload, _path), strict=True):
        with column, st.container(border=True, height="stretch"):
            way()
    with st.expander("How a dataset looks"):
        format = st.selectbox(
            "Format", list(FORMATS), format_func=lambda f: FORMATS[f].TITLE, index=1, key="shown_format", width=420
        )
        st.code(FORMATS[format].LAYOUT, language=None)
        markup.sentence(
            "Each is recognised by itself. Images without labels take part too: they are the bridge between coders who "
            "share no image. A zip may hold the folder itself or its content. Nothing is ever unpacked."
        )


def _demo() -> None:
    markup.heading(
        "Try the demo",
        below=f"{DEMO_ITEMS:,} drawn faces, two made-up coders who confuse emotions in their own ways. "
        "The truth is known, so you can see how well it is recovered.",
    )
    if st.button("Make the demo dataset", type="primary", key="make_demo"):
        bar = st.progress(0.0, "Drawing faces …")

        def draw(done: int, total: int) -> None:
            if done % 40 == 0 or done == total:
                bar.progress(done / total, f"Drawing faces … {done:,} of {total:,}")

        try:
            dataset = once("demo", lambda: workspace.add_demo(DEMO_ITEMS, draw), lambda d: d.location)
        except (LTNetError, OSError) as e:
            bar.empty()
            markup.refused(e, "The demo could not be written")
        else:
            chosen(dataset)


@st.fragment
def _upload() -> None:
    markup.heading(
        "Upload your own",
        below="A folder, a zip of one, or a table of labels, of any size; it is kept as it comes. If the connection "
        "breaks, it goes on where it was.",
    )
    folder_upload(_uploaded)


def _uploaded(id: str) -> None:
    dataset = next((d for d in workspace.list_datasets() if d.id == id), None)
    if dataset is not None:
        chosen(dataset)


def _path() -> None:
    roots = allowed_roots(settings(), workspace.root())
    where = "" if roots is None else f" It has to lie below {' or '.join(map(str, roots))}."
    markup.heading("Use a folder on this machine", below=f"It stays where it is and is never changed.{where}")
    with st.form("by_path", border=False):
        path = st.text_input(
            "Path of a folder or zip", placeholder="/data/my-faces", label_visibility="collapsed", key="dataset_path"
        )
        sent = st.form_submit_button("Open")
    if sent:
        try:
            with st.spinner("Reading the dataset …"):
                dataset = workspace.add_path(path, roots)
        except (LTNetError, OSError) as e:
            markup.refused(e, "This path is not a dataset")
        else:
            chosen(dataset)
