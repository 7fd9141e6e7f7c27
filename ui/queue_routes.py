"""The routes of the queue for several reviewers, and of what settling has brought.

::

    POST .../queue    {"holder", "reviewer", "view", "count", "keep": [row …]}
                      → {"rows": [row …], "purposes": {row: PURPOSE}, "lost": [row …], "held", "open"}
    GET  .../queue?WISH    {"held": {reviewer: images}, "open", "shares", "agreements": […], "last"}
    POST .../release  {"holder"}
    POST .../shares   {"second": percent, "again": percent}
    GET  .../gains    {"sentences", "meaning", "matrices"}, null before any run

PURPOSE is ``open``, ``second`` or ``again``: see :mod:`ltnet_core.explore.queue` for who gets what. A second answer
comes with the decisions, with the kind ``opinion``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ltnet_core.explore import opinions
from ltnet_core.explore.decided import OPEN, SECOND_OPINION
from ltnet_core.explore.gains import MEANING
from ltnet_core.explore.opinions import Opinion, Opinions
from ltnet_core.explore.queue import Queue, Wanted
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import Wish
from ltnet_core.labels.coder_labels import NO_ROWS, Rows
from ltnet_core.runs.learned_items import LearnedItems
from ui import http
from ui.access.user import user_of
from ui.gains import gains_of
from ui.http import Refused
from ui.opened import Gallery, RunGallery, Settled

MOST_BODY = 1024**2
MOST_KEPT = 1000
STEP = 64  # names that are looked up at once
KIND = "opinion"
RowsOf = Callable[[Selections, Settled, NDArray[np.int64]], list[dict[str, Any]]]
GalleryOf = Callable[[Request], Gallery]


def routes(name: str, gallery_of: GalleryOf, rows_of: RowsOf) -> list[Route]:
    """The routes below ``/{name}``; ``gallery_of`` lets in who may, ``rows_of`` says what there is to know of rows."""

    async def posted(request: Request, act: Callable[[Gallery, dict[str, Any], str | None], Any]) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        content = await http.read_json(request, MOST_BODY)
        if not isinstance(content, dict):
            raise Refused(400, "Expected an object.")
        return JSONResponse(await http.in_thread(act, gallery, content, user_of(request.headers)))

    async def claim(request: Request) -> Response:
        return await posted(request, lambda gallery, content, user: _claim(gallery, content, user, rows_of))

    async def release(request: Request) -> Response:
        return await posted(request, _release)

    async def shares(request: Request) -> Response:
        return await posted(request, _set_shares)

    async def state(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        return JSONResponse(await http.in_thread(_state, gallery, Wish.parse(dict(request.query_params))))

    async def brought(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        return JSONResponse(await http.in_image_thread(_brought, gallery))

    return [
        Route(f"/{{{name}}}/queue", claim, methods=["POST"]),
        Route(f"/{{{name}}}/queue", state, methods=["GET"]),
        Route(f"/{{{name}}}/release", release, methods=["POST"]),
        Route(f"/{{{name}}}/shares", shares, methods=["POST"]),
        Route(f"/{{{name}}}/gains", brought, methods=["GET"]),
    ]


def _claim(gallery: Gallery, content: dict[str, Any], user: str | None, rows_of: RowsOf) -> dict[str, Any]:
    holder, reviewer, view = http.text_of(content, "holder"), http.text_of(content, "reviewer"), content.get("view", {})
    count, keep = content.get("count", 0), content.get("keep", [])
    selections, settled = gallery.selections, gallery.settled
    n = len(selections.items)
    if not isinstance(view, dict) or not all(isinstance(v, str) for v in view.values()):
        raise Refused(400, "view must be an object of texts.")
    if not isinstance(keep, list) or len(keep) > MOST_KEPT or not all(http.is_count(r) and r < n for r in keep):
        raise Refused(400, f"keep must be at most {MOST_KEPT} numbers of rows.")
    if not http.is_count(count):
        raise Refused(400, "count must be a whole number.")
    names = selections.items.names
    still_open, done = _states(selections, settled, Wish.parse(view))
    asked = settled.now.tags.get(SECOND_OPINION, NO_ROWS)
    wanted = Wanted(_names(names, still_open), _names(names, done), frozenset(names.take(asked).to_pylist()))
    kept = [str(name) for name in names.take(np.asarray(keep, dtype=np.int64)).to_pylist()]
    claim = Queue(settled.store).claim(holder, reviewer if user is None else user, wanted, count, kept)
    rows = selections.items.rows(list(claim.new))
    return {
        "rows": rows_of(selections, settled, rows),
        "purposes": {str(row): purpose for row, purpose in zip(rows.tolist(), claim.new.values(), strict=True)},
        "lost": selections.items.rows(list(claim.lost)).tolist(),
        "held": claim.held,
        "open": len(still_open),
    }


def _states(selections: Selections, settled: Settled, wish: Wish) -> tuple[Rows, Rows]:
    """The rows of a view that are open, and those that are settled, in its order."""
    rows = selections.rows(wish, settled.now)
    state = settled.now.settled[rows]
    return rows[state == OPEN], rows[state >= 0]


def _names(names: pa.Array, rows: Rows) -> Iterator[str]:
    """The names of rows, looked up as they are needed: a claim wants few of many."""
    for start in range(0, len(rows), STEP):
        yield from names.take(rows[start : start + STEP]).to_pylist()


def _release(gallery: Gallery, content: dict[str, Any], user: str | None) -> dict[str, Any]:
    Queue(gallery.settled.store).release(http.text_of(content, "holder"))
    return {}


def _set_shares(gallery: Gallery, content: dict[str, Any], user: str | None) -> dict[str, float]:
    if not content or not all(type(v) in (int, float) for v in content.values()):
        raise Refused(400, "A share is a number of percent.")
    queue = Queue(gallery.settled.store)
    queue.set_shares(content)
    return queue.shares()


def _state(gallery: Gallery, wish: Wish) -> dict[str, Any]:
    settled = gallery.settled
    queue = Queue(settled.store)
    agreements = Opinions(settled.store).agreements()
    return {
        "held": queue.held(),
        "open": len(_states(gallery.selections, settled, wish)[0]),
        "shares": queue.shares(),
        "agreements": [{**asdict(a), "who": a.who, "share": a.share} for a in agreements],
        "last": settled.now.version,
    }


def _brought(gallery: Gallery) -> dict[str, Any] | None:
    if not isinstance(gallery, RunGallery):
        return None
    gains = gains_of(gallery)
    return {"sentences": gains.sentences(), "meaning": MEANING, "matrices": [asdict(m) for m in gains.matrices]}


# ---- second answers


def split(body: Any, items: LearnedItems, user: str | None) -> tuple[list[Opinion], Any]:
    """The second answers among what was sent, and the rest of it.

    Raises
    ------
    Refused
        an opinion without a key, of no class, or about another run's image.
    """
    if not isinstance(body, dict) or not isinstance(body.get("decisions"), list):
        return [], body
    second = [d for d in body["decisions"] if isinstance(d, dict) and d.get("kind") == KIND]
    others = [d for d in body["decisions"] if not isinstance(d, dict) or d.get("kind") != KIND]
    return [_opinion(d, items, user) for d in second], {**body, "decisions": others}


def _opinion(d: dict[str, Any], items: LearnedItems, user: str | None) -> Opinion:
    key, reviewer, reason, about = (http.text_of(d, name) for name in ("key", "reviewer", "reason", "about"))
    row, label, shown = d.get("row"), d.get("label", -1), d.get("shown")
    is_key = key != "" and ":" not in key
    if not is_key or about not in opinions.KINDS or shown not in ("image", "labels") or type(label) is not int:
        raise Refused(400, "A second answer has a key without a colon, what it is about, what was shown, and a label.")
    if not http.is_count(row) or row >= len(items) or label >= len(items.classes):
        raise Refused(400, f"There is no row {row} or no class {label}.")
    image = str(items.names[row].as_py())
    if d.get("image") != image:
        raise Refused(409, f"The answer about row {row} is of another run.")
    word = items.classes[label] if label >= 0 else ""
    return Opinion(about, image, word, reviewer if user is None else user, reason, key, shown)
