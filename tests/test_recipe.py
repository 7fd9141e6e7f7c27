"""The recipe of training: learning rates, weight decay, momentum and the gradient clip are what they say."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest
import torch
from stripes import random_t, study, training_data
from torch import nn

from ltnet_core.errors import TrainingError
from ltnet_core.learning.ltnet import Classifier, LTNet
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.results import _margin
from ltnet_core.learning.schedule import Schedule, optimizers_of, rates_at, set_rates
from ltnet_core.learning.training import fit
from ltnet_core.learning.transition import SoftmaxTransitions, near_identity


def test_one_cycle_rises_for_a_fifth_and_falls_as_a_cosine() -> None:
    rate = Schedule(epochs=1).rate
    assert [rate(x) for x in (0.0, 0.05, 0.1, 0.2)] == pytest.approx([0.1, 0.325, 0.55, 1.0])
    assert [rate(x) for x in (0.4, 0.6, 0.8)] == pytest.approx([0.5 + math.sqrt(2) / 4, 0.5, 0.5 - math.sqrt(2) / 4])
    assert rate(1 - 1e-9) == 1e-3


@pytest.mark.parametrize("power", [0.5, 1.5])
def test_poly_falls_by_its_power(power: float) -> None:
    rate = Schedule(epochs=1, decay="poly", poly_power=power).rate
    assert [rate(x) for x in (0.0, 0.25, 0.75)] == pytest.approx([1.0, 0.75**power, 0.25**power])
    assert Schedule(epochs=1, decay="poly").poly_power == 1.5


def model() -> LTNet:
    base = build_network("cnn", classes=3, channels=1, image_size=12, seed=0)
    return LTNet(base, SoftmaxTransitions(near_identity(2, 3, 0.8)))


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_only_weights_decay(kind: Literal["adamw", "sgd"]) -> None:
    trained = model()
    base, own = optimizers_of(
        trained, Schedule(epochs=1, optimizer=kind, weight_decay=0.07, transition_optimizer="sgd")
    )
    decays = {id(p): group["weight_decay"] for group in base.param_groups for p in group["params"]}
    names = {id(p): name for name, p in trained.named_parameters()}
    decay_of = {names[i]: decay for i, decay in decays.items()}
    assert len(decay_of) == len(list(trained.base.parameters()))
    assert {n for n, d in decay_of.items() if d == 0} == {
        n for n, p in trained.base.named_parameters(prefix="base") if p.ndim < 2
    }
    assert set(decay_of.values()) == {0.0, 0.07}
    assert [group["weight_decay"] for group in own.param_groups] == [0.0]
    assert [id(p) for group in own.param_groups for p in group["params"]] == [
        id(p) for name, p in trained.named_parameters() if not name.startswith("base.")
    ]


def test_optimisers_have_the_schedule_s_momentum() -> None:
    base, own = optimizers_of(model(), Schedule(epochs=1, momentum=0.85, optimizer="adamw", transition_optimizer="sgd"))
    assert isinstance(base, torch.optim.AdamW)
    assert isinstance(own, torch.optim.SGD)
    assert {tuple(g["betas"]) for g in base.param_groups} == {(0.85, 0.99)}
    assert [(g["momentum"], g["nesterov"]) for g in own.param_groups] == [(0.85, True)]


def test_t_waits_and_then_follows_its_own_rate() -> None:
    schedule = Schedule(epochs=1, lr=0.2, transition_lr=0.01, transition_delay=0.3)
    base, own = optimizers_of(model(), schedule)
    for progress in (0.1, 0.29, 0.3, 0.6):
        set_rates([base, own], rates_at([base, own], schedule, progress))
        assert {g["lr"] for g in base.param_groups} == {0.2 * schedule.rate(progress)}
        assert own.param_groups[0]["lr"] == (0.01 * schedule.rate(progress) if progress >= 0.3 else 0.0)


class Steep(nn.Module):
    """Logits so steep in the weights that the gradient is far longer than 5."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(144, 3, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1000 * self.head(x.flatten(1))


def one_step(**changes: Any) -> float:
    pixels, _, table = study(40, random_t(1, 3))
    trained = Classifier(Steep())
    schedule = Schedule(epochs=1, batch_size=40, lr=0.01, decay="poly", weight_decay=0.0, optimizer="sgd", **changes)
    fit(trained, training_data(pixels, table), np.arange(40), np.arange(0), schedule, seed=0)
    return float(next(trained.base.parameters()).detach().norm())


def test_the_gradient_is_clipped_to_a_norm_of_five() -> None:
    # A first Nesterov step is (1 + momentum) · lr · gradient.
    assert one_step(momentum=0.9) == pytest.approx(1.9 * 0.01 * 5, rel=1e-4)
    assert one_step(momentum=0.5) == pytest.approx(1.5 * 0.01 * 5, rel=1e-4)


def test_a_loss_that_is_no_number_stops_training() -> None:
    pixels, _, table = study(40, random_t(1, 3))
    trained = Classifier(Steep())
    nn.init.constant_(trained.base.head.weight, float("nan"))  # type: ignore[union-attr, arg-type]
    with pytest.raises(TrainingError, match="The loss became nan in epoch 1"):
        fit(trained, training_data(pixels, table), np.arange(40), np.arange(0), Schedule(epochs=1), seed=0)


def test_the_margin_is_the_lead_over_the_next_class() -> None:
    p = np.array([[0.2, 0.5, 0.3], [1 / 3, 1 / 3, 1 / 3], [0.0, 0.0, 1.0], [0.6, 0.35, 0.05]])
    np.testing.assert_allclose(_margin(p), [0.2, 0.0, 1.0, 0.25])
