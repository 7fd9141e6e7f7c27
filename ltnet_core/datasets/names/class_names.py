"""Names of classes that mean the same: spelling, and the words of facial expression."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import numpy as np

ALIKE = 0.85
RARE = 0.2

EMOTIONS = {
    "neutral": ("neutrality", "calm", "no emotion"),
    "happiness": ("happy", "joy", "happyness", "hapiness"),
    "sadness": ("sad", "sorrow"),
    "surprise": ("surprised", "suprise", "astonishment"),
    "fear": ("fearful", "afraid", "scared"),
    "disgust": ("disgusted",),
    "anger": ("angry", "rage"),
    "contempt": ("contemptuous", "contemptous"),
}
WORDS = {word: name for name, words in EMOTIONS.items() for word in (name, *words)}


def common_names(names: Iterable[str]) -> dict[str, str]:
    """Each class name → the name to use for it, which is one for all names of one meaning.

    Names that differ only in case, blanks or hyphens have one meaning, and so have the usual words for each of the
    eight expressions. A name without another of its meaning stays: ``Happy`` becomes ``happiness`` only where ``names``
    has ``happiness`` too.
    """
    unique = list(dict.fromkeys(names))
    groups: dict[str, list[str]] = {}
    for name in unique:
        plain = " ".join(name.casefold().replace("-", " ").replace("_", " ").split())
        groups.setdefault(WORDS.get(plain, plain), []).append(name)
    out = {}
    for meaning, group in groups.items():
        chosen = meaning if meaning in group else min(group, key=lambda n: (n != n.lower(), n))
        out.update(dict.fromkeys(group, group[0] if len(group) == 1 else chosen))
    return {name: out[name] for name in unique}


def near_misses(classes: Sequence[str], counts: Sequence[float] | np.ndarray) -> list[tuple[str, str, float]]:
    """(name, the name it looks like, its count) of rare classes that may be misspelled."""
    out = []
    joined = common_names(classes)
    for a, n in zip(classes, counts, strict=True):
        for b, m in zip(classes, counts, strict=True):
            if a == b or not (n < m or (n == m and a < b)):
                continue
            rare = len(a) > 3 and n < RARE * m
            near = rare and difflib.SequenceMatcher(None, a.casefold(), b.casefold()).ratio() >= ALIKE
            if joined[a] == joined[b] or near:
                out.append((a, b, float(n)))
                break
    return out
