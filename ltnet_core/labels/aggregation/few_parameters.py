"""A crowd too large for a matrix each: every coder knows the class with probability a_c, else guesses by b_c.

The model of :mod:`.guessing` as it is, without a (C,K,K) array: K + 1 numbers per coder and K per item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...annotations import AnnotationTable, FloatArray, IntArray
from .guessing import KNOWS, LEAST, MOST, SMOOTHING, strength
from .majority_vote import majority_vote

ITERATIONS = 40
CHANGE = 1e-4
PULL_EVERY = 10  # iterations
LEAST_GUESS = 1e-6


@dataclass(frozen=True)
class KnowOrGuess:
    """p (N,K) truth, NaN without annotation; knows (C,) and guess (C,K) of the coders."""

    p: FloatArray
    knows: FloatArray
    guess: FloatArray

    def matrices(self) -> FloatArray:
        """(C,K,K) T of all coders; large."""
        k = self.guess.shape[1]
        out = np.repeat(((1 - self.knows)[:, None] * self.guess)[:, None, :], k, axis=1)
        out[:, np.arange(k), np.arange(k)] += self.knows[:, None]
        return np.asarray(out)


def know_or_guess(table: AnnotationTable) -> KnowOrGuess:
    """EM from the majority vote. Time and memory grow with annotations + coders·classes + items·classes."""
    _, c, k = table.shape
    count = table.count.astype(np.float64)
    item_label = table.item.astype(np.int64) * k + table.label
    coder_label = table.coder.astype(np.int64) * k + table.label
    annotated = table.annotated()
    made = np.bincount(table.coder, weights=count, minlength=c)
    by_class = np.bincount(coder_label, weights=count, minlength=c * k).reshape(c, k)
    p = np.nan_to_num(majority_vote(table))
    crowd = by_class.sum(0) + SMOOTHING
    knows, guess = np.full(c, KNOWS), np.tile(crowd / crowd.sum(), (c, 1))
    pull = pull_guess = 1.0
    for step in range(ITERATIONS):
        before = p
        # An annotation is known, not guessed, where it names the truth and the coder knew.
        share = knows[table.coder] / (knows[table.coder] + (1 - knows[table.coder]) * guess.ravel()[coder_label])
        right = count * p.ravel()[item_label] * share
        known = np.bincount(coder_label, weights=right, minlength=c * k).reshape(c, k)
        guessed = np.maximum(by_class - known, 0.0)
        number = known.sum(1)
        mean = float(np.clip(number.sum() / max(made.sum(), 1e-9), LEAST, MOST))
        crowd = guessed.sum(0) + SMOOTHING
        crowd /= crowd.sum()
        if step % PULL_EVERY == 0:
            pull = strength(np.stack([number, made - number], axis=1), np.array([mean, 1 - mean]))
            pull_guess = strength(guessed, crowd)
        knows = np.clip((number + pull * mean) / (made + pull), 0.0, MOST)
        guess = (guessed + pull_guess * crowd) / (guessed.sum(1, keepdims=True) + pull_guess)
        guess = np.maximum(guess, LEAST_GUESS)
        prior = p[annotated].mean(0)
        p = _truth(table, knows, guess, prior, item_label, coder_label, count)
        if np.abs(p - before).mean() < CHANGE / k:
            break
    return KnowOrGuess(np.where(annotated[:, None], p, np.nan), knows, guess / guess.sum(1, keepdims=True))


def _truth(
    table: AnnotationTable,
    knows: FloatArray,
    guess: FloatArray,
    prior: FloatArray,
    item_label: IntArray,
    coder_label: IntArray,
    count: FloatArray,
) -> FloatArray:
    """(N,K) posterior. The probability of a guess is the same for every true class and cancels.

    ``item_label`` (E,) = item·K + label and ``coder_label`` (E,) = coder·K + label are the cells of the annotations.
    """
    n, _, k = table.shape
    guessing = (1 - knows[table.coder]) * guess.ravel()[coder_label]
    gain = count * np.log1p(knows[table.coder] / guessing)
    gains = np.bincount(item_label, weights=gain, minlength=n * k).reshape(n, k)
    log_p: FloatArray = gains.astype(np.float64, copy=False)
    log_p += np.log(np.maximum(prior, 1e-12))
    log_p -= log_p.max(1, keepdims=True)
    np.exp(log_p, out=log_p)
    log_p /= log_p.sum(1, keepdims=True)
    return np.asarray(log_p)
