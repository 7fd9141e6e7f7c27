"""Predictions of new images as a table, one row per image."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..runs.run import Run
from ..runs.stored_results import read_transitions
from .finished_run import write_tables
from .kind import Column

PART = 1024  # rows that are in memory at once
COLUMNS = (
    Column("image", "the image's file, below the folder or the archive that was given"),
    Column("truth", "the most probable class, given the image alone; empty where the image could not be read"),
    Column("confidence", "the probability of that class, from 0 to 1"),
    Column("error", "why the image could not be read; empty where it was"),
    Column("says_<coder>", "what this coder would most probably call the image"),
    Column("p_<class>", "the probability of this class, given the image alone"),
)


def write_predictions(
    run: Run,
    images: Sequence[str | os.PathLike[str]],
    out: Path,
    device: str,
    features: str | os.PathLike[str] | None,
) -> tuple[int, int]:
    """Write the predictions of a finished run for images, folders and archives, as ``.csv`` or ``.parquet``.

    ``features`` is a file of their features, for a run that was trained on features.

    Returns the number of rows, and the number of rows of images that could not be read.

    Raises
    ------
    OptionError, RunError, DatasetError, StorageError
    """
    from ..learning.predict import predicted  # imports PyTorch, which takes seconds

    matrices = read_transitions(run)
    counts = [0, 0]

    def counted(answers: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for answer in answers:
            counts[0] += 1
            counts[1] += answer["truth"] is None
            yield answer

    answers = counted(predicted(run, images, device, features=features))
    write_tables(_tables(answers, matrices["classes"], list(matrices["coders"])), out)
    return counts[0], counts[1]


def _tables(answers: Iterator[dict[str, Any]], classes: list[str], coders: list[str]) -> Iterator[pd.DataFrame]:
    while some := list(islice(answers, PART)):
        says = {c: [max(a["coders"][c], key=a["coders"][c].get) if a["coders"] else "" for a in some] for c in coders}
        texts = {
            "image": [a["image"] for a in some],
            "truth": [a["truth"] or "" for a in some],
            "confidence": [],
            "error": [a.get("error", "") for a in some],
            **{f"says_{coder}": column for coder, column in says.items()},
        }
        numbers = {
            "confidence": [a["confidence"] for a in some],
            **{f"p_{name}": [a["p"].get(name) for a in some] for name in classes},
        }
        columns = {name: np.asarray(values, dtype=np.float64) for name, values in numbers.items()}
        yield pd.DataFrame(
            {name: columns[name] if name in columns else pd.Series(texts[name], dtype=str) for name in texts | columns}
        )
