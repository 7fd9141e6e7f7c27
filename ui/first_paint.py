"""The style sheet in the page that the browser gets first: what stands there is placed once, and nothing moves when
the style comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STYLE = Path(__file__).resolve().parent.parent / "assets" / "style.css"
END = b"</body>"  # after Streamlit's own styles, which go into the head
FRESH = ("accept-encoding", "if-none-match", "if-modified-since")  # the page comes whole and as it is


class FirstPaint:
    """Adds the style sheet to the HTML page of the app; every other answer passes as it is."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.style = b"<style>" + STYLE.read_bytes() + b"</style>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _asks_for_a_page(scope):
            await self.app(scope, receive, send)
            return
        headers = [(k, v) for k, v in scope["headers"] if k.decode("latin-1").lower() not in FRESH]
        await self.app({**scope, "headers": headers}, receive, _Page(send, self._styled).send)

    def _styled(self, page: bytes) -> bytes:
        return page.replace(END, self.style + END, 1)


def _asks_for_a_page(scope: Scope) -> bool:
    return "text/html" in Headers(scope=scope).get("accept", "")


class _Page:
    """Gathers an answer that is an HTML page, and sends it when it is whole."""

    def __init__(self, send: Send, styled: Callable[[bytes], bytes]):
        self._send = send
        self._styled = styled
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type", "").startswith("text/html"):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            body, start, self._start = self._styled(bytes(self._body)), self._start, None
            headers = MutableHeaders(raw=start["headers"])
            headers["content-length"] = str(len(body))
            del headers["etag"], headers["last-modified"]
            headers["cache-control"] = "no-cache"
            await self._send({**start, "headers": headers.raw})
            await self._send({"type": "http.response.body", "body": body})
            return
        await self._send(message)
