"""Start, watch, cancel and resume runs in processes of their own. No torch here: pages import this."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import RunError
from ..files.printing import is_text
from ..files.reading import require_file
from ..files.writing import naming
from .run import Run, Status

GRACE_SECONDS = 10.0


def start(
    run_dir: Path, dataset: Path, options: Sequence[str] = (), *, resume: bool = False
) -> subprocess.Popen[bytes]:
    """Launch ``python -m ltnet_core fit`` so that it outlives the tab, the page and the server.

    Output goes to ``RUN/log.txt``. ``options`` are further command-line flags.

    Raises
    ------
    RunError
        the run is at work or finished.
    StorageError
        the folder cannot be written; nothing of a new one is left.
    """
    run = Run(run_dir)
    if run.exists():
        state = run.status().state
        if state in ("running", "stalled", "done"):
            raise RunError(f"run {run_dir.name!r} is {state}; it cannot be started again.")
    command = [sys.executable, "-m", "ltnet_core", "fit", str(dataset), "--run", str(run_dir), *options]
    if resume:
        command.append("--resume")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    package_root = str(Path(__file__).resolve().parent.parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package_root, environment.get("PYTHONPATH")]))
    log_path = run_dir / "log.txt"
    if os.path.lexists(log_path):
        require_file(log_path)
    try:
        with naming(log_path):
            run_dir.mkdir(parents=True, exist_ok=True)
            with open(log_path, "ab") as log:
                return subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
                )
    except BaseException:
        clear_failed_start(run_dir)
        raise


def clear_failed_start(run_dir: Path) -> None:
    """Remove what a start that failed left in a folder that holds no run."""
    run = Run(run_dir)
    if not run.exists():
        run.discard()
        with contextlib.suppress(OSError):
            (run_dir / "log.txt").unlink(missing_ok=True)
            run_dir.rmdir()


def cancel(run_dir: Path, *, wait: float = 2 * GRACE_SECONDS) -> Status:
    """Ask a run to stop; after a grace period tell it, then make it.

    First the ``cancel`` file, which the trainer sees within a batch; then SIGTERM;
    then SIGKILL to its process group. Returns the status at the end.

    Raises
    ------
    RunError
        there is no such run, or no process is training it.
    """
    run = Run.open(run_dir)
    state = run.status().state
    if state not in ("queued", "running", "stalled"):
        raise RunError(f"run {str(run_dir)!r} is not running ({state}); there is nothing to cancel.")
    run.ask_to_stop()
    began = time.monotonic()
    sent: list[signal.Signals] = []
    while (waited := time.monotonic() - began) < wait + GRACE_SECONDS:
        pid = run.launcher() or run.holder()
        if pid is None and run.status().state != "queued":
            break
        for after, number in ((wait / 2, signal.SIGTERM), (wait, signal.SIGKILL)):
            if pid is not None and waited > after and number not in sent:
                _signal(pid, number)
                sent.append(number)
        time.sleep(0.1)
    return run.status()


def _signal(pid: int, number: signal.Signals) -> None:
    """Signal the trainer; the last resort takes its whole process group, if it leads one of its own."""
    try:
        if number == signal.SIGKILL and os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def new_run_dir(runs: Path, name: str) -> Path:
    """A free folder ``runs/<name>-<number>`` for a new run."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "run"
    number = 1
    while (runs / f"{stem}-{number}").exists():
        number += 1
    return runs / f"{stem}-{number}"


def list_runs(runs: Path) -> list[Run]:
    """All runs below a folder, newest first, damaged ones too; a folder that is not named in UTF-8 is none."""
    if not runs.is_dir():
        return []
    named = [p for p in runs.iterdir() if not p.name.startswith(".") and is_text(p.name)]
    existing = [run for p in named if (run := Run(p)).exists()]
    return sorted(existing, key=Run.created, reverse=True)
