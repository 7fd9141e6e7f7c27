"""Annotator mixup: images, the coders who labelled them and their labels are mixed together.

Herde, Lührs, Huseljic and Sick, *Annot-Mix: Learning with Noisy Class Labels from
Multiple Annotators via a Mixup Extension*, ECAI 2024. Here a coder is a one-hot vector
under a linear layer, so that its matrix depends on the coder alone; theirs may look at
the image too.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...annotations import FloatArray
from ..batch import Entries, WeightTable
from ..ltnet import Classifier, as_matrices, mix
from ..transition import log_predict

ALPHA = 1.0  # λ ~ Beta(α, α)
ETA = 0.9  # diagonal of the matrices before training


class AnnotMix(Classifier):
    """log P(coder c says l) = log Σ_k p[k] softmax(logits[c,k])[l], trained on mixed pairs."""

    takes_tables = False  # an annotation is drawn by its place among the others
    mixes = True

    def __init__(self, base: nn.Module, coders: int, classes: int):
        super().__init__(base)
        diagonal = math.log(ETA * (classes - 1) / (1 - ETA))
        self.logits = nn.Parameter(diagonal * torch.eye(classes).repeat(coders, 1, 1))

    def log_q_of_annotations(self, log_p: Tensor, entries: Entries) -> Tensor:
        log_t = torch.log_softmax(self.logits, dim=2)
        return torch.logsumexp(log_p[entries.row] + log_t[entries.coder, :, entries.label], dim=1)

    def log_q(self, log_p: Tensor) -> Tensor:
        return log_predict(log_p, torch.log_softmax(self.logits, dim=2))

    def training_loss(
        self, images: Tensor, entries: Entries | WeightTable, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Each image is mixed with another of the batch, each of its annotations with one of the other's.

        Every image of the batch must have an annotation.
        """
        if isinstance(entries, WeightTable):
            raise TypeError("annotator mixup takes entries, no table of weights.")
        mixed = mix(images, ALPHA, generator)
        log_p = self(mixed.images)

        draw = torch.rand(len(entries.row), generator=generator, device=generator.device).to(images.device)
        partner = draw_annotation(entries, mixed.other[entries.row], draw)
        mine = mixed.share[entries.row]
        logits = (
            mine[:, None, None] * self.logits[entries.coder]
            + (1 - mine)[:, None, None] * self.logits[entries.coder[partner]]
        )
        log_q = torch.logsumexp(log_p[entries.row][:, :, None] + torch.log_softmax(logits, dim=2), dim=1)
        each = torch.arange(len(log_q), device=log_q.device)
        fit = mine * log_q[each, entries.label] + (1 - mine) * log_q[each, entries.label[partner]]
        return -(entries.weight * fit).sum() / self.mass(entries), log_p

    def matrices(self) -> FloatArray:
        return as_matrices(torch.log_softmax(self.logits, dim=2))


def draw_annotation(entries: Entries, row: Tensor, draw: Tensor) -> Tensor:
    """(D,) an annotation of each ``row`` (D,) with a chance in proportion to its weight; ``draw`` (D,) is in [0, 1)."""
    size = torch.bincount(entries.row)
    last = torch.cumsum(size, 0) - 1
    first = last - size + 1
    up_to = torch.cumsum(entries.weight.double(), 0)
    before = up_to[first[row]] - entries.weight[first[row]].double()
    drawn = torch.searchsorted(up_to, before + draw.double() * (up_to[last[row]] - before), right=True)
    return torch.clamp(drawn, first[row], last[row])
