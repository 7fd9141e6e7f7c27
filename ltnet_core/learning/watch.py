"""How the work on a network tells the outside what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]


@dataclass
class Watch:
    """How a fit tells the outside what it does: ``step`` after every batch, ``epoch`` after every epoch.

    ``step`` may raise :class:`~ltnet_core.errors.Cancelled` to stop the work; ``skip``
    counts images that an earlier, interrupted fit has trained already, below 0 those that are trained again.
    ``rate`` gets the learning rate of the network at every step, ``note`` what the user should know. ``others`` tells
    how many other networks are at work on the device.
    """

    step: Callable[[int], None] = lambda images: None
    epoch: Callable[[Record], None] = lambda record: None
    skip: Callable[[int], None] = lambda images: None
    rate: Callable[[float], None] = lambda rate: None
    note: Callable[[str], None] = lambda message: None
    others: Callable[[], int] = lambda: 0
