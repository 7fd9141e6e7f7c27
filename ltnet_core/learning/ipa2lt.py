"""IPA2LT: train machine coders, let them label everything, train LTNet. In that order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..annotations import ADJUDICATOR, AnnotationTable, FloatArray, is_machine
from ..errors import TrainingError
from ..labels import labels_alone
from ..labels.aggregation import crowd_prior, guessing_matrices, shrunk_dawid_skene
from ..labels.truth import posterior
from ..settings import Settings
from .calibration import plain_temperature, soften, temperature
from .coder_weights import coder_weights, evidence_weights
from .coders import add_pseudo_labels
from .ltnet import Likelihood, LTNet
from .plan import FitPlan, Plan, labellers
from .results import Learned
from .shared_errors import annotation_shares, fit_shared_errors, item_shares, learned_share, votes
from .stages import Task
from .trainer import Trainer
from .transition import ClampedTransitions, SoftmaxTransitions, near_identity
from .trust import FEW, NEAR, Candidate, reference_candidate, trust, trust_note

LONGER = "warm-up-longer"  # stage that goes on where a short schedule showed no reference coder by its branch
ENOUGH_EPOCHS = 6  # on all labels mixed
LATEST_BRANCH = 0.75
SHARPEST = 0.9
TRUST_PER_KAPPA = 2.0
GUESSING = 10.0  # pseudo annotations a row of the prior by which a coder knows or guesses
UNSEEN = 0.1  # pseudo annotations of each class


def learn(trainer: Trainer) -> Learned:
    """Run the three steps of IPA2LT, calibrate, and compute the learned truth."""
    settings, plan = trainer.settings, trainer.plan
    humans = plan.table

    coders = [Task(f"coder:{c}", humans.keep_coders([c]), weights=np.ones(1)) for c in plan.coders]
    warm: str | None = next((s for s in ("warm-up", "mixture") if s in plan.fits), None)
    networks = trainer.networks([*coders, *([] if warm is None else [Task(warm, humans)])])
    mixed_p = None if warm is None else networks.pop(warm)
    if warm == "mixture" and mixed_p is not None:
        networks["mixture"] = mixed_p
    elif "mixture" in plan.fits:
        networks["mixture"] = trainer.network(Task("mixture", humans, warm=warm))

    table = humans
    if plan.coders:
        trainer.progress.enter("pseudo")
        predictions = {c: networks[f"coder:{c}"] for c in plan.coders}
        table = add_pseudo_labels(humans, predictions, settings.coders.pseudo, plan.usable & ~trainer.study.is_test)

    held_out = plan.fits["ltnet"].validation
    start = _start(trainer, table, mixed_p)
    if start.candidate is not None and start.reference is None and _plan_longer(plan, settings):
        later = _start(trainer, table, trainer.network(Task(LONGER, humans, warm=warm)))
        if later.reference is not None:
            start, warm = later, LONGER
            plan.fits["ltnet"] = _rest(plan)
        else:
            trainer.progress.skip(-plan.fits[LONGER].cost)
    for note in start.notes:
        trainer.progress.note(note)
    fallible = np.asarray([not is_machine(c) for c in table.coders], dtype=np.bool_) & ~start.certain
    task = _task(trainer, table, fallible, start, None if plan.by_labels else warm)
    p = trainer.network(task)
    transitions = trainer.matrices(task)
    if transitions is None:
        raise TrainingError(f"the network of stage {task.stage!r} has no transition matrices.")
    transitions[start.certain] = np.eye(len(table.classes))
    judging = calibration_annotations(task.table.keep_coders(humans.coders), start.reference, held_out)
    tau = temperature(p, transitions[[table.coder_index(c) for c in judging.coders]], judging, held_out)
    p = soften(p, tau)
    # What LTNet is compared with is calibrated alike, each on what was held out from it.
    for stage, network_p in networks.items():
        own_labels = humans if stage == "mixture" else humans.keep_coders([stage.removeprefix("coder:")])
        networks[stage] = soften(network_p, plain_temperature(network_p, own_labels, plan.fits[stage].validation))
    evidence = evidence_weights(start.weights, settings)
    truth = _truth(trainer, p, transitions, table, evidence, fallible)
    return Learned(
        table=table,
        method="ltnet",
        transitions=transitions,
        start=start.transitions,
        posterior=truth.r,
        temperature=tau,
        networks={**networks, "ltnet": p},
        usable=plan.usable,
        items=plan.pooled,
        weights=evidence,
        features=trainer.features(task),
        certain=settings.coders.given,
        reference_coder=start.reference,
        shares=truth.shares,
        sharpness=truth.sharpness,
        assumed=None if start.pseudo_counts is None else start.pseudo_counts.sum(2),
    )


@dataclass(frozen=True)
class Start:
    """What LTNet starts from.

    Attributes
    ----------
    transitions : (C,K,K) T.
    pseudo_counts : (C,K,K) of its prior, or None.
    mass : weight of all annotations in the loss.
    weights : (C,) of the coders in the loss.
    certain : (C,) whether the labels of a coder are the truth.
    reference : the reference coder, whose labels fix what the classes mean; None where there is none.
    correlation : ρ of the coders' errors on an item.
    candidate : who may be the reference coder, where one was looked for.
    notes : sentences about all this.
    """

    transitions: FloatArray
    pseudo_counts: FloatArray | None
    mass: float
    weights: FloatArray
    certain: NDArray[np.bool_]
    reference: str | None
    correlation: float
    candidate: Candidate | None = None
    notes: tuple[str, ...] = ()


def _plan_longer(plan: Plan, settings: Settings) -> bool:
    """Plan to go on with all labels mixed until three quarters of a short schedule; False where it is not short.

    A network after two or three passes may see too little of the images to show the reference coder. If it does so
    later, LTNet goes on from there; if not, it needs more passes of its own, and takes them all.
    """
    fits = plan.fits
    if "warm-up" not in fits or settings.schedule.ltnet_epochs is not None:
        return False
    first, last = fits["warm-up"], fits["ltnet"]
    total = first.epochs + last.epochs
    until = int(LATEST_BRANCH * total)
    if not first.epochs < ENOUGH_EPOCHS <= total:
        return False
    fits[LONGER] = FitPlan(first.train, first.validation, until - first.epochs, (first.span[1], until / total))
    return True


def _rest(plan: Plan) -> FitPlan:
    """What is left for LTNet after the longer training on all labels mixed."""
    longer, last = plan.fits[LONGER], plan.fits["ltnet"]
    return FitPlan(last.train, last.validation, last.epochs - longer.epochs, (longer.span[1], 1.0))


def _start(trainer: Trainer, table: AnnotationTable, mixed_p: FloatArray | None) -> Start:
    """Where T and the weights of the coders start.

    From the labels alone where coders overlap, else also from ``mixed_p`` (N,K), the p of the network that was
    trained on all labels mixed.
    """
    settings, options, plan = trainer.settings, trainer.settings.transitions, trainer.plan
    humans, held_out = plan.table, plan.fits["ltnet"].validation
    reference = settings.coders.reference
    certain = np.asarray([c in settings.coders.given for c in table.coders], dtype=np.bool_)
    teams = labellers(humans)
    by_labels = options.transition_start in ("auto", "dawid-skene") and reference is None and bool(teams.coders)
    alone = labels_alone.labels_alone(teams) if by_labels else labels_alone.LabelsAlone(None, False)
    trusted: dict[str, float] = {}
    notes: list[str] = []
    candidate = None
    if alone.chosen is not None:
        notes.append(labels_alone.note(alone))
    elif mixed_p is not None and teams.coders and not plan.by_labels and settings.coders.trust == "held-out":
        trusted = trust(mixed_p, teams, held_out)
        notes.append(trust_note(trusted))
    weights = coder_weights(table, settings, trusted)
    if options.transition_start == "identity":
        start = near_identity(len(table.coders), len(table.classes), options.start_diagonal)
        return Start(start, None, 1.0, weights, certain, reference, 0.0, notes=tuple(notes))
    if alone.chosen is not None:
        start, pseudo_counts = labels_alone.first_matrices(alone.chosen, table)
    else:
        mixed_p = None if plan.by_labels else mixed_p
        start, pseudo_counts, candidate = _start_from_labels(trainer, table, mixed_p, weights, certain)
    if candidate is not None:
        notes.append(candidate.note())
        reference = candidate.coder if candidate.is_reference else None
    mass = total_mass(table, weights, options.likelihood)
    return Start(start, pseudo_counts, mass, weights, certain, reference, alone.correlation, candidate, tuple(notes))


def _start_from_labels(
    trainer: Trainer,
    table: AnnotationTable,
    mixed_p: FloatArray | None,
    weights: FloatArray,
    certain: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray, Candidate | None]:
    """T (C,K,K), its pseudo counts (C,K,K), and, if no coder is named, who by ``mixed_p`` (N,K) may be the reference.

    T is that with this reference coder.
    """
    humans, held_out, options = trainer.plan.table, trainer.plan.fits["ltnet"].validation, trainer.settings.coders
    sharp = None if mixed_p is None else sharpened(mixed_p, humans, held_out)
    start, pseudo_counts = first_matrices(table, sharp, weights, certain, options.reference)
    heard = humans.keep_coders([c for c in humans.coders if c != ADJUDICATOR and options.weight_of(c)])
    if mixed_p is None or options.reference is not None or not options.find_reference or not heard.coders:
        return start, pseudo_counts, None
    candidate = reference_candidate(mixed_p, heard, held_out, dict(zip(table.coders, start, strict=True)))
    if candidate is not None and candidate.is_reference:
        start, pseudo_counts = first_matrices(table, sharp, weights, certain, candidate.coder)
    return start, pseudo_counts, candidate


@dataclass(frozen=True)
class Truth:
    """The posterior r (N,K), the share (N,) that the annotations of each item count in it, and its sharpness β."""

    r: FloatArray
    shares: FloatArray
    sharpness: float


def _task(
    trainer: Trainer, table: AnnotationTable, fallible: NDArray[np.bool_], start: Start, warm: str | None
) -> Task:
    """The task that trains LTNet, from the weights of stage ``warm``.

    Where the labels alone do not determine T, a poor p would pull T away from its start, so LTNet starts from weights
    trained on all labels mixed, as the authors' does. The annotations of coders ``fallible`` (C,) count
    1 / (1 + (n − 1)·ρ).
    """
    schedule, options = trainer.settings.schedule, trainer.settings.transitions

    def model(base: nn.Module) -> LTNet:
        transitions = (
            SoftmaxTransitions(start.transitions, start.certain)
            if options.transition_floor is None
            else ClampedTransitions(start.transitions, options.transition_floor)
        )
        prior = None if start.pseudo_counts is None else start.pseudo_counts / start.mass
        return LTNet(base, transitions, options.likelihood, prior, options.double_softmax)

    share = annotation_shares(item_shares(table, fallible, start.correlation), table, fallible)
    return Task(
        "ltnet",
        replace(table, count=(table.count * share).astype(np.float32)),
        model,
        warm=warm,
        lr=schedule.ltnet_lr if warm == "mixture" else schedule.lr,
        transition_lr=options.transition_lr,
        transition_delay=options.transition_delay,
        weights=start.weights,
        even=start.reference is not None and start.pseudo_counts is not None,
    )


def _truth(
    trainer: Trainer,
    p: FloatArray,
    transitions: FloatArray,
    table: AnnotationTable,
    weights: FloatArray,
    fallible: NDArray[np.bool_],
) -> Truth:
    """The learned truth, no surer than left-out annotations allow; errors of ``fallible`` coders (C,) correlate."""
    fit = trainer.plan.fits["ltnet"]
    annotated = votes(table, fallible) > 0
    correlation, beta = fit_shared_errors(p, transitions, table, weights, fallible)
    of_item = item_shares(table, fallible, correlation)
    train, held_out = fit.train[annotated[fit.train]], fit.validation[annotated[fit.validation]]
    of_item[train] *= learned_share(p, transitions, table, weights, of_item, beta, fallible, train, held_out)
    r = posterior(p, transitions, table, weights, annotation_shares(of_item, table, fallible))
    r[annotated] = soften(r[annotated], 1 / beta)
    return Truth(r, of_item, beta)


def calibration_annotations(
    humans: AnnotationTable, reference: str | None, held_out: NDArray[np.int64]
) -> AnnotationTable:
    """The annotations from which the temperature of p is estimated: the reference coder's, else all of ``humans``.

    Annotations of machine coders come from the image, as p does, so they cannot test it. Coders other than the
    reference may err on unclear images in a way that T does not model; p would be made less sure because of it.
    """
    if reference is None:
        return humans
    own = humans.keep_coders([reference])
    return own if np.isin(own.item, held_out).sum() >= FEW else humans


def first_matrices(
    table: AnnotationTable,
    item_prior: FloatArray | None,
    weights: FloatArray,
    certain: NDArray[np.bool_] | None = None,
    reference: str | None = None,
) -> tuple[FloatArray, FloatArray]:
    """(C,K,K) T before LTNet trains, and the pseudo counts of its prior.

    Both come from Dawid–Skene with matrices shrunk towards the crowd's. ``item_prior`` (N,K), the
    p of a network, is the prior of each item's truth; None for the labels alone. The labels of
    coders ``certain`` (C,) are the truth. Dawid–Skene takes coders for independent. Machine coders
    are not: each of them sees only the image, as the network of ``item_prior`` does. So their
    annotations count by ``weights`` (C,), at most 1, and an annotation of weight 0 not at all.

    Where coders do not overlap, the pair (p·M, M⁻¹·T) fits the labels as well as (p, T), for any M.
    The T of the ``reference`` coder starts near the identity, and the T of the others as if its
    labels were the truth. That chooses one of these pairs.
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
    fixed = np.zeros(len(table.coders), dtype=np.bool_) if certain is None else certain.copy()
    if reference is not None:
        fixed[table.coder_index(reference)] = True
    estimate = shrunk_dawid_skene(counted, item_prior=item_prior, certain=fixed, prior=row_prior)
    start, pseudo_counts = estimate.transitions, np.zeros_like(estimate.counts)
    if not fixed.all():
        pseudo_counts[~fixed] = row_prior(estimate.counts[~fixed])
    if reference is not None:
        at = table.coder_index(reference)
        start[at] = nearly_right(class_shares(table.keep_coders([reference])))
        pseudo_counts[at] = start[at]
    return start, pseudo_counts


def row_prior(counts: FloatArray) -> FloatArray:
    """(C,K,K) pseudo counts of T: those of the crowd, and ten a row of a coder who knows the class or guesses.

    A few coders are no crowd. Without the ten, the row of a rare class would be even, and its class the best
    explanation of every unusual label.
    """
    return crowd_prior(counts) + GUESSING * guessing_matrices(counts)


def class_shares(table: AnnotationTable) -> FloatArray:
    """(K,) share of each class in the annotations, above 0."""
    annotations = np.bincount(table.label, weights=table.count, minlength=len(table.classes)) + UNSEEN
    return np.asarray(annotations / annotations.sum())


def nearly_right(shares: FloatArray) -> FloatArray:
    """(K,K) T with ``NEAR`` on the diagonal and errors in proportion to the class shares (K,) of the coder's labels.

    Errors spread evenly would be more labels of a rare class than there are.
    """
    k = len(shares)
    wrong = np.tile(shares, (k, 1)) * (1 - np.eye(k))
    return np.asarray(NEAR * np.eye(k) + (1 - NEAR) * wrong / wrong.sum(1, keepdims=True))


def total_mass(table: AnnotationTable, weights: FloatArray, likelihood: Likelihood) -> float:
    """``LTNet.mass`` of all items as one batch: the divisor of the loss."""
    per_item = np.bincount(table.item, table.count * weights[table.coder])
    return float((per_item if likelihood == "separate" else np.minimum(per_item, 1)).sum())


def sharpened(p: FloatArray, table: AnnotationTable, held_out: NDArray[np.int64]) -> FloatArray:
    """(N,K) t on the most probable class of ``p`` plus (1 − t) · shares of the labels; t = min(2·κ, .9), at least 0.

    κ is the kappa of the most probable class with the annotations of held-out items. A network
    trained on the labels of coders spreads p as the coders err, so T would have nothing to explain.
    1 − t spread evenly would give a rare class many times the items that it has.
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
    sharp = np.tile((1 - trust) * class_shares(table), (n, 1))
    sharp[np.arange(n), best] += trust
    return sharp
