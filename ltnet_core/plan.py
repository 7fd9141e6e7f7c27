"""Which networks train on what, and how much work that is; decided before anything is trained."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .annotations import ADJUDICATOR, AnnotationTable
from .coders import trainable
from .datasets import Study
from .errors import DatasetError, OptionError, did_you_mean
from .identifiability import labels_suffice, overlap_notes
from .settings import Settings

PREDICT_COST = 2.5  # of one training image: a forward pass of each of its six views (measured: 2.2 to 3.1)
FEATURE_COST = 0.3
DECODE_COST = 0.15
MOST_NAMED = 3
MOST_HELD_OUT = 2500  # enough to tell epochs apart and to choose a temperature; more would only be lost to training

Items = NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """What one network trains on: disjoint items, and passes over the first of them.

    ``span`` is the part of a schedule that these passes are.
    """

    train: Items
    validation: Items
    epochs: int
    span: tuple[float, float] = (0.0, 1.0)

    @property
    def cost(self) -> int:
        """Images that go through the network."""
        return self.epochs * (len(self.train) + len(self.validation))


@dataclass(frozen=True)
class Plan:
    """What trains on what, in canonical order.

    Attributes
    ----------
    table : human annotations of the items to learn from.
    usable : (N,) items whose image could be read.
    fits : stage → what its network trains on, in the order of the work.
    coders : human coders that train a network of their own.
    by_labels : whether T starts from the labels alone (Dawid–Skene) and LTNet from fresh
        weights, because they suffice.
    pooled : all items to learn from, unlabelled ones too.
    notes : what is unusual about the dataset, a sentence each.
    """

    table: AnnotationTable
    usable: NDArray[np.bool_]
    fits: dict[str, Fit]
    coders: tuple[str, ...]
    by_labels: bool
    pooled: Items
    notes: tuple[str, ...]

    def work(self) -> float:
        """Work of the whole run, in images trained on once."""
        n = len(self.usable)
        return (DECODE_COST + FEATURE_COST) * n + sum(f.cost + PREDICT_COST * n for f in self.fits.values())


def make_plan(
    study: Study, human: AnnotationTable, settings: Settings, seed: int, broken: Collection[str] = ()
) -> Plan:
    """Decide what trains on what.

    ``human`` holds the coders that take part, ``broken`` the images that cannot be read.

    Raises
    ------
    DatasetError
        no annotated training item has a readable image, or, for the method ``truth``,
        the truth of none is known.
    """
    notes = [f"{p.kind} ({p.count:,}): {p.examples[0]}" for p in study.problems]
    usable = ~np.isin(study.table.items, list(broken))
    learn = usable & ~study.is_test
    table, _, _ = human.keep_items(learn).canonical()
    silent = [c for c, n in zip(table.coders, table.annotations_per_coder(), strict=True) if n == 0]
    if silent:
        notes.append(f"coder {silent[0]!r} has no annotation of a readable training item; it is left out.")
        table = table.keep_coders([c for c in table.coders if c not in silent])
    if not len(table):
        raise DatasetError(f"{study.name}: no annotated training item has a readable image.")
    notes += overlap_notes(table)
    coders: list[str] = []
    if settings.method == "ltnet":
        if not (learn & ~table.annotated()).any():
            notes.append("there are no unlabelled images; the machine coders label only what other coders labelled.")
        if settings.coders.machine_coders:
            coders, cannot = trainable(_labellers(table), settings.coders.fewest_annotations)
            notes += cannot
            if not settings.coders.comparisons:
                coders = [c for c in coders if (learn & ~table.annotated([c])).any()]
    labelled = table.annotated()
    if settings.method == "truth":
        labelled = labelled & (study.truth >= 0)
        if not labelled.any():
            raise DatasetError(
                f"{study.name}: the method 'truth' needs the known truth of annotated training items; there is none."
            )
    annotated = np.flatnonzero(labelled)
    held_out = min(int(len(annotated) * settings.data.validation_share), MOST_HELD_OUT)
    validation = np.sort(np.random.default_rng([seed, 1]).permutation(annotated)[:held_out])
    train = np.setdiff1d(annotated, validation)
    pooled = np.flatnonzero(learn)
    start = settings.transitions.transition_start
    by_labels = start == "dawid-skene" or (start == "auto" and labels_suffice(_labellers(table)))
    if settings.coders.reference is not None:
        _check_reference(settings, _labellers(table), by_labels)
    fits = _fits(table, settings, coders, by_labels, train, validation, pooled)
    return Plan(table, usable, fits, tuple(coders), by_labels, pooled, tuple(notes))


def _check_reference(settings: Settings, labellers: AnnotationTable, by_labels: bool) -> None:
    reference = str(settings.coders.reference)
    if settings.coders.weight_of(reference) == 0:
        raise OptionError(f"the reference {reference!r} weighs 0; nothing would be learned from its labels.")
    if reference not in labellers.coders:
        raise OptionError(
            f"the reference {reference!r} is not a coder with annotations to learn from; there are "
            f"{', '.join(labellers.coders[:MOST_NAMED])}{' …' if len(labellers.coders) > MOST_NAMED else ''}."
            + did_you_mean(reference, labellers.coders)
        )
    if by_labels:
        raise OptionError(
            "here the coders overlap so much that their labels alone tell the matrices; a reference coder is for "
            "where they do not. Leave it out, or let its labels be adjudications to take them at their word."
        )


def _labellers(table: AnnotationTable) -> AnnotationTable:
    """The coders without the adjudicator, who spoke of a few chosen items and stands for no dataset."""
    return table.keep_coders([c for c in table.coders if c != ADJUDICATOR])


def stage_of(method: str) -> str:
    """Stage that trains a method's own network, and its name in an evaluation.

    ``train:majority`` is a network trained on the majority vote; ``majority`` is the vote itself.
    """
    return f"train:{method}" if method in ("majority", "dawid-skene", "truth") else method


def _fits(
    table: AnnotationTable,
    settings: Settings,
    coders: list[str],
    by_labels: bool,
    train: Items,
    validation: Items,
    pooled: Items,
) -> dict[str, Fit]:
    """The networks that the method trains."""

    def plain(train: Items, validation: Items) -> Fit:
        return Fit(train, validation, settings.epochs_for(len(train)))

    last = Fit(train, validation, settings.epochs_for(len(train), ltnet=True))
    if settings.method == "ltnet":
        fits = {}
        for coder in coders:
            on = table.annotated([coder])
            fits[f"coder:{coder}"] = plain(train[on[train]], validation[on[validation]])
        # One schedule, on all labels mixed up to the branch, from there on with LTNet's loss; a second schedule would
        # cost the network more than the right loss gives it.
        branches = not by_labels and settings.schedule.branch > 0
        span = (0.0, 1.0)
        if branches:
            total = settings.epochs_for(len(train))
            shared = min(max(round(settings.schedule.branch * total), 1), max(total - 1, 1))
            rest = max(total - shared, 1)
            span = (shared / (shared + rest), 1.0)
            fits["warm-up"] = Fit(train, validation, shared, (0.0, span[0]))
            last = Fit(train, validation, settings.schedule.ltnet_epochs or rest)
            if settings.coders.comparisons:
                fits["mixture"] = Fit(train, validation, rest, span)
        elif settings.coders.comparisons or not by_labels:
            fits["mixture"] = plain(train, validation)
        # The items that only machine coders labelled take part: they are the bridge between the datasets. An item held
        # out for validation may carry machine labels; it must stay unseen all the same.
        seen = np.setdiff1d(pooled, validation) if coders else train
        fits["ltnet"] = Fit(seen, validation, last.epochs, span)
        return fits
    if settings.method == "noise-adaptation":
        return {"mixture": plain(train, validation), stage_of(settings.method): last}
    return {stage_of(settings.method): plain(train, validation)}
