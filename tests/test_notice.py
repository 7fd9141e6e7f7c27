"""What the browser is given to tell of the end of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_run import write_fake_run
from page_driver import component_data, link, open_page

from ltnet_core.runs.run import Run


def test_the_end_of_a_run_that_was_seen_at_work_is_told(
    workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace_path, demo)
    run = Run(write_fake_run(workspace_path / "runs" / "faces-1", demo, finished=False))
    monkeypatch.setattr(Run, "holder", lambda self: 4321)
    at = open_page("export", run="faces-1")
    assert component_data(at) == {"run": "faces-1", "ended": ""}
    monkeypatch.setattr(Run, "holder", lambda self: None)
    run.emit("failed", message="no memory")
    assert component_data(at.run()) == {"run": "faces-1", "ended": "faces-1: failed"}
    assert not open_page("export", run="faces-1").get("bidi_component")  # who comes later knows
