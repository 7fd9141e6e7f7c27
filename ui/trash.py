"""Runs and datasets that were deleted: set aside in the workspace, and really gone when the server starts again.

::

    WORKSPACE/.deleted/<number>/what.json     {"text": what it was, "moved": [[path in the workspace, name here], …]}
    WORKSPACE/.deleted/<number>/<name>/       a folder as it was
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ltnet_core.errors import LTNetError, RunError
from ltnet_core.reading import read_json
from ltnet_core.runs import Run
from ltnet_core.writing import naming, write_json
from ui.wording import LIVE
from ui.workspace import Dataset, datasets_folder, root

FOLDER = ".deleted"


@dataclass(frozen=True)
class Deleted:
    """What was deleted in one go, and can be brought back."""

    folder: Path
    text: str


def require_idle(runs: Sequence[Run]) -> None:
    """Raise RunError where one of the runs is at work."""
    for run in runs:
        if run.status().state in LIVE:
            raise RunError(f"run {run.folder.name!r} is at work; cancel it first.")


def delete(text: str, folders: Sequence[Path]) -> Deleted:
    """Set folders of the workspace aside; ``text`` says what they are.

    Raises
    ------
    StorageError
        a folder cannot be moved; those moved before are brought back.
    """
    place = root() / FOLDER / str(time.time_ns())
    with naming(place):
        place.mkdir(parents=True)
    moved = [[f.relative_to(root()).as_posix(), f"{i}-{f.name}"] for i, f in enumerate(folders)]
    write_json(place / "what.json", {"text": text, "moved": moved})
    deleted = Deleted(place, text)
    try:
        for folder, (_, name) in zip(folders, moved, strict=True):
            with naming(folder):
                os.rename(folder, place / name)
    except LTNetError:
        restore(deleted)
        raise
    return deleted


def delete_run(run: Run) -> Deleted:
    """Set a run aside.

    Raises
    ------
    RunError
        it is at work.
    StorageError
    """
    require_idle([run])
    return delete(f"run {run.folder.name}", [run.folder])


def delete_dataset(dataset: Dataset, runs: Sequence[Run]) -> Deleted:
    """Set a dataset of the workspace aside, with what was settled of it and with its runs.

    A dataset that lies elsewhere stays there: only what the workspace knows of it goes.

    Raises
    ------
    RunError
        one of the runs is at work.
    StorageError
    """
    require_idle(runs)
    text = f"dataset {dataset.name}" + (
        f" with {len(runs):,} runs" if len(runs) > 1 else " with its run" if runs else ""
    )
    return delete(text, [*(r.folder for r in runs), datasets_folder() / dataset.id])


def restore(deleted: Deleted) -> None:
    """Bring back what was deleted, where nothing has taken its place.

    Raises
    ------
    RunError
        it is gone for good, or something of that name is there again.
    StorageError
    """
    if not (deleted.folder / "what.json").is_file():
        raise RunError(f"{deleted.text} cannot be brought back: the server was started anew since.")
    for path, name in read_json(deleted.folder / "what.json")["moved"]:
        source, target = deleted.folder / name, root() / path
        if not source.exists():
            continue
        if target.exists():
            raise RunError(f"{path!r} is there again; the deleted one stays set aside in {str(deleted.folder)!r}.")
        with naming(target):
            os.rename(source, target)
    shutil.rmtree(deleted.folder, ignore_errors=True)


def empty() -> None:
    """Remove for good what was deleted before the server started."""
    with contextlib.suppress(OSError):
        shutil.rmtree(root() / FOLDER)
