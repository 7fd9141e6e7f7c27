"""Deleted runs and datasets: moved aside in the workspace, and removed when a server starts with no other at work.

::

    WORKSPACE/.deleted/<number>/<name>        a folder or a file as it was
    WORKSPACE/.deleted/<number>/about.json    {"text", "moved": [[name here, where it was in the workspace], …]}
    WORKSPACE/.servers.lock                   held by every server that has the workspace open
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from ltnet_core.errors import LTNetError, RunError
from ltnet_core.files.locking import try_lock
from ltnet_core.files.reading import read_json
from ltnet_core.files.writing import naming, write_json
from ltnet_core.runs.run import Run
from ui import run_notes
from ui.wording import LIVE
from ui.workspace import Dataset, datasets_folder, root

FOLDER, ABOUT, LOCK = ".deleted", "about.json", ".servers.lock"
PLACES = ("runs", "datasets", run_notes.FOLDER)


@dataclass(frozen=True)
class Deleted:
    """What was deleted in one go, and can be brought back: where each folder lies, and where it was."""

    folder: Path
    text: str
    moved: tuple[tuple[Path, Path], ...]

    def what(self) -> tuple[str | None, str | None]:
        """The id of the dataset, else the name of the run."""
        names = {was.parent.name: was.name for _, was in self.moved}
        dataset = names.get("datasets")
        return dataset, None if dataset else names.get("runs")


def require_idle(runs: Sequence[Run]) -> None:
    """Raise RunError where one of the runs is at work."""
    for run in runs:
        if run.status().state in LIVE:
            raise RunError(f"run {run.folder.name!r} is at work; cancel it first.")


def delete(text: str, folders: Sequence[Path]) -> Deleted:
    """Set folders and files of the workspace aside; ``text`` says what they are.

    Raises
    ------
    StorageError
        a folder cannot be moved; those moved before are brought back.
    """
    kept = root() / FOLDER / str(time.time_ns())
    with naming(kept):
        kept.mkdir(parents=True)
    deleted = Deleted(kept, text, tuple((kept / f"{i}-{f.name}", f) for i, f in enumerate(folders)))
    moved = [[here.name, os.path.relpath(was, root())] for here, was in deleted.moved]
    try:
        write_json(kept / ABOUT, {"text": text, "moved": moved})
        for here, folder in deleted.moved:
            with naming(folder):
                os.rename(folder, here)
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
    return delete(f"run {run.folder.name}", of_run(run))


def of_run(run: Run) -> list[Path]:
    """A run's folder, and what people call it."""
    note = run_notes.path_of(run)
    return [run.folder, *([note] if note.is_file() else [])]


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
    return delete(text, of_dataset(dataset, runs))


def of_dataset(dataset: Dataset, runs: Sequence[Run]) -> list[Path]:
    """What the workspace knows of a dataset, and its runs."""
    return [*(part for run in runs for part in of_run(run)), datasets_folder() / dataset.id]


def remove(folders: Sequence[Path]) -> None:
    """Remove folders and files of the workspace for good: this makes room, and there is no way back.

    Raises
    ------
    StorageError
        something of them stays.
    """
    for folder in folders:
        with naming(folder):
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
            else:
                folder.unlink(missing_ok=True)


def everything() -> list[Deleted]:
    """What was deleted since the server started and not brought back, by whomever, the newest first."""
    try:
        kept = sorted((root() / FOLDER).iterdir(), key=lambda f: f.name, reverse=True)
    except OSError:
        return []
    return [deleted for folder in kept if (deleted := _read(folder)) is not None]


def _read(folder: Path) -> Deleted | None:
    """What a folder says of itself; None where it is damaged, or would bring something out of the workspace."""
    try:
        about = read_json(folder / ABOUT)
        text, moved = str(about["text"]), [(str(here), str(was)) for here, was in about["moved"]]
    except (LTNetError, KeyError, TypeError, ValueError):
        return None
    if not all(Path(here).name == here and _is_inside(PurePath(was)) for here, was in moved):
        return None
    return Deleted(folder, text, tuple((folder / here, root() / was) for here, was in moved))


def _is_inside(path: PurePath) -> bool:
    return len(path.parts) == 2 and path.parts[0] in PLACES and path.parts[1] != ".."


def restore(deleted: Deleted) -> None:
    """Bring back what was deleted, where nothing has taken its place.

    Raises
    ------
    RunError
        it is gone for good, or something of that name is there again.
    StorageError
    """
    if not deleted.folder.is_dir():
        raise RunError(f"{deleted.text} cannot be brought back: the server was started anew since.")
    for here, folder in deleted.moved:
        if not here.exists():
            continue
        if folder.exists():
            raise RunError(f"{folder.name!r} is there again; the deleted one stays set aside in {str(here)!r}.")
        with naming(folder):
            os.rename(here, folder)
    shutil.rmtree(deleted.folder, ignore_errors=True)


@contextmanager
def emptied() -> Iterator[None]:
    """Remove for good what was deleted before, unless another server has the workspace open; this one has it inside.

    What somebody deletes there can be brought back as long as one of the servers runs that were up by then.
    """
    try:
        handle = os.open(root() / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:  # nothing can be removed from a workspace that cannot be written
        yield
        return
    try:
        with contextlib.suppress(OSError):  # from a file system without locks, or with nothing deleted
            if try_lock(handle):
                shutil.rmtree(root() / FOLDER)
        with contextlib.suppress(OSError):
            try_lock(handle, shared=True)
        yield
    finally:
        os.close(handle)
