"""Who of a team is asking: as the proxy in front says, or as the cookie of Streamlit's sign-in says."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import ipaddress
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from streamlit.auth_util import (
    encode_provider_token,
    get_cookie_with_chunks,
    get_secrets_auth_section,
    validate_auth_credentials,
)
from streamlit.errors import StreamlitAuthError
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import AUTH_COOKIE_MAX_AGE_SECONDS, USER_COOKIE_NAME

from ltnet_core.errors import OptionError
from ui.access.settings import PROXY_SECRET, SHORTEST_SECRET, Access

WAY_BACK = "/oauth2callback"
OPEN_PATHS = ("/auth/login", "/auth/logout", WAY_BACK)  # Streamlit's way to the provider and back
PIECES = "ltnet-pieces"  # the cookie that holds the pieces of a large cookie of the user together
WANTED = "ltnet-wanted"  # the cookie with the address that was asked for before the sign-in
LONGEST_NAME = 200
DEFAULT = "default"


# ---- proxy


def is_proxy(connection: HTTPConnection, access: Access) -> bool:
    """Whether the request comes from the proxy: from its address, and with its secret."""
    values = connection.headers.getlist(PROXY_SECRET)
    if len(values) != 1 or not hmac.compare_digest(values[0].encode(), access.proxy_secret.encode()):
        return False
    address = address_of(connection)
    return address is not None and any(address in network for network in access.proxies)


def address_of(connection: HTTPConnection) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address of the other end of the connection, None if it has none."""
    try:
        address = ipaddress.ip_address(connection.client.host if connection.client else "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def proxy_user(headers: Headers, access: Access) -> str | None:
    """The user whom the proxy names; None if it names none, or several."""
    values = headers.getlist(access.user_header)
    if len(values) != 1:
        return None
    try:
        return _name(values[0].encode("latin-1").decode())
    except UnicodeDecodeError:
        return None


def _name(text: object) -> str | None:
    name = text.strip() if isinstance(text, str) else ""
    return name if 0 < len(name) <= LONGEST_NAME and name.isprintable() else None


# ---- OpenID Connect


def providers() -> list[str]:
    """The providers that secrets.toml names."""
    auth = get_secrets_auth_section()
    named = [str(k) for k, v in auth.items() if isinstance(v, Mapping) and "client_id" in v]
    return [DEFAULT, *named] if auth.get("client_id") else named


def require_providers() -> None:
    """Refuse settings with which nobody could sign in, or anybody.

    Raises
    ------
    OptionError
    """
    try:
        importlib.import_module("authlib.integrations.starlette_client")
    except ImportError as e:
        raise OptionError("LTNET_TEAM=oidc needs two more packages: pip install 'Authlib>=1.3.2' httpx.") from e
    try:
        names = providers() or [DEFAULT]
        for name in names:
            validate_auth_credentials(name)
    except (StreamlitAuthError, OSError, ValueError) as e:
        raise OptionError(f"LTNET_TEAM=oidc cannot use .streamlit/secrets.toml: {' '.join(str(e).split())}") from e
    if len(get_cookie_secret()) < SHORTEST_SECRET:
        raise OptionError(f"cookie_secret in .streamlit/secrets.toml must have at least {SHORTEST_SECRET} characters.")


def wanted(connection: HTTPConnection) -> str:
    """The address that was asked for before the sign-in."""
    return unquote(connection.cookies.get(WANTED, ""))


def sign_in_links(base: str) -> dict[str, str]:
    """Where each provider's sign-in begins."""
    return {name: f"{base}/auth/login?provider={encode_provider_token(name)}" for name in providers()}


def _user_cookie(cookies: Mapping[str, str]) -> tuple[bytes | None, list[str]]:
    """The content of Streamlit's signed cookie, and the values that it was put together from, in their order."""
    secret, values = get_cookie_secret(), []

    def signed(name: str) -> bytes | None:
        value = cookies.get(name)
        values.append(value or "")
        return None if value is None else decode_signed_value(secret, name, value.encode("latin-1", "replace"))

    return get_cookie_with_chunks(signed, USER_COOKIE_NAME), values


def _seal(values: list[str]) -> bytes:
    text = "\n".join([PIECES, *values])
    return hmac.new(get_cookie_secret().encode(), text.encode(), hashlib.sha256).hexdigest().encode()


def hold_together(headers: MutableHeaders, path: str) -> None:
    """Sign the pieces of a large cookie of the user together, where an answer sets them.

    Streamlit signs each for itself: of two sign-ins with much about the user, the pieces could be put together to a
    third user, where the end of one piece is the beginning of a name that the user chose.
    """
    cookies = [value.partition(";")[0].partition("=") for value in headers.getlist("set-cookie")]
    content, values = _user_cookie({name: value for name, _, value in cookies})
    if content is not None and len(values) > 1:
        response = Response()
        response.set_cookie(
            PIECES,
            _seal(values).decode(),
            max_age=AUTH_COOKIE_MAX_AGE_SECONDS,
            path=path,
            httponly=True,
            samesite="lax",
        )
        headers.append("set-cookie", response.headers["set-cookie"])


def oidc_user(cookies: Mapping[str, str], origin: str) -> str | None:
    """The user of Streamlit's signed cookie; None if there is none, or it was issued for another origin."""
    content, values = _user_cookie(cookies)
    if content is None:
        return None
    if len(values) > 1 and not hmac.compare_digest(cookies.get(PIECES, "").encode(errors="replace"), _seal(values)):
        return None
    try:
        claims: Any = json.loads(content)
    except ValueError:
        return None
    if not isinstance(claims, dict) or claims.get("is_logged_in") is not True or claims.get("origin") != origin:
        return None
    if claims.get("email") and claims.get("email_verified") is not False:
        return _name(claims["email"])
    return _name(claims.get("sub"))
