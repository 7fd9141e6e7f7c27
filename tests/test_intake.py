"""Datasets that come to the page: the demo, a path, a zip."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from page_driver import open_page, seen
from uploading import upload, uploaded

from ui import (
    workspace,
)


def test_the_demo_in_one_click(workspace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.intake.DEMO_ITEMS", 24)
    at = open_page("dataset")
    at.button(key="make_demo").click().run()
    assert not at.exception
    assert "Demo faces" in seen(at)
    assert [d.name for d in workspace.list_datasets()] == ["Demo faces"]


def test_a_path_that_is_no_dataset_is_refused_in_words(workspace_path: Path, tmp_path: Path) -> None:
    at = open_page("dataset")
    at.text_input(key="dataset_path").set_value(str(tmp_path / "nothing"))
    next(b for b in at.button if b.label == "Open").click().run()
    assert "does not exist" in seen(at)
    assert workspace.list_datasets() == []


def test_a_zip_that_does_not_load_becomes_no_dataset(workspace_path: Path) -> None:
    bad = io.BytesIO()
    with zipfile.ZipFile(bad, "w") as z:
        z.writestr("notes.txt", "no faces here")
    response = upload({"my faces.zip": bad.getvalue()}, "my faces.zip")
    assert (response.status, response.json["error"].startswith("my faces.zip")) == (422, True)
    response = upload({"x.zip": b"no zip"}, "x.zip")
    assert (response.status, "not a readable zip" in response.json["error"]) == (422, True)
    assert workspace.list_datasets() == []


def test_a_zip_is_kept_as_it_came(workspace_path: Path, demo: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as z:
        for file in sorted(demo.rglob("*")):
            z.write(file, file.relative_to(demo))
    first, second = (uploaded({"Ü faces.ZIP": packed.getvalue()}, "../Ü faces.ZIP") for _ in range(2))
    assert first.name == second.name == "../Ü faces"
    assert first.id != second.id
    assert first.location == workspace_path / "datasets" / first.id / "data.zip"
    assert first.location.read_bytes() == packed.getvalue()
    assert not (first.location.parent / "data").exists()
