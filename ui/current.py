"""Which dataset and which run the user is looking at. The URL says so, and the session remembers it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.jobs import list_runs
from ltnet_core.runs import Run, Status
from ui.workspace import Dataset, dataset_of, list_datasets, runs_folder

KEY = "current"
UNKNOWN = "unknown dataset"  # of a run whose spec is damaged


@dataclass(frozen=True)
class Current:
    """The choice, with everything there is to choose from."""

    dataset: Dataset | None
    run: Run | None
    status: Status | None
    datasets: list[Dataset]
    runs: list[tuple[Run, Dataset]]

    @property
    def runs_here(self) -> list[Run]:
        """Runs on the chosen dataset, newest first."""
        return [r for r, d in self.runs if d == self.dataset]


def choose(
    datasets: list[Dataset], runs: list[tuple[Run, Dataset]], dataset_id: str | None, run_id: str | None
) -> tuple[Dataset | None, Run | None]:
    """A run brings its dataset; a dataset alone brings its newest run; without a wish, the newest sound one of all."""
    for candidate, dataset in runs:
        if run_id and candidate.folder.name == run_id:
            return dataset, candidate
    chosen = next((d for d in datasets if d.id == dataset_id), None)
    sound = [r for r in runs if r[1].name != UNKNOWN or r[1].id]
    if chosen is None and sound:
        return sound[0][1], sound[0][0]
    if chosen is None and datasets:
        chosen = datasets[0]
    newest = [r for r, d in sound if d == chosen]
    return chosen, newest[0] if newest else None


def load() -> Current:
    """Read the workspace and settle the choice; called once per rerun, by the router."""
    datasets = list_datasets()
    runs = []
    for found in list_runs(runs_folder()):
        try:
            runs.append((found, dataset_of(found, datasets)))
        except LTNetError:  # the page says what is damaged
            runs.append((found, Dataset("", UNKNOWN, found.folder / "unknown")))
    asked = {k: st.query_params.get(k) or st.session_state.get(f"asked_{k}") for k in ("dataset", "run")}
    if st.query_params.get("dataset") and not st.query_params.get("run"):
        asked["run"] = None
    dataset, run = choose(datasets, runs, asked["dataset"], asked["run"])
    _remember(dataset.id if dataset else None, run.folder.name if run else None)
    state = Current(dataset, run, run.status() if run else None, datasets, runs)
    st.session_state[KEY] = state
    return state


def _remember(dataset_id: str | None, run_id: str | None) -> None:
    for key, value in (("dataset", dataset_id), ("run", run_id)):
        st.session_state[f"asked_{key}"] = value
        if value:
            if st.query_params.get(key) != value:
                st.query_params[key] = value
        elif key in st.query_params:
            del st.query_params[key]


def current() -> Current:
    """The choice, as the router settled it in this rerun."""
    state: Current = st.session_state[KEY]
    return state


def select(dataset: Dataset | None = None, run: Run | None = None) -> None:
    """Look at something else from the next rerun on."""
    _remember(dataset.id if dataset else None, run.folder.name if run else None)
