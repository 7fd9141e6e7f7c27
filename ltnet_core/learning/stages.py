"""The stages of a run: what one of them trains, the name of its files, its seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from ..annotations import AnnotationTable, FloatArray
from .ltnet import Classifier


@dataclass(frozen=True)
class Task:
    """One network to train.

    Attributes
    ----------
    stage : its name in the plan. table : annotations to learn from.
    model : base network → what is trained.
    warm : stage whose weights the base network starts from, None for a fresh start.
    lr, transition_lr, transition_delay : see :class:`~ltnet_core.learning.schedule.Schedule`.
    weights : (C,) weight of each coder, None for the settings'.
    even : whether the class shares of p are evened out after training, see :mod:`.class_prior`.
    """

    stage: str
    table: AnnotationTable
    model: Callable[[nn.Module], Classifier] = Classifier
    warm: str | None = None
    lr: float | None = None
    transition_lr: float = 0.0
    transition_delay: float = 0.0
    weights: FloatArray | None = None
    even: bool = False


def file_stem(stage: str) -> str:
    """A file name for a stage; coders' names may hold anything."""
    kind, _, name = stage.partition(":")
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:12]}" if name else kind


def stage_seed(seed: int, stage: str, table: AnnotationTable) -> int:
    """A seed of its own for each stage; coders count by their index, so that their names do not matter."""
    kind, _, name = stage.partition(":")
    index = table.coders.index(name) if kind == "coder" else 0
    number = {"coder": 1, "mixture": 2, "ltnet": 3, "warm-up": 5, "warm-up-longer": 6}.get(kind, 4)
    return int(np.random.SeedSequence([seed, number, index]).generate_state(1, np.uint32)[0])
