"""What settling has brought so far, and what the next answers are expected to bring; nothing is trained.

An answer that differs from the learned truth corrects one image. It also changes what is known of the coders who
labelled that image: T is counted again, with the settled truths in place of r[n,k], and the posterior of every other
item follows from the new T while p stays. With N[c,k,l] the expected annotations behind each cell, and N' the same with
the settled truths,

    T'[c,k,l] ∝ T[c,k,l] · (N'[c,k,l] + ½) / (N[c,k,l] + ½),    r'[n,k] ∝ r[n,k] · Π_c (T'[c,k,a_nc] / T[c,k,a_nc])^w.

Without an answer both are what they were. An answer is taken for the truth.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import ADJUDICATOR, FloatArray, is_machine
from ..files.printing import counted, isolated
from ..labels.coder_labels import Codes, RowAnnotations, Rows
from ..labels.intervals import beta_interval
from ..labels.truth import T_FLOOR
from ..runs.learned_items import LearnedItems
from ..runs.run import Run
from ..runs.stored_results import ResultReader, open_results

Mask = NDArray[np.bool_]

NEXT = 40  # answers whose gain is told beforehand
PRIOR = 0.5  # annotations added to each cell, by which none is changed without end


@dataclass(frozen=True)
class MatrixGain:
    """The width of the intervals of one coder's T, before and after the answers.

    Attributes
    ----------
    annotations : how many of its annotations are of settled images.
    before, after : half the width of the 95 % interval of a cell on the diagonal, the mean over the classes.
    """

    coder: str
    annotations: int
    before: float
    after: float


@dataclass(frozen=True)
class Gains:
    """What settling brought since the run was trained.

    Attributes
    ----------
    settled : images that were settled and not learned from yet. learned_already : those that the run began with.
    corrected : of ``settled``, how many answers differ from the learned truth. promised : how many were expected to.
    elsewhere : images that nobody settled whose most probable class changes with the matrices.
    matrices : of the people who labelled settled images, those of the most annotations first; none where the learned
        truth follows from no matrix.
    open : images that can still be settled. following : how many of them are the next. expected : how many right truths
        these are expected to bring.
    """

    settled: int
    learned_already: int
    corrected: int
    promised: float
    elsewhere: int
    matrices: tuple[MatrixGain, ...]
    open: int
    following: int
    expected: float

    @property
    def changed(self) -> int:
        """How many truths changed: by an answer, or with the matrices."""
        return self.corrected + self.elsewhere

    def sentences(self) -> list[str]:
        """The figures in words."""
        out = []
        if self.settled:
            out.append(f"{self.settled:,} settled: {counted(self.changed, 'truth')} changed{self._matrix()}.")
            out.append(
                f"{self.corrected:,} by the answers themselves, where {self.promised:.1f} were expected; "
                f"{self.elsewhere:,} of other images, as the matrices are counted again."
            )
            if self.learned_already:
                out.append(f"The run learned from {self.learned_already:,} more.")
        elif self.learned_already:
            images = counted(self.learned_already, "settled image")
            out.append(f"Nothing settled since this run, which learned from {images}.")
        else:
            out.append("Nothing settled yet.")
        if self.following:
            out.append(
                f"The next {self.following:,} in the order “gains most” are expected to bring "
                + (f"{self.expected:.1f} right truths." if self.expected >= 0.05 else "no right truth.")
            )
        return out

    def _matrix(self) -> str:
        if not self.matrices:
            return ""
        first = self.matrices[0]
        return f", matrix of {isolated(first.coder)} ± {first.after:.3f} (before: ± {first.before:.3f})"


MEANING = (
    "Counted without training: an answer is taken for the truth, the matrices are counted again with the settled "
    "images known, and the learned truth of the others follows from them; the network stays as it is. Images of test "
    "sets and those set aside are left out. ± is half the 95 % interval of how often a coder is right, the mean over "
    "the classes. Expected is the sum of 1 − confidence, without what the matrices gain."
)


def gains(
    run: Run,
    items: LearnedItems,
    decisions: Mapping[str, str],
    left_out: Collection[str] = (),
    skipped: Collection[str] = (),
) -> Gains:
    """What the answers bring to a finished run.

    Parameters
    ----------
    items : those of the run, see :func:`~ltnet_core.runs.stored_results.load_items`.
    decisions : image → class that it was settled as. left_out : images that are set aside. skipped : images that were
        looked at and left open; they are not among the next.

    Raises
    ------
    RunError
        the run's results are damaged.
    """
    n = items.learned_from()
    aside = _mask(items, left_out, n)
    settled = np.full(n, -1, dtype=np.int16)
    classes = {name: k for k, name in enumerate(items.classes)}
    rows = items.rows(list(decisions))
    for row, label in zip(rows.tolist(), decisions.values(), strict=True):
        if 0 <= row < n and not aside[row]:
            settled[row] = classes.get(label, -1)
    new = settled >= 0
    if ADJUDICATOR in items.coders:
        new &= items.labels.of_coder(items.coder(ADJUDICATOR))[:n] != settled
    others = ~aside & (settled < 0)
    candidates = others & ~_mask(items, skipped, n)
    doubt = 1 - items.confidence[:n].astype(np.float64)
    following = np.sort(doubt[candidates])[::-1][:NEXT]
    matrices, elsewhere = _again(open_results(run), items, settled, new, others) if new.any() else ((), 0)
    return Gains(
        settled=int(new.sum()),
        learned_already=int((settled >= 0).sum() - new.sum()),
        corrected=int((items.truth[:n] != settled)[new].sum()),
        promised=float(doubt[new].sum()),
        elsewhere=elsewhere,
        matrices=matrices,
        open=int(candidates.sum()),
        following=len(following),
        expected=float(following.sum()),
    )


def _mask(items: LearnedItems, images: Collection[str], n: int) -> Mask:
    """(n,) the first n rows that are of these images."""
    out = np.zeros(n, dtype=np.bool_)
    rows = items.rows(list(images))
    out[rows[(rows >= 0) & (rows < n)]] = True
    return out


def _again(
    results: ResultReader, items: LearnedItems, settled: Codes, new: Mask, others: Mask
) -> tuple[tuple[MatrixGain, ...], int]:
    """The matrices counted again with the ``new`` settled rows known, and how many ``others`` change their class."""
    about = results.transitions()
    if not about.get("counts"):
        return (), 0  # a run from before they were kept
    n, k = len(settled), len(items.classes)
    model = _Model.of(results, items, about, n)
    r = results.posterior(n)
    known = np.eye(k)[settled]  # of rows that are not settled it means nothing
    counts, support = model.counts.copy(), model.support.copy()
    behind = np.zeros(len(items.coders), dtype=np.int64)
    for part in model.annotations(n):
        some = new[part.row]
        row, coder, label, count = part.row[some], part.coder[some], part.label[some], part.count[some]
        weight = model.weight(row, coder)
        np.add.at(counts.transpose(0, 2, 1), (coder, label), (known[row] - r[row]) * count[:, None])
        np.add.at(support, coder, (known[row] - r[row] ** 2) * (count * weight)[:, None])
        np.add.at(behind, coder[count > PRIOR], 1)
    counted = model.transitions * (np.maximum(counts, 0) + PRIOR) / (model.counts + PRIOR)
    counted /= counted.sum(2, keepdims=True)
    counted[model.fixed] = model.transitions[model.fixed]
    change = np.log(np.maximum(counted, T_FLOOR)) - np.log(np.maximum(model.transitions, T_FLOOR))
    shift = np.zeros((n, k), dtype=np.float32)
    for part in model.annotations(n):
        row, weight = part.row, part.count * model.weight(part.row, part.coder) * model.power[part.row]
        first = np.flatnonzero(np.diff(row, prepend=-1))
        if len(first):
            shift[row[first]] += np.add.reduceat(change[part.coder, :, part.label] * weight[:, None], first)
    truth = np.where(shift.any(1), (np.log(np.maximum(r, T_FLOOR)) + shift).argmax(1), items.truth[:n])
    elsewhere = int((truth != items.truth[:n])[others].sum())
    widths = _half_widths(model.transitions, model.support), _half_widths(counted, np.maximum(support, 0))
    return tuple(
        MatrixGain(items.coders[c], int(behind[c]), float(model.half[c].mean()), float((model.half[c] * wide).mean()))
        for c in np.argsort(-behind, kind="stable")
        if behind[c] and items.human[c] and not model.fixed[c] and model.weights[c] > 0
        for wide in [widths[1][c] / widths[0][c]]
    ), elsewhere


def _half_widths(transitions: FloatArray, support: FloatArray) -> FloatArray:
    """(C,K) half the width of the 95 % interval of each cell on the diagonal."""
    low, high = (np.diagonal(end, axis1=1, axis2=2) for end in beta_interval(transitions, support))
    return np.asarray((high - low) / 2)


@dataclass(frozen=True)
class _Model:
    """What the posterior of the first rows of a run was made of.

    Attributes
    ----------
    transitions, counts : (C,K,K). support, half : (C,K) support of each row, and half the width of the interval of its
        cell on the diagonal.
    fixed : (C,) coders whose matrix is not counted: certain coders, and the adjudicator.
    weights : (C,) of their annotations. errs : (C,) people whose annotations count by ``share`` (N,).
    power : (N,) of the posterior.
    """

    results: ResultReader
    items: LearnedItems
    transitions: FloatArray = field(repr=False)
    counts: FloatArray = field(repr=False)
    support: FloatArray = field(repr=False)
    half: FloatArray = field(repr=False)
    fixed: Mask = field(repr=False)
    weights: FloatArray = field(repr=False)
    errs: Mask = field(repr=False)
    share: FloatArray = field(repr=False)
    power: FloatArray = field(repr=False)

    @classmethod
    def of(cls, results: ResultReader, items: LearnedItems, about: dict[str, Any], n: int) -> _Model:
        def stacked(name: str) -> FloatArray:
            return np.asarray([about[name][c] for c in items.coders], dtype=np.float64)

        people = np.asarray([not is_machine(c) and c not in items.certain for c in items.coders], dtype=np.bool_)
        judged = np.zeros(n, dtype=np.bool_)
        rows = items.labels.row[people[items.labels.coder()]]
        judged[rows[rows < n]] = True
        wide = np.diagonal(stacked("high") - stacked("low"), axis1=1, axis2=2) / 2
        weights = about.get("weights") or {}
        return cls(
            results=results,
            items=items,
            transitions=stacked("coders"),
            counts=stacked("counts"),
            support=stacked("support"),
            half=np.asarray(wide),
            fixed=np.asarray([c in items.certain or c == ADJUDICATOR for c in items.coders], dtype=np.bool_),
            weights=np.asarray([weights.get(c, 1.0) for c in items.coders], dtype=np.float64),
            errs=people,
            share=results.shares(n),
            power=np.where(judged, float(about.get("sharpness", 1.0)), 1.0),
        )

    def annotations(self, n: int) -> Iterator[RowAnnotations]:
        """The annotations of the first n rows, some at a time."""
        for part in self.results.annotation_parts(self.items):
            end = int(np.searchsorted(part.row, n))
            yield RowAnnotations(part.row[:end], part.coder[:end], part.label[:end], part.count[:end])

    def weight(self, row: Rows, coder: Rows) -> FloatArray:
        """(E,) what one vote of each annotation counts in the posterior, its power apart."""
        return self.weights[coder] * np.where(self.errs[coder], self.share[row], 1.0)
