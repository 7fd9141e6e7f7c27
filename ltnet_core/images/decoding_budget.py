"""One budget of bytes for all images that a process decodes at the same time.

Whoever wants to decode waits until there is room, first come, first served, so that any number of requests takes
time and not memory. An image that needs more than the whole budget waits until it is alone.
"""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

BUDGET_BYTES = 512 * 1024**2


class Room:
    """Bytes that were granted; they are given back at the end of :meth:`DecodingBudget.room`."""

    def __init__(self, budget: DecodingBudget, size: int):
        self._budget, self.size = budget, size

    def grow(self, size: int) -> bool:
        """Take ``size`` bytes in all if there is room for them now.

        It never waits: who waited while holding bytes could wait for somebody who waits for those.
        """
        if size > self.size:
            if not self._budget.add(size - self.size, self.size):
                return False
            self.size = size
        return True


class DecodingBudget:
    """Bytes to share between threads.

    Parameters
    ----------
    most : how many may be taken at the same time; one who needs more takes all of them.
    """

    def __init__(self, most: int):
        self.most = most
        self._taken = 0
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @property
    def taken(self) -> int:
        """Bytes in use."""
        return self._taken

    @contextmanager
    def room(self, size: int) -> Iterator[Room]:
        """Wait for ``size`` bytes and hold them for the block. A thread must not ask twice at a time."""
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is turn and self._fits(size))
                self._taken += size
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
        room = Room(self, size)
        try:
            yield room
        finally:
            with self._changed:
                self._taken -= room.size
                self._changed.notify_all()

    def add(self, more: int, held: int) -> bool:
        """Take ``more`` bytes besides the ``held`` ones, without waiting; False where there is no room."""
        with self._changed:
            if not self._fits(more, held):
                return False
            self._taken += more
            return True

    def _fits(self, more: int, held: int = 0) -> bool:
        return self._taken + more <= self.most or self._taken == held


def return_free_memory() -> None:
    """Give what is free back to the operating system, where the C library can.

    glibc keeps what each thread has freed for that thread, so that memory would grow with the number of threads.
    """
    if _trim is not None:
        _trim(0)


_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

budget = DecodingBudget(BUDGET_BYTES)
"""The budget of this process."""
