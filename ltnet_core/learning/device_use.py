"""What a run takes of its device: memory, and the share of the time in which the device works."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch

from ..images.decoding_pool import cores


class DeviceUse:
    """Facts for the events of a run; each is None where it cannot be known."""

    def __init__(self, device: torch.device):
        self._device = device
        self._measured = time.process_time(), time.monotonic()
        self._counts = True  # whether the GPU's driver counts its work

    @property
    def memory(self) -> int | None:
        """Bytes of the device's memory."""
        if self._device.type == "cuda":
            return int(torch.cuda.get_device_properties(self._device).total_memory)
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))

    def now(self) -> dict[str, Any]:
        """``device_memory``: bytes that this process took; ``device_utilisation``: share of the time, since the last
        call, in which the device worked, on a CPU for this process and as a mean over the cores it may use."""
        if self._device.type == "cuda":
            return {
                "device_memory": torch.cuda.memory_reserved(self._device),
                "device_utilisation": self._of_gpu(),
            }
        return {"device_memory": _own(), "device_utilisation": self._of_cpu()}

    def _of_cpu(self) -> float | None:
        worked, now = time.process_time(), time.monotonic()
        before, then = self._measured
        self._measured = worked, now
        return min((worked - before) / (now - then) / cores(), 1.0) if now > then else None

    def _of_gpu(self) -> float | None:
        if not self._counts:
            return None
        try:
            import pynvml
        except ModuleNotFoundError:  # a machine may have PyTorch without it, and the number is only looked at
            self._counts = False
            return None
        try:
            return float(torch.cuda.utilization(self._device)) / 100
        except (pynvml.NVMLError, RuntimeError):
            self._counts = False
            return None


def _own() -> int | None:
    """Bytes of the machine's memory that this process alone holds.

    Pages of a file, as those of decoded images, are not among them: the system takes them back when it needs them.
    """
    try:
        resident, shared = Path("/proc/self/statm").read_text(encoding="ascii").split()[1:3]
    except OSError:
        return None
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
