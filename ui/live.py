"""What changes on the disk while a page is open: the page runs again when it does."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import streamlit as st

from ltnet_core.runs.manifest import NAME as MANIFEST
from ui import run_notes
from ui.current import Current, run_again
from ui.workspace import adjudications_of, datasets_folder, root, runs_folder

SPEC = "spec.json"
SECONDS = 2.5
OWN_NEWS = ("disagreements",)  # pages that ask for decisions themselves; running again would be in the way there

Stamp = tuple[object, ...]


def stamp(state: Current, path: str) -> Stamp:
    """Changes when a run begins or ends, a dataset comes or goes, something is settled, or a run is named.

    A run begins when its trainer writes what it was asked for, which is some time after its folder is made.
    It reads names and times of files, nothing of what is in them, since every open tab asks for it all the time.
    """
    run = state.run
    chosen: Stamp = () if run is None else (run.holder() is not None, _changed(run.folder / MANIFEST))
    settled = 0 if state.dataset is None or path in OWN_NEWS else _changed(adjudications_of(state.dataset))
    named = _changed(root() / run_notes.FOLDER)
    return (_names(runs_folder(), SPEC, MANIFEST), _names(datasets_folder(), "about.json"), chosen, settled, named)


def _names(folder: Path, *files: str) -> Stamp:
    """The folders in a folder, and when those files in each changed."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if not e.name.startswith("."))
    except OSError:
        return ()
    return tuple((name, *(_changed(folder / name / file) for file in files)) for name in names)


def _changed(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def watch(state: Current, path: str) -> None:
    """Run the page again within a few seconds of a change."""
    began = stamp(state, path)

    @st.fragment(run_every=SECONDS)
    def look() -> None:
        if stamp(state, path) != began:
            run_again()

    # In a container of its own: what the page shows must not stand where a fragment ran that shows nothing.
    with st.sidebar, st.container():
        look()


def tab_title(state: Current, title: str) -> str:
    """What the browser's tab says: the page, the dataset, and whether a run is at work."""
    busy = {"running": "training", "queued": "waiting", "stalled": "stalled"}
    status = busy.get(state.status.state, "") if state.status else ""
    parts = [status, title, state.dataset.name if state.dataset else "", "LTNet Studio"]
    return " · ".join(p for p in parts if p)
