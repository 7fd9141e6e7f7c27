"""The entry of LTNet Studio: ``streamlit run app.py``. It only builds the app; the screens are in ``pages/``,
what the browser asks for beside them is in ``ui/serving.py``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent
# The pages import ui and ltnet_core whatever folder the server was started from.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# Before the server runs Streamlit warns of every cache that there is no server.
logging.getLogger("streamlit.runtime.caching.cache_data_api").setLevel(logging.ERROR)

from ui.serving import EXCEPTION_HANDLERS, lifespan, middleware, routes  # noqa: E402

# A router of its own, and not this script, because a pages/ folder beside the main script makes Streamlit
# skip the main script on a deep link: the page would come without its frame.
app = st.App(
    ROOT / "ui" / "router.py",
    routes=routes(),
    middleware=middleware(),
    exception_handlers=EXCEPTION_HANDLERS,
    lifespan=lifespan,
)

if __name__ == "__main__":
    app.run()
