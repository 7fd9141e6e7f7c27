"""What stands in the page that the browser gets first.

The style sheet, so that everything is placed once and nothing moves when the style comes; the scripts that guard Back
and say where the server is; and which code of Streamlit the page will need, so that it comes while the app begins and
not when the first chart has come.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path, PurePosixPath

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import file_util

ASSETS = Path(__file__).resolve().parent.parent / "assets"
STYLE = ASSETS / "style.css"
SCRIPTS = b"".join(path.read_bytes() for path in sorted((ASSETS / "first_paint").glob("*.js")))
END = b"</body>"  # after Streamlit's own styles, which go into the head
FRESH = ("accept-encoding", "if-none-match", "if-modified-since")  # the page comes whole and as it is
CHUNKS = Path(file_util.get_static_dir(), "static", "js")
FIRST = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")  # it names what every page needs
LONGEST_IMPORTS = 20_000  # bytes at the beginning of a file of code
NEEDED = {  # page → parts of Streamlit, by the names of their files
    "dataset": ("PlotlyChart", "BidiComponent", "DataFrame"),
    "train": ("PlotlyChart", "DataFrame"),
    "transitions": ("PlotlyChart", "BidiComponent"),
    "disagreements": ("BidiComponent",),
    "compare": ("PlotlyChart", "DataFrame"),
    "export": ("DataFrame",),
    "predict": ("BidiComponent",),
}
IMPORTED = re.compile(rb"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")


class FirstPaint:
    """Adds them to the HTML page of the app; every other answer passes as it is."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.added = b"<style>" + STYLE.read_bytes() + b"</style><script>" + SCRIPTS + b"</script>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _asks_for_a_page(scope):
            await self.app(scope, receive, send)
            return
        headers = [(k, v) for k, v in scope["headers"] if k.decode("latin-1").lower() not in FRESH]
        added = self.added + preloads(PurePosixPath(scope["path"]).name)

        def change(page: bytes) -> bytes:
            return page.replace(END, added + END, 1)

        await self.app({**scope, "headers": headers}, receive, _Page(send, change).send)


@lru_cache(maxsize=len(NEEDED) + 1)
def _links(names: tuple[str, ...]) -> bytes:
    files = dict.fromkeys(file for name in names for first in sorted(CHUNKS.glob(f"{name}.*.js"))[:1]
                          for file in _with_imports(first.name, {}))  # fmt: skip
    return b"".join(b'<link rel="modulepreload" crossorigin href="./static/js/%s">' % f.encode() for f in files)


def preloads(page: str) -> bytes:
    """Links to the code that a page will need; none of it where another Streamlit calls its files otherwise."""
    return _links(NEEDED.get(page, ()))


def _with_imports(file: str, known: dict[str, None]) -> dict[str, None]:
    """A file of Streamlit's code and those it cannot begin without, but for what every page needs."""
    if file not in known and file not in FIRST and (CHUNKS / file).is_file():
        known[file] = None
        with open(CHUNKS / file, "rb") as code:
            for other in IMPORTED.findall(code.read(LONGEST_IMPORTS)):
                _with_imports(other.decode(), known)
    return known


def _asks_for_a_page(scope: Scope) -> bool:
    return "text/html" in Headers(scope=scope).get("accept", "")


class _Page:
    """Gathers an answer that is an HTML page, and sends it when it is whole."""

    def __init__(self, send: Send, change: Callable[[bytes], bytes]):
        self._send = send
        self._change = change
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
            body, start, self._start = self._change(bytes(self._body)), self._start, None
            headers = MutableHeaders(raw=start["headers"])
            headers["content-length"] = str(len(body))
            del headers["etag"], headers["last-modified"]
            headers["cache-control"] = "no-cache"
            await self._send({**start, "headers": headers.raw})
            await self._send({"type": "http.response.body", "body": body})
            return
        await self._send(message)
