"""The settings of a run: a preset, a method and the options of five groups, each declared once in :mod:`.groups`.

Flags, form, validation and documentation are made from the declarations (:mod:`.option`), so that a new option is
one field. In: values of flags, of a form or of ``spec.json``. Out: checked settings.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from typing import Any

from ..errors import OptionError, did_you_mean
from ..method import METHODS
from .groups import (
    CUTOUT,
    EPOCHS_FOR_CUTOUT,
    CoderOptions,
    DataOptions,
    NetworkOptions,
    ScheduleOptions,
    TransitionOptions,
)
from .names import FEATURES, NETWORKS, PRESET_TEXTS, PRESETS, require_network_name, require_preset
from .option import Option, options_of
from .presets import FEATURE_VALUES, NO_IMAGES, PRESET_VALUES

__all__ = [
    "NETWORKS",
    "PRESETS",
    "PRESET_TEXTS",
    "VERSION",
    "CoderOptions",
    "DataOptions",
    "NetworkOptions",
    "Option",
    "ScheduleOptions",
    "Settings",
    "TransitionOptions",
    "make_settings",
    "require_network_name",
]

VERSION = 2  # of spec.json; the first had all options in one object and no version
RATES = ("lr", "ltnet_lr")
ABSENT_IN_OLD_RUNS = {"cutout": 0.0, "find_reference": False}  # runs from before these options existed did without


@dataclass(frozen=True)
class Settings:
    """Everything that shapes a result besides the data, the seed and what people settled.

    Attributes
    ----------
    preset : whose values stand where nothing else was asked for.
    method : what is trained, one of :mod:`ltnet_core.learning.methods`.
    network, schedule, coders, transitions, data : the options, see :mod:`.groups`.
    """

    preset: str = "default"
    method: str = "ltnet"
    network: NetworkOptions = field(default_factory=NetworkOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    coders: CoderOptions = field(default_factory=CoderOptions)
    transitions: TransitionOptions = field(default_factory=TransitionOptions)
    data: DataOptions = field(default_factory=DataOptions)

    def __post_init__(self) -> None:
        has_ltnet = "ltnet" in METHODS.named(self.method).parts
        for name, declared in self.options().items():
            declared.check(self.value(name))
        if self.coders.given and (not has_ltnet or self.transitions.transition_floor is not None):
            raise OptionError(
                f"only LTNet can take the labels of a coder as the truth, and not with the paper preset's matrices; "
                f"let the matrix of {self.coders.given[0]!r} be learned."
            )
        start = self.transitions.transition_start
        if self.coders.reference is not None and (not has_ltnet or start not in ("auto", "network")):
            raise OptionError(
                "a reference coder says where LTNet's matrices start; it has no meaning for another method "
                f"or for matrices that start from {start!r}."
            )

    @classmethod
    @cache
    def groups(cls) -> dict[str, dict[str, Option]]:
        """The options of each group, by name."""
        made = {f.name: f.default_factory for f in fields(cls) if is_dataclass(f.default_factory)}
        return {name: options_of(group) for name, group in made.items()}  # type: ignore[arg-type]

    @classmethod
    @cache
    def options(cls) -> dict[str, Option]:
        """All options by name; no two groups have one of the same name."""
        return {name: declared for group in cls.groups().values() for name, declared in group.items()}

    def value(self, name: str) -> Any:
        """The value of an option."""
        group = next(g for g, declared in self.groups().items() if name in declared)
        return getattr(getattr(self, group), name)

    def with_values(self, values: Mapping[str, Any]) -> Settings:
        """The same with some options changed; ``preset`` and ``method`` may be among them.

        Features bring the network that sees them, and another network sees images again.

        Raises
        ------
        OptionError
            there is no such option, or it cannot have that value.
        """
        values = {name: _plain(value) for name, value in values.items()}
        if values.get("features") is not None and "network" not in values:
            values = {"network": FEATURES, **NO_IMAGES, **values}
        elif values.get("network", FEATURES) != FEATURES and "features" not in values:
            values = {"features": None, **values}
        known = self.options()
        own = {k: v for k, v in values.items() if k in ("preset", "method")}
        for name in values:
            if name not in known and name not in own:
                raise OptionError(f"unknown setting {name!r}." + did_you_mean(name, known))
        for group, declared in self.groups().items():
            changed = {k: v for k, v in values.items() if k in declared}
            for name, value in changed.items():
                declared[name].check(value)
            own[group] = replace(getattr(self, group), **changed)
        return replace(self, **own)

    def require_concerned(self, options: Mapping[str, Any]) -> None:
        """Raise OptionError where an option that was asked for would be ignored."""
        known = self.options()
        for name, value in options.items():
            if name in known and (why := known[name].ignored_because(self.method, self.value)):
                raise OptionError(f"{known[name].spelled(value)} has no meaning {why}; leave it out.")

    @property
    def batch_of_rates(self) -> int:
        """Images per training step that the learning rates are for: the preset's where the number is ``auto``."""
        size = self.schedule.batch_size
        if isinstance(size, int):
            return size
        return int(PRESET_VALUES.get(self.preset, {}).get("batch_size", ScheduleOptions.batch_size))

    def epochs_for(self, items: int, *, ltnet: bool = False) -> int:
        """Passes over a training set of this many items."""
        schedule = self.schedule
        if ltnet and schedule.ltnet_epochs is not None:
            return schedule.ltnet_epochs
        if schedule.epochs is not None:
            return schedule.epochs
        low, high = schedule.epoch_range
        return min(max(round(schedule.image_budget / max(items, 1)), low), high)

    def cutout_for(self, epochs: int) -> float:
        """Side of the square blanked out of training images, as a share of the image's, in a schedule of ``epochs``."""
        cutout = self.data.cutout
        if isinstance(cutout, str):
            return CUTOUT if epochs >= EPOCHS_FOR_CUTOUT else 0.0
        return cutout

    def to_json(self) -> dict[str, Any]:
        """The settings as spec.json has them: one object per group."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Settings:
        """Settings from :meth:`to_json`, or from the first version, which had all options in one object.

        Raises
        ------
        OptionError
            an option is unknown or cannot have its value.
        """
        flat: dict[str, Any] = {}
        for key, value in content.items():
            flat |= value if key in cls.groups() and isinstance(value, Mapping) else {key: value}
        return cls().with_values(ABSENT_IN_OLD_RUNS | flat)

    @classmethod
    def of_spec(cls, spec: Mapping[str, Any]) -> Settings:
        """The settings of a run, from the content of its spec.json.

        Raises
        ------
        OptionError
            there are none, or one of them is wrong.
        """
        content = spec.get("settings")
        if not isinstance(content, Mapping):
            raise OptionError("spec.json has no settings; start a new run.")
        if "version" in spec:
            return cls.from_json(content)
        return cls.from_json({**content, **{k: spec[k] for k in ("coders", "pixel_budget") if k in spec}})


def _plain(value: Any) -> Any:
    """A value as Python's own types: those of NumPy and pandas, and paths; JSON has no tuples."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value


def make_settings(preset: str = "default", **changes: Any) -> Settings:
    """A preset with some settings changed; a change of None keeps the preset's value.

    The learning rates of a preset are for its batch size. Under another they grow with its square root (A. Krizhevsky,
    *One weird trick for parallelizing convolutional neural networks*, 2014, arXiv:1404.5997), unless they are among
    the changes.

    Raises
    ------
    OptionError
        unknown preset or setting, a value out of range, or an option that the method does not read.
    """
    require_preset(preset)
    changed = {k: v for k, v in changes.items() if v is not None}
    plain = Settings().with_values({"preset": preset, **PRESET_VALUES[preset]})
    if "features" in changed:
        own = FEATURE_VALUES if preset != "paper" else {}
        plain = plain.with_values({**own, "features": changed["features"]})
    settings = plain.with_values(changed)
    settings.require_concerned(changed)
    growth = (settings.batch_of_rates / plain.batch_of_rates) ** 0.5
    rates = {name: float(f"{growth * plain.value(name):.3g}") for name in RATES if name not in changed and growth != 1}
    return settings.with_values(rates)
