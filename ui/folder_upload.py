"""The folder upload as a component: it shows, asks for tickets and sends the files to the routes by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from ui import uploads
from ui.uploads import UploadError

ASSETS = Path(__file__).resolve().parent.parent / "assets"
KEY = "folder_upload"
TICKET = "folder_upload_ticket"
ACTIVE_SECONDS = 15  # heard of so recently, an upload is still running in some window

_component = st.components.v2.component(
    "ltnet_folder_upload",
    html=(ASSETS / "folder_upload.html").read_text(encoding="utf-8"),
    css=(ASSETS / "folder_upload.css").read_text(encoding="utf-8"),
    js=(ASSETS / "folder_upload.js").read_text(encoding="utf-8"),
)


def folder_upload(finished: Callable[[str], None]) -> None:
    """Put the upload on the page; ``finished`` is called with the id of a dataset that has come."""
    waiting = [
        {
            "id": u.id,
            "name": u.name,
            "files": u.files,
            "bytes": u.size,
            "here": u.here,
            "idle": u.idle_seconds,
            "active": u.idle_seconds < ACTIVE_SECONDS,
        }
        for u in uploads.unfinished()
    ]
    result = _component(
        key=KEY,
        data={"ticket": st.session_state.get(TICKET), "unfinished": waiting},
        on_asked_change=_answer,
    )
    asked = result.get("asked")
    if isinstance(asked, dict) and asked.get("kind") == "done":
        finished(str(asked.get("dataset", "")))


def _answer() -> None:
    """Do what the browser asks; it asks again, with the same number, when it has not got the answer."""
    asked = st.session_state[KEY].get("asked")
    if not isinstance(asked, dict) or (st.session_state.get(TICKET) or {}).get("n") == asked.get("n"):
        return
    try:
        answer = _granted(asked)
    except (UploadError, OSError) as e:
        answer = {"error": str(e)}
    st.session_state[TICKET] = {**answer, "n": asked.get("n")}


def _granted(asked: dict[str, Any]) -> dict[str, Any]:
    match asked.get("kind"):
        case "begin":
            ticket = uploads.begin(str(asked.get("name", "")), int(asked.get("files", 0)), int(asked.get("bytes", 0)))
        case "go on":
            ticket = uploads.go_on(str(asked.get("id", "")))
        case "discard":
            uploads.discard(str(asked.get("id", "")))
            return {}
        case _:
            return {}
    return {"id": ticket.id, "token": ticket.token}
