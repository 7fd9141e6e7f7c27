"""Widgets whose value lives in the URL, so that a view can be bookmarked and sent."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


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


def remember(name: str, value: str, default: str) -> None:
    """Keep a value in the URL; a default needs no mention."""
    if value == default:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != value:
        st.query_params[name] = value
