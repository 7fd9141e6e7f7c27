"""What :class:`streamlit.App` gets besides the pages: HTTP routes, and what happens when the server starts."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from ui import export_routes, gallery_routes, http, trash, upload_expiry, upload_routes, workspace
from ui.access.guard import Guard
from ui.access.headers import secure
from ui.access.listening import listening_sockets
from ui.access.settings import settings
from ui.compressed import Compressed
from ui.first_paint import FirstPaint
from ui.native_uploads import NoNativeUploads
from ui.roots import name_roots


def routes() -> list[BaseRoute]:
    """All routes beside the pages."""
    return [*upload_routes.routes(), *gallery_routes.routes(), *export_routes.routes()]


def middleware() -> list[Middleware]:
    """What every request goes through first."""
    return [Middleware(Guard), Middleware(NoNativeUploads), Middleware(FirstPaint), Middleware(Compressed)]


async def _mistake(request: Request, e: Exception) -> Response:
    """The one answer that is made outside the guard."""
    response = http.refusal(500, "The server made a mistake; its log says more.")
    secure(MutableHeaders(raw=response.raw_headers))
    return response


EXCEPTION_HANDLERS: dict[Any, Any] = {Exception: _mistake}


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """A new workspace is its owner's alone, expired uploads go while the server runs, small answers leave at once."""
    with contextlib.suppress(OSError):  # whoever writes there first says that it cannot be written
        workspace.root().mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as while_it_runs:
        await http.in_thread(while_it_runs.enter_context, trash.emptied())
        name_roots(settings(), workspace.root())
        _answer_at_once()
        async with upload_expiry.sweeping():
            yield


def _answer_at_once() -> None:
    """Set TCP_NODELAY on the listening sockets; connections inherit it.

    The server does not, and an answer in two pieces then waits 40 ms for the browser's acknowledgement of the first.
    """
    with listening_sockets() as sockets:
        for s in sockets:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
