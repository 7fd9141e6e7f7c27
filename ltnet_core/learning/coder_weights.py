"""The coders that take part in a run, and their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..annotations import ADJUDICATOR, AnnotationTable, FloatArray, human_name, is_machine
from ..datasets import Study
from ..errors import OptionError, did_you_mean
from ..settings import Settings
from .coders import machine_name


def human_table(study: Study, coders: Sequence[str] | None) -> AnnotationTable:
    """The annotations to learn from: those of these human coders (None for all) and of the adjudicator."""
    if coders is None:
        return study.table
    settled = [ADJUDICATOR] if ADJUDICATOR in study.table.coders and ADJUDICATOR not in coders else []
    return study.table.keep_coders([*coders, *settled])


def require_coders(study: Study, settings: Settings) -> None:
    """Raise OptionError unless the coders that take part are in the study, and one of them weighs something."""
    coders = settings.coders.coders
    taking_part = study.human_coders if coders is None else coders
    known = [*taking_part, *map(machine_name, taking_part)]
    for name in settings.coders.coder_weights:
        if name not in known:
            raise OptionError(
                f"a weight is given for {name!r}, but no such coder takes part." + did_you_mean(name, known)
            )
    if not any(settings.coders.weight_of(c) for c in taking_part):
        raise OptionError("every coder weighs 0; there is nothing to learn from.")
    for coder in coders or ():
        study.table.coder_index(coder)


def coder_weights(table: AnnotationTable, settings: Settings, trust: Mapping[str, float] | None = None) -> FloatArray:
    """(C,) weight of each coder in the loss.

    ``coder_weights[c]`` where the settings have one, else ``human_weight`` or ``machine_weight`` times ``trust`` of the
    human coder (1 where ``trust`` has none).
    """
    trusted, options = trust or {}, settings.coders
    usual = [
        (options.machine_weight if is_machine(c) else options.human_weight) * trusted.get(human_name(c), 1.0)
        for c in table.coders
    ]
    return np.asarray([options.coder_weights.get(c, w) for c, w in zip(table.coders, usual, strict=True)])


def evidence_weights(weights: FloatArray, settings: Settings) -> FloatArray:
    """(C,) min(weight(c) / ``human_weight``, 1): the weight of an annotation in the posterior.

    The loss is divided by the sum of weights, so only their ratios matter there. In the posterior an annotation of
    weight 3 would count as three independent ones.
    """
    return np.minimum(weights / settings.coders.human_weight, 1.0)
