"""The door: one ASGI middleware around pages, routes and websocket alike, so that no route can be forgotten.

A request goes through when

1. it comes from where the mode allows: this machine (alone), anywhere (token, oidc), the proxy (proxy);
2. its Host is a name of this server, which a page of another name that resolves to this machine has not;
3. its Origin and Sec-Fetch-* headers, where it has them, say that no other site's page is asking;
4. its sender is in: by the token's cookie, the provider's cookie, or the proxy's user header.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.url_util import make_url_path

from ltnet_core.errors import OptionError
from ui import http
from ui.access import listening, page, team, token
from ui.access.headers import secure
from ui.access.origin import PORTS, Authority, authority, inside, is_foreign_fetch, is_own_origin
from ui.access.settings import OF_PROXY, PROXY_SECRET, USER, Access, settings
from ui.http import Refused

DROPPED = (USER.encode(), PROXY_SECRET.encode())
LOOK_AGAIN_SECONDS = 1.0

_log = logging.getLogger("uvicorn.error")


class NotIn(Refused):
    """Whoever asks has not signed in."""

    def __init__(self) -> None:
        super().__init__(401, "Sign in first: open this server's address in the browser.")


@dataclass(frozen=True)
class Arrival:
    """Under which address of this server a request came."""

    scheme: str
    host: Authority

    @property
    def origin(self) -> str:
        """As a browser writes it."""
        port = "" if self.host.port == PORTS[self.scheme] else f":{self.host.port}"
        return f"{self.scheme}://{self.host.name}{port}"


class Guard:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.attempts = token.Attempts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it; on the way back every answer gets its headers."""
        if scope["type"] == "lifespan":
            await self._start(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                secure(headers)
                if scope["path"] == _base() + team.WAY_BACK and settings().mode == "oidc":
                    team.hold_together(headers, _base() or "/")
            await send(message)

        connection = HTTPConnection(scope)
        try:
            response = await self._admit(connection, receive)
        except Refused as e:
            response = _refusal(connection, e)
            if e.status == 400:  # where the body of a malformed request ends is not known
                response.headers["connection"] = "close"
        except OptionError as e:
            response = _refusal(connection, Refused(503, str(e)))
        except ClientDisconnect:
            return
        if response is None:
            await self.app(scope, receive, sealed)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await response(scope, receive, sealed)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})

    async def _admit(self, connection: HTTPConnection, receive: Receive) -> Response | None:
        """None if the request may go on, with its scope made ready for what is behind; else the answer.

        Raises
        ------
        Refused, OptionError
        """
        access = settings()
        _require_one_length(connection.headers)
        _require_peer(connection, access)
        arrival = _arrival(connection, access)
        _require_own_page(connection, arrival)
        base, path = _base(), connection.scope["path"]
        user = None
        if access.mode == "token":
            if path == base + token.PATH and connection.scope["type"] == "http":
                return await token.enter(Request(connection.scope, receive), access, self.attempts, base)
            if not token.is_in(connection, access):
                raise NotIn
        is_way_in = path.removeprefix(base) in team.OPEN_PATHS
        if access.team and not (access.mode == "oidc" and is_way_in):
            user = _member(connection, access, arrival)
            if path == base + "/" and (wanted := team.wanted(connection)):
                return _go_on(inside(wanted, base))
        if access.mode != "oidc" and is_way_in:
            raise Refused(404, "There is nothing at this address.")
        _prepare(connection.scope, arrival, user)
        return None

    async def _start(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            access = settings()
            listening.require_allowed(access)
            if access.mode == "oidc":
                team.require_providers()
        except OptionError as e:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(e)})
            return

        async def started(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                _announce(access)
                # Servers other than Streamlit's own begin to listen only now.
                asyncio.get_running_loop().call_later(LOOK_AGAIN_SECONDS, _stop_unless_allowed, access)

        await self.app(scope, receive, started)


def _stop_unless_allowed(access: Access) -> None:
    try:
        listening.require_allowed(access)
    except OptionError as e:
        _log.error(str(e))
        signal.raise_signal(signal.SIGTERM)


def _announce(access: Access) -> None:
    if access.mode == "token":
        scheme = "https" if st.get_option("server.sslCertFile") else "http"
        link = token.link(listening.own_url(scheme, _base()), access)
        print(f"\n  Only who has the token comes in. Open this link, or paste the token:\n  {link}\n", flush=True)


def _base() -> str:
    return make_url_path(st.get_option("server.baseUrlPath") or "", "").rstrip("/")


def _require_one_length(headers: Headers) -> None:
    """A body that ends where its chunks do, and elsewhere by its length, hides a second request from a proxy."""
    if "transfer-encoding" in headers and "content-length" in headers:
        raise Refused(400, "The request has both a Content-Length and a Transfer-Encoding.")


def _require_peer(connection: HTTPConnection, access: Access) -> None:
    if access.mode == "proxy":
        if not team.is_proxy(connection, access):
            raise Refused(403, "This server is reached through its proxy only.")
    elif access.mode == "alone":
        peer = connection.client.host if connection.client else ""
        if not listening.is_loopback(peer) or any(map(OF_PROXY.fullmatch, connection.headers)):
            raise Refused(
                403,
                "This server is for the one person at its own machine: to let others reach it, through a proxy or not, "
                "start it with LTNET_TOKEN or LTNET_TEAM.",
            )


def _arrival(connection: HTTPConnection, access: Access) -> Arrival:
    headers, scheme = connection.headers, connection.scope["scheme"].replace("ws", "http")
    hosts = headers.getlist("host")
    if access.mode == "proxy":
        scheme = _one(headers, "x-forwarded-proto") or scheme
        forwarded = _one(headers, "x-forwarded-host")
        hosts = [forwarded] if forwarded else hosts
    host = authority(hosts[0], scheme) if len(hosts) == 1 and scheme in PORTS else None
    if host is None:
        raise Refused(400, "The request needs one Host header with the name of this server.")
    if host.name not in access.hosts:
        raise Refused(
            403, f"{host.name} is not a name of this server; LTNET_HOSTS has to name it where the server is started."
        )
    return Arrival(scheme, host)


def _one(headers: Headers, name: str) -> str | None:
    values = headers.getlist(name)
    if len(values) > 1:
        raise Refused(400, f"The request has several {name} headers.")
    return values[0] if values else None


def _require_own_page(connection: HTTPConnection, arrival: Arrival) -> None:
    headers = connection.headers
    origin = _one(headers, "origin")
    fetch = (headers.get(f"sec-fetch-{name}") for name in ("site", "mode", "dest"))
    if origin is not None and not is_own_origin(origin, arrival.scheme, arrival.host):
        raise Refused(403, "Another site's page asked for this; only this server's own pages may.")
    if is_foreign_fetch(connection.scope.get("method", "GET"), *fetch):
        raise Refused(403, "Another site's page asked for this; only this server's own pages may.")


def _member(connection: HTTPConnection, access: Access, arrival: Arrival) -> str:
    if access.mode == "proxy":
        user = team.proxy_user(connection.headers, access)
    else:
        user = team.oidc_user(connection.cookies, arrival.origin)
    if user is None:
        raise NotIn
    if not access.allows(user):
        way_out = f" {_base()}/auth/logout signs out." if access.mode == "oidc" else ""
        raise Refused(403, f"{user} may not use this server; LTNET_USERS names who may.{way_out}")
    return user


def _prepare(scope: Scope, arrival: Arrival, user: str | None) -> None:
    """What is behind the door reads the user from a header, and compares Host with Origin by their letters."""
    headers = [(name, value) for name, value in scope["headers"] if name not in (*DROPPED, b"host")]
    headers.append((b"host", urlsplit(arrival.origin).netloc.encode()))
    if user is not None:
        headers.append((USER.encode(), quote(user, safe="").encode()))
    scope["headers"] = headers
    scope["scheme"] = arrival.scheme.replace("http", "ws") if scope["type"] == "websocket" else arrival.scheme


def _go_on(address: str) -> Response:
    """Streamlit's sign-in ends at the start page; go on to what was asked for before it."""
    response = RedirectResponse(address, status_code=303)
    response.delete_cookie(team.WANTED)
    return response


def _refusal(connection: HTTPConnection, e: Refused) -> Response:
    scope, headers = connection.scope, connection.headers
    is_page = (
        scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", "")
    )
    if not is_page:
        return http.refusal(e.status, str(e))
    if not isinstance(e, NotIn):
        return page.refusal_page(e.status, str(e))
    return _sign_in(connection)


def _sign_in(connection: HTTPConnection) -> Response:
    base, mode = _base(), settings().mode
    here = quote(connection.scope["path"], safe="/:@!$&'()*+,;=~")
    if query := connection.scope["query_string"].decode("latin-1"):
        here += f"?{query}"
    # A link on another site's page brings no SameSite=Strict cookie; the same address asked for by this page does.
    if mode == "token" and connection.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return page.moving_page(here)
    if mode == "token":
        return page.token_page(base + token.PATH, here, status=401)
    if mode == "oidc":
        response = page.provider_page(team.sign_in_links(base))
        response.set_cookie(team.WANTED, quote(here), max_age=600, httponly=True, samesite="lax")
        return response
    return page.refusal_page(401, "The proxy in front of this server named no user; sign in there.")
