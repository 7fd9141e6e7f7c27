"""From p, T and the annotations to the learned truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .annotations import AnnotationTable, FloatArray
from .disagreement import cases, first_two

FLOOR = 1e-12
T_FLOOR = 1e-30  # below that of p: a coder taken at its word outweighs the surest network
FIXED_COLUMNS = ("image", "learned_truth", "confidence", "network_truth", "case")


def posterior(
    p: FloatArray, transitions: FloatArray, table: AnnotationTable, coder_weights: FloatArray | None = None
) -> FloatArray:
    """Truth given the image and its annotations, (N,K), rows sum to 1.

    r[n,k] ∝ p[n,k] · Π_c T[c,k,a_nc]^(w_c · count), in logs. ``p`` is (N,K) and
    ``transitions`` (C,K,K). The weights (1 by default) are those of the loss: what a
    machine coder says comes from the same image that p has seen, so it must not
    count as independent evidence.
    """
    k = p.shape[1]
    log_r = np.log(np.maximum(p, FLOOR))
    weight = table.count.astype(np.float64)
    if coder_weights is not None:
        weight = weight * coder_weights[table.coder]
    log_t = np.log(np.maximum(transitions, T_FLOOR))
    said: FloatArray = log_t[table.coder, :, table.label] * weight[:, None]
    for column in range(k):
        log_r[:, column] += np.bincount(table.item, weights=said[:, column], minlength=len(p))
    log_r -= log_r.max(1, keepdims=True)
    r: FloatArray = np.exp(log_r)
    r /= r.sum(1, keepdims=True)
    return r


def expected_counts(r: FloatArray, table: AnnotationTable) -> FloatArray:
    """(C,K,K) annotations behind each cell of T, when the truth is ``r`` (N,K)."""
    _, c, k = table.shape
    flat = table.coder.astype(np.int64) * k + table.label
    out = np.stack(
        [np.bincount(flat, weights=table.count * r[table.item, t], minlength=c * k) for t in range(k)], axis=1
    )
    return np.asarray(out.reshape(c, k, k).transpose(0, 2, 1), dtype=np.float64)


def column_names(coders: tuple[str, ...], classes: tuple[str, ...]) -> dict[str, str]:
    """Column of each coder in a truth table: its name, or ``coder:NAME`` where that would collide."""
    taken = {*FIXED_COLUMNS, *(f"p_{c}" for c in classes)}
    return {c: f"coder:{c}" if c in taken or c.startswith("_") else c for c in coders}


def truth_table(
    table: AnnotationTable,
    r: FloatArray,
    learned: NDArray[np.int32],
    network: NDArray[np.int32] | None,
    items: NDArray[np.int64],
) -> pd.DataFrame:
    """The rows of ``truth.csv`` for these items.

    ``r`` (N,K) is the posterior, ``learned`` (N,) its class, ``network`` (N,) the class
    from the image alone (None when no network was trained). ``case`` compares the
    learned truth with the first two annotations present, in the order of the table's
    coders; it is empty where there are fewer than two.
    """
    names = np.asarray(table.classes, dtype=object)
    said = np.stack([table.labels_of(c) for c in table.coders], axis=1)[items]
    case = cases(*first_two(said), learned[items])

    def named(index: NDArray[np.int32]) -> NDArray[np.object_]:
        return np.where(index >= 0, names[index], "")

    columns: dict[str, object] = {
        "image": table.items[items],
        "learned_truth": named(learned[items]),
        "confidence": np.take_along_axis(r[items], learned[items][:, None].astype(np.int64), axis=1)[:, 0],
        "network_truth": named(network[items]) if network is not None else "",
        "case": np.where(case > 0, case.astype(str).astype(object), ""),
    }
    for position, (_, column) in enumerate(column_names(table.coders, table.classes).items()):
        columns[column] = named(said[:, position])
    for position, name in enumerate(table.classes):
        columns[f"p_{name}"] = r[items, position]
    return pd.DataFrame(columns)
