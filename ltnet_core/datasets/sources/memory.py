"""Whether a file that is read as a whole fits into the memory that is free."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from ...errors import DatasetError
from ...files.writing import amount

SMALL = 64 * 1024**2
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def require_memory(size: int, name: str) -> None:
    """Refuse a file of ``size`` bytes that is larger than the free memory.

    Raises
    ------
    DatasetError
    """
    if size > SMALL and size > (free := free_memory()):
        raise DatasetError(
            f"has {amount(size)} that must be read at once, and {amount(free)} of memory are free; split the file, or "
            "read it where there is more memory.",
            file=name,
        )


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, or of its container where that has less."""
    try:
        available = re.search(r"MemAvailable:\s+(\d+) kB", MEMINFO.read_text())
    except OSError:
        available = None
    free = int(available[1]) * 1024 if available else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit: "max"
        most, used = (int((CGROUP / f"memory.{part}").read_text()) for part in ("max", "current"))
        free = min(free, max(0, most - used))
    return free
