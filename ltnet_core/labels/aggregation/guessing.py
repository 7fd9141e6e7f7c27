"""What a coder's matrix is shrunk to: she knows the class, else she guesses from shares of her own.

The model of D. Hovy, T. Berg-Kirkpatrick, A. Vaswani and E. Hovy, *Learning whom to trust with
MACE*, NAACL 2013: T[c,k,l] = a_c·[k = l] + (1 − a_c)·b_c[l]. With 1/K for every b_c[l] it is the
one-coin model. It has K numbers per coder where a matrix has K², and no crowd of coders who err
alike can turn it into another question's answer key.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from ...annotations import FloatArray

STRENGTHS = 2.0 ** np.arange(0, 9)  # pseudo annotations of the crowd behind a coder's a and b
STEPS = 16
STEPS_PER_STRENGTH = 6
SMOOTHING = 0.1  # pseudo guesses per class of the crowd
ENOUGH = 1000  # coders, to say what a crowd is like
KNOWS = 0.6  # every a_c before anything is known
MOST, LEAST = 0.99, 0.01


def guessing_matrices(counts: FloatArray) -> FloatArray:
    """(C,K,K) matrices a_c·I + (1 − a_c)·1·b_cᵀ that fit ``counts`` (C,K,K), truth × said.

    EM over which annotations were guesses. The a_c and b_c are shrunk towards the crowd's, each as
    strongly as makes the crowd most probable (empirical Bayes), at most by as many pseudo
    annotations as there are coders.
    """
    c, k, _ = counts.shape
    made = counts.sum((1, 2))
    right = counts.diagonal(axis1=1, axis2=2)
    by_class = counts.sum(1)
    shares = by_class.sum(0) + SMOOTHING
    knows, guess = np.full(c, KNOWS), np.tile(shares / shares.sum(), (c, 1))
    pull = pull_guess = STRENGTHS[0]
    for step in range(STEPS):
        known = right * (knows[:, None] / np.maximum(knows[:, None] + (1 - knows[:, None]) * guess, 1e-12))
        number, guessed = known.sum(1), by_class - known
        mean = float(np.clip(number.sum() / max(made.sum(), 1e-9), LEAST, MOST))
        crowd = guessed.sum(0) + SMOOTHING
        crowd /= crowd.sum()
        if step % STEPS_PER_STRENGTH == 0:
            pull = strength(np.stack([number, made - number], axis=1), np.array([mean, 1 - mean]))
            pull_guess = strength(guessed, crowd)
        knows = (number + pull * mean) / (made + pull)
        guess = (guessed + pull_guess * crowd) / (guessed.sum(1, keepdims=True) + pull_guess)
    return np.asarray((1 - knows)[:, None, None] * guess[:, None, :] + knows[:, None, None] * np.eye(k))


def strength(counts: FloatArray, mean: FloatArray) -> float:
    """The strength of a Dirichlet prior of this ``mean`` (L,) that makes the rows of ``counts`` (C,L) most probable.

    Of a large crowd a thousand coders or so decide.
    """
    tried = [s for s in STRENGTHS if s <= max(len(counts), 2)]
    counts = counts[:: max(1, len(counts) // ENOUGH)]
    total = counts.sum(1)
    evidence = [
        (gammaln(counts + s * mean) - gammaln(s * mean)).sum() + (gammaln(s) - gammaln(s + total)).sum() for s in tried
    ]
    return float(tried[int(np.argmax(evidence))])
