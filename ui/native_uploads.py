"""Streamlit's own way to upload is closed: it keeps files in memory, outside every quota.

``PUT /_stcore/upload_file/{session}/{file}`` takes a file from anybody who has a session, also when no page shows a
widget that asks for one.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from ui import http

PATH = "/_stcore/upload_file/"


class NoNativeUploads:
    """ASGI middleware that refuses these requests before any of their body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and PATH in scope["path"]:
            response = http.refusal(403, "Files come in by the upload on the page alone.")
            response.headers["connection"] = "close"
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)
