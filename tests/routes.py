"""Every route of the app, as the app itself lists them; run as a script, it prints them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
METHODS = ["GET", "POST"]  # for what takes any method


def listed(workspace: Path) -> list[tuple[str, str]]:
    """(method, path with its parameters in braces); the method of a websocket is ``WEBSOCKET``."""
    done = subprocess.run(
        [sys.executable, __file__],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "LTNET_WORKSPACE": str(workspace), "PYTHONPATH": str(ROOT)},
    )
    return [(method, path) for method, path in json.loads(done.stdout)]


def filled(path: str, /, **values: str) -> str:
    """The path with its parameters filled in, ``x`` where no value is given."""
    return re.sub(r"{(\w+)(:\w+)?}", lambda m: values.get(m[1], "x"), path)


def _walk(routes: Any, prefix: str = "") -> list[tuple[str, str]]:
    below: list[tuple[str, str]] = []
    for route in routes:
        path = prefix + route.path
        inner = getattr(getattr(route, "app", None), "routes", None)
        if type(route).__name__ == "WebSocketRoute":
            below.append(("WEBSOCKET", path))
        elif inner:
            below += _walk(inner, path)
        elif hasattr(route, "methods"):
            below += [(method, path) for method in sorted(route.methods or METHODS)]
        else:  # files below a folder
            below += [(method, path.rstrip("/") + "/{path}") for method in METHODS]
    return below


if __name__ == "__main__":
    from app import app

    print(json.dumps(_walk(app._build_starlette_app().routes)))
