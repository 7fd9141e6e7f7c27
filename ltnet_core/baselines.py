"""What LTNet is compared with, each a method a user can choose: one network, trained in one other way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from .aggregation import aggregate, confusion, confusion_counts
from .annotations import AnnotationTable, FloatArray
from .calibration import plain_temperature, soften, temperature
from .ltnet import Classifier
from .methods.annot_mix import AnnotMix
from .methods.crowd_layer import CrowdLayer
from .methods.noise_adaptation import noise_adaptation
from .methods.trace import TraceRegularised
from .plan import stage_of
from .results import Learned
from .trainer import Task, Trainer, coder_weights, evidence_weights
from .transition import near_identity
from .truth import posterior

TRUTH = "truth"  # the coder who knows it, for the upper bound
TRACE_START = 0.9


def learn(trainer: Trainer) -> Learned:
    """Train the method's network. Its learned truth is the posterior where the method models coders, else p."""
    plan, method = trainer.prepare(), trainer.settings.method
    human = plan.table
    networks = {}
    if method == "noise-adaptation":
        networks["mixture"] = trainer.network(Task("mixture", human))
    stage = stage_of(method)
    if method in ("majority", "dawid-skene", "truth"):
        task = Task(stage, _target(trainer, method))
    else:
        # T moves from the first step, as these methods have it.
        task = Task(
            stage,
            human,
            _model(method, human, networks),
            "mixture" if networks else None,
            trainer.settings.schedule.ltnet_lr if networks else None,
            transition_lr=trainer.settings.transitions.transition_lr,
        )
    p = trainer.network(task)
    transitions = trainer.matrices(task)
    held_out = plan.fits[stage].validation
    if "mixture" in networks:
        first = networks["mixture"]
        networks["mixture"] = soften(first, plain_temperature(first, human, plan.fits["mixture"].validation))
    if transitions is None:
        tau = plain_temperature(p, task.table, held_out)
    else:
        tau = temperature(p, transitions, task.table, held_out)
    p = networks[stage] = soften(p, tau)
    # A method without T takes its network's word for the truth: the labels add nothing to it.
    settings = trainer.settings
    weights = (
        np.zeros(len(human.coders))
        if transitions is None
        else evidence_weights(coder_weights(human, settings), settings)
    )
    if transitions is None:
        # A method without T has one all the same: what each coder said of the truth that the network sees.
        transitions, truth = confusion(human, p), p
    else:
        truth = posterior(p, transitions, human, weights)
    return Learned(
        table=human,
        method=stage,
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


def _target(trainer: Trainer, method: str) -> AnnotationTable:
    """One label (majority, truth) or distribution (Dawid–Skene) per item, as if one coder had given it."""
    human = trainer.plan.table
    n, _, k = human.shape
    said = np.zeros((n, k))
    if method == "truth":
        known = np.flatnonzero(human.annotated() & (trainer.study.truth >= 0))
        order = np.asarray([human.classes.index(c) for c in trainer.study.table.classes])
        said[known, order[trainer.study.truth[known]]] = 1.0
    else:
        found = aggregate(human, method)
        on = np.flatnonzero(human.annotated())
        if method == "majority":
            said[on, found.labels[on]] = 1.0
        else:
            said[on] = found.p[on]
    return human.keep_coders([]).with_coder(TRUTH, said)


def _model(method: str, human: AnnotationTable, networks: dict[str, FloatArray]) -> Callable[[nn.Module], Classifier]:
    _, c, k = human.shape
    if method == "crowd-layer":
        return lambda base: CrowdLayer(base, c, k)
    if method == "annot-mix":
        return lambda base: AnnotMix(base, c, k)
    if method == "trace":
        return lambda base: TraceRegularised(base, near_identity(c, k, TRACE_START))
    if method == "noise-adaptation":
        counts = confusion_counts(human, np.eye(k)[networks["mixture"].argmax(1)]).sum(0) + 1 / k
        return lambda base: noise_adaptation(base, counts / counts.sum(1, keepdims=True), c)
    return Classifier
