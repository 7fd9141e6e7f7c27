"""Widgets whose value lives in the URL, so that a view can be bookmarked and sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from ui import markup


def choose(name: str, label: str, options: Mapping[str, str], width: int) -> str:
    """A select box bound to the query parameter ``name``; ``options`` maps URL values to texts, the default first.

    It stands in a line with others, ``width`` pixels wide; its label is for screen readers alone.

    Streamlit's own ``bind`` puts the shown text into the URL; these texts contain the names of
    coders and may change, so a value of its own is kept.
    """
    key, default = f"q_{name}", next(iter(options))
    if st.session_state.get(key) not in options:
        # New on this page, or the texts have changed under the widget: the URL still knows the value.
        asked = st.query_params.get(name)
        st.session_state[key] = asked if asked in options else default
    value = st.selectbox(
        label,
        list(options),
        key=key,
        format_func=lambda v: options.get(v, str(v)),
        label_visibility="collapsed",
        width=width,
    )
    remember(name, value or default, default)
    return str(value or default)


def choose_several(
    name: str,
    label: str,
    options: Sequence[str],
    default: Sequence[str],
    text: Callable[[str], str],
    *,
    most: int | None = None,
) -> list[str]:
    """Several of the options, bound to the query parameter ``name``, which is left out where they are the default."""
    key, of_gone = f"q_{name}", f"gone_{name}"
    asked = st.session_state.get(key)
    if asked is None:
        asked = st.query_params.get_all(name) or default
        st.session_state[of_gone] = [value for value in asked if value not in options]
    st.session_state[key] = [value for value in asked if value in options][:most]

    def changed() -> None:
        st.session_state[of_gone] = []

    values = list(st.multiselect(label, options, key=key, format_func=text, max_selections=most, on_change=changed))
    if gone := st.session_state.get(of_gone):
        markup.sentence(f"Not here any more, though the address names it: {', '.join(gone)}.")
    wanted = [] if values == list(default) else values
    if st.query_params.get_all(name) != wanted:
        if wanted:
            st.query_params[name] = wanted
        else:
            del st.query_params[name]
    return values


def remember(name: str, value: str, default: str) -> None:
    """Keep a value in the URL; a default needs no mention."""
    if value == default:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != value:
        st.query_params[name] = value
