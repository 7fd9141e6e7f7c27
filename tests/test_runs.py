"""A run's folder: state derived from lock and events, whatever was killed when."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ltnet_core.errors import RunError
from ltnet_core.runs import jobs
from ltnet_core.runs.run import STALL_SECONDS, START_SECONDS, Run, lock_holder

HOLD = """
import sys, time
sys.path.insert(0, sys.argv[2])
from ltnet_core.runs.run import Run
with Run(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"settings": {}})


def holder(run: Run) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parent.parent)
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(run.folder), root], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def stop(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


def test_state_follows_lock_and_events(run: Run) -> None:
    now = time.time()
    assert run.status().state == "queued"
    assert run.status(now=now + START_SECONDS + 5).state == "crashed"
    child = holder(run)
    try:
        run.emit("start", pid=child.pid)
        run.emit("stage", stage="mixture", epochs=3, progress=0.1, eta_seconds=50)
        run.emit("epoch", stage="mixture", epoch=2, epochs=3)
        run.emit("progress", stage="mixture", progress=0.25, eta_seconds=30.0)
        status = run.status()
        assert (status.state, status.stage, status.epoch, status.epochs) == ("running", "mixture", 2, 3)
        assert status.progress == 0.25
        run.emit("stage", stage="coder:a", epochs=5)  # beside the mixture, which goes on
        assert (run.status().stage, run.status().epoch, run.status().epochs) == ("coder:a", 0, 5)
        run.emit("epoch", stage="mixture", epoch=3, epochs=3)
        assert (run.status().stage, run.status().epoch, run.status().epochs) == ("mixture", 3, 3)
        assert status.eta_seconds is not None and 30 - (time.time() - now) <= status.eta_seconds <= 30
        assert run.holder() == child.pid
        assert run.status(now=time.time() + STALL_SECONDS + 5).state == "stalled"
        with pytest.raises(RunError, match="trained by another process"), run.lock(patience=0.1):
            pass
        child.kill()  # no waiting for it: a killed trainer may stay a zombie of the server
        deadline = time.monotonic() + 60
        while run.status().state != "crashed" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert run.status().state == "crashed"
    finally:
        stop(child)
    run.emit("cancelled", message="by hand")
    assert run.status().state == "cancelled"
    run.emit("failed", message="out of memory")
    assert (run.status().state, run.status().message) == ("failed", "out of memory")
    (run.folder / "manifest.json").write_text("{}")
    assert (run.status().state, run.status().progress, run.status().eta_seconds) == ("done", 1.0, 0.0)


def test_asking_for_the_state_does_not_release_the_lock(run: Run) -> None:
    with run.lock():
        assert run.status().state == "running"
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})\n"
        code += f"from pathlib import Path; from ltnet_core.runs.run import lock_holder\nprint(lock_holder(Path({str(run.folder)!r}) / 'alive.lock'))"
        for _ in range(2):
            printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
            assert int(printed) > 0
            assert run.holder() is not None
    assert lock_holder(run.folder / "alive.lock") is None


def test_a_torn_line_is_left_out_and_does_not_swallow_the_next(run: Run) -> None:
    run.emit("start", pid=1)
    with open(run.folder / "events.jsonl", "a") as f:
        f.write('{"event": "progress", "progr')
    run.emit("done", message="finished")
    assert [e["event"] for e in run.events()] == ["start", "done"]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(RunError, match="is not empty and holds no run"):
        Run.create(tmp_path, {})
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_starting_twice_is_refused(run: Run) -> None:
    with pytest.raises(RunError, match="not finished; use --resume"):
        Run.create(run.folder, {})
    (run.folder / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match="is finished; choose another folder"):
        Run.create(run.folder, {})
    with pytest.raises(RunError, match="is done; it cannot be started again"):
        jobs.start(run.folder, Path("x"))


def test_of_two_starts_at_once_one_makes_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def lock_after_another(run: Run) -> Iterator[None]:
        (run.folder / "spec.json").write_text('{"seed": 1}')
        yield

    monkeypatch.setattr(Run, "lock", lock_after_another)
    with pytest.raises(RunError, match="not finished; use --resume"):
        Run.create(tmp_path / "run", {"seed": 2})
    assert json.loads((tmp_path / "run" / "spec.json").read_text()) == {"seed": 1}


def test_damaged_files_are_named(run: Run) -> None:
    (run.folder / "spec.json").write_text("{")
    with pytest.raises(RunError, match=r"spec\.json' is damaged \(JSONDecodeError"):
        run.spec()
    with pytest.raises(RunError, match="is not a run folder"):
        Run.open(run.folder / "nothing")
    with pytest.raises(RunError, match="is not finished"):
        run.result("items.parquet")


def test_run_folders_get_free_safe_names(tmp_path: Path) -> None:
    assert jobs.new_run_dir(tmp_path, "../a b/ü").name == "a-b-1"
    (tmp_path / "a-b-1").mkdir()
    assert jobs.new_run_dir(tmp_path, "../a b/ü").name == "a-b-2"


def test_cancel_needs_something_to_cancel(run: Run) -> None:
    run.emit("start", pid=1)
    with pytest.raises(RunError, match="is not running"):
        jobs.cancel(run.folder)


def test_cancel_makes_a_deaf_trainer_stop(run: Run) -> None:
    child = holder(run)
    try:
        run.emit("start", pid=child.pid)
        jobs.cancel(run.folder, wait=0.5)
        assert run.holder() is None
        assert json.loads(json.dumps(run.status().to_json()))["state"] == "crashed"
        assert run.asked_to_stop()
    finally:
        stop(child)
