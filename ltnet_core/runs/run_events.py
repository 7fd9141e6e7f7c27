"""The events of a run; malformed and torn lines are left out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import LTNetError
from ..files.reading import loads, reading, require_file
from ..files.shapes import mismatch

MOST_BYTES = 32 * 1024**2  # of a longer file the first and the last half of that are read
LONGEST_LINE = 1024**2
TAIL_BYTES = 256 * 1024
FIELDS: dict[str, Any] = {
    "event": str,
    "time": float,
    "stage": str,
    "stages": list[str],
    "message": str,
    "device": str,
    "epoch": int,
    "epochs": int | None,
    "best_epoch": int,
    "progress": float,
    "eta_seconds": float | None,
    "images_per_second": float | None,
    "device_memory": int | None,
    "device_memory_total": int | None,
    "device_utilisation": float | None,
    "lr": float | None,
    "batch_size": int,
    "seconds": float,
    "train_loss": float,
    "train_agreement": float | None,
    "validation_loss": float | None,
    "validation_agreement": float | None,
}
RANGES = {
    "time": (0.0, 1e11),
    "epoch": (0, 10**9),
    "epochs": (0, 10**9),
    "best_epoch": (0, 10**9),
    "progress": (0.0, 1.0),
    "eta_seconds": (0.0, 1e10),
    "images_per_second": (0.0, 1e10),
    "device_memory": (0, 2**60),
    "device_memory_total": (0, 2**60),
    "device_utilisation": (0.0, 1.0),
    "lr": (0.0, 1e6),
    "batch_size": (1, 10**9),
    "seconds": (0.0, 1e10),
}
NEEDED = {"stage": ("stage",), "epoch": ("stage", "epoch"), "plan": ("stages",), "progress": ("progress",)}


def read_events(path: Path) -> tuple[list[dict[str, Any]], str | None]:
    """The events of a file, and a sentence where nothing of it can be read.

    A line that is no event, or that has a value no trainer writes, is left out: a killed trainer leaves
    a torn line, and one odd line must not cost the others.
    """
    if not os.path.lexists(path):
        return [], None
    try:
        lines = _lines(path)
    except LTNetError as e:
        return [], str(e)
    events = [event for line in lines if (event := _event(line)) is not None]
    if not events and any(line.strip() for line in lines):
        return [], f"no line of {str(path)!r} is an event; the progress of the run is not known."
    return events, None


def tail(path: Path, lines: int) -> str:
    """The last lines of a text file, of which at most 256 kB are read; empty where there is none.

    Raises
    ------
    RunError
        it cannot be read.
    """
    if not os.path.lexists(path):
        return ""
    size = require_file(path).st_size
    with reading(path), open(path, "rb") as f:
        f.seek(max(size - TAIL_BYTES, 0))
        text = f.read(TAIL_BYTES).decode(errors="replace")
    shown = "".join(c if c.isprintable() or c in "\r\n\t" else "\ufffd" for c in text)
    return "\n".join(shown.splitlines()[-lines:])


def _lines(path: Path) -> list[bytes]:
    size = require_file(path).st_size
    with reading(path), open(path, "rb") as f:
        if size <= MOST_BYTES:
            return f.read(MOST_BYTES).split(b"\n")
        first = f.read(MOST_BYTES // 2).split(b"\n")
        f.seek(-(MOST_BYTES // 2), os.SEEK_END)
        return [*first[:-1], *f.read(MOST_BYTES // 2).split(b"\n")[1:]]


def _event(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{") or len(line) > LONGEST_LINE:
        return None
    try:
        event: dict[str, Any] = loads(line.decode())
    except (ValueError, RecursionError):
        return None
    needed = ("event", "time", *NEEDED.get(event["event"], ())) if isinstance(event.get("event"), str) else ("event",)
    if any(name not in event for name in needed):
        return None
    for name in FIELDS.keys() & event.keys():
        if mismatch(event[name], FIELDS[name]) is not None:
            return None
        low, high = RANGES.get(name, (-1e30, 1e30))
        if isinstance(event[name], int | float) and not low <= event[name] <= high:
            return None
    return event
