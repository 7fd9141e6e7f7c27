"""Methods that need one last network: train it, calibrate it, compute the learned truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from torch import nn

from ..annotations import AnnotationTable, FloatArray
from ..labels.aggregation import confusion
from ..labels.truth import posterior
from ..method import METHODS
from .calibration import plain_temperature, soften, temperature
from .coder_weights import coder_weights, evidence_weights
from .ltnet import Classifier
from .results import Learned
from .stages import Task
from .trainer import Trainer

TARGET = "target"  # the one coder of a table that holds what a network shall learn


def learn_with(
    trainer: Trainer,
    model: Callable[[nn.Module, AnnotationTable], Classifier] | None = None,
    earlier: Mapping[str, FloatArray] | None = None,
) -> Learned:
    """Train the method's network on the annotations of all human coders.

    ``model`` makes it from a base network; None takes every label as the truth. ``earlier``: stage → (N,K) p of the
    networks that were trained before; the base network starts from the weights of the first.
    """
    human, schedule = trainer.plan.table, trainer.settings.schedule
    task = Task(
        METHODS.named(trainer.settings.method).stage,
        human,
        Classifier if model is None else lambda base: model(base, human),
        warm=next(iter(earlier)) if earlier else None,
        lr=schedule.ltnet_lr if earlier else None,
        transition_lr=trainer.settings.transitions.transition_lr,  # from the first step on, as these methods have it
    )
    return _learned(trainer, task, earlier or {})


def learn_target(trainer: Trainer, target: Callable[[Trainer], FloatArray]) -> Learned:
    """Train the method's network on ``target`` (N,K), a distribution per item, as the annotations of a single coder."""
    table = trainer.plan.table.keep_coders([]).with_coder(TARGET, target(trainer))
    return _learned(trainer, Task(METHODS.named(trainer.settings.method).stage, table), {})


def _learned(trainer: Trainer, task: Task, earlier: Mapping[str, FloatArray]) -> Learned:
    """Train the last network. The learned truth is the posterior where it models coders, else p."""
    plan, settings, human = trainer.plan, trainer.settings, trainer.plan.table
    p = trainer.network(task)
    transitions = trainer.matrices(task)
    held_out = plan.fits[task.stage].validation
    networks = {s: soften(q, plain_temperature(q, human, plan.fits[s].validation)) for s, q in earlier.items()}
    if transitions is None:
        tau = plain_temperature(p, task.table, held_out)
    else:
        tau = temperature(p, transitions, task.table, held_out)
    p = networks[task.stage] = soften(p, tau)
    if transitions is None:
        # The labels add nothing to p. T is the confusion of each coder with p.
        transitions, truth, weights = confusion(human, p), p, np.zeros(len(human.coders))
    else:
        weights = evidence_weights(coder_weights(human, settings), settings)
        truth = posterior(p, transitions, human, weights)
    return Learned(
        table=human,
        method=task.stage,
        transitions=transitions,
        start=None,
        posterior=truth,
        temperature=tau,
        networks=networks,
        usable=plan.usable,
        items=plan.pooled,
        weights=weights,
        features=trainer.features(task),
    )
