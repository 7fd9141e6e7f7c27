"""How far a run is: the time left follows what is measured and does not jump; the line stays one line."""

from __future__ import annotations

import io
import itertools
import os
import pty
from pathlib import Path

import pytest

from ltnet_core.errors import Cancelled
from ltnet_core.files.progress_line import ProgressLine
from ltnet_core.learning import progress as progress_module
from ltnet_core.learning.progress import COSTS, Progress
from ltnet_core.learning.time_left import TimeLeft
from ltnet_core.runs.run import Run

WORK = {"decode": 0, "train": 10_000, "predict": 1_000, "features": 1_000}


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def strftime(self, form: str) -> str:
        return "12:00:00"


def test_each_kind_of_work_has_its_measured_speed() -> None:
    left = TimeLeft(COSTS)
    assert left.left(WORK, 0.0) is None
    left.count("train", 50, 0.0)
    for second in range(1, 11):
        left.count("train", 100, float(second))
    assert left.speed("train") == pytest.approx(100)
    assert left.speed("predict") is None
    # What was not measured costs by training: 2.5 and 0.3 of it.
    assert left.left(WORK, 10.0) == pytest.approx(100 + 25 + 3)
    left.pause()
    left.count("predict", 0, 60.0)
    for second in range(1, 4):
        left.count("predict", 10, 60.0 + second)
    assert left.speed("predict") == pytest.approx(10)


def test_decoding_tells_nothing_of_training() -> None:
    left = TimeLeft(COSTS)
    for second in range(10):
        left.count("decode", 5_000, float(second))
    assert left.speed("decode") == pytest.approx(5_000)
    assert left.left(WORK, 10.0) is None


def test_what_is_told_does_not_jump() -> None:
    """A network turns out three times as slow: each second the told end moves by a fifteenth of the error at most."""
    left, told_seconds, remaining = TimeLeft(COSTS), [], 60_000
    now = 0.0
    left.count("train", 0, now)
    for second in range(120):
        speed = 300 if second < 30 else 100
        now += 1
        remaining -= speed
        left.count("train", speed, now)
        seconds = left.left({"train": remaining}, now)
        if seconds is not None:
            told_seconds.append(now + seconds)
    steps = [abs(b - a) for a, b in itertools.pairwise(told_seconds)]
    assert max(steps) < 15
    assert max(steps[:25]) < 1
    assert told_seconds[-1] > told_seconds[0] + 100, "it follows"


def test_a_change_of_speed_is_forgotten_in_the_end() -> None:
    left = TimeLeft(COSTS)
    for second in range(600):
        left.count("train", 10 if second < 120 else 100, float(second))
    assert left.speed("train") == pytest.approx(100, rel=0.02)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def test_events_say_where_the_run_is(tmp_path: Path, clock: Clock) -> None:
    run = Run.create(tmp_path / "run", {})
    progress = Progress(run, lambda: {"device_memory": 5_000, "device_utilisation": 0.5})
    progress.begin({"decode": 0, "train": 1_000, "predict": 0, "features": 0})
    progress.enter("mixture", 3)
    for step in range(6):
        progress.learns(0.1 * step)
        progress.advance(100)
        clock.now += 1
    *_, last = (e for e in run.events() if e["event"] == "progress")
    assert last["stage"] == "mixture" and last["progress"] == pytest.approx(0.6)
    assert last["images_per_second"] == pytest.approx(100)
    assert last["eta_seconds"] == pytest.approx(4.0)
    assert (last["device_memory"], last["device_utilisation"], last["lr"]) == (5_000, 0.5, 0.5)
    assert run.status().eta_seconds == pytest.approx(4.0)
    progress.skip(400)
    assert progress.left() == ", 3 s left"
    progress.stop_signal = True
    clock.now += 2
    with pytest.raises(Cancelled):
        progress.advance(0)


def test_a_note_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(Run.create(tmp_path / "run", {}))
    for _ in range(2):
        progress.note("something")
    assert capsys.readouterr().out == "note: something\n"


def test_a_terminal_has_one_line_that_fits() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="ascii") as terminal:
        line = ProgressLine(terminal)
        line.show("coder:Zoë\x1b[31m " + "x" * 200)
        line.clear()
        line.clear()
        text = ""
        while text.count("\x1b[K") < 2:  # a terminal hands on what is written in parts
            text += os.read(ours, 10_000).decode()
    os.close(ours)
    assert text.startswith("\r\x1b[Kcoder:Zo\\xeb\\x1b[31m xxx")
    assert text.endswith("x\r\x1b[K")
    assert "\n" not in text and len(text.split("\x1b[K")[1].strip("\r")) <= 85


def test_a_file_gets_no_line() -> None:
    log = io.StringIO()
    line = ProgressLine(log)
    line.show("ltnet, 3 %")
    line.clear()
    assert log.getvalue() == ""
