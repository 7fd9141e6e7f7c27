"""Aggregation ``auto``: an average of models, weighed by how well they predict left-out annotations.

A ladder of models, each a special case of the next: a coder knows the class or guesses; her matrix may
leave that form, the more freely the weaker the prior (:mod:`.guessing`); items may be unclear, every coder
judging them by chance, or each in her own way (:mod:`.unclear_items`). Each model discounts the annotations
of an item by the correlation of errors under which it best predicts those left out (:mod:`.held_out`).
The truth is the average of the models under the weights that make the left-out annotations most probable
(stacking: Y. Yao, A. Vehtari, D. Simpson and A. Gelman, *Using stacking to average Bayesian predictive
distributions*, Bayesian Analysis 13, 2018). Known truth plays no part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import entr, logsumexp

from ...annotations import AnnotationTable, FloatArray
from ..identifiability import undetermined
from .estimate import Estimate
from .few_parameters import know_or_guess
from .guessing import guessing_matrices, strength
from .held_out import CORRELATIONS, FOLDS, LeftOut, first_best, folds, left_out_probability, truth, unaided_probability
from .majority_vote import drawn_fairly
from .majority_vote import estimate as majority_estimate
from .shrinkage import estimate as shrunk_estimate
from .unclear_items import LEAN, Parameters, Rows, States, maximise

NAME = "auto"

STRENGTHS = (1e6, 300.0, 30.0, 3.0)  # pseudo annotations per row of T; the first leaves the form as it is
ROUNDS = 4
CHANGE = 1e-4
STACKING_STEPS = 2000
STACKING_CHANGE = 1e-7
CLEARLY = 2.0  # standard errors
NOTABLY = 1e-3  # nats per annotation: a tenth of a percent of its probability
FEWEST = 20  # left-out annotations that can decide anything
FEW = 1000  # left-out annotations; with fewer the confidence of drawn crowds was .09 too high, see EXPERIMENTS.md
KEPT = 0.7  # of the effective number of classes that the votes have
MOST_LEAN = 0.95
MOST_STRENGTH = 3000.0  # of matrices that are to be learned further
FIRST_STRENGTH = 4.0  # of the crowd in every λ_c, before anything is known
# Limits, in numbers read by an iteration or held by an array: they bound time and memory.
MOST_WORK_IN_ALL_FOLDS = 2e6  # annotations × states; above, one fold decides
MOST_WORK_UNCLEAR = 5e6  # annotations × states; above, all items are taken for clear
MOST_CELLS_UNCLEAR = 2e6  # coders × classes × states; above, all items are taken for clear
MOST_CELLS = 4e6  # coders × classes²; above, no coder has a matrix
MOST_WORK = 2e8  # annotations × classes; above, no annotation is left out

TOO_FEW = f" Fewer than {FEW:,} annotations decided: the confidence may be a tenth too high."
CLEAR, CHANCE, OWN = "clear", "judged by chance", "judged in each coder's way"


@dataclass(frozen=True)
class Model:
    """A rung of the ladder: what an item may be, and how strongly T is held to knowing or guessing."""

    items: str
    strength: float


@dataclass(frozen=True)
class Chosen:
    """The average of the models.

    Attributes
    ----------
    p : (N,K) truth; a row of NaN where an item has no annotation.
    transitions : (C,K,K) average matrices of the coders on clear items.
    weights : model → its weight and its correlation of errors ρ.
    left_out : number of annotations that decided.
    """

    p: FloatArray
    transitions: FloatArray
    weights: dict[Model, tuple[float, float]]
    left_out: int

    @property
    def correlation(self) -> float:
        """Mean correlation of the coders' errors on an item."""
        return sum(w * rho for w, rho in self.weights.values())

    @property
    def strength(self) -> float:
        """Pseudo annotations behind each row of T: the geometric mean of the models'."""
        return float(np.exp(sum(w * np.log(min(m.strength, MOST_STRENGTH)) for m, (w, _) in self.weights.items())))

    def note(self) -> str:
        """What was chosen and why, in a sentence."""
        kinds = {kind: sum(w for m, (w, _) in self.weights.items() if m.items == kind) for kind in (CLEAR, CHANCE, OWN)}
        pulls = [sum(w for m, (w, _) in self.weights.items() if m.strength == s) for s in STRENGTHS]
        if len({m.items for m in self.weights}) == 1:
            items = "all taken for clear, because there are too many annotations or classes to try unclear ones"
        elif not kinds[CHANCE] + kinds[OWN]:
            items = "all taken for clear, because unclear ones predict no better"
        else:
            items = f"all clear {kinds[CLEAR]:.0%}, some unclear and " + ", some unclear and ".join(
                f"{kind} {kinds[kind]:.0%}" for kind in (CHANCE, OWN)
            )
        matrices = ", ".join(f"{s:g} {w:.0%}" for s, w in zip(STRENGTHS[1:], pulls[1:], strict=True))
        return (
            f"Models were weighed by how well they predict {self.left_out:,} left-out annotations. Items: {items}. "
            f"Coders: know or guess {pulls[0]:.0%}, own matrices with a prior worth {matrices} annotations a row. "
            f"Correlation of errors: {self.correlation:.2f}." + (TOO_FEW if self.left_out < FEW else "")
        )


def ladder(rows: Rows, items: str) -> Iterator[tuple[Model, States, Parameters]]:
    """The models of one kind of ``items``, from the strongest prior to the weakest, each from where the last ended."""
    _, c, k = rows.shape
    states = States.of(k, items != CLEAR)
    counts, shares = rows.vote_shares()
    cells = counts + guessing_matrices(counts) * STRENGTHS[0]
    t = (cells / cells.sum(2, keepdims=True)).transpose(0, 2, 1).reshape(c * k, k)
    lean = np.full(c, LEAN if items == OWN else 0.5)
    parameters = Parameters(t, lean, states.start(shares), counts, np.zeros((c, 2)), [])
    for pull in STRENGTHS:
        # A share that fell to nothing under a stronger prior would stay there.
        parameters = replace(parameters, share=states.start(states.truth(parameters.share[None])[0]))
        for _ in range(ROUNDS):
            before = parameters.t
            prior = pull * guessing_matrices(parameters.counts)
            parameters = maximise(rows, states, parameters, prior, lean_prior(parameters) if items == OWN else None)
            if np.abs(parameters.t - before).mean() < CHANGE:
                break
        yield Model(items, pull), states, parameters


def lean_prior(parameters: Parameters) -> FloatArray:
    """(2,) pseudo annotations behind every λ_c: the crowd's mean, as strong as makes the crowd most probable."""
    total = parameters.judged.sum()
    mean = float(np.clip(parameters.judged[:, 0].sum() / total, 0.5, MOST_LEAN)) if total > 0 else LEAN
    both = np.array([mean, 1 - mean])
    return both * (strength(parameters.judged, both) if total > 0 else FIRST_STRENGTH)


def too_large(table: AnnotationTable) -> str | None:
    """``coders``: too many for a matrix each; ``annotations``: too many to leave some out; else None."""
    _, c, k = table.shape
    if c * k * k > MOST_CELLS:
        return "coders"
    if len(table) * k > MOST_WORK and Rows.of(table).entries * k > MOST_WORK:
        return "annotations"
    return None


def extent(everything: Rows) -> tuple[list[str], int]:
    """The kinds of items that are tried, and in how many folds annotations are left out, of a table of that size."""
    _, c, k = everything.shape
    work = everything.entries * k * k
    kinds = [CLEAR, CHANCE, OWN] if work <= MOST_WORK_UNCLEAR and c * k**3 <= MOST_CELLS_UNCLEAR else [CLEAR]
    return kinds, FOLDS if work <= MOST_WORK_IN_ALL_FOLDS else 1


def work_of_choosing(table: AnnotationTable) -> float:
    """Numbers that an iteration of every model in every fold reads: what :func:`choose` takes grows with them."""
    everything = Rows.of(table)
    kinds, number = extent(everything)
    return float(everything.entries * len(table.classes) ** 2 * len(kinds) * (number + 1))


def choose(table: AnnotationTable) -> Chosen | None:
    """Fit the ladder, weigh its models by left-out annotations and average them; None if too few can be left out."""
    _, c, k = table.shape
    everything = Rows.of(table)
    kinds, number = extent(everything)
    logs: dict[Model, list[FloatArray]] = {}
    unaided: dict[Model, list[FloatArray]] = {}
    left: dict[Model, list[float]] = {}  # effective number of classes, as a share of that of the votes
    counts, squares, number_left_out = [np.zeros(0)], [np.zeros(0)], 0
    for fold in folds(table, number):
        number_left_out += len(fold.count)
        if not len(fold.count):
            continue
        remaining = Rows.of(fold.rest)
        left_out, voted = LeftOut.of(fold, remaining), effective_number(remaining.vote_shares()[1])
        counts.append(left_out.count)
        squares.append(left_out.squares)
        for kind in kinds:
            for model, states, parameters in ladder(remaining, kind):
                logs.setdefault(model, []).append(np.log(left_out_probability(remaining, states, parameters, left_out)))
                unaided.setdefault(model, []).append(np.log(unaided_probability(states, parameters, left_out)))
                named = effective_number(states.truth(parameters.share[None])[0])
                left.setdefault(model, []).append(named / voted)
    if number_left_out < FEWEST:
        return None
    count = np.concatenate(counts)
    by_correlation = {model: np.concatenate(parts, axis=1) for model, parts in logs.items()}
    best = {model: first_best(log @ count) for model, log in by_correlation.items()}
    predicted = {model: log[best[model]] for model, log in by_correlation.items()}
    gains = {model: predicted[model] - np.concatenate(parts) for model, parts in unaided.items()}
    kept = {model: float(np.mean(parts)) for model, parts in left.items()}
    known = that_know(gains, kept, count, np.concatenate(squares))
    weights = dict.fromkeys(predicted, 0.0) | weigh({m: predicted[m] for m in known}, count, np.concatenate(squares))
    chosen = {model: (weight, CORRELATIONS[best[model]]) for model, weight in weights.items()}
    p, transitions = np.zeros((len(table.items), k)), np.zeros((c, k, k))
    for kind in [kind for kind in kinds if any(w for m, (w, _) in chosen.items() if m.items == kind)]:
        for model, states, parameters in ladder(everything, kind):
            weight, correlation = chosen[model]
            p += weight * truth(everything, states, parameters, correlation)
            transitions += weight * parameters.t.reshape(c, k, k).transpose(0, 2, 1)
    return Chosen(p / p.sum(1, keepdims=True), transitions / transitions.sum(2, keepdims=True), chosen, number_left_out)


def that_know(
    gains: dict[Model, FloatArray], kept: dict[Model, float], count: FloatArray, squares: FloatArray
) -> list[Model]:
    """The models that may know the truth: those that keep the classes that coders name, or show what they know.

    Where many coders have few annotations, or always say the same, the items of all classes can become one: the
    matrices then hold each coder's habits, which predict left-out annotations well and tell no truth. Where a model
    has less than ``KEPT`` of the votes' classes, the other annotations of an item have to make the left-out one more
    probable, as by :func:`clearly`. Without a model of clear items that keeps or knows, all are returned.

    Parameters
    ----------
    gains : model → (D,) log probability of each kind of left-out annotation, less that without the item's others.
    kept : model → effective number of its classes, as a share of that of the votes.
    count, squares : (D,) sums of the annotations' counts and of their squares.
    """
    known = [model for model, gain in gains.items() if kept[model] >= KEPT or clearly(gain, count, squares)]
    return known if any(model.items == CLEAR for model in known) else list(gains)


def clearly(gain: FloatArray, count: FloatArray, squares: FloatArray) -> bool:
    """Whether ``gain`` (D,), in nats, is above 0 by ``CLEARLY`` standard errors and by ``NOTABLY`` an annotation."""
    return bool(count @ gain > max(CLEARLY * np.sqrt(squares @ gain**2), NOTABLY * count.sum()))


def effective_number(shares: FloatArray) -> float:
    """How many classes of equal size are as even as ``shares`` (K,): exp of the entropy."""
    return float(np.exp(entr(shares / shares.sum()).sum()))


def weigh(logs: dict[Model, FloatArray], count: FloatArray, squares: FloatArray) -> dict[Model, float]:
    """The weight of each model, from the log probability (D,) it gives to each kind of left-out annotation.

    ``count`` and ``squares`` (D,) are the sums of the annotations' counts and of their squares.
    Unclear items have to be worth their states: where the left-out annotations do not become more probable, as by
    :func:`clearly`, all items are taken for clear.
    """
    clear = [model for model in logs if model.items == CLEAR]
    few, many = (stacking(np.stack([logs[m] for m in models]), count) for models in (clear, list(logs)))
    weights = dict.fromkeys(logs, 0.0) | dict(zip(clear, few.tolist(), strict=True))
    if len(clear) < len(logs):
        mixed = [
            logsumexp(np.stack([logs[m] for m in models]), axis=0, b=w[:, None])
            for models, w in ((clear, few), (list(logs), many))
        ]
        if clearly(mixed[1] - mixed[0], count, squares):
            weights = dict(zip(logs, many.tolist(), strict=True))
    return weights


def stacking(logs: FloatArray, count: FloatArray) -> FloatArray:
    """(models,) weights, summing to 1, under which the mixture's log probability of the annotations is largest.

    ``logs`` (models,D) and ``count`` (D,). EM; the problem is concave.
    """
    likely = np.exp(logs - logs.max(0))
    weights = np.full(len(logs), 1 / len(logs))
    share = count / count.sum()
    for _ in range(STACKING_STEPS):
        new = weights * (likely @ (share / (weights @ likely)))
        moved = np.abs(new - weights).max()
        weights = new
        if moved < STACKING_CHANGE:
            break
    return weights


def estimate(table: AnnotationTable) -> Estimate:
    """The method ``auto``: the average of the ladder, or what is left where that cannot be had."""
    large = too_large(table)
    nothing_left_out = "nothing was left out to choose a model by, and the confidence is not calibrated."
    if large == "coders":
        few = know_or_guess(table)
        note = "There are too many coders or classes for a matrix each: every coder knows the class or guesses; "
        note += nothing_left_out
        return Estimate(few.p, drawn_fairly(few.p, table), few.matrices, note)
    if large == "annotations":
        return replace(
            shrunk_estimate(table),
            note=f"There are many annotations: the method is shrunk-dawid-skene; {nothing_left_out}",
        )
    chosen = choose(table)
    if chosen is None:
        note = (
            f"Fewer than {FEWEST} annotations can be left out of items that keep another one, too few to choose a "
            "model by: the truth is the majority vote, and its confidence is the share of the votes, which does not "
            "say how often the coders are right."
        )
        return replace(majority_estimate(table), note=note)
    note = " ".join(part for part in (chosen.note(), undetermined(table)) if part)
    return Estimate(chosen.p, drawn_fairly(chosen.p, table), lambda: chosen.transitions, note)
