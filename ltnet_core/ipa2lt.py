"""IPA2LT: train machine coders, let them label everything, train LTNet. In that order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from .aggregation import crowd_prior, shrunk_dawid_skene
from .annotations import AnnotationTable, FloatArray
from .calibration import soften, temperature
from .coders import add_pseudo_labels
from .ltnet import LTNet
from .results import Learned
from .settings import Settings
from .trainer import Task, Trainer, coder_weights
from .transition import ClampedTransitions, SoftmaxTransitions, near_identity
from .truth import posterior

SHARPEST = 0.9
TRUST_PER_KAPPA = 2.0


def learn(trainer: Trainer) -> Learned:
    """The three steps, and the truth they lead to."""
    settings = trainer.settings
    plan = trainer.prepare()
    humans = plan.table

    networks = {f"coder:{c}": trainer.network(Task(f"coder:{c}", humans.keep_coders([c]))) for c in plan.coders}
    if "mixture" in plan.fits:
        networks["mixture"] = trainer.network(Task("mixture", humans))

    table = humans
    if plan.coders:
        trainer.enter("pseudo")
        predictions = {c: networks[f"coder:{c}"] for c in plan.coders}
        table = add_pseudo_labels(humans, predictions, settings.pseudo, plan.usable & ~trainer.study.is_test)

    if settings.transition_start == "identity":
        start, prior = near_identity(len(table.coders), len(table.classes), settings.start_diagonal), None
    else:
        seen = None if plan.by_labels else sharpened(networks["mixture"], humans, plan.fits["mixture"].validation)
        start, prior = first_matrices(table, seen, settings)

    def model(base: nn.Module) -> LTNet:
        transitions = (
            SoftmaxTransitions(start)
            if settings.transition_floor is None
            else ClampedTransitions(start, settings.transition_floor)
        )
        return LTNet(base, transitions, settings.likelihood, prior, settings.double_softmax)

    # Where the labels alone do not tell T, a poor p would drag it along: LTNet starts from the mixture's weights, as
    # the authors' does.
    task = Task(
        "ltnet",
        table,
        model,
        warm=None if plan.by_labels else "mixture",
        lr=settings.lr if plan.by_labels else settings.ltnet_lr,
        transition_lr=settings.transition_lr,
        transition_delay=settings.transition_delay,
    )
    p = trainer.network(task)
    transitions = trainer.matrices(task)
    assert transitions is not None
    # What machine coders say of a held-out image comes from the image too: only humans can tell how sure p may be.
    own = transitions[[table.coder_index(c) for c in humans.coders]]
    tau = temperature(p, own, humans, plan.fits["ltnet"].validation)
    p = soften(p, tau)
    weights = coder_weights(table, settings)
    return Learned(
        table=table,
        method="ltnet",
        transitions=transitions,
        start=start,
        posterior=posterior(p, transitions, table, weights),
        temperature=tau,
        networks={**networks, "ltnet": p},
        usable=plan.usable,
        items=plan.pooled,
    )


def first_matrices(
    table: AnnotationTable, seen: FloatArray | None, settings: Settings
) -> tuple[FloatArray, FloatArray]:
    """(C,K,K) T before LTNet trains, and its prior as pseudo counts by the weight of all annotations.

    Both come from Dawid–Skene with matrices shrunk towards the crowd's, on labels alone or
    with ``seen`` (N,K), what a network sees in each item, for a prior of its truth.
    """
    found = shrunk_dawid_skene(table, item_prior=seen)
    weight = float((table.count * coder_weights(table, settings)[table.coder]).sum())
    return found.transitions, crowd_prior(found.counts) / weight


def sharpened(p: FloatArray, table: AnnotationTable, held_out: NDArray[np.int64]) -> FloatArray:
    """(N,K) ``p`` as its most probable class alone, with a probability of at most .9.

    A network trained on the coders' labels spreads p the way the coders err, and T would
    explain nothing. How far its first choice is trusted follows from its kappa with the
    annotations of held-out items: a network that learned nothing says nothing.
    """
    n, k = p.shape
    best = p.argmax(1)
    entry = np.isin(table.item, held_out)
    label, weight, first = table.label[entry], table.count[entry], best[table.item[entry]]
    total = max(float(weight.sum()), 1e-9)
    agree = float((weight * (first == label)).sum()) / total
    shares = [np.bincount(x, weights=weight, minlength=k) / total for x in (first, label)]
    chance = float(shares[0] @ shares[1])
    kappa = (agree - chance) / max(1 - chance, 1e-9) if entry.any() else 0.0
    trust = min(max(TRUST_PER_KAPPA * kappa, 0.0), SHARPEST)
    sharp = np.full((n, k), (1 - trust) / k)
    sharp[np.arange(n), best] += trust
    return sharp
