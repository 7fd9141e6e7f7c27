"""Base networks: image, or a vector of features, → logits over the latent truth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError
from ..settings import Settings, require_network_name
from ..settings.names import FEATURES
from .timm_networks import build_timm, classifier_of, is_timm, publication, require_size

COLOURS = 3
WRAPPINGS = ("state_dict_ema", "state_dict", "model_ema", "model")  # of weights in a file, the better ones first
LEAST_SIZE, LARGEST = 8, 1024
DROPOUT = 0.5  # of features and of a hidden layer on them; a layer learns few items by heart
LARGEST_SIZE = {"cnn": 64, "resnet20": 64, "resnet18": 224, "resnet50": 224}


class SmallCNN(nn.Module):
    """Four 3×3 convolutions with max pooling between them, for tiny images; 0.1 M parameters.

    The head sees a 3×3 grid of averages, so that it knows where on the image
    something is; that, and pooling maxima, learns small faces several times faster
    than strides and one global average. Images above 64 px are strided down at once.
    """

    def __init__(self, classes: int, channels: int, image_size: int, width: int = 16, dropout: float = 0.2):
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for depth in range(4):
            outputs = width * 2**depth
            stride = max(1, round(image_size / 48)) if depth == 0 and image_size > 64 else 1
            layers.append(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False))
            if depth < 3:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))  # before the norm, which then has a quarter to do
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(9 * inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B,channels,S,S) → (B,K) logits."""
        x = F.adaptive_avg_pool2d(self.features(x), 3).flatten(1)
        return cast(Tensor, self.head(self.dropout(x)))


class Block(nn.Module):
    """Two 3×3 convolutions and a parameter-free shortcut (option A of He et al., 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int, last_relu: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.stride, self.grow, self.last_relu = stride, outputs - inputs, last_relu

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        if self.grow:
            x = F.pad(x, (0, 0, 0, 0, 0, self.grow))
        y = y + x
        return F.relu(y, inplace=True) if self.last_relu else y


class ResNet20(nn.Module):
    """The CIFAR ResNet-20 (He et al., 2016, doi:10.1109/CVPR.2016.90), for 32–64 px; 0.27 M parameters.

    ``last_relu=False`` leaves out the activation after the residual sum, as the
    authors of IPA2LT did.
    """

    def __init__(self, classes: int, channels: int, image_size: int, width: int = 16, last_relu: bool = True):
        super().__init__()
        stem = 1 if image_size <= 40 else max(2, round(image_size / 32))
        self.stem = nn.Conv2d(channels, width, 3, stem, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        blocks: list[nn.Module] = []
        inputs = width
        for stage in range(3):
            outputs = width * 2**stage
            for b in range(3):
                blocks.append(Block(inputs, outputs, 2 if stage and b == 0 else 1, last_relu))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B,channels,S,S) → (B,K) logits."""
        x = F.relu(self.norm(self.stem(x)), inplace=True)
        return cast(Tensor, self.head(self.blocks(x).mean((2, 3))))


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


def _torchvision(name: str, classes: int, channels: int, image_size: int) -> nn.Module:
    """torchvision's ResNet with a stem that fits the image: no 7×7 stride 2 and pooling for small images."""
    from torchvision import models

    network = {"resnet18": models.resnet18, "resnet50": models.resnet50}[name](weights=None, num_classes=classes)
    if image_size < 112:
        network.conv1 = nn.Conv2d(channels, 64, 3, 1 if image_size <= 40 else 2, 1, bias=False)
        network.maxpool = nn.Identity()
    elif channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    return cast(nn.Module, network)


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
    name : ``cnn``, ``resnet20``, ``resnet18``, ``resnet50``, one of timm's, ``timm:NAME``, or ``features``.
    channels : 1 for grey, 3 for colour; how many features there are. image_size : pixels per side; 1 for features.
    weights : local file with pretrained weights (``.pt``/``.pth`` state dict or
        ``.safetensors``); layers of another shape (stem, head) stay freshly initialised.
    last_relu : for ``resnet20`` only, see :class:`ResNet20`.
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
        if name == "cnn":
            network: nn.Module = SmallCNN(classes, channels, image_size)
        elif name == "resnet20":
            network = ResNet20(classes, channels, image_size, last_relu=last_relu)
        else:
            network = _torchvision(name, classes, channels, image_size)
    if weights is not None:
        load_pretrained(network, weights)
    return network


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
    return max(LEAST_SIZE, min(side, largest or LARGEST_SIZE.get(name, LARGEST_SIZE["resnet20"])))


def read_weights(weights: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Named tensors of a local file; code in the file is never run.

    Raises
    ------
    OptionError
        the file is missing or holds no plain tensors.
    """
    path = Path(weights)
    if not path.is_file():
        raise OptionError(f"weights file {str(path)!r} does not exist.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
        inner = next((state[k] for k in WRAPPINGS if isinstance(state.get(k), dict)), state)
        return {k.removeprefix("module."): v for k, v in inner.items() if isinstance(v, Tensor)}
    except Exception as e:  # torch and safetensors raise a dozen kinds for a broken file
        raise OptionError(f"weights file {str(path)!r} cannot be read as plain tensors ({type(e).__name__}).") from e


def load_pretrained(network: nn.Module, weights: str | os.PathLike[str]) -> None:
    """Copy weights of matching name and shape from a local file.

    Raises
    ------
    OptionError
        the file cannot be read, or less than half of the network's tensors fit.
    """
    state, mine = read_weights(weights), network.state_dict()
    fitting = {k: v for k, v in state.items() if k in mine and v.shape == mine[k].shape}
    if len(fitting) * 2 < len(mine):
        raise OptionError(
            f"weights file {str(weights)!r} fits only {len(fitting)} of {len(mine)} tensors of this network; "
            "is it for another network?"
        )
    network.load_state_dict({**mine, **fitting})
