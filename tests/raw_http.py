"""One request over a socket of its own, with headers as they are given, also malformed ones."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Headers = Sequence[tuple[str, str]]
UPGRADE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


@dataclass
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookie(self) -> str:
        """The cookies that were set, as a browser sends them."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


def ask(
    port: int, method: str, path: str, headers: Headers = (), body: bytes = b"", *, host: str | None = ""
) -> Answer:
    """Ask; ``WEBSOCKET`` as method asks for an upgrade. ``host`` None sends no Host header, "" the right one."""
    is_websocket = method == "WEBSOCKET"
    lines = [f"{'GET' if is_websocket else method} {path} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host or f'127.0.0.1:{port}'}")
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"{name}: {value}" for name, value in (UPGRADE if is_websocket else [("Connection", "close")])]
    if body and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    return send(port, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)


def send(port: int, request: bytes) -> Answer:
    """Send these bytes and read until the answer is there."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        s.sendall(request)
        while True:
            try:
                piece = s.recv(65536)
            except ConnectionResetError:  # the server had no wish to read the whole request
                piece = b""
            received += piece
            if not piece:
                break
            if received.startswith(b"HTTP/1.1 101") and b"\r\n\r\n" in received:
                break
    head, _, rest = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    crumbs = [value.partition(";")[0].partition("=") for name, value in pairs if name == "set-cookie"]
    return Answer(int(status.split()[1]), dict(pairs), rest, {name: value for name, _, value in crumbs})
