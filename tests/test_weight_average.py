"""The average of the last epochs' weights, and when a fit is left with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from stripes import study, training_data
from torch import nn

from ltnet_core.learning.ltnet import Classifier
from ltnet_core.learning.schedule import Schedule
from ltnet_core.learning.training import fit
from ltnet_core.learning.watch import Watch
from ltnet_core.learning.weight_average import WeightAverage, averaged, stands

PIXELS, _, TABLE = study(40, np.stack([np.eye(3) * 0.7 + 0.1]))


def test_the_last_third_of_the_epochs_is_averaged_but_no_more_than_four_of_a_deep_network() -> None:
    assert [averaged(epochs, single_layer=False) for epochs in (1, 8, 12, 20, 128)] == [1, 2, 4, 4, 4]
    assert [averaged(epochs, single_layer=True) for epochs in (1, 8, 12, 20, 400)] == [1, 2, 4, 6, 133]


def test_an_average_is_the_mean_of_the_weights_and_counts_as_the_last_model_did() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    average = None
    for value in (1.0, 2.0, 6.0):
        for tensor in model.state_dict().values():
            tensor.fill_(value)
        average = WeightAverage.with_epoch(average, model)
    assert average is not None and average.epochs == 3
    means = {name: float(tensor.float().mean()) for name, tensor in average.weights.items()}
    assert means.pop("1.num_batches_tracked") == 6  # a whole number
    assert list(means.values()) == pytest.approx([3.0] * len(means))


@pytest.mark.parametrize(
    ("loss", "held_out", "expected"),
    [(1.09, 100, True), (1.11, 100, False), (1.03, 2500, False), (0.9, 2500, True), (math.nan, 100, False)],
)
def test_an_average_stands_unless_it_is_worse_by_two_standard_errors(
    loss: float, held_out: int, expected: bool
) -> None:
    assert stands(loss, 1.0, held_out) is expected


def fitted(lr: float, held_out: int) -> tuple[dict[str, torch.Tensor], list[dict[str, torch.Tensor]], list[Any]]:
    """The weights that a fit of six epochs leaves, those after each epoch, and its records."""
    torch.manual_seed(0)
    model, after = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(144, 3))), []

    def epoch(record: Any) -> None:
        after.append({name: value.clone() for name, value in model.state_dict().items()})

    schedule = Schedule(epochs=6, batch_size=8, lr=lr, weight_decay=0.0)
    data, items = training_data(PIXELS, TABLE), np.arange(40)
    train, rest = items[: 40 - held_out], items[40 - held_out :]
    history = fit(model, data, train, rest, schedule, seed=0, watch=Watch(epoch=epoch))
    return model.state_dict(), after, history


def test_a_fit_is_left_with_the_average_of_its_last_epochs() -> None:
    left, after, _ = fitted(lr=0.001, held_out=10)
    for name, value in left.items():
        assert torch.allclose(value, (after[4][name] + after[5][name]) / 2)
        assert not torch.equal(value, after[5][name])


def test_without_held_out_items_the_last_epoch_stands() -> None:
    left, after, _ = fitted(lr=0.001, held_out=0)
    assert all(torch.equal(value, after[5][name]) for name, value in left.items())


def test_where_the_last_epochs_are_clearly_worse_the_best_stands() -> None:
    left, after, history = fitted(lr=30.0, held_out=10)
    best = history[-1]["best_epoch"]
    assert best < 5, "the rate should make the last epochs worse; otherwise this test shows nothing"
    assert all(torch.equal(value, after[best - 1][name]) for name, value in left.items())
