"""Figures of a finished run's network on a test set: per class, with intervals, and the calibration curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..annotations import FloatArray
from ..labels.intervals import wilson
from ..runs.evaluation import CURVE_BINS, calibration_bins
from ..runs.learned_items import LearnedItems

DRAWS = 500  # of the bootstrap


@dataclass(frozen=True)
class ClassFigures:
    """Recall, precision and F1 of n images of known truth, by network truth.

    Attributes
    ----------
    classes : K names.
    counts : (K,K) images by known truth × network truth.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64] = field(repr=False)

    @classmethod
    def of(cls, items: LearnedItems, rows: NDArray[np.int64]) -> ClassFigures:
        """Those of some rows with a known truth."""
        k = len(items.classes)
        cell = items.known[rows].astype(np.int64) * k + items.network[rows]
        return cls(items.classes, np.bincount(cell, minlength=k * k).reshape(k, k))

    @classmethod
    def of_cells(cls, classes: Sequence[str], cells: Sequence[Sequence[int]]) -> ClassFigures:
        """Those that an evaluation keeps of a method: [truth, predicted, images] of every cell that is not empty.

        Raises
        ------
        IndexError
            a cell is of a class that is not there.
        """
        counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
        if cells:
            truth, predicted, images = np.asarray(cells, dtype=np.int64).T
            counts[truth, predicted] = images
        return cls(tuple(classes), counts)

    @property
    def items(self) -> int:
        return int(self.counts.sum())

    @property
    def accuracy(self) -> float | None:
        return float(np.trace(self.counts) / self.items) if self.items else None

    @property
    def recall(self) -> FloatArray:
        """(K,) counts[k,k] / Σ_l counts[k,l]; NaN for a class without images."""
        return _share(np.diag(self.counts), self.counts.sum(1))

    @property
    def precision(self) -> FloatArray:
        """(K,) counts[k,k] / Σ_j counts[j,k]; NaN for a class that the network never predicts."""
        return _share(np.diag(self.counts), self.counts.sum(0))

    @property
    def f1(self) -> FloatArray:
        """(K,) harmonic mean of recall and precision; NaN for a class that neither occurs nor is predicted."""
        return _share(2 * np.diag(self.counts), self.counts.sum(0) + self.counts.sum(1))

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 of the classes that occur or are predicted."""
        return float(np.nanmean(self.f1)) if self.items else None

    def macro_f1_interval(self) -> tuple[float, float] | None:
        """Its 95 % interval, by drawing the images again (bootstrap, percentiles).

        Where every image or none is right, all draws are alike: there it is the interval of the accuracy.
        """
        accuracy = self.accuracy
        if accuracy is None or accuracy in (0, 1):
            return None if accuracy is None else wilson(accuracy, self.items)
        k = len(self.classes)
        truth, predicted = np.nonzero(self.counts)  # all others stay empty in every draw
        share, right, rng = self.counts[truth, predicted] / self.items, truth == predicted, np.random.default_rng(0)
        means = []
        for _ in range(DRAWS):
            draw = rng.multinomial(self.items, share)
            both = np.bincount(truth, weights=draw, minlength=k) + np.bincount(predicted, weights=draw, minlength=k)
            hits = np.bincount(truth[right], weights=draw[right], minlength=k)
            means.append(float((2 * hits[both > 0] / both[both > 0]).mean()))
        low, high = np.percentile(means, (2.5, 97.5))
        return float(low), float(high)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(part / np.where(whole, whole, np.nan), dtype=np.float64)


@dataclass(frozen=True)
class CalibrationCurve:
    """Accuracy of a network by confidence, over the equal-width bins that hold images.

    Attributes
    ----------
    confidence, accuracy : (B,) means of each bin. items : (B,) how many images are in it.
    """

    confidence: FloatArray
    accuracy: FloatArray
    items: NDArray[np.int64]

    @classmethod
    def of(cls, confidence: FloatArray, right: NDArray[np.bool_], bins: int = CURVE_BINS) -> CalibrationCurve:
        """From ``confidence`` (n,) in the most probable class, and whether that class was ``right`` (n,)."""
        return cls(*calibration_bins(confidence, right, bins))

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[float]]) -> CalibrationCurve:
        """The one that an evaluation keeps of a method: [confidence, accuracy, images] of every bin."""
        confidence, accuracy, items = np.asarray(rows, dtype=np.float64).reshape(-1, 3).T
        return cls(confidence, accuracy, items.astype(np.int64))


def rows_of_test(items: LearnedItems, test: str) -> NDArray[np.int64]:
    """Rows of a test set whose truth is known."""
    if test not in items.splits:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero((items.split == items.splits.index(test)) & (items.known >= 0) & (items.network >= 0))
