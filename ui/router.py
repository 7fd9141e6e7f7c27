"""The frame of every page: style, navigation, the choice of dataset and run, the header."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from ltnet_core.errors import LTNetError  # noqa: E402
from ui import frame, live, manage, markup, notice, params, top  # noqa: E402
from ui.current import load  # noqa: E402
from ui.wording import EVERY_PAGE  # noqa: E402

st.set_page_config(
    page_title="LTNet Studio",
    page_icon=str(ROOT / "assets" / "mark.svg"),
    layout="wide",
    initial_sidebar_state=250,
    menu_items={
        "About": "LTNet Studio learns the truth behind labels that disagree, and how each coder departs from it."
    },
)
st.logo(str(ROOT / "assets" / "logo.svg"), size="large", icon_image=str(ROOT / "assets" / "mark.svg"))

pages = [st.Page(ROOT / "pages" / text.file, title=text.title, url_path=text.path) for text in EVERY_PAGE]


def home() -> None:
    """The bare address. A page of its own, because the default page would not answer to its path."""


start = st.Page(home, title="LTNet Studio", default=True, visibility="hidden")
chosen = st.navigation([start, *pages], position="hidden")  # the frame draws it, with dataset and run in the links
if chosen == start:
    st.switch_page(pages[0], query_params=st.query_params.to_dict())
st.session_state[frame.PAGES_KEY] = {text.path: page for text, page in zip(EVERY_PAGE, pages, strict=True)}
text = next(text for text, page in zip(EVERY_PAGE, pages, strict=True) if page == chosen)
params.follow(text.path)
state = load()
st.set_page_config(page_title=live.tab_title(state, text.title))
frame.sidebar(state)
frame.header(state, text)
manage.offer_undo()
live.watch(state, text.path)
top.place()
notice.place(state)
try:
    if state.gone:
        frame.gone(state)
    else:
        chosen.run()
        params.write()
except LTNetError as e:  # a damaged file of the run or the dataset; the sidebar leads to others
    markup.refused(e, "This cannot be shown")
