"""Processes that decode images side by side, because Python's threads hold each other up while they decode.

This process opens the files, with all checks that belong to it, and hands their bytes to processes that do nothing
else (:mod:`decoding_worker`). What those decode at a time counts in this process's budget of memory.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader, BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from ..errors import DatasetError, LTNetError
from .decoding_budget import budget
from .decoding_worker import Message, receive, send
from .image import ByteArray

if TYPE_CHECKING:
    from ..datasets.sources.files import Files

MOST_PROCESSES = 32
CHUNK = 64
CHUNK_FILE_BYTES = 1024**2  # larger files are decoded in this process: their decoders hold no other thread up
CHUNK_PIXEL_BYTES = 4 * 1024**2
TRIES = 3
LOOK_AGAIN = 0.5
TURN = 0.03  # seconds
# What a file does to its decoder; any other end has a cause outside.
CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)
_START = "import sys; sys.path.insert(0, sys.argv[1]); from ltnet_core.images.decoding_worker import work; work()"
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Progress = Callable[[int, int], None]


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Lost(Exception):
    """A process ended before it answered; ``status`` is its exit status, minus the signal's number."""

    def __init__(self, status: int):
        self.status = status


class _Closed(Exception):
    """Nobody waits for the result any more."""


class _Worker:
    """One process."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-c", _START, str(Path(__file__).resolve().parents[2])]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **_ONE_THREAD}
            )
        except OSError as e:
            raise LTNetError(f"a process that decodes images could not be started ({e.strerror}).") from e
        self._requests = cast(BufferedWriter, self._process.stdin)
        self._replies = cast(BufferedReader, self._process.stdout)

    def ask(self, request: Message, data: Sequence[bytes], pixels: ByteArray | None) -> list[Message | None]:
        """The results; ``pixels`` are filled.

        Raises
        ------
        _Lost
        """
        try:
            send(self._requests, request, *data)
            reply = receive(self._replies)
            if "fault" in reply:
                raise RuntimeError(f"a process that decodes images failed:\n{reply['fault']}")
            if pixels is not None and self._replies.readinto(pixels.data.cast("B")) < pixels.nbytes:
                raise EOFError
        except (OSError, ValueError, EOFError) as e:
            self.kill()
            self.close()
            raise _Lost(self._process.returncode) from e
        results: list[Message | None] = reply["results"]
        return results

    def kill(self) -> None:
        """End the process; who waits for its answer finds it lost."""
        self._process.kill()

    def close(self) -> None:
        """Wait for the end of the process and give its pipes back."""
        for pipe in (self._requests, self._replies):
            with contextlib.suppress(OSError):  # what was not yet sent has nobody to read it
                pipe.close()
        self._process.wait()


class _File(NamedTuple):
    """An image to send: its number, its name, its bytes."""

    number: int
    name: str
    data: bytes


class DecodingPool:
    """Processes that decode the images of one dataset; to be closed.

    Parameters
    ----------
    files : where the images are. processes : how many; by default one for each core.
    """

    def __init__(self, files: Files, processes: int | None = None):
        self._files = files
        self.processes = min(processes or cores(), MOST_PROCESSES)
        self._feeders = self.processes + 2  # some read files while the others wait for an answer
        self._share = budget.most // self._feeders
        self._closed = False
        self._all: list[_Worker] = []
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        try:
            for _ in range(self.processes):
                self._idle.put(self._new_worker())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> DecodingPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            self._closed = True
            workers, self._all = self._all, []
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.close()
        for _ in range(self._feeders):
            self._idle.put(None)

    def _new_worker(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise _Closed
            worker = _Worker()
            self._all.append(worker)
            return worker

    def run(
        self,
        names: Sequence[str],
        pixels: ByteArray | None,
        here: Callable[[int], Message | None],
        progress: Progress | None = None,
    ) -> list[Message | None]:
        """Decode every image; returns a result for each (see :mod:`decoding_worker`).

        ``pixels`` (N, C, S, S) are filled, but for images without a result; without them the results are facts.
        ``here`` decodes the image of a number in this process, where it is too large for the others.
        ``progress`` is called at least twice a second, and may raise to stop the work; the pool is closed then.

        Raises
        ------
        LTNetError
            the processes end again and again.
        """
        results: list[Message | None] = [None] * len(names)
        chunk = max(1, min(CHUNK, -(-len(names) // self.processes)))
        starts = iter(range(0, len(names), chunk))
        finished: queue.SimpleQueue[int | BaseException] = queue.SimpleQueue()

        def feed() -> None:
            try:
                while True:
                    with self._lock:
                        start = next(starts, None)
                    if start is None or self._closed:
                        return
                    some = range(start, min(start + chunk, len(names)))
                    self._chunk(names, some, pixels, here, results)
                    finished.put(len(some))
            except BaseException as e:
                finished.put(e)

        threads = [threading.Thread(target=feed, daemon=True) for _ in range(self._feeders)]
        try:
            for thread in threads:
                thread.start()
            done = 0
            while done < len(names):
                try:
                    news = finished.get(timeout=LOOK_AGAIN)
                except queue.Empty:
                    news = 0
                if isinstance(news, BaseException):
                    raise news
                done += news
                if progress:
                    progress(done, len(names))
        except BaseException:
            self.close()
            raise
        finally:
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        return results

    def _chunk(
        self,
        names: Sequence[str],
        some: range,
        pixels: ByteArray | None,
        here: Callable[[int], Message | None],
        results: list[Message | None],
    ) -> None:
        """Decode these images into ``pixels`` and ``results``."""
        image_bytes = 0 if pixels is None else int(np.prod(pixels.shape[1:]))
        most = max(1, CHUNK_PIXEL_BYTES // image_bytes) if image_bytes else CHUNK
        large = []
        with budget.room(self._share):
            for files in self._in_turn(self._read(names, some, most, results)):
                if self._closed:
                    raise _Closed
                for file, result in zip(files, self._decode(files, pixels), strict=True):
                    results[file.number] = result
            large = [i for i in some if "large" in (results[i] or {})]
        for i in large:
            try:
                results[i] = here(i)
            except DatasetError as e:
                results[i] = {"error": str(e)}

    def _in_turn(self, parts: Iterator[list[_File]]) -> Iterator[list[_File]]:
        """The parts, each read while no other thread reads: in Python they hold each other up at every file.

        Where files come so slowly that a turn is long in coming, threads read side by side.
        """
        while True:
            mine = self._turn.acquire(timeout=TURN)
            try:
                part = next(parts, None)
            finally:
                if mine:
                    self._turn.release()
            if part is None:
                return
            yield part

    def _read(
        self, names: Sequence[str], some: range, most: int, results: list[Message | None]
    ) -> Iterator[list[_File]]:
        """The files of these images in parts that are not too large to send; what is not sent gets its result."""
        part: list[_File] = []
        size = 0
        for i in some:
            try:
                data = self._files.head(names[i], CHUNK_FILE_BYTES + 1)
            except DatasetError as e:
                results[i] = {"error": str(e)}
                continue
            if len(data) > CHUNK_FILE_BYTES:
                results[i] = {"large": len(data)}
                continue
            if part and (len(part) == most or size + len(data) > CHUNK_FILE_BYTES):
                yield part
                part, size = [], 0
            part.append(_File(i, names[i], data))
            size += len(data)
        if part:
            yield part

    def _decode(self, files: list[_File], pixels: ByteArray | None) -> list[Message | None]:
        """The results of these files, whatever happens to the processes.

        Raises
        ------
        LTNetError
        """
        for left in reversed(range(TRIES)):
            try:
                return self._ask(files, pixels)
            except _Lost as lost:
                if self._closed:
                    raise _Closed from lost
                if len(files) > 1:  # one of them may have done it
                    return [result for file in files for result in self._decode([file], pixels)]
                name = files[0].name
                if -lost.status in CRASHES:
                    text = f"{name}: is not a readable image (its decoder ended with signal {-lost.status})."
                    return [{"error": text}]
                if not left:
                    how = f"signal {-lost.status}" if lost.status < 0 else f"status {lost.status}"
                    raise LTNetError(
                        f"the process that decodes {name!r} was ended {TRIES} times ({how}); there may be too little "
                        "memory, or somebody ends it; resume the run when that is mended."
                    ) from lost
        raise AssertionError("not reached")

    def _ask(self, files: list[_File], pixels: ByteArray | None) -> list[Message | None]:
        """What a process says of these files; one that ended is replaced.

        Raises
        ------
        _Lost
        """
        worker = self._idle.get()
        if worker is None:
            raise _Closed
        request: Message = {"names": [f.name for f in files], "lengths": [len(f.data) for f in files]}
        answer = None
        if pixels is not None:
            request["shape"] = pixels.shape[1:]
            answer = np.empty((len(files), *pixels.shape[1:]), dtype=np.uint8)
        request["limit"] = self._share - 2 * CHUNK_FILE_BYTES - (0 if answer is None else 2 * answer.nbytes)
        try:
            results = worker.ask(request, [f.data for f in files], answer)
        except _Lost:
            with self._lock:
                if worker in self._all:
                    self._all.remove(worker)
            worker = self._new_worker()
            raise
        finally:
            self._idle.put(worker)
        if pixels is not None and answer is not None:
            good = [i for i, result in enumerate(results) if result is None]
            pixels[[files[i].number for i in good]] = answer[good]
        return results
