"""What every method of aggregation returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...annotations import FloatArray


@dataclass(frozen=True)
class Estimate:
    """Truth and matrices from labels alone.

    Attributes
    ----------
    p : (N,K) distribution over the truth; a row of NaN where an item has no annotation.
    labels : (N,) most probable class, −1 where an item has no annotation.
    matrices : makes the (C,K,K) transition matrices, rows are truth.
    note : what the method decided by itself and why, in sentences; empty where it decides nothing.
    """

    p: FloatArray
    labels: NDArray[np.int32]
    matrices: Callable[[], FloatArray]
    note: str = ""
