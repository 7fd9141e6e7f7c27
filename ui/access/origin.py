"""What a request says of where it goes and where it comes from: Host, Origin and Sec-Fetch-* headers."""

from __future__ import annotations

import re
from dataclasses import dataclass

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
PORTS = {"http": 80, "https": 443}
LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rf"(?=.{{1,253}}$)({LABEL}(\.{LABEL})*|\[[0-9a-f:.]{{2,45}}\])")
AUTHORITY = re.compile(r"(?P<name>\[[^\]]*\]|[^:\[\]]*)(:(?P<port>[0-9]{1,5}))?")
LONGEST_ADDRESS = 4000
SAFE = ("GET", "HEAD", "OPTIONS")
OWN_SITE = ("same-origin", "none")


@dataclass(frozen=True)
class Authority:
    """A host's name in lower case, an IPv6 address in brackets, and its port."""

    name: str
    port: int


def host_name(text: str) -> str | None:
    """The name in lower case; None if it cannot be a host's name."""
    name = text.lower()
    return name if NAME.fullmatch(name) else None


def authority(text: str, scheme: str) -> Authority | None:
    """``name[:port]`` as a Host header has it; None if it is malformed."""
    match = AUTHORITY.fullmatch(text)
    name = host_name(match["name"]) if match else None
    if match is None or name is None:
        return None
    port = int(match["port"]) if match["port"] else PORTS[scheme]
    return Authority(name, port) if 0 < port < 65536 else None


def is_own_origin(origin: str, scheme: str, host: Authority) -> bool:
    """Whether the page that asks is one of this server's: same scheme, name and port."""
    prefix = f"{scheme}://"
    return origin.lower().startswith(prefix) and authority(origin[len(prefix) :], scheme) == host


def is_foreign_fetch(method: str, site: str | None, mode: str | None, destination: str | None) -> bool:
    """Whether the browser says that another site's page asks, other than by a plain link.

    Browsers send Sec-Fetch-Site with every request to an https or loopback address; a page of another port of
    this machine is ``same-site`` and is another's all the same.
    """
    if site is None or site in OWN_SITE:
        return False
    is_link = mode == "navigate" and method in SAFE and destination in (None, "document")
    return not is_link


def inside(address: str, base: str) -> str:
    """The address if it is a path of this server with its query; otherwise the start page."""
    plain = address.isascii() and address.isprintable() and not any(c in address for c in "\\ #")
    is_path = address.startswith(base + "/") and not address.startswith("//") and len(address) < LONGEST_ADDRESS
    return address if plain and is_path else base + "/"
