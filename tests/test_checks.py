"""Style, types, security and the one-way imports: the same command runs them as runs the tests."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from audit import audit, installed
from node_checks import packages

import ltnet_core
from ui.browser_modules import joined

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("importlinter.cli", "lint"),
    ],
    ids=" ".join,
)
def test_check(command: tuple[str, ...]) -> None:
    module, *arguments = command
    if module == "importlinter.cli":
        code = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports())"
        line = [sys.executable, "-c", code]
    else:
        line = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["eslint/bin/eslint.js .", "typescript/bin/tsc"])
def test_javascript_is_clean(command: str) -> None:
    script, *arguments = command.split()
    run_node(str(packages() / script), *arguments)


def test_javascript_units() -> None:
    packages()
    run_node("--test", *map(str, sorted((ROOT / "tests" / "js").glob("*.test.js"))))


@pytest.mark.parametrize("component", ["gallery", "upload"])
def test_joined_javascript_is_a_module(component: str, tmp_path: Path) -> None:
    packages()
    module = tmp_path / "joined.mjs"
    module.write_text(joined(ROOT / "assets" / component / "main.js"), encoding="utf-8")
    run_node("--check", str(module))


def run_node(*arguments: str) -> None:
    node = shutil.which("node")
    assert node
    done = subprocess.run([node, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_known_vulnerability() -> None:
    """pip-audit asks an index about the versions that are installed; where it cannot, this is skipped and says so."""
    outcome = audit(installed(ROOT / "requirements.txt"))
    assert not outcome.findings, "\n".join(outcome.findings)
    if outcome.not_audited:
        pytest.skip(f"pip-audit: {outcome.not_audited}")


def test_pages_import_no_torch() -> None:
    """import-linter reads `ui`; the pages are scripts, so their imports are read here."""
    for page in sorted((ROOT / "pages").glob("*.py")):
        assert not re.search(r"^\s*(from|import)\s+(torch|torchvision|sklearn)", page.read_text(), re.M), page.name
    code = "import sys, ltnet_core, ltnet_core.runs.jobs, ltnet_core.export.finished_run, ltnet_core.labels.disagreement; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.strip() == "False"


def test_every_public_name_is_there_and_documented() -> None:
    for name in ltnet_core.__all__:
        assert getattr(ltnet_core, name).__doc__, name


def test_files_hold_one_idea() -> None:
    for path in [*ROOT.glob("ltnet_core/**/*.py"), *ROOT.glob("ui/*.py"), *ROOT.glob("pages/*.py")]:
        assert len(path.read_text().splitlines()) <= 650, f"{path.name} holds more than one idea"
