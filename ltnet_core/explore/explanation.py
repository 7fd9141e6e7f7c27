"""One item of a run: the reasons for its learned truth, in log-odds, and the items that look like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import FloatArray, is_machine
from ..files.reading import damaged, reading
from ..labels.truth import FLOOR, T_FLOOR
from ..runs.learned_items import LearnedItems
from ..runs.run import Run
from ..runs.stored_results import open_results

LOOK_ALIKES = 12
BLOCK = 200_000


@dataclass(frozen=True)
class Explanation:
    """One item.

    Attributes
    ----------
    posterior : (K,) truth given the image and its annotations. image : (K,) given the image alone.
    says : coder → (K,) p·T[c], the distribution of its label given the image.
    annotations : coder → (K,) its annotation, votes or shares.
    rival : index of the second most probable class.
    reasons : source → log-odds it adds for the learned truth against the rival, in nats; ``""`` is the image.
        Their sum is the log-odds of the posterior.
    alike : (row, cosine) of the items with the most similar features, most similar first.
    """

    posterior: FloatArray
    image: FloatArray | None
    says: dict[str, FloatArray]
    annotations: dict[str, FloatArray]
    rival: int
    reasons: dict[str, float]
    alike: list[tuple[int, float]]


def explain(run: Run, items: LearnedItems, row: int) -> Explanation:
    """Explain the learned truth of the item in ``row``.

    A figure that an older run did not store is left out.

    Raises
    ------
    RunError
        the run's results are damaged.
    """
    results = open_results(run)
    about = results.transitions()
    k = len(items.classes)
    posterior, image = results.probabilities(items, row)
    matrices = {c: np.asarray(m) for c, m in about["coders"].items()}
    annotations = results.annotations(items, row)
    learned = int(items.truth[row])
    others = posterior.copy()
    others[learned] = -1
    rival = int(others.argmax()) if k > 1 else learned
    reasons: dict[str, float] = {}
    if image is not None:
        sure = np.log(np.maximum(image, FLOOR))
        reasons[""] = float(sure[learned] - sure[rival])
        share = results.share(items, row)
        people = {c for c in annotations if not is_machine(c) and c not in items.certain}
        for coder, votes in annotations.items():
            log_t = np.log(np.maximum(matrices[coder], T_FLOOR))
            weight = float(about.get("weights", {}).get(coder, 1.0)) * (share if coder in people else 1.0)
            reasons[coder] = weight * float(votes @ (log_t[learned] - log_t[rival]))
        if people:
            sharpness = float(about.get("sharpness", 1.0))
            reasons = {source: sharpness * reason for source, reason in reasons.items()}
    says = {c: image @ t for c, t in matrices.items() if c not in items.certain} if image is not None else {}
    return Explanation(posterior, image, says, annotations, rival, reasons, look_alikes(run, items, row))


def look_alikes(run: Run, items: LearnedItems, row: int, most: int = LOOK_ALIKES) -> list[tuple[int, float]]:
    """Rows with the most similar features, and the cosines; empty where the run stored no features."""
    if not run.keeps("features.npy"):
        return []
    path = run.result("features.npy")
    with reading(path):
        all_features: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if len(all_features) != len(items):
        raise damaged(path, f"it has {len(all_features):,} rows for {len(items):,} items")
    mine = np.asarray(all_features[row], dtype=np.float32)
    near = np.empty(len(all_features), dtype=np.float32)
    for start in range(0, len(near), BLOCK):  # in parts: they are kept in half precision
        near[start : start + BLOCK] = np.asarray(all_features[start : start + BLOCK], dtype=np.float32) @ mine
    near[row] = -np.inf
    best = np.argpartition(-near, min(most, len(near) - 1))[:most]
    best = best[np.argsort(-near[best], kind="stable")]
    return [(int(i), float(near[i])) for i in best if np.isfinite(near[i])]
