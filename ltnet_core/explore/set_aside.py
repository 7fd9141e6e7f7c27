"""Images that people set aside: no run learns from them, and no export has them.

In the store of the adjudications they are those with the tag :data:`~.decided.SET_ASIDE`; a CSV of adjudications has
``yes`` for them in the column ``set_aside``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..datasets import Study
from ..errors import DatasetError
from .actions import Actions
from .adjudications import ASIDE, YES, Adjudications, is_store, read_rows
from .decided import SET_ASIDE


def read_set_aside(path: Path) -> list[str]:
    """Names of the images that are set aside, from a store of adjudications or a CSV of them.

    Raises
    ------
    DatasetError
        there is no such file, it is neither, or the column holds anything but ``yes`` and nothing.
    """
    if is_store(path):
        return Actions(Adjudications(path)).tags().get(SET_ASIDE, [])
    frame = read_rows(path)
    if ASIDE not in frame.columns:
        return []
    odd = np.flatnonzero(~frame[ASIDE].isin([YES, ""]))
    if len(odd):
        row = int(odd[0])
        text = f"column {ASIDE!r} holds {frame[ASIDE].iloc[row]!r}; expected {YES!r}, or nothing."
        raise DatasetError(text, file=path.name, row=row + 2)
    return list(dict.fromkeys(frame.loc[frame[ASIDE] == YES, "image"]))


def with_set_aside(decisions: pd.DataFrame, images: Collection[str]) -> pd.DataFrame:
    """Settled items and those set aside as the rows of one CSV; what is set aside and open has no label."""
    settled = set(decisions["image"])
    others = pd.DataFrame({"image": [name for name in images if name not in settled]}, dtype=str)
    both = pd.concat([decisions.astype(object), others.astype(object)], ignore_index=True).fillna("")
    return both.assign(**{ASIDE: np.where(both["image"].isin(list(images)), YES, "")})


def without(study: Study, images: Iterable[str]) -> Study:
    """The study with nothing to learn from these images; those of test sets are measured all the same."""
    left_out = np.isin(study.table.items.astype(str), list(images)) & ~study.is_test
    if not left_out.any():
        return study
    names = tuple(str(name) for name in study.table.items[left_out])
    return replace(study, table=study.table.keep_items(~left_out), left_out=names)
