"""To the top of the page: where another dataset has come, what matters first stands there."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.browser_modules import joined

TURN = "top_turn"

MAIN = Path(__file__).resolve().parent.parent / "assets" / "top" / "main.js"

_component = st.components.v2.component("ltnet_top", html="<span></span>\n", js=joined(MAIN))


def to_top() -> None:
    """Scroll the page to its top when it is shown next."""
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def place() -> None:
    """What scrolls, in the sidebar, where it takes no room in the page."""
    if turn := st.session_state.get(TURN):
        with st.sidebar, st.container():
            _component(key="top", data={"turn": turn})
