"""The names a user chooses from: networks, methods, presets."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import OptionError, did_you_mean

NETWORKS = ("cnn", "resnet20", "resnet18", "resnet50")
METHOD_TEXTS = {
    "ltnet": "Machine coders, then LTNet: latent truth and a transition matrix for every coder.",
    "mixture": "One network on all human labels as they are.",
    "majority": "One network on the majority vote.",
    "dawid-skene": "One network on the truth that Dawid–Skene finds in the labels.",
    "noise-adaptation": "One transition matrix for all labels (Goldberger and Ben-Reuven, 2017).",
    "crowd-layer": "A free matrix per coder behind the softmax (Rodrigues and Pereira, 2018).",
    "trace": "Matrices with the smallest trace that explains the labels (Tanno et al., 2019).",
    "annot-mix": "Images, coders and labels mixed in pairs (Herde et al., 2024).",
    "truth": "One network on the known truth: the upper bound, where the truth is known.",
}
METHODS = tuple(METHOD_TEXTS)
PRESET_TEXTS = {
    "quick": "A small network and few epochs: minutes on a CPU. The right first look.",
    "default": "ResNet-20 and more epochs: hours on a CPU, minutes on a GPU.",
    "paper": "The recipe of the authors' release, its double softmax and clamped T included, for comparison.",
}
PRESETS = tuple(PRESET_TEXTS)


def require_network(name: str) -> None:
    """Raise OptionError unless there is a base network of that name."""
    _require("network", name, NETWORKS)


def require_method(name: str) -> None:
    """Raise OptionError unless there is a method of that name."""
    _require("method", name, METHODS)


def require_preset(name: str) -> None:
    """Raise OptionError unless there is a preset of that name."""
    _require("preset", name, PRESETS)


def _require(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise OptionError(f"unknown {what} {name!r}; choose from {', '.join(known)}." + did_you_mean(str(name), known))
