"""Which networks train on what, and how much work that is; decided before anything is trained."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR, AnnotationTable
from ..datasets import Study
from ..errors import DatasetError
from ..labels.identifiability import overlap_notes
from ..method import METHODS
from ..settings import Settings

PREDICT_COST = 2.5  # of one training image: a forward pass of each of its six views (measured: 2.2 to 3.1)
FEATURE_COST = 0.3
DECODE_COST = 0.15
FEWEST_TRAINED = 2  # items; batch norm knows no spread of one
MOST_HELD_OUT = 2500  # enough to tell epochs apart and to choose a temperature; more would only be lost to training

Items = NDArray[np.int64]


@dataclass(frozen=True)
class FitPlan:
    """What one network trains on: disjoint items, and passes over the first of them.

    ``span`` is the part of a schedule that these passes are.
    """

    train: Items
    validation: Items
    epochs: int
    span: tuple[float, float] = (0.0, 1.0)

    @property
    def schedule_epochs(self) -> int:
        """Epochs of the whole schedule, which another network may train a part of."""
        begin, end = self.span
        return round(self.epochs / (end - begin))

    @property
    def cost(self) -> int:
        """Images that go through the network."""
        return self.epochs * (len(self.train) + len(self.validation))


@dataclass(frozen=True)
class Material:
    """What a method chooses its networks from.

    Attributes
    ----------
    table : human annotations of the items to learn from.
    settings : of the run.
    usable : (N,) items to learn from, unlabelled ones too.
    train, validation : labelled items, apart.
    """

    table: AnnotationTable
    settings: Settings
    usable: NDArray[np.bool_]
    train: Items
    validation: Items

    @property
    def stage(self) -> str:
        """The stage of the method's own network."""
        return METHODS.named(self.settings.method).stage

    def fit_plan(self, on: NDArray[np.bool_] | None = None, *, last: bool = False) -> FitPlan:
        """Train on the labelled items, or on those ``on`` (N,). ``last`` is for a last stage, which may have epochs of
        its own."""
        train = self.train if on is None else self.train[on[self.train]]
        validation = self.validation if on is None else self.validation[on[self.validation]]
        return FitPlan(train, validation, self.settings.epochs_for(len(train), ltnet=last))


@dataclass(frozen=True)
class Networks:
    """What a method trains: stage → fit, in the order of the work; see :class:`Plan` for the others."""

    fits: dict[str, FitPlan]
    coders: tuple[str, ...] = ()
    by_labels: bool = False
    notes: tuple[str, ...] = ()


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
    fits: dict[str, FitPlan]
    coders: tuple[str, ...]
    by_labels: bool
    pooled: Items
    notes: tuple[str, ...]


def make_plan(
    study: Study, human: AnnotationTable, settings: Settings, seed: int, broken: Collection[str] = ()
) -> Plan:
    """Decide what trains on what.

    ``human`` holds the coders that take part, ``broken`` the images that cannot be read.

    Raises
    ------
    DatasetError
        no annotated training item has a readable image, or fewer than ``FEWEST_TRAINED`` that the method could learn
        from.
    """
    notes = [f"{p.kind} ({p.count:,}): {p.examples[0]}" for p in study.problems]
    usable = ~np.isin(study.table.items, [*broken, *study.left_out])
    learn = usable & ~study.is_test
    table, _, _ = human.keep_items(learn).canonical()
    silent = [c for c, n in zip(table.coders, table.annotations_per_coder(), strict=True) if n == 0]
    if silent:
        notes.append(f"coder {silent[0]!r} has no annotation of a readable training item; it is left out.")
        table = table.keep_coders([c for c in table.coders if c not in silent])
    if not len(table):
        others = ", or all of them were set aside" if study.left_out else ""
        raise DatasetError(f"{study.name}: no annotated training item has a readable image{others}.")
    notes += overlap_notes(table)
    method = METHODS.named(settings.method)
    annotated = np.flatnonzero(method.labelled(study, table))
    if len(annotated) < FEWEST_TRAINED:
        raise DatasetError(
            f"{study.name}: a network learns from {FEWEST_TRAINED} labelled training items or more, there is "
            f"{len(annotated)}; label more."
        )
    share = int(len(annotated) * settings.data.validation_share)
    held_out = min(share, MOST_HELD_OUT, len(annotated) - FEWEST_TRAINED)
    validation = np.sort(np.random.default_rng([seed, 1]).permutation(annotated)[:held_out])
    material = Material(table, settings, learn, np.setdiff1d(annotated, validation), validation)
    networks = Networks({method.stage: material.fit_plan()}) if method.networks is None else method.networks(material)
    return Plan(
        table,
        usable,
        networks.fits,
        networks.coders,
        networks.by_labels,
        np.flatnonzero(learn),
        (*notes, *networks.notes),
    )


def labellers(table: AnnotationTable) -> AnnotationTable:
    """The coders without the adjudicator, who spoke of a few chosen items and stands for no dataset."""
    return table.keep_coders([c for c in table.coders if c != ADJUDICATOR])
