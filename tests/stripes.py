"""Tiny images whose class anyone can see, with planted coders: known truth for the tests of training."""

from __future__ import annotations

import numpy as np
import torch

from ltnet_core.annotations import AnnotationTable
from ltnet_core.learning.batch import Entries
from ltnet_core.learning.training_data import TrainingData


def entries(rows: list[tuple[int, int, int, float]]) -> Entries:
    row, coder, label, weight = zip(*rows, strict=True)
    return Entries(torch.tensor(row), torch.tensor(coder), torch.tensor(label), torch.tensor(weight))


def random_t(coders: int, classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), (coders, classes))


def stripes(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images whose class is the row of a bright bar: (n,1,12,12) uint8 and (n,) truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    pixels = rng.integers(0, 90, (n, 1, 12, 12)).astype(np.uint8)
    for i, k in enumerate(truth):
        pixels[i, 0, 4 * k : 4 * k + 3] += 120
    return pixels, truth


def study(n: int, t: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray, AnnotationTable]:
    pixels, truth = stripes(n, seed)
    rng = np.random.default_rng(seed + 1)
    labels = np.stack([[rng.choice(3, p=m[k]) for k in truth] for m in t], axis=1)
    item, coder = np.divmod(np.arange(n * len(t)), len(t))
    table = AnnotationTable(
        np.array([f"{i:05d}" for i in range(n)], dtype=object), tuple(f"c{c}" for c in range(len(t))), ("a", "b", "c"),
        item.astype(np.int32), coder.astype(np.int32), labels.ravel().astype(np.int32), np.ones(n * len(t), np.float32),
    )  # fmt: skip
    return pixels, truth, table


def training_data(
    pixels: np.ndarray, table: AnnotationTable, augment: bool = False, cutout: float = 0.0
) -> TrainingData:
    return TrainingData(
        pixels,
        table,
        np.ones(len(table.coders)),
        np.array([60.0]),
        np.array([50.0]),
        torch.device("cpu"),
        augment,
        cutout,
    )
