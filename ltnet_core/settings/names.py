"""The names a user chooses from: networks and presets."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import OptionError, did_you_mean

NETWORKS = ("cnn", "resnet20", "resnet18", "resnet50")
PRESET_TEXTS = {
    "quick": "A small network and few epochs: minutes on a CPU. The right first look.",
    "default": "ResNet-20 and more epochs: hours on a CPU, minutes on a GPU.",
    "paper": "The recipe of the authors' release, its double softmax and clamped T included, for comparison.",
}
PRESETS = tuple(PRESET_TEXTS)


def require_network(name: str) -> None:
    """Raise OptionError unless there is a base network of that name."""
    _require("network", name, NETWORKS)


def require_preset(name: str) -> None:
    """Raise OptionError unless there is a preset of that name."""
    _require("preset", name, PRESETS)


def _require(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise OptionError(f"unknown {what} {name!r}; choose from {', '.join(known)}." + did_you_mean(str(name), known))
