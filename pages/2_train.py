"""Train: start a run, watch it, cancel or resume it, and find earlier ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from ltnet_core.datasets import Study
from ltnet_core.errors import LTNetError
from ltnet_core.files.printing import counted
from ltnet_core.files.spreadsheet import guarded
from ltnet_core.runs import jobs
from ltnet_core.runs.forming import read_forming
from ltnet_core.runs.run import Run
from ltnet_core.settings import Settings
from ui import changes, charts, commands, compare, frame, manage, markup, params, progress, reads, run_notes, train_form
from ui.current import Current, current, run_again, select
from ui.small_matrices import small_matrices
from ui.wording import LIVE, PAGES, STATES, curve_name, method_name, percent, progress_sentence
from ui.workspace import Dataset

REFRESH_SECONDS = 2
MOST_CURVES = 6


def watch(run: Run, dataset: Dataset) -> None:
    """Where the run stands. Runs every two seconds while it lives, and once when it does not."""
    status, events = run.status(), run.events()
    spec = _spec(run)
    was = st.session_state.get("watched")
    st.session_state["watched"] = (run.folder.name, status.state)
    if was and was[0] == run.folder.name and was[1] != status.state:
        run_again()  # the frame shows the state too
    with st.container(border=True):
        markup.heading(run_notes.title(run), _about(spec, events))
        markup.show(progress.bar(status))
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            markup.sentence(progress_sentence(status))
            _buttons(run, status.state, dataset)
        if status.damaged:
            markup.callout("error", status.damaged, title="This run is damaged")
        if status.state == "failed":
            markup.callout("error", status.message or "The log says why.", title="Training failed")
        for note in progress.notes(events):
            markup.callout("note", note)
        if status.state in LIVE and (figures := progress.figures(events)):
            markup.sentence(figures)
        _curves(events, run, Settings.of_spec(spec) if spec else None)
        _forming(run, events, spec)
        with st.expander("Log"), st.container(height=260, autoscroll=True):  # at its end, where the news is
            empty = "(nothing yet)" if status.state in LIVE else "(this run left no log)"
            text = markup.esc(run.log_tail(200) or empty)
            markup.show(f'<pre class="lt-log" role="region" tabindex="0" aria-label="Log">{text}</pre>')


def _forming(run: Run, events: list[dict[str, Any]], spec: dict[str, Any]) -> None:
    """The transition matrices as they are so far."""
    forming = read_forming(run.checkpoint)
    if forming is None or sorted(forming["classes"]) != sorted(spec.get("classes", ())):
        return
    after = progress.after_epoch(forming["stage"], events, Settings.of_spec(spec))
    markup.heading("Transition matrices so far", f"{after} · rows are truth" if after else "rows are truth")
    markup.show(small_matrices(forming["coders"], forming["classes"], spec["codes"], spec["classes"]))


def _spec(run: Run) -> dict[str, Any]:
    """What the run was asked for, as far as that is known: the status says what is damaged."""
    try:
        return reads.spec(run)
    except LTNetError:
        return {}


def _about(spec: dict[str, Any], events: list[dict[str, Any]]) -> str:
    parts = [f"{k} {spec[k]}" for k in ("preset", "seed") if k in spec]
    parts.insert(1, Settings.of_spec(spec).network.network if spec else "")
    parts.append(next((e["device"] for e in reversed(events) if "device" in e), spec.get("device", "")))
    return " · ".join(str(p) for p in parts if p)


def _buttons(run: Run, state: str, dataset: Dataset) -> None:
    if state in LIVE:
        if st.button("Cancel", key="cancel"):
            try:
                with st.spinner("Stopping after this batch …"):
                    jobs.cancel(run.folder)
            except LTNetError as e:
                markup.refused(e)
            else:
                st.rerun()
        return
    if state != "done" and st.button("Resume", type="primary", key="resume"):
        try:
            with st.spinner("Resuming …"):
                commands.start_run(run.folder, dataset.location, resume=True)
        except (LTNetError, OSError) as e:
            markup.callout("error", "", title="Training did not resume", items=str(e).splitlines())
        else:
            st.rerun()
    manage.delete_run(run)


def _curves(events: list[dict[str, Any]], run: Run, settings: Settings | None) -> None:
    history = progress.history(events)
    with st.grid(2, min_column_width=340, gap="large"):
        markup.show(progress.stage_list(events, run.status(), settings))
        figure = st.container()
    with figure:
        if not history:
            markup.sentence("Loss and agreement appear here after the first epoch.")
            return
        shown = dict(list(history.items())[-MOST_CURVES:])
        names = {s: curve_name(s, settings.method if settings else "") for s in shown}
        key = params.choose_side_by_side("curve", "Curve", {"agreement": "agreement with the labels", "loss": "loss"})
        params.write()
        st.plotly_chart(charts.curves(shown, key, names), config=charts.CONFIG, key="curves")
        minimised = (
            " (the loss of LTNet has its prior of the matrices in it)" if key == "loss" and "ltnet" in history else ""
        )
        of = f" · the last {len(shown)} of {len(history)} networks" if len(shown) < len(history) else ""
        markup.sentence(f"solid: images held out · dotted: images trained on{minimised}{of}")


def summary(run: Run, state: Current) -> None:
    """What came out, and where to look."""
    with st.container(border=True):
        evaluation = reads.result(run, "evaluation.json")
        tests, truth = evaluation.get("tests") or {}, evaluation.get("truth") or {}
        for name, test in tests.items():
            known = [(m, v["accuracy"]) for m, v in test["methods"].items() if v.get("accuracy") is not None]
            label = "accuracy on the test images" if len(tests) == 1 else f"accuracy on the test set {name}"
            markup.heading("Results", f"{label} ({test['items']:,})")
            few = {m: n for m, v in test["methods"].items() if 0 < (n := int(v.get("items") or 0)) < test["items"]}
            of = {m: f", {counted(few[m], 'image')}" if m in few else "" for m, _ in known}
            markup.facts([(method_name(m) + of[m], percent(a)) for m, a in known])
        if not tests:
            below = "No test images with a known label, so accuracy cannot be told; matrices and images can."
            if truth.get("accuracy") is not None:
                below = f"{compare.truth_sentence(truth)} No test images with a known label."
            markup.heading("Results", below=below)
        with st.container(horizontal=True, gap="medium"):
            for page in PAGES[2:]:
                frame.link(page.path, page.title + " →", state)


def what_changed(run: Run, state: Current) -> None:
    """Against the run that this one was started from."""
    before = changes.run_before(run)
    if before is None:
        return
    with st.container(border=True):
        markup.heading(f"What changed since {run_notes.title(before)}")
        markup.facts(changes.facts(before, run))
        extra = {"than": before.folder.name, "sort": "unsure"}
        frame.link("disagreements", "See the images whose learned truth changed →", state, extra=extra)
        cells = changes.changed_cells(*(reads.transitions(r) for r in (before, run)))
        if cells:
            markup.show(changes.table(cells))
            extra = {"view": "difference", "to": f"run:{before.folder.name}"}
            frame.link("transitions", "See the differences of the matrices →", state, extra=extra)


def all_runs(state: Current) -> None:
    """Every run of the workspace; choosing one shows it."""
    if not state.runs:
        return
    markup.heading("All runs", "choose a row to look at it")
    rows = []
    for run, dataset in state.runs:
        status, spec = run.status(), _spec(run)
        rows.append(
            {
                "run": run_notes.title(run),
                "dataset": dataset.name,
                "state": STATES[status.state] + (", damaged" if status.damaged else ""),
                "progress": round(100 * status.progress),
                "preset": spec.get("preset"),
                "seed": spec.get("seed"),
                "started": datetime.fromtimestamp(float(spec.get("created") or run.created())),
            }
        )
    # Both are forgotten by Back: the row of a run that one left can be chosen again.
    table, last = params.OF_CONTROL + "all_runs", params.OF_CONTROL + "picked_run"
    if table not in st.session_state:
        st.session_state[table] = {"selection": {"rows": []}}
    picked = st.dataframe(
        guarded(pd.DataFrame(rows)),
        hide_index=True,
        key=table,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "progress": st.column_config.ProgressColumn(format="%d %%", min_value=0, max_value=100),
            "started": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
        },
    )
    chosen = picked["selection"]["rows"]
    if chosen and st.session_state.get(last) != state.runs[chosen[0]][0].folder.name:
        run, dataset = state.runs[chosen[0]]
        st.session_state[last] = run.folder.name
        select(dataset, run)
        st.rerun()


state = current()
if state.dataset is None:
    markup.empty("Nothing to train on yet", "Start with a dataset: your own, or the demo in one click.")
    frame.link("dataset", "Go to Dataset", state)
    st.stop()
study: Study | None = None
try:
    study = reads.study(state.dataset)
except LTNetError as e:
    markup.refused(e, "This dataset cannot be read any more")
if state.run is not None and state.status is not None:
    if state.status.state == "done":
        try:
            summary(state.run, state)
            what_changed(state.run, state)
        except LTNetError as e:
            markup.refused(e, "The results cannot be shown")
    live = state.status.state in LIVE
    st.fragment(watch, run_every=REFRESH_SECONDS if live else None)(state.run, state.dataset)
if study is not None:
    if state.run is None:
        train_form.new_run(study, state.dataset)
    else:
        with st.expander("Start another run"):
            train_form.new_run(study, state.dataset)
anything_trains = any(r.holder() is not None for r, _ in state.runs)
st.fragment(all_runs, run_every=REFRESH_SECONDS if anything_trains else None)(state)
manage.deleted_ones()
