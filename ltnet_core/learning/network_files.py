"""The networks of a finished run, for its results: weights, and what is needed to use them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..annotations import FloatArray
from ..files.writing import naming, replacing, write_json
from ..runs.run import Run
from ..settings import Settings
from ..settings.names import FEATURES
from .results import Learned
from .stages import file_stem
from .views import VIEW_SHIFTS
from .weights import save_weights


def write_networks(
    run: Run,
    settings: Settings,
    learned: Learned,
    whole: Callable[[str], dict[str, Tensor]],
    size: int,
    channels: int,
    mean: FloatArray,
    std: FloatArray,
) -> None:
    """Copy every network from the checkpoint to the results.

    ``whole`` has the weights of a stage with those of its frozen trunk. ``size`` and ``channels`` are those of the
    images, ``mean`` and ``std`` (channels,) of their pixels; features are channels of images of one pixel.

    Raises
    ------
    StorageError
    """
    folder = run.results / "networks"
    with naming(folder):
        folder.mkdir(exist_ok=True)
    for name in learned.networks:
        stem = file_stem(name)
        source = run.checkpoint / f"{stem}.safetensors"
        if settings.network.freeze:
            save_weights(whole(name), folder / source.name)
        else:
            with replacing(folder / source.name, source.stat().st_size) as partial:
                shutil.copyfile(source, partial)
    mirrored = settings.data.augment and not settings.network.freeze and settings.network.features is None
    index: dict[str, Any] = {
        "network": settings.network.network,
        "last_relu": settings.network.last_relu,
        "image_size": size,
        "channels": channels,
        "mean": mean.tolist(),
        "std": std.tolist(),
        "method": learned.method,
        "trained_classes": list(learned.table.classes),  # the order of the networks' outputs
        "trained_coders": list(learned.table.coders),  # the order of T in the weights
        "files": {name: f"{file_stem(name)}.safetensors" for name in learned.networks},
        "view_shifts": list(VIEW_SHIFTS) if mirrored else [],
        "temperature": learned.temperature,
    }
    if settings.network.network == FEATURES:
        index["hidden_units"] = settings.network.hidden_units
    write_json(folder / "index.json", index)
