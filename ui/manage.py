"""Rename a dataset; delete a run or a dataset: the page lists what is deleted, and can bring it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ltnet_core.errors import LTNetError, StorageError
from ltnet_core.runs.run import Run
from ui import markup, trash
from ui.current import Current, forget, look_at
from ui.top import to_top
from ui.trash import Deleted
from ui.wording import listing
from ui.workspace import LONGEST_NAME, Dataset, datasets_folder, made_of, rename

KEY = "deleted"
MOST_LISTED = 20
COPY = "the copy of it here"


def delete_run(run: Run) -> None:
    """A button that asks first."""
    with st.popover("Delete …"):
        with_it = "its results, its checkpoint, and its name and note"
        markup.sentence(f"Delete run {run.folder.name}, {with_it}. The dataset stays.")
        _button("Delete this run", "delete_run", lambda: trash.delete_run(run), [run], trash.of_run(run))


def dataset_itself(dataset: Dataset, state: Current) -> None:
    """Rename or delete a dataset of the workspace."""
    if not dataset.id:
        return
    with st.container(horizontal=True, gap="small"):
        _rename(dataset)
        _delete_dataset(dataset, state)


def _rename(dataset: Dataset) -> None:
    # A popover of its own for every name: it is closed once the dataset has another.
    menu = st.popover("Rename …", key=f"renaming_{dataset.id}_{dataset.name}")
    with menu, st.form(f"rename_{dataset.id}", border=False):
        name = st.text_input("Name of the dataset", dataset.name, max_chars=LONGEST_NAME, key=f"name_{dataset.id}")
        if st.form_submit_button("Rename", type="primary"):
            try:
                rename(dataset, name)
            except LTNetError as e:
                markup.refused(e, "It was not renamed")
            else:
                st.rerun()


def _delete_dataset(dataset: Dataset, state: Current) -> None:
    with st.popover("Delete …"):
        runs = state.runs_here
        held = COPY if dataset.location.is_relative_to(datasets_folder()) else "the link to it"
        names = ", ".join(r.folder.name for r in runs[:8]) + (" …" if len(runs) > 8 else "")
        also = f", and its runs: {names}" if runs else ""
        markup.sentence(f"Delete {dataset.name}: {held}, what was settled{also}.")
        if held == COPY and (studies := made_of(dataset, state.datasets)):
            joined = listing([d.name for d in studies])
            markup.callout("warning", f"It is a part of {joined}, which cannot be read without it.")
        folders = trash.of_dataset(dataset, runs)
        _button("Delete this dataset", "delete_dataset", lambda: trash.delete_dataset(dataset, runs), runs, folders)


def _button(label: str, key: str, delete: Callable[[], Deleted], runs: Sequence[Run], folders: Sequence[Path]) -> None:
    """Delete; where it cannot be set aside, as on a full disk, offer to remove the ``folders`` for good."""
    stuck = f"{key}_stuck"
    if st.button(label, key=key, type="primary"):
        st.session_state.pop(stuck, None)
        try:
            st.session_state[KEY] = delete()
        except StorageError as e:
            st.session_state[stuck] = (str(e), [str(f) for f in folders])
        except LTNetError as e:
            markup.refused(e, "It was not deleted")
        else:
            _gone(key)
    message, of = st.session_state.get(stuck, ("", []))
    if not message or of != [str(f) for f in folders]:
        return
    markup.callout("error", message, title="It was not deleted")
    if st.button("Remove it for good: this makes room", key=f"{key}_for_good"):
        try:
            trash.require_idle(runs)
            trash.remove(folders)
        except LTNetError as e:
            markup.refused(e, "It was not removed")
        else:
            del st.session_state[stuck]
            _gone(key)


def _gone(key: str) -> None:
    """Look at what is left, from the top of the page, where a deletion can be undone."""
    forget(keep_dataset=key == "delete_run")
    to_top()
    st.rerun()


def offer_undo() -> None:
    """After a deletion, on every page: bring it back."""
    deleted = st.session_state.get(KEY)
    if not isinstance(deleted, Deleted):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        markup.sentence(f"Deleted {deleted.text}. It is gone for good when the server is started again.")
        if st.button("Bring it back", key="undo_delete"):
            _bring_back(deleted)
        if st.button("Dismiss", key="dismiss_delete"):
            del st.session_state[KEY]
            st.rerun()


def deleted_ones() -> None:
    """Everything that was deleted since the server started, whoever did it."""
    everything = trash.everything()
    if not everything:
        return
    with st.expander(f"Deleted, and not gone yet ({len(everything):,})"):
        markup.sentence("They are gone for good when the server is started again; until then they take room.")
        for deleted in everything[:MOST_LISTED]:
            with st.container(horizontal=True, vertical_alignment="center"):
                markup.sentence(f"{deleted.text[:1].upper()}{deleted.text[1:]}")
                if st.button("Bring it back", key=f"undo_{deleted.folder.name}"):
                    _bring_back(deleted)
                if st.button("Remove it for good", key=f"remove_{deleted.folder.name}"):
                    _remove(deleted)


def _remove(deleted: Deleted) -> None:
    try:
        trash.remove([deleted.folder])
    except LTNetError as e:
        markup.refused(e, "It was not removed")
        return
    if st.session_state.get(KEY) == deleted:
        del st.session_state[KEY]
    st.rerun()


def _bring_back(deleted: Deleted) -> None:
    try:
        trash.restore(deleted)
    except LTNetError as e:
        markup.refused(e, "It was not brought back")
        return
    if st.session_state.get(KEY) == deleted:
        del st.session_state[KEY]
    look_at(*deleted.what())
    to_top()
    st.rerun()
