"""Features of every item: the input of the last layer of a trained network, on 32 principal axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from ..errors import DamageError
from ..files.reading import read_array
from ..files.writing import write_array
from ..runs.checkpoint import forget, keep, kept
from .group import Group
from .ltnet import Classifier
from .progress import Progress
from .study_pixels import SAMPLE, spread
from .training_data import TrainingData
from .views import features

DIMENSIONS = 32
STEM = "features"

Vectors = NDArray[np.float32]


class FeatureFacts(TypedDict):
    """How many features an item has."""

    dimensions: int


def item_features(
    folder: Path,
    items: int,
    model: Callable[[], tuple[Classifier, TrainingData]],
    progress: Progress,
    group: Group,
) -> Vectors:
    """(N,dimensions) unit vectors of all items, kept in the checkpoint ``folder``; ``model`` is called if needed."""
    path = folder / f"{STEM}.npy"
    try:
        facts = kept(folder, STEM, FeatureFacts)
        if facts is not None:
            return cast(Vectors, read_array(path, (items, facts["dimensions"]), np.float32))
    except DamageError as e:
        progress.note(f"{e.file!r} is {e.reason}, so it is made again.")
        forget(folder / f"{STEM}.json", path)
    network, data = model()
    sample = np.concatenate(list(features(network, data, spread(np.arange(items), SAMPLE), group=group)))

    def parts() -> Iterable[Vectors]:
        for part in features(network, data, np.arange(items), group=group):
            yield part
            progress.advance(len(part), "features")

    out = project(parts(), items, *principal_axes(sample))
    write_array(out, path)
    keep(folder, STEM, [path.name], {"dimensions": out.shape[1]})
    return out


def principal_axes(sample: Vectors) -> tuple[Vectors, Vectors]:
    """Mean (D,) and the first principal axes (D, ≤ 32) of a sample (n, D)."""
    mean = sample.mean(0)
    centred, size = sample - mean, sample.shape[1]
    if len(sample) < size:
        return mean, np.linalg.svd(centred, full_matrices=False)[2][:DIMENSIONS].T
    # The eigenvectors of the scatter matrix take a tenth of the time, and float64 makes up for its squares.
    double = centred.astype(np.float64)
    _, axes = eigh(double.T @ double, subset_by_index=[max(size - DIMENSIONS, 0), size - 1])
    return mean, np.ascontiguousarray(axes[:, ::-1], dtype=np.float32)


def project(parts: Iterable[Vectors], items: int, mean: Vectors, axes: Vectors) -> Vectors:
    """(items,dimensions) unit vectors of the features (n,D) in ``parts``, in the order of the items, on the axes."""
    out = np.zeros((items, axes.shape[1]), dtype=np.float32)
    done = 0
    for part in parts:
        on_axes = (part - mean) @ axes
        out[done : done + len(part)] = on_axes / np.maximum(np.linalg.norm(on_axes, axis=1, keepdims=True), 1e-12)
        done += len(part)
    return out
