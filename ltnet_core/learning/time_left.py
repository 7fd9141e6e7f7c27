"""How long work of several kinds will take, from how long each kind took so far, told so that it does not jump."""

from __future__ import annotations

from collections.abc import Mapping

ENOUGH_SECONDS = 2.0  # of a kind, before its speed is believed
MEMORY_SECONDS = 60.0  # of work that the speed is measured on: older work counts ever less
SMOOTH_SECONDS = 15.0  # in which what is told follows most of what is measured


class TimeLeft:
    """Measures speeds and tells what is left.

    Parameters
    ----------
    costs : kind → what an image of it takes by one of another; stands in for a kind that was not measured yet.
    """

    def __init__(self, costs: Mapping[str, float]):
        self._costs = costs
        self._seconds = dict.fromkeys(costs, 0.0)
        self._images = dict.fromkeys(costs, 0.0)
        self._last: float | None = None
        self._estimate: tuple[float, float] | None = None  # when it was made, and its seconds

    def count(self, kind: str, images: int, now: float) -> None:
        """So many images of a kind were done since the last call; what came first after a pause is no measure."""
        if self._last is not None:
            seconds = now - self._last
            keep = max(1 - seconds / MEMORY_SECONDS, 0.0) if self._seconds[kind] > MEMORY_SECONDS else 1.0
            self._seconds[kind] = self._seconds[kind] * keep + seconds
            self._images[kind] = self._images[kind] * keep + images
        self._last = now

    def pause(self) -> None:
        """What comes now, such as building a network, is not counted."""
        self._last = None

    def speed(self, kind: str) -> float | None:
        """Images a second; None where it was not measured."""
        if self._seconds[kind] < ENOUGH_SECONDS or not self._images[kind]:
            return None
        return self._images[kind] / self._seconds[kind]

    def left(self, images: Mapping[str, int], now: float) -> float | None:
        """Seconds that so many images of each kind will take; None where no speed of network's work is known."""
        unit = self._unit()
        if unit is None:
            return None
        measured = 0.0
        for kind, count in images.items():
            speed = self.speed(kind)
            measured += count * unit * self._costs[kind] if speed is None else count / speed
        if self._estimate is None:
            smoothed = measured
        else:
            when, before = self._estimate
            expected = max(before - (now - when), 0.0)
            smoothed = expected + min((now - when) / SMOOTH_SECONDS, 1.0) * (measured - expected)
        self._estimate = now, smoothed
        return smoothed

    def _unit(self) -> float | None:
        """Seconds for an image of cost 1: of the kind with the most measured time, decoding aside."""
        known = [k for k in self._costs if k != "decode" and self.speed(k) is not None]
        if not known:
            return None
        kind = max(known, key=lambda k: self._seconds[k])
        return self._seconds[kind] / self._images[kind] / self._costs[kind]
