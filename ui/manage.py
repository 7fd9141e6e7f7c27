"""Delete a run or a dataset: the page lists what is deleted, and can bring it back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.runs.run import Run
from ui import markup, trash
from ui.current import Current, forget
from ui.trash import Deleted
from ui.workspace import Dataset, datasets_folder

KEY = "deleted"


def delete_run(run: Run) -> None:
    """A button that asks first."""
    with st.popover("Delete …"):
        markup.sentence(f"Delete run {run.folder.name}, its results and its checkpoint. The dataset stays.")
        if st.button("Delete this run", key="delete_run", type="primary"):
            _do(lambda: trash.delete_run(run), dataset=True)


def delete_dataset(dataset: Dataset, state: Current) -> None:
    """A button that asks first."""
    if not dataset.id:
        return
    with st.popover("Delete …"):
        runs = state.runs_here
        held = "the copy of it here" if dataset.location.is_relative_to(datasets_folder()) else "the link to it"
        names = ", ".join(r.folder.name for r in runs[:8]) + (" …" if len(runs) > 8 else "")
        also = f", and its runs: {names}" if runs else ""
        markup.sentence(f"Delete {dataset.name}: {held}, what was settled{also}.")
        if st.button("Delete this dataset", key="delete_dataset", type="primary"):
            _do(lambda: trash.delete_dataset(dataset, runs), dataset=False)


def _do(delete: Callable[[], Deleted], *, dataset: bool) -> None:
    try:
        deleted = delete()
    except LTNetError as e:
        markup.callout("error", str(e), title="It was not deleted")
        return
    st.session_state[KEY] = deleted
    forget(keep_dataset=dataset)
    st.rerun()


def offer_undo() -> None:
    """After a deletion, on every page: bring it back."""
    deleted = st.session_state.get(KEY)
    if not isinstance(deleted, Deleted):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        markup.sentence(f"Deleted {deleted.text}. It is gone for good when the server is started again.")
        if st.button("Bring it back", key="undo_delete"):
            try:
                trash.restore(deleted)
            except LTNetError as e:
                markup.callout("error", str(e), title="It was not brought back")
                return
            del st.session_state[KEY]
            st.rerun()
        if st.button("Dismiss", key="dismiss_delete"):
            del st.session_state[KEY]
            st.rerun()
