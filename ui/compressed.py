"""Streamlit's code and styles, compressed: over a slow network a page is there in a third of the time."""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import file_util

from ui import http

FOLDER = Path(file_util.get_static_dir(), "static")
ASKED = re.compile(r"/static/((?:js|css)/[\w.-]+\.(?:js|css))$")
LEVEL = 1  # of gzip: 6 takes three times as long, for a seventh less
MOST_FILES = 100


class Compressed:
    """Streamlit sends these files as they are. Each is compressed once; every other answer passes."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        file = _asked(scope)
        if file is None:
            await self.app(scope, receive, send)
            return
        body, whole = await http.in_thread(_compressed, file), False

        async def answer(message: Message) -> None:
            nonlocal whole
            if message["type"] == "http.response.start" and (whole := message["status"] == 200):
                headers = MutableHeaders(raw=message["headers"])
                headers["content-encoding"], headers["content-length"] = "gzip", str(len(body))
                headers.add_vary_header("accept-encoding")
            await send({**message, "body": body} if whole and message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "HEAD"}, receive, answer)


def _asked(scope: Scope) -> Path | None:
    """The file that a browser asks for, where it takes it compressed."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    headers, found = Headers(scope=scope), ASKED.search(scope["path"])
    if found is None or "gzip" not in headers.get("accept-encoding", "") or "range" in headers:
        return None
    file = FOLDER / found[1]
    return file if file.is_file() else None


@lru_cache(maxsize=MOST_FILES)
def _compressed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), LEVEL)
