"""Transition matrices by hand: where they start, what is refused, and coders whose labels are the truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stripes import random_t
from torch import nn

from ltnet_core.errors import OptionError
from ltnet_core.learning.ltnet import LTNet
from ltnet_core.learning.transition import CERTAIN, FLOOR, ClampedTransitions, SoftmaxTransitions, check, near_identity


def test_a_coder_at_its_word_has_the_identity_and_keeps_it() -> None:
    module = SoftmaxTransitions(random_t(2, 3), np.array([True, False]))
    log_t = module.log_t()
    assert torch.equal(log_t[0].diagonal(), torch.zeros(3))
    assert torch.equal(log_t[0][~torch.eye(3, dtype=torch.bool)], torch.full((6,), CERTAIN))
    assert CERTAIN == -30
    torch.testing.assert_close(log_t[1].exp(), torch.tensor(random_t(2, 3)[1]).float())
    torch.autograd.backward(log_t.sum())
    assert module.logits.grad is not None
    assert not module.logits.grad[0].any()


def test_only_what_is_learned_is_among_the_weights() -> None:
    transitions = SoftmaxTransitions(random_t(2, 3), np.array([True, False]))
    assert set(transitions.state_dict()) == {"logits"}
    assert set(ClampedTransitions(random_t(2, 3), 0.01).state_dict()) == {"cells"}
    model = LTNet(nn.Identity(), transitions, prior=np.ones((2, 3, 3)))
    assert set(model.state_dict()) == {"transitions.logits"}


def test_a_cell_of_zero_starts_at_the_floor() -> None:
    log_t = SoftmaxTransitions(np.eye(2)[None]).log_t()
    assert log_t[0, 0, 1].item() == pytest.approx(np.log(FLOOR / (1 + FLOOR)), rel=1e-5)
    clamped = ClampedTransitions(np.array([[[1.0, 0.0], [0.5, 0.5]]]), 0.25).log_t().exp()
    torch.testing.assert_close(clamped, torch.tensor([[[0.8, 0.2], [0.5, 0.5]]]))


@pytest.mark.parametrize("shape", [(3, 3), (1, 2, 3), (1, 3, 2), (1, 2, 2, 2)])
def test_matrices_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(OptionError, match=r"must have shape \(C,K,K\)"):
        check(np.full(shape, 1 / shape[-1]))


def test_rows_that_are_no_probabilities_are_refused() -> None:
    check(np.zeros((0, 3, 3)))
    check(np.array([[[1.0, 0.00005], [0.0, 1.0]]]))  # rounding
    for wrong in (np.array([[[1.5, -0.5], [0.0, 1.0]]]), np.array([[[1.0, 0.01], [0.0, 1.0]]])):
        with pytest.raises(OptionError, match="probabilities that sum to 1"):
            check(wrong)


@pytest.mark.parametrize("classes", [1, 2, 5])
def test_near_identity_has_its_diagonal_and_spreads_the_rest_evenly(classes: int) -> None:
    made = near_identity(3, classes, 0.6)
    assert made.shape == (3, classes, classes)
    assert (made.diagonal(axis1=1, axis2=2) == 0.6).all()
    off = made[:, ~np.eye(classes, dtype=np.bool_)]
    if classes > 1:
        np.testing.assert_allclose(off, 0.4 / (classes - 1))
        np.testing.assert_allclose(made.sum(2), 1)


@pytest.mark.parametrize("diagonal", [0.0, -0.1, 1.01])
def test_a_diagonal_that_is_no_probability_is_refused(diagonal: float) -> None:
    with pytest.raises(OptionError, match=r"diagonal must lie in \(0, 1\]"):
        near_identity(1, 3, diagonal)
    np.testing.assert_array_equal(near_identity(1, 3, 1.0), np.eye(3)[None])
