"""A run is its folder: spec, events, checkpoints, results; the manifest is written last.

::

    RUN/
      spec.json       what was asked for; written once
      events.jsonl    what happened, one JSON object a line, append-only
      log.txt         what the trainer printed
      alive.lock      locked while a trainer works
      cancel          appears when somebody asks the trainer to stop
      checkpoint/     what --resume needs; removed when the run is done
      results/        truth.parquet, transitions.json, evaluation.json, networks/, …
      manifest.json   written last: the results are complete

The state of a run is derived from these and stored nowhere.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import RunError

STALL_SECONDS = 120.0
START_SECONDS = 60.0
ENDINGS = {"done": "done", "cancelled": "cancelled", "failed": "failed"}

_held: dict[str, int] = {}
"""Runs locked by this very process: opening and closing their lock file again would release the lock."""


@dataclass(frozen=True)
class Status:
    """Where a run stands.

    ``state`` is queued, running, stalled, done, cancelled, crashed or failed;
    ``progress`` lies in [0, 1]; ``eta_seconds`` is None when unknown.
    """

    state: str
    stage: str | None
    epoch: int | None
    epochs: int | None
    progress: float
    eta_seconds: float | None
    message: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Run:
    """One run folder. Reading it never changes it."""

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self.checkpoint = self.folder / "checkpoint"
        self.results = self.folder / "results"

    # ---- making

    @classmethod
    def create(cls, folder: str | os.PathLike[str], spec: dict[str, Any]) -> Run:
        """Make the folder of a new run.

        Raises
        ------
        RunError
            the folder already holds a run, or something else.
        """
        run = cls(folder)
        if run.exists():
            if run.is_complete():
                raise RunError(f"run {str(folder)!r} is finished; choose another folder.")
            raise RunError(f"run {str(folder)!r} exists and is not finished; use --resume, or choose another folder.")
        try:
            if run.folder.exists() and any(f.name != "log.txt" for f in run.folder.iterdir()):
                raise RunError(f"folder {str(folder)!r} is not empty and holds no run; choose another one.")
            run.checkpoint.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise RunError(f"folder {str(folder)!r} cannot be made ({e.strerror}).") from e
        write_json(run.folder / "spec.json", spec)
        return run

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Run:
        """Open an existing run.

        Raises
        ------
        RunError
            there is no run in that folder.
        """
        run = cls(folder)
        if not run.exists():
            raise RunError(f"{str(folder)!r} is not a run folder (no spec.json).")
        return run

    # ---- reading

    def exists(self) -> bool:
        return (self.folder / "spec.json").is_file()

    def is_complete(self) -> bool:
        return (self.folder / "manifest.json").is_file()

    def spec(self) -> dict[str, Any]:
        """What was asked for."""
        return read_json(self.folder / "spec.json")

    def events(self) -> list[dict[str, Any]]:
        """Everything that happened; a torn last line is left out."""
        out = []
        try:
            text = (self.folder / "events.jsonl").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        for line in text.splitlines():
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(event, dict) and "event" in event:
                out.append(event)
        return out

    def log_tail(self, lines: int = 200) -> str:
        """The last lines of log.txt."""
        try:
            text = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def result(self, name: str) -> Path:
        """Path of a result file of a finished run.

        Raises
        ------
        RunError
            the run is not finished, or has no such result.
        """
        if not self.is_complete():
            raise RunError(f"run {str(self.folder)!r} is not finished ({self.status().state}); it has no results yet.")
        path = self.results / name
        if not path.exists():
            raise RunError(f"run {str(self.folder)!r} has no {name}; its results folder is damaged.")
        return path

    def holder(self) -> int | None:
        """Process id of the trainer at work, or None."""
        key = str(self.folder.resolve())
        if key in _held:
            return os.getpid()
        return lock_holder(self.folder / "alive.lock")

    def status(self, now: float | None = None) -> Status:
        """Derive where the run stands from its lock and its events."""
        now = time.time() if now is None else now
        alive = self.holder() is not None
        events = self.events()
        last = events[-1] if events else None
        stage = epoch = epochs = eta = None
        progress = 0.0
        message = ""
        for event in events:
            kind = event["event"]
            if kind == "stage":
                stage, epochs, epoch = event["stage"], event.get("epochs"), 0 if event.get("epochs") else None
            elif kind == "epoch":
                epoch = event.get("epoch")
            if kind in ("progress", "stage"):
                progress = max(progress, float(event.get("progress", 0.0)))
                eta = event.get("eta_seconds")
            if kind in ("note", "failed"):
                message = str(event.get("message", ""))
        if alive:
            state = "queued" if last is not None and last["event"] == "queued" else "running"
            if last is not None and now - float(last.get("time", now)) > STALL_SECONDS:
                state = "stalled"
                message = f"no sign of life for {now - float(last['time']):.0f} s"
            elif eta is not None and last is not None:
                eta = max(0.0, float(eta) - (now - float(last.get("time", now))))
        elif self.is_complete():
            state, progress, message = "done", 1.0, message or "finished"
        elif last is not None and last["event"] in ENDINGS and last["event"] != "done":
            state = ENDINGS[last["event"]]
        elif not any(e["event"] == "start" for e in events) and now - self._created() < START_SECONDS:
            state, message = "queued", "starting"
        else:
            state, message = "crashed", "the trainer is gone; --resume goes on from its last checkpoint"
        if state not in ("running", "queued"):
            eta = 0.0 if state == "done" else None
        return Status(state, stage, epoch, epochs, progress, eta, message)

    def _created(self) -> float:
        return (self.folder / "spec.json").stat().st_mtime

    # ---- writing, by the trainer

    @contextmanager
    def lock(self, patience: float = 2.0) -> Iterator[None]:
        """Hold the run's lock: nobody else may train it meanwhile.

        Raises
        ------
        RunError
            another process holds it.
        """
        path = self.folder / "alive.lock"
        key = str(self.folder.resolve())
        if key in _held:
            raise RunError(f"run {str(self.folder)!r} is being trained by this process already.")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        give_up = time.monotonic() + patience
        while True:
            try:
                # lockf, not flock: a flock is inherited by worker processes and outlives a killed trainer.
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as e:
                if e.errno not in (errno.EACCES, errno.EAGAIN) or time.monotonic() > give_up:
                    os.close(fd)
                    raise RunError(f"run {str(self.folder)!r} is being trained by another process.") from e
                time.sleep(0.05)
        _held[key] = fd
        try:
            yield
        finally:
            del _held[key]
            os.close(fd)

    def emit(self, event: str, **facts: Any) -> None:
        """Append one event; one write call, so that lines never mix."""
        line = json.dumps({"event": event, "time": time.time(), **facts}, ensure_ascii=False, allow_nan=False)
        path = self.folder / "events.jsonl"
        with open(path, "ab+") as f:
            # A line torn by a kill must not swallow the next one.
            if f.tell() and not _ends_with_newline(f):
                line = "\n" + line
            f.write((line + "\n").encode())
            f.flush()

    def ask_to_stop(self) -> None:
        """Leave the mark that asks the trainer to stop."""
        (self.folder / "cancel").touch()

    def asked_to_stop(self) -> bool:
        return (self.folder / "cancel").exists()

    def forget_stop(self) -> None:
        """Remove the mark, when a stopped run is resumed."""
        (self.folder / "cancel").unlink(missing_ok=True)


def _ends_with_newline(f: Any) -> bool:
    f.seek(-1, os.SEEK_END)
    return bool(f.read(1) == b"\n")


def lock_holder(path: Path) -> int | None:
    """Process id that holds a ``lockf`` lock on the file, or None. Takes no lock itself, so it disturbs nobody."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if sys.platform == "darwin":
            layout, order = "@qqihh", (3, 4, 0, 1, 2)
        else:
            layout, order = "@hhqqi4x", (0, 1, 2, 3, 4)
        values: list[int] = [0] * 5
        for position, value in zip(order, (fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0), strict=True):
            values[position] = value
        answer = struct.unpack(layout, fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack(layout, *values)))
        return None if answer[order[0]] == fcntl.F_UNLCK else int(answer[order[4]])
    finally:
        os.close(fd)


def write_json(path: Path, content: Any) -> None:
    """Write JSON under a temporary name, then rename."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(partial, path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a run.

    Raises
    ------
    RunError
        the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise RunError(f"{str(path)!r} is missing or damaged ({e}).") from e
    if not isinstance(content, dict):
        raise RunError(f"{str(path)!r} is damaged: expected a JSON object.")
    return content
