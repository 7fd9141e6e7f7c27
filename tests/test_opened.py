"""What pages and routes read of a run, kept up to date: decisions, tags, earlier versions, and what is not there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_run import write_fake_run
from finished_workspace import RUN, finished_workspace

from ltnet_core.errors import DatasetError, RunError
from ltnet_core.explore.actions import Action, Actions
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.explore.decided import DIFFERING, OPEN, SKIPPED
from ltnet_core.explore.opinions import Opinion, Opinions
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items
from ui import gains, opened
from ui.opened import Settled
from ui.workspace import adjudications_of, list_datasets


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, demo: Path) -> Iterator[Path]:
    """A workspace with the small demo and a finished run on it."""
    with finished_workspace(tmp_path_factory.mktemp("opened"), demo) as folder:
        yield folder


@pytest.fixture
def settled(workspace: Path, tmp_path: Path) -> Settled:
    """Nothing was settled yet, in a store of its own."""
    return Settled(load_items(Run(workspace / "runs" / RUN)), Adjudications(tmp_path / "adjudications.sqlite"))


def settle(settled: Settled, row: int, label: int, key: str, who: str = "Ada", known: int = 0) -> None:
    image = str(settled.items.names[row].as_py())
    assert settled.store.add(Decision("settle", image, settled.items.classes[label], who, key=key), known) is None


def test_decisions_come_in_by_rows_and_go_when_they_are_taken_back(settled: Settled) -> None:
    settle(settled, 3, 1, "a")
    settle(settled, 5, 0, "b", "Ben")
    image = str(settled.items.names[7].as_py())
    settled.store.add(Decision("skip", image, "", "Ben", key="c"), 0)
    assert settled.now.settled[3] == OPEN  # nobody has looked yet
    settled.refresh()
    assert settled.now.settled[[3, 5, 7, 8]].tolist() == [1, 0, SKIPPED, OPEN]
    reviewers = [settled.now.reviewers[r] if r >= 0 else "" for r in settled.now.reviewer[[3, 5, 7, 8]]]
    assert reviewers == ["Ada", "Ben", "Ben", ""]
    settled.store.add(Decision("undo", str(settled.items.names[3].as_py()), "", "Ada", key="d", undoes="a"), 0)
    settled.refresh()
    assert settled.now.settled[3] == OPEN
    assert 3 not in settled.decisions


def test_a_decision_about_another_dataset_or_class_changes_no_row(settled: Settled) -> None:
    settled.store.add(Decision("settle", "elsewhere.png", settled.items.classes[0], key="a"), 0)
    settled.store.add(Decision("settle", str(settled.items.names[2].as_py()), "no such class", key="b"), 0)
    settled.refresh()
    assert (settled.now.settled >= 0).sum() == 0
    assert settled.now.settled[2] == SKIPPED  # somebody settled it, on nothing that this run knows
    assert list(settled.decisions) == [2]


def test_an_earlier_version_stays_as_it_was_while_tags_are_those_of_now(settled: Settled) -> None:
    settle(settled, 3, 1, "a")
    settled.refresh()
    version = settled.now.version
    settle(settled, 4, 2, "b")
    image = str(settled.items.names[9].as_py())
    Actions(settled.store).act(Action("tag", "blurred", "Ada", "t"), [image])
    settled.refresh()
    then = settled.as_of(version)
    assert then.settled[[3, 4]].tolist() == [1, OPEN]
    assert then.tags["blurred"].tolist() == [9]
    assert settled.now.settled[[3, 4]].tolist() == [1, 2]
    assert settled.as_of(-1) is settled.now
    assert settled.as_of(settled.now.version) is settled.now
    assert settled.as_of(version).settled[4] == OPEN  # also when it is asked for again
    assert settled.as_of(0).settled[3] == OPEN


def test_a_store_that_took_another_ones_place_is_read_anew(settled: Settled) -> None:
    for n in range(4):
        settle(settled, n, 1, f"a-{n}")
    settled.refresh()
    for part in settled.store.path.parent.glob("adjudications.sqlite*"):
        part.unlink()
    settle(settled, 6, 2, "new")
    settled.refresh()
    assert np.flatnonzero(settled.now.settled >= 0).tolist() == [6]
    assert list(settled.decisions) == [6]


def test_opinions_that_differ_are_a_tag(settled: Settled) -> None:
    image = str(settled.items.names[5].as_py())
    settle(settled, 5, 0, "a")
    for key, label in (("o-1", settled.items.classes[0]), ("o-2", settled.items.classes[2])):
        Opinions(settled.store).add_all([Opinion("second", image, label, "Ben", "", key, "image")])
        settled.refresh()
        assert (5 in settled.now.tags.get(DIFFERING, np.empty(0)).tolist()) == (key == "o-2")
    assert settled.tags_of[5] == [DIFFERING]


def test_who_reads_while_another_settles_sees_a_whole_state(settled: Settled) -> None:
    """What a request iterates over does not change under it, and no row is open for a moment between two answers."""
    for n in range(40):
        settle(settled, n, 0, f"first-{n}")
    settled.refresh()
    ends = threading.Event()
    troubles: list[str] = []

    def read() -> None:
        while not ends.is_set():
            decisions = settled.decisions
            try:
                rows = []
                for row in decisions:
                    rows.append(row)
                    time.sleep(0)
                if len(rows) != 40:
                    troubles.append(f"{len(rows)} rows")
            except RuntimeError as e:
                troubles.append(str(e))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(4):
        for n in range(0, 40, 4):
            known = settled.decisions[n].id
            settle(settled, n, turn % 3, f"{turn}-{n}", known=known)
        settled.refresh()
    ends.set()
    reader.join()
    assert troubles == []


def test_gains_are_counted_once_for_each_state(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = opened.gallery_of_run(RUN)
    counted: list[int] = []
    real = gains.gains
    monkeypatch.setattr(
        gains,
        "gains",
        lambda run, items, answers, *more: (counted.append(len(answers)), real(run, items, answers, *more))[1],
    )
    assert gains.gains_of(gallery) is gains.gains_of(gallery)
    settle(gallery.settled, 0, 1, "gain-1")
    gains.gains_of(gallery)
    gains.gains_of(gallery)
    assert counted == [0, 1]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "nul\0", "none", "x" * 300, "\ud800"])
def test_what_is_not_there_is_a_run_error_by_its_name(workspace: Path, name: str) -> None:
    for find in (opened.gallery_of_run, opened.gallery_of_dataset):
        with pytest.raises(RunError, match=r"no run|no dataset|missing|not"):
            find(name)


def test_a_run_that_is_not_finished_opens_no_gallery(workspace: Path, demo: Path) -> None:
    write_fake_run(workspace / "runs" / "stopped", demo, finished=False)
    with pytest.raises(RunError):
        _ = opened.gallery_of_run("stopped").selections


def test_versions_change_with_the_files_and_need_them(workspace: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    file.write_text("1")
    other.write_text("1")
    before = opened.version_of(file, other)
    other.write_text("22")
    assert opened.version_of(file, other) != before
    for wrong in (tmp_path / "none", tmp_path):
        with pytest.raises(RunError):
            opened.version_of(file, wrong)


def test_one_opening_serves_all_and_a_changed_dataset_is_read_anew(workspace: Path) -> None:
    gallery = opened.gallery_of_run(RUN)
    assert opened.gallery_of_run(RUN).selections is gallery.selections
    assert opened.gallery_of_dataset("faces").settled is opened.gallery_of_dataset("faces").settled
    (dataset,) = list_datasets()
    assert gallery.settled.store.path == adjudications_of(dataset)
    assert opened.gallery_of_dataset("faces").selections.items.learned is False


def test_a_dataset_outside_the_roots_is_not_read(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dataset,) = list_datasets()
    monkeypatch.setenv("LTNET_ROOTS", str(tmp_path))
    with pytest.raises(DatasetError, match="does not lie below"):
        opened.study(str(dataset.location), dataset.version, dataset.format, dataset.corrections)
