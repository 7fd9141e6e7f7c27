"""Noise adaptation layer: one transition matrix for all labels, whoever gave them.

Goldberger and Ben-Reuven, *Training deep neural networks using a noise adaptation
layer*, ICLR 2017, the simple variant. It starts, as theirs does, from a network trained
on the labels as they are and from what that network is given where it says k.
"""

from __future__ import annotations

from torch import Tensor, nn

from ...annotations import FloatArray
from ..ltnet import LTNet
from ..transition import SoftmaxTransitions


class SharedTransitions(SoftmaxTransitions):
    """One matrix that every one of C coders has."""

    def __init__(self, start: FloatArray, coders: int):
        super().__init__(start[None])
        self.coders = coders

    def log_t(self) -> Tensor:
        """(C,K,K) log T, all alike."""
        return super().log_t().expand(self.coders, -1, -1)


def noise_adaptation(base: nn.Module, start: FloatArray, coders: int) -> LTNet:
    """LTNet with one shared matrix, started at ``start`` (K,K)."""
    return LTNet(base, SharedTransitions(start, coders), likelihood="separate")
