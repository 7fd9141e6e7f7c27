"""What surrounds every page: the sidebar's choice, the header, and guards for pages that need a run."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from ltnet_core.errors import LTNetError
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import open_results
from ui import markup, run_notes
from ui.access.settings import settings
from ui.access.user import signed_in
from ui.current import Current, address_is_old, current, select
from ui.glossary import words_of_page
from ui.markup import esc
from ui.wording import EVERY_PAGE, LIVE, STATES, PageText, name
from ui.workspace import Dataset

PAGES_KEY = "pages"
MOST_OFFERED = 12


def sidebar(state: Current) -> None:
    """Choose the dataset and the run to look at."""
    with st.sidebar:
        _navigation(state)
        _who()
        if state.gone:
            return
        known = {d.id: d for d in state.datasets}
        outside = {r.folder.name: d for r, d in state.runs if not d.id}
        if known or outside:
            options = [*known, *(f"run:{r}" for r in outside)]
            names = {o: known[o].name if o in known else outside[o[4:]].name for o in options}
            twice = [n for n in names.values() if list(names.values()).count(n) > 1]
            names = {o: f"{n} ({o.removeprefix('run:')})" if n in twice else n for o, n in names.items()}
            index = _follow("sidebar_dataset", names, _dataset_option(state))
            st.selectbox(
                "Dataset",
                options,
                index=index,
                key="sidebar_dataset",
                format_func=lambda o: names.get(o, str(o)),
                on_change=_dataset_chosen,
                args=(known, state),
            )
        here = {r.folder.name: r for r in state.runs_here}
        if here:
            titles = {folder: run_notes.title(r) for folder, r in here.items()}
            index = _follow("sidebar_run", titles, state.run.folder.name if state.run else None)
            st.selectbox(
                "Run",
                list(here),
                index=index,
                key="sidebar_run",
                format_func=lambda name: titles.get(name, str(name)),
                on_change=_run_chosen,
                args=(here, state),
            )


def _navigation(state: Current) -> None:
    """The pages, in the order of the work; each link keeps the dataset and the run."""
    with st.container(gap=None):
        for text in EVERY_PAGE:
            link(text.path, text.title, state)


def gone(state: Current) -> None:
    """The address names something that is not there: say so, and offer what is."""
    if state.starting:
        markup.callout("note", state.gone, title="It is starting")
    else:
        markup.callout("warning", state.gone, title="What was asked for is not here")
    if not state.datasets and not state.runs:
        link("dataset", "Go to Dataset", state)
        return
    markup.heading("What there is")
    for run, dataset in state.runs[:MOST_OFFERED]:
        parameters = {"run": run.folder.name} | ({"dataset": dataset.id} if dataset.id else {})
        label = markup.label(f"{name(dataset.name)} · {name(run_notes.title(run))}")
        st.page_link(page("train"), label=label, query_params=parameters)
    for dataset in [d for d in state.datasets if all(d != of for _, of in state.runs)][:MOST_OFFERED]:
        st.page_link(page("dataset"), label=markup.label(name(dataset.name)), query_params={"dataset": dataset.id})


def _who() -> None:
    """Who is signed in, where people sign in; by a provider one can sign out here too."""
    user = signed_in()
    if user is not None:
        markup.sentence(f"Signed in as {user}")
    if settings().mode == "oidc" and st.button("Sign out", key="sign_out"):
        st.logout()


def _dataset_option(state: Current) -> str | None:
    if state.dataset is None:
        return None
    return state.dataset.id or (f"run:{state.run.folder.name}" if state.run else None)


def _follow(key: str, options: dict[str, str], value: str | None) -> int:
    """Let a selector show the choice, also when it was made elsewhere; the option that it is to begin with.

    ``options`` maps them to the texts that are shown. The browser keeps the text that it was told: where the chosen
    one is called something else now, it is told again.

    Streamlit tells the browser only once what was set here. A busy browser may miss that, if the page runs again at
    once; it then begins with the default and sends that as if it had been chosen.
    """
    texts = f"{key}_texts"
    before = st.session_state.get(texts, options)
    if value in options and (st.session_state.get(key) != value or before.get(value) != options[value]):
        st.session_state[key] = value
    st.session_state[texts] = options
    return list(options).index(st.session_state[key]) if st.session_state.get(key) in options else 0


def _dataset_chosen(known: dict[str, Dataset], state: Current) -> None:
    option = str(st.session_state["sidebar_dataset"])
    if address_is_old() or option == _dataset_option(current()):  # Streamlit counts the echo of _follow as a choice
        return
    if option in known:
        run = next((r for r, d in state.runs if d == known[option]), None)
        select(known[option], run)
    for run, dataset in state.runs:
        if option == f"run:{run.folder.name}":
            select(dataset, run)


def _run_chosen(here: dict[str, Run], state: Current) -> None:
    if address_is_old() or current().dataset != state.dataset:  # an echo of _follow, from before the dataset changed
        return
    if (name := str(st.session_state["sidebar_run"])) in here:
        select(state.dataset, here[name])


def header(state: Current, text: PageText) -> None:
    """Dataset · run · state, then what the page is about."""
    parts = []
    if state.dataset is None:
        absent = "Starting" if state.starting else "Not found" if state.gone else "No dataset yet"
        parts.append(f'<span class="none">{absent}</span>')
    else:
        parts.append(f"<b>{esc(state.dataset.name)}</b>")
        if state.run and state.status:
            parts.append(esc(run_notes.title(state.run)))
            parts.append(markup.pill(state.status.state, STATES[state.status.state]))
        else:
            parts.append('<span class="none">no run yet</span>')
    crumbs = '<span class="sep">·</span>'.join(parts)
    markup.show(
        f'<header class="lt-head"><div class="lt-crumbs">{crumbs}</div>'
        f"<h1>{esc(text.title)}</h1><p>{esc(text.question)}</p>{words_of_page(text.path)}</header>"
    )


def page(path: str) -> StreamlitPage:
    """The page at that path of the address."""
    page: StreamlitPage = st.session_state[PAGES_KEY][path]
    return page


def page_parameters() -> dict[str, str]:
    """What says in the address which dataset and run are looked at."""
    return {k: str(st.query_params[k]) for k in ("dataset", "run") if k in st.query_params}


def link(path: str, label: str, state: Current, *, extra: dict[str, str] | None = None) -> None:
    """A link to another page that keeps the dataset and the run."""
    params = {**(extra or {})}
    if state.dataset and state.dataset.id:
        params["dataset"] = state.dataset.id
    if state.run:
        params["run"] = state.run.folder.name
    st.page_link(page(path), label=label, query_params=params)


def finished_run(state: Current) -> Run:
    """The chosen run if it has results; otherwise say what to do, and end the page."""
    if state.run is not None and state.status is not None and state.run.is_complete():
        try:
            results = open_results(state.run)
            for file in (*results.item_files, *results.transition_files):
                state.run.result(file)
        except LTNetError as e:
            markup.refused(e, "This run cannot be shown")
            st.stop()
        return state.run
    if state.dataset is None:
        markup.empty("Nothing to show yet", "Start with a dataset: your own, or the demo in one click.")
        link("dataset", "Go to Dataset", state)
    elif state.run is None or state.status is None:
        markup.empty("This dataset has no run yet", "Train on it first; the results appear here.")
        link("train", "Go to Train", state)
    elif state.status.state in LIVE:
        markup.empty("Still training", "The results appear here when the run has finished.")
        link("train", "Watch it", state)
    else:
        ended = STATES[state.status.state]
        title = f"This run {ended}" if ended == "failed" else f"This run was {ended}"
        markup.empty(title, "It has no results. Resume it on Train, or look at another run.")
        finished = next((r for r in state.runs_here if r.is_complete()), None)
        with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
            link("train", "Go to Train", state)
            if finished and st.button(markup.label(f"Show {name(run_notes.title(finished))}, which finished")):
                select(state.dataset, finished)
                st.rerun()
    st.stop()
    raise AssertionError("unreachable")
