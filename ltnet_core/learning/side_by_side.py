"""Networks that do not need each other, trained side by side on one GPU where that is faster, else in order.

A small network leaves most of a GPU idle. Here each training has a stream of its own, and one loop gives every one of
them a step in its turn: the GPU works on all of them at once. What a network learns is the same in either way.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch

from ..errors import LTNetError
from .devices import free_memory
from .turns import Turns

Result = TypeVar("Result")

MOST = 4  # networks at a time
WARM_UP = 8  # turns, in which a step is captured and the memory is got
TIMED = 20  # turns of each network in either way, in a round
ROUNDS = 3
GAIN = 0.95  # of the time in order that side by side may take, to be chosen


def why_in_order(device: torch.device, processes: int) -> str | None:
    """Why so many processes cannot train networks side by side on devices of this kind; None where they can."""
    if processes > 1:
        return "the processes share every batch"
    return "one of them fills a CPU's cores" if device.type == "cpu" else None


@dataclass
class _Training(Generic[Result]):
    """A network that takes turns, with its stream on a GPU."""

    stage: str
    turns: Turns[Result]
    stream: torch.cuda.Stream | None = field(default=None)
    begun: bool = False


class SideBySide(Generic[Result]):
    """Trains several networks on one device.

    Parameters
    ----------
    device : of all of them. at_work : gets the stage whose turn begins. note : gets what the user should know.
    together : whether they train side by side; None lets a measurement decide on a GPU, and takes them in order on a
        CPU, whose cores one training fills.

    Attributes
    ----------
    results : stage → what its training returned.
    """

    def __init__(
        self,
        device: torch.device,
        at_work: Callable[[str], None] = lambda stage: None,
        note: Callable[[str], None] = lambda message: None,
        together: bool | None = None,
    ):
        self._device, self._at_work, self._note = device, at_work, note
        self._measures = together is None and device.type == "cuda"
        self._room = MOST if together or self._measures else 1
        self._streams = False  # whether each has its own
        self._active: list[_Training[Result]] = []
        self._queue: deque[_Training[Result]] = deque()
        self.results: dict[str, Result] = {}

    @property
    def others(self) -> int:
        """How many networks are at work beside the one whose turn it is."""
        return max(len(self._active) - 1, 0)

    def run(self, trainings: Mapping[str, Turns[Result]]) -> dict[str, Result]:
        """Train all of them, stage → turns; returns stage → result.

        Where one fails or is cancelled, the others write a checkpoint first.
        """
        self._queue.extend(_Training(stage, turns) for stage, turns in trainings.items())
        self._streams = self._device.type == "cuda" and self._room > 1 and len(self._queue) > 1
        try:
            self._fill()
            if self._measures and len(self._active) > 1:
                self._choose()
            while self._active:
                self._round()
                self._fill()
        except LTNetError:
            for other in (o for o in (*self._active, *self._queue) if o.begun):
                with contextlib.suppress(LTNetError), self._on_stream(other):  # why the run stops is told
                    other.turns.send(True)
            raise
        finally:
            self._active.clear()
            self._queue.clear()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            free_memory(self._device)
        return self.results

    def _fill(self) -> None:
        while self._queue and len(self._active) < self._room:
            self._active.append(self._queue.popleft())

    def _round(self, turns: int = 1) -> None:
        """So many turns of every network at work."""
        for _ in range(turns):
            for training in tuple(self._active):
                self._turn(training)

    def _turn(self, training: _Training[Result]) -> None:
        """One turn, after which the network may be done, or wait for the memory of the others."""
        self._at_work(training.stage)
        training.begun = True
        try:
            with self._on_stream(training):
                waits = next(training.turns)
        except StopIteration as e:
            self.results[training.stage] = e.value
            self._active.remove(training)
            return
        except BaseException:
            self._active.remove(training)
            raise
        if waits and self.others:
            self._active.remove(training)
            self._queue.appendleft(training)
            self._room = len(self._active)

    @contextlib.contextmanager
    def _on_stream(self, training: _Training[Result]) -> Iterator[None]:
        if not self._streams:
            yield
            return
        if training.stream is None:
            training.stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
            training.stream.wait_stream(torch.cuda.current_stream(self._device))  # for what all of them read
        with torch.cuda.stream(training.stream):
            yield

    # ---- the choice

    def _choose(self) -> None:
        """Time some steps in both ways, which are steps of the training in either case."""
        at_work = tuple(self._active)
        self._round(WARM_UP)
        in_order, together = [], []
        for _ in range(ROUNDS):
            in_order.append(self._seconds(self._in_order))
            together.append(self._seconds(lambda: self._round(TIMED)))
            if tuple(self._active) != at_work:
                return  # too little work to choose by, or too little memory, which has chosen
        before, beside = statistics.median(in_order), statistics.median(together)
        stays = beside <= GAIN * before
        if not stays:
            self._room = 1
            self._queue.extendleft(reversed(self._active[1:]))
            del self._active[1:]
        self._note(
            f"{len(at_work)} networks train {'side by side' if stays else 'one after the other'}: {TIMED} steps of "
            f"each took {beside:.2f} s side by side and {before:.2f} s in order."
        )

    def _in_order(self) -> None:
        for training in tuple(self._active):
            for _ in range(TIMED):
                if training in self._active:
                    self._turn(training)
            self._wait()

    def _seconds(self, work: Callable[[], None]) -> float:
        self._wait()
        began = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - began

    def _wait(self) -> None:
        """Until the device has done what was asked of it."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
