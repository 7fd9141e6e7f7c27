"""The HTTP routes beside the pages: the browser sends an upload's files here, see :mod:`ui.uploads`.

::

    GET    /api/uploads/{id}           what is here already
    POST   /api/uploads/{id}/files     a batch of files (see ui/upload_frames.py) → {"written", "refused"}
    POST   /api/uploads/{id}/remove    [path, …]: files that the sender does not have (any more)
    POST   /api/uploads/{id}/finish    {"files", "bytes"} of the sender → {"dataset"}; null for images to predict
    DELETE /api/uploads/{id}           remove everything

The token comes in a header of our own, which no other site can make a browser send: these routes use no cookie.
Every refusal is ``{"error": a sentence}``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from itertools import chain
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ui import http, quotas, uploads
from ui.upload_errors import Busy, UploadError
from ui.upload_frames import Batch
from ui.uploads import Upload

TOKEN = "x-upload-token"
MAX_BODY = 64 * 1024**2
MAX_NAMES = 4 * 1024**2
BUSY_SECONDS = 0.3
BLOCK = 1024**2  # what is gathered before a thread writes it: a thread's turn costs more than a small file


async def _upload(request: Request) -> Upload:
    upload = await http.in_thread(uploads.open_upload, request.path_params["id"], request.headers.get(TOKEN, ""))
    upload.heard()
    return upload


async def present(request: Request) -> Response:
    """What is here already."""
    upload = await _upload(request)
    pieces = upload.present()
    first = await http.in_thread(next, pieces, "")  # before the answer begins, or no refusal could be told
    return StreamingResponse(chain([first], pieces), media_type="application/json")


async def files(request: Request) -> Response:
    """A batch of files."""
    size = http.declared(request)
    if size > MAX_BODY:
        raise UploadError(413, f"A request may have {MAX_BODY:,} bytes; this one has {size:,}.")
    body = request.stream()
    try:
        upload = await _upload(request)
        with quotas.coming(upload.folder, size or MAX_BODY, upload.size):
            batch = await _receive(body, upload)
    except UploadError:
        # A browser reads no answer before it has sent everything: it would see a lost connection instead.
        await _drain(body)
        raise
    # In ASCII, because a refused name may be no valid Unicode.
    content = json.dumps({"written": batch.written, "refused": batch.refused})
    return Response(content, media_type="application/json")


async def _receive(body: AsyncGenerator[bytes, None], upload: Upload) -> Batch:
    batch, block, total = Batch(upload), bytearray(), 0
    try:
        async for chunk in body:
            block += chunk
            total += len(chunk)
            if total > MAX_BODY:
                raise UploadError(413, f"A request may have {MAX_BODY:,} bytes; this one has more.")
            if len(block) >= BLOCK:
                await http.in_thread(batch.feed, block)
                block = bytearray()
        await http.in_thread(batch.feed, block)
        batch.close()
    except ClientDisconnect:
        # What came before the connection broke need not come again.
        await http.in_thread(batch.feed, block)
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
    upload, paths = await _upload(request), await _told(request, MAX_NAMES)
    if not isinstance(paths, list) or not all(isinstance(p, str) for p in paths):
        raise UploadError(400, "Expected a list of paths.")
    await http.in_thread(upload.remove, paths)
    return JSONResponse({})


async def finish(request: Request) -> Response:
    """Everything has been sent."""
    id, token = request.path_params["id"], request.headers.get(TOKEN, "")
    content = await _told(request, BLOCK)
    if not isinstance(content, dict) or not all(http.is_count(content.get(k)) for k in ("files", "bytes")):
        raise UploadError(400, 'Expected {"files": a number, "bytes": a number}.')
    while True:
        try:
            upload = await _upload(request)
            dataset = await http.in_thread(upload.finish, content["files"], content["bytes"])
        except Busy:
            await anyio.sleep(BUSY_SECONDS)
            continue
        except UploadError as e:
            # Asked again because the answer was lost: the first one’s result is this one’s too.
            dataset = await http.in_thread(uploads.finished, id, token) if e.status == 404 else None
            if dataset is None:
                raise
        return JSONResponse({"dataset": dataset.id if dataset else None})


async def _told(request: Request, most: int) -> Any:
    try:
        return await http.read_json(request, most)
    except http.Refused as e:
        raise UploadError(e.status, str(e)) from None


async def cancel(request: Request) -> Response:
    """Remove everything."""
    upload = await _upload(request)
    await http.in_thread(upload.cancel)
    return JSONResponse({})


async def _upload_error(request: Request, e: Exception) -> Response:
    return http.refusal(e.status if isinstance(e, UploadError) else 500, str(e))


def routes() -> list[BaseRoute]:
    """The routes of uploads."""
    app = Starlette(
        routes=[
            Route("/{id}", present, methods=["GET"]),
            Route("/{id}", cancel, methods=["DELETE"]),
            Route("/{id}/files", files, methods=["POST"]),
            Route("/{id}/remove", remove, methods=["POST"]),
            Route("/{id}/finish", finish, methods=["POST"]),
        ],
        exception_handlers={**http.HANDLERS, UploadError: _upload_error},
    )
    return http.mounted("/api/uploads", app)
