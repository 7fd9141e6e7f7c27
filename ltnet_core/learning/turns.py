"""Trainings that take turns: each is a generator that yields after a step, and draws from generators of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

Result = TypeVar("Result")

# Yields whether it has to wait until no other training is at work, because the memory was not enough for both; where it
# is sent True, it writes a checkpoint of what it has and yields the same again.
Turns = Generator[bool, bool | None, Result]


def finished(turns: Turns[Result]) -> Result:
    """The result of a training that is at work alone."""
    while True:
        try:
            next(turns)
        except StopIteration as e:
            result: Result = e.value
            return result


class OwnDraws:
    """States of PyTorch's own generators that belong to one training.

    Dropout takes no generator: it draws from that of the process, which several trainings would share. ``beside``
    others a GPU's generator is exchanged and not only its state: a captured step reads its seed from the device's
    memory, where the next training would write already.
    """

    def __init__(self, device: torch.device, beside: bool = False):
        self._device, self._beside = device, beside
        self._cpu = torch.get_rng_state()
        if device.type == "cuda":
            self._own = torch.Generator(device)
            self._gpu = self._own.get_state()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within, PyTorch draws from these; what it draws from outside stays as it is."""
        outside = torch.get_rng_state()
        torch.set_rng_state(self._cpu)
        try:
            with self._on_gpu():
                yield
        finally:
            self._cpu = torch.get_rng_state()
            torch.set_rng_state(outside)

    @contextmanager
    def _on_gpu(self) -> Iterator[None]:
        if self._device.type != "cuda":
            yield
            return
        default = torch.cuda.default_generators[self._device.index or 0]
        if self._beside:
            outside = default.graphsafe_get_state()
            default.graphsafe_set_state(self._own)
            try:
                yield
            finally:
                default.graphsafe_set_state(outside)
            return
        state = default.get_state()
        default.set_state(self._gpu)
        try:
            yield
        finally:
            self._gpu = default.get_state()
            default.set_state(state)
