"""The upload as a component: it shows, asks for tickets and sends the files to the routes by itself."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.images.image_formats import SUFFIXES
from ui import uploads
from ui.browser_modules import joined
from ui.uploads import MOST_IMAGES, Purpose
from ui.wording import refusal

ASSETS = Path(__file__).resolve().parent.parent / "assets" / "upload"
KEYS: dict[Purpose, str] = {"dataset": "folder_upload", "images": "image_upload"}
IMAGES, COMING = "images_to_predict", "images_coming"
LONGEST_NUMBER = 100
ACTIVE_SECONDS = 15  # heard of so recently, an upload is still running in some window

_component = st.components.v2.component(
    "ltnet_folder_upload",
    html=(ASSETS / "upload.html").read_text(encoding="utf-8"),
    css=(ASSETS / "upload.css").read_text(encoding="utf-8"),
    js=joined(ASSETS / "main.js"),
)


class SessionImages:
    """An upload of images to predict; it is removed from the disk soon after the session has forgotten it."""

    def __init__(self, id: str):
        self.id = id
        weakref.finalize(self, uploads.abandoned.append, id)


def folder_upload(finished: Callable[[str], None]) -> None:
    """Put the upload of a dataset on the page; ``finished`` is called with the id of one that has come."""
    waiting = [
        {
            "id": u.id,
            "name": u.name,
            "files": u.files,
            "bytes": u.size,
            "here": u.here,
            "bytesHere": u.size_here,
            "isFile": u.is_file,
            "idle": u.idle_seconds,
            "active": u.idle_seconds < ACTIVE_SECONDS,
        }
        for u in uploads.unfinished()
    ]
    asked = _show("dataset", unfinished=waiting)
    if isinstance(asked, dict) and asked.get("kind") == "done":
        finished(str(asked.get("dataset", "")))


def image_upload() -> str | None:
    """Put the upload of images on the page; gives the id of those that the session has brought."""
    _show("images", most=MOST_IMAGES, accept=[*sorted(SUFFIXES), ".zip"])
    kept = st.session_state.get(IMAGES)
    return kept.id if kept else None


def discard_images() -> None:
    """Remove the images that the session has brought."""
    _discard(IMAGES)


def _discard(key: str) -> None:
    kept = st.session_state.pop(key, None)
    if kept:
        uploads.discard(kept.id)


def _show(purpose: Purpose, **more: Any) -> Any:
    key = KEYS[purpose]
    result = _component(
        key=key,
        data={"purpose": purpose, "ticket": st.session_state.get(f"{key}_ticket"), **more},
        on_asked_change=lambda: _answer(purpose),
    )
    return result.get("asked")


def _answer(purpose: Purpose) -> None:
    """Do what the browser asks; it asks again, with the same number, when it has not got the answer."""
    key = KEYS[purpose]
    asked = st.session_state[key].get("asked")
    if not isinstance(asked, dict) or not isinstance(asked.get("n"), str) or len(asked["n"]) > LONGEST_NUMBER:
        return
    ticket = f"{key}_ticket"
    if (st.session_state.get(ticket) or {}).get("n") == asked["n"]:
        return
    try:
        answer = _granted(asked, purpose)
    except (LTNetError, OSError) as e:
        answer = {"error": refusal(e)}
    st.session_state[ticket] = {**answer, "n": asked["n"]}


def _granted(asked: dict[str, Any], purpose: Purpose) -> dict[str, Any]:
    match asked.get("kind"), purpose:
        case "begin", _:
            numbers: list[Any] = [asked.get("files"), asked.get("bytes")]
            # Python reads a browser's whole number as an integer or as a float.
            files, size = [int(n) if isinstance(n, float) and n.is_integer() else n for n in numbers]
            ticket = uploads.begin(str(asked.get("name", "")), files, size, purpose)
            if purpose == "images":
                _discard(COMING)
                st.session_state[COMING] = SessionImages(ticket.id)
        case "go on", "dataset":
            ticket = uploads.go_on(str(asked.get("id", "")))
        case "discard", "dataset":
            uploads.discard(str(asked.get("id", "")))
            return {}
        case "done", "images":
            if COMING in st.session_state:
                discard_images()
                st.session_state[IMAGES] = st.session_state.pop(COMING)
            return {}
        case _:
            return {}
    return {"id": ticket.id, "token": ticket.token}
