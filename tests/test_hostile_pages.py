"""Names of a dataset and of a workspace that a page must show as text."""

from __future__ import annotations

import html
import json
import os
import shutil
from pathlib import Path

import pytest
from fake_run import write_fake_run
from page_driver import HOSTILE, as_markdown, hostile_dataset, link, open_page, seen

from ltnet_core.runs.run import Run
from ui import run_notes
from ui.wording import PAGES


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_hostile_names_are_shown_as_text(workspace_path: Path, tmp_path: Path, path: str) -> None:
    dataset = hostile_dataset(tmp_path / "hostile")
    link(workspace_path, dataset, name=HOSTILE[0])
    write_fake_run(workspace_path / "runs" / "faces-1", dataset)
    at = open_page(path)
    text = seen(at)
    assert "<script" not in text
    assert html.escape(HOSTILE[0]) in text
    texts = as_markdown(at)
    assert texts, "no element of the page renders Markdown; otherwise this test shows nothing"
    assert not [t for t in texts for name in HOSTILE if name in t]


def test_hostile_names_are_text_where_a_label_is_markdown(workspace_path: Path, tmp_path: Path) -> None:
    dataset = hostile_dataset(tmp_path / "hostile")
    link(workspace_path, dataset, name=HOSTILE[2])
    write_fake_run(workspace_path / "runs" / "faces-1", dataset)
    run_notes.save(Run(workspace_path / "runs" / "faces-1"), HOSTILE[2], "", ())
    for path, parameters in (("compare", {"run": "faces-1"}), ("compare", {"run": "gone"})):
        texts = as_markdown(open_page(path, **parameters))
        shown = [t.replace("\\", "").replace("\u200b", "") for t in texts]
        assert [t for t in shown if HOSTILE[2] in t], parameters
        assert not [t for t in texts if "**b**" in t or "](http" in t or ":smile:" in t]


@pytest.mark.parametrize("path", ["dataset", "export"])
def test_the_tables_of_the_pages_can_be_saved_without_a_formula(
    workspace_path: Path, tmp_path: Path, path: str
) -> None:
    """Streamlit's tables have a button that saves them as CSV."""
    dataset = hostile_dataset(tmp_path / "hostile")
    link(workspace_path, dataset)
    write_fake_run(workspace_path / "runs" / "faces-1", dataset)
    tables = [t.value for t in open_page(path).dataframe]
    cells = [c for t in tables for c in (*t.columns, *t.to_numpy().ravel()) if isinstance(c, str)]
    assert [c for c in cells if "=" in c] and not [c for c in cells if c.startswith("=")]


def test_odd_folders_of_a_workspace_crash_no_page(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    shutil.copytree(workspace_path / "runs" / "faces-1", workspace_path / "runs" / os.fsdecode(b"\xff"))
    shutil.copytree(workspace_path / "datasets" / "faces", workspace_path / "datasets" / os.fsdecode(b"\xff"))
    for name, path in (("long", "a" * 5000), ("half", "\ud800"), ("nul", "a\0b"), ("joined", None)):
        folder = workspace_path / "datasets" / name
        (folder / "data").mkdir(parents=True)
        (folder / "about.json").write_text('{"name": "\\ud800"}')
        if path is None:
            (folder / "data" / "joined.json").write_text('{"sources": [{"name": "a", "path": "~no-such-user/x"}]}')
        else:
            (folder / "data").rmdir()
            (folder / "link.json").write_text(json.dumps({"path": path}))
    for page in PAGES:
        open_page(page.path, run="faces-1")
    open_page("dataset", dataset="joined")
