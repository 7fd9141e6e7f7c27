"""Crowd layer: one free matrix per coder on top of the softmax, trained with the network.

Rodrigues and Pereira, *Deep Learning from Crowds*, AAAI 2018, the variant with a full
matrix per annotator (MW), from identity.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...annotations import FloatArray
from ..batch import Entries
from ..ltnet import Classifier, as_matrices


class CrowdLayer(Classifier):
    """log P(coder c says l) = log softmax(p · W[c])[l], W free, (C,K,K)."""

    def __init__(self, base: nn.Module, coders: int, classes: int):
        super().__init__(base)
        self.weights = nn.Parameter(torch.eye(classes).repeat(coders, 1, 1))

    def log_q_of_annotations(self, log_p: Tensor, entries: Entries) -> Tensor:
        return self.log_q(log_p)[entries.row, entries.coder, entries.label]

    def log_q(self, log_p: Tensor) -> Tensor:
        return torch.log_softmax(torch.einsum("bk,ckl->bcl", log_p.exp(), self.weights), dim=2)

    def matrices(self) -> FloatArray:
        """What each coder says of an image that is surely k; W itself is no probability."""
        return as_matrices(torch.log_softmax(self.weights, dim=2))
