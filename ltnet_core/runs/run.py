"""A run is its folder: spec, events, checkpoints, results; the manifest is written last.

::

    RUN/
      spec.json       what was asked for; written once
      events.jsonl    what happened, one JSON object a line, append-only
      log.txt         what the trainer printed
      alive.lock      locked while a trainer works
      launcher.lock   locked while a process works that starts several trainers, and starts them again
      cancel          asks the trainer to stop
      checkpoint/     what --resume needs; removed when the run is done
      results/        items.parquet, transitions.parquet, evaluation.json, networks/, …
      manifest.json   written last: the results are complete

The state of a run is derived from these and stored nowhere. A damaged file is an error of whoever
needs it; the run is still listed, and what is not damaged can be read.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import LTNetError, OptionError, RunError
from ..files.locking import try_lock
from ..files.printing import is_text
from ..files.reading import unreadable
from ..files.writing import PREFIX, naming, require_output, write_bytes, write_json
from .manifest import NAME as MANIFEST
from .manifest import read_manifest, require_size, require_unchanged
from .run_contents import check_result, read_spec
from .run_events import read_events, tail

STALL_SECONDS = 120.0
START_SECONDS = 60.0
ENDINGS = {"done": "done", "cancelled": "cancelled", "failed": "failed"}
NEEDED = ("names.json", "items.parquet", "annotations.parquet", "transitions.parquet")
NEEDED_FIRST = ("truth.parquet", "transitions.json")  # the same of runs from before there was names.json
ALIVE, LAUNCHER = "alive.lock", "launcher.lock"
OWN_ADJUDICATIONS = "adjudications.csv"  # what had been settled when the run began
OWN = ("spec.json", "events.jsonl", "log.txt", "cancel", "manifest.json", "map.parquet", "checkpoint", "results")
LEFT_BY_A_START = ("log.txt", "checkpoint", ALIVE, OWN_ADJUDICATIONS)  # what a start that failed may leave

_held: dict[str, int] = {}
"""Runs locked by this very process: opening and closing their lock file again would release the lock."""


@dataclass(frozen=True)
class Status:
    """Where a run stands.

    ``state`` is queued, running, stalled, done, cancelled, crashed or failed;
    ``progress`` lies in [0, 1]; ``eta_seconds`` is None when unknown. ``damaged`` says which file
    of the run is damaged, None where none is known to be.
    """

    state: str
    stage: str | None
    epoch: int | None
    epochs: int | None
    progress: float
    eta_seconds: float | None
    message: str
    damaged: str | None = None

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
    def create(
        cls, folder: str | os.PathLike[str], spec: dict[str, Any], files: Mapping[str, bytes] | None = None
    ) -> Run:
        """Make the folder of a new run; ``files`` are kept beside its spec, which is written last.

        After a failure nothing of it is left.

        Raises
        ------
        RunError
            the folder already holds a run, or something else.
        StorageError
            it cannot be written.
        """
        run = cls(folder)
        run.require_new()
        try:
            run.checkpoint.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise RunError(f"folder {str(folder)!r} cannot be made ({e.strerror}).") from e
        with run.lock():  # of two starts at once, one makes the run
            run.require_new()
            try:
                for name, content in (files or {}).items():
                    write_bytes(run.folder / name, content)
                write_json(run.folder / "spec.json", spec)
            except BaseException:
                run.discard()
                raise
        return run

    def require_new(self) -> None:
        """Raise unless a new run can be made in the folder.

        Raises
        ------
        RunError
        """
        folder = str(self.folder)
        if not is_text(self.folder.resolve()):
            raise RunError(f"folder {folder!r} cannot hold a run: its path is not UTF-8 text; choose another one.")
        if self.folder.is_symlink() and not self.folder.exists():
            raise RunError(f"folder {folder!r} cannot hold a run: it is a link that leads nowhere; choose another one.")
        if self.exists():
            if self.is_complete():
                raise RunError(f"run {folder!r} is finished; choose another folder.")
            raise RunError(f"run {folder!r} exists and is not finished; use --resume, or choose another folder.")
        try:
            entries = list(self.folder.iterdir()) if self.folder.exists() else []
            checkpoints = [p for p in entries if p.name == "checkpoint" and any(p.iterdir())]
        except OSError as e:
            raise RunError(f"folder {folder!r} cannot be made ({e.strerror}).") from e
        if checkpoints or any(p.name not in LEFT_BY_A_START and not p.name.startswith(PREFIX) for p in entries):
            raise RunError(f"folder {folder!r} is not empty and holds no run; choose another one.")

    def discard(self) -> None:
        """Remove what a start that failed has made, so that it does not block the next; its log stays."""
        with contextlib.suppress(OSError):
            for name in ("spec.json", "events.jsonl", ALIVE, LAUNCHER, OWN_ADJUDICATIONS):
                (self.folder / name).unlink(missing_ok=True)
            for left in (self.checkpoint, self.folder):
                left.rmdir()

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

    def require_output(self, path: Path, *read: str | os.PathLike[str] | None) -> None:
        """Raise where writing this file would replace one of the run, of its dataset, or of what is ``read`` besides.

        Raises
        ------
        OptionError, RunError
        """
        require_output(path, (*read, str(self.spec().get("dataset", "")) or None))
        inside = path.resolve()
        own = [self.folder.resolve() / name for name in (*OWN, ALIVE, LAUNCHER, OWN_ADJUDICATIONS)]
        if any(inside.is_relative_to(name) for name in own):
            raise OptionError(f"cannot write {str(path)!r}: the run keeps its own files there; choose another name.")

    # ---- reading

    def exists(self) -> bool:
        """Whether the folder holds a run, be its spec damaged or lost."""
        if os.path.lexists(self.folder / "spec.json"):
            return True
        return (self.folder / "events.jsonl").is_file() and (self.checkpoint.is_dir() or self.results.is_dir())

    def is_complete(self) -> bool:
        return os.path.lexists(self.folder / MANIFEST)

    def spec(self) -> dict[str, Any]:
        """What was asked for.

        Raises
        ------
        RunError
            spec.json is missing or damaged.
        """
        if self.is_complete():
            files = read_manifest(self.folder)
            if files is not None and "spec.json" in files:
                require_unchanged(self.folder, "spec.json", files["spec.json"])
        return read_spec(self.folder / "spec.json")

    def events(self) -> list[dict[str, Any]]:
        """Everything that happened; torn and odd lines are left out."""
        return read_events(self.folder / "events.jsonl")[0]

    def log_tail(self, lines: int = 200) -> str:
        """The last lines of log.txt, or why they cannot be read."""
        try:
            return tail(self.folder / "log.txt", lines)
        except LTNetError as e:
            return str(e)

    def require_complete(self) -> None:
        """Raise unless the run is finished.

        Raises
        ------
        RunError
        """
        if not self.is_complete():
            raise RunError(f"run {str(self.folder)!r} is not finished ({self.status().state}); it has no results yet.")

    def result(self, name: str) -> Path:
        """Path of a result file of a finished run, after a check that it is what the run wrote.

        Raises
        ------
        RunError
            the run is not finished, or this result or the manifest is missing or damaged.
        """
        self.require_complete()
        files, inside = read_manifest(self.folder), f"results/{name}"
        expected = None if files is None else files.get(inside)
        if expected is not None:
            require_unchanged(self.folder, inside, expected)
        check_result(name, self.results / name, whole=expected is None)
        return self.results / name

    def keeps(self, name: str) -> bool:
        """Whether the run wrote this result; older runs wrote fewer. One that is lost since is still kept.

        Raises
        ------
        RunError
            the manifest is damaged.
        """
        files = read_manifest(self.folder)
        return (self.results / name).exists() if files is None else f"results/{name}" in files

    def damage(self) -> str | None:
        """Which file is damaged or lost, in a sentence; None where none is known to be.

        Looks at sizes and the spec; the content of results is checked when they are read.
        """
        try:
            self.spec()
            if self.is_complete():
                files = read_manifest(self.folder)
                if files is None:
                    of_version = NEEDED if (self.results / NEEDED[0]).exists() else NEEDED_FIRST
                    for name in (*of_version, "evaluation.json", "networks/index.json"):
                        (self.results / name).stat()
                for name, expected in (files or {}).items():
                    require_size(self.folder, name, expected)
        except LTNetError as e:
            return str(e)
        except OSError as e:
            return str(unreadable(Path(e.filename), e))
        return None

    def holder(self) -> int | None:
        """Process id of the trainer at work, or of what starts it again; None where there is neither."""
        return self._holder(ALIVE) or self.launcher()

    def launcher(self) -> int | None:
        """Process id of what starts the trainers of a run, where there are several; else None."""
        return self._holder(LAUNCHER)

    def _holder(self, lock: str) -> int | None:
        path = self.folder / lock
        return os.getpid() if str(path.resolve()) in _held else lock_holder(path)

    def status(self, now: float | None = None) -> Status:
        """Derive where the run stands from its lock and its events."""
        now = time.time() if now is None else now
        alive = self.holder() is not None
        events, odd = read_events(self.folder / "events.jsonl")
        last = events[-1] if events else None
        stage = epoch = epochs = eta = None
        progress = 0.0
        message = ""
        for event in events:
            kind = event["event"]
            if kind == "stage":
                stage, epochs, epoch = event["stage"], event.get("epochs"), 0 if event.get("epochs") else None
            elif kind == "epoch":
                if event["stage"] != stage:  # networks that train side by side tell of their epochs as they come
                    stage, epochs = event["stage"], event.get("epochs")
                epoch = event.get("epoch")
            if kind in ("progress", "stage"):
                progress = max(progress, float(event.get("progress", 0.0)))
                eta = event.get("eta_seconds")
            if kind in ("note", "failed"):
                message = str(event.get("message", ""))
        if alive:
            state = "queued" if last is not None and last["event"] == "queued" else "running"
            if last is not None and now - float(last["time"]) > STALL_SECONDS:
                state = "stalled"
                message = f"no sign of life for {now - float(last['time']):.0f} s"
            elif eta is not None and last is not None:
                eta = max(0.0, float(eta) - (now - float(last["time"])))
        elif self.is_complete():
            state, progress, message = "done", 1.0, message or "finished"
        elif last is not None and last["event"] in ENDINGS and last["event"] != "done":
            state = ENDINGS[last["event"]]
        elif not any(e["event"] == "start" for e in events) and now - self.created() < START_SECONDS:
            state, message = "queued", "starting"
        elif last is not None and last["event"] == "done":
            state, message = "crashed", f"the run had finished, but {MANIFEST} is lost; --resume trains it again"
        else:
            state, message = "crashed", "the trainer is gone; --resume goes on from its last checkpoint"
        if state not in ("running", "queued"):
            eta = 0.0 if state == "done" else None
        return Status(state, stage, epoch, epochs, progress, eta, message, self.damage() or odd)

    def created(self) -> float:
        """When the run was made, in seconds since 1970: when its spec was written, 0 where that cannot be known."""
        for path in (self.folder / "spec.json", self.folder):
            with contextlib.suppress(OSError):
                return path.stat().st_mtime
        return 0.0

    # ---- writing, by the trainer

    @contextmanager
    def lock(self, patience: float = 2.0, name: str = ALIVE) -> Iterator[None]:
        """Hold the run's lock, or that of its ``LAUNCHER``: nobody else may train it meanwhile.

        Raises
        ------
        RunError
            another process holds it.
        """
        path = self.folder / name
        key = str(path.resolve())
        if name == ALIVE and self.launcher() not in (None, os.getpid(), os.getppid()):
            raise RunError(f"run {str(self.folder)!r} is being trained by another process.")
        if key in _held:
            raise RunError(f"run {str(self.folder)!r} is being trained by this process already.")
        with naming(path):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        give_up = time.monotonic() + patience
        try:
            with naming(path):
                while not try_lock(fd):
                    if time.monotonic() > give_up:
                        raise RunError(f"run {str(self.folder)!r} is being trained by another process.")
                    time.sleep(0.05)
        except BaseException:
            os.close(fd)
            raise
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
        with naming(path, lambda: len(line)), open(path, "ab+") as f:
            # A line torn by a kill must not swallow the next one.
            if f.tell() and not _ends_with_newline(f):
                line = "\n" + line
            f.write((line + "\n").encode())
            f.flush()

    def ask_to_stop(self) -> None:
        """Leave the mark that asks the trainer to stop."""
        with naming(self.folder / "cancel"):
            (self.folder / "cancel").touch()

    def asked_to_stop(self) -> bool:
        return (self.folder / "cancel").exists()

    def forget_stop(self) -> None:
        """Remove the mark, when a stopped run is resumed."""
        with naming(self.folder / "cancel"):
            (self.folder / "cancel").unlink(missing_ok=True)


def _ends_with_newline(f: Any) -> bool:
    f.seek(-1, os.SEEK_END)
    return bool(f.read(1) == b"\n")


def lock_holder(path: Path) -> int | None:
    """Process id that holds a ``lockf`` lock on the file, or None. Takes no lock itself, so it disturbs nobody."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe in its place must not block
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
    except OSError:  # a folder or a pipe in its place cannot be locked
        return None
    finally:
        os.close(fd)
