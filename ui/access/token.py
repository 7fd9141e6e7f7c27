"""Coming in with a token: the cookie that stands for it, the way to the cookie, and a limit on wrong tokens."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from ui import http
from ui.access import team
from ui.access.origin import inside
from ui.access.page import moving_page, token_page
from ui.access.settings import Access

PATH = "/enter"
DAYS = 30
MOST_BODY = 8192
MOST_WRONG, WITHIN_SECONDS, MOST_ADDRESSES = 10, 60.0, 10_000
CLAIMED, MOST_CLAIMED = "claimed", 100  # all addresses together that stand in a header, where one can write anything
NETWORK_BITS = 64  # of an IPv6 address: whoever has one has all that begin so


def link(url: str, access: Access) -> str:
    """The address that brings its reader in; ``url`` is the server's own, without a slash at the end."""
    return f"{url}{PATH}?{urlencode({'token': access.token})}"


def cookie_name(connection: HTTPConnection) -> str:
    """A browser sends a cookie to every port of a host, so its name has the port."""
    server = connection.scope.get("server")
    return f"ltnet-{server[1] if server else 0}"


def cookie_value(access: Access, now: float) -> str:
    """When it was issued, and a signature that only who has the token can make."""
    issued = str(int(now))
    return f"{issued}.{hmac.new(access.token.encode(), issued.encode(), hashlib.sha256).hexdigest()}"


def is_in(connection: HTTPConnection, access: Access) -> bool:
    """Whether the request has a cookie of this token that is not too old."""
    value = connection.cookies.get(cookie_name(connection), "")
    issued = value.partition(".")[0]
    if not (issued.isascii() and issued.isdecimal() and len(issued) < 12):
        return False
    age = time.time() - int(issued)
    return _same(value, cookie_value(access, int(issued))) and age < DAYS * 86400


def _same(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(errors="replace"), b.encode())


class Attempts:
    """Counts wrong tokens per address, so that nobody can try many."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def too_many(self, address: str) -> bool:
        """Whether this address has to wait."""
        since = time.monotonic() - WITHIN_SECONDS
        return sum(t > since for t in self._wrong.get(address, ())) >= _most(address)

    def wrong(self, address: str) -> None:
        """Count one."""
        self._wrong[address] = [*self._wrong.pop(address, ()), time.monotonic()][-_most(address) :]
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)


def _most(address: str) -> int:
    return MOST_CLAIMED if address == CLAIMED else MOST_WRONG


def _addresses(request: Request) -> list[str]:
    """What wrong tokens of a request count against."""
    address = team.address_of(request)
    if isinstance(address, ipaddress.IPv6Address):
        address = ipaddress.ip_network((address, NETWORK_BITS), strict=False).network_address
    return [str(address), *([CLAIMED] if "x-forwarded-for" in request.headers else [])]


async def enter(request: Request, access: Access, attempts: Attempts, base: str) -> Response:
    """GET shows the form, or with ``?token=`` tries it; POST is the form. ``next`` is where to go then."""
    if request.method == "POST":
        body = await http.read_body(request, MOST_BODY)
        try:
            fields: Mapping[str, list[str]] = parse_qs(body.decode("latin-1"), True, max_num_fields=20)
        except ValueError:
            raise http.Refused(400, "The form has the fields token and next.") from None
    elif request.method in ("GET", "HEAD"):
        fields = {name: [value] for name, value in request.query_params.items()}
    else:
        raise http.Refused(405, "The sign-in takes GET and POST.")
    next = inside(fields.get("next", [""])[0], base)
    if "token" not in fields:
        return token_page(base + PATH, next)
    addresses = _addresses(request)
    if any(map(attempts.too_many, addresses)):
        text = "There were too many wrong tokens; try again in a minute."
        return token_page(base + PATH, next, text, status=429, headers={"Retry-After": str(int(WITHIN_SECONDS))})
    if not _same(fields["token"][0].strip(), access.token):
        for address in addresses:
            attempts.wrong(address)
        return token_page(base + PATH, next, "This is not the token of this server.", status=403)
    return _welcome(request, access, base, next)


def _welcome(request: Request, access: Access, base: str, next: str) -> Response:
    # A browser that comes from another site's link would follow a redirect without the cookie.
    from_elsewhere = request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    response = moving_page(next) if from_elsewhere else RedirectResponse(next, status_code=303)
    response.set_cookie(
        cookie_name(request),
        cookie_value(access, time.time()),
        max_age=DAYS * 86400,
        path=base or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response
