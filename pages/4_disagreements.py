"""Disagreements: how often coders differ, whose label the truth is, the images themselves, and settling them."""

from __future__ import annotations

import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.runs.run import Run
from ui import frame, markup, reads
from ui.current import current, select
from ui.gallery import gallery
from ui.train_form import start
from ui.workspace import adjudications_of, runs_folder

REFITTED = "refitted"
FAILED = "refit_failed"

state = current()
dataset = state.dataset
untrained = dataset is not None and bool(dataset.id) and (state.run is None or not state.run.is_complete())
run = None if untrained else frame.finished_run(state)
assert dataset is not None  # noqa: S101 - for mypy; a run brings its dataset


def refit(how: str, blind: bool) -> None:
    """Train again, with what was settled."""
    assert dataset is not None and run is not None  # noqa: S101 - for mypy, see above
    flags = ["--like", str(run.folder), "--adjudications", str(adjudications_of(dataset)), "--adjudicator", how]
    flags += ["--only-blind"] if blind else []
    try:
        run_dir = start(dataset, flags)
    except (LTNetError, OSError) as e:
        st.session_state[FAILED] = str(e)
    else:
        st.session_state[REFITTED] = run_dir.name


def labels_alone() -> None:
    """Say what needs a run, and end the page where there is nothing to show without one."""
    assert dataset is not None  # noqa: S101 - for mypy, see above
    try:
        study = reads.study(dataset)
    except LTNetError as e:
        markup.refused(e, "This dataset cannot be read")
        st.stop()
        return
    if not study.has_images:
        markup.empty("Labels without images", "There is no image to look at; join them with a folder of images.")
        frame.link("dataset", "Go to Dataset", state)
        st.stop()
    text = "What the coders said. The learned truth, the five cases and reasons need a finished run."
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        markup.sentence(text)
        frame.link("train", "Go to Train" if state.run is not None else "Train on it", state)


if REFITTED in st.session_state:
    select(dataset, Run(runs_folder() / st.session_state.pop(REFITTED)))
    st.switch_page(frame.page("train"), query_params=frame.page_parameters())
if FAILED in st.session_state:
    markup.callout("error", "", title="Training did not start", items=str(st.session_state.pop(FAILED)).splitlines())
if run is None:
    labels_alone()
elif reads.files(dataset) is None:
    markup.callout("warning", "The dataset is no longer where it was, so the images cannot be shown.")


@st.fragment
def faces() -> None:
    """The gallery; what it tells runs this alone again, not the page."""
    assert dataset is not None  # noqa: S101 - for mypy, see above
    if REFITTED in st.session_state or FAILED in st.session_state:
        st.rerun()
    try:
        gallery(run, dataset, refit)
    except LTNetError as e:
        markup.refused(e, "The images cannot be shown")


faces()
