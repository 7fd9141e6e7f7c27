"""Two clicks on a button that begins something begin it once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from page_driver import link, open_page

from ui import clicks, commands


def test_a_second_click_starts_no_second_training(
    workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace_path, demo)
    started: list[Path] = []

    def start(run_dir: Path, location: Path, flags: Sequence[str]) -> None:
        run_dir.mkdir(parents=True)
        started.append(run_dir)

    monkeypatch.setattr(commands, "start_run", start)
    at = open_page("train")

    def click() -> None:
        at.button(key="start").click().run()
        assert at.session_state["asked_run"] == started[-1].name
        # A page that was ended by the next click could not say yet which run it had started.
        del at.session_state["asked_run"]
        at.query_params.clear()
        at.run()

    click()
    click()
    assert [f.name for f in started] == ["faces-1"]
    at.number_input(key="seed").set_value(1).run()
    click()
    assert [f.name for f in started] == ["faces-1", "faces-2"], "another seed is another training"


def test_what_failed_is_done_again_and_so_is_what_is_gone_or_was_done_a_while_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, results = [0.0], iter([ValueError(), *(tmp_path / name for name in ("first", "second", "third"))])
    monkeypatch.setattr(clicks.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(clicks.st, "session_state", {})

    def act() -> Path:
        result = next(results)
        if isinstance(result, ValueError):
            raise result
        result.mkdir()
        return result

    def click() -> str:
        return clicks.once("x", act, lambda folder: folder).name

    with pytest.raises(ValueError):  # noqa: PT011 - which one is no matter
        click()
    assert [click(), click()] == ["first", "first"]
    now[0] += clicks.AGAIN_SECONDS + 1
    assert click() == "second"
    (tmp_path / "second").rmdir()
    assert click() == "third", "what was deleted meanwhile is made again"


def test_a_second_click_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicks.st, "session_state", {clicks.KEY: clicks._Done()})
    began, go_on, acts = threading.Event(), threading.Event(), [0]

    def act() -> int:
        acts[0] += 1
        began.set()
        go_on.wait(60)
        return acts[0]

    with ThreadPoolExecutor() as pool:
        first = pool.submit(clicks.once, "x", act, lambda _: tmp_path)
        began.wait(60)
        second = pool.submit(clicks.once, "x", act, lambda _: tmp_path)
        with pytest.raises(TimeoutError):
            second.result(0.1)
        go_on.set()
        assert (first.result(60), second.result(60)) == (1, 1)
