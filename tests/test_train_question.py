"""Train asks for the reference coder, and hands the answer to the trainer."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ltnet_core.files.writing import write_json
from ui import commands

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What trainers were started with."""
    calls: list[list[str]] = []

    def start(run_dir: Path, dataset: Path, options: list[str], **_: object) -> None:
        calls.append(list(options))
        raise OSError("not started")

    monkeypatch.setattr(commands, "start_run", start)
    monkeypatch.setattr(commands, "devices", list)
    return calls


@pytest.fixture
def page(plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "w"))
    folder = tmp_path / "w" / "datasets" / "plain"
    folder.mkdir(parents=True)
    write_json(folder / "link.json", {"path": str(plain)})
    write_json(folder / "about.json", {"name": "plain"})
    at = AppTest.from_file(str(ROOT / "ui" / "router.py"), default_timeout=120).run()
    at.switch_page("../pages/2_train.py").run()
    assert not at.exception, at.exception
    return at


def test_the_reference_is_asked_for_with_evidence(page: AppTest, started: list[list[str]]) -> None:
    box = page.selectbox(key="reference")
    assert box.options == ["let the run find it", "X", "Y"]
    shown = next(f.value for f in page.dataframe if "agrees with the others" in f.value.columns)
    assert shown.set_index("coder")["images"].to_dict() == {"X": 2, "Y": 2}
    assert shown.set_index("coder").loc["Y", "classes it never used"] == "dog"
    page.button(key="start").click().run()
    assert not any(f.startswith("--reference") for f in started[-1])
    box.set_value("Y").run()
    page.button(key="start").click().run()
    assert "--reference=Y" in started[-1]


def test_it_is_not_asked_where_it_has_no_meaning(page: AppTest) -> None:
    page.selectbox(key="preset").set_value("paper").run()
    assert "reference" not in [s.key for s in page.selectbox]
    page.selectbox(key="preset").set_value("quick").run()
    page.selectbox(key="method").set_value("mixture").run()
    assert "reference" not in [s.key for s in page.selectbox]
