"""IPA2LT: train machine coders, let them label everything, train LTNet. In that order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from .aggregation import crowd_prior, shrunk_dawid_skene
from .annotations import ADJUDICATOR, AnnotationTable, FloatArray, is_machine
from .calibration import plain_temperature, soften, temperature
from .coders import add_pseudo_labels
from .ltnet import Likelihood, LTNet
from .results import Learned
from .trainer import Task, Trainer, coder_weights, evidence_weights
from .transition import ClampedTransitions, SoftmaxTransitions, near_identity
from .truth import posterior

SHARPEST = 0.9
TRUST_PER_KAPPA = 2.0
FEW, LEAST_TRUST, MOST_NAMED = 20.0, 0.1, 5


def learn(trainer: Trainer) -> Learned:
    """The three steps, and the truth they lead to."""
    settings = trainer.settings
    plan = trainer.prepare()
    humans = plan.table

    networks = {
        f"coder:{c}": trainer.network(Task(f"coder:{c}", humans.keep_coders([c]), weights=np.ones(1)))
        for c in plan.coders
    }
    warm = next((s for s in ("warm-up", "mixture") if s in plan.fits), None)
    seen = trainer.network(Task(warm, humans)) if warm is not None else None
    if warm == "mixture" and seen is not None:
        networks["mixture"] = seen
    elif "mixture" in plan.fits:
        networks["mixture"] = trainer.network(Task("mixture", humans, warm=warm))

    table = humans
    if plan.coders:
        trainer.enter("pseudo")
        predictions = {c: networks[f"coder:{c}"] for c in plan.coders}
        table = add_pseudo_labels(humans, predictions, settings.pseudo, plan.usable & ~trainer.study.is_test)

    # Where the labels alone tell T, they need no network, and T alone says whom to believe.
    held_out = plan.fits["ltnet"].validation
    trusted: dict[str, float] = {}
    if seen is not None and not plan.by_labels and settings.trust == "held-out":
        labellers = humans.keep_coders([c for c in humans.coders if c != ADJUDICATOR])
        trusted = trust(seen, labellers, held_out)
        trainer.note(trust_note(trusted))
    weights = coder_weights(table, settings, trusted)
    given = np.asarray([c in settings.given for c in table.coders], dtype=np.bool_)
    if settings.transition_start == "identity":
        start, prior = near_identity(len(table.coders), len(table.classes), settings.start_diagonal), None
    else:
        seen = None if plan.by_labels or seen is None else sharpened(seen, humans, held_out)
        start, pseudo_counts = first_matrices(table, seen, weights, given)
        prior = pseudo_counts / total_mass(table, weights, settings.likelihood)

    def model(base: nn.Module) -> LTNet:
        transitions = (
            SoftmaxTransitions(start, given)
            if settings.transition_floor is None
            else ClampedTransitions(start, settings.transition_floor)
        )
        return LTNet(base, transitions, settings.likelihood, prior, settings.double_softmax)

    # Where the labels alone do not tell T, a poor p would drag it along: LTNet starts from weights trained on all
    # labels mixed, as the authors' does.
    task = Task(
        "ltnet",
        table,
        model,
        warm=None if plan.by_labels else warm,
        lr=settings.ltnet_lr if warm == "mixture" and not plan.by_labels else settings.lr,
        transition_lr=settings.transition_lr,
        transition_delay=settings.transition_delay,
        weights=weights,
    )
    p = trainer.network(task)
    transitions = trainer.matrices(task)
    assert transitions is not None
    transitions[given] = np.eye(len(table.classes))
    # What machine coders say of a held-out image comes from the image too: only humans can tell how sure p may be.
    own = transitions[[table.coder_index(c) for c in humans.coders]]
    tau = temperature(p, own, humans, held_out)
    p = soften(p, tau)
    # What LTNet is compared with is calibrated alike, each on what was held out from it.
    for stage, seen_by in networks.items():
        own_labels = humans if stage == "mixture" else humans.keep_coders([stage.removeprefix("coder:")])
        networks[stage] = soften(seen_by, plain_temperature(seen_by, own_labels, plan.fits[stage].validation))
    evidence = evidence_weights(weights, settings)
    return Learned(
        table=table,
        method="ltnet",
        transitions=transitions,
        start=start,
        posterior=posterior(p, transitions, table, evidence),
        temperature=tau,
        networks={**networks, "ltnet": p},
        usable=plan.usable,
        items=plan.pooled,
        weights=evidence,
        features=trainer.features(task),
        given=settings.given,
    )


def trust(p: FloatArray, table: AnnotationTable, held_out: NDArray[np.int64]) -> dict[str, float]:
    """coder → weight of its annotations in (0, 1], the best coder's is 1.

    A transition matrix explains errors that depend on the truth alone. People also err more
    where the image itself is unclear, and then their labels say less than T makes of them,
    the more so the more they err. So a coder weighs as much as the network's rate of
    disagreement with the best coder's held-out annotations is of that with its own; coders
    with few held-out annotations are drawn towards the rate of all.
    ``p`` (N,K) is what a network trained on all labels mixed sees.
    """
    at = np.flatnonzero(np.isin(table.item, held_out))
    # Of a coder's votes for an item, the class with the most: how a crowd splits says how clear an image is.
    at = at[np.lexsort((-table.count[at], table.coder[at], table.item[at]))]
    item, coder = table.item[at], table.coder[at]
    first = np.append(True, (np.diff(item) != 0) | (np.diff(coder) != 0))[: len(at)]
    missed = p.argmax(1)[item[first]] != table.label[at][first]
    c = len(table.coders)
    total = np.bincount(coder[first], minlength=c).astype(np.float64)
    wrong = np.bincount(coder[first], missed, c)
    rate = (wrong + FEW * wrong.sum() / max(total.sum(), 1e-9) + 1e-9) / (total + FEW)
    return {name: float(max(rate.min() / r, LEAST_TRUST)) for name, r in zip(table.coders, rate, strict=True)}


def trust_note(trusted: dict[str, float]) -> str:
    """A sentence about what each coder's labels weigh."""
    if len(trusted) > MOST_NAMED:
        low = min(trusted, key=lambda c: trusted[c])
        return f"labels weigh between {trusted[low]:.2f} ({low!r}) and 1, by how often the network meets them."
    told = ", ".join(f"{c!r} {w:.2f}" for c, w in trusted.items())
    return f"labels weigh {told}, by how often the network meets those of held-out images."


def first_matrices(
    table: AnnotationTable, seen: FloatArray | None, weights: FloatArray, given: NDArray[np.bool_] | None = None
) -> tuple[FloatArray, FloatArray]:
    """(C,K,K) T before LTNet trains, and the pseudo counts of its prior.

    Both come from Dawid–Skene with matrices shrunk towards the crowd's, on labels alone or
    with ``seen`` (N,K), what a network sees in each item, for a prior of its truth. Coders
    ``given`` (C,) are taken at their word. Dawid–Skene takes coders for independent, which
    machine coders are not: all of them see the image alone, as ``seen`` does. So their
    annotations count by their weight in the loss, and those that weigh nothing not at all.
    """
    machine = np.asarray([is_machine(c) for c in table.coders], dtype=np.bool_)
    share = np.where(machine, np.minimum(weights, 1.0), weights > 0)[table.coder]
    on = share > 0
    counted = replace(
        table,
        item=table.item[on],
        coder=table.coder[on],
        label=table.label[on],
        count=(table.count * share)[on].astype(np.float32),
    )
    found = shrunk_dawid_skene(counted, item_prior=seen, given=given)
    learned = np.ones(len(table.coders), dtype=np.bool_) if given is None else ~given
    pseudo_counts = np.zeros_like(found.counts)
    pseudo_counts[learned] = crowd_prior(found.counts[learned])
    return found.transitions, pseudo_counts


def total_mass(table: AnnotationTable, weights: FloatArray, likelihood: Likelihood) -> float:
    """What LTNet's loss would be divided by were all items one batch, see :meth:`~ltnet_core.ltnet.LTNet.mass`."""
    per_item = np.bincount(table.item, table.count * weights[table.coder])
    return float((per_item if likelihood == "separate" else np.minimum(per_item, 1)).sum())


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
