"""Base networks of the library timm by name, ``timm:convnext_tiny``: built, fitted to the images, and their weights.

R. Wightman, *PyTorch Image Models*, doi:10.5281/zenodo.4414861. It is imported when a network of it is asked for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..annotations import FloatArray
from ..errors import OptionError, did_you_mean
from ..settings.names import TIMM
from .weights import under_own_names

if TYPE_CHECKING:
    from types import ModuleType

USUAL_SIZE = 224
SIZES = (32, 48, 64, 96, 112, 128, 160, 192, 224, 240, 256, 288, 320, 384, 448, 512)
MOST_NAMED = 6
LEAST_SHARE = 0.5  # of a network's tensors that a file must have

# What networks raise for an image that they cannot take, while they are built or run.
MISFITS = (RuntimeError, ValueError, AssertionError, TypeError, IndexError, ZeroDivisionError)


@dataclass(frozen=True)
class Publication:
    """How a network was published.

    Attributes
    ----------
    size : pixels per side that it is made for. mean, std : (3,) of pixels in 0..1, for normalisation.
    sized : whether it is built for one size of images.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sized: bool

    def statistics(self, channels: int) -> tuple[FloatArray, FloatArray]:
        """(channels,) mean and standard deviation of pixels in 0..255; one grey channel has the means of three."""
        mean, std = (255 * np.asarray(numbers, dtype=np.float64) for numbers in (self.mean, self.std))
        if channels == len(mean):
            return mean, std
        return np.full(channels, mean.mean()), np.full(channels, std.mean())


def is_timm(name: str) -> bool:
    """Whether a network's name is one of timm's."""
    return name.startswith(TIMM)


def publication(name: str) -> Publication:
    """How a network was published.

    Raises
    ------
    OptionError
        there is no such network.
    """
    about = _library().get_pretrained_cfg(_architecture(name), allow_unregistered=True)
    size = int(about.input_size[-1]) if about else USUAL_SIZE
    mean, std = (about.mean, about.std) if about else ((0.5,) * 3, (0.5,) * 3)
    return Publication(size, tuple(mean), tuple(std), bool(about and about.fixed_input_size))


def build_timm(
    name: str,
    *,
    classes: int,
    channels: int,
    image_size: int,
    weights: dict[str, Tensor] | None,
    pretrained: bool,
) -> nn.Module:
    """Build a network with fresh weights, with ``weights`` of a file, or with those that were published.

    The last layer always stays fresh.

    Raises
    ------
    OptionError
        there is no such network, it does not take images of this size, or the weights cannot be had or do not fit.
    """
    begun = torch.random.get_rng_state()
    fresh = _build(name, classes, channels, image_size)
    if weights is None and not pretrained:
        return fresh
    before = fresh.state_dict()
    overlay: dict[str, Any] = {}
    if weights is not None:
        weights = under_own_names(weights, before)
        # Told so many classes as there are not, the library leaves the last layer alone.
        overlay = {"state_dict": dict(weights), "num_classes": classes + 1, "custom_load": False}
    torch.random.set_rng_state(begun)  # what the weights leave alone is the same in both
    try:
        network = _build(name, classes, channels, image_size, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as e:  # what a network, a proxy, a hub or foreign weights raise has no common kind
        if weights is not None:
            raise _misfit(name, str(e).split("\n")[0]) from e
        raise OptionError(
            f"the published weights of {name!r} cannot be had ({type(e).__name__}); where there is no network, give a "
            "file of them with --weights."
        ) from e
    known = weights or {}
    # Of an older form of the network the names differ, and the library translates them.
    taken = sum(k in known or not torch.equal(value, before[k]) for k, value in network.state_dict().items())
    if taken < LEAST_SHARE * len(before):
        raise _misfit(name, f"they fit only {taken} of its {len(before)} tensors")
    return network


def require_size(name: str, size: int, channels: int) -> None:
    """Raise unless a network takes images of this size.

    Raises
    ------
    OptionError
        it names sizes that the network takes.
    """
    why = _misfit_of(name, size, channels)
    if why is None:
        return
    nearest = sorted(SIZES, key=lambda s: abs(s - size))
    good = sorted([s for s in nearest if s != size and _misfit_of(name, s, channels) is None][:MOST_NAMED])
    which = f"it takes {', '.join(map(str, good))}" if good else "it takes none of the usual sizes"
    raise OptionError(f"{name!r} does not take images of {size} px ({why}); {which}: choose one with --image-size.")


def classifier_of(network: nn.Module) -> nn.Module:
    """The layer that turns features into logits.

    Raises
    ------
    OptionError
        there is not one such layer.
    """
    layer = cast(Any, network).get_classifier() if hasattr(network, "get_classifier") else None
    if not isinstance(layer, nn.Module) or isinstance(layer, nn.ModuleList | nn.Identity):
        raise OptionError(f"{type(network).__name__} has not one last layer; choose another network.")
    return layer


@lru_cache(maxsize=256)
def _misfit_of(name: str, size: int, channels: int) -> str | None:
    """Why a network does not take images of a size; tried without memory and without computing anything."""
    try:
        with torch.device("meta"):
            network = _build(name, 2, channels, size).eval()
            logits = network(torch.empty(2, channels, size, size))
    except MISFITS as e:
        return (str(e).split("\n")[0] or type(e).__name__)[:120].rstrip(".;) ")
    return None if tuple(logits.shape) == (2, 2) else f"its output has the shape {tuple(logits.shape)}"


def _build(name: str, classes: int, channels: int, size: int, **more: Any) -> nn.Module:
    own = {"img_size": size} if publication(name).sized else {}
    network = _library().create_model(_architecture(name), num_classes=classes, in_chans=channels, **own, **more)
    classifier_of(network)
    return cast(nn.Module, network)


def _architecture(name: str) -> str:
    """timm's name of a network, ``convnext_tiny`` or, with the data that it was trained on, ``convnext_tiny.fb_in22k``.

    Raises
    ------
    OptionError
    """
    library, wanted = _library(), name.removeprefix(TIMM)
    bare, _, tag = wanted.partition(".")
    if not library.is_model(bare):
        known = library.list_models()
        near = did_you_mean(bare, known).replace("'", f"'{TIMM}", 1)
        raise OptionError(f"timm has no network {bare!r}; it has {len(known):,}, see `timm.list_models()`.{near}")
    published = library.list_pretrained(f"{bare}.*") if tag else []
    if tag and wanted not in published:
        tags = ", ".join(TIMM + p for p in published) or "none"
        raise OptionError(f"timm has no weights {tag!r} of {bare!r}; there are {tags}.")
    return wanted


def _misfit(name: str, why: str) -> OptionError:
    return OptionError(f"the weights are not those of {name!r}: {why}.")


def _library() -> ModuleType:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import timm

    return timm
