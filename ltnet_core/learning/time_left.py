"""The time that work of several kinds will take, from the measured speed of each kind, smoothed."""

from __future__ import annotations

from collections.abc import Mapping

ENOUGH_SECONDS = 2.0  # of a kind, before its speed is believed
MEMORY_SECONDS = 60.0  # of work that the speed is measured on: older work counts ever less
SMOOTH_SECONDS = 15.0  # time constant of the smoothing


class TimeLeft:
    """Measures speeds and estimates the time left.

    Parameters
    ----------
    costs : kind → relative cost of an image; used for a kind that was not measured yet.
    """

    def __init__(self, costs: Mapping[str, float]):
        self._costs = costs
        self._seconds = dict.fromkeys(costs, 0.0)
        self._images = dict.fromkeys(costs, 0.0)
        self._last: float | None = None
        self._estimate: tuple[float, float] | None = None  # when it was made, and its seconds

    def count(self, kind: str, images: int, now: float) -> None:
        """Count images of a kind that were done since the last call; the first call after a pause measures nothing."""
        if self._last is not None:
            seconds = now - self._last
            keep = max(1 - seconds / MEMORY_SECONDS, 0.0) if self._seconds[kind] > MEMORY_SECONDS else 1.0
            self._seconds[kind] = self._seconds[kind] * keep + seconds
            self._images[kind] = self._images[kind] * keep + images
        self._last = now

    def pause(self) -> None:
        """Do not count the time until the next :meth:`count`, such as that of building a network."""
        self._last = None

    def speed(self, kind: str) -> float | None:
        """Images a second; None where it was not measured."""
        if self._seconds[kind] < ENOUGH_SECONDS or not self._images[kind]:
            return None
        return self._images[kind] / self._seconds[kind]

    def left(self, images: Mapping[str, int], now: float) -> float | None:
        """Seconds that ``images`` (kind → number) will take; None where no speed of a network is known."""
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
