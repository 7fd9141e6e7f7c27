"""The routes of the coders beside each other, of a run or of a dataset's labels.

::

    GET .../coders           see :class:`ltnet_core.explore.coders.CodersCompared`; null where two share too few items
    GET .../coders/of?coder= see :class:`ltnet_core.explore.coders.CoderFacts`; null for a share of nothing
    GET .../coders/matrix?coder=   {"matrix": K × K, "low", "high": the ends of the 95 % intervals or null,
                                   "support": annotations behind each row or null, "weak": rows with too few}; of a run
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ltnet_core.errors import OptionError, did_you_mean
from ltnet_core.explore.coders import CoderFacts, CodersCompared, Share, coder_facts, compare_coders
from ltnet_core.labels.identifiability import ENOUGH
from ui import http, opened
from ui.http import Refused
from ui.opened import Gallery, RunGallery

GalleryOf = Callable[[Request], Gallery]


def routes(name: str, gallery_of: GalleryOf) -> list[Route]:
    """The routes below ``/{name}``; ``gallery_of`` lets in who may, and opens what is asked for."""

    async def coders(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        return JSONResponse(await http.in_thread(lambda: _compared(compare_coders(gallery.selections.items))))

    async def coder(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        asked = request.query_params.get("coder", "")
        return JSONResponse(await http.in_thread(lambda: _facts(coder_facts(gallery.selections.items, asked))))

    async def matrix(request: Request) -> Response:
        gallery = await http.in_thread(gallery_of, request)
        return JSONResponse(await http.in_thread(_matrix, gallery, request.query_params.get("coder", "")))

    return [
        Route(f"/{{{name}}}/coders", coders, methods=["GET"]),
        Route(f"/{{{name}}}/coders/of", coder, methods=["GET"]),
        Route(f"/{{{name}}}/coders/matrix", matrix, methods=["GET"]),
    ]


def _compared(compared: CodersCompared) -> dict[str, Any]:
    return {
        "coders": compared.coders,
        "left_out": compared.left_out,
        "shared": compared.shared.tolist(),
        "agreement": [[_number(x) for x in row] for row in compared.agreement.tolist()],
        "group": compared.group.tolist(),
    }


def _facts(facts: CoderFacts) -> dict[str, Any]:
    return {
        "annotations": facts.annotations,
        "alone": facts.alone,
        "right": _share(facts.right),
        "halves": [_share(half) for half in facts.halves],
        "parts": [_share(part) for part in facts.parts],
        "drifts": facts.drifts,
    }


def _matrix(gallery: Gallery, coder: str) -> dict[str, Any]:
    if not isinstance(gallery, RunGallery):
        raise Refused(404, "Transition matrices are there when a run has learned them.")
    about = opened.transitions(gallery.run)
    learned = [c for c in about["coders"] if c not in about.get("given", ())]
    if coder not in learned:
        raise OptionError(f"no transition matrix was learned of {coder!r}." + did_you_mean(coder, learned))
    low, high, support = (about.get(name, {}).get(coder) for name in ("low", "high", "support"))
    return {
        "matrix": about["coders"][coder],
        "low": low,
        "high": high,
        "support": support,
        "weak": [n < ENOUGH for n in support] if support is not None else [False] * len(about["classes"]),
    }


def _share(share: Share) -> dict[str, Any]:
    return {"items": share.items, "share": _number(share.share), "low": _number(share.low), "high": _number(share.high)}


def _number(x: float) -> float | None:
    return None if math.isnan(x) else round(x, 4)
