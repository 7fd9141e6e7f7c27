"""Three ways to bring a dataset: the demo, an upload, a path on the server."""

from __future__ import annotations

import streamlit as st

from ltnet_core.errors import LTNetError
from ui import markup, workspace
from ui.current import select
from ui.wording import FOLDERS, LAYOUT
from ui.workspace import Dataset

DEMO_ITEMS = 2400
PROBLEM = "intake_problem"


def _chosen(dataset: Dataset) -> None:
    st.session_state.pop(PROBLEM, None)
    # A new key empties the uploader; otherwise the same file would be added again on the next rerun.
    st.session_state["upload_number"] = st.session_state.get("upload_number", 0) + 1
    select(dataset)
    st.rerun()


def three_ways() -> None:
    """The demo, a zip, a path."""
    if PROBLEM in st.session_state:
        markup.callout("error", st.session_state[PROBLEM], title="This dataset cannot be used")
    for column, way in zip(st.columns(3, gap="medium"), (_demo, _upload, _path), strict=True):
        with column, st.container(border=True, height="stretch"):
            way()
    with st.expander("How a dataset folder looks"):
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown("**One table of labels** – the plain form, for any number of coders")
            st.code(LAYOUT, language=None)
        with right:
            st.markdown("**One folder per source** – every source is a coder")
            st.code(FOLDERS, language=None)
        st.caption(
            "Images without labels take part too: they are the bridge between coders who share no image. "
            "A zip may hold the folder itself or its content. Nothing is ever unpacked."
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
            dataset = workspace.add_demo(DEMO_ITEMS, draw)
        except (LTNetError, OSError) as e:
            bar.empty()
            markup.callout("error", str(e), title="The demo could not be written")
        else:
            _chosen(dataset)


def _upload() -> None:
    markup.heading("Upload a zip", below="A dataset folder, zipped. It is kept as it came.")
    number = st.session_state.get("upload_number", 0)
    file = st.file_uploader(
        "A dataset folder, zipped", type=["zip"], key=f"upload_{number}", label_visibility="collapsed"
    )
    if file is None:
        return
    try:
        with st.spinner("Reading the dataset …"):
            dataset = workspace.add_zip(file, file.name)
    except (LTNetError, OSError) as e:
        markup.callout("error", str(e), title="This zip is not a dataset")
    else:
        _chosen(dataset)


def _path() -> None:
    markup.heading("Use a folder on this machine", below="It stays where it is and is never changed.")
    with st.form("by_path", border=False):
        path = st.text_input(
            "Path of a folder or zip", placeholder="/data/my-faces", label_visibility="collapsed", key="dataset_path"
        )
        sent = st.form_submit_button("Open")
    if sent:
        try:
            with st.spinner("Reading the dataset …"):
                dataset = workspace.add_path(path)
        except (LTNetError, OSError) as e:
            markup.callout("error", str(e), title="This path is not a dataset")
        else:
            _chosen(dataset)
