"""What the HTTP routes beside the pages share: threads for slow work, JSON bodies, refusals in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount

from ltnet_core.errors import InputError, RunError, StorageError

T = TypeVar("T")


class Refused(Exception):
    """A request that cannot be met; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """Disks are slow; the event loop serves everybody."""
    return await anyio.to_thread.run_sync(work, *arguments)


def declared(request: Request) -> int:
    """Bytes that the request says it has."""
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


async def read_json(request: Request, most: int) -> Any:
    """The body as JSON, of at most so many bytes.

    Raises
    ------
    Refused
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused(413, f"A request may have {most:,} bytes; this one has more.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "The request is not JSON.") from None


def refusal(status: int, message: str) -> Response:
    """``{"error": a sentence}``."""
    return JSONResponse({"error": message}, status_code=status)


async def _refused(request: Request, e: Exception) -> Response:
    return refusal(e.status if isinstance(e, Refused) else 500, str(e))


async def _input_error(request: Request, e: Exception) -> Response:
    return refusal(404 if isinstance(e, RunError) else 422, str(e))


async def _storage_error(request: Request, e: Exception) -> Response:
    return refusal(503, str(e))


async def _http_error(request: Request, e: Exception) -> Response:
    if not isinstance(e, HTTPException):
        raise e
    return refusal(e.status_code, "There is nothing at this address." if e.status_code == 404 else e.detail)


async def _unexpected(request: Request, e: Exception) -> Response:
    return refusal(500, "The server made a mistake; its log says more.")


async def _disconnected(request: Request, e: Exception) -> Response:
    return refusal(400, "The connection was lost.")  # read by nobody


HANDLERS: Mapping[Any, Any] = {
    Refused: _refused,
    InputError: _input_error,
    StorageError: _storage_error,
    HTTPException: _http_error,
    ClientDisconnect: _disconnected,
    Exception: _unexpected,
}


def mounted(path: str, app: Starlette) -> list[BaseRoute]:
    """The app at that path; a second time for servers with a base path (server.baseUrlPath)."""
    return [Mount(path, app=app), Mount("/{base:path}" + path, app=app)]
