"""Which device to train on, by name, and the queue in front of a GPU."""

from __future__ import annotations

import ctypes
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..errors import OptionError
from ..files.locking import try_lock
from ..images.decoding_pool import cores

# PyTorch's CPU allocator raises a bare RuntimeError.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "Cannot allocate memory", "ALLOC_FAILED")

# Of the C library, see mallopt(3).
_mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
LARGEST_KEPT, MOST_KEPT = 2**25, 2**30  # bytes of one block, the most that it allows, and of all at the heap's end


def processor_name() -> str:
    """The processor's name as its maker writes it, or the architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def list_devices() -> list[dict[str, Any]]:
    """Every device that can train, GPUs first: ``{"id", "kind", "name", "cores" or "memory_gib"}``."""
    devices: list[dict[str, Any]] = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            devices.append(
                {
                    "id": f"cuda:{index}",
                    "kind": "cuda",
                    "name": facts.name,
                    "memory_gib": round(facts.total_memory / 2**30),
                }
            )
    devices.append({"id": "cpu", "kind": "cpu", "name": processor_name(), "cores": cores()})
    return devices


def choose_device(wanted: str) -> torch.device:
    """``auto`` (first GPU, else CPU), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    OptionError
        a GPU is asked for and there is none.
    """
    if wanted == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise OptionError(f"unknown device {wanted!r}; use auto, cpu, cuda or cuda:N.") from None
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise OptionError(f"device {wanted!r} is not supported; use auto, cpu, cuda or cuda:N.")
    if not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
        raise OptionError(f"device {wanted!r} was asked for, but PyTorch finds {torch.cuda.device_count()} GPUs here.")
    return torch.device("cuda", device.index or 0)


def trains_in_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether a network's layers work in bfloat16 while it trains, for a ``precision`` of a run's settings."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return precision == "bfloat16"


def is_out_of_memory(e: BaseException) -> bool:
    """Whether an error says that the memory of the machine or of its GPU is not enough."""
    if isinstance(e, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(e, RuntimeError | OSError) and any(words in str(e) for words in _NO_MEMORY)


def keep_freed_memory() -> None:
    """Have the C library keep what a step frees for the next step.

    By itself it gives tens of megabytes back to the system after a step, where nothing lies above them by chance, and
    gets them again, filled with zeros, in the next: up to a quarter of a small network's time.
    """
    if _mallopt is not None:
        _mallopt(_MMAP_THRESHOLD, LARGEST_KEPT)
        _mallopt(_TRIM_THRESHOLD, MOST_KEPT)


def free_memory(device: torch.device) -> None:
    """Give memory of a GPU back that nothing uses any more."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def reserve(device: torch.device, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a GPU's lock file while training, so that runs on one GPU queue; a CPU is shared.

    ``waiting`` is called before the first wait and then every second; it may raise to give up.
    """
    if device.type != "cuda":
        yield
        return
    path = Path(tempfile.gettempdir()) / f"ltnet-studio-{os.getuid()}-gpu{device.index}.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not try_lock(fd):
            waiting()
            time.sleep(1)
        yield
    finally:
        os.close(fd)
