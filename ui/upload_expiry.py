"""Uploads that nobody will finish are removed: when the server starts, and as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ltnet_core.errors import LTNetError
from ui import http, quotas
from ui.uploads import DISCARDED, abandoned, discard, incoming, purpose_of, remove_upload
from ui.workspace import datasets_folder

EVERY_SECONDS = 60.0
HOUR = 3600.0
log = logging.getLogger(__name__)


def sweep() -> None:
    """Remove the uploads that have expired or were abandoned, and what a killed server left half removed.

    A dataset's upload expires when nobody has sent anything for ``LTNET_UPLOAD_DAYS``; one of which nothing has come,
    and images to predict, after an hour.

    Raises
    ------
    UploadError
        500: LTNET_UPLOAD_DAYS is no number.
    """
    while abandoned:
        discard(abandoned.popleft())
    keep = quotas.limits().keep_seconds
    parent = datasets_folder()
    if not parent.is_dir():
        return
    for folder in parent.glob(DISCARDED + "*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in incoming():
        if time.time() - _last_heard(folder) > _kept_for(folder, keep):
            remove_upload(folder)


def _kept_for(folder: Path, keep: float) -> float:
    match purpose_of(folder):
        case "images":
            return HOUR
        case "dataset":
            return keep if quotas.usage(folder).entries else min(HOUR, keep)
        case _:  # a dataset that was being made when the server was killed
            return 24 * HOUR


def _last_heard(folder: Path) -> float:
    times = []
    for path in (folder, folder / "upload.json", folder / "about.json"):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times, default=time.time())


@asynccontextmanager
async def sweeping() -> AsyncIterator[None]:
    """Sweep now, and again and again until the server stops."""
    task = asyncio.create_task(_again_and_again())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _again_and_again() -> None:
    while True:
        try:
            await http.in_thread(sweep)
        except (LTNetError, OSError) as e:
            log.warning("Expired uploads could not be removed: %s", e)
        await asyncio.sleep(EVERY_SECONDS)
