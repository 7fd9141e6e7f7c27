"""IPA2LT: machine coders, pseudo labels, then LTNet, which learns the latent truth and a matrix for every coder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...errors import OptionError, did_you_mean
from ...labels.labels_alone import labels_alone
from ...method import Method
from ..coders import trainable

if TYPE_CHECKING:
    from ...annotations import AnnotationTable
    from ...settings import Settings
    from ..plan import FitPlan, Material, Networks
    from ..results import Learned
    from ..trainer import Trainer

MOST_NAMED = 3


def learn(trainer: Trainer) -> Learned:
    """Train all networks; see :mod:`ltnet_core.learning.ipa2lt`."""
    from .. import ipa2lt

    return ipa2lt.learn(trainer)


def networks(material: Material) -> Networks:
    """The machine coders, a network on all labels mixed, LTNet.

    Raises
    ------
    OptionError
        the reference coder cannot be one.
    """
    from ..plan import Networks, labellers

    settings, table = material.settings, material.table
    humans = labellers(table)
    start = settings.transitions.transition_start
    by_labels = start == "dawid-skene" or (start == "auto" and labels_alone(humans).suffice)
    if settings.coders.reference is not None:
        _check_reference(settings, humans, by_labels)
    coders, notes = _machine_coders(material, humans)
    fits = {f"coder:{c}": material.fit_plan(table.annotated([c])) for c in coders}
    return Networks(fits | _last_fits(material, bool(coders), by_labels), tuple(coders), by_labels, tuple(notes))


def _machine_coders(material: Material, humans: AnnotationTable) -> tuple[list[str], list[str]]:
    """Human coders that train a network of their own, and sentences about what is unusual."""
    from ..plan import FEWEST_TRAINED

    table, options = material.table, material.settings.coders
    coders: list[str] = []
    notes: list[str] = []
    if options.machine_coders:
        coders, cannot = trainable(humans, options.fewest_annotations)
        notes += cannot
        trained = {c: int(table.annotated([c])[material.train].sum()) for c in coders}
        coders = [c for c in coders if trained[c] >= FEWEST_TRAINED]
        notes += [
            f"of the items of coder {c!r} all but {n} are held out: it gets no machine coder."
            for c, n in trained.items()
            if n < FEWEST_TRAINED
        ]
        if not options.comparisons:
            coders = [c for c in coders if (material.usable & ~table.annotated([c])).any()]
    if coders and not (material.usable & ~table.annotated()).any():
        notes.insert(0, "there are no unlabelled images; the machine coders label only what other coders labelled.")
    return coders, notes


def _last_fits(material: Material, machine_coders: bool, by_labels: bool) -> dict[str, FitPlan]:
    """What all labels mixed and LTNet train on."""
    from ..plan import FitPlan

    settings, train, validation = material.settings, material.train, material.validation
    fits = {}
    last, span = material.fit_plan(last=True), (0.0, 1.0)
    # One schedule, on all labels mixed up to the branch, from there on with LTNet's loss; a second schedule would
    # cost the network more than the right loss gives it.
    if not by_labels and settings.schedule.branch > 0:
        total = settings.epochs_for(len(train))
        shared = min(max(round(settings.schedule.branch * total), 1), max(total - 1, 1))
        remaining = max(total - shared, 1)
        span = (shared / (shared + remaining), 1.0)
        fits["warm-up"] = FitPlan(train, validation, shared, (0.0, span[0]))
        last = FitPlan(train, validation, settings.schedule.ltnet_epochs or remaining)
        if settings.coders.comparisons:
            fits["mixture"] = FitPlan(train, validation, remaining, span)
    elif settings.coders.comparisons or not by_labels:
        fits["mixture"] = material.fit_plan()
    # The items that only machine coders labelled take part: they are the bridge between the datasets. An item held
    # out for validation may carry machine labels; it must stay unseen all the same.
    items = np.setdiff1d(np.flatnonzero(material.usable), validation) if machine_coders else train
    fits["ltnet"] = FitPlan(items, validation, last.epochs, span)
    return fits


def _check_reference(settings: Settings, humans: AnnotationTable, by_labels: bool) -> None:
    reference = str(settings.coders.reference)
    if settings.coders.weight_of(reference) == 0:
        raise OptionError(f"the reference coder {reference!r} has weight 0; nothing would be learned from its labels.")
    if reference not in humans.coders:
        raise OptionError(
            f"the reference coder {reference!r} has no annotations to learn from; there are "
            f"{', '.join(humans.coders[:MOST_NAMED])}{' …' if len(humans.coders) > MOST_NAMED else ''}."
            + did_you_mean(reference, humans.coders)
        )
    if by_labels:
        raise OptionError(
            "these coders overlap so much that their labels alone determine the matrices, and a reference coder is for "
            "coders who do not; leave it out, or pass its labels as adjudications, which are taken as the "
            "truth."
        )


METHOD = Method(
    name="ltnet",
    title="LTNet",
    text="Machine coders, then LTNet: latent truth and a transition matrix for every coder.",
    task="LTNet: the latent truth and the transition matrices",
    earlier_tasks={
        "warm-up": "All labels mixed: where LTNet starts from",
        "warm-up-longer": "All labels mixed, for longer: no reference coder was found yet",
        "mixture": "All labels mixed, to the end: for comparison",
    },
    parts=frozenset({"ltnet", "coders", "matrices", "two stages", "mixup"}),
    networks=networks,
    learn=learn,
    rank=0,
)
