"""One HTTP request, handed to routes as a server does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute


@dataclass
class Reply:
    """What was answered."""

    status: int
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @classmethod
    def of(cls, status: int, content: Any) -> Reply:
        """An answer in JSON, as the server writes it."""
        return cls(status, JSONResponse(content).body)


def request(
    routes: Sequence[BaseRoute],
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, object] | None = None,
    body: Iterable[bytes] = (),
    torn: bool = False,
) -> Reply:
    """Ask; a torn request ends without its end."""
    pieces = list(body)
    sent = {"content-length": str(sum(map(len, pieces))), **(headers or {})}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": urlencode(query or {}).encode(),
        "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
        "server": ("127.0.0.1", 1),
        "client": ("127.0.0.1", 2),
    }
    told: list[dict[str, Any]] = []

    ended = not pieces and not torn

    async def receive() -> dict[str, Any]:
        nonlocal ended
        if pieces:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces) or torn}
        if torn:
            return {"type": "http.disconnect"}
        if ended:
            ended = False
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.sleep(3600)  # the browser is there and says nothing more
        raise AssertionError

    async def send(message: Any) -> None:
        told.append(message)

    asyncio.run(Starlette(routes=list(routes))(scope, receive, send))
    return Reply(told[0]["status"], b"".join(m.get("body", b"") for m in told))
