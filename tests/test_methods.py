"""The methods LTNet is compared with: their losses by hand, and that each learns the planted truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from stripes import entries, random_t, study, training_data
from torch import nn

from ltnet_core.learning.coder_models.annot_mix import ETA, AnnotMix, draw_annotation
from ltnet_core.learning.coder_models.crowd_layer import CrowdLayer
from ltnet_core.learning.coder_models.noise_adaptation import noise_adaptation
from ltnet_core.learning.coder_models.trace import STRENGTH, TraceRegularised
from ltnet_core.learning.ltnet import Classifier
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule
from ltnet_core.learning.training import fit
from ltnet_core.learning.transition import near_identity
from ltnet_core.learning.views import predict

PLANTED = np.array(
    [[[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]], [[0.9, 0.0, 0.1], [0.2, 0.8, 0.0], [0.0, 0.1, 0.9]]]
)


def test_the_crowd_layer_takes_a_softmax_of_p_times_w() -> None:
    model = CrowdLayer(nn.Identity(), 2, 3)
    model.weights.data = torch.tensor(random_t(2, 3)).float()
    logits = torch.tensor([[1.0, 0.0, -1.0]])
    q = torch.softmax(logits, 1)[0] @ model.weights[1]
    expected = -math.log(torch.softmax(q.detach(), 0)[2])
    assert float(model.loss(model(logits), entries([(0, 1, 2, 1.0)])).detach()) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(model.matrices()[1, 0], torch.softmax(model.weights[1, 0].detach(), 0), atol=1e-6)


def test_the_noise_adaptation_layer_has_one_matrix_for_all() -> None:
    t = random_t(1, 3)[0]
    model = noise_adaptation(nn.Identity(), t, coders=4)
    matrices = model.matrices()
    assert matrices is not None
    np.testing.assert_allclose(matrices, np.repeat(t[None], 4, axis=0), atol=1e-6)
    assert sum(p.numel() for p in model.parameters()) == 9


def test_the_trace_is_added_in_training_only() -> None:
    t = random_t(2, 3)
    model = TraceRegularised(nn.Identity(), t)
    logits, batch = torch.zeros(1, 3), entries([(0, 0, 1, 1.0)])
    plain = float(model.loss(model(logits), batch).detach())
    trained, _ = model.training_loss(logits, batch, torch.Generator())
    trace = (np.trace(t[0]) + np.trace(t[1])) / 2
    assert float(trained.detach()) - plain == pytest.approx(STRENGTH * trace, abs=1e-5)


def test_annot_mix_starts_at_its_diagonal_and_mixes_the_same_pairs_for_image_coder_and_label() -> None:
    model = AnnotMix(nn.Identity(), 2, 4)
    np.testing.assert_allclose(model.matrices(), near_identity(2, 4, ETA), atol=1e-6)
    # Two images that only look at one place each: what log p says gives away how they were mixed.
    batches: list[torch.Tensor] = []

    class Look(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            batches.append(x.flatten(1))
            return x.flatten(1)

    model = AnnotMix(Look(), 2, 4)
    model.logits.data += torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(1))
    images = 5 * torch.eye(4)[:2].reshape(2, 4, 1, 1)
    batch = entries([(0, 0, 0, 1.0), (1, 1, 1, 2.0)])
    mixed = 0
    for seed in range(6):
        loss, log_p = model.training_loss(images, batch, torch.Generator().manual_seed(seed))
        share = batches[-1][:, :2] / 5  # row n: how much of image 0 and of image 1
        expected = 0.0
        for row, coder, label, weight in ((0, 0, 0, 1.0), (1, 1, 1, 2.0)):
            other = 1 - coder
            mine, theirs = share[row, coder], share[row, other]
            logits = model.logits.detach()
            t = torch.softmax(mine * logits[coder] + theirs * logits[other], dim=1)
            q = (log_p.detach()[row].exp() @ t).log()
            expected -= weight * float(mine * q[label] + theirs * q[1 - label]) / 3.0
        if (share > 0).all():  # otherwise each image was its own partner
            assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
            mixed += 1
    assert mixed


def test_annot_mix_draws_a_partner_s_annotations_by_their_weight() -> None:
    batch = entries([(0, 0, 1, 1.0), (1, 0, 0, 9.0), (1, 0, 2, 1.0), (1, 1, 2, 0.0), (2, 0, 1, 0.3)])
    rows = torch.tensor([0, 1, 2]).repeat(10_000)
    draws = torch.rand(30_000, generator=torch.Generator().manual_seed(0))
    share = torch.bincount(draw_annotation(batch, rows, draws), minlength=5) / 10_000
    torch.testing.assert_close(share, torch.tensor([1.0, 0.9, 0.1, 0.0, 1.0]), atol=0.01, rtol=0)


@pytest.mark.parametrize("name", ["crowd-layer", "noise-adaptation", "trace", "annot-mix"])
def test_every_method_finds_the_truth_behind_noisy_labels(name: str) -> None:
    pixels, truth, table = study(1200, PLANTED)
    items = np.arange(1200)
    base = build_network("cnn", classes=3, channels=1, image_size=12, seed=0)
    model: Classifier = {
        "crowd-layer": lambda: CrowdLayer(base, 2, 3),
        "noise-adaptation": lambda: noise_adaptation(base, PLANTED.mean(0), 2),
        "trace": lambda: TraceRegularised(base, near_identity(2, 3, 0.9)),
        "annot-mix": lambda: AnnotMix(base, 2, 3),
    }[name]()
    before = model.matrices()
    schedule = Schedule(epochs=6, batch_size=50, lr=0.003, transition_lr=0.01)
    data = training_data(pixels, table)
    fit(model, data, items[:1000], items[1000:], schedule, seed=0)
    assert (predict(model, data, items).argmax(1) == truth).mean() > 0.95
    after = model.matrices()
    assert before is not None and after is not None
    np.testing.assert_allclose(after.sum(2), 1, atol=1e-6)
    if name in ("trace", "annot-mix"):  # these two can tell the coders apart and have probabilities for matrices
        assert np.abs(after - PLANTED).mean() < np.abs(before - PLANTED).mean()
