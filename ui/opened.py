"""What the pages and the routes read of a run and its dataset, opened once and shared by all sessions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from ltnet_core.datasets import Corrections, Files, Study, load_dataset
from ltnet_core.errors import DamageError, RunError
from ltnet_core.explore.actions import Actions
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.explore.decided import DIFFERING, OPEN, SKIPPED, Decided
from ltnet_core.explore.item_map import ItemMap, map_file, read_map
from ltnet_core.explore.labelled_items import labelled_items
from ltnet_core.explore.opinions import Opinions
from ltnet_core.explore.selection import Selections
from ltnet_core.files.reading import require_file
from ltnet_core.runs.learned_items import LearnedItems
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, open_results, read_transitions
from ui.roots import require_allowed
from ui.workspace import (
    Dataset,
    adjudications_of,
    dataset_of,
    datasets_folder,
    is_id,
    list_datasets,
    read_dataset,
    root,
    runs_folder,
)

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
    items = load_items(Run(folder))
    return Selections(items, _other_items, partial(_map_if_whole, Run(folder), len(items)))


@lru_cache(maxsize=3)
def _map(folder: str, version: str, items: int) -> ItemMap:
    return read_map(Run(folder), items)


def item_map(run: Run, items: int) -> ItemMap | None:
    """The map of a run of so many items; None while it has not been made.

    Raises
    ------
    RunError
        it is damaged.
    """
    path = map_file(run)
    return _map(str(run.folder), version_of(path), items) if path.exists() else None


def _map_if_whole(run: Run, items: int) -> ItemMap | None:
    """The same; a damaged map, which the gallery offers to make again, is none."""
    try:
        return item_map(run, items)
    except DamageError:
        return None


def _other_items(run: str) -> LearnedItems:
    """The items of another run of the workspace.

    Raises
    ------
    RunError
    """
    return selections(gallery_of_run(run).run).items


def selections(run: Run) -> Selections:
    """The items of a finished run.

    Raises
    ------
    RunError
    """
    version = version_of_items(run)
    with _loading:
        return _selections(str(run.folder), version)


@lru_cache(maxsize=16)
def _transitions(folder: str, version: str) -> dict[str, Any]:
    return read_transitions(Run(folder))


def transitions(run: Run) -> dict[str, Any]:
    """The matrices of a finished run by coder, and what belongs to them; shared by all who ask, so never changed.

    Raises
    ------
    RunError
    """
    version = version_of(*map(run.result, open_results(run).transition_files))
    return _transitions(str(run.folder), version)


@dataclass
class Settled:
    """What people decided about a run's items, kept up to date with the store."""

    items: LearnedItems
    store: Adjudications
    decisions: dict[int, Decision] = field(default_factory=dict, repr=False)
    tags_of: dict[int, list[str]] = field(default_factory=dict, repr=False)
    _now: Decided = field(init=False, repr=False)
    _earlier: dict[int, Decided] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._now = Decided.nothing(len(self.items))

    @property
    def now(self) -> Decided:
        """What was decided until now."""
        return self._now

    def refresh(self) -> None:
        """Take in what is new in the store."""
        with self._lock:
            self._refresh_tags()
            before = self._now
            images, newest = self.store.changed_since(before.version)
            decisions = dict(self.decisions)  # a copy, because other requests read what is there now
            if newest < before.version:  # another file has taken its place
                decisions.clear()
                before = replace(Decided.nothing(len(self.items)), tags=before.tags, marked=before.marked)
                images, newest = self.store.changed_since(0)
            elif not images:
                return
            rows = self.items.rows(images)
            standing = {d.image: d for d in self.store.standing(images if len(images) < 500 else None)}
            standing_of = {int(row): standing.get(image) for row, image in zip(rows, images, strict=True) if row >= 0}
            for row, decision in standing_of.items():
                decisions.pop(row, None)
                if decision is not None:
                    decisions[row] = decision
            self.decisions = decisions
            self._now = self._with(before, standing_of, newest)

    def _refresh_tags(self) -> None:
        actions, opinions = Actions(self.store), Opinions(self.store)
        marked = actions.version(), opinions.version()
        if marked != self._now.marked:
            named = actions.tags()
            if differing := opinions.differing():
                named[DIFFERING] = list(dict.fromkeys([*named.get(DIFFERING, ()), *differing]))
            rows = {tag: self.items.rows(images) for tag, images in named.items()}
            tags = {tag: np.sort(r[r >= 0]).astype(np.int32) for tag, r in rows.items()}
            tags_of: dict[int, list[str]] = {}
            for tag, tagged in tags.items():
                for row in tagged.tolist():
                    tags_of.setdefault(row, []).append(tag)
            self.tags_of = tags_of
            self._now = replace(self._now, tags=tags, marked=marked)

    def _with(self, before: Decided, standing_of: Mapping[int, Decision | None], version: int) -> Decided:
        """What was decided, with the decisions that now stand for some rows; ``before`` is not changed."""
        settled, reviewer = before.settled.copy(), before.reviewer.copy()
        reviewers = {name: n for n, name in enumerate(before.reviewers)}
        for row, decision in standing_of.items():
            settled[row] = OPEN if decision is None else self.meaning(decision)
            name = "" if decision is None else decision.reviewer
            reviewer[row] = -1 if decision is None else reviewers.setdefault(name, len(reviewers))
        return replace(before, settled=settled, reviewer=reviewer, reviewers=tuple(reviewers), version=version)

    def as_of(self, version: int) -> Decided:
        """What was decided at a version; −1 is now.

        A list of open items must not move while it is worked through.
        """
        now = self._now
        if version in (-1, now.version):
            return now
        then = self._earlier.get(version)
        if then is None:
            decisions = self.store.standing(until=version)
            rows = self.items.rows([d.image for d in decisions])
            standing_of = {int(row): d for row, d in zip(rows, decisions, strict=True) if row >= 0}
            then = self._with(Decided.nothing(len(self.items)), standing_of, version)
            self._earlier = {version: then}
        return replace(then, tags=now.tags, marked=now.marked)

    def meaning(self, decision: Decision) -> int:
        """Class index that a decision settles on, −2 where it skips or the run has no such class."""
        classes = self.items.classes
        return classes.index(decision.label) if decision.label in classes else SKIPPED


@lru_cache(maxsize=3)
def _settled(folder: str, version: str, store: str, in_dataset: bool) -> Settled:
    return Settled(_selections(folder, version).items, Adjudications(Path(store), in_dataset=in_dataset))


@lru_cache(maxsize=2)
def _labelled(location: str, version: str, format: str | None, corrections: str) -> Selections:
    return Selections(labelled_items(_study(location, version, format, corrections)))


def labelled(dataset: Dataset) -> Selections:
    """The items of a dataset as its coders labelled them, whatever runs there are.

    Raises
    ------
    DatasetError
    """
    return _labelled(*_whole(dataset))


def _whole(dataset: Dataset) -> tuple[str, str, str | None, str]:
    study(*(key := (str(dataset.location), dataset.version, dataset.format, dataset.corrections)))
    return key


@lru_cache(maxsize=2)
def _settled_labels(location: str, version: str, format: str | None, corrections: str, store: str) -> Settled:
    items = _labelled(location, version, format, corrections).items
    return Settled(items, Adjudications(Path(store), in_dataset=True))  # the workspace knows no other without runs


@dataclass(frozen=True)
class Gallery:
    """What a gallery shows: the items of a dataset."""

    dataset: Dataset
    version: str

    @property
    def selections(self) -> Selections:
        """The items, as the coders labelled them."""
        return labelled(self.dataset)

    @property
    def settled(self) -> Settled:
        """What people decided about them, up to date."""
        key = _whole(self.dataset)
        with _loading:
            decisions = _settled_labels(*key, str(adjudications_of(self.dataset)))
        decisions.refresh()
        return decisions

    @property
    def files(self) -> Files:
        """Where the images lie.

        Raises
        ------
        DatasetError
            the dataset is gone.
        """
        return study(str(self.dataset.location), self.version, self.dataset.format, self.dataset.corrections).files


@dataclass(frozen=True)
class RunGallery(Gallery):
    """What a gallery shows: the items of a finished run."""

    run: Run

    @property
    def selections(self) -> Selections:
        """The items, with what was learned of them."""
        return selections(self.run)

    @property
    def settled(self) -> Settled:
        """What people decided about them, up to date."""
        version = version_of_items(self.run)
        with _loading:
            store, in_dataset = str(adjudications_of(self.dataset)), bool(self.dataset.id)
            decisions = _settled(str(self.run.folder), version, store, in_dataset)
        decisions.refresh()
        return decisions


def gallery_of_dataset(dataset: str) -> Gallery:
    """The dataset of that id in the workspace.

    Raises
    ------
    RunError
        there is none.
    """
    return _gallery_of_dataset(str(datasets_folder()), dataset, int(time.monotonic() / LOOK_AGAIN))


@lru_cache(maxsize=8)
def _gallery_of_dataset(datasets: str, id: str, tick: int) -> Gallery:
    dataset = read_dataset(Path(datasets) / id) if is_id(id) else None
    if dataset is None:
        raise RunError(f"there is no dataset {id!r}.")
    return Gallery(dataset, dataset.version)


def gallery_of_run(run: str) -> RunGallery:
    """The run of that name in the workspace.

    Raises
    ------
    RunError
        there is none, or it is not finished.
    """
    return _gallery_of_run(str(runs_folder()), run, int(time.monotonic() / LOOK_AGAIN))


@lru_cache(maxsize=8)
def _gallery_of_run(runs: str, name: str, tick: int) -> RunGallery:
    if not is_id(name):
        raise RunError(f"there is no run {name!r}.")
    run = Run.open(Path(runs) / name)
    dataset = dataset_of(run, list_datasets())
    return RunGallery(dataset, dataset.version, run)
