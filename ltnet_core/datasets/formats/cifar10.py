"""CIFAR-10 as published, with the human labels of CIFAR-10N or the votes of CIFAR-10H.

Krizhevsky 2009; Wei et al., *Learning with noisy labels revisited*, ICLR 2022
(``CIFAR-10_human.pt``: three annotators for every training image); Peterson et al., *Human
uncertainty makes classification more robust*, ICCV 2019 (``cifar10h-counts.npy``: votes for
every test image, which are then learned from, because nothing else has labels there).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import DatasetError
from ..coded_columns import categorical, coded
from ..reading import Match, Reading, Rows
from ..sources.array_file import read_array
from ..sources.files import Files
from ..sources.plain_pickle import read_pickle
from .numbered_images import ArrayImages

FORMAT = "cifar10"
RANK = 130
TITLE = "CIFAR-10 with CIFAR-10N or CIFAR-10H"
LAYOUT = """\
cifar-10-batches-py/data_batch_1 … 5, test_batch, batches.meta
CIFAR-10_human.pt                      optional: CIFAR-10N, three annotators of the training images
cifar10h-counts.npy                    optional: CIFAR-10H, votes for the test images"""
NOTE = """\
The batches are pickles; only plain arrays in them are read, and anything that would run code is refused. CIFAR-10N's
`random_label1` to `3` are three coders, the batches' own labels are the known truth. With CIFAR-10H the test images
are learned from, because only they have votes."""

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ANNOTATORS = {f"random_label{i}": f"Annotator {i}" for i in (1, 2, 3)}
PLAIN_CODER = "CIFAR-10"
CROWD = "CIFAR-10H"
SIDE = 32


def _named(files: Files, ends: tuple[str, ...]) -> list[str]:
    return sorted(n for n in files.names if n.rsplit("/", 1)[-1].startswith(ends))


def _batches(files: Files) -> tuple[list[str], list[str]]:
    return _named(files, ("data_batch_",)), _named(files, ("test_batch",))


def match(files: Files) -> Match:
    """Recognised by the names of the batches."""
    train, test = _batches(files)
    extra = [n for n in files.names if n.endswith("_human.pt") or "cifar10h" in n.lower()]
    if not train and not test:
        near = 0.6 if extra else 0.0
        return Match(False, "data_batch_1 … and test_batch (CIFAR-10's Python version) are missing", near)
    return Match(True, ", ".join([f"{len(train) + len(test)} CIFAR-10 batches", *extra[:2]]))


def read(files: Files, name: str) -> Reading:
    """Read the batches and their human labels or votes.

    Raises
    ------
    DatasetError
        a batch or label file is damaged, or has another number of images.
    """
    train, test = _batches(files)
    pixels, truth, names = _load(files, train, "train")
    held_pixels, held_truth, held_names = _load(files, test, "test")
    people = [n for n in files.names if n.endswith("_human.pt")]
    votes = [n for n in files.names if n.lower().endswith(".npy") and "cifar10h" in n.lower() and "count" in n.lower()]
    labels, known = [], []
    if people:
        arrays = read_pickle(files, people[0])
        columns = _columns(arrays, len(names), people[0])
        labels = [_rows(people[0], names, arrays[k], coder=coder) for k, coder in columns.items()]
        known.append(_rows(people[0], names, truth, split=""))
    elif names and not votes:
        labels = [_rows(train[0], names, truth, coder=PLAIN_CODER)]
    elif names:
        known.append(_rows(train[0], names, truth, split=""))
    if votes:
        labels.append(_votes(files, votes[0], held_names))
        known.append(_rows(test[0], held_names, held_truth, split=""))
    elif held_names:
        known.append(_rows(test[0], held_names, held_truth, split="test"))
    both = np.concatenate([pixels, held_pixels]) if len(held_pixels) else pixels
    everything = [*names, *held_names]
    return Reading(ArrayImages(files, everything, lambda: both), everything, labels, known, CLASSES)


def _load(files: Files, batches: list[str], part: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(N,32,32,3) pixels, (N,) labels and image names of some batches."""
    pixels, labels = [np.zeros((0, SIDE, SIDE, 3), np.uint8)], [np.zeros(0, np.int64)]
    for file in batches:
        content = read_pickle(files, file)
        try:
            content = {k.decode() if isinstance(k, bytes) else k: v for k, v in content.items()}
            data, batch_labels = content["data"], _numbers(content["labels"])
            images = data.reshape(len(batch_labels), 3, SIDE, SIDE).transpose(0, 2, 3, 1)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as e:
            raise DatasetError(f"is no CIFAR-10 batch ({e}).", file=file) from e
        if data.dtype != np.uint8 or (
            len(batch_labels) and not (batch_labels.min() >= 0 and batch_labels.max() < len(CLASSES))
        ):
            raise DatasetError("is no CIFAR-10 batch (pixels or labels out of range).", file=file)
        pixels.append(images)
        labels.append(batch_labels)
    every = np.concatenate(pixels)
    return every, np.concatenate(labels), [f"{part}/{i:05d}.png" for i in range(len(every))]


def _numbers(labels: Any) -> NDArray[np.int64]:
    """(N,) whole numbers of a list or an array; ValueError where they are something else."""
    if isinstance(labels, list) and all(type(n) is int for n in labels):
        return np.asarray(labels, dtype=np.int64)
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu" and labels.ndim == 1:
        return labels.astype(np.int64)
    raise ValueError("labels are no whole numbers")


def _columns(arrays: Any, items: int, file: str) -> dict[str, str]:
    """The annotators' columns of CIFAR-10N; those made from them (worst, aggregate) are left out."""
    if not isinstance(arrays, dict):
        raise DatasetError("expected the label columns of CIFAR-10N.", file=file)
    coders = {}
    for key in list(arrays):
        plain = key.decode("latin-1") if isinstance(key, bytes) else str(key)
        arrays[plain] = arrays[key]
        if plain in ANNOTATORS:
            coders[plain] = ANNOTATORS[plain]
    if not coders:
        raise DatasetError(f"has none of the columns {', '.join(ANNOTATORS)}.", file=file)
    for column in coders:
        try:
            labels = _numbers(arrays[column])
        except (ValueError, OverflowError):
            labels = np.full(items, -1)
        if len(labels) != items:
            raise DatasetError(f"column {column!r} has {len(labels):,} labels for {items:,} images.", file=file)
        if items and (labels.min() < 0 or labels.max() >= len(CLASSES)):
            raise DatasetError(f"column {column!r} holds something else than classes 0 to 9.", file=file)
        arrays[column] = labels
    return coders


def _votes(files: Files, file: str, names: list[str]) -> Rows:
    return votes_of(file, read_array(files, file), names, CLASSES, CROWD)


def votes_of(file: str, counts: Any, names: list[str], classes: tuple[str, ...], coder: str) -> Rows:
    """Rows of an array (images,K) of vote counts.

    Raises
    ------
    DatasetError
        another shape, or something that is no count.
    """
    if counts.shape != (len(names), len(classes)):
        raise DatasetError(f"has the shape {counts.shape}, expected {(len(names), len(classes))}.", file=file)
    if counts.dtype.kind not in "iuf" or not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise DatasetError("holds something else than counts of votes.", file=file)
    item, label = np.nonzero(counts)
    frame = pd.DataFrame(
        {
            "image": categorical(names).take(item),
            "coder": categorical([coder] * len(item)),
            "label": coded(label, classes),
            "count": counts[item, label].astype(np.float64),
        }
    )
    return Rows(file, frame, (item + 1).astype(np.int32))


def _rows(file: str, names: list[str], label: Any, coder: str | None = None, split: str = "") -> Rows:
    frame = {
        "image": categorical(names),
        "label": coded(np.asarray(label, dtype=np.int64), CLASSES),
        "split" if coder is None else "coder": categorical([split if coder is None else coder] * len(names)),
    }
    return Rows(file, pd.DataFrame(frame), np.arange(1, len(names) + 1, dtype=np.int32))
