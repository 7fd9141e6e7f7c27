"""What the HTTP routes beside the pages share: threads for slow work, JSON bodies, refusals in a sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard, TypeVar
from weakref import WeakKeyDictionary

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from ltnet_core.errors import InputError, RunError, StorageError
from ui import wording

T = TypeVar("T")
MOST_TEXT = 500  # characters of a name, a reason, a tag


class Refused(Exception):
    """A request that cannot be met; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


# Images wait for each other's memory; without a limit they would take all threads of the server.
IMAGE_THREADS = 8
_image_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter] = WeakKeyDictionary()
# An export is a process of a few hundred megabytes; more than these wait.
EXPORT_THREADS = 2
_export_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter] = WeakKeyDictionary()


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """Disks are slow; the event loop serves everybody."""
    return await anyio.to_thread.run_sync(work, *arguments)


async def in_image_thread(work: Callable[..., T], *arguments: object) -> T:
    """The same for decoding images, in few threads of its own, so that everything else goes on beside it."""
    loop = asyncio.get_running_loop()
    limiter = _image_threads.setdefault(loop, CapacityLimiter(IMAGE_THREADS))
    return await anyio.to_thread.run_sync(work, *arguments, limiter=limiter)


async def in_export_thread(work: Callable[..., T], *arguments: object) -> T:
    """The same for waiting for a process that makes a file."""
    limiter = _export_threads.setdefault(asyncio.get_running_loop(), CapacityLimiter(EXPORT_THREADS))
    return await anyio.to_thread.run_sync(work, *arguments, limiter=limiter)


def declared(request: Request) -> int:
    """Bytes that the request says it has."""
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


async def read_body(request: Request, most: int) -> bytes:
    """The body, of at most so many bytes.

    Raises
    ------
    Refused
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused(413, f"A request may have {most:,} bytes; this one has more.")
    return bytes(body)


async def read_json(request: Request, most: int) -> Any:
    """The body as JSON in UTF-8, of at most so many bytes; every text in it can be written as UTF-8 again.

    Raises
    ------
    Refused
    """
    body = await read_body(request, most)
    try:
        content = json.loads(body.decode(), parse_constant=_no_constant)
        # An escape such as \ud800 alone makes a text that no file and no answer can hold.
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(400, "The request is not JSON.") from None
    return content


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value of JSON is a whole number, not negative, that a database can hold; true is none."""
    return type(value) is int and 0 <= value < 2**63


def text_of(content: dict[str, Any], name: str) -> str:
    """A short text of a request's JSON object, empty where it has none of that name.

    Raises
    ------
    Refused
    """
    text = content.get(name, "")
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise Refused(400, f"{name} must be a text of at most {MOST_TEXT} characters.")
    return text


def refusal(status: int, message: str) -> Response:
    """``{"error": a sentence}``, in ASCII: the sentence may quote what is no valid Unicode."""
    text = json.dumps({"error": message}, separators=(",", ":"))
    return Response(text, status, media_type="application/json")


async def _refused(request: Request, e: Exception) -> Response:
    return refusal(e.status if isinstance(e, Refused) else 500, str(e))


async def _input_error(request: Request, e: Exception) -> Response:
    return refusal(404 if isinstance(e, RunError) else 422, wording.refusal(e))


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
