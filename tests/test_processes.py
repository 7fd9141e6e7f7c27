"""A run that several processes train, from outside: by ``--processes``, by torchrun, killed, cancelled, resumed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, Command

from ltnet_core import launch
from ltnet_core.__main__ import main
from ltnet_core.errors import Cancelled, InputError, LTNetError, OptionError, ProcessLost, RunError, StorageError
from ltnet_core.export.finished_run import load_transitions, load_truth
from ltnet_core.files.reading import read_json
from ltnet_core.launch import default_processes
from ltnet_core.learning.group import Group, _met
from ltnet_core.runs.jobs import cancel
from ltnet_core.runs.run import LAUNCHER, Run

FLAGS = (
    "--preset", "quick", "--epochs", "3", "--device", "cpu", "--seed", "3", "--no-machine-coders", "--no-comparisons",
    "--network", "cnn", "--batch-size", "32", "--optimizer", "adamw", "--lr", "0.001", "--ltnet-lr", "0.001",
)  # fmt: skip
SLOW = 120.0  # seconds: far more than anything here takes
TOLERANCE = 2e-3  # of a probability; sums run in another order


@pytest.fixture(scope="module")
def alone(demo: Path, ltnet: Command, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What one process learns; read-only."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    done = ltnet("fit", demo, "--run", folder, *FLAGS)
    assert done.returncode == 0, done.stderr
    return Run.open(folder)


@contextlib.contextmanager
def started(*command: object, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command at work, whose output goes to ``log``; it ends with the test."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, *map(str, command)]
    with (
        open(log, "wb") as out,
        subprocess.Popen(words, cwd=ROOT, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait(what: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + SLOW
    while not what():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < give_up, log.read_text()
        time.sleep(0.02)


def kinds(run: Run) -> list[str]:
    return [e["event"] for e in run.events()]


def children(process: subprocess.Popen[bytes]) -> dict[int, int]:
    """Rank → process id."""
    out = {}
    for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if entry.startswith(b"RANK="):
                out[int(entry.removeprefix(b"RANK="))] = int(pid)
    return out


def listening(leader: int) -> set[str]:
    """Addresses on which a process and its children wait for connections."""
    children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
    inodes = set()
    for pid in (leader, *children):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                inodes.add(link.readlink().name.removeprefix("socket:[").removesuffix("]"))
    out = set()
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/{leader}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                words = bytes.fromhex(fields[1].partition(":")[0])
                parts = (words[i : i + 4][::-1] for i in range(0, len(words), 4))
                out.add(socket.inet_ntop(family, b"".join(parts)))
    return out


def require_same_truth(run: Run, other: Run) -> None:
    one, two = load_truth(run), load_truth(other)
    p = [c for c in one if c.startswith("p_")]
    assert list(one["image"]) == list(two["image"])
    np.testing.assert_allclose(two[p], one[p], atol=TOLERANCE)
    for coder, matrix in load_transitions(run).items():
        np.testing.assert_allclose(load_transitions(other)[coder], matrix, atol=TOLERANCE)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_a_killed_process_is_started_again_and_the_truth_is_that_of_one(demo: Path, alone: Run, tmp_path: Path) -> None:
    run, log = Run(tmp_path / "run"), tmp_path / "log"
    command = ("-m", "ltnet_core", "fit", demo, "--run", run.folder, *FLAGS, "--processes", 2)
    with started(*command, log=log) as process:
        wait(lambda: run.folder.exists() and "epoch" in kinds(run), process, log)
        assert run.launcher() == process.pid
        assert listening(process.pid) == {"127.0.0.1"}, "no other machine reaches the processes"
        with pytest.raises(RunError, match="is being trained by another process"), run.lock():
            pass
        os.kill(children(process)[1], signal.SIGKILL)
        wait(lambda: "note" in kinds(run), process, log)
        assert run.status().state == "running"
        assert process.wait(SLOW) == 0, log.read_text()
    assert run.status().state == "done"
    assert run.holder() is None
    starts = [e for e in run.events() if e["event"] == "start"]
    assert [(e["resumed"], e["processes"]) for e in starts] == [(False, 2), (True, 2)]
    assert run.spec()["processes"] == 2
    require_same_truth(alone, run)


def test_torchrun_trains_and_one_process_goes_on_after_a_cancellation(demo: Path, alone: Run, tmp_path: Path) -> None:
    run, log = Run(tmp_path / "run"), tmp_path / "log"
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2)
    command = (*torchrun, "-m", "ltnet_core", "fit", demo, "--run-dir", run.folder, *FLAGS)
    with started(*command, log=log) as process:
        wait(lambda: run.folder.exists() and "epoch" in kinds(run), process, log)
        assert cancel(run.folder).state == "cancelled"
        assert process.wait(SLOW) == 1, log.read_text()
    assert "the run was cancelled" in log.read_text()
    assert main(["fit", str(demo), "--run", str(run.folder), "--resume"]) == 0
    starts = [e for e in run.events() if e["event"] == "start"]
    assert [(e["resumed"], e["processes"]) for e in starts] == [(False, 2), (True, 1)]
    require_same_truth(alone, run)


def test_processes_are_refused_that_cannot_train(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ["fit", str(demo), "--run", str(tmp_path / "run")]
    assert main([*fit, "--processes", "0"]) == 2
    assert "--processes must lie between 1 and 256, got 0." in capsys.readouterr().err
    assert main([*fit, "--processes", "2", "--device", "cuda:0"]) == 2
    assert "--device cuda:0 names one GPU for 2 processes; give cuda or cpu." in capsys.readouterr().err
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    assert main([*fit, "--processes", "2"]) == 2
    assert "torchrun says how many processes there are; leave --processes out." in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_launcher_counts_as_the_trainer_of_a_run(tmp_path: Path) -> None:
    run = Run(tmp_path)
    (tmp_path / "spec.json").write_text("{}")
    assert run.holder() is run.launcher() is None
    with run.lock(name=LAUNCHER):
        assert run.holder() == run.launcher() == os.getpid()
        assert run.status().state in ("queued", "running")
        with run.lock():
            assert run.holder() == os.getpid()
    assert run.holder() is None


def test_every_gpu_gets_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert [default_processes(device) for device in ("auto", "cuda", "cuda:1", "cpu")] == [4, 4, 1, 1]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert default_processes("auto") == 1


def test_an_error_of_the_leader_is_raised_by_the_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.signal, "signal", lambda *_: None)  # this is no process of its own
    for error, raised in (
        (OptionError("a"), InputError), (Cancelled("b"), Cancelled), (StorageError("c"), LTNetError)
    ):  # fmt: skip
        monkeypatch.setenv(launch.OUTCOME, str(tmp_path / "outcome.json"))
        with launch.as_trainer():
            raise error
        with pytest.raises(raised, match=f"^{error}$"):
            launch._raise_again(read_json(tmp_path / "outcome.json"))
    with pytest.raises(ProcessLost), launch.as_trainer():
        raise ProcessLost("d")  # the launcher starts all of them again


def test_processes_that_are_started_again_meet_under_a_name_of_their_own() -> None:
    store = torch.distributed.HashStore()  # the launcher's: what earlier processes left stays in it

    def meet() -> set[str]:
        with ThreadPoolExecutor(3) as pool:
            return set(pool.map(lambda rank: _met(store, rank, 3), range(3)))

    first, second = meet(), meet()
    assert len(first) == len(second) == 1
    assert first != second


def test_started_again_a_process_knows_that_the_run_was_made() -> None:
    store = torch.distributed.HashStore()
    first, again = Group(0, 2, 0, 1, store), Group(0, 2, 0, 1, store)
    assert not first.has_begun()
    first.begun()
    assert again.has_begun()
    assert not Group().has_begun()


def test_torchrun_starts_again_after_any_error_and_the_own_launcher_after_a_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = (ProcessLost("a"), ZeroDivisionError(), Cancelled("b"), OptionError("c"))
    assert [launch.starts_again_after(e) for e in errors] == [True, True, True, True]
    monkeypatch.setenv(launch.OUTCOME, "outcome.json")
    assert [launch.starts_again_after(e) for e in errors] == [True, True, False, False]
