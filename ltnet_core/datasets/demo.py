"""Write the demo dataset: drawn faces whose true label is known, and two coders who err on purpose.

Real image labels never come with the truth behind them, so nobody can say how well a method recovers
it. Here the truth is known (``truth.csv``), and so is how each coder errs (``planted_T.json``), which
makes this the one dataset on which a learned transition matrix can be compared with the true one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ltnet_core.datasets.faces.drawing import random_face
from ltnet_core.errors import OptionError
from ltnet_core.files.spreadsheet import write_csv
from ltnet_core.files.writing import naming

CLASSES: tuple[str, ...] = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
CODES: tuple[str, ...] = ("Ne", "Ha", "Su", "Sa", "An", "Di", "Fe")

# How the coders err: row = truth, column = label, both in the order of CLASSES.
PLANTED: dict[str, list[list[float]]] = {
    "Alpha": [  # sees fear as surprise, disgust as anger, sadness as neutral
        [0.82, 0.04, 0.02, 0.07, 0.03, 0.01, 0.01],
        [0.02, 0.92, 0.02, 0.01, 0.01, 0.01, 0.01],
        [0.04, 0.05, 0.80, 0.01, 0.01, 0.02, 0.07],
        [0.22, 0.01, 0.02, 0.64, 0.03, 0.04, 0.04],
        [0.06, 0.01, 0.02, 0.04, 0.76, 0.08, 0.03],
        [0.03, 0.01, 0.02, 0.05, 0.21, 0.66, 0.02],
        [0.02, 0.01, 0.29, 0.05, 0.02, 0.03, 0.58],
    ],
    "Beta": [  # sees fear as sadness or surprise, neutral as sadness, anger as disgust, surprise as happiness
        [0.62, 0.06, 0.02, 0.20, 0.04, 0.04, 0.02],
        [0.03, 0.86, 0.06, 0.01, 0.01, 0.02, 0.01],
        [0.03, 0.17, 0.70, 0.01, 0.01, 0.02, 0.06],
        [0.10, 0.02, 0.01, 0.74, 0.03, 0.05, 0.05],
        [0.05, 0.01, 0.02, 0.06, 0.60, 0.22, 0.04],
        [0.03, 0.02, 0.02, 0.07, 0.14, 0.69, 0.03],
        [0.03, 0.02, 0.17, 0.18, 0.02, 0.03, 0.55],
    ],
}

# Relative class frequencies: mildly unbalanced, as every real collection is.
CLASS_WEIGHTS: tuple[float, ...] = (1.3, 1.6, 1.15, 1.2, 1.1, 1.0, 1.05)

TEST, UNLABELLED = "test", "unlabelled"
# Share of the items in each part, and which coders label it.
PARTS: dict[str, tuple[float, tuple[str, ...]]] = {
    TEST: (0.15, ()),
    UNLABELLED: (0.10, ()),
    "alpha": (0.75 * 0.45, ("Alpha",)),
    "beta": (0.75 * 0.45, ("Beta",)),
    "both": (0.75 * 0.10, ("Alpha", "Beta")),
}

MIN_ITEMS, MAX_ITEMS = 20, 100_000  # the file names have five digits
JPEG_QUALITY = 90

README = """Drawn faces for LTNet Studio: {items} items, seed {seed}, made by ltnet_core.datasets.demo.
truth.csv holds the true class of every item; planted_T.json holds how the two made-up coders err.
The faces are drawings: nothing measured here says anything about real people.
"""


@dataclass(frozen=True)
class Plan:
    """Everything about the dataset but its pixels; item ``i`` is ``images/<i as five digits>.jpg``."""

    truth: npt.NDArray[np.int64]  # (N,) class of each item
    part: tuple[str, ...]  # (N,) key of PARTS of each item
    annotations: tuple[tuple[int, str, int], ...]  # (item, coder, label), sorted by item

    @property
    def split(self) -> list[str]:
        """``train`` or ``test`` for each item."""
        return [TEST if part == TEST else "train" for part in self.part]


def spread(total: int, shares: Sequence[float]) -> list[int]:
    """Assign ``total`` positions to ``len(shares)`` bins in turn, each to the bin that is furthest below its share.

    Returns the bin of each position. Every run of positions is close to the shares, so every class of a list sorted by
    class has every part.
    """
    target = np.array(shares, dtype=float) / float(np.sum(shares))
    filled = np.zeros(len(target))
    dealt = []
    for position in range(total):
        chosen = int(np.argmax(target * (position + 1) - filled))
        filled[chosen] += 1
        dealt.append(chosen)
    return dealt


def sample_labels(
    truth: npt.NDArray[np.int64], matrix: Sequence[Sequence[float]], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Labels (N,) that a coder with transition ``matrix`` (K, K; rows are truth) gives to ``truth`` (N,)."""
    edges = np.cumsum(np.array(matrix), axis=1)[truth]
    draws = rng.random(len(truth))[:, None]
    labels: npt.NDArray[np.int64] = (draws >= edges[:, :-1]).sum(axis=1, dtype=np.int64)
    return labels


def make_plan(items: int, rng: np.random.Generator) -> Plan:
    """Truth, part and annotations of ``items`` items, in random order: a file's number tells nothing of its class."""
    by_class = np.sort(np.array(spread(items, CLASS_WEIGHTS), dtype=np.int64))
    by_part = np.array(spread(items, [share for share, _ in PARTS.values()]), dtype=np.int64)
    order = rng.permutation(items)
    truth, names = by_class[order], list(PARTS)
    part = tuple(names[index] for index in by_part[order])
    annotations: list[tuple[int, str, int]] = []
    for coder, matrix in PLANTED.items():
        labels = sample_labels(truth, matrix, rng)  # one draw per item keeps coders and parts independent
        annotations += [(i, coder, int(labels[i])) for i in range(items) if coder in PARTS[part[i]][1]]
    return Plan(truth=truth, part=part, annotations=tuple(sorted(annotations)))


def write_demo(
    folder: Path, items: int = 2400, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write the demo dataset into ``folder``, which must be new or empty; same seed, same bytes.

    ``progress(done, total)`` is called after each face. The folder appears whole or not at all.
    """
    _check(folder, items, seed)
    target = folder.absolute()
    partial = target.parent / f".{target.name}.partial-{os.getpid()}"
    try:
        with naming(target):
            partial.mkdir(parents=True)
            _write_all(partial, items, seed, progress)
            if target.exists():
                target.rmdir()  # fails, as it should, if another process wrote a file there meanwhile
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check(folder: Path, items: int, seed: int) -> None:
    if isinstance(items, bool) or not isinstance(items, int) or not MIN_ITEMS <= items <= MAX_ITEMS:
        raise OptionError(f"items is {items!r}; give a whole number from {MIN_ITEMS} to {MAX_ITEMS}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise OptionError(f"seed is {seed!r}; give a whole number of at least 0.")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OptionError(f"{folder} is not a folder; name a new or empty folder for the demo dataset.")
    if folder.exists() and any(folder.iterdir()):
        raise OptionError(f"{folder} is not empty; name a new or empty folder for the demo dataset.")


def _write_all(folder: Path, items: int, seed: int, progress: Callable[[int, int], None] | None) -> None:
    plan_seed, faces_seed = np.random.SeedSequence(seed).spawn(2)
    plan = make_plan(items, np.random.default_rng(plan_seed))
    names = [f"images/{index:05d}.jpg" for index in range(items)]
    _write_tables(folder, plan, names)
    (folder / "README.txt").write_text(README.format(items=items, seed=seed), encoding="utf-8", newline="\n")
    (folder / "images").mkdir()
    for index, child in enumerate(faces_seed.spawn(items)):  # a face does not depend on the others' draws
        face = random_face(CLASSES[plan.truth[index]], np.random.default_rng(child))
        face.save(folder / names[index], quality=JPEG_QUALITY)
        if progress is not None:
            progress(index + 1, items)


def _write_tables(folder: Path, plan: Plan, names: Sequence[str]) -> None:
    truth = zip(names, (CLASSES[k] for k in plan.truth), plan.split, strict=True)
    labels = ((names[item], coder, CLASSES[label]) for item, coder, label in plan.annotations)
    _write_csv(folder / "annotations.csv", ("image", "coder", "label"), labels)
    _write_csv(folder / "truth.csv", ("image", "label", "split"), truth)
    _write_csv(folder / "classes.csv", ("class", "code"), zip(CLASSES, CODES, strict=True))
    planted = json.dumps({"classes": CLASSES, "coders": PLANTED}, indent=1)
    (folder / "planted_T.json").write_text(planted + "\n", encoding="utf-8", newline="\n")


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    write_csv(pd.DataFrame(list(rows), columns=list(header)), path)
