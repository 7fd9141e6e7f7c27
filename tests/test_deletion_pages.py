"""What is deleted on a page can be brought back; a run at work is not deleted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fake_run import write_fake_run
from page_driver import link, open_page, seen

from ltnet_core.errors import RunError, StorageError
from ltnet_core.runs.run import Run
from ui import run_notes, trash, workspace


def test_what_is_deleted_can_be_brought_back_until_the_server_starts_again(
    workspace_path: Path, demo: Path, tmp_path: Path
) -> None:
    link(workspace_path, demo)
    for name in ("faces-1", "faces-2"):
        write_fake_run(workspace_path / "runs" / name, demo)
    run_notes.save(Run(workspace_path / "runs" / "faces-2"), "Second", "", [])
    before = {p.relative_to(workspace_path): p.read_bytes() for p in workspace_path.rglob("*") if p.is_file()}
    at = open_page("compare", run="faces-2")
    at.button(key="delete_run").click().run()
    assert "Deleted" in seen(at)
    assert [p.name for p in (workspace_path / "runs").iterdir()] == ["faces-1"]
    assert not list((workspace_path / "run-notes").iterdir()), "its name goes with it"
    assert at.session_state["asked_run"] == "faces-1"
    at.button(key="undo_delete").click().run()
    assert at.session_state["asked_run"] == "faces-2", "what is brought back is looked at"
    assert {p.relative_to(workspace_path): p.read_bytes() for p in workspace_path.rglob("*") if p.is_file()} == before

    # Another tab, or the same after a reload, brings it back too.
    open_page("train", run="faces-2").button(key="delete_run").click().run()
    (deleted,) = trash.everything()
    about = deleted.folder / "about.json"
    kept = about.read_bytes()
    for path in ("../runs/x", "runs", "runs/..", "/runs/x", ".secret"):
        about.write_text(json.dumps({"text": "x", "moved": [["0-faces-2", path]]}))
        assert trash.everything() == []
    about.write_bytes(kept)
    at = open_page("dataset", dataset="faces")
    at.button(key=f"undo_{deleted.folder.name}").click().run()
    assert {p.relative_to(workspace_path): p.read_bytes() for p in workspace_path.rglob("*") if p.is_file()} == before
    assert trash.everything() == []

    at = open_page("dataset", run="faces-1")
    assert "the link to it, what was settled, and its runs: " in seen(at)
    at.button(key="delete_dataset").click().run()
    assert not (workspace_path / "datasets" / "faces").exists()
    assert not list((workspace_path / "runs").iterdir())
    assert demo.is_dir()  # it lies elsewhere

    # What is brought back is looked at, whatever was in the meantime.
    shutil.copytree(demo, tmp_path / "others")
    workspace.add_path(str(tmp_path / "others"))
    at.run()
    assert at.session_state["asked_dataset"] == "others"
    at.button(key="undo_delete").click().run()
    assert at.session_state["asked_dataset"] == "faces" and "Deleted dataset" not in seen(at)
    at.button(key="delete_dataset").click().run()
    with trash.emptied():
        at.button(key="undo_delete").click().run()
    assert "cannot be brought back: the server was started anew since" in seen(at)


def test_a_run_at_work_is_not_deleted(workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo, finished=False)
    run = Run(workspace_path / "runs" / "faces-1")
    monkeypatch.setattr(Run, "holder", lambda self: 1)
    with pytest.raises(RunError, match="'faces-1' is at work; cancel it first"):
        trash.delete_dataset(workspace.list_datasets()[0], [run])
    assert run.exists()


def test_on_a_full_disk_a_run_is_removed_for_good_only_when_that_is_asked_for(
    workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace_path, demo)
    for name in ("faces-1", "faces-2"):
        write_fake_run(workspace_path / "runs" / name, demo)

    def full(path: Path, content: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(trash, "write_json", full)
    at = open_page("compare", run="faces-2")
    at.button(key="delete_run").click().run()
    assert "It was not deleted" in seen(at) and "the disk is full" in seen(at)
    assert (workspace_path / "runs" / "faces-2").is_dir()
    assert not list((workspace_path / trash.FOLDER).iterdir())
    at.button(key="delete_run_for_good").click().run()
    assert [p.name for p in (workspace_path / "runs").iterdir()] == ["faces-1"]
    assert not at.exception and "It was not deleted" not in seen(at)
    assert at.session_state["asked_run"] == "faces-1"
    at.button(key="delete_run").click().run()  # what is offered is for the run that was tried
    assert (workspace_path / "runs" / "faces-1").is_dir()


def test_what_was_deleted_can_be_removed_before_the_server_starts_again(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    at = open_page("train", run="faces-1")
    at.button(key="delete_run").click().run()
    (deleted,) = trash.everything()
    at.button(key=f"remove_{deleted.folder.name}").click().run()
    assert trash.everything() == [] and not deleted.folder.exists()
    assert not at.exception and "Bring it back" not in [b.label for b in at.button]
