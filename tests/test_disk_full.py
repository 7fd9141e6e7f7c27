"""A disk that is full: the file is named, nothing half is left, and the work goes on when there is room."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import faults
import pytest
from conftest import ROOT

from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import StorageError
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.files.reading import loads
from ltnet_core.runs import jobs
from ltnet_core.runs.run import Run

SmallDisk = Callable[[str], Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mount a tmpfs of a size, such as ``8m``; skipped where that is not allowed."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        workspace_path = tmp_path / f"disk-{len(mounted)}"
        workspace_path.mkdir()
        command = shutil.which("mount")
        if command is None:
            pytest.skip("there is no mount command here")
        options = ["-t", "tmpfs", "-o", f"size={size}", "ltnet-test", str(workspace_path)]
        done = subprocess.run([command, *options], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here ({done.stderr.strip()})")
        mounted.append(workspace_path)
        return workspace_path

    yield mount
    for workspace_path in mounted:
        subprocess.run([str(shutil.which("umount")), "-l", str(workspace_path)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Take all room of a disk but ``leave`` bytes."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as f:
        with contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))
        assert shutil.disk_usage(disk).free == 0
        f.truncate(max(f.tell() - leave, 0))
    return ballast


def left_half(folder: Path) -> list[str]:
    return [str(p) for p in folder.rglob("*") if p.name.endswith(".partial") or p.name.startswith(".writing-")]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full") / "faces"
    write_demo(folder, items=40, seed=1)
    return folder


def says_the_disk_is_full(done: faults.Outcome) -> bool:
    line = done.err.splitlines()[-1]
    return done.status == 1 and "the disk is full" in line and "are free there" in line and "Traceback" not in done.err


@pytest.mark.parametrize("stage", ["before", "images", "warm-up", "mixture", "ltnet", "results"])
def test_fit_names_the_file_and_resume_finishes(
    faces: Path, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The disk is full from the beginning of a stage on."""
    disk = small_disk("8m")
    run, flags = disk / "run", (*faults.FLAGS, "--pixel-budget", 1)
    ballast = [fill(disk)] if stage == "before" else []
    emit = Run.emit

    def fill_at_the_stage(run: Run, event: str, **facts: object) -> None:
        emit(run, event, **facts)
        if event == "stage" and facts["stage"] == stage and not ballast:
            ballast.append(fill(disk))

    monkeypatch.setattr(Run, "emit", fill_at_the_stage)
    done = faults.call("fit", faces, "--run", run, *flags)
    assert says_the_disk_is_full(done), done
    assert left_half(disk) == []
    assert run.exists() == (stage != "before")
    ballast[0].unlink()
    again = faults.call("fit", faces, "--run", run, *(flags if stage == "before" else ("--resume",)))
    assert (again.status, again.err) == (0, "")
    assert loads(faults.call("status", run, "--json").out)["damaged"] is None
    assert left_half(disk) == []


def test_the_model_is_written_whole_or_not_at_all(small_disk: SmallDisk, golden: Path) -> None:
    disk = small_disk("1m")
    ballast = fill(disk)
    done = faults.call("export", golden, "--model", disk / "m.pt")
    assert says_the_disk_is_full(done), done
    assert "m.pt" in done.err
    assert os.listdir(disk) == ["ballast"]
    ballast.unlink()
    assert faults.call("export", golden, "--model", disk / "m.pt").status == 0


def test_demo_names_the_file_and_leaves_nothing(small_disk: SmallDisk) -> None:
    disk = small_disk("400k")
    done = faults.call("demo", disk / "faces", "--items", 400)
    assert says_the_disk_is_full(done), done
    assert str(disk / "faces") in done.err
    assert os.listdir(disk) == []
    assert faults.call("demo", disk / "faces", "--items", 20).status == 0


def test_settling_says_so_and_goes_on_afterwards(small_disk: SmallDisk) -> None:
    disk = small_disk("1m")
    store = Adjudications(disk / "datasets" / "adjudications.sqlite")
    store.add(Decision("settle", "a.png", "cat", key="me-1"), 0)
    ballast = fill(disk)
    with pytest.raises(StorageError, match=r"adjudications\.sqlite' could not be written: the disk is full"):
        store.add_all(
            [(Decision("settle", f"{i}.png", "cat", reason="r" * 2000, key=f"me-1-{i}"), 0) for i in range(99)]
        )
    assert [d.image for d in store.standing()] == ["a.png"]
    ballast.unlink()
    store.add(Decision("settle", "b.png", "cat", key="me-2"), 1)
    assert [d.image for d in store.standing()] == ["a.png", "b.png"]


@pytest.mark.parametrize("arguments", [("status", "{run}", "--json"), ("fit", "--help")])
def test_a_full_output_is_one_sentence(golden: Path, arguments: tuple[str, ...]) -> None:
    """``/dev/full`` is a disk without room for what is printed."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ltnet_core", *(part.format(run=golden) for part in arguments)],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the output could not be written: the disk is full" in done.stderr


def test_a_start_without_room_leaves_nothing_that_blocks_the_next(faces: Path, small_disk: SmallDisk) -> None:
    disk = small_disk("1m")
    ballast = fill(disk)
    process = jobs.start(disk / "run", faces, ["--preset", "quick", "--device", "cpu"])
    assert process.wait(120) == 1
    jobs.clear_failed_start(disk / "run")
    assert os.listdir(disk) == ["ballast"]
    ballast.unlink()
    assert faults.call("fit", faces, "--run", disk / "run", "--method", "nonsense").status == 2
    assert not (disk / "run").exists()


def test_a_start_that_cannot_launch_leaves_nothing(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(StorageError, match=r"log\.txt' could not be written"):
        jobs.start(tmp_path / "run", faces)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("fails_at", ["adjudications.csv", "spec.json"])
def test_a_run_that_could_not_be_made_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match=fails_at):
        Run.create(tmp_path / "run", {"settings": {}}, {"adjudications.csv": b"image,label\n"})
    assert os.listdir(tmp_path) == []
    monkeypatch.undo()
    # What a kill in the middle leaves blocks nothing either.
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    for name in ("log.txt", "adjudications.csv", ".writing-0.partial"):
        (tmp_path / "run" / name).write_text("")
    assert Run.create(tmp_path / "run", {"settings": {}}).exists()
    shutil.rmtree(tmp_path / "run")
