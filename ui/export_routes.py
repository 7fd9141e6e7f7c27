"""The HTTP route of the downloads: a file is made by a process of its own and sent piece by piece.

::

    GET /api/exports/{run}/{name}{ending}?token=     one export of a finished run, such as final.csv
    GET /api/exports/{run}/images/predictions.csv?source=&token=     what its network says of images that a page shows

The server holds none of it in memory, however large it is. A failure is answered in a sentence.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ltnet_core.errors import InputError, LTNetError
from ltnet_core.export.kind import EXPORTS
from ltnet_core.runs.run import Run
from ui import commands, http, opened, prediction
from ui.http import Refused
from ui.server_files import file_of
from ui.tokens import is_token, token
from ui.workspace import adjudications_of

PIECE = 1 << 20


def address(run: Run, name: str, ending: str) -> str:
    """Where a page's link finds an export, seen from the page."""
    return f"api/exports/{quote(run.folder.name, safe='')}/{name}{ending}?token={token(run.folder.name)}"


def file_name(run: str, name: str, ending: str) -> str:
    """What the browser keeps it as; a program that asks for a name gets that."""
    fixed = EXPORTS[name].file
    return f"{fixed}{ending}" if fixed else f"{run}-{name}{ending}"


def address_of_predictions(run: Run, source: str) -> str:
    """Where a page's link finds the predictions of a source: ``upload:ID``, ``path:PATH`` or ``features:PATH``.

    The link is good for that source alone.
    """
    name = run.folder.name
    query = urlencode({"source": source, "token": token(f"{name}/{source}")})
    return f"api/exports/{quote(name, safe='')}/images/predictions.csv?{query}"


async def export(request: Request) -> Response:
    """Make one export and send it."""
    run = request.path_params["run"]
    name, ending = os.path.splitext(request.path_params["file"])
    if name not in EXPORTS or ending not in EXPORTS[name].suffixes:
        return _refused(Refused(404, "There is no such export."))
    try:
        _require_token(request, run)
        file = await http.in_export_thread(_make, run, name, ending)
    except (Refused, LTNetError) as e:
        return _refused(e)
    return sent(file, file_name(run, name, ending), EXPORTS[name].suffixes[ending])


async def predictions(request: Request) -> Response:
    """Look at the images that a page shows, all of them, and send what their table says."""
    run, source = request.path_params["run"], request.query_params.get("source", "")
    try:
        _require_token(request, f"{run}/{source}")
        file = await http.in_export_thread(_predict, run, source)
    except (Refused, LTNetError) as e:
        return _refused(e)
    return sent(file, f"{run}-predictions.csv", "text/csv")


def _require_token(request: Request, of: str) -> None:
    if not is_token(of, request.query_params.get("token", "")):
        raise Refused(403, "This page is out of date; reload it.")


def _refused(e: Refused | LTNetError) -> Response:
    """The sentence alone: a browser shows it where the file would have come."""
    status = e.status if isinstance(e, Refused) else 422 if isinstance(e, InputError) else 503
    return PlainTextResponse(f"{e}\n", status)


def _predict(run: str, source: str) -> BinaryIO:
    """The predictions of images, see :func:`_make`."""
    folder = opened.gallery_of_run(run).run.folder.absolute()
    kind, _, rest = source.partition(":")
    if kind == "upload":
        folder_of_upload, sources = prediction.sources_of_upload(rest)
    elif kind == "features":
        folder_of_upload, sources = None, ["--features", str(file_of(rest))]
    else:
        folder_of_upload, sources = None, [str(prediction.require_path(rest))]
    return made(["predict", str(folder), *sources], ".csv", folder_of_upload)


def _make(run: str, name: str, ending: str) -> BinaryIO:
    """The file, open and gone from the disk's listing: it takes no room any more when it is closed.

    Raises
    ------
    LTNetError
        it could not be made; says why.
    """
    gallery = opened.gallery_of_run(run)
    kind, settled = EXPORTS[name], adjudications_of(gallery.dataset)
    title = [f"--title={gallery.dataset.name}"] if kind.titled else []
    decisions = ["--adjudications", str(settled)] if kind.adjudicated and settled.is_file() else []
    return made(["export", str(gallery.run.folder), "--format", name, *title, *decisions], ending)


def made(command: Sequence[str], ending: str, cwd: Path | None = None) -> BinaryIO:
    """What a command writes to its ``--out``, open and gone from the disk's listing.

    Raises
    ------
    LTNetError
        the command failed; says why.
    """
    with tempfile.TemporaryDirectory(prefix="ltnet-export-") as folder:
        target = Path(folder) / f"export{ending}"
        commands.require_done([*command, "--out", str(target)], cwd=cwd)
        return open(target, "rb")


def sent(file: BinaryIO, name: str, media_type: str) -> Response:
    """The file as a download."""

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(PIECE):
                yield piece

    headers = {
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(pieces(), media_type=media_type, headers=headers)


def routes() -> list[BaseRoute]:
    """The routes of the downloads."""
    app = Starlette(
        routes=[
            Route("/{run}/images/predictions.csv", predictions, methods=["GET"]),
            Route("/{run}/{file}", export, methods=["GET"]),
        ],
        exception_handlers=http.HANDLERS,
    )
    return http.mounted("/api/exports", app)
