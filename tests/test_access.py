"""Who may reach the server: hosts, origins, token, team; on every route that the app lists, and on its websocket."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from app_server import Server, free_port
from fake_run import write_fake_run
from identity_provider import Provider, identity_provider
from raw_http import Answer, Headers, ask, send
from routes import filled, listed
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from test_access_settings import PROXY, SECRET, TOKEN
from test_cookie_pieces import LETTERS

from ltnet_core.explore.adjudications import Adjudications
from ltnet_core.files.writing import write_json
from ui import tokens

RUN = "faces-1"
COOKIE_SECRET = "signs-the-cookies-of-this-test"
FROM_PROXY = (("X-LTNet-Proxy-Secret", SECRET),)
MODES: dict[str, dict[str, str]] = {
    "alone": {},
    "token": {"LTNET_TOKEN": TOKEN, "LTNET_HOSTS": "Studio.example, 192.0.2.7"},
    "oidc": {"LTNET_TEAM": "oidc", "LTNET_USERS": "ada@lab.example, bob@lab.example"},
    "proxy": {**PROXY, "LTNET_HOSTS": "studio.example"},
}
SECRETS = f"""
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "studio"
client_secret = "known-to-both"
server_metadata_url = "PROVIDER/.well-known/openid-configuration"
"""
WAYS_IN = ("/auth/login", "/auth/logout", "/oauth2callback")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """Where the team of mode oidc signs in."""
    with identity_provider() as server:
        yield server


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, demo: Path, provider: Provider) -> Iterator[dict[str, Server]]:
    """The app in every mode, each with a finished run."""
    by_mode = {}
    for mode, settings in MODES.items():
        workspace_path = tmp_path_factory.mktemp(mode)
        folder = workspace_path / "workspace" / "datasets" / "faces"
        folder.mkdir(parents=True)
        write_json(folder / "link.json", {"path": str(demo)})
        write_fake_run(workspace_path / "workspace" / "runs" / RUN, demo)
        (workspace_path / ".streamlit").mkdir()
        if mode == "oidc":
            (workspace_path / ".streamlit" / "secrets.toml").write_text(SECRETS.replace("PROVIDER", provider.url))
        by_mode[mode] = Server(workspace_path, free_port(), settings=settings)
    with ThreadPoolExecutor() as pool:
        list(pool.map(Server.start, by_mode.values()))
    yield by_mode
    for server in by_mode.values():
        server.kill()


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What the app itself lists."""
    return listed(tmp_path_factory.mktemp("listed"))


def gallery_token(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LTNET_WORKSPACE", str(server.place / "workspace"))
    return tokens.token(RUN)


def oidc_cookie(server: Server, **claims: object) -> str:
    content = {"is_logged_in": True, "origin": server.url, "email": "ada@lab.example", "sub": "1", **claims}
    name = "_streamlit_user"
    return f"{name}={create_signed_value(COOKIE_SECRET, name, json.dumps(content)).decode()}"


def way_in(server: Server, mode: str) -> Headers:
    """The headers of somebody who is in."""
    if mode == "token":
        return [("Cookie", ask(server.port, "POST", "/enter", body=f"token={TOKEN}".encode()).cookie)]
    if mode == "oidc":
        return [("Cookie", oidc_cookie(server))]
    return [*FROM_PROXY, ("X-User", "ada")] if mode == "proxy" else []


# ---- every route


def every(
    routes: list[tuple[str, str]], server: Server, headers: Headers = (), host: str = ""
) -> dict[tuple[str, str], Answer]:
    return {(m, p): ask(server.port, m, filled(p, run=RUN), headers, host=host) for m, p in routes}


def test_the_app_lists_its_routes(routes: list[tuple[str, str]]) -> None:
    assert len(routes) > 60
    assert {
        ("WEBSOCKET", "/_stcore/stream"),
        ("POST", "/api/runs/{run}/decisions"),
        ("POST", "/api/uploads/{id}/files"),
        ("PUT", "/_stcore/upload_file/{session_id}/{file_id}"),
        ("GET", "/media/{file_id:path}"),
        ("GET", "/component/{path:path}"),
        ("GET", "/_stcore/bidi-components/{path:path}"),
        ("GET", "/oauth2callback"),
    } <= set(routes)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("host", "more"),
    [
        ("evil.example", []),
        ("127.0.0.1.evil.example:PORT", []),
        ("192.0.2.1:PORT", []),
        ("", [("Origin", "http://evil.example")]),
        ("", [("Origin", "http://127.0.0.1:1")]),
        ("", [("Origin", "http://localhost:PORT")]),
        ("", [("Origin", "https://127.0.0.1:PORT")]),
        ("", [("Origin", "null")]),
        ("", [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")]),
        ("", [("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")]),
    ],
    ids=str,
)
def test_a_foreign_host_or_page_is_refused_everywhere_though_signed_in(
    servers: dict[str, Server], routes: list[tuple[str, str]], mode: str, host: str, more: list[tuple[str, str]]
) -> None:
    server = servers[mode]
    own = str(server.port)
    headers = [*way_in(server, mode), *((n, v.replace("PORT", own)) for n, v in more)]
    answers = every([*routes, ("GET", "/enter"), ("POST", "/enter")], server, headers, host.replace("PORT", own))
    assert {k: a.status for k, a in answers.items() if a.status != 403} == {}


@pytest.mark.parametrize(
    ("mode", "headers", "status"),
    [
        ("token", [], 401),
        ("token", [("Cookie", "ltnet-PORT=1.2")], 401),
        ("token", [("Cookie", f"ltnet-PORT={TOKEN}")], 401),
        ("token", [("X-LTNet-User", "ada")], 401),
        ("oidc", [], 401),
        ("oidc", [("Cookie", "_streamlit_user=forged")], 401),
        ("oidc", [("X-LTNet-User", "ada@lab.example")], 401),
        ("proxy", [], 403),
        ("proxy", [("X-User", "ada")], 403),
        ("proxy", [("X-User", "ada"), ("X-LTNet-Proxy-Secret", "guessed-by-somebody")], 403),
        ("proxy", [("X-User", "ada"), *FROM_PROXY, *FROM_PROXY], 403),
        ("proxy", [*FROM_PROXY], 401),
        ("proxy", [*FROM_PROXY, ("X-User", " ")], 401),
        ("proxy", [*FROM_PROXY, ("X-User", "ada"), ("X-User", "bob")], 401),
        ("proxy", [*FROM_PROXY, ("X-LTNet-User", "ada")], 401),
        ("alone", [("X-Forwarded-For", "127.0.0.1")], 403),
        ("alone", [("Forwarded", "for=192.0.2.9")], 403),
    ],
    ids=str,
)
def test_who_is_not_in_gets_nothing_anywhere(
    servers: dict[str, Server], routes: list[tuple[str, str]], mode: str, headers: list[tuple[str, str]], status: int
) -> None:
    server = servers[mode]
    sent_headers = [(n, v.replace("PORT", str(server.port))) for n, v in headers]
    open_ways = WAYS_IN if mode == "oidc" else ()
    answers = every([r for r in routes if r[1] not in open_ways], server, sent_headers)
    assert {k: a.status for k, a in answers.items() if a.status != status} == {}


@pytest.mark.parametrize("mode", MODES)
def test_who_is_in_comes_through(servers: dict[str, Server], routes: list[tuple[str, str]], mode: str) -> None:
    server = servers[mode]
    headers = way_in(server, mode)
    assert ask(server.port, "GET", "/_stcore/health", headers).body == b"ok"
    assert ask(server.port, "GET", "/disagreements?run=x", headers).status == 200
    for origin in ([], [("Origin", server.url)], [("Origin", f"http://127.0.0.1:{server.port}".upper())]):
        assert ask(server.port, "WEBSOCKET", "/_stcore/stream", [*headers, *origin]).status == 101
    link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    assert ask(server.port, "GET", "/", [*headers, *link]).status == 200
    for name in ("localhost", "LOCALHOST", "[::1]"):
        allowed = ask(server.port, "GET", "/_stcore/health", headers, host=f"{name}:{server.port}").status
        assert allowed == (401 if mode == "oidc" else 200)  # a provider's cookie is for the address it was made for
    if mode != "oidc":
        assert {ask(server.port, "GET", path, headers).status for path in WAYS_IN} == {404}
    # The answers of all routes, wrong questions as they are, are neither shown in frames nor guessed at nor kept.
    for (method, path), a in every(routes, server, headers).items():
        if method == "WEBSOCKET":
            continue
        assert a.headers["x-frame-options"] == "DENY", path
        assert "frame-ancestors 'none'" in a.headers["content-security-policy"], path
        assert a.headers["x-content-type-options"] == "nosniff", path
        assert a.headers["referrer-policy"] == "no-referrer", path
        assert a.headers["cross-origin-resource-policy"] == "same-origin", path
        assert a.headers["cross-origin-opener-policy"] == "same-origin", path
        assert a.headers["cache-control"] in ("no-store", "no-cache"), path
        assert a.status < 500, (method, path)


@pytest.mark.parametrize(
    "host",
    [None, "a@127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x", "127.0.0.1:", "127.0.0.1.", "[::1%25lo]",
     "[::1", "::1", "%31%32%37.0.0.1", "127.0.0.1/", "127.0.0.1, evil.example", "127.0.0.1 evil", "é", "x" * 300, "[]"],
)  # fmt: skip
def test_a_malformed_host_is_a_bad_request(servers: dict[str, Server], host: str | None) -> None:
    for method in ("GET", "WEBSOCKET"):
        assert ask(servers["alone"].port, method, "/_stcore/stream", host=host).status in (400, 403)


def test_two_hosts_or_origins_are_a_bad_request(servers: dict[str, Server]) -> None:
    port, url = servers["alone"].port, servers["alone"].url
    for twice in (("Host", f"127.0.0.1:{port}"), ("Origin", url)):
        headers = [twice, twice] if twice[0] == "Origin" else [twice]
        for method in ("GET", "WEBSOCKET"):
            assert ask(port, method, "/_stcore/stream", headers).status in (400, 403)


# ---- malformed requests

LONG = "9" * 5000
ODD_VALUES = ["x", "-1", "1e400", "NaN", "", "%00", "%ff%fe", "%ed%a0%80", LONG, "../../etc/passwd", "%F0%9F%98%80"]
ODD_BODIES = [
    b"", b"{", b"nonsense", b"\xff\xfe", b"[" * 10_000, b'{"a":' * 10_000, b"null", b"[null]", b"0", b'"x"', b"NaN",
    b'{"files": 1e999, "bytes": NaN}', b'{"files": true, "bytes": -1}', b'{"files": "1"}', b'["\\ud800"]', b"[1, {}]",
    b'{"files": 99999999999999999999999, "bytes": 1}', b'{"decisions": [{}], "last": 1}', b"[" + b"9" * 5000 + b"]",
]  # fmt: skip
ODD_HEADERS: list[Headers] = [
    [("Content-Length", "x")], [("Content-Length", "-1")], [("Content-Length", "9" * 30)], [("Range", "bytes=9-1")],
    [("Content-Type", "multipart/form-data")], [("Content-Type", "multipart/form-data; boundary=x")],
    [("Content-Type", "\xff")], [("Cookie", "\xff=\xfe; a; =; _streamlit_user=%00; streamlit_session=x")],
    [("Accept-Encoding", "\xff")], [("X-Gallery-Token", "\xff")], [("X-Upload-Token", "\xff")],
    [("If-None-Match", "\xff"), ("If-Modified-Since", "x")], [("Transfer-Encoding", "chunked")],
    [("Sec-WebSocket-Protocol", "\xff, a, b")],
]  # fmt: skip


QUERY = ("row", "rows", "offset", "limit", "as_of", "size", "image", "truth", "says.Alpha", "case", "sort", "reviewed",
         "token", "families", "provider", "state", "error", "search", "labels", "tag", "reviewer", "columns")  # fmt: skip
PARAMETERS = ("run", "id", "base", "path", "file_id", "session_id")


@pytest.mark.parametrize("mode", ["alone", "oidc"])
def test_malformed_requests_are_refused_not_stumbled_over(
    servers: dict[str, Server], routes: list[tuple[str, str]], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers[mode]
    known = [*way_in(server, mode), ("X-Gallery-Token", gallery_token(server, monkeypatch))]
    stumbled: dict[str, int] = {}

    def look(method: str, path: str, headers: Headers = (), body: bytes = b"") -> None:
        status = ask(server.port, method, path, [*known, *headers], body).status
        if not 100 < status < 500:
            stumbled[f"{method} {path[:100]} {headers} {body[:40]!r}"] = status

    # In the other modes the same routes are behind the door; only with a provider there are more of them.
    for method, route in [r for r in routes if mode == "alone" or r[1] in WAYS_IN]:
        path = filled(route, run=RUN)
        for value in ODD_VALUES:
            look(method, filled(route, **dict.fromkeys(PARAMETERS, value)))
            look(method, f"{path}?{'&'.join(f'{n}={value[:300]}' for n in QUERY)}")
            if route.startswith("/api/runs") and method == "GET":
                for name in QUERY:
                    look(method, f"{path}?{name}={value}")
        for body in ODD_BODIES if method in ("POST", "PUT", "PATCH", "DELETE") else ():
            look(method, path, body=body)
        for headers in ODD_HEADERS:
            of_a_body = headers[0][0] in ("Content-Length", "Transfer-Encoding")
            if (
                method != "WEBSOCKET" or not of_a_body
            ):  # a websocket's request has none; the server's library waits for it
                body = b"0\r\n\r\n" if method != "WEBSOCKET" and headers[0][0] != "Content-Length" else b""
                look(method, path, headers, body)
    assert stumbled == {}


def test_bytes_that_are_no_request_are_refused(servers: dict[str, Server]) -> None:
    port = servers["alone"].port
    host = f"Host: 127.0.0.1:{port}\r\n".encode()
    for request in (
        b"GET /\xff HTTP/1.1\r\n" + host + b"\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n",
        b"GET //evil.example/.. HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"X" * 100 + b" / HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n",
    ):
        assert send(port, request).status in (400, 403, 404, 405)


# ---- the token


def enter(server: Server, token: str, **more: str) -> Answer:
    body = "&".join(f"{k}={quote(v)}" for k, v in {"token": token, **more}.items())
    return ask(server.port, "POST", "/enter", body=body.encode())


def test_the_token_opens_the_door_and_leads_on(servers: dict[str, Server]) -> None:
    server = servers["token"]
    link = ask(server.port, "GET", f"/enter?token={TOKEN}&next=/disagreements%3Frun=a%2520b")
    assert (link.status, link.headers["location"]) == (303, "/disagreements?run=a%20b")
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in link.headers["set-cookie"]
    assert link.cookie.startswith(f"ltnet-{server.port}=")
    assert TOKEN not in link.headers["set-cookie"]
    # What was asked for stands in the form, escaped.
    page = ask(server.port, "GET", "/train?run=%22%3E<b>&x='", [("Accept", "text/html")])
    assert page.status == 401
    assert b'name="next" value="/train?run=%22%3E&lt;b&gt;&amp;x=&#x27;"' in page.body
    assert enter(server, TOKEN, next="/train?run=x").headers["location"] == "/train?run=x"
    assert ask(server.port, "DELETE", "/enter").status == 405
    assert ask(server.port, "POST", "/enter", body=b"x" * 9000).status == 413
    for body in (b"", b"token", b"&&&", b"token=%ff", b"=" * 8000, b"&".join([b"a=1"] * 50)):
        assert ask(server.port, "POST", "/enter", body=body).status in (200, 400, 403)


def test_a_link_on_another_page_finds_who_has_signed_in(servers: dict[str, Server]) -> None:
    server = servers["token"]
    link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    first = ask(server.port, "GET", "/train?run=x", [*link, ("Accept", "text/html")])  # without the strict cookie
    assert b'http-equiv="refresh" content="0;url=/train?run=x"' in first.body
    again = ask(server.port, "GET", "/train?run=x", [("Sec-Fetch-Site", "same-origin"), ("Accept", "text/html")])
    assert again.status == 401
    moved = ask(server.port, "GET", f"/enter?token={TOKEN}&next=/train", link)
    assert (moved.status, "set-cookie" in moved.headers) == (200, True)


def test_names_are_of_the_settings(servers: dict[str, Server]) -> None:
    headers = way_in(servers["token"], "token")
    for host in ("studio.example", "STUDIO.EXAMPLE:80", "192.0.2.7:9999"):
        assert ask(servers["token"].port, "GET", "/_stcore/health", headers, host=host).status == 200


# ---- the team


def decide(server: Server, headers: Headers, token: str, key: str) -> Answer:
    content = ask(server.port, "GET", f"/api/runs/{RUN}/items", [*headers, ("X-Gallery-Token", token)]).json["rows"][0]
    decision = {"kind": "settle", "key": key, "row": content["r"], "image": content["n"], "label": 0, "reviewer": "Mallory",
                "seen": (content["d"] or {}).get("id", 0)}  # fmt: skip
    body = json.dumps({"decisions": [decision], "last": 0}).encode()
    return ask(server.port, "POST", f"/api/runs/{RUN}/decisions", [*headers, ("X-Gallery-Token", token)], body)


@pytest.mark.parametrize(
    ("mode", "headers", "reviewer"),
    [
        ("alone", [("X-LTNet-User", "Eve")], "Mallory"),
        ("token", [("X-LTNet-User", "Eve")], "Mallory"),
        ("proxy", [*FROM_PROXY, ("X-User", "Ada Lovelace"), ("X-LTNet-User", "Eve")], "Ada Lovelace"),
        ("proxy", [*FROM_PROXY, ("X-User", "Zoë".encode().decode("latin-1"))], "Zoë"),
        ("oidc", [("X-LTNet-User", "Eve")], "ada@lab.example"),
    ],
    ids=str,
)
def test_the_reviewer_is_who_is_signed_in(
    servers: dict[str, Server], mode: str, headers: Headers, reviewer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers[mode]
    sent_headers = [*(way_in(server, mode) if mode != "proxy" else []), *headers]
    key = f"{mode}-{len(reviewer)}"
    assert decide(server, sent_headers, gallery_token(server, monkeypatch), key).json["saved"] == [key]
    log = Adjudications(server.datasets / "faces" / "adjudications.sqlite").log()
    assert [d.reviewer for d in log if d.key == key] == [reviewer]


@pytest.mark.parametrize(("email", "status"), [("ada@lab.example", 200), ("eve@lab.example", 403)])
def test_a_member_signs_in_at_the_provider(
    servers: dict[str, Server], provider: Provider, email: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers["oidc"]
    monkeypatch.setitem(provider.claims, "email", email)
    monkeypatch.setitem(provider.claims, "more", LETTERS)  # the cookie comes in pieces
    page = ask(server.port, "GET", "/train?run=x", [("Accept", "text/html")])
    way = re.search(rb'href="(/auth/login[^"]+)"', page.body)
    assert page.status == 401 and way
    leaving = ask(server.port, "GET", html.unescape(way[1].decode()))
    there = urlsplit(leaving.headers["location"])
    assert leaving.headers["location"].startswith(f"{provider.url}/authorize?")
    asked = {k: v[0] for k, v in parse_qs(there.query).items()}
    assert asked["redirect_uri"] == f"{server.url}/oauth2callback"
    provider.nonce = asked["nonce"]
    link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    back = ask(
        server.port, "GET", f"/oauth2callback?code=x&state={asked['state']}", [*link, ("Cookie", leaving.cookie)]
    )
    assert back.status == 302
    cookies = ("Cookie", "; ".join([page.cookie, back.cookie]))
    start = ask(server.port, "GET", back.headers["location"], [*link, cookies])
    assert start.status == (303 if status == 200 else 403)
    if status == 200:
        assert start.headers["location"] == "/train?run=x"
        assert start.cookies["ltnet-wanted"] in ("", '""')
    assert ask(server.port, "GET", "/_stcore/health", [cookies]).status == status
    # With another state, or without the browser's session, there is no way in.
    for given in ([], [("Cookie", leaving.cookie)]):
        assert "_streamlit_user" not in ask(server.port, "GET", "/oauth2callback?code=x&state=y", given).cookies


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({}, 200),
        ({"email": "BOB@lab.example"}, 200),
        ({"email": "eve@lab.example"}, 403),
        ({"email": "ada@lab.example", "email_verified": False}, 403),
        ({"email": None, "sub": "ada@lab.example"}, 200),
        ({"is_logged_in": False}, 401),
        ({"is_logged_in": "yes"}, 401),
        ({"origin": "http://evil.example"}, 401),
        ({"email": None, "sub": None}, 401),
        ({"email": ["ada@lab.example"]}, 401),
        ({"email": "ada@lab.example\n"}, 200),
        ({"email": "a\nb"}, 401),
    ],
    ids=str,
)
def test_a_providers_cookie_counts_if_it_is_signed_and_of_this_server_and_user(
    servers: dict[str, Server], told: dict[str, object], status: int
) -> None:
    server = servers["oidc"]
    for method, path in (("GET", "/_stcore/health"), ("WEBSOCKET", "/_stcore/stream")):
        answer = ask(server.port, method, path, [("Cookie", oidc_cookie(server, **told))])
        assert answer.status == (101 if status == 200 and method == "WEBSOCKET" else status)


def test_the_proxy_says_under_which_address_it_was_reached(servers: dict[str, Server]) -> None:
    server = servers["proxy"]
    way = [*way_in(server, "proxy"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "studio.example")]
    own, foreign = ("Origin", "https://studio.example"), ("Origin", "http://studio.example")
    assert ask(server.port, "WEBSOCKET", "/_stcore/stream", [*way, own]).status == 101
    assert ask(server.port, "WEBSOCKET", "/_stcore/stream", [*way, foreign]).status == 403
    for odd in ("gopher", "https, http", ""):
        assert ask(server.port, "GET", "/", [*way_in(server, "proxy"), ("X-Forwarded-Proto", odd)]).status in (200, 400)
    # Somebody else's word for it is not taken.
    forwarded = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "studio.example"), ("X-User", "ada"), own]
    assert ask(server.port, "WEBSOCKET", "/_stcore/stream", forwarded).status == 403
