"""The workspace: which datasets it holds, what they are called, and what stays as it was when something goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import write_csv, write_image
from fake_run import write_fake_run

from ltnet_core.datasets import Corrections
from ltnet_core.errors import DatasetError, LTNetError, RunError
from ltnet_core.files.writing import write_json
from ltnet_core.runs.run import Run
from ui import current, live, trash, workspace
from ui.workspace import Dataset


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, beside the files of this test."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "w"))
    return tmp_path / "w"


def keep(home: Path, id: str, about: Any = None, **files: str) -> Path:
    folder = home / "datasets" / id
    folder.mkdir(parents=True)
    if about is not None:
        (folder / "about.json").write_text(about if isinstance(about, str) else json.dumps(about), encoding="utf-8")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_an_empty_workspace_holds_nothing(home: Path) -> None:
    assert workspace.list_datasets() == []
    (home / "datasets").mkdir(parents=True)
    assert workspace.list_datasets() == []


def test_datasets_are_listed_newest_first_without_what_is_none(home: Path) -> None:
    for n, id in enumerate(("old", "new", "newest")):
        keep(home, id, {"name": id.upper()}, link_json=json.dumps({"path": f"/{id}"}))
        os.utime(home / "datasets" / id, (n, n))
    keep(home, ".incoming-1", {"name": "x"}, link_json='{"path": "/x"}')
    keep(home, "empty", {"name": "empty"})
    keep(home, "half", {"name": "half"}, link_json='{"path": 5}')
    (home / "datasets" / "file").write_text("")
    os.mkdir(os.fsencode(home / "datasets") + b"/\xff\xfe")
    assert [(d.id, d.name, d.location) for d in workspace.list_datasets()] == [
        (id, id.upper(), Path(f"/{id}")) for id in ("newest", "new", "old")
    ]


@pytest.mark.parametrize(
    ("about", "name", "format", "corrections"),
    [
        (None, "faces", None, ""), ("{", "faces", None, ""), ("[]", "faces", None, ""), ("[" * 100_000, "faces", None, ""),
        ({"name": ""}, "faces", None, ""), ({"name": 5}, "5", None, ""), ({"name": "A", "format": "nothing"}, "A", None, ""),
        ({"name": "A", "format": "plain"}, "A", "plain", ""), ({"name": "A", "corrections": []}, "A", None, ""),
        ({"name": "A", "corrections": {}}, "A", None, ""), ({"name": "A", "corrections": {"b": 1, "a": 2}}, "A", None, '{"a": 2, "b": 1}'),
    ],
    ids=lambda v: repr(v)[:20],
)  # fmt: skip
def test_what_is_said_about_a_dataset_may_be_damaged(
    home: Path, about: Any, name: str, format: str | None, corrections: str
) -> None:
    keep(home, "faces", about, link_json='{"path": "/faces"}')
    (dataset,) = workspace.list_datasets()
    assert (dataset.name, dataset.format, dataset.corrections) == (name, format, corrections)


def test_a_dataset_is_the_archive_before_the_folder_before_the_link(home: Path) -> None:
    folder = keep(home, "faces", {"name": "x"}, link_json='{"path": "/x"}')
    (folder / "data").mkdir()
    assert workspace.list_datasets()[0].location == folder / "data"
    (folder / "data.zip").write_bytes(b"")
    assert workspace.list_datasets()[0].location == folder / "data.zip"


def test_the_version_changes_with_tables_and_corrections_and_not_with_names_of_images(plain: Path) -> None:
    dataset = Dataset("x", "x", plain)
    before = dataset.version
    assert dataset.version == before
    (plain / "annotations.csv").touch()
    touched = dataset.version
    assert touched != before
    assert Dataset("x", "other name", plain).version == touched
    assert Dataset("x", "x", plain, "plain").version != touched
    assert Dataset("x", "x", plain, None, "{}").version != touched
    assert Dataset("x", "x", plain / "none").version == Dataset("x", "x", plain / "nul\0").version


@pytest.mark.parametrize(
    ("name", "id"),
    [("My Faces!", "my-faces"), ("../../etc", "etc"), ("...", "dataset"), ("", "dataset"), ("عربي", "dataset"), ("A" * 99, "a" * 40),
     ("Röntgen Thorax", "rontgen-thorax"), ("Łódź straße", "lodz-strasse"), (".hidden", "hidden"), ("a/b\\c", "a-b-c"), ("x\x00y", "x-y"), ("-_.", "dataset"), ("v1.2_b", "v1.2_b")],
)  # fmt: skip
def test_an_id_is_a_plain_name_of_one_folder(tmp_path: Path, name: str, id: str) -> None:
    partial = tmp_path / "datasets" / ".incoming-1"
    partial.mkdir(parents=True)
    assert workspace.settle(partial, name) == tmp_path / "datasets" / id
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(["datasets", id])


def test_ids_that_are_taken_get_a_number_also_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces-2").write_text("")
    partial = tmp_path / ".incoming-1"
    partial.mkdir()
    assert workspace.settle(partial, "Faces").name == "faces-3"


def test_a_dataset_that_cannot_be_made_leaves_nothing(home: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "data").mkdir()
        raise DatasetError("the disk is tired")

    with pytest.raises(DatasetError, match="tired"):
        workspace._keep("faces", fill)
    with pytest.raises(DatasetError, match="could not be kept"):
        workspace._keep("faces", lambda folder: None)
    assert not [p for p in (home / "datasets").iterdir() if p.name.startswith(".incoming")]
    assert workspace.list_datasets() == []


@pytest.mark.parametrize("path", ["", "   ", "relative/path", "./x", '""', "'rel'"])
def test_a_path_that_is_none_is_refused_before_anything_is_read(home: Path, path: str) -> None:
    with pytest.raises(DatasetError, match=r"absolute path|Give the path"):
        workspace.add_path(path)
    assert not home.exists()


def test_one_path_is_one_dataset_however_it_is_written(home: Path, plain: Path) -> None:
    first = workspace.add_path(f'  "{plain}" ')
    assert workspace.add_path(str(plain)) == first
    assert len(workspace.list_datasets()) == 1
    assert first.name == "plain"
    with pytest.raises(DatasetError, match="does not lie below"):
        workspace.add_path(str(plain), [home])


def test_a_format_or_reading_that_cannot_be_changes_nothing(home: Path, plain: Path) -> None:
    dataset = workspace.add_path(str(plain))
    about = home / "datasets" / dataset.id / "about.json"
    before = about.read_bytes()
    with pytest.raises(LTNetError):
        workspace.set_format(dataset, "coco")
    with pytest.raises(LTNetError):
        workspace.set_reading(dataset, Corrections(ignore=("no such column",)))
    assert about.read_bytes() == before
    workspace.set_format(dataset, "plain")
    assert workspace.list_datasets()[0].format == "plain"
    workspace.set_format(dataset, None)
    assert workspace.list_datasets()[0].format is None


def test_what_was_settled_lies_with_the_dataset_or_under_its_place(home: Path) -> None:
    assert (
        workspace.adjudications_of(Dataset("faces", "x", Path("/a")))
        == home / "datasets" / "faces" / "adjudications.sqlite"
    )
    outside = {workspace.adjudications_of(Dataset("", "x", Path(p))) for p in ("/a", "/b", "/a", "/a\udcff")}
    assert len(outside) == 3
    assert {p.parent for p in outside} == {home / "adjudications"}


# ---- which dataset and run are looked at


@pytest.fixture
def two(home: Path, plain: Path, tmp_path: Path) -> Path:
    """Datasets a and b, with the runs a-1, a-2 and b-1, begun in this order."""
    other = tmp_path / "other"
    write_image(other / "images" / "a.png", 3)
    rows = [("images/a.png", "X", "cat"), ("images/a.png", "Y", "dog")]
    write_csv(other / "annotations.csv", ("image", "coder", "label"), rows)
    for id, place in (("a", plain), ("b", other)):
        keep(home, id, {"name": id}, link_json=json.dumps({"path": str(place)}))
    for n, (name, place) in enumerate((("a-1", plain), ("a-2", plain), ("b-1", other))):
        run = write_fake_run(home / "runs" / name, place, finished=False)
        write_json(run / "spec.json", {**Run(run).spec(), "created": 100.0 + n})
    return home


def listed() -> tuple[list[Dataset], list[tuple[Run, Dataset]]]:
    datasets = workspace.list_datasets()
    runs = [Run(workspace.runs_folder() / name) for name in ("b-1", "a-2", "a-1")]
    return datasets, [(r, workspace.dataset_of(r, datasets)) for r in runs]


@pytest.mark.parametrize(
    ("dataset", "run", "chosen"),
    [(None, None, ("b", "b-1")), ("a", None, ("a", "a-2")), ("b", "a-1", ("a", "a-1")), (None, "a-1", ("a", "a-1")),
     ("nothing", None, ("b", "b-1")), (None, "nothing", ("b", "b-1")), ("a", "nothing", ("a", "a-2"))],
)  # fmt: skip
def test_a_run_brings_its_dataset_and_a_dataset_its_newest_run(
    two: Path, dataset: str | None, run: str | None, chosen: tuple[str, str]
) -> None:
    datasets, runs = listed()
    found, found_run = current.choose(datasets, runs, dataset, run)
    assert found is not None
    assert found_run is not None
    assert (found.id, found_run.folder.name) == chosen


def test_without_anything_nothing_is_chosen() -> None:
    assert current.choose([], [], None, None) == (None, None)
    assert current.choose([Dataset("a", "a", Path("/a"))], [], None, "x")[1] is None


def test_what_an_address_names_and_is_not_there_is_said(two: Path) -> None:
    datasets, runs = listed()
    assert current.missing(datasets, runs, "a", "a-1") == ""
    assert current.missing(datasets, runs, None, None) == ""
    assert "no run 'x'" in current.missing(datasets, runs, "a", "x")
    assert "no dataset 'x'" in current.missing(datasets, runs, "x", None)
    (two / "runs" / "begun").mkdir()
    assert "is starting" in current.missing(datasets, runs, None, "begun")
    for hostile in ("../datasets", "..", ".", "/etc", "a/../a-1", "x" * 300, "nul\0", "\udcff", "\ud800"):
        assert "no run" in current.missing(datasets, runs, None, hostile)


def test_a_run_of_a_dataset_outside_the_workspace_names_it(two: Path, tmp_path: Path) -> None:
    datasets, _ = listed()
    run = Run(two / "runs" / "a-1")
    write_json(run.folder / "spec.json", {**run.spec(), "dataset": str(tmp_path / "gone"), "dataset_name": "Gone"})
    dataset = workspace.dataset_of(run, datasets)
    assert (dataset.id, dataset.name, dataset.location) == ("", "Gone", tmp_path / "gone")
    link = tmp_path / "by-another-way"
    link.symlink_to(datasets[0].location)
    write_json(run.folder / "spec.json", {**run.spec(), "dataset": str(link)})
    assert workspace.dataset_of(run, datasets) == datasets[0]


# ---- what changes while a page is open


def state_of(home: Path) -> current.Current:
    datasets, runs = listed()
    run, dataset = runs[0]
    return current.Current(dataset, run, run.status(), datasets, runs)


def test_a_page_runs_again_when_runs_datasets_or_answers_come_and_not_otherwise(two: Path) -> None:
    state = state_of(two)
    before = live.stamp(state, "compare")
    assert live.stamp(state, "compare") == before
    (two / "datasets" / ".incoming-x").mkdir()
    assert live.stamp(state, "compare") == before
    assert state.dataset is not None
    settled = workspace.adjudications_of(state.dataset)
    settled.write_text("x")
    after = live.stamp(state, "compare")
    assert after != before
    assert live.stamp(state, "disagreements") == live.stamp(state, "disagreements")
    settled.touch()
    assert live.stamp(state, "compare") != after
    stamps = {live.stamp(state, "disagreements")}
    (two / "runs" / "c-1").mkdir()
    stamps.add(live.stamp(state, "disagreements"))
    keep(two, "c", {"name": "c"})
    stamps.add(live.stamp(state, "disagreements"))
    assert state.run is not None
    with state.run.lock():
        stamps.add(live.stamp(state, "disagreements"))
    assert len(stamps) == 4


# ---- deleted


def test_a_run_that_is_deleted_comes_back_with_its_note(two: Path) -> None:
    from ui import run_notes

    run = Run(two / "runs" / "a-1")
    run_notes.save(run, "best", "", [])
    deleted = trash.delete_run(run)
    assert not run.folder.exists()
    assert not run_notes.path_of(run).exists()
    assert [d.text for d in trash.everything()] == ["run a-1"]
    trash.restore(deleted)
    assert run_notes.load(run).name == "best"
    assert trash.everything() == []
    with pytest.raises(RunError):
        trash.restore(deleted)


def test_a_second_server_keeps_what_was_deleted_by_the_first(two: Path) -> None:
    text = "import sys; from ui import trash\nwith trash.emptied(): print('up', flush=True); sys.stdin.read()"
    at = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", text], stdin=-1, stdout=-1, env=at) as first:
        assert first.stdin is not None and first.stdout is not None
        assert first.stdout.readline() == b"up\n"
        deleted = trash.delete_run(Run(two / "runs" / "a-1"))
        with trash.emptied():
            assert trash.everything() == [deleted]
        first.stdin.close()
        assert first.wait(30) == 0
    with trash.emptied():
        assert trash.everything() == []


def test_what_has_taken_its_place_is_not_overwritten(two: Path) -> None:
    run = Run(two / "runs" / "a-1")
    deleted = trash.delete_run(run)
    run.folder.mkdir()
    with pytest.raises(LTNetError, match="a-1"):
        trash.restore(deleted)
    assert list(run.folder.iterdir()) == []
    assert [d.text for d in trash.everything()] == ["run a-1"]


def test_a_dataset_goes_with_its_runs_unless_one_is_at_work(two: Path) -> None:
    datasets, runs = listed()
    dataset = next(d for d in datasets if d.id == "a")
    of_it = [r for r, d in runs if d == dataset]
    with of_it[0].lock(), pytest.raises(RunError, match="at work"):
        trash.delete_dataset(dataset, of_it)
    assert len(workspace.list_datasets()) == 2
    deleted = trash.delete_dataset(dataset, of_it)
    assert deleted.text == "dataset a with 2 runs"
    assert [d.id for d in workspace.list_datasets()] == ["b"]
    assert dataset.location.exists()  # it lies elsewhere
    trash.restore(deleted)
    assert {d.id for d in workspace.list_datasets()} == {"a", "b"}


@pytest.mark.parametrize(
    "moved",
    [[["x", "../outside"]], [["x", "runs/../.."]], [["x", "/etc"]], [["../x", "runs/a"]], [["x", "runs/a/b"]], [["x", "runs/.."]],
     [["x"]], "x", 5, [["x", "elsewhere/a"]]],
    ids=repr,
)  # fmt: skip
def test_a_note_of_what_was_deleted_leads_nowhere_outside(two: Path, moved: Any) -> None:
    folder = two / ".deleted" / "1"
    folder.mkdir(parents=True)
    write_json(folder / "about.json", {"text": "run x", "moved": moved})
    (folder / "x").write_text("hostile")
    assert trash.everything() == []
