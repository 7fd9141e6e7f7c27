"""The help page, and the words of every page explained where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT
from page_driver import open_page, seen

from ui.glossary import PAGE_TERMS, TERMS
from ui.wording import HELP, PAGES


@pytest.fixture
def workspace_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    return tmp_path


def test_help_explains_every_term_and_leads_to_every_step(workspace_path: Path) -> None:
    at = open_page(HELP.path)
    text = seen(at)
    for meaning in TERMS.values():
        assert meaning in text
    assert "Bring a dataset" in text
    assert "No dataset yet" in text


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_a_page_explains_its_words(workspace_path: Path, path: str) -> None:
    text = seen(open_page(path))
    assert "What the words mean" in text
    for term in PAGE_TERMS[path]:
        assert TERMS[term] in text


def test_the_pages_and_the_docs_use_the_same_terms() -> None:
    glossary = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Glossary")[1].lower()
    for term in TERMS:
        assert f"{term.removeprefix('to ').lower()}" in glossary, term
