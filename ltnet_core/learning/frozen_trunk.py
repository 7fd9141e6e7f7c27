"""A pretrained network that stays as it is, but for its last layer: that learns from features computed once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import DamageError, OptionError
from ..files.mapped_array import new_array
from ..files.reading import read_array
from ..runs.checkpoint import forget, keep, kept
from .group import Group
from .ltnet import Classifier
from .networks import FeatureHead, last_layer
from .progress import Progress
from .training_data import TrainingData
from .views import features

STEM = "trunk"
CLOSE = 1e-3

Features = NDArray[np.float32]


class TrunkFacts(TypedDict):
    """Number of features of an image."""

    dimensions: int


def last_layer_alone(dimensions: int, classes: int, seed: int) -> FeatureHead:
    """The last layer of a network on its own, initialised from ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FeatureHead(dimensions, classes, dropout=0.0)


def require_linear_end(network: nn.Module, size: int, channels: int) -> None:
    """Raise unless a network ends in one linear layer, so that features and that layer are the network.

    Raises
    ------
    OptionError
    """
    caught: list[Tensor] = []
    layer = last_layer(network)
    hook = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    network.eval()
    with torch.inference_mode():
        images = torch.linspace(-1, 1, 2 * channels * size * size).reshape(2, channels, size, size)
        logits = network(images)
        hook.remove()
        linear = isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight[0].numel() == caught[0].flatten(1).shape[1]
        if linear and torch.allclose(layer(caught[0]).flatten(1), logits, atol=CLOSE):
            return
    raise OptionError(f"{type(network).__name__} does not end in one linear layer; leave --freeze out.")


def trunk_features(
    folder: Path,
    items: int,
    trunk: Callable[[], tuple[Classifier, TrainingData]],
    progress: Progress,
    group: Group,
) -> Features:
    """(N,D,1,1) features of every item by the trunk, kept in the checkpoint ``folder``; ``trunk`` is called if needed.

    Raises
    ------
    StorageError, Cancelled
    """
    path = folder / f"{STEM}.npy"
    try:
        facts = kept(folder, STEM, TrunkFacts)
        if facts is not None:
            return cast(Features, read_array(path, (items, facts["dimensions"], 1, 1), np.float32, mmap=True))
    except DamageError as e:
        progress.note(f"{e.file!r} is {e.reason}, so it is made again.")
        forget(folder / f"{STEM}.json", path)
    network, data = trunk()
    dimensions = cast(Tensor, last_layer(network.base).weight)[0].numel()
    shape = (items, dimensions, 1, 1)
    with new_array(path, shape, np.float32) as out:
        done = 0
        for part in features(network, data, np.arange(items), group=group):
            out[done : done + len(part), :, 0, 0] = part
            done += len(part)
            progress.advance(0, "features")
    keep(folder, STEM, [path.name], {"dimensions": dimensions})
    return cast(Features, read_array(path, shape, np.float32, mmap=True))


def whole_network(trunk: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a model whose base is the whole network, from those of one whose base is its last layer."""
    layer = last_layer(trunk)
    name = next(n for n, module in trunk.named_modules() if module is layer)
    ends = {f"base.head.{end}": f"base.{name}.{end}" for end in ("weight", "bias")}
    whole = {f"base.{key}": value for key, value in trunk.state_dict().items()}
    for key, value in state.items():
        if key not in ends:
            whole[key] = value
        elif ends[key] in whole:
            whole[ends[key]] = value.reshape(whole[ends[key]].shape)
    return whole
