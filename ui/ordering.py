"""In which order the classes of a matrix stand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform


def by_similarity(matrices: Sequence[ArrayLike]) -> NDArray[np.int64]:
    """(K,) classes so that those that coders confuse stand side by side.

    Classes are as near as they are confused, either way, on average over the (K,K)
    ``matrices``; they are clustered by average linkage, and the leaves turned so that
    neighbours are near (Bar-Joseph et al., 2001).
    """
    mean = np.mean([np.asarray(m, dtype=float) for m in matrices], axis=0)
    k = len(mean)
    if k < 3:
        return np.arange(k)
    near = (mean + mean.T) / 2
    np.fill_diagonal(near, 0.0)
    distance = squareform(near.max() - near + np.eye(k) * (near.min() - near.max()), checks=False)
    order = leaves_list(optimal_leaf_ordering(linkage(distance, "average"), distance))
    # Of the two directions the one that begins with the earlier class.
    return np.asarray(order if order[0] <= order[-1] else order[::-1], dtype=np.int64)
