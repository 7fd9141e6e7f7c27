"""Who may reach the server: the settings, read once from the environment.

::

    LTNET_HOSTS          other names than this machine's loopback names by which browsers reach the server
    LTNET_TOKEN          "auto" or a secret text: only who knows it comes in
    LTNET_TEAM           "oidc" (sign-in by OpenID Connect) or "proxy" (a reverse proxy names the user)
    LTNET_USERS          team: these users and no others
    LTNET_USER_HEADER    proxy: the header that names the user
    LTNET_PROXY_SECRET   proxy: the secret text that the proxy sends in the header X-LTNet-Proxy-Secret
    LTNET_PROXIES        proxy: addresses or networks of the proxy

Without LTNET_TOKEN and LTNET_TEAM the server is for the one person at this machine, see :mod:`ui.access.guard`.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from ltnet_core.errors import OptionError
from ui.access.origin import LOOPBACK_NAMES, host_name

Mode = Literal["alone", "token", "oidc", "proxy"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TEAMS: dict[str, Mode] = {"oidc": "oidc", "proxy": "proxy"}
PROXY_ONLY = ("LTNET_USER_HEADER", "LTNET_PROXY_SECRET", "LTNET_PROXIES")
NAMES = ("LTNET_HOSTS", "LTNET_TOKEN", "LTNET_TEAM", "LTNET_USERS", *PROXY_ONLY)
OTHERS = ("LTNET_WORKSPACE", "LTNET_ROOTS", "LTNET_CACHE", "LTNET_CACHE_GB")
SHORTEST_SECRET = 16
ALIKE = 0.65  # PROXY and PROXIES
HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")

USER = "x-ltnet-user"  # see ui/access/user.py
PROXY_SECRET = "x-ltnet-proxy-secret"
# What a proxy adds to a request: those of the common proxies, and of the networks and tunnels that offer one.
OF_PROXY = re.compile(
    r"via|forwarded|x-forwarded.*|x-original-.*|x-real-ip|.*client-?ip|.*connecting-ip|x-envoy-.*|x-scheme|tailscale-.*"
)
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
NO_USER_HEADERS = (USER, PROXY_SECRET, *FORWARDED, "host", "origin", "cookie", "authorization")


@dataclass(frozen=True)
class Access:
    """Who may come in, and under which names."""

    mode: Mode = "alone"
    hosts: frozenset[str] = LOOPBACK_NAMES
    token: str = field(default="", repr=False)
    users: frozenset[str] = frozenset()
    user_header: str = ""
    proxy_secret: str = field(default="", repr=False)
    proxies: tuple[Network, ...] = ()

    @property
    def team(self) -> bool:
        """Whether people sign in under their own names."""
        return self.mode in ("oidc", "proxy")

    def allows(self, user: str) -> bool:
        """Whether the signed-in user may use the server."""
        return not self.users or _same_letters(user) in self.users


@lru_cache(maxsize=1)
def settings() -> Access:
    """The settings of this process.

    Raises
    ------
    OptionError
    """
    return parse(os.environ)


def parse(environment: Mapping[str, str]) -> Access:
    """The settings that the environment makes.

    Raises
    ------
    OptionError
        a setting is empty, misspelt, malformed, or contradicts another.
    """
    _require_known(environment)
    values = {name: environment[name].strip() for name in NAMES if name in environment}
    for name, value in values.items():
        if not value:
            raise OptionError(f"{name} is empty; give it a value or unset it.")
    mode = _mode(values)
    if "LTNET_USERS" in values and mode not in ("oidc", "proxy"):
        raise OptionError("LTNET_USERS needs LTNET_TEAM=oidc or LTNET_TEAM=proxy: only there has a user a name.")
    for name in PROXY_ONLY:
        if name in values and mode != "proxy":
            raise OptionError(f"{name} needs LTNET_TEAM=proxy.")
    access = Access(
        mode=mode,
        hosts=LOOPBACK_NAMES | _hosts(values.get("LTNET_HOSTS", "")),
        token=_token(values["LTNET_TOKEN"]) if mode == "token" else "",
        users=frozenset(_same_letters(u) for u in _list(values.get("LTNET_USERS", ""))),
    )
    return _with_proxy(access, values, environment) if mode == "proxy" else access


def _same_letters(user: str) -> str:
    """A user's name, the case of ASCII letters aside: in lower case a Kelvin sign would be the k of somebody else."""
    return user.lower() if user.isascii() else user


def _require_known(environment: Mapping[str, str]) -> None:
    """A misspelt name would leave the server open."""
    for name in set(environment) - {*NAMES, *OTHERS}:
        prefix, _, rest = name.partition("_")
        if prefix == "LTNET" and (near := difflib.get_close_matches(rest, [n[6:] for n in NAMES], 1, ALIKE)):
            raise OptionError(f"{name} is not a setting; did you mean LTNET_{near[0]}?")


def _mode(values: Mapping[str, str]) -> Mode:
    team = values.get("LTNET_TEAM")
    if team is None:
        return "token" if "LTNET_TOKEN" in values else "alone"
    if "LTNET_TOKEN" in values:
        raise OptionError("LTNET_TOKEN and LTNET_TEAM exclude each other: unset one of them.")
    if team not in TEAMS:
        raise OptionError(f"LTNET_TEAM must be oidc or proxy, got {team!r}.")
    return TEAMS[team]


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _hosts(text: str) -> frozenset[str]:
    names = set()
    for name in _list(text):
        host = host_name(f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name)
        if host is None:
            raise OptionError(
                f"LTNET_HOSTS must be names or addresses without port, separated by commas, got {name!r}."
            )
        names.add(host)
    return frozenset(names)


def _secret(name: str, value: str) -> str:
    if len(value) < SHORTEST_SECRET or not value.isascii() or not value.isprintable() or " " in value:
        raise OptionError(f"{name} must be at least {SHORTEST_SECRET} printable ASCII characters without spaces.")
    return value


def _token(value: str) -> str:
    return secrets.token_urlsafe(32) if value == "auto" else _secret("LTNET_TOKEN", value)


def _with_proxy(access: Access, values: Mapping[str, str], environment: Mapping[str, str]) -> Access:
    for name in ("LTNET_USER_HEADER", "LTNET_PROXY_SECRET"):
        if name not in values:
            raise OptionError(f"LTNET_TEAM=proxy needs {name} too.")
    if environment.get("FORWARDED_ALLOW_IPS") != "":
        raise OptionError(
            "LTNET_TEAM=proxy needs FORWARDED_ALLOW_IPS set to nothing (FORWARDED_ALLOW_IPS= streamlit run app.py): "
            "otherwise the server takes the address in X-Forwarded-For for the proxy's own."
        )
    header = values["LTNET_USER_HEADER"].lower()
    if not HEADER_NAME.fullmatch(header) or header in NO_USER_HEADERS:
        raise OptionError(f"LTNET_USER_HEADER must be the name of a header of its own, got {header!r}.")
    networks = []
    for text in _list(values.get("LTNET_PROXIES", "127.0.0.1,::1")):
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError:
            raise OptionError(f"LTNET_PROXIES must be addresses or networks (10.0.0.0/8), got {text!r}.") from None
    secret = _secret("LTNET_PROXY_SECRET", values["LTNET_PROXY_SECRET"])
    return replace(access, user_header=header, proxy_secret=secret, proxies=tuple(networks))
