"""One network on the labels of all coders as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...method import Method

if TYPE_CHECKING:
    from ..results import Learned
    from ..trainer import Trainer


def learn(trainer: Trainer) -> Learned:
    """Train the network."""
    from ..one_network import learn_with

    return learn_with(trainer)


METHOD = Method(
    name="mixture",
    title="all labels mixed",
    text="One network on all human labels as they are.",
    task="Train on all labels mixed",
    parts=frozenset({"coders", "mixup"}),
    learn=learn,
    rank=1,
)
