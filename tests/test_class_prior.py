"""The class shares of p are evened out as far as held-out annotations allow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ltnet_core.annotations import AnnotationTable
from ltnet_core.learning.class_prior import ENOUGH, POWERS, _losses, even_out
from ltnet_core.learning.ltnet import Classifier
from ltnet_core.learning.training_data import TrainingData
from ltnet_core.learning.views import predict


class Lookup(nn.Module):
    """The logits of an image are its three channels times one hundred."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 3)
        with torch.no_grad():
            self.head.weight.copy_(100 * torch.eye(3))
            self.head.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(images[:, :, 0, 0])
        return logits


def model_and_data(logits: np.ndarray, labels: np.ndarray) -> tuple[Classifier, TrainingData]:
    """A network with these logits (N,3), and labels (N,) of one coder."""
    n = len(labels)
    table = AnnotationTable(
        np.array([f"{i:04d}" for i in range(n)], dtype=object), ("X",), ("a", "b", "c"), np.arange(n, dtype=np.int32),
        np.zeros(n, np.int32), labels.astype(np.int32), np.ones(n, np.float32),
    )  # fmt: skip
    pixels = np.asarray(logits / 100, dtype=np.float32)[:, :, None, None]
    data = TrainingData(
        pixels, table, np.ones(1), np.zeros(3), np.ones(3), torch.device("cpu"), augment=False
    )  # fmt: skip
    return Classifier(Lookup()), data


def drawn(n: int, held_back: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n,3) of images with classes .6, .35, .05, the rare class lower by ``held_back``, and the true labels."""
    rng = np.random.default_rng(0)
    shares = np.array([0.6, 0.35, 0.05])
    labels = rng.choice(3, n, p=shares)
    logits = 2 * np.eye(3)[labels] + rng.standard_normal((n, 3)) + np.log(shares)
    return logits - np.array([0, 0, held_back]), labels


def test_a_rare_class_that_is_held_back_is_named_more_often_until_it_is_often_enough() -> None:
    model, data = model_and_data(*drawn(1000, held_back=1.5))
    items = np.arange(1000)
    before = predict(model, data, items)
    power = even_out(model, data, items)
    assert 0 < power < POWERS[-1]
    after = predict(model, data, items)
    expected = before / before.mean(0) ** power
    np.testing.assert_allclose(after, expected / expected.sum(1, keepdims=True), rtol=1e-4)
    enough = ENOUGH * before.mean(0)[2] * 1000
    named = [(np.log(before) - a * np.log(before.mean(0))).argmax(1).tolist().count(2) for a in (power - 0.1, power)]
    assert named[0] < enough <= named[1] == (after.argmax(1) == 2).sum()


def test_a_network_that_tells_the_classes_apart_stays_as_it_is() -> None:
    logits, labels = drawn(1000, held_back=0.0)
    model, data = model_and_data(logits + 4 * np.eye(3)[labels], labels)
    assert even_out(model, data, np.arange(1000)) == 0.0
    assert model.base.head.bias.abs().max() == 0


def test_where_held_out_annotations_are_against_it_nothing_moves() -> None:
    """p says of every image that it may be of a rare class, which nobody names."""
    logits, labels = drawn(1000, held_back=0.0)
    logits[:, 2] = np.logaddexp(logits[:, 0], logits[:, 1]) - 1
    model, data = model_and_data(logits, np.minimum(labels, 1))
    assert even_out(model, data, np.arange(1000)) == 0.0
    assert model.base.head.bias.abs().max() == 0


def test_how_sure_the_network_is_plays_no_part() -> None:
    logits, labels = drawn(1000, held_back=0.0)
    model, data = model_and_data(logits, labels)
    losses, surer = (_losses(model, data, np.arange(1000), scale * logits) for scale in (1, 2))
    np.testing.assert_allclose(losses, surer, rtol=1e-4)


@pytest.mark.parametrize("held_out", [0, 99])
def test_few_held_out_items_change_nothing(held_out: int) -> None:
    model, data = model_and_data(*drawn(200, held_back=1.5))
    assert even_out(model, data, np.arange(held_out)) == 0.0
