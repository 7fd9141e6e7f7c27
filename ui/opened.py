"""What the pages and the routes read of a run and its dataset, opened once and shared by all sessions."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltnet_core.datasets import Corrections, Files, Study, load_dataset
from ltnet_core.errors import RunError
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.explore.selection import OPEN, SKIPPED, Selections
from ltnet_core.files.reading import require_file
from ltnet_core.runs.learned_items import LearnedItems
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, open_results
from ui.roots import require_allowed
from ui.workspace import Dataset, adjudications_of, dataset_of, list_datasets, root, runs_folder

LOOK_AGAIN = 2.0  # seconds for which it is believed that a run's dataset is where it was

_loading = threading.RLock()


@lru_cache(maxsize=6)
def _study(location: str, version: str, format: str | None, corrections: str) -> Study:
    return load_dataset(location, format, Corrections.from_json(json.loads(corrections or "{}")))


def study(location: str, version: str, format: str | None, corrections: str = "") -> Study:
    """The dataset, read and checked.

    Raises
    ------
    DatasetError
    """
    require_allowed(Path(location), root())
    with _loading:  # two requests must not both read a million items
        return _study(location, version, format, corrections)


def version_of(*paths: Path) -> str:
    """Changes when one of the files does.

    Raises
    ------
    RunError
        one is missing, or no file.
    """
    stats = [require_file(path) for path in paths]
    return " ".join(f"{stat.st_mtime_ns}-{stat.st_size}" for stat in stats)


def version_of_items(run: Run) -> str:
    """Changes when the items of a finished run do.

    Raises
    ------
    RunError
    """
    return version_of(*map(run.result, open_results(run).item_files))


@lru_cache(maxsize=3)
def _selections(folder: str, version: str) -> Selections:
    return Selections(load_items(Run(folder)), _other_items)


def _other_items(run: str) -> LearnedItems:
    """The items of another run of the workspace.

    Raises
    ------
    RunError
    """
    return selections(place(run).run).items


def selections(run: Run) -> Selections:
    """The items of a finished run.

    Raises
    ------
    RunError
    """
    version = version_of_items(run)
    with _loading:
        return _selections(str(run.folder), version)


@dataclass
class Settled:
    """What people decided about a run's items, kept up to date with the store."""

    items: LearnedItems
    store: Adjudications
    decisions: dict[int, Decision] = field(default_factory=dict, repr=False)
    _now: tuple[NDArray[np.int16], int] = field(init=False, repr=False)
    _earlier: dict[int, NDArray[np.int16]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._now = self._nothing(), 0

    def _nothing(self) -> NDArray[np.int16]:
        return np.full(len(self.items), OPEN, dtype=np.int16)

    @property
    def state(self) -> NDArray[np.int16]:
        """(N,) class index an item was settled as, −1 open, −2 skipped."""
        return self._now[0]

    def refresh(self) -> None:
        """Take in what is new in the store."""
        with self._lock:
            state, last = self._now
            images, newest = self.store.changed_since(last)
            if newest < last:  # another file has taken its place
                self.decisions.clear()
                state = self._nothing()
                images, newest = self.store.changed_since(0)
            elif not images:
                return
            rows = self.items.rows(images)
            standing = {d.image: d for d in self.store.standing(images if len(images) < 500 else None)}
            state = state.copy()  # whoever filters meanwhile keeps the old one
            for row, image in zip(rows.tolist(), images, strict=True):
                if row < 0:
                    continue
                decision = standing.get(image)
                self.decisions.pop(row, None)
                state[row] = OPEN
                if decision is not None:
                    self.decisions[row] = decision
                    state[row] = self.meaning(decision)
            self._now = state, newest

    def as_of(self, version: int) -> tuple[NDArray[np.int16], int]:
        """``state`` as it was at a version, and which that is; −1 is now.

        A list of open items must not move while it is worked through.
        """
        now = self._now
        if version in (-1, now[1]):
            return now
        state = self._earlier.get(version)
        if state is None:
            state = self._nothing()
            then = self.store.standing(until=version)
            for row, decision in zip(self.items.rows([d.image for d in then]), then, strict=True):
                if row >= 0:
                    state[row] = self.meaning(decision)
            self._earlier = {version: state}
        return state, version

    def meaning(self, decision: Decision) -> int:
        """Class index that a decision settles on, −2 where it skips or the run has no such class."""
        classes = self.items.classes
        return classes.index(decision.label) if decision.label in classes else SKIPPED


@lru_cache(maxsize=3)
def _settled(folder: str, version: str, store: str) -> Settled:
    return Settled(_selections(folder, version).items, Adjudications(Path(store)))


@dataclass(frozen=True)
class Place:
    """A finished run with its dataset."""

    run: Run
    dataset: Dataset
    version: str

    @property
    def selections(self) -> Selections:
        return selections(self.run)

    @property
    def settled(self) -> Settled:
        """What people decided about its items, up to date."""
        version = version_of_items(self.run)
        with _loading:
            decided = _settled(str(self.run.folder), version, str(adjudications_of(self.dataset)))
        decided.refresh()
        return decided

    @property
    def files(self) -> Files:
        """Where the images lie.

        Raises
        ------
        DatasetError
            the dataset is gone.
        """
        return study(str(self.dataset.location), self.version, self.dataset.format, self.dataset.corrections).files


def place(run: str) -> Place:
    """The run of that name in the workspace.

    Raises
    ------
    RunError
        there is none, or it is not finished.
    """
    return _place(str(runs_folder()), run, int(time.monotonic() / LOOK_AGAIN))


@lru_cache(maxsize=8)
def _place(runs: str, name: str, tick: int) -> Place:
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise RunError(f"there is no run {name!r}.")
    run = Run.open(Path(runs) / name)
    dataset = dataset_of(run, list_datasets())
    return Place(run, dataset, dataset.version)
