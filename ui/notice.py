"""A notification of the browser when a run ends: the tab's title says it too, but another tab may be in sight."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui import run_notes
from ui.browser_modules import joined
from ui.current import Current
from ui.wording import LIVE, STATES

ASSETS = Path(__file__).resolve().parent.parent / "assets" / "notice"
AT_WORK = "run_at_work"  # of the session: the run that was at work when a page was last shown

_component = st.components.v2.component(
    "ltnet_notice",
    html='<div class="nt"></div>\n',
    css=(ASSETS / "notice.css").read_text(encoding="utf-8"),
    js=joined(ASSETS / "main.js"),
)


def place(state: Current) -> None:
    """In the sidebar while the run is at work, where it offers the notification, and once it has ended."""
    if state.run is None or state.status is None:
        return
    name, is_live = state.run.folder.name, state.status.state in LIVE
    if is_live:
        st.session_state[AT_WORK] = name
    elif st.session_state.get(AT_WORK) != name:
        return
    ended = "" if is_live else f"{run_notes.title(state.run)}: {STATES[state.status.state]}"
    with st.sidebar, st.container():
        _component(key="notice", data={"run": name, "ended": ended})
