"""Makes the map of a run's items: t-SNE of their features, with the neighbours that it is made from.

t-SNE (van der Maaten and Hinton 2008) by openTSNE, whose cost grows linearly with the items (Linderman et al. 2019,
doi:10.1038/s41592-018-0308-4), on uniform affinities of the exact nearest neighbours and from a start on the principal
axes, so that the seed decides the result (Kobak and Berens 2019, doi:10.1038/s41467-019-13056-x).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RunError
from ..files.reading import damaged, reading
from ..runs.run import Run
from ..runs.stored_results import load_items
from .item_map import FEATURES, MOST_POINTS, MOST_REGIONS, NEIGHBOUR, ItemMap, write_map
from .wish import SIDE

NEIGHBOURS = 15  # that pull an item
EARLY, EXAGGERATION, LATE = 125, 12.0, 250  # steps with attraction so many times as strong, and steps after them
POINTS_A_REGION = 50  # at least, on average
FEW = 2000  # points up to which the exact forces are faster than their interpolation on a grid
SPREAD = 1e-4  # of the first axis at the start, as openTSNE has it


def make_map(run: Run, seed: int = 0) -> ItemMap:
    """Make the map of a finished run from its features, and keep it in the run's folder.

    Raises
    ------
    RunError
        the run is not finished, kept no features, or its results are damaged.
    StorageError
    """
    items = len(load_items(run))
    if not run.keeps(FEATURES):
        raise RunError(f"run {str(run.folder)!r} kept no features, so there is no map of it; train it again.")
    path = run.result(FEATURES)
    with reading(path):
        features: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if features.ndim != 2 or len(features) != items or features.dtype.kind != "f":
        raise damaged(path, f"it does not hold the features of {items:,} items")
    row = _sample(items, np.random.default_rng(seed))
    if not np.isfinite(vectors := np.asarray(features[row], dtype=np.float32)).all():
        raise damaged(path, "it holds numbers that are not finite")
    out = map_of(vectors, seed, row)
    write_map(run, out)
    return out


def _sample(items: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(n,) ascending rows of the items that have a point: all, or ``MOST_POINTS`` of them."""
    if items <= MOST_POINTS:
        return np.arange(items)
    return np.sort(rng.choice(items, MOST_POINTS, replace=False))


def map_of(vectors: NDArray[np.float32], seed: int = 0, row: NDArray[np.int64] | None = None) -> ItemMap:
    """The map of n items from their features (n, D), unit vectors; ``row`` (n,) says which items they are."""
    rng = np.random.default_rng(seed)
    row = np.arange(len(vectors)) if row is None else row
    distance, neighbour = _neighbours(vectors)
    x, y = _placed(_layout(vectors, distance, neighbour, rng, seed))
    tenth = distance[:, min(NEIGHBOUR, distance.shape[1]) - 1] if distance.shape[1] else np.full(len(row), 0.0)
    alone = not distance.shape[1]
    return ItemMap(
        row=row.astype(np.int32),
        x=x,
        y=y,
        region=_regions(x, y, seed),
        # Of unit vectors: |a − b|² = 2 − 2·cos.
        nearest=np.full(len(row), -1, np.float32) if alone else (1 - distance[:, 0] ** 2 / 2).astype(np.float32),
        twin=np.full(len(row), -1, np.int32) if alone else row[neighbour[:, 0]].astype(np.int32),
        far=(tenth**2 / 2).astype(np.float32),
    )


def _neighbours(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n, k) distances of each point's nearest others and which they are, nearest first; k = min(15, n − 1)."""
    from sklearn.neighbors import NearestNeighbors

    n = len(vectors)
    k = min(NEIGHBOURS, n - 1)
    if k < 1:
        return np.zeros((n, 0)), np.zeros((n, 0), dtype=np.int64)
    distance, index = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(vectors).kneighbors(vectors)
    # A point is its own nearest neighbour, unless others are equal to it.
    own = index == np.arange(n)[:, None]
    own[~own.any(1), -1] = True
    return distance[~own].reshape(n, k).astype(np.float64), index[~own].reshape(n, k).astype(np.int64)


def _layout(
    vectors: NDArray[np.float32],
    distance: NDArray[np.float64],
    neighbour: NDArray[np.int64],
    rng: np.random.Generator,
    seed: int,
) -> NDArray[np.float64]:
    """(n, 2) of t-SNE; where there are not enough points for it, the principal axes."""
    if len(vectors) < 2:
        return np.zeros((len(vectors), 2))
    start = _principal(vectors)
    start += rng.normal(scale=SPREAD / 100, size=start.shape)  # equal items must be able to part
    if len(vectors) <= NEIGHBOUR:
        return start
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import Uniform
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    near = PrecomputedNeighbors(neighbour, distance)
    affinities = Uniform(None, k_neighbors=neighbour.shape[1], symmetrize="max", knn_index=near)
    # Of few points the threads would wait for each other longer than they work.
    forces, jobs = ("bh", 1) if len(vectors) <= FEW else ("fft", -1)
    embedding = TSNEEmbedding(start, affinities, negative_gradient_method=forces, n_jobs=jobs, random_state=seed)
    embedding = embedding.optimize(EARLY, exaggeration=EXAGGERATION, momentum=0.8)
    return np.asarray(embedding.optimize(LATE, momentum=0.8), dtype=np.float64)


def _principal(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 2) on the first two principal axes, the first of them of standard deviation ``SPREAD``."""
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])  # eigenvectors have no sign
    out = np.zeros((len(vectors), 2))
    out[:, : axes.shape[1]] = centred @ axes
    return np.asarray(out * (SPREAD / max(float(out[:, 0].std()), 1e-12)))


def _placed(layout: NDArray[np.float64]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Whole coordinates from 0 to ``SIDE``, in the middle, of one scale for both axes."""
    if not len(layout):
        return np.zeros(0, np.uint16), np.zeros(0, np.uint16)
    low, high = layout.min(0), layout.max(0)
    scale = SIDE / max(float((high - low).max()), 1e-12)
    whole = np.rint((layout - (low + high) / 2) * scale + SIDE / 2).clip(0, SIDE).astype(np.uint16)
    return whole[:, 0], whole[:, 1]


def _regions(x: NDArray[np.uint16], y: NDArray[np.uint16], seed: int) -> NDArray[np.int16]:
    """(n,) index of the region that a point is in, the largest first: k-means of the map."""
    from sklearn.cluster import KMeans

    points = np.stack([x, y], axis=1).astype(np.float64)
    if not len(points):
        return np.zeros(0, np.int16)
    different = len(np.unique(points, axis=0))
    k = min(MOST_REGIONS, different, max(1, len(points) // POINTS_A_REGION))
    code = KMeans(k, n_init=1, random_state=seed).fit_predict(points)
    order = np.argsort(-np.bincount(code, minlength=k), kind="stable")
    return np.asarray(np.argsort(order)[code], dtype=np.int16)
