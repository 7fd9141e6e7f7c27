"""Tokens of the browser's own requests, which no other site can know.

A token follows from the run's name and a secret that lies in the workspace, so that an open
page goes on working when the server was started anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

from ui.workspace import root

FILE = ".secret"
BYTES = 32


def token(run: str) -> str:
    """The token of a run's gallery."""
    return hmac.new(_secret(root()), run.encode(), hashlib.sha256).hexdigest()[:32]


def is_token(run: str, candidate: str) -> bool:
    """Whether ``candidate`` is the run's token."""
    return hmac.compare_digest(token(run).encode(), candidate.encode(errors="replace"))


@lru_cache(maxsize=4)
def _secret(workspace: Path) -> bytes:
    path = workspace / FILE
    with contextlib.suppress(OSError):
        kept = path.read_bytes()
        if len(kept) == BYTES:
            return kept
    made = secrets.token_bytes(BYTES)
    try:
        return _kept(workspace, path, made)
    except OSError:  # a full disk, or a read-only one: it can be looked at, until the server is started anew
        return made


def _kept(workspace: Path, path: Path, made: bytes) -> bytes:
    """The secret of the workspace, which is now in its file: ``made``, or that of a server that was faster."""
    workspace.mkdir(parents=True, exist_ok=True)
    partial = workspace / f"{FILE}-{secrets.token_hex(6)}"
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(made)
        os.link(partial, path)  # of two servers that start at once the first one's stands
    except FileExistsError:
        if path.stat().st_size != BYTES:
            os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):  # a read-only file system refuses this too
            partial.unlink(missing_ok=True)
    return path.read_bytes()
