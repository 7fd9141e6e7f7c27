"""The headers that keep other sites' pages, and other people's caches, out of every answer."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from starlette.datastructures import MutableHeaders
from streamlit import file_util

from ui.first_paint import SCRIPTS


def _hashes(page: Path) -> str:
    """Sources that allow the scripts which are written out in a page, and those that are added to it."""
    scripts = [*re.findall(rb"<script>(.*?)</script>", page.read_bytes(), re.DOTALL), SCRIPTS]
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s).digest()).decode()}'" for s in scripts)


# Streamlit imports the code of components from blob: addresses and styles elements by script; it draws icons and
# images from data: and blob: addresses. Nothing comes from another server, and nothing is evaluated from text.
POLICY = {
    "default-src": "'none'",
    "script-src": f"'self' blob: {_hashes(Path(file_util.get_static_dir(), 'index.html'))}",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
SAFE = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Where a route does not say otherwise. The sign-in form needs its own: with no-referrer a browser hides its origin.
DEFAULTS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def secure(headers: MutableHeaders) -> None:
    """Add them to the headers of an answer."""
    for name, value in SAFE.items():
        headers[name] = value
    for name, value in DEFAULTS.items():
        headers.setdefault(name, value)
