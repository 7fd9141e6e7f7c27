"""The HTTP routes of the gallery: it asks for what it shows by itself, so that the page need not run again.

::

    GET  /api/runs/{run}/items?WISH&offset=&limit=   {"total", "offset", "version", "rows": [row …]}; with as_of=VERSION
                                                     the list as it was then, whatever has been settled since
    GET  /api/runs/{run}/cases?WISH                  {"items", "of", "settled", "set_aside", "cases", "against", …}
    GET  /api/runs/{run}/facets?WISH                 {"facets": {FILTER: {VALUE: images}}}
    GET  /api/runs/{run}/table?WISH&rows=&columns=   {"rows", "columns", "counts": K × K}
    GET  /api/runs/{run}/place?WISH&image=           {"row", "position"} of an image, null where it is not there
    GET  /api/runs/{run}/item?row=                   everything about one item
    GET  /api/runs/{run}/thumbnails?rows=&size=      JPEGs, each after its row and its length
    GET  /api/runs/{run}/image?row=&token=           one JPEG
    GET  /api/runs/{run}/map …, /coders …            see :mod:`ui.map_routes`, :mod:`ui.coder_routes`
    POST /api/runs/{run}/actions, /undo, /csv        see :mod:`ui.many_routes`
    POST /api/runs/{run}/queue, /release, /shares    see :mod:`ui.queue_routes`
    GET  /api/runs/{run}/queue, /gains
    GET  /api/runs/{run}/history
    POST /api/runs/{run}/decisions                   {"decisions": […], "last"} → {"saved", "conflicts", "changed"}

The same below ``/api/labels/{dataset}``, of a dataset before any run: there is no learned truth then.

WISH is the address of a view, see :meth:`ltnet_core.explore.wish.Wish.parse`. A row is
``{"r": row, "n": name, "l": [label of each coder], "t": truth, "i": truth by the image alone,
"k": known truth, "c": confidence, "m": margin, "s": split, "d": decision, "g": tags}``, classes as
indices and −1 where there is none. The token of :mod:`ui.tokens` comes in a header, that of an
image in its address.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ltnet_core.explore.adjudications import SHOWN, Decision
from ltnet_core.explore.against_truth import against_truth
from ltnet_core.explore.decided import SET_ASIDE, SKIPPED
from ltnet_core.explore.explanation import explain
from ltnet_core.explore.facets import facet_counts, table_of
from ltnet_core.explore.opinions import Opinions
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import Wish
from ltnet_core.labels.coder_labels import NO_ROWS
from ui import coder_routes, http, many_routes, map_routes, opened, queue_routes, thumbnails
from ui.access.user import user_of
from ui.http import Refused
from ui.opened import Gallery, RunGallery, Settled
from ui.tokens import is_token

TOKEN = "x-gallery-token"
MOST_ROWS = 500
MOST_BODY = 4 * 1024**2
MOST_TEXT = 2000
AT_ONCE = 8
KINDS = ("settle", "skip", "undo")


def _gallery(request: Request, gallery_token: str | None = None) -> Gallery:
    of_run = "run" in request.path_params
    name = str(request.path_params["run" if of_run else "dataset"])
    token = request.headers.get(TOKEN, "") if gallery_token is None else gallery_token
    if not is_token(name if of_run else labels_key(name), token):
        raise Refused(403, "This page is out of date; reload it.")
    return opened.gallery_of_run(name) if of_run else opened.gallery_of_dataset(name)


def labels_key(dataset: str) -> str:
    """What the token of a dataset's labels is made from: no run can have this name."""
    return f"labels/{dataset}"


def _wish(request: Request) -> Wish:
    return Wish.parse(dict(request.query_params))


def _number(request: Request, name: str, default: int | None = None) -> int:
    text = request.query_params.get(name)
    if text is None and default is not None:
        return default
    text = text or ""
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise Refused(400, f"{name} must be a whole number, got {text!r}.")
    return int(text)


def _row_number(request: Request, selections: Selections) -> int:
    row = _number(request, "row")
    if row >= len(selections.items):
        raise Refused(404, f"there is no row {row}.")
    return row


# ---- lists


def _items(gallery: Gallery, wish: Wish, as_of: int, offset: int, limit: int) -> dict[str, Any]:
    selections, settled = gallery.selections, gallery.settled
    decided = settled.as_of(as_of)
    rows = selections.rows(wish, decided)
    some = rows[offset : offset + min(limit, MOST_ROWS)].astype(np.int64)
    return {
        "total": len(rows),
        "offset": offset,
        "version": decided.version,
        "rows": _rows(selections, settled, some),
    }


def _rows(selections: Selections, settled: Settled, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
    items = selections.items
    columns = (items.truth, items.network, items.known, items.split)
    truth, network, known, split = (c[rows].tolist() for c in columns)
    names = items.names.take(rows).to_pylist()
    labels = items.labels.at(rows).T.tolist()
    confidence, margin = (np.round(c[rows].astype(float), 4).tolist() for c in (items.confidence, items.margin))
    return [
        {
            "r": int(r),
            "n": names[i],
            "l": labels[i],
            "t": truth[i],
            "i": network[i],
            "k": known[i],
            "c": confidence[i],
            "m": margin[i],
            "s": split[i],
            "d": _decision(settled, int(r)),
            "g": settled.tags_of.get(int(r), []),
        }
        for i, r in enumerate(rows)
    ]


def _decision(settled: Settled, row: int) -> dict[str, Any] | None:
    decision = settled.decisions.get(row)
    if decision is None:
        return None
    return {
        "label": settled.meaning(decision),
        "id": decision.id,
        "key": decision.key,
        "by": decision.reviewer,
        "why": decision.reason,
        "at": decision.time,
    }


async def items(request: Request) -> Response:
    """A stretch of the list."""
    gallery = await http.in_thread(_gallery, request)
    wish, offset, limit = _wish(request), _number(request, "offset", 0), _number(request, "limit", 100)
    as_of = _number(request, "as_of", -1)
    return JSONResponse(await http.in_thread(_items, gallery, wish, as_of, offset, limit))


def _cases(gallery: Gallery, wish: Wish, as_of: int) -> dict[str, Any]:
    selections, settled = gallery.selections, gallery.settled
    shown = selections.shown(wish, settled.as_of(as_of))
    counts = selections.case_counts(wish, settled.now)
    done = settled.now.settled[settled.now.rows[shown[settled.now.rows]]]
    aside = settled.now.tags.get(SET_ASIDE, NO_ROWS)
    return {
        "items": int(np.count_nonzero(shown)),
        "of": len(selections.items),
        "settled": int((done >= 0).sum()),
        "skipped": int((done == SKIPPED).sum()),
        **_usable(selections, settled),
        "set_aside": int(selections.learned_from[aside].sum()),
        "pairs": selections.pairs_in_all,
        "cases": [c.__dict__ for c in counts],
        "against": [] if counts else [a.__dict__ for a in against_truth(selections, wish, settled.now)],
    }


def _usable(selections: Selections, settled: Settled) -> dict[str, int]:
    """How many settled items a refit can learn from, and how many of them were settled with the image alone in sight.

    Those of test sets are evaluated only, and those set aside are left out.
    """
    now = settled.now
    rows = now.rows[(now.settled[now.rows] >= 0) & selections.learned_from[now.rows]]
    usable = np.setdiff1d(rows, now.tags.get(SET_ASIDE, NO_ROWS), assume_unique=True)
    blind = [r for r, d in settled.decisions.items() if d.shown == "image"]
    return {"settled_in_all": len(usable), "blind_in_all": int(np.isin(usable, blind).sum())}


async def cases(request: Request) -> Response:
    """How often the five cases occur."""
    gallery = await http.in_thread(_gallery, request)
    return JSONResponse(await http.in_thread(_cases, gallery, _wish(request), _number(request, "as_of", -1)))


def _facets(gallery: Gallery, wish: Wish) -> dict[str, Any]:
    return {"facets": facet_counts(gallery.selections, wish, gallery.settled.now)}


async def facets(request: Request) -> Response:
    """How many images each choice of each filter would show."""
    gallery = await http.in_thread(_gallery, request)
    return JSONResponse(await http.in_thread(_facets, gallery, _wish(request)))


def _table(gallery: Gallery, wish: Wish, rows: str, columns: str) -> dict[str, Any]:
    table = table_of(gallery.selections, wish, rows, columns, gallery.settled.now)
    return {"rows": table.first, "columns": table.second, "counts": table.counts.tolist()}


async def table(request: Request) -> Response:
    """How many images have each pair of classes by two coders, or by a coder and the truth."""
    gallery = await http.in_thread(_gallery, request)
    rows, columns = (request.query_params.get(name, "") for name in ("rows", "columns"))
    return JSONResponse(await http.in_thread(_table, gallery, _wish(request), rows, columns))


def _position(gallery: Gallery, wish: Wish, as_of: int, image: str) -> dict[str, Any]:
    selections, settled = gallery.selections, gallery.settled
    row = selections.items.row(image)
    if row < 0:
        return {"row": None, "position": None}
    at = np.flatnonzero(selections.rows(wish, settled.as_of(as_of)) == row).tolist()
    return {"row": row, "position": at[0] if at else None}


async def position(request: Request) -> Response:
    """Where an image is in the list."""
    gallery = await http.in_thread(_gallery, request)
    image = request.query_params.get("image", "")
    return JSONResponse(await http.in_thread(_position, gallery, _wish(request), _number(request, "as_of", -1), image))


# ---- one item


def _item(gallery: Gallery, row: int) -> dict[str, Any]:
    selections, settled = gallery.selections, gallery.settled
    items = selections.items
    log = settled.store.log_of(str(items.names[row].as_py()))
    decided = [{"kind": d.kind, "label": d.label, "by": d.reviewer, "why": d.reason, "at": d.time} for d in log]
    about = _rows(selections, settled, np.asarray([row], dtype=np.int64))[0]
    about |= {"origin": items.origins[items.origin[row]], "log": decided}
    if not isinstance(gallery, RunGallery):
        return about
    explanation = explain(gallery.run, items, row)
    alike = np.asarray([r for r, _ in explanation.alike], dtype=np.int64)
    cosines = [round(s, 3) for _, s in explanation.alike]
    near = [{**r, "cosine": s} for r, s in zip(_rows(selections, settled, alike), cosines, strict=True)]
    return {
        **about,
        "posterior": _shares(explanation.posterior),
        "image": None if explanation.image is None else _shares(explanation.image),
        "says": {c: _shares(p) for c, p in explanation.says.items()},
        "annotations": {c: _shares(p) for c, p in explanation.annotations.items()},
        "reasons": [
            {"rival": rival, "by": {c: round(v, 3) for c, v in reasons.items()}}
            for rival, reasons in explanation.reasons.items()
        ],
        "alike": near,
    }


def _shares(p: NDArray[np.float64]) -> list[float]:
    return [round(float(v), 4) for v in p]


async def item(request: Request) -> Response:
    """Everything about one item."""
    gallery = await http.in_thread(_gallery, request)
    row = _row_number(request, await http.in_thread(lambda: gallery.selections))
    return JSONResponse(await http.in_thread(_item, gallery, row))


async def image(request: Request) -> Response:
    """One image for a close look. Re-encoded: nothing of a user's file is served as it is."""
    gallery = await http.in_thread(_gallery, request, request.query_params.get("token", ""))
    selections = await http.in_thread(lambda: gallery.selections)
    name = str(selections.items.names[_row_number(request, selections)].as_py())
    data = await http.in_image_thread(lambda: thumbnails.large(gallery.files, name))
    if not data:
        raise Refused(404, "The image cannot be read.")
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


async def small_images(request: Request) -> Response:
    """Thumbnails as they are ready: row and length (both uint32, big-endian), then the JPEG; length 0 for none."""
    gallery = await http.in_thread(_gallery, request)
    size = _number(request, "size", thumbnails.SIZE)
    if size not in thumbnails.SIZES:
        raise Refused(400, f"size must be one of {', '.join(map(str, thumbnails.SIZES))}.")
    items = (await http.in_thread(lambda: gallery.selections)).items
    asked = request.query_params.get("rows", "").split(",")[: MOST_ROWS + 1]
    if len(asked) > MOST_ROWS or not all(t.isascii() and t.isdecimal() and len(t) < 11 for t in asked):
        raise Refused(400, f"rows must be at most {MOST_ROWS} row numbers.")
    rows = [int(t) for t in asked]
    if max(rows) >= len(items):
        raise Refused(404, f"there is no row {max(rows)}.")
    files = await http.in_thread(lambda: gallery.files)
    names = items.names.take(np.asarray(rows)).to_pylist()

    def some(part: list[tuple[int, str]]) -> bytes:
        out = []
        for row, name in part:
            data = thumbnails.thumbnail(files, gallery.version, name, size)
            out.append(struct.pack(">II", row, len(data)) + data)
        return b"".join(out)

    async def stream() -> AsyncIterator[bytes]:
        pairs = list(zip(rows, names, strict=True))
        parts = [pairs[i : i + AT_ONCE] for i in range(0, len(pairs), AT_ONCE)]
        # Two parts are made at a time: decoding leaves Python's lock alone.
        waiting = [asyncio.ensure_future(http.in_image_thread(some, p)) for p in parts[:2]]
        try:
            for i in range(len(parts)):
                if i + 2 < len(parts):
                    waiting.append(asyncio.ensure_future(http.in_image_thread(some, parts[i + 2])))
                yield await waiting[i]
        finally:
            for w in waiting:
                w.cancel()

    return StreamingResponse(stream(), media_type="application/octet-stream")


# ---- decisions


def _parse(body: Any, gallery: Gallery, user: str | None) -> tuple[list[tuple[Decision, int]], int]:
    items = gallery.selections.items
    if not isinstance(body, dict) or not isinstance(body.get("decisions"), list):
        raise Refused(400, 'Expected {"decisions": […]}.')
    out = []
    for d in body["decisions"]:
        texts = [d.get(k, "") for k in ("kind", "key", "undoes", "reviewer", "reason")] if isinstance(d, dict) else []
        if not texts or not all(isinstance(t, str) and len(t) <= MOST_TEXT for t in texts):
            raise Refused(400, "A decision has a kind, a key, a reviewer and a reason, all short texts.")
        kind, key, undoes, reviewer, reason = map(str, texts)
        row, label, known_id, shown = d.get("row"), d.get("label", -1), d.get("seen", 0), d.get("shown", "")
        integers = type(row) is int and type(label) is int and http.is_count(known_id)
        if kind not in KINDS or not key or ":" in key or not integers:
            text = "A decision is to settle, to skip or to undo, and has a key without a colon, a row and a label."
            raise Refused(400, text)
        if shown not in SHOWN:
            raise Refused(400, f"What was shown before a decision is one of {', '.join(filter(None, SHOWN))}.")
        if not 0 <= row < len(items) or (kind == "settle" and not 0 <= label < len(items.classes)):
            raise Refused(400, f"There is no row {row} or no class {label}.")
        name = str(items.names[row].as_py())
        if d.get("image") != name:
            raise Refused(409, f"The decision about row {row} is of another run.")
        word = items.classes[label] if kind == "settle" else ""
        by = reviewer if user is None else user
        out.append((Decision(kind, name, word, by, reason, key, undoes, shown), known_id))
    last = body.get("last", 0)
    return out, last if http.is_count(last) else 0


def _decide(gallery: Gallery, body: Any, user: str | None) -> dict[str, Any]:
    """Write the decisions; a signed-in ``user`` is the reviewer, whatever the request says."""
    opinions, body = queue_routes.split(body, gallery.selections.items, user)
    wanted, last = _parse(body, gallery, user)
    settled = gallery.settled
    if opinions:
        Opinions(settled.store).add_all(opinions)
    rivals = settled.store.add_all(wanted) if wanted else []
    settled.refresh()
    images, now = settled.store.changed_since(last)
    changed = [*images[-MOST_ROWS:], *(r.image for r in rivals if r is not None)]
    rows = [int(r) for r in settled.items.rows(changed) if r >= 0]
    return {
        "saved": [
            *(o.key for o in opinions),
            *(d.key for (d, _), rival in zip(wanted, rivals, strict=True) if rival is None),
        ],
        "conflicts": [
            {
                "key": d.key,
                "label": rival.label,
                "kind": rival.kind,
                "by": rival.reviewer,
                "at": rival.time,
                "id": rival.id,
            }
            for (d, _), rival in zip(wanted, rivals, strict=True)
            if rival is not None
        ],
        "changed": {str(r): _decision(settled, r) for r in rows},
        "last": now,
        **_usable(gallery.selections, settled),
    }


async def decisions(request: Request) -> Response:
    """Write decisions; answers when they are on disk, with what others decided since ``last``."""
    gallery = await http.in_thread(_gallery, request)
    body = await http.read_json(request, MOST_BODY)
    return JSONResponse(await http.in_thread(_decide, gallery, body, user_of(request.headers)))


def routes() -> list[BaseRoute]:
    """The routes of the gallery."""
    return [*_below("/api/runs", "run"), *_below("/api/labels", "dataset")]


def _below(path: str, name: str) -> list[BaseRoute]:
    got = {"items": items, "cases": cases, "facets": facets, "table": table, "place": position, "item": item}
    got |= {"thumbnails": small_images, "image": image}
    app = Starlette(
        routes=[
            *(Route(f"/{{{name}}}/{last}", answer, methods=["GET"]) for last, answer in got.items()),
            Route(f"/{{{name}}}/decisions", decisions, methods=["POST"]),
            *many_routes.routes(name, _gallery),
            *map_routes.routes(name, _gallery),
            *queue_routes.routes(name, _gallery, _rows),
            *coder_routes.routes(name, _gallery),
        ],
        exception_handlers=http.HANDLERS,
    )
    return http.mounted(path, app)
