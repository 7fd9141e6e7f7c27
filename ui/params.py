"""Controls whose value lives in the address: a view can be bookmarked and sent, and Back leads to the view before.

A run of the script begins with `follow`. Each control notes what the address is to say, and `write` says it: all of it
at once, so that one change is one step of the browser's history.

Every control is given its value twice: in the session, and as its default. Streamlit tells the browser only once what
was put into the session. A busy browser may miss that, if the page runs again at once; it then begins with the default
and sends that as if it had been chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ltnet_core.files.spreadsheet import guarded
from ui import markup

OF_CONTROL, OF_GONE = "q_", "gone_"  # prefixes of keys in the session
NOTED, SENT, PAGE = "address_noted", "address_sent", "address_page"
MOST_IN_ADDRESS = 40  # rows of a table; Streamlit takes no address of more than 1,000 values


def follow(page: str) -> None:
    """Begin a run: on another page, and after Back or Forward, every control takes its value from the address.

    An answer of an earlier run may reach the browser when it has gone to another address meanwhile, and then stands in
    that one. Therefore the address of this request is sent once more; where it stands already, this changes nothing.
    """
    moved = st.session_state.get(PAGE) != page
    st.session_state[PAGE], st.session_state[NOTED] = page, {}
    back = by_history()
    if back or moved:
        for key in [k for k in st.session_state if str(k).startswith((OF_CONTROL, OF_GONE))]:
            del st.session_state[key]
    if st.session_state.get(SENT) == _address():
        del st.session_state[SENT]
    if back or (moved and SENT in st.session_state):
        st.session_state.pop(SENT, None)
        st.query_params.from_dict(_address())


def by_history() -> bool:
    """Whether Back or Forward made the browser ask for this run."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def note(name: str, values: Sequence[str]) -> None:
    """Let the address say these values of a parameter from the next `write` on; none of them: it is not named."""
    st.session_state.setdefault(NOTED, {})[name] = list(values)


def write() -> None:
    """Put what was noted into the address.

    The browser may not know yet what was sent last: the request of this run is then older than that, and what was sent
    is in the address although the request does not name it.
    """
    noted = st.session_state.pop(NOTED, {})
    now, sent = _address(), st.session_state.get(SENT)
    wanted = {name: values for name, values in {**now, **noted}.items() if values}
    if noted and (wanted != now or sent not in (None, wanted)):
        st.query_params.from_dict(wanted)
        st.session_state[SENT] = wanted


def _address() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def choose(name: str, label: str, options: Mapping[str, str], width: int, *, labelled: bool = False) -> str:
    """A select box bound to the query parameter ``name``; ``options`` maps URL values to texts, the default first.

    It stands in a line with others, ``width`` pixels wide; unless ``labelled``, its label is for screen readers alone.

    Streamlit's own ``bind`` puts the shown text into the URL; these texts contain the names of
    coders and may change, so a value of its own is kept. It makes no step of the browser's history either.
    """
    key = _single(name, options)
    value = st.selectbox(
        label,
        list(options),
        index=list(options).index(st.session_state[key]),
        key=key,
        format_func=lambda v: options.get(v, str(v)),
        label_visibility="visible" if labelled else "collapsed",
        width=width,
    )
    return _note_single(name, value, options)


def choose_side_by_side(name: str, label: str, options: Mapping[str, str]) -> str:
    """The same as buttons side by side."""
    key = _single(name, options)
    value = st.segmented_control(
        label,
        list(options),
        default=st.session_state[key],
        key=key,
        format_func=lambda v: options.get(v, str(v)),
        required=True,
        label_visibility="collapsed",
        width="content",
    )
    return _note_single(name, value, options)


def switch(name: str, label: str) -> bool:
    """A toggle bound to the query parameter ``name``, which is there while it is on."""
    key = OF_CONTROL + name
    if key not in st.session_state:
        st.session_state[key] = bool(st.query_params.get(name))
    on = st.toggle(label, value=bool(st.session_state[key]), key=key)
    note(name, ["yes"] if on else [])
    return on


def _single(name: str, options: Mapping[str, str]) -> str:
    """The key of a control of which one option is chosen, with a value in the session that is an option."""
    key = OF_CONTROL + name
    if st.session_state.get(key) not in options:
        # New on this page, or the texts have changed under the control: the address still knows the value.
        asked = st.query_params.get(name)
        st.session_state[key] = asked if asked in options else next(iter(options))
    return key


def _note_single(name: str, value: str | None, options: Mapping[str, str]) -> str:
    default = next(iter(options))
    chosen = str(default if value is None else value)
    note(name, [] if chosen == default else [chosen])
    return chosen


def choose_several(
    name: str,
    label: str,
    options: Sequence[str],
    default: Sequence[str],
    text: Callable[[str], str],
    *,
    most: int | None = None,
    placeholder: str = "Choose",
) -> list[str]:
    """Several of the options, bound to the query parameter ``name``, which is left out where they are the default."""
    key, of_gone = OF_CONTROL + name, OF_GONE + name
    asked = st.session_state.get(key)
    if asked is None:
        asked = st.query_params.get_all(name) or default
        st.session_state[of_gone] = [value for value in asked if value not in options]
    st.session_state[key] = [value for value in asked if value in options][:most]

    def changed() -> None:
        st.session_state[of_gone] = []

    values = list(
        st.multiselect(
            label, options, default=st.session_state[key], key=key, format_func=text, max_selections=most,
            on_change=changed, placeholder=placeholder,
        )
    )  # fmt: skip
    if gone := st.session_state.get(of_gone):
        markup.sentence(f"Not here any more, though the address names it: {', '.join(gone)}.")
    note(name, [] if values == list(default) else values)
    return values


def choose_rows(name: str, frame: pd.DataFrame, ids: Sequence[str], columns: Mapping[str, Any]) -> list[int]:
    """A table of which rows can be chosen; the query parameter ``name`` holds the ids of the first of them."""
    key = OF_CONTROL + name
    if key not in st.session_state:
        at = {text: row for row, text in enumerate(ids)}
        asked = [at[text] for text in st.query_params.get_all(name) if text in at]
        st.session_state[key] = {"selection": {"rows": asked[:MOST_IN_ADDRESS]}}
    chosen = [row for row in st.session_state[key]["selection"]["rows"] if row < len(ids)]
    picked = st.dataframe(
        guarded(frame), hide_index=True, height=330, key=key, on_select="rerun", selection_mode="multi-row",
        selection_default={"selection": {"rows": chosen}}, column_config=dict(columns),
    )  # fmt: skip
    rows = [row for row in picked["selection"]["rows"] if row < len(ids)]
    note(name, [ids[row] for row in rows[:MOST_IN_ADDRESS]])
    return rows
