"""How far a run is: it counts its work, tells how long the rest will take, and stops when asked to."""

from __future__ import annotations

import time
from typing import Any

from .errors import Cancelled
from .printing import say
from .runs import Run

HEARTBEAT = 1.0


class Progress:
    """The work of a run, in images trained on once.

    Attributes
    ----------
    done, total : work. stage : at work. stop_signal : set from outside to stop the run.
    """

    def __init__(self, run: Run):
        self._run = run
        self.stage = "images"
        self.done = self.total = 0.0
        self.stop_signal = False
        self._began = self._beat = time.monotonic()
        self._done_at_start: float | None = None

    def begin(self, total: float, done: float) -> None:
        """From now on the speed is measured: ``done`` of ``total`` is no measure of it."""
        self.total, self.done = total, done
        self._began, self._done_at_start = time.monotonic(), done

    def advance(self, work: float) -> None:
        """Count finished work, tell the world now and then, and stop when asked to.

        Raises
        ------
        Cancelled
        """
        self.done += work
        now = time.monotonic()
        if now - self._beat < HEARTBEAT:
            return
        self._beat = now
        self._run.emit("progress", stage=self.stage, **self._where())
        self.stop_if_asked("the run was cancelled; --resume goes on from its last checkpoint.")

    def stop_if_asked(self, message: str) -> None:
        """Raise :class:`Cancelled` where somebody asked the run to stop."""
        if self.stop_signal or self._run.asked_to_stop():
            raise Cancelled(message)

    def skip(self, work: float) -> None:
        """Count work that an earlier process did; it says nothing about today's speed."""
        self.done += work
        self._done_at_start = (self._done_at_start or 0.0) + work

    def enter(self, stage: str, epochs: int | None = None) -> None:
        """Begin a stage."""
        self.stage = stage
        self._run.emit("stage", stage=stage, epochs=epochs, **self._where())
        say(f"[{time.strftime('%H:%M:%S')}] {stage}" + (f", {epochs} epochs" if epochs else ""))

    def note(self, message: str) -> None:
        """Tell the user something about this run, once."""
        if not any(e["event"] == "note" and e.get("message") == message for e in self._run.events()):
            self._run.emit("note", message=message)
            say(f"note: {message}")

    def _where(self) -> dict[str, Any]:
        progress = min(self.done / self.total, 1.0) if self.total else 0.0
        eta = None
        if self._done_at_start is not None and self.done > self._done_at_start:
            elapsed = time.monotonic() - self._began
            eta = elapsed * max(self.total - self.done, 0.0) / (self.done - self._done_at_start)
        return {"progress": progress, "eta_seconds": eta}
