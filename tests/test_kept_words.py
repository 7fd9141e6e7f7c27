"""What people called views and runs: kept within bounds, read from damaged files, written by several at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from ltnet_core.errors import LTNetError, StorageError
from ltnet_core.files.reading import read_json
from ltnet_core.files.writing import write_json
from ltnet_core.runs.run import Run
from ui import run_notes, saved_views
from ui.run_notes import RunNote
from ui.workspace import Dataset


@pytest.fixture
def dataset(workspace_path: Path) -> Dataset:
    (workspace_path / "datasets" / "faces").mkdir(parents=True)
    return Dataset("faces", "Faces", workspace_path / "data")


@pytest.fixture
def run(workspace_path: Path, golden: Path) -> Run:
    folder = workspace_path / "runs" / "faces-1"
    folder.mkdir(parents=True)
    write_json(folder / "spec.json", {**read_json(golden / "spec.json"), "created": 12.5})
    return Run(folder)


def names(dataset: Dataset) -> list[str]:
    return [view["name"] for view in saved_views.load(dataset)]


def test_a_view_is_kept_replaced_and_forgotten(dataset: Dataset) -> None:
    assert saved_views.load(dataset) == []
    saved_views.save(dataset, "  a  ", {"truth": "fear"})
    saved_views.save(dataset, "b", {})
    saved_views.save(dataset, "a", {"truth": "joy"})
    assert saved_views.load(dataset) == [{"name": "b", "view": {}}, {"name": "a", "view": {"truth": "joy"}}]
    saved_views.save(dataset, "   ", {"truth": "x"})
    saved_views.forget(dataset, "b")
    saved_views.forget(dataset, "never was")
    assert names(dataset) == ["a"]


def test_names_and_numbers_of_views_have_a_bound_and_the_newest_stay(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MOST", 4)
    for n in range(7):
        saved_views.save(dataset, f"{n}", {})
    assert names(dataset) == ["3", "4", "5", "6"]
    saved_views.save(dataset, "x" * 500, {})
    assert names(dataset)[-1] == "x" * saved_views.LONGEST


def test_views_that_several_save_at_once_are_all_kept(dataset: Dataset) -> None:
    meet = threading.Barrier(8)

    def save(n: int) -> None:
        meet.wait(10)
        saved_views.save(dataset, f"view {n}", {"truth": str(n)})

    threads = [threading.Thread(target=save, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(dataset)) == [f"view {n}" for n in range(8)]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"1", b'{"views": 1}', b'{"views": [1]}', b'{"views": [{"name": "a"}]}', b"\xff",
     b'{"views": [{"name": "a", "view": []}]}', b'{"views": {"name": 1}}', b'{"views": [{"name": "a", "view": NaN}]}'],
)  # fmt: skip
def test_a_damaged_file_of_views_holds_none_and_is_replaced(dataset: Dataset, content: bytes) -> None:
    path = saved_views._path(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert saved_views.load(dataset) == []
    saved_views.save(dataset, "a", {"sort": "name"})
    assert names(dataset) == ["a"]


def test_views_of_a_dataset_that_only_a_run_knows_lie_beside_its_decisions(workspace_path: Path) -> None:
    outside, other = (Dataset("", "x", workspace_path / name) for name in ("one", "two"))
    saved_views.save(outside, "a", {})
    assert names(other) == []
    (kept,) = (workspace_path / "adjudications").iterdir()
    assert kept.name.endswith("-views.json")


def test_a_view_that_cannot_be_written_is_said(dataset: Dataset, workspace_path: Path) -> None:
    folder = workspace_path / "datasets" / "faces"
    folder.rmdir()
    with pytest.raises(LTNetError, match="datasets"):
        saved_views.save(dataset, "a", {})
    assert not folder.exists(), "a dataset that was deleted is not begun again"
    folder.write_text("a file in the place of the folder")
    with pytest.raises(LTNetError, match="datasets"):
        saved_views.save(dataset, "a", {})


# ---- runs


def test_a_note_is_kept_with_spaces_as_they_are_meant(run: Run) -> None:
    kept = run_notes.save(run, "  best \n one ", " a note\nof two lines ", ["b", " a  b ", "b", "", "  "])
    assert kept == RunNote("best one", "a note\nof two lines", ("b", "a b"))
    assert run_notes.load(run) == kept
    assert run_notes.title(run) == "best one (faces-1)"
    assert run_notes.save(run, "", "", []) == RunNote()
    assert run_notes.title(run) == "faces-1"


def test_a_note_has_bounds(run: Run) -> None:
    kept = run_notes.save(run, "n" * 999, "x" * 9999, [f"{n:03d}" + "t" * 99 for n in range(50)])
    assert (len(kept.name), len(kept.note), len(kept.tags)) == (80, 2000, 20)
    assert {len(t) for t in kept.tags} == {40}


def test_the_note_of_a_run_that_had_the_folder_before_is_not_this_ones(run: Run) -> None:
    run_notes.save(run, "old", "", [])
    write_json(run.folder / "spec.json", {**run.spec(), "created": 13.5})
    assert run_notes.load(run) == RunNote()


@pytest.mark.parametrize(
    "content",
    [1, [], {}, {"created": 12.5}, {"created": 12.5, "name": "a", "note": "b", "tags": 5},
     {"created": 12.5, "name": "a", "note": "b", "tags": None}],
    ids=repr,
)  # fmt: skip
def test_a_damaged_note_is_none(run: Run, content: Any) -> None:
    path = run_notes.path_of(run)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    assert run_notes.load(run) == RunNote()
    assert run_notes.title(run) == "faces-1"


def test_a_long_note_that_somebody_wrote_into_the_file_is_cut(run: Run) -> None:
    path = run_notes.path_of(run)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"created": 12.5, "name": "n" * 500, "note": "", "tags": [1, "a" * 99]}))
    note = run_notes.load(run)
    assert (len(note.name), note.tags) == (80, ("1", "a" * 40))


def test_a_note_that_cannot_be_written_is_said(run: Run, workspace_path: Path) -> None:
    (workspace_path / "run-notes").write_text("a file in the place of the folder")
    with pytest.raises(StorageError, match="run-notes"):
        run_notes.save(run, "a", "", [])


def test_the_note_of_a_damaged_run_cannot_be_kept(run: Run) -> None:
    (run.folder / "spec.json").write_text("{")
    assert run_notes.load(run) == RunNote()
    with pytest.raises(LTNetError, match=r"spec\.json"):
        run_notes.save(run, "a", "", [])
