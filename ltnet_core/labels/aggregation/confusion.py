"""Matrices of coders where the truth is taken as known."""

from __future__ import annotations

import numpy as np

from ...annotations import AnnotationTable, FloatArray


def confusion(table: AnnotationTable, truth: FloatArray) -> FloatArray:
    """(C,K,K) row-normalised counts of truth (N,K weights) × said; a row without evidence is uniform."""
    counts = confusion_counts(table, truth)
    total = counts.sum(2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, counts / total, 1.0 / len(table.classes))


def confusion_counts(table: AnnotationTable, truth: FloatArray) -> FloatArray:
    """(C,K,K) counts of truth (N,K weights) × said."""
    _, c, k = table.shape
    out = np.zeros((c * k, k))
    np.add.at(out, table.coder.astype(np.int64) * k + table.label, table.count[:, None] * truth[table.item])
    return out.reshape(c, k, k).transpose(0, 2, 1)
