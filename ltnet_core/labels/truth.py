"""The learned truth from p, T and the annotations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ..annotations import AnnotationTable, FloatArray
from ..files.parquet_files import TEXT
from .coder_labels import Labels
from .disagreement import CASES, cases

FLOOR = 1e-12
T_FLOOR = 1e-30  # below that of p: a coder whose matrix is fixed to the identity outweighs the surest network
FIXED_COLUMNS = ("image", "learned_truth", "confidence", "network_truth", "case")


def posterior(
    p: FloatArray,
    transitions: FloatArray,
    table: AnnotationTable,
    coder_weights: FloatArray | None = None,
    shares: FloatArray | None = None,
) -> FloatArray:
    """Truth given the image and its annotations, (N,K), rows sum to 1.

    r[n,k] ∝ p[n,k] · Π_c T[c,k,a_nc]^(w_c · s_nc · count), in logs. ``p`` is (N,K) and
    ``transitions`` (C,K,K). ``coder_weights`` (C,) are w, 1 by default: annotations of machine
    coders come from the image, as p does, so they are no independent evidence. ``shares`` (E,)
    are s, 1 by default: see :mod:`~ltnet_core.learning.shared_errors`.
    """
    k = p.shape[1]
    log_r = np.log(np.maximum(p, FLOOR))
    weight = table.count.astype(np.float64)
    if coder_weights is not None:
        weight = weight * coder_weights[table.coder]
    if shares is not None:
        weight = weight * shares
    log_t = np.log(np.maximum(transitions, T_FLOOR))
    log_terms: FloatArray = log_t[table.coder, :, table.label] * weight[:, None]
    for column in range(k):
        log_r[:, column] += np.bincount(table.item, weights=log_terms[:, column], minlength=len(p))
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
    out = {c: c for c in coders if c not in taken and not c.startswith("_")}
    taken |= set(out)
    for coder in coders:
        if coder not in out:
            out[coder] = f"coder:{coder}"
            while out[coder] in taken:  # a coder may be called so
                out[coder] = f"coder:{out[coder]}"
            taken.add(out[coder])
    return {c: out[c] for c in coders}


def truth_table(
    images: pa.Array,
    coders: tuple[str, ...],
    classes: tuple[str, ...],
    labels: Labels,
    p: FloatArray,
    learned: NDArray[Any],
    network: NDArray[Any] | None,
) -> pd.DataFrame:
    """The rows of ``truth.csv``: names of classes in place of indices, and one column per coder.

    ``labels`` is what the coders said of the N rows, ``p`` (N,K) the posterior, ``learned`` (N,) its class,
    ``network`` (N,) the class from the image alone (None when no network was trained). ``case`` compares the
    learned truth with the first two labels of a row, in the order of the coders; it is empty where there are
    fewer than two.
    """
    names, none = pa.array([*classes, ""], TEXT), len(classes)
    case = cases(*labels.first_two(), learned)
    nothing = np.full(len(images), -1, dtype=np.int16)

    def named(index: NDArray[Any]) -> pa.Array:
        return names.take(pa.array(np.where(index >= 0, index, none)))

    columns = {
        "image": images,
        "learned_truth": named(learned),
        "confidence": np.take_along_axis(p, learned[:, None].astype(np.intp), axis=1)[:, 0],
        "network_truth": named(nothing if network is None else network),
        "case": pa.array(["", *map(str, CASES)], TEXT).take(pa.array(case)),
    }
    for position, column in enumerate(column_names(coders, classes).values()):
        columns[column] = named(labels.of_coder(position))
    for position, name in enumerate(classes):
        columns[f"p_{name}"] = p[:, position]
    frame: pd.DataFrame = pa.table(columns).to_pandas()
    return frame
