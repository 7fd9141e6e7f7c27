"""How far a run is: it counts images, says how long the rest will take, and stops when asked to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import Cancelled
from ..files.printing import counted, say_if_heard
from ..files.progress_line import ProgressLine
from ..runs.run import Run
from .plan import DECODE_COST, FEATURE_COST, PREDICT_COST, Plan
from .time_left import TimeLeft

HEARTBEAT = 1.0
# Kind of work → what it takes for an image, by training one.
COSTS = {"decode": DECODE_COST, "train": 1.0, "predict": PREDICT_COST, "features": FEATURE_COST}


def images_of(plan: Plan) -> dict[str, int]:
    """Kind of work → images of the whole run."""
    items = len(plan.usable)
    return {
        "decode": items,
        "train": sum(f.cost for f in plan.fits.values()),
        "predict": items * len(plan.fits),
        "features": items,
    }


class Progress:
    """The work of a run, in images.

    Parameters
    ----------
    run : gets the events.
    device : facts about the device for them, see :class:`~ltnet_core.learning.device_use.DeviceUse`.

    Attributes
    ----------
    stage : at work. stop_signal : set from outside to stop the run.
    """

    def __init__(self, run: Run, device: Callable[[], Mapping[str, Any]] = dict):
        self._run, self._device = run, device
        self.stage = "images"
        self.stop_signal = False
        self._beat = time.monotonic()
        self._left: dict[str, int] = dict.fromkeys(COSTS, 0)
        self._total = 0.0
        self._kind = "decode"
        self._rate: float | None = None
        self._time = TimeLeft(COSTS)
        self._line = ProgressLine(sys.stdout)

    def begin(self, images: Mapping[str, int], done: Mapping[str, int] | None = None) -> None:
        """Say what the run is made of, and what of it is done."""
        self._total = sum(COSTS[kind] * count for kind, count in images.items())
        self._left = {kind: count - (done or {}).get(kind, 0) for kind, count in images.items()}

    def advance(self, images: int, kind: str = "train") -> None:
        """Count finished images, tell the world now and then, and stop when asked to.

        Raises
        ------
        Cancelled
        """
        self._kind = kind
        self._left[kind] = max(self._left[kind] - images, 0)
        now = time.monotonic()
        self._time.count(kind, images, now)
        if now - self._beat < HEARTBEAT:
            return
        self._beat = now
        where = self._where(now)
        self._run.emit("progress", stage=self.stage, **where)
        self._line.show(_in_words(self.stage, where))
        self.stop_if_asked()

    def stop_if_asked(self) -> None:
        """Raise :class:`Cancelled` where somebody asked the run to stop."""
        if self.stop_signal or self._run.asked_to_stop():
            self._line.clear()
            raise Cancelled("the run was cancelled; --resume goes on from its last checkpoint.")

    def learns(self, rate: float) -> None:
        """The learning rate of the network at work."""
        self._rate = rate

    def skip(self, images: int, kind: str = "train") -> None:
        """Count work that an earlier process did, below 0 work that is done again; it tells nothing about the speed."""
        self._left[kind] = max(self._left[kind] - images, 0)

    def enter(self, stage: str, epochs: int | None = None) -> None:
        """Begin a stage, unless somebody asked the run to stop.

        Raises
        ------
        Cancelled
        """
        self.stage, self._rate = stage, None
        now = time.monotonic()
        self._time.pause()
        self._run.emit("stage", stage=stage, epochs=epochs, **self._where(now))
        self.say(f"[{time.strftime('%H:%M:%S')}] {stage}" + (f", {counted(epochs, 'epoch')}" if epochs else ""))
        self.stop_if_asked()

    def at(self, stage: str) -> None:
        """Another of the stages that were entered is at work now."""
        self.stage = stage

    def note(self, message: str) -> None:
        """Tell the user something about this run, once."""
        if not any(e["event"] == "note" and e.get("message") == message for e in self._run.events()):
            self._run.emit("note", message=message)
            self.say(f"note: {message}")

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._line.clear()
        say_if_heard(text)

    def left(self) -> str:
        """How long the rest will take, ``, 4 min left``; empty where that is not known."""
        seconds = self._time.left(self._left, time.monotonic())
        return "" if seconds is None else f", {duration(seconds)} left"

    def _where(self, now: float) -> dict[str, Any]:
        left = sum(COSTS[kind] * count for kind, count in self._left.items())
        return {
            "progress": min(max(1 - left / self._total, 0.0), 1.0) if self._total else 0.0,
            "eta_seconds": self._time.left(self._left, now),
            "images_per_second": self._time.speed(self._kind),
            "lr": self._rate,
            **self._device(),
        }


def _in_words(stage: str, where: Mapping[str, Any]) -> str:
    """Where a run is, in a line."""
    parts = [stage, f"{where['progress']:.0%}"]
    if where["images_per_second"] is not None:
        parts.append(f"{where['images_per_second']:,.0f} images/s")
    if where["eta_seconds"] is not None:
        parts.append(f"{duration(where['eta_seconds'])} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Seconds in short: ``40 s``, ``4 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
