"""Items that show two classes: coders then err alike, which matrices alone take for agreement.

An item is clear, with class z, or unclear, with truth z and a second class z' that it shows as well.
Of a clear item coder c says l with probability T[c,z,l]; of an unclear one she judges the truth with
probability λ_c and the second class otherwise: λ_c·T[c,z,l] + (1 − λ_c)·T[c,z',l]. The shares of z
with z' and of z' with z are one number. EM over the K + K·(K − 1) states of an item.

With every λ_c at ½ the two orders of a pair are one state, and the truth of an unclear item is either
class with one half. Learned, λ_c finds coders who answer another question: they are the ones who take
the second class.
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from ...annotations import AnnotationTable, FloatArray
from .dawid_skene import Expected, Part, cut_into_parts, find_patterns, log_floored

UNCLEAR = 0.2  # share of the items, before anything is known
LEAN = 0.65  # of every λ_c then; one half would never leave it
LEAN_RANGE = (0.05, 0.95)
LEAST_SHARE = 1e-12


@dataclass(frozen=True)
class States:
    """The states of an item: K clear ones and, where wanted, K·(K − 1) ordered pairs (truth, second class).

    Attributes
    ----------
    classes : K. first, second : (pairs,) classes of each pair, empty without unclear items.
    """

    classes: int
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @classmethod
    def of(cls, classes: int, unclear: bool) -> States:
        first, second = np.nonzero(~np.eye(classes, dtype=np.bool_)) if unclear else (np.zeros(0, np.int64),) * 2
        return cls(classes, first, second)

    def emissions(self, t: FloatArray, lean: FloatArray, columns: NDArray[np.int64] | None = None) -> FloatArray:
        """(C·K,S) probability of each annotation (coder, label) in each state; ``t`` (C·K,K) is T transposed.

        With ``columns`` (U,) only of these annotations: (U,S).
        """
        towards = np.repeat(lean, self.classes)[:, None]
        if columns is not None:
            t, towards = t[columns], towards[columns]
        if not len(self.first):
            return t
        return np.concatenate([t, towards * t[:, self.first] + (1 - towards) * t[:, self.second]], axis=1)

    def by_class(
        self, counts: FloatArray, t: FloatArray, lean: FloatArray, columns: NDArray[np.int64] | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Annotations by the class that was judged, from annotations by state.

        ``counts`` (U,S) of the annotations ``columns`` (U,), all by default → (C·K,K), and (C,2) annotations of
        unclear items: of the truth, and of the second class.
        """
        k = self.classes
        columns = np.arange(len(t)) if columns is None else columns
        judged, both = np.zeros(t.shape), np.zeros((len(t), 2))
        if not len(self.first):
            judged[columns] = counts
            return judged, np.zeros((len(lean), 2))
        towards, unclear, t = np.repeat(lean, k)[columns, None], counts[:, k:], t[columns]
        one, other = towards * t[:, self.first], (1 - towards) * t[:, self.second]
        judged_first = unclear * (one / np.maximum(one + other, 1e-300))
        judged_second = unclear - judged_first
        own = counts[:, :k] + judged_first.reshape(-1, k, k - 1).sum(2)
        self._add_second(own, judged_second)
        judged[columns] = own
        both[columns] = np.stack([judged_first.sum(1), judged_second.sum(1)], axis=1)
        return judged, both.reshape(-1, k, 2).sum(1)

    def shares(self, counts: FloatArray) -> FloatArray:
        """(S,) share of each state, the two orders of a pair alike, from the items in each."""
        out = counts / counts.sum()
        if len(self.first):
            pairs = np.zeros((self.classes, self.classes))
            pairs[self.first, self.second] = out[self.classes :]
            out = np.append(out[: self.classes], ((pairs + pairs.T) / 2)[self.first, self.second])
        return np.asarray(np.maximum(out, LEAST_SHARE))

    def start(self, shares: FloatArray) -> FloatArray:
        """(S,) shares before EM, from those of the classes (K,)."""
        shares = np.maximum(shares, LEAST_SHARE)
        if not len(self.first):
            return shares
        pairs = shares[self.first] * shares[self.second]
        return np.append((1 - UNCLEAR) * shares, UNCLEAR * pairs / pairs.sum())

    def truth(self, r: FloatArray, decided: float = 1.0) -> FloatArray:
        """(n,K) distribution over the truth, from (n,S) over the states.

        ``decided`` is how surely an unclear item's truth is the first class of its pair.
        """
        if not len(self.first):
            return r
        k = self.classes
        out = r[:, :k] + decided * r[:, k:].reshape(-1, k, k - 1).sum(2)
        self._add_second(out, (1 - decided) * r[:, k:])
        return np.asarray(out)

    def _add_second(self, out: FloatArray, pairs: FloatArray) -> None:
        """Add to ``out`` (n,K) what the pairs (n,K·(K − 1)) hold, each to its second class."""
        k = self.classes
        by_first = pairs.reshape(-1, k, k - 1)
        # Of the K − 1 second classes beside z, the first z are those before it, the others come after.
        for z in range(k):
            out[:, :z] += by_first[:, z, :z]
            out[:, z + 1 :] += by_first[:, z, z:]


@dataclass
class Parameters:
    """Parameters of the model, and what its last E step counted.

    Attributes
    ----------
    t : (C·K,K) T transposed. lean : (C,) λ. share : (S,) of the states.
    counts : (C,K,K) annotations by judged class and label.
    judged : (C,2) annotations of unclear items: of the truth, and of the second class.
    bound : objective per annotation after every iteration with one prior; never falls.
    """

    t: FloatArray
    lean: FloatArray
    share: FloatArray
    counts: FloatArray
    judged: FloatArray
    bound: list[float]

    def decided(self) -> float:
        """How surely the truth of an unclear item is the first class of its pair: as surely as its coders judge.

        The mean of max(λ_c, 1 − λ_c) over their annotations, each weighing (2λ_c − 1)², by what it tells of the
        order of the pair; ½ where all judge by chance.
        """
        edge = np.abs(2 * self.lean - 1)
        weight = self.judged.sum(1) * edge**2
        return float(0.5 + 0.5 * (weight @ edge) / max(weight.sum(), LEAST_SHARE))


@dataclass(frozen=True)
class Rows:
    """The annotations of a table, cut into parts, items with equal annotations once.

    Attributes
    ----------
    shape : (items, coders, classes). parts : the annotations of the rows.
    pattern_of : (N,) row of each item, −1 without annotation.
    votes : (P,) number of annotations of each row, for the design effect. annotations : of the whole table.
    columns : (U,) the annotations coder·K + label that occur; the columns of the parts. With many coders and classes
        they are few of all.
    """

    shape: tuple[int, int, int]
    parts: list[Part]
    pattern_of: NDArray[np.int64]
    votes: FloatArray
    annotations: float
    columns: NDArray[np.int64]

    @classmethod
    def of(cls, table: AnnotationTable) -> Rows:
        pattern_of, rows, weight = find_patterns(table)
        votes = np.bincount(table.item, weights=table.count, minlength=len(table.items))[rows].astype(np.float64)
        columns = np.unique(table.coder.astype(np.int64) * len(table.classes) + table.label)
        parts = [part.only(columns) for part in cut_into_parts(table, rows, weight, None)]
        return cls(table.shape, parts, pattern_of, votes, float(table.count.sum(dtype=np.float64)), columns)

    @property
    def entries(self) -> int:
        """How many annotations an iteration reads."""
        return sum(int(part.counts.nnz) for part in self.parts)

    def expect(self, log_e: FloatArray, log_share: FloatArray) -> Expected:
        """The E step over all parts, added up in their order whichever thread was first."""
        if len(self.parts) == 1:
            return self.parts[0].expect(log_e, log_share)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return functools.reduce(Expected.plus, pool.map(Part.expect, self.parts, repeat(log_e), repeat(log_share)))

    def vote_shares(self) -> tuple[FloatArray, FloatArray]:
        """(C,K,K) annotations by voted class and label, and (K,) shares of the classes: the start of EM."""
        _, c, k = self.shape
        said = np.eye(k)[self.columns % k]
        sums = functools.reduce(Expected.plus, (part.voted(said) for part in self.parts))
        counts = np.zeros((c * k, k))
        counts[self.columns] = sums.counts
        return counts.reshape(c, k, k).transpose(0, 2, 1), sums.share / sums.share.sum()


def maximise(
    rows: Rows,
    states: States,
    parameters: Parameters,
    prior: FloatArray,
    lean_prior: FloatArray | None,
    *,
    max_iter: int = 30,
    tol: float = 1e-5,
) -> Parameters:
    """EM from ``parameters`` under Dirichlet pseudo counts ``prior`` (C,K,K).

    ``lean_prior`` (2,) are the pseudo annotations of every λ_c's Beta prior; with None they stay as they are.
    """
    _, c, k = rows.shape
    extra = prior.transpose(0, 2, 1).reshape(c * k, k)
    t, lean, share = parameters.t, parameters.lean, parameters.share
    bound: list[float] = []
    counts, judged = parameters.counts, parameters.judged
    for _ in range(max_iter):
        log_e, log_share = log_floored(states.emissions(t, lean, rows.columns)), np.log(share)
        sums = rows.expect(log_e, log_share)
        now = sums.evidence + float((extra * log_floored(t)).sum())
        if lean_prior is not None:
            now += float(lean_prior[0] * np.log(lean).sum() + lean_prior[1] * np.log(1 - lean).sum())
        bound.append(now / rows.annotations)
        by_class, judged = states.by_class(sums.counts, t, lean, rows.columns)
        counts = by_class.reshape(c, k, k).transpose(0, 2, 1)
        if len(bound) > 1 and bound[-1] - bound[-2] < tol:
            break
        cells = (by_class + extra).reshape(c, k, k)
        t = (cells / cells.sum(1, keepdims=True)).reshape(c * k, k)
        share = states.shares(sums.share)
        if lean_prior is not None:
            lean = np.clip((judged[:, 0] + lean_prior[0]) / (judged.sum(1) + lean_prior.sum()), *LEAN_RANGE)
    return Parameters(t, lean, share, counts, judged, bound)
