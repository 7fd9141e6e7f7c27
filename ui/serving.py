"""What :class:`streamlit.App` gets besides the pages: HTTP routes, and what happens when the server starts."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.routing import BaseRoute

from ui import gallery_routes, http, upload_routes, uploads


def routes() -> list[BaseRoute]:
    """All routes beside the pages."""
    return [*upload_routes.routes(), *gallery_routes.routes()]


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Old unfinished uploads go when the server starts, and small answers leave at once."""
    await http.in_thread(uploads.sweep)
    _answer_at_once()
    yield


def _answer_at_once() -> None:
    """Set TCP_NODELAY on the listening sockets; connections inherit it.

    The server does not, and an answer in two pieces then waits 40 ms for the browser's acknowledgement of the first.
    """
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError, ValueError), socket.socket(fileno=os.dup(int(name))) as s:
            if s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and s.family != socket.AF_UNIX:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
