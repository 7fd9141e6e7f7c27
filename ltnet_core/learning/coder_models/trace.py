"""Trace regularisation: of all matrices that explain the labels, the least reliable coders.

Tanno et al., *Learning from noisy labels by regularized estimation of annotator
confusion*, CVPR 2019: minimising the trace of T keeps the network, and not T, as sure
as it can be.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...annotations import FloatArray
from ..batch import Entries, WeightTable
from ..ltnet import LTNet
from ..transition import SoftmaxTransitions

STRENGTH = 0.01  # theirs


class TraceRegularised(LTNet):
    """LTNet with the paper's likelihood plus ``STRENGTH`` × the mean trace of the coders' matrices."""

    def __init__(self, base: nn.Module, start: FloatArray):
        super().__init__(base, SoftmaxTransitions(start), likelihood="separate")

    def training_loss(
        self, images: Tensor, entries: Entries | WeightTable, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        loss, log_p = super().training_loss(images, entries, generator)
        trace = self.transitions.log_t().exp().diagonal(dim1=1, dim2=2).sum(1).mean()
        return loss + STRENGTH * trace, log_p
