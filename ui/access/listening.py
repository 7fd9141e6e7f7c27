"""Where this process listens, and whether its settings allow that."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterator

from ltnet_core.errors import OptionError
from ui.access.settings import Access


@contextlib.contextmanager
def listening_sockets() -> Iterator[list[socket.socket]]:
    """The TCP sockets on which this process accepts connections, as duplicates that are closed at the end."""
    sockets = []
    try:
        for name in os.listdir("/dev/fd"):
            with contextlib.suppress(OSError, ValueError):
                s = socket.socket(fileno=os.dup(int(name)))
                if s.family in (socket.AF_INET, socket.AF_INET6) and s.getsockopt(
                    socket.SOL_SOCKET, socket.SO_ACCEPTCONN
                ):
                    sockets.append(s)
                else:
                    s.close()
        yield sockets
    finally:
        for s in sockets:
            s.close()


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def require_allowed(access: Access) -> None:
    """Without token or team the server may listen on a loopback address only.

    Raises
    ------
    OptionError
    """
    if access.mode != "alone":
        return
    with listening_sockets() as sockets:
        others = sorted({str(s.getsockname()[0]) for s in sockets} - {""})
    if open_to_others := [a for a in others if not is_loopback(a)]:
        raise OptionError(
            f"The server would listen on {', '.join(open_to_others)}, where others reach it, and ask nobody who they "
            "are: set LTNET_TOKEN=auto or LTNET_TEAM (docs/security.md), or start it with --server.address=127.0.0.1."
        )


def own_url(scheme: str, base: str) -> str:
    """The address of this server on this machine, without a slash at the end; a path if it does not listen yet."""
    with listening_sockets() as sockets:
        names = [s.getsockname()[:2] for s in sockets]
    for address, port in names:
        wildcard = ipaddress.ip_address(address).is_unspecified
        host = "127.0.0.1" if wildcard else f"[{address}]" if ":" in address else address
        return f"{scheme}://{host}:{port}{base}"
    return base
