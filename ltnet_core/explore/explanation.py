"""One item of a run: the reasons for its learned truth, in log-odds, and the items that look like it."""

from __future__ import annotations

from collections.abc import Mapping
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
MOST_RIVALS = 3
BLOCK = 200_000


@dataclass(frozen=True)
class Explanation:
    """One item.

    Attributes
    ----------
    posterior : (K,) truth given the image and its annotations. image : (K,) given the image alone.
    says : coder → (K,) p·T[c], the distribution of its label given the image.
    annotations : coder → (K,) its annotation, votes or shares.
    reasons : rival class → source → log-odds it adds for the learned truth against the rival, in nats; ``""`` is the
        image. Their sum is the log-odds of the posterior. The rivals are the classes of annotations that differ from
        the learned truth, people's first, the most probable first; of an item without any, the second most probable.
    alike : (row, cosine) of the items with the most similar features, most similar first.
    """

    posterior: FloatArray
    image: FloatArray | None
    says: dict[str, FloatArray]
    annotations: dict[str, FloatArray]
    reasons: dict[int, dict[str, float]]
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
    posterior, image = results.probabilities(items, row)
    matrices = {c: np.asarray(m) for c, m in about["coders"].items()}
    annotations = results.annotations(items, row)
    learned = int(items.truth[row])
    reasons: dict[int, dict[str, float]] = {}
    if image is not None:
        people = {c for c in annotations if not is_machine(c) and c not in items.certain}
        share = results.share(items, row)
        sharpness = float(about.get("sharpness", 1.0)) if people else 1.0
        # (K,) what each source adds to the log-probability of each class, up to a constant.
        evidence = {"": sharpness * np.log(np.maximum(image, FLOOR))}
        for coder, votes in annotations.items():
            weight = float(about.get("weights", {}).get(coder, 1.0)) * (share if coder in people else 1.0)
            evidence[coder] = sharpness * weight * (np.log(np.maximum(matrices[coder], T_FLOOR)) @ votes)
        for rival in _rivals(posterior, annotations, learned):
            reasons[rival] = {source: float(log_p[learned] - log_p[rival]) for source, log_p in evidence.items()}
    says = {c: image @ t for c, t in matrices.items() if c not in items.certain} if image is not None else {}
    return Explanation(posterior, image, says, annotations, reasons, look_alikes(run, items, row))


def _rivals(posterior: FloatArray, annotations: Mapping[str, FloatArray], learned: int) -> list[int]:
    """The classes against which the learned truth is explained, see `Explanation.reasons`."""
    by_people, by_machines = set[int](), set[int]()
    for coder, votes in annotations.items():
        (by_machines if is_machine(coder) else by_people).add(int(np.argmax(votes)))
    others = [k for k in np.argsort(-posterior, kind="stable").tolist() if k != learned]
    said = [k for k in others if k in by_people] + [k for k in others if k in by_machines - by_people]
    return said[:MOST_RIVALS] or others[:1]


def look_alikes(run: Run, items: LearnedItems, row: int) -> list[tuple[int, float]]:
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
    best = np.argpartition(-near, min(LOOK_ALIKES, len(near) - 1))[:LOOK_ALIKES]
    best = best[np.argsort(-near[best], kind="stable")]
    return [(int(i), float(near[i])) for i in best if np.isfinite(near[i])]
