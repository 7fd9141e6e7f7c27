"""The names a user chooses from: networks and presets."""

from __future__ import annotations

import pkgutil
from pathlib import Path

from ..errors import OptionError, did_you_mean

_BASE_NETWORKS = Path(__file__).resolve().parent.parent / "learning" / "base_networks"
# Their modules are listed and not imported: that takes PyTorch.
NETWORKS = tuple(sorted(module.name for module in pkgutil.iter_modules([str(_BASE_NETWORKS)])))
FEATURES = "features"  # the network that sees a file of features in the place of the images
TIMM = "timm:"  # before the name of a network of that library
PRESET_TEXTS = {
    "quick": "A small network and few epochs: minutes on a CPU. The right first look.",
    "default": "ResNet-20 and more epochs: hours on a CPU, minutes on a GPU.",
    "pretrained": "A ResNet-50 with published weights on images of 224 px, for a GPU and photographs; it is downloaded "
    "once, or comes from a file of weights.",
    "paper": "The recipe of the authors' release, its double softmax and clamped T included, for comparison.",
}
PRESETS = tuple(PRESET_TEXTS)


def require_network_name(name: str) -> None:
    """Raise OptionError unless there is a base network of that name; which ones timm has is known when one is built."""
    if isinstance(name, str) and name.startswith(TIMM) and name != TIMM:
        return
    if name not in (*NETWORKS, FEATURES):
        known = f"{', '.join(NETWORKS)}, or {TIMM}NAME for one of timm's"
        raise OptionError(f"unknown network {name!r}; choose from {known}." + did_you_mean(str(name), NETWORKS))


def require_preset(name: str) -> None:
    """Raise OptionError unless there is a preset of that name."""
    if name not in PRESETS:
        raise OptionError(f"unknown preset {name!r}; choose from {', '.join(PRESETS)}." + did_you_mean(name, PRESETS))
