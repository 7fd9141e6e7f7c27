"""The class of a training method, and the registry of methods.

A method is one module of :mod:`ltnet_core.learning.methods`. This module knows no PyTorch: the command line, the form
and the plan of a run read a method's entry without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from .registry import Registry

if TYPE_CHECKING:
    from .annotations import AnnotationTable
    from .datasets import Study
    from .learning.plan import Material, Networks
    from .learning.results import Learned
    from .learning.trainer import Trainer

Part = Literal["ltnet", "matrices", "coders", "two stages", "mixup"]


def annotated(study: Study, table: AnnotationTable) -> NDArray[np.bool_]:
    """(N,) every annotated item, which most methods learn from."""
    return table.annotated()


@dataclass(frozen=True)
class Method:
    """One way to learn the truth from images and annotations.

    Attributes
    ----------
    name : what ``--method`` takes. title : its name for people. text : one sentence that says what it trains.
    learn : trains the networks of a run and returns what they learned. It imports PyTorch when it is called.
    parts : the parts of the method; an option with a ``part`` concerns the methods that have it. ``ltnet``: all of
        LTNet; ``matrices``: learned transition matrices; ``coders``: annotations have the weight of their coder;
        ``two stages``: its last network starts from another's weights; ``mixup``: images may be mixed in pairs.
    stage : stage that trains its own network, and the name of that network in an evaluation; ``name`` by default.
    stage_title : that network's name for people; ``title`` by default. task : what the stage does, for people.
    earlier_tasks : stage → what it does, for people, of the stages before it that have another meaning than with the
        other methods.
    labelled : (study, table of annotations) → (N,) items that its own network learns from.
    networks : material of a run → which networks it trains, its own the last one; None for that one alone.
    rank : position in lists of methods.
    """

    name: str
    title: str
    text: str
    learn: Callable[[Trainer], Learned]
    parts: frozenset[Part] = frozenset({"mixup"})
    stage: str = ""
    stage_title: str = ""
    task: str = ""
    earlier_tasks: Mapping[str, str] = field(default_factory=dict)
    labelled: Callable[[Study, AnnotationTable], NDArray[np.bool_]] = annotated
    networks: Callable[[Material], Networks] | None = None
    rank: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "stage", self.stage or self.name)
        object.__setattr__(self, "stage_title", self.stage_title or self.title)
        object.__setattr__(self, "task", self.task or f"Train: {self.stage_title}")


METHODS: Registry[Method] = Registry(
    "method", f"{__package__}.learning.methods", lambda module: module.METHOD, lambda m: m.name, lambda m: m.rank
)
"""Every method by name, in the order of their ranks."""


def with_part(part: Part) -> tuple[str, ...]:
    """The names of the methods that have a part."""
    return tuple(m.name for m in METHODS.values() if part in m.parts)
