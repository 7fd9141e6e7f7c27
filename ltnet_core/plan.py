"""Which networks train on what, and how much work that is; decided before anything is trained."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .annotations import AnnotationTable
from .coders import trainable
from .datasets import Study
from .errors import DatasetError
from .settings import Settings

PREDICT_COST = 0.6  # of one training image: a forward pass of the image and its mirror
DECODE_COST = 0.15


@dataclass(frozen=True)
class Plan:
    """What trains on what, in canonical order.

    Attributes
    ----------
    table : human annotations of the items to learn from.
    usable : (N,) items whose image could be read.
    coders : human coders that train a machine coder.
    train, validation : annotated items, disjoint; validation chooses the best epoch.
    pooled : all items to learn from, unlabelled ones too.
    notes : what is unusual about the dataset, a sentence each.
    """

    table: AnnotationTable
    usable: NDArray[np.bool_]
    coders: tuple[str, ...]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    pooled: NDArray[np.int64]
    notes: tuple[str, ...]

    def split(self, table: AnnotationTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The training and validation items that this table annotates."""
        on = table.annotated()
        return self.train[on[self.train]], self.validation[on[self.validation]]

    def work(self, settings: Settings) -> float:
        """Work of the whole run, in images trained on once."""
        n = len(self.usable)
        sizes = [tuple(map(len, self.split(self.table.keep_coders([c])))) for c in self.coders]
        sizes.append((len(self.train), len(self.validation)))
        total = DECODE_COST * n
        total += sum(settings.epochs_for(t) * (t + v) + PREDICT_COST * n for t, v in sizes)
        seen_by_ltnet = len(self.pooled) if self.coders else len(self.train) + len(self.validation)
        return total + settings.epochs_for(len(self.train), ltnet=True) * seen_by_ltnet + PREDICT_COST * n


def make_plan(
    study: Study, human: AnnotationTable, settings: Settings, seed: int, broken: Collection[str] = ()
) -> Plan:
    """Decide what trains on what.

    ``human`` holds the coders that take part, ``broken`` the images that cannot be read.

    Raises
    ------
    DatasetError
        no annotated training item has a readable image.
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
    if len(table.coders) == 1:
        notes.append(
            f"there is only one coder, {table.coders[0]!r}: its matrix and the truth cannot be told apart from "
            "its labels alone; read both with care."
        )
    if not (learn & ~table.annotated()).any():
        notes.append("there are no unlabelled images; the machine coders label only what other coders labelled.")
    coders: list[str] = []
    if settings.machine_coders:
        coders, cannot = trainable(table, settings.fewest_annotations)
        notes += cannot
    annotated = np.flatnonzero(table.annotated())
    held_out = int(len(annotated) * settings.validation_share)
    validation = np.sort(np.random.default_rng([seed, 1]).permutation(annotated)[:held_out])
    train = np.setdiff1d(annotated, validation)
    return Plan(table, usable, tuple(coders), train, validation, np.flatnonzero(learn), tuple(notes))
