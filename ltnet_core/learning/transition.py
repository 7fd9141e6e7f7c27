"""Transition matrices: parametrisation, initialisation, algebra.

``T[c,k,l]`` = P(coder c says l | truth is k), shape (C,K,K), rows sum to 1.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..annotations import FloatArray
from ..errors import OptionError

FLOOR = 1e-6
CERTAIN = -30.0  # log T[c,k,l], k ≠ l, of a coder whose labels are the truth


class SoftmaxTransitions(nn.Module):
    """T as a row-softmax of free logits, started at given matrices.

    The labels of coders ``certain`` (C,) are the truth: their T is the identity and is not trained.
    """

    def __init__(self, start: FloatArray, certain: NDArray[np.bool_] | None = None):
        super().__init__()
        check(start)
        floored = np.maximum(start, FLOOR)
        self.logits = nn.Parameter(torch.tensor(np.log(floored / floored.sum(-1, keepdims=True)), dtype=torch.float32))
        c, k, _ = start.shape
        mask = torch.zeros(c, dtype=torch.bool) if certain is None else torch.tensor(certain)
        self.certain: Tensor
        self.register_buffer("certain", mask[:, None, None], persistent=False)
        self._some_certain = bool(mask.any())
        self.identity: Tensor
        self.register_buffer("identity", CERTAIN * (1 - torch.eye(k)), persistent=False)

    def log_t(self) -> Tensor:
        """(C,K,K) log T."""
        log_t = torch.log_softmax(self.logits, dim=-1)
        return torch.where(self.certain, self.identity, log_t) if self._some_certain else log_t


class ClampedTransitions(nn.Module):
    """T as the authors' release has it: a free matrix, negatives raised to a floor, rows renormalised."""

    def __init__(self, start: FloatArray, floor: float):
        super().__init__()
        check(start)
        self.cells = nn.Parameter(torch.tensor(start, dtype=torch.float32))
        self.floor = floor

    def log_t(self) -> Tensor:
        """(C,K,K) log T."""
        cells = self.cells.clamp_min(self.floor)
        return (cells / cells.sum(-1, keepdim=True)).log()


def check(matrices: FloatArray) -> None:
    """Raise OptionError unless ``matrices`` is (C,K,K), non-negative, rows summing to 1."""
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2]:
        raise OptionError(f"transition matrices must have shape (C,K,K), got {matrices.shape}.")
    if matrices.size and (matrices.min() < 0 or not np.allclose(matrices.sum(-1), 1, atol=1e-4)):
        raise OptionError("rows of transition matrices must be probabilities that sum to 1.")


def near_identity(coders: int, classes: int, diagonal: float) -> FloatArray:
    """(C,K,K) matrices with ``diagonal`` on the diagonal and the rest spread evenly.

    The diagonal is stated as a probability on purpose: identity *logits* under a
    softmax would give only .23 at K = 10.
    """
    if not 0 < diagonal <= 1:
        raise OptionError(f"diagonal must lie in (0, 1], got {diagonal}.")
    off_diagonal = (1 - diagonal) / max(classes - 1, 1)
    one = np.full((classes, classes), off_diagonal)
    np.fill_diagonal(one, diagonal)
    return np.repeat(one[None], coders, axis=0)


def log_predict(log_p: Tensor, log_t: Tensor) -> Tensor:
    """(B,K) log p and (C,K,L) log T → (B,C,L) log p·T, by logsumexp."""
    return torch.logsumexp(log_p[:, None, :, None] + log_t[None], dim=2)
