"""Tokens of the browser's own requests, which no other site can know.

A token follows from the run's name and a secret that lies in the workspace, so that an open
page goes on working when the server was started anew.
"""

from __future__ import annotations

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
    try:
        kept = path.read_bytes()
        if len(kept) == BYTES:
            return kept
    except FileNotFoundError:
        pass
    workspace.mkdir(parents=True, exist_ok=True)
    partial = workspace / f"{FILE}-{secrets.token_hex(6)}"
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
        f.write(secrets.token_bytes(BYTES))
    try:
        os.link(partial, path)  # of two servers that start at once the first one's stands
    except FileExistsError:
        if path.stat().st_size != BYTES:
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path.read_bytes()
