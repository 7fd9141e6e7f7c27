"""The routes of the map of a run's images, which a process of its own makes when it is first asked for.

::

    GET  .../map                    {"state", "message", "points", "of"}; state is none, making, made or failed
    POST .../map                    begins to make it, unless it is being made
    GET  .../map/points             n (uint32), then row (uint32), x and y (uint16) of the n points, little-endian
    GET  .../map/colours?WISH&by=   of the n points what ``by`` says (int16), then whether they pass the filters but
                                    those of the map (uint8)
    GET  .../map/regions?WISH       {"regions": [see :class:`ltnet_core.explore.map_filters.Region` …]}

``by`` is a column of a table of labels, ``*labels*`` (how people's labels relate) or ``*confidence*`` (in percent).
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ltnet_core.errors import DamageError
from ltnet_core.explore.facets import Passing, column_of
from ltnet_core.explore.item_map import ItemMap
from ltnet_core.explore.map_filters import AREA, REGION, regions_of
from ltnet_core.explore.wish import Wish
from ltnet_core.runs.run import Run
from ui import commands, http, opened
from ui.http import Refused
from ui.opened import Gallery, RunGallery

LABELS, CONFIDENCE = "*labels*", "*confidence*"
GalleryOf = Callable[[Request], Gallery]

_lock = threading.Lock()
_making: dict[str, subprocess.Popen[str]] = {}  # by the folder of the run; one at a time works
_waiting: set[str] = set()
_failed: dict[str, str] = {}


def routes(name: str, gallery_of: GalleryOf) -> list[Route]:
    """The routes below ``/{name}``; ``gallery_of`` lets in who may, and opens what is asked for."""

    async def state(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        return JSONResponse(await http.in_thread(_state, gallery, request.method == "POST"))

    async def points(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        return _binary(await http.in_thread(_points, gallery))

    async def colours(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        wish, by = Wish.parse(dict(request.query_params)), request.query_params.get("by", "")
        return _binary(await http.in_thread(_colours, gallery, wish, by))

    async def regions(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        return JSONResponse(await http.in_thread(_regions, gallery, Wish.parse(dict(request.query_params))))

    return [
        Route(f"/{{{name}}}/map", state, methods=["GET", "POST"]),
        Route(f"/{{{name}}}/map/points", points, methods=["GET"]),
        Route(f"/{{{name}}}/map/colours", colours, methods=["GET"]),
        Route(f"/{{{name}}}/map/regions", regions, methods=["GET"]),
    ]


def _binary(data: bytes) -> Response:
    return Response(data, media_type="application/octet-stream")


def _state(gallery: Gallery, begin: bool) -> dict[str, Any]:
    run, of = _run(gallery), len(gallery.selections.items)
    key = str(run.folder)
    with _lock:
        _collect()
        state, message = _made(run, of)
        if state != "made" and key in _failed:
            state, message = "failed", _failed[key]
        if begin and state in ("none", "failed") and key not in _making:
            _failed.pop(key, None)
            _waiting.add(key)
        if key in _waiting and not _making:
            _waiting.remove(key)
            _making[key] = commands.start_command(["map", key])
        if key in _waiting or key in _making:
            state, message = "making", ""
    made = gallery.selections.item_map() if state == "made" else None
    return {"state": state, "message": message, "points": 0 if made is None else len(made), "of": of}


def _collect() -> None:
    """Take note of the processes that have ended."""
    for key, process in list(_making.items()):
        if process.poll() is not None:
            del _making[key]
            errors = process.communicate()[1]
            if process.returncode:
                _failed[key] = commands.complaint(errors, "map")


def _made(run: Run, items: int) -> tuple[str, str]:
    try:
        return ("none" if opened.item_map(run, items) is None else "made"), ""
    except DamageError as e:
        return "failed", str(e)


def _run(gallery: Gallery) -> Run:
    if not isinstance(gallery, RunGallery):
        raise Refused(404, "There is a map of the images when a network has been trained on them.")
    return gallery.run


def _map(gallery: Gallery) -> ItemMap:
    item_map = gallery.selections.item_map()
    if item_map is None:
        raise Refused(404, "There is no map of these images yet.")
    return item_map


def _points(gallery: Gallery) -> bytes:
    item_map = _map(gallery)
    parts = [item_map.row.astype("<u4"), item_map.x.astype("<u2"), item_map.y.astype("<u2")]
    return b"".join([np.uint32(len(item_map)).tobytes(), *(part.tobytes() for part in parts)])


def _colours(gallery: Gallery, wish: Wish, by: str) -> bytes:
    item_map, selections = _map(gallery), gallery.selections
    items = selections.items
    if by == LABELS:
        codes = selections.relation(wish.pair)
    elif by == CONFIDENCE:
        codes = np.rint(100 * items.confidence).astype(np.int16)
    else:
        codes = column_of(selections, by)
    passing = Passing.of(selections.masks(wish, gallery.settled.now), len(items)).without(AREA, REGION)
    return codes[item_map.row].astype("<i2").tobytes() + passing[item_map.row].astype(np.uint8).tobytes()


def _regions(gallery: Gallery, wish: Wish) -> dict[str, Any]:
    item_map, selections = _map(gallery), gallery.selections
    passing = Passing.of(selections.masks(wish, gallery.settled.now), len(selections.items)).without(REGION)
    return {"regions": [asdict(region) for region in regions_of(item_map, selections.items, passing)]}
