"""LTNet: a base network whose softmax is the latent truth p, and what every coder makes of it, p·T.

Zeng, Shan and Chen, *Facial Expression Recognition with Inconsistently Annotated
Datasets*, ECCV 2018, doi:10.1007/978-3-030-01261-8_14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..annotations import FloatArray
from .batch import Entries, WeightTable
from .shared_batch import SharedBatch
from .transition import ClampedTransitions, SoftmaxTransitions, log_predict

Likelihood = Literal["joint", "separate"]
LEAST_MASS = 1e-9  # of a batch whose annotations all weigh nothing: its loss is 0
LEAST_JOINT_MASS = 1e-3  # there Σ p = 1 stands for such an item, and only up to rounding


@dataclass(frozen=True)
class Mixed:
    """Images mixed in pairs: ``share`` (B,) of each and the rest of the ``other`` (B,)."""

    images: Tensor
    share: Tensor
    other: Tensor


def mix(images: Tensor, alpha: float, generator: torch.Generator) -> Mixed:
    """Mix each image with another of the batch, its share drawn from Beta(α, α).

    H. Zhang et al., *mixup: beyond empirical risk minimization*, ICLR 2018.
    """
    b = len(images)
    if generator.device.type == "cpu":
        seed = int(torch.randint(2**62, (1,), generator=generator))
        share = torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, b)).to(images)
        other = torch.randperm(b, generator=generator).to(images.device)
    else:  # without a number or a size that the device would have to be asked for
        gamma = torch._standard_gamma(torch.full((2, b), alpha, device=images.device), generator=generator)
        share = gamma[0] / gamma.sum(0).clamp_min(torch.finfo(gamma.dtype).tiny)
        other = torch.argsort(torch.rand(b, generator=generator, device=images.device))
    weight = share[:, None, None, None]
    return Mixed(weight * images + (1 - weight) * images[other], share, other)


class Classifier(nn.Module):
    """A base network that takes every label as the truth (T = identity).

    The networks of single coders and the mixture are trained so. A network that models coders is a
    subclass with its own :meth:`item_losses` or :meth:`log_q_of_annotations` and :meth:`matrices`.

    Attributes
    ----------
    mixup : α of Beta(α, α), by which pairs of training images and their losses are mixed; 0 for none.
    low_precision : whether the base network's layers work in bfloat16 while it trains; the loss is float32 in any case.
    takes_tables : whether the training loss takes a :class:`~ltnet_core.learning.batch.WeightTable` and reads no number
        or size from the device, so that its step can be captured as a CUDA graph. Else it gets
        :class:`~ltnet_core.learning.batch.Entries`.
    shared : how this process computes its share of the batch at work; None where it computes all of it.
    """

    mixup: float = 0.0
    low_precision: bool = False
    takes_tables: bool = True
    shared: SharedBatch | None = None

    def __init__(self, base: nn.Module):
        super().__init__()
        self.base = base

    @property
    def mixes(self) -> bool:
        """Whether the training loss mixes the images of a batch."""
        return self.mixup > 0

    def forward(self, images: Tensor) -> Tensor:
        """(B,channels,S,S) → (B,K) log p."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.low_precision and self.training):
            logits = self.base(images) if self.shared is None else self.shared.logits(self.base, images)
        return torch.log_softmax(logits.float(), dim=1)

    def log_q_of_annotations(self, log_p: Tensor, entries: Entries) -> Tensor:
        """(E,) log probability of each annotation: log q[n,c,a] of its item n, coder c and label a."""
        return log_p[entries.row, entries.label]

    def log_q(self, log_p: Tensor) -> Tensor:
        """(B,C,K) log q[n,c,l] = log P(coder c says l | image n); (B,1,K) where it is the same for all coders."""
        return log_p[:, None]

    def item_losses(self, log_p: Tensor, entries: Entries | WeightTable) -> Tensor:
        """(B,) −Σ w log P(label) over the annotations of each image."""
        if isinstance(entries, WeightTable):
            return -(entries.weight * self.log_q(log_p)).sum((1, 2))
        return -entries.add_up(entries.weight * self.log_q_of_annotations(log_p, entries), log_p[:, 0])

    def mass(self, entries: Entries | WeightTable) -> Tensor:
        """Scalar: the weight of all annotations, above 0. The sum of the items' losses is divided by it."""
        return entries.mass.clamp_min(LEAST_MASS)

    def loss(self, log_p: Tensor, entries: Entries | WeightTable) -> Tensor:
        """Scalar: Σ_n item_losses[n] / mass; 0 where there are no annotations."""
        if entries.is_empty():
            return log_p.sum() * 0
        return self.item_losses(log_p, entries).sum() / self.mass(entries)

    def training_loss(
        self, images: Tensor, entries: Entries | WeightTable, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Loss to train on and (B,K) log p. ``generator`` draws what a method mixes or drops."""
        if self.mixup == 0 or entries.is_empty():
            log_p = self(images)
            return self.loss(log_p, entries), log_p
        mixed = mix(images, self.mixup, generator)
        log_p = self(mixed.images)
        own = mixed.share * self.item_losses(log_p, entries)
        total = own + (1 - mixed.share) * self.item_losses(log_p, entries.partners(mixed.other))
        return total.sum() / self.mass(entries), log_p

    def matrices(self) -> FloatArray | None:
        """(C,K,K) learned transition matrices, rows sum to 1; None for a method without."""
        return None


class LTNet(Classifier):
    """Base network plus transition matrices.

    Parameters
    ----------
    likelihood : ``joint`` is that of Dawid and Skene with the image's p as prior: all
        annotations of an item share one truth, log Σ_k p[k] Π_c T[c,k,a_c]^w_c.
        ``separate`` is the paper's, Σ_c w_c log Σ_k p[k] T[c,k,a_c]: every annotation
        for itself. With one annotation per item they are the same.
    prior : (C,K,K) Dirichlet pseudo counts of T by the mass of all annotations; None for
        maximum likelihood. They keep the matrix of a coder with few annotations sane.
    double_softmax : the authors' release feeds p·T to a softmax cross-entropy; such a T
        is no probability. Only the ``paper`` preset sets it, with ``separate``.
    """

    def __init__(
        self,
        base: nn.Module,
        transitions: SoftmaxTransitions | ClampedTransitions,
        likelihood: Likelihood = "joint",
        prior: FloatArray | None = None,
        double_softmax: bool = False,
    ):
        super().__init__(base)
        self.transitions = transitions
        self.likelihood = likelihood
        self.double_softmax = double_softmax
        self._log_t: Tensor | None = None
        self.prior: Tensor | None
        self.register_buffer("prior", None if prior is None else torch.tensor(prior, dtype=torch.float32), False)

    def log_q_of_annotations(self, log_p: Tensor, entries: Entries) -> Tensor:
        if self.double_softmax:
            return self.log_q(log_p)[entries.row, entries.coder, entries.label]
        # Σ_k p[k] T[c,k,l] by logsumexp: the product of raw probabilities would underflow for confident networks.
        log_t = self.log_t()
        return torch.logsumexp(log_p[entries.row] + log_t[entries.coder, :, entries.label], dim=1)

    def log_q(self, log_p: Tensor) -> Tensor:
        log_q = log_predict(log_p, self.log_t())
        return torch.log_softmax(log_q.exp(), dim=2) if self.double_softmax else log_q

    def item_losses(self, log_p: Tensor, entries: Entries | WeightTable) -> Tensor:
        if self.likelihood == "separate":
            return super().item_losses(log_p, entries)
        return -entries.joint(log_p, self.log_t())

    def mass(self, entries: Entries | WeightTable) -> Tensor:
        """Scalar: Σ_n min(1, Σ_c w_c). All annotations of an item are one observation of its truth."""
        if self.likelihood == "separate" or entries.is_empty():
            return super().mass(entries)
        return entries.joint_mass.clamp_min(LEAST_JOINT_MASS)

    def training_loss(
        self, images: Tensor, entries: Entries | WeightTable, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """As in :class:`Classifier`; the loss minus Σ prior[c,k,l] · log T[c,k,l]."""
        self._log_t = self.transitions.log_t()
        try:
            loss, log_p = super().training_loss(images, entries, generator)
            if self.prior is not None:
                loss = loss - (self.prior * self._log_t).sum()
            return loss, log_p
        finally:
            self._log_t = None

    def log_t(self) -> Tensor:
        """(C,K,K) log T; within a training loss the same tensor for all its terms."""
        return self.transitions.log_t() if self._log_t is None else self._log_t

    def matrices(self) -> FloatArray | None:
        return as_matrices(self.transitions.log_t())


def as_matrices(log_t: Tensor) -> FloatArray:
    """(C,K,K) of double precision whose rows sum to 1."""
    t: FloatArray = log_t.detach().double().exp().cpu().numpy()
    return np.asarray(t / t.sum(2, keepdims=True))
