"""What Python callers pass to a run, in one form; what cannot be meant is refused in a sentence."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .datasets import Study
from .errors import OptionError
from .files.writing import replacing
from .settings import Settings

DECIDED = ("image", "label")  # columns of what people settled


def require_study(study: Any) -> None:
    """Raise OptionError unless it is a study."""
    if not isinstance(study, Study):
        raise OptionError(f"a study is needed, as load_dataset(FOLDER) returns, got {_kind(study)}.")


def require_settings(settings: Any) -> None:
    """Raise OptionError unless they are checked settings."""
    if not isinstance(settings, Settings):
        raise OptionError(f"settings are needed, as make_settings('quick') returns, got {_kind(settings)}.")


def seed_number(seed: Any) -> int:
    """A seed as a whole number, not negative.

    Raises
    ------
    OptionError
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise OptionError(f"seed must be a whole number, got {seed!r}.")
    if seed < 0:
        raise OptionError(f"seed must not be negative, got {seed}.")
    return int(seed)


def device_name(device: Any) -> str:
    """A device by name; PyTorch's own device is one too.

    Raises
    ------
    OptionError
    """
    if type(device).__module__ == "torch" and type(device).__name__ == "device":
        return str(device)
    if not isinstance(device, str):
        raise OptionError(f"device must be a text such as 'auto', 'cpu' or 'cuda:0', got {device!r}.")
    return device


def process_count(processes: Any) -> int | None:
    """How many processes train together, None where nobody says it.

    Raises
    ------
    OptionError
    """
    if processes is None:
        return None
    if isinstance(processes, bool) or not isinstance(processes, int | np.integer) or processes < 1:
        raise OptionError(f"processes must be a whole number of at least 1, got {processes!r}.")
    return int(processes)


def image_names(names: Any) -> list[str]:
    """Images to leave out, by name; none where there is None.

    Raises
    ------
    OptionError
        it is one text, whose letters would be taken for names, or no list of texts.
    """
    if names is None:
        return []
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise OptionError(f"left_out must be a list of names of images, got {names!r}.")
    listed = list(names)
    odd = next((name for name in listed if not isinstance(name, str)), None)
    if odd is not None:
        raise OptionError(f"left_out must be a list of names of images, got {odd!r} among them.")
    return listed


def settled_rows(adjudications: Any) -> pd.DataFrame | None:
    """What people settled as a table with the columns ``image`` and ``label``.

    Raises
    ------
    OptionError
    """
    if adjudications is None:
        return None
    if not isinstance(adjudications, pd.DataFrame):
        raise OptionError(f"adjudications must be a table (DataFrame) of image and label, got {_kind(adjudications)}.")
    missing = [name for name in DECIDED if name not in adjudications.columns]
    if missing:
        raise OptionError(f"adjudications must have the columns image and label; there is no {missing[0]!r}.")
    twice = adjudications.loc[adjudications["image"].duplicated(), "image"]
    if len(twice):
        raise OptionError(f"adjudications settle {twice.iloc[0]!r} twice; keep one.")
    return adjudications


def features_file(features: Any, study: Study, undo: ExitStack) -> str:
    """The path of a file of features; an array (N,D), in the order of ``study.table.items``, is written to one.

    ``undo`` removes that file where no run comes of it.

    Raises
    ------
    OptionError
    """
    if isinstance(features, str | os.PathLike):
        return os.path.abspath(os.fspath(features))
    if not isinstance(features, np.ndarray):
        text = "features must be a file or a NumPy array with a row for each of study.table.items"
        raise OptionError(f"{text}, got {_kind(features)}.")
    if features.ndim != 2 or len(features) != len(study.table.items):
        raise OptionError(
            f"features must be {len(study.table.items):,} images × features, got the shape {features.shape}."
        )
    if features.dtype.kind in "biu":
        features = features.astype(np.float32)
    if features.dtype.kind != "f":
        raise OptionError(f"features must be numbers, got an array of {features.dtype}.")
    path = temporary_folder("ltnet-features-", undo) / "features.npz"
    with replacing(path) as partial, open(partial, "wb") as f:
        np.savez(f, names=study.table.items.astype(str), features=features)
    return str(path)


def temporary_folder(prefix: str, undo: ExitStack) -> Path:
    """A new temporary folder, which ``undo`` removes."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    undo.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__
