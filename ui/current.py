"""The dataset and the run that a page shows, from the URL, else from the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.runs.jobs import list_runs
from ltnet_core.runs.run import Run, Status
from ui.workspace import Dataset, dataset_of, is_id, list_datasets, runs_folder

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
    gone: str = ""  # a sentence, where the address names a dataset or a run that is not there
    starting: bool = False  # what is not there is a run whose trainer has not begun yet

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
    for existing in list_runs(runs_folder()):
        try:
            runs.append((existing, dataset_of(existing, datasets)))
        except LTNetError:  # the page says what is damaged
            runs.append((existing, Dataset("", UNKNOWN, existing.folder / "unknown")))
    asked = {k: st.query_params.get(k) or st.session_state.get(f"asked_{k}") for k in ("dataset", "run")}
    if st.query_params.get("dataset") and not st.query_params.get("run"):
        asked["run"] = None
    gone = missing(datasets, runs, asked["dataset"], asked["run"])
    if gone:
        state = Current(None, None, None, datasets, runs, gone, _has_folder(asked["run"]))
    else:
        dataset, run = choose(datasets, runs, asked["dataset"], asked["run"])
        _remember(dataset.id if dataset else None, run.folder.name if run else None)
        state = Current(dataset, run, run.status() if run else None, datasets, runs)
    st.session_state[KEY] = state
    return state


def missing(
    datasets: list[Dataset], runs: list[tuple[Run, Dataset]], dataset_id: str | None, run_id: str | None
) -> str:
    """A sentence about the run or the dataset that was asked for and is not there; empty where it is."""
    if run_id and run_id not in {r.folder.name for r, _ in runs}:
        if _has_folder(run_id):
            return (
                f"The run {run_id!r} is starting, and shows here as soon as it has begun; on a busy machine that takes "
                f"a minute. If it never does, log.txt in the folder {run_id!r} of the runs says why."
            )
        return f"There is no run {run_id!r} here. It may have been deleted, or the link is from another workspace."
    if dataset_id and not run_id and dataset_id not in {d.id for d in datasets}:
        return (
            f"There is no dataset {dataset_id!r} here. It may have been deleted, or the link is from another workspace."
        )
    return ""


def _has_folder(run_id: str | None) -> bool:
    return run_id is not None and is_id(run_id) and (runs_folder() / run_id).is_dir()


def _remember(dataset_id: str | None, run_id: str | None) -> None:
    """Say in the address what is looked at: all of it at once, so that it is one step of the browser's history."""
    wanted = {"dataset": dataset_id, "run": run_id}
    for key, value in wanted.items():
        st.session_state[f"asked_{key}"] = value
    chosen = {k: v for k, v in wanted.items() if v}
    had = {k: st.query_params[k] for k in wanted if k in st.query_params}
    if had != chosen:
        others = {k: st.query_params.get_all(k) for k in st.query_params if k not in wanted}
        st.query_params.from_dict({**chosen, **others})


def current() -> Current:
    """The choice, as the router settled it in this rerun."""
    state: Current = st.session_state[KEY]
    return state


def forget(*, keep_dataset: bool) -> None:
    """Look at no run from the next rerun on, nor at the dataset."""
    for key in ("run",) if keep_dataset else ("dataset", "run"):
        st.session_state.pop(f"asked_{key}", None)
        st.query_params.pop(key, None)


def address_is_old() -> bool:
    """Whether the browser sent this request before it knew what is looked at now.

    Streamlit sends the address and the value of every selector with each request, a timer's request too. What an old
    address brings with it was not chosen just now.
    """
    return any(st.query_params.get(k) != st.session_state.get(f"asked_{k}") for k in ("dataset", "run"))


def run_again() -> NoReturn:
    """Run the whole page again, on what it looks at now.

    For code that a timer starts. The browser may have sent its request before it knew that another dataset or run was
    chosen: the request names what was looked at before, and a plain `st.rerun()` would go back to it.
    """
    state = current()
    if not state.gone:
        select(state.dataset, state.run)
    st.rerun()


def select(dataset: Dataset | None = None, run: Run | None = None) -> None:
    """Look at something else from the next rerun on."""
    look_at(dataset.id if dataset else None, run.folder.name if run else None)


def look_at(dataset_id: str | None, run_id: str | None) -> None:
    """The same by names; a run without a dataset brings its own."""
    _remember(dataset_id, run_id)
