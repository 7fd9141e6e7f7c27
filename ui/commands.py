"""Work that needs the trainer's libraries runs in processes of its own, so that the server stays small."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from ltnet_core.errors import DatasetError, LTNetError, RunError
from ltnet_core.files.writing import storage_error
from ltnet_core.runs import jobs
from ltnet_core.runs.run import Run

ROOT = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, "-m", "ltnet_core")
START_SECONDS = 45.0
LITTLE_ROOM = 1_000_000  # bytes; a trainer that cannot write its log there cannot say why it ended


def run_command(
    arguments: Sequence[str], timeout: float = 600.0, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m ltnet_core …`` and wait for it."""
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env=_environment(),
        check=False,
    )


def start_command(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start ``python -m ltnet_core …``; whoever does so asks for its end."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


def complaint(errors: str, command: str) -> str:
    """The sentence with which a command failed."""
    lines = errors.strip().splitlines()
    return lines[-1].removeprefix("ltnet_core: ") if lines else f"{command} failed and said nothing."


@st.cache_data(show_spinner="Looking for a GPU …", ttl=3600)
def devices() -> list[dict[str, Any]]:
    """What training can run on; the first is the CPU. Empty when that could not be found out."""
    try:
        done = run_command(["devices", "--json"], timeout=120)
        return list(json.loads(done.stdout)["devices"]) if done.returncode == 0 else []
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
        return []


def device_sentence(devices: Sequence[dict[str, Any]]) -> str:
    """What training will run on, in words."""
    gpus = [d for d in devices if d.get("kind") != "cpu"]
    if gpus:
        memory = f", {gpus[0]['memory_gib']:.0f} GiB" if gpus[0].get("memory_gib") else ""
        more = f" and {len(gpus) - 1} more; a run trains on all of them" if len(gpus) > 1 else ""
        return f"GPU: {gpus[0].get('name', 'unnamed')}{memory}{more}"
    if devices:
        cores = f", {devices[0]['cores']} cores" if devices[0].get("cores") else ""
        return f"CPU: {devices[0].get('name', 'unnamed')}{cores}"
    return "The device will be found when training starts."


@st.cache_resource
def _started() -> list[subprocess.Popen[bytes]]:
    """Trainers this server launched: held so that their exit is collected."""
    return []


def start_run(run_dir: Path, dataset: Path, options: Sequence[str] = (), *, resume: bool = False) -> None:
    """Launch a trainer and wait until it has begun.

    Raises
    ------
    LTNetError
        it did not begin; says what the trainer said.
    """
    kept = _started()
    kept[:] = [p for p in kept if p.poll() is None]
    process = jobs.start(run_dir, dataset, options, resume=resume)
    kept.append(process)
    run = Run(run_dir)
    patience = time.monotonic() + START_SECONDS
    while time.monotonic() < patience:
        if run.exists() and run.holder() is not None:
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    if process.poll() not in (None, 0):
        output = run.log_tail(12).strip()
        jobs.clear_failed_start(run_dir)
        if not output and shutil.disk_usage(run_dir.parent).free < LITTLE_ROOM:
            raise storage_error(run_dir.parent, OSError(errno.ENOSPC, ""))
        raise RunError(output or f"the trainer ended with status {process.returncode} and said nothing.")


def require_done(arguments: Sequence[str], timeout: float = 600.0, cwd: Path | None = None) -> str:
    """Run a command and wait for it; gives what it printed.

    Raises
    ------
    LTNetError
        it failed; says why.
    """
    try:
        done = run_command(arguments, timeout, cwd)
    except subprocess.TimeoutExpired as e:
        raise LTNetError(f"this took longer than {e.timeout:.0f} seconds; use the command line.") from e
    if done.returncode != 0:
        text = complaint(done.stderr, arguments[0])
        raise DatasetError(text) if done.returncode == 2 else LTNetError(text)
    return done.stdout


def estimate(dataset: Path, flags: Sequence[str]) -> float:
    """Seconds that ``fit`` will take with these flags, by what ``estimate`` measures now.

    Raises
    ------
    LTNetError
        it could not be estimated; says why.
    """
    try:
        return float(json.loads(require_done(["estimate", str(dataset), *flags, "--json"]))["seconds"])
    except (ValueError, KeyError, TypeError) as e:
        raise LTNetError("the estimate was cut off.") from e


def predict(run: Run, images: Sequence[Path | str], features: Path | None = None) -> list[dict[str, Any]]:
    """What ``predict --json`` says of these images; of their names in a file of features, where that is given.

    Raises
    ------
    LTNetError
        the prediction failed; says why.
    """
    try:
        by = [] if features is None else ["--features", str(features)]
        command = ["predict", str(run.folder), *by, "--json", "--", *map(str, images)]
        return list(json.loads(require_done(command)))
    except ValueError as e:
        raise LTNetError("the prediction was cut off.") from e
