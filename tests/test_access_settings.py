"""What the guard rests on: settings, names, the sign-in's parts, and the start of real processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from app_server import ROOT, Server, free_port
from raw_http import ask
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ltnet_core.errors import OptionError
from ui import serving
from ui.access import guard as access_guard
from ui.access import listening as access_listening
from ui.access import settings as access
from ui.access import token as access_token
from ui.access import user as access_user
from ui.access.origin import Authority, authority, inside, is_foreign_fetch, is_own_origin
from ui.access.settings import Access, parse
from ui.access.team import is_proxy

TOKEN = "correct-horse-battery"
SECRET = "only-the-proxy-knows"
PROXY = {"LTNET_TEAM": "proxy", "LTNET_USER_HEADER": "X-User", "LTNET_PROXY_SECRET": SECRET, "FORWARDED_ALLOW_IPS": ""}
RUN_OPEN = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); import app; app.app.run(config={{'server.address': '0.0.0.0'}})"
)


def asked(
    app: ASGIApp, method: str, path: str, body: bytes = b"", client: str = "127.0.0.1",
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> list[Any]:  # fmt: skip
    """What an app in this process sends back; an error that it raises afterwards is for the log."""
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def keep(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "http_version": "1.1", "method": method, "path": path, "query_string": b"", "scheme": "http",
             "headers": [(b"host", b"localhost"), *headers], "server": ("127.0.0.1", 80), "client": (client, 1)}  # fmt: skip
    with contextlib.suppress(RuntimeError):
        asyncio.run(app(scope, receive, keep))
    return messages


def test_wrong_tokens_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_guard, "settings", lambda: Access("token", token=TOKEN))
    guard = access_guard.Guard(Starlette())

    def enter(token: str, client: str = "192.0.2.1") -> int:
        body = f"token={token}".encode()
        response = asked(guard, "POST", "/enter", body=body, client=client)
        return int(response[0]["status"])

    statuses = [enter("wrong") for _ in range(access_token.MOST_WRONG + 2)]
    assert statuses == [403] * access_token.MOST_WRONG + [429] * 2
    assert enter(TOKEN) == 429
    assert enter(TOKEN, client="192.0.2.2") == 303


def test_wrong_tokens_from_addresses_that_one_can_make_up_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_guard, "settings", lambda: Access("token", token=TOKEN))
    guard = access_guard.Guard(Starlette())

    def statuses(clients: Iterable[str], *headers: tuple[bytes, bytes]) -> list[int]:
        form = ("POST", "/enter")
        return [int(asked(guard, *form, body=b"token=x", client=c, headers=headers)[0]["status"]) for c in clients]

    # One who has an address of IPv6 has all that begin so.
    assert statuses(f"2001:db8:0:1::{n:x}" for n in range(11)) == [403] * 10 + [429]
    assert statuses(["2001:db8:0:2::1"]) == [403]
    # A proxy in front names the client in a header, and whoever is on this machine can write one.
    forwarded = (b"x-forwarded-for", b"any")
    assert statuses((f"198.51.100.{n}" for n in range(101)), forwarded) == [403] * 100 + [429]
    assert statuses(["198.51.100.200"]) == [403]


@pytest.mark.parametrize(
    "name",
    ["Via", "Forwarded", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-User", "X-Forwarded-Port", "CF-Connecting-IP",
     "True-Client-IP", "X-Client-IP", "X-Azure-ClientIP", "X-Original-Host", "Tailscale-User-Login"],
)  # fmt: skip
def test_a_request_that_a_proxy_sent_is_no_request_of_the_one_person(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_guard, "settings", Access)
    guard = access_guard.Guard(Starlette())
    statuses = [
        asked(guard, "GET", "/", client="127.0.0.1", headers=headers)[0]["status"]
        for headers in ([(name.lower().encode(), b"x")], [(b"user-agent", b"via a proxy"), (b"x-requested-with", b"x")])
    ]
    assert statuses == [403, 404]


def test_letters_that_are_like_others_in_lower_case_are_others() -> None:
    access = parse({**PROXY, "LTNET_USERS": "Kim@lab.example, STRASSE, zoë"})
    for user, may in (("kim@lab.example", True), ("KIM@LAB.EXAMPLE", True), ("\u212aim@lab.example", False),
                      ("\u017ftrasse", False), ("straße", False), ("strasse", True), ("zoë", True)):  # fmt: skip
        assert access.allows(user) == may, user


def test_attempts_are_forgotten_after_a_minute_and_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, now = access_token.Attempts(), [100.0]
    monkeypatch.setattr(access_token.time, "monotonic", lambda: now[0])
    for _ in range(access_token.MOST_WRONG):
        assert not attempts.too_many("192.0.2.1")
        attempts.wrong("192.0.2.1")
    assert attempts.too_many("192.0.2.1")
    assert not attempts.too_many("192.0.2.2")
    now[0] += access_token.WITHIN_SECONDS + 1
    assert not attempts.too_many("192.0.2.1")
    monkeypatch.setattr(access_token, "MOST_ADDRESSES", 5)
    for n in range(50):
        attempts.wrong(str(n))
    assert len(attempts._wrong) <= 6


def test_a_cookie_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access("token", token=TOKEN)
    now = 1_800_000_000.0
    monkeypatch.setattr(access_token.time, "time", lambda: now)

    def is_in(value: str) -> bool:
        headers = [(b"cookie", f"ltnet-8501={value}".encode())]
        return access_token.is_in(
            HTTPConnection({"type": "http", "headers": headers, "server": ("127.0.0.1", 8501)}), access
        )

    value = access_token.cookie_value(access, now)
    assert is_in(value)
    assert not is_in(value[:-1])
    assert not is_in("1" + value)
    assert not is_in(access_token.cookie_value(Access("token", token=TOKEN + "x"), now))
    assert not is_in(access_token.cookie_value(access, now - 86400 * access_token.DAYS - 1))


@pytest.mark.parametrize(
    ("address", "base", "expected"),
    [
        ("/train?run=x", "", "/train?run=x"),
        ("/ltnet/train", "/ltnet", "/ltnet/train"),
        ("/train", "/ltnet", "/ltnet/"),
        ("", "", "/"),
        ("//evil.example", "", "/"),
        ("/\\evil.example", "", "/"),
        ("\\\\evil.example", "", "/"),
        ("https://evil.example/", "", "/"),
        ("javascript:alert(1)", "", "/"),
        ("/a\r\nSet-Cookie: x=y", "", "/"),
        ("/\t/evil.example", "", "/"),
        (" //evil.example", "", "/"),
        ("/" + "a" * 5000, "", "/"),
    ],
)
def test_the_sign_in_leads_nowhere_else(address: str, base: str, expected: str) -> None:
    assert inside(address, base) == expected


# ---- the proxy


@pytest.mark.parametrize("address", ["10.0.0.7", "::ffff:10.0.0.7", "127.0.0.1", "fd00::7", "x", None])
def test_the_proxy_is_known_by_its_address_too(address: str | None) -> None:
    access = parse({**PROXY, "LTNET_PROXIES": "10.0.0.0/8, fd00::7"})
    scope = {
        "type": "http",
        "headers": [(b"x-ltnet-proxy-secret", SECRET.encode())],
        "client": address and (address, 1),
    }
    assert is_proxy(HTTPConnection(scope), access) == (address in ("10.0.0.7", "::ffff:10.0.0.7", "fd00::7"))


# ---- settings


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"LTNET_TOKEN": ""}, "LTNET_TOKEN is empty"),
        ({"LTNET_TEAM": " "}, "LTNET_TEAM is empty"),
        ({"LTNET_TOKEN": "short"}, "at least 16 printable"),
        ({"LTNET_TOKEN": "x" * 15}, "at least 16 printable"),
        ({"LTNET_TOKEN": "sixteen letters é"}, "at least 16 printable"),
        ({"LTNET_TOKEN": "with a space in it"}, "at least 16 printable"),
        ({"LTNET_TEAM": "ldap"}, "must be oidc or proxy, got 'ldap'"),
        ({"LTNET_TEAM": "oidc", "LTNET_TOKEN": "auto"}, "exclude each other"),
        ({"LTNET_USERS": "ada"}, "LTNET_USERS needs LTNET_TEAM"),
        ({"LTNET_USERS": "ada", "LTNET_TOKEN": "auto"}, "LTNET_USERS needs LTNET_TEAM"),
        ({"LTNET_PROXIES": "10.0.0.1"}, "LTNET_PROXIES needs LTNET_TEAM=proxy"),
        ({"LTNET_TEAM": "oidc", "LTNET_USER_HEADER": "X-User"}, "LTNET_USER_HEADER needs LTNET_TEAM=proxy"),
        ({"LTNET_TEAM": "proxy", "LTNET_PROXY_SECRET": SECRET}, "needs LTNET_USER_HEADER too"),
        ({"LTNET_TEAM": "proxy", "LTNET_USER_HEADER": "X-User"}, "needs LTNET_PROXY_SECRET too"),
        ({**PROXY, "LTNET_PROXY_SECRET": "short"}, "LTNET_PROXY_SECRET must be at least 16"),
        ({**PROXY, "LTNET_PROXIES": "10.0.0.0/33"}, "LTNET_PROXIES must be addresses"),
        ({**PROXY, "LTNET_PROXIES": "proxy.example"}, "LTNET_PROXIES must be addresses"),
        ({**PROXY, "LTNET_USER_HEADER": "X User"}, "name of a header"),
        ({**PROXY, "LTNET_USER_HEADER": "Host"}, "name of a header"),
        ({**PROXY, "LTNET_USER_HEADER": "X-LTNet-Proxy-Secret"}, "name of a header"),
        ({**PROXY, "FORWARDED_ALLOW_IPS": "*"}, "FORWARDED_ALLOW_IPS set to nothing"),
        ({k: v for k, v in PROXY.items() if k != "FORWARDED_ALLOW_IPS"}, "FORWARDED_ALLOW_IPS set to nothing"),
        ({"LTNET_HOSTS": "*"}, "LTNET_HOSTS must be names"),
        ({"LTNET_HOSTS": "studio.example:80"}, "LTNET_HOSTS must be names"),
        ({"LTNET_HOSTS": "https://studio.example"}, "LTNET_HOSTS must be names"),
        ({"LTNET_HOST": "studio.example"}, "did you mean LTNET_HOSTS"),
        ({"LTNET_TOEKN": "auto"}, "did you mean LTNET_TOKEN"),
        ({"LTNET_PROXY": "10.0.0.1"}, "did you mean LTNET_PROXIES"),
        ({"LTNET_USER": "ada"}, "did you mean LTNET_USERS"),
    ],
    ids=str,
)
def test_settings_that_mean_nothing_are_refused(environment: Mapping[str, str], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence) as error:
        parse(environment)
    assert SECRET not in str(error.value)


def test_settings_that_mean_something() -> None:
    others = {
        "LTNET_WORKSPACE": "w",
        "LTNET_ROOTS": "/data",
        "LTNET_CACHE": "c",
        "LTNET_CACHE_GB": "1",
        "LTNET_MAX_UPLOAD_GB": "1",
        "HOME": "/",
    }
    assert parse(others) == Access()
    assert parse({"LTNET_HOSTS": "Studio.example, fd00::1,[FD00::2]"}).hosts == {
        "localhost", "127.0.0.1", "[::1]", "studio.example", "[fd00::1]", "[fd00::2]",
    }  # fmt: skip
    first, second = (parse({"LTNET_TOKEN": "auto"}).token for _ in range(2))
    assert len(first) > 40
    assert first != second
    assert parse({"LTNET_TEAM": "oidc", "LTNET_USERS": "Ada, bob"}).allows("ADA")
    assert not parse({"LTNET_TEAM": "oidc", "LTNET_USERS": "Ada, bob"}).allows("eve")
    assert parse({"LTNET_TEAM": "oidc"}).allows("eve")
    for secret in (SECRET, TOKEN):
        assert secret not in repr(parse(PROXY)) + repr(parse({"LTNET_TOKEN": TOKEN}))


# ---- names


@pytest.mark.parametrize(
    ("text", "scheme", "expected"),
    [
        ("localhost", "http", Authority("localhost", 80)),
        ("LocalHost:8501", "https", Authority("localhost", 8501)),
        ("[::1]", "https", Authority("[::1]", 443)),
        ("[FE80::1]:1", "http", Authority("[fe80::1]", 1)),
        ("a_b.example", "http", Authority("a_b.example", 80)),
        *((t, "http", None) for t in ("", ":80", "a:", "a:0", "a:70000", "a:1:2", "a b", "a.", ".a", "a..b", "a@b", "a/b",
          "a?b", "a#b", "[::1]x", "[fe80::1%25lo]", "a%2e", "é", "-a", "a-", "a\r", "a\n", "١٢", "a:١", "a" * 64)),
    ],
)  # fmt: skip
def test_an_authority_is_a_name_and_a_port(text: str, scheme: str, expected: Authority | None) -> None:
    assert authority(text, scheme) == expected


def test_an_origin_is_compared_with_scheme_name_and_port() -> None:
    here = Authority("studio.example", 443)
    for own in ("https://studio.example", "https://STUDIO.example:443"):
        assert is_own_origin(own, "https", here)
    for other in ("http://studio.example", "https://studio.example:8443", "https://studio.example.evil", "null", "",
                  "https://studio.example@evil", "https://studio.example/", "wss://studio.example", "studio.example"):  # fmt: skip
        assert not is_own_origin(other, "https", here)


def test_what_browsers_say_of_who_asks() -> None:
    for site in (None, "none", "same-origin"):
        assert not is_foreign_fetch("POST", site, "cors", "empty")
    assert not is_foreign_fetch("GET", "cross-site", "navigate", "document")
    for method, mode, destination in (("POST", "navigate", "document"), ("GET", "navigate", "iframe"),
                                      ("GET", "no-cors", "script"), ("GET", "cors", "empty"), ("GET", None, None)):  # fmt: skip
        for site in ("cross-site", "same-site", "nonsense"):
            assert is_foreign_fetch(method, site, mode, destination)


# ---- the start


@pytest.mark.parametrize(
    ("command", "settings", "sentence"),
    [
        (("streamlit", "run", "APP"), {"STREAMLIT_SERVER_ADDRESS": "::"}, "The server would listen on ::"),
        (("streamlit", "run", "APP"), {"LTNET_TEAM": "oidc"}, "cannot use .streamlit/secrets.toml"),
        (("-c", RUN_OPEN), {}, "The server would listen on 0.0.0.0"),
        (("uvicorn", "--app-dir", str(ROOT), "app:app", "--host=0.0.0.0", "--port=0"), {}, "would listen on 0.0.0.0"),
    ],
    ids=str,
)
def test_an_open_door_is_no_start(
    command: tuple[str, ...], settings: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    words = [str(ROOT / "app.py") if w == "APP" else w for w in command]
    start = [sys.executable, *words] if command[0] == "-c" else [sys.executable, "-m", *words]
    port = {"STREAMLIT_SERVER_PORT": str(free_port()), "STREAMLIT_SERVER_HEADLESS": "true"}
    named = {"STREAMLIT_BROWSER_SERVER_ADDRESS": "127.0.0.1"}  # otherwise Streamlit asks the internet for its address
    environment = {**os.environ, **port, **named, "LTNET_WORKSPACE": str(tmp_path / "w"), **settings}
    done = subprocess.run(start, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert sentence in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_the_link_is_printed_and_works(tmp_path: Path) -> None:
    server = Server(tmp_path, free_port(), settings={"LTNET_TOKEN": "auto"}, flags=("--server.baseUrlPath=studio",))
    server.start()
    try:
        link = next(line.strip() for line in server.log.splitlines() if "/enter?token=" in line)
        assert link.startswith(f"{server.url}/studio/enter?token=")
        came = ask(server.port, "GET", link.removeprefix(server.url))
        assert (came.status, came.headers["location"]) == (303, "/studio/")
        assert "Path=/studio" in came.headers["set-cookie"]
        assert ask(server.port, "GET", "/studio/_stcore/health").status == 401
        assert ask(server.port, "GET", "/studio/_stcore/health", [("Cookie", came.cookie)]).status == 200
        assert (tmp_path / "workspace").stat().st_mode & 0o077 == 0
    finally:
        server.kill()


def test_only_loopback_addresses_are_this_machines_own() -> None:
    for own in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert access_listening.is_loopback(own)
    for other in ("0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1", "fe80::1", "", "localhost.evil", "/run/socket"):
        assert not access_listening.is_loopback(other)


def test_the_user_of_a_page_is_read_in_team_mode_only(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {access.USER: "Zo%C3%AB%20%3Cb%3E"}
    for mode, user in (("alone", None), ("token", None), ("proxy", "Zoë <b>"), ("oidc", "Zoë <b>")):
        monkeypatch.setattr(access_user, "settings", lambda mode=mode: Access(mode))
        assert access_user.user_of(headers) == user
    assert access_user.user_of({}) is None


def test_a_mistake_of_a_route_is_told_in_a_sentence_with_the_same_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stumble(request: Request) -> Response:
        raise RuntimeError("/a/path/of/the/server")

    app = Starlette(
        routes=[Route("/", stumble)], middleware=serving.middleware(), exception_handlers=serving.EXCEPTION_HANDLERS
    )
    monkeypatch.setattr(access_guard, "settings", Access)
    response = asked(app, "GET", "/")
    headers = dict(response[0]["headers"])
    assert response[0]["status"] == 500
    assert headers[b"x-frame-options"] == b"DENY"
    assert headers[b"cache-control"] == b"no-store"
    assert b"path" not in response[1]["body"]
