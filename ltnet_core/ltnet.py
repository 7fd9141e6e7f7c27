"""LTNet: a base network whose softmax is the latent truth p, and p·T for every coder.

Zeng, Shan and Chen, *Facial Expression Recognition with Inconsistently Annotated
Datasets*, ECCV 2018, doi:10.1007/978-3-030-01261-8_14.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .transition import ClampedTransitions, SoftmaxTransitions, log_predict


@dataclass(frozen=True)
class Entries:
    """The annotations of one batch, as (E,) tensors.

    ``row`` is the image's place in the batch; ``weight`` is count × coder weight.
    """

    row: Tensor
    coder: Tensor
    label: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Entries:
        return Entries(*(t.to(device, non_blocking=True) for t in (self.row, self.coder, self.label, self.weight)))


class LTNet(nn.Module):
    """Base network plus transition matrices.

    Without ``transitions`` every coder is taken at its word (T = identity): that is
    an ordinary classifier, and how coders' own networks and the mixture are trained.

    ``double_softmax`` repeats the authors' release, which feeds p·T to a softmax
    cross-entropy; such a T is no probability. Only the ``paper`` preset sets it.
    """

    def __init__(
        self,
        base: nn.Module,
        transitions: SoftmaxTransitions | ClampedTransitions | None = None,
        double_softmax: bool = False,
    ):
        super().__init__()
        self.base = base
        self.transitions = transitions
        self.double_softmax = double_softmax

    def forward(self, images: Tensor) -> Tensor:
        """(B,channels,S,S) → (B,K) log p."""
        return torch.log_softmax(self.base(images).float(), dim=1)

    def log_predictions(self, log_p: Tensor, entries: Entries) -> Tensor:
        """(E,) log probability that each annotation's coder says what it said."""
        if self.transitions is None:
            return log_p[entries.row, entries.label]
        log_t = self.transitions.log_t()
        if self.double_softmax:
            said = torch.log_softmax(log_predict(log_p, log_t).exp(), dim=2)
            return said[entries.row, entries.coder, entries.label]
        # Σ_k p[k] T[c,k,l] by logsumexp: the product of raw probabilities would underflow for confident networks.
        return torch.logsumexp(log_p[entries.row] + log_t[entries.coder, :, entries.label], dim=1)

    def loss(self, log_p: Tensor, entries: Entries) -> Tensor:
        """−Σ w log (p·T)[label] / Σ w over the annotations present; 0 where there are none."""
        total = entries.weight.sum()
        if not len(entries.row):
            return log_p.sum() * 0
        return -(entries.weight * self.log_predictions(log_p, entries)).sum() / total
