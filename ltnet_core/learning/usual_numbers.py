"""PyTorch and NumPy as they are by default, whatever the caller's program has set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def usual_numbers() -> Iterator[None]:
    """Within: gradients are recorded, new tensors are of 32 bits, and an underflow is no error. Also a decorator."""
    kind = torch.get_default_dtype()
    if kind != torch.float32:
        torch.set_default_dtype(torch.float32)
    try:
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        ):
            yield
    finally:
        if kind != torch.float32:
            torch.set_default_dtype(kind)
