"""Base networks: image, or a vector of features, → logits over the latent truth."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ..errors import OptionError
from ..settings import Settings, require_network_name
from ..settings.names import FEATURES, NETWORKS
from .timm_networks import build_timm, classifier_of, is_timm, publication, require_size
from .weights import under_own_names

COLOURS = 3
WRAPPINGS = ("state_dict_ema", "state_dict", "model_ema", "model")  # of weights in a file, the better ones first
LEAST_SIZE, LARGEST = 8, 1024
DROPOUT = 0.5  # of features and of a hidden layer on them; a layer learns few items by heart
LARGEST_SIZE = 64  # pixels per side, of a network that has no module of its own


class FeatureHead(nn.Module):
    """A linear layer on features, or one hidden layer of ``hidden_units`` before it."""

    def __init__(self, dimensions: int, classes: int, hidden_units: int = 0, dropout: float = DROPOUT):
        super().__init__()
        hidden = [nn.Linear(dimensions, hidden_units), nn.ReLU(), nn.Dropout(dropout)] if hidden_units else []
        self.hidden = nn.Sequential(nn.Dropout(dropout), *hidden)
        self.head = nn.Linear(hidden_units or dimensions, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B,D,1,1) → (B,K) logits."""
        return cast(Tensor, self.head(self.hidden(x.flatten(1))))


def build_network(
    name: str,
    *,
    classes: int,
    channels: int,
    image_size: int,
    seed: int,
    weights: str | os.PathLike[str] | None = None,
    last_relu: bool = True,
    pretrained: bool = False,
    hidden_units: int = 0,
) -> nn.Module:
    """Build a base network, initialised from ``seed`` alone.

    Parameters
    ----------
    name : a module of :mod:`~ltnet_core.learning.base_networks`, one of timm's, ``timm:NAME``, or ``features``.
    channels : 1 for grey, 3 for colour; how many features there are. image_size : pixels per side; 1 for features.
    weights : local file with pretrained weights (``.pt``/``.pth`` state dict or
        ``.safetensors``); layers of another shape (stem, head) stay freshly initialised.
    last_relu : for ``resnet20`` only, see :class:`~ltnet_core.learning.base_networks.resnet20.ResNet20`.
    pretrained : start from the published weights of a network of timm's.
    hidden_units : of a hidden layer on features.

    Raises
    ------
    OptionError
        unknown name, a size that the network does not take, or weights that do not fit or cannot be had.
    """
    require_network_name(name)
    if name == FEATURES:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return FeatureHead(channels, classes, hidden_units)
    if image_size < LEAST_SIZE:
        raise OptionError(f"image size must be at least {LEAST_SIZE} pixels, got {image_size}.")
    if is_timm(name):
        require_size(name, image_size, channels)
        tensors = None if weights is None else read_weights(weights)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build_timm(
                name,
                classes=classes,
                channels=channels,
                image_size=image_size,
                weights=tensors,
                pretrained=pretrained,
            )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = _module(name).build(classes, channels, image_size, last_relu)
    if weights is not None:
        load_pretrained(network, weights)
    return network


def _module(name: str) -> Any:
    """The module of a network in :mod:`~ltnet_core.learning.base_networks`."""
    return importlib.import_module(f"{__package__}.base_networks.{name}")


def require_network(settings: Settings, classes: int) -> None:
    """Raise unless the network of a run can be built: its name, its image size where that is known, its weights.

    Raises
    ------
    OptionError
    """
    options, data = settings.network, settings.data
    size = data.image_size or data.largest_image or default_size(options.network, LARGEST, None)
    if options.weights is None and not options.pretrained:
        if is_timm(options.network):
            require_size(options.network, size, COLOURS)
        return
    build_network(
        options.network,
        classes=classes,
        channels=COLOURS,
        image_size=size,
        seed=0,
        weights=options.weights,
        last_relu=options.last_relu,
        pretrained=options.pretrained,
    )


def last_layer(network: nn.Module) -> nn.Module:
    """The layer that turns features into logits."""
    if hasattr(network, "get_classifier"):
        return classifier_of(network)
    return cast(nn.Module, network.head if hasattr(network, "head") else network.fc)


def default_size(name: str, side: int, largest: int | None) -> int:
    """Image size of a run that asks for none: the images' own ``side``, at most ``largest``, by default the network's.

    A network of timm's gets images of the size that it was made for, however small they are.

    Raises
    ------
    OptionError
        there is no such network.
    """
    if largest is None and is_timm(name):
        return publication(name).size
    return max(LEAST_SIZE, min(side, largest or (_module(name).LARGEST_SIZE if name in NETWORKS else LARGEST_SIZE)))


def read_weights(weights: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Named tensors of a local file; code in the file is never run.

    Raises
    ------
    OptionError
        the file is missing or holds no plain tensors.
    """
    path = Path(weights)
    if not path.is_file():
        why = "is no regular file" if path.exists() else "does not exist"
        raise OptionError(f"weights file {str(path)!r} {why}.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
        inner = next((state[k] for k in WRAPPINGS if isinstance(state.get(k), dict)), state)
        return {k.removeprefix("module."): v for k, v in inner.items() if isinstance(v, Tensor)}
    except Exception as e:  # torch and safetensors raise a dozen kinds for a broken file
        raise OptionError(f"weights file {str(path)!r} cannot be read as plain tensors ({type(e).__name__}).") from e


def load_pretrained(network: nn.Module, weights: str | os.PathLike[str]) -> None:
    """Copy weights of matching name and shape from a local file, such as a run's own or an exported model.

    Raises
    ------
    OptionError
        the file cannot be read, or less than half of the network's tensors fit.
    """
    mine = network.state_dict()
    state = under_own_names(read_weights(weights), mine)
    fitting = {k: v for k, v in state.items() if k in mine and v.shape == mine[k].shape}
    if len(fitting) * 2 < len(mine):
        raise OptionError(
            f"weights file {str(weights)!r} fits only {len(fitting)} of {len(mine)} tensors of this network; "
            "is it for another network?"
        )
    network.load_state_dict({**mine, **fitting})
