"""A provider that says much of a user: Streamlit's cookie comes in pieces, of which each is signed for itself."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Mapping

import pytest
from starlette.datastructures import MutableHeaders
from streamlit.auth_util import set_cookie_with_chunks
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from ui.access import team

SECRET, NAME, ORIGIN = "signs-the-cookies-of-this-test", "_streamlit_user", "https://studio.example"
LETTERS = "".join(random.Random(0).choices(string.ascii_letters, k=12_000))  # a cookie is compressed


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "get_cookie_secret", lambda: SECRET)


def signed_in(claims: Mapping[str, object]) -> dict[str, str]:
    """The cookies that a browser has after a sign-in."""
    headers = MutableHeaders()

    def sign(name: str, value: str) -> bytes:
        return create_signed_value(SECRET, name, value)

    def keep(name: str, value: str) -> None:
        headers.append("set-cookie", f"{name}={sign(name, value).decode()}; Path=/; HttpOnly")

    content = {**claims, "origin": ORIGIN, "is_logged_in": True}
    set_cookie_with_chunks(keep, sign, NAME, content, cookie_attr_size=80)
    team.hold_together(headers, "/")
    crumbs = [value.partition(";")[0].partition("=") for value in headers.getlist("set-cookie")]
    return {name: value for name, _, value in crumbs}


def test_a_user_of_whom_much_is_said_is_let_in() -> None:
    few = signed_in({"email": "eve@lab.example"})
    assert list(few) == [NAME]
    many = signed_in({"email": "eve@lab.example", "groups": [f"group {n}" for n in range(2000)]})
    assert len(many) > 4
    assert team.oidc_user(few, ORIGIN) == team.oidc_user(many, ORIGIN) == "eve@lab.example"
    old = {**many, **few}  # what is left in the browser of a larger cookie is no matter
    assert team.oidc_user(old, ORIGIN) == "eve@lab.example"
    assert team.oidc_user({k: v for k, v in many.items() if k != team.PIECES}, ORIGIN) is None
    assert team.oidc_user({**many, team.PIECES: "é"}, ORIGIN) is None


def test_pieces_of_two_sign_ins_make_no_third_user() -> None:
    """Eve may write what she likes into her page and her name, so she chooses where a piece ends."""

    def eve(page: int, name: str) -> dict[str, str]:
        return signed_in({"page": LETTERS[:page], "email": "eve@lab.example", "name": name, "more": LETTERS})

    size = len(team.decode_signed_value(SECRET, f"{NAME}_1", eve(9000, "Eve")[f"{NAME}_1"]) or b"")
    to_address = len('{"page": "", "email": "')
    one = eve(size - to_address, "Eve")  # her first piece ends before her address
    to_name = len('{"page": "", "email": "eve@lab.example", "name": "')
    two = eve(0, LETTERS[: size - to_name] + "ada@lab.example")  # her second one begins with another's
    mixed = {**two, f"{NAME}_1": one[f"{NAME}_1"]}
    assert json.loads(team._user_cookie(mixed)[0] or b"{}")["email"] == "ada@lab.example", "each piece is signed"
    for pieces in (one[team.PIECES], two[team.PIECES], ""):
        assert team.oidc_user({**mixed, team.PIECES: pieces}, ORIGIN) is None
    assert team.oidc_user(one, ORIGIN) == team.oidc_user(two, ORIGIN) == "eve@lab.example"
