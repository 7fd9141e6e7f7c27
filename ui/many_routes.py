"""The routes for many images at once: an action on them, its undoing, the history, and the images as a CSV file.

::

    POST .../actions   {"kind", "value", "key", "reviewer", "view"[, "rows", "as_of"]} → {"images", "changed", "last"}
    POST .../undo      {"key", "reviewer"} → {"undone"}
    GET  .../history   {"actions": [{"key", "kind", "value", "by", "at", "images", "first", "undone"} …]}
    POST .../csv       {"view"[, "rows", "as_of"]} → a CSV file
    POST .../report    {"suffix": ".html" or ".csv"} → what settling showed, see :mod:`ltnet_core.export.settle_report`

``view`` is the view's address as an object; without ``rows`` all of it is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ltnet_core.explore.actions import MOST_ITEMS, Action, Actions
from ltnet_core.explore.decided import SET_ASIDE
from ltnet_core.explore.opinions import Opinions
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import Wish
from ltnet_core.export.settle_report import settle_report
from ltnet_core.files.spreadsheet import csv_bytes
from ltnet_core.labels.coder_labels import NO_ROWS
from ltnet_core.runs.learned_items import LearnedItems
from ui import http
from ui.access.user import user_of
from ui.gains import gains_of
from ui.http import Refused
from ui.opened import Gallery, RunGallery, Settled

MOST_BODY = 4 * 1024**2
REPORTS = {".html": "text/html; charset=utf-8", ".csv": "text/csv; charset=utf-8"}
GalleryOf = Callable[[Request], Gallery]


def routes(name: str, gallery_of: GalleryOf) -> list[Route]:
    """The routes below ``/{name}``; ``gallery_of`` lets in who may, and opens what is asked for."""

    async def asked(request: Request) -> tuple[Gallery, dict[str, Any]]:
        gallery = await http.in_thread(gallery_of, request)
        content = await http.read_json(request, MOST_BODY)
        if not isinstance(content, dict):
            raise Refused(400, "Expected an object.")
        return gallery, content

    async def actions(request: Request) -> Response:
        gallery, content = await asked(request)
        return JSONResponse(await http.in_thread(_act, gallery, content, user_of(request.headers)))

    async def undo(request: Request) -> Response:
        gallery, content = await asked(request)
        return JSONResponse(await http.in_thread(_undo, gallery, content, user_of(request.headers)))

    async def history(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        return JSONResponse(await http.in_thread(_history, gallery))

    async def csv(request: Request) -> Response:
        gallery, content = await asked(request)
        data = await http.in_thread(_csv, gallery, content)
        return Response(data, media_type="text/csv; charset=utf-8")

    async def report(request: Request) -> Response:
        gallery, content = await asked(request)
        suffix = content.get("suffix")
        if not isinstance(suffix, str) or suffix not in REPORTS:
            raise Refused(400, f"suffix must be one of {', '.join(REPORTS)}.")
        data = await http.in_image_thread(_report, gallery, suffix)
        return Response(data, media_type=REPORTS[suffix], headers={"Content-Disposition": "attachment"})

    posts = {"actions": actions, "undo": undo, "csv": csv, "report": report}
    return [
        *(Route(f"/{{{name}}}/{last}", answer, methods=["POST"]) for last, answer in posts.items()),
        Route(f"/{{{name}}}/history", history, methods=["GET"]),
    ]


def _rows(content: dict[str, Any], selections: Selections, settled: Settled) -> NDArray[np.int64]:
    """The rows that are meant: those named, or all of the view."""
    view, rows, as_of = content.get("view", {}), content.get("rows"), content.get("as_of", -1)
    if not isinstance(view, dict) or not all(isinstance(v, str) for v in view.values()):
        raise Refused(400, "view must be an object of texts.")
    if as_of != -1 and not http.is_count(as_of):
        raise Refused(400, "as_of must be a whole number.")
    if rows is None:
        return selections.rows(Wish.parse(view), settled.as_of(as_of)).astype(np.int64)
    n = len(selections.items)
    if not isinstance(rows, list) or not all(http.is_count(r) and r < n for r in rows):
        raise Refused(400, "rows must be numbers of rows.")
    return np.asarray(list(dict.fromkeys(rows)), dtype=np.int64)


def _act(gallery: Gallery, content: dict[str, Any], user: str | None) -> dict[str, Any]:
    kind, value, key, reviewer = (http.text_of(content, name) for name in ("kind", "value", "key", "reviewer"))
    selections, settled = gallery.selections, gallery.settled
    rows = _rows(content, selections, settled)
    if len(rows) > MOST_ITEMS:
        raise Refused(400, f"At most {MOST_ITEMS:,} images can be changed at once, these are {len(rows):,}.")
    if kind == "settle" and value not in selections.items.classes:
        raise Refused(400, f"There is no class {value!r}.")
    images = selections.items.names.take(rows).to_pylist()
    action = Action(kind, value, reviewer if user is None else user, key)
    changed = Actions(settled.store).act(action, images)
    return {"images": len(images), "changed": changed}


def _undo(gallery: Gallery, content: dict[str, Any], user: str | None) -> dict[str, Any]:
    key, reviewer = (http.text_of(content, name) for name in ("key", "reviewer"))
    return {"undone": Actions(gallery.settled.store).undo(key, reviewer if user is None else user)}


def _history(gallery: Gallery) -> dict[str, Any]:
    return {
        "actions": [
            {
                "key": a.key,
                "kind": a.kind,
                "value": a.value,
                "by": a.reviewer,
                "at": a.time,
                "images": a.images,
                "first": a.first,
                "undone": a.undone,
            }
            for a in Actions(gallery.settled.store).history()
        ]
    }


def _csv(gallery: Gallery, content: dict[str, Any]) -> bytes:
    selections, settled = gallery.selections, gallery.settled
    rows = _rows(content, selections, settled)
    if len(rows) > MOST_ITEMS:
        raise Refused(400, f"At most {MOST_ITEMS:,} images can be exported here; Export writes all.")
    return csv_bytes(_frame(selections.items, settled, rows))


def _report(gallery: Gallery, suffix: str) -> bytes:
    settled = gallery.settled
    aside = set(settled.now.tags.get(SET_ASIDE, NO_ROWS).tolist())
    decisions = {d.image: d.label for r, d in settled.decisions.items() if d.kind == "settle" and r not in aside}
    report = settle_report(settled.items, decisions)
    report = replace(report, agreements=tuple(Opinions(settled.store).agreements()))
    if isinstance(gallery, RunGallery):
        report = replace(report, gains=gains_of(gallery))
    return report.csv_bytes() if suffix == ".csv" else report.to_html(gallery.dataset.name, gallery.files).encode()


def _frame(items: LearnedItems, settled: Settled, rows: NDArray[np.int64]) -> pd.DataFrame:
    names = np.asarray([*items.classes, ""], dtype=object)  # −1 is the last
    columns: dict[str, Any] = {"image": items.names.take(rows).to_pylist()}
    if items.learned:
        columns |= {"learned_truth": names[items.truth[rows]], "confidence": np.round(items.confidence[rows], 4)}
    columns["known_truth"] = names[items.known[rows]]
    columns |= {
        f"label by {coder}": names[label] for coder, label in zip(items.coders, items.labels.at(rows), strict=True)
    }
    decisions = [settled.decisions.get(int(r)) for r in rows]
    columns["settled"] = ["" if d is None else d.label for d in decisions]
    columns["settled_by"] = ["" if d is None else d.reviewer for d in decisions]
    columns["tags"] = ["; ".join(settled.tags_of.get(int(r), ())) for r in rows]
    return pd.DataFrame(columns)
