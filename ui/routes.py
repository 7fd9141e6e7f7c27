"""The HTTP routes beside the pages: the browser sends an upload's files here, see :mod:`ui.uploads`.

::

    GET    /api/uploads/{id}           what is here already
    POST   /api/uploads/{id}/files     a batch of files (see ui/upload_frames.py) → {"written", "refused"}
    POST   /api/uploads/{id}/remove    [path, …]: files that the sender does not have (any more)
    POST   /api/uploads/{id}/finish    {"files", "bytes"} of the sender → {"dataset"}
    DELETE /api/uploads/{id}           remove everything

The token comes in a header of our own, which no other site can make a browser send: these routes use no cookie.
Every refusal is ``{"error": a sentence}``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from ltnet_core.errors import DatasetError
from ui import uploads
from ui.upload_frames import Batch
from ui.uploads import Upload, UploadError

TOKEN = "x-upload-token"
MAX_BODY = 64 * 1024**2
BLOCK = 1024**2  # what is gathered before a thread writes it: a thread's turn costs more than a small file

T = TypeVar("T")


async def _in_thread(work: Callable[..., T], *arguments: object) -> T:
    """Disks are slow; the event loop serves everybody."""
    return await anyio.to_thread.run_sync(work, *arguments)


async def _upload(request: Request) -> Upload:
    upload = await _in_thread(uploads.open_upload, request.path_params["id"], request.headers.get(TOKEN, ""))
    upload.heard()
    return upload


async def present(request: Request) -> Response:
    """What is here already."""
    upload = await _upload(request)
    text = await _in_thread(lambda: json.dumps(upload.present(), ensure_ascii=False, separators=(",", ":")))
    return Response(text, media_type="application/json")


async def files(request: Request) -> Response:
    """A batch of files."""
    size = _declared(request)
    if size > MAX_BODY:
        raise UploadError(413, f"A request may have {MAX_BODY:,} bytes; this one has {size:,}.")
    body = request.stream()
    try:
        upload = await _upload(request)
        await _in_thread(upload.require_room, size)
        batch = await _receive(body, upload)
    except UploadError:
        # A browser reads no answer before it has sent everything: it would see a lost connection instead.
        await _drain(body)
        raise
    # In ASCII, because a refused name may be no valid Unicode.
    told = json.dumps({"written": batch.written, "refused": batch.refused})
    return Response(told, media_type="application/json")


async def _receive(body: AsyncGenerator[bytes, None], upload: Upload) -> Batch:
    batch, block, total = Batch(upload), bytearray(), 0
    try:
        async for chunk in body:
            block += chunk
            total += len(chunk)
            if total > MAX_BODY:
                raise UploadError(413, f"A request may have {MAX_BODY:,} bytes; this one has more.")
            if len(block) >= BLOCK:
                await _in_thread(batch.feed, block)
                block = bytearray()
        await _in_thread(batch.feed, block)
        batch.close()
    except ClientDisconnect:
        # What came before the connection broke need not come again.
        await _in_thread(batch.feed, block)
        raise
    finally:
        batch.give_up()
    return batch


async def _drain(body: AsyncGenerator[bytes, None]) -> None:
    left = MAX_BODY
    async for chunk in body:
        left -= len(chunk)
        if left < 0:
            return


async def remove(request: Request) -> Response:
    """Files that the sender does not have (any more)."""
    upload, paths = await _upload(request), await _json(request)
    if not isinstance(paths, list) or not all(isinstance(p, str) for p in paths):
        raise UploadError(400, "Expected a list of paths.")
    await _in_thread(upload.remove, paths)
    return JSONResponse({})


async def finish(request: Request) -> Response:
    """Everything has been sent."""
    id, token = request.path_params["id"], request.headers.get(TOKEN, "")
    told = await _json(request)
    if not isinstance(told, dict) or not all(isinstance(told.get(k), int) for k in ("files", "bytes")):
        raise UploadError(400, 'Expected {"files": a number, "bytes": a number}.')
    dataset = await _in_thread(uploads.finished, id, token)
    if dataset is None:
        upload = await _upload(request)
        dataset = await _in_thread(upload.finish, told["files"], told["bytes"])
    return JSONResponse({"dataset": dataset.id})


async def cancel(request: Request) -> Response:
    """Remove everything."""
    upload = await _upload(request)
    await _in_thread(upload.cancel)
    return JSONResponse({})


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


async def _json(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise UploadError(413, f"A request may have {MAX_BODY:,} bytes; this one has more.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise UploadError(400, "The request is not JSON.") from None


# ---- refusals


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)


async def _upload_error(request: Request, e: Exception) -> Response:
    return _refusal(e.status if isinstance(e, UploadError) else 500, str(e))


async def _dataset_error(request: Request, e: Exception) -> Response:
    return _refusal(422, str(e))


async def _http_error(request: Request, e: Exception) -> Response:
    assert isinstance(e, HTTPException)
    return _refusal(e.status_code, "There is nothing at this address." if e.status_code == 404 else e.detail)


async def _unexpected(request: Request, e: Exception) -> Response:
    return _refusal(500, "The server made a mistake; its log says more.")


async def _disconnected(request: Request, e: Exception) -> Response:
    return _refusal(400, "The connection was lost.")  # read by nobody


def routes() -> list[BaseRoute]:
    """What :class:`streamlit.App` gets."""
    app = Starlette(
        routes=[
            Route("/{id}", present, methods=["GET"]),
            Route("/{id}", cancel, methods=["DELETE"]),
            Route("/{id}/files", files, methods=["POST"]),
            Route("/{id}/remove", remove, methods=["POST"]),
            Route("/{id}/finish", finish, methods=["POST"]),
        ],
        exception_handlers={
            UploadError: _upload_error,
            DatasetError: _dataset_error,
            HTTPException: _http_error,
            ClientDisconnect: _disconnected,
            Exception: _unexpected,
        },
    )
    # The second for servers with a base path (server.baseUrlPath).
    return [Mount("/api/uploads", app=app), Mount("/{base:path}/api/uploads", app=app)]


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Old unfinished uploads go when the server starts."""
    await _in_thread(uploads.sweep)
    yield
