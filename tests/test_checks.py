"""Style, types, security and the one-way imports: the same command runs them as runs the tests."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
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
    code = "import ltnet_core; ltnet_core.errors.DatasetError; import sys, ltnet_core.command_line, ltnet_core.public, ltnet_core.runs.jobs, ltnet_core.export.finished_run, ltnet_core.labels.disagreement; ltnet_core.command_line.build_parser(); print(sys.modules.keys() & {'torch', 'jinja2', 'scipy.linalg', 'sklearn'})"
    code += "\nimport importlib, pkgutil, ui\n[importlib.import_module('ui.' + m.name) for m in pkgutil.iter_modules(ui.__path__) if m.name != 'router']\nprint(sys.modules.keys() & {'torch', 'sklearn'})"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.split("\n")[:2] == ["set()", "set()"], "what takes long to load is loaded where it is needed"


def test_every_public_name_is_there_and_documented() -> None:
    for name in ltnet_core.__all__:
        assert getattr(ltnet_core, name).__doc__, name


SOURCES = ("ltnet_core", "ui", "pages", "benchmarks", "tests")
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 450, 70


def too_long(root: Path, folders: Sequence[str]) -> list[str]:
    """Files, and functions in them, with more lines than they may have."""
    names = []
    for path in (p for folder in folders for p in sorted((root / folder).rglob("*.py"))):
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        if len(text.splitlines()) > MOST_LINES:
            names.append(name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                names += [f"{name} {node.name}"] if lines > MOST_LINES_OF_A_FUNCTION else []
    return names


def test_files_and_functions_are_short(tmp_path: Path) -> None:
    """450 lines a file, 70 a function; ruff checks the cyclomatic complexity (C901)."""
    assert too_long(ROOT, SOURCES) == []
    folder = tmp_path / "ui" / "deep"
    folder.mkdir(parents=True)
    (folder / "long.py").write_text("x = 1\n" * 451)
    (folder / "function.py").write_text("class A:\n    async def f(self):\n" + "        x = 1\n" * 70)
    (folder / "short.py").write_text("def f():\n" + "    x = 1\n" * 69)
    assert too_long(tmp_path, ["ui"]) == ["ui/deep/function.py f", "ui/deep/long.py"]


def not_there(page: str, root: Path) -> list[str]:
    """Files that a page names and that are not there, and names that it says to be in a file and that are not."""
    texts = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for folder in (*SOURCES, "assets")
        for path in (root / folder).rglob("*")
        if path.suffix in (".py", ".js", ".ts")
    }
    out = []
    for name in re.findall(r"(?<![*\w/.])[\w/.]+\.(?:py|js|ts)\b", page):
        out += [name] if not any(f"/{file}".endswith(f"/{name}") for file in texts) else []
    for name, file in re.findall(r"`([\w.]+)` \(`([\w/.]+\.(?:py|js))`\)", page):
        defined = rf"(?:class|def) {name.split('.')[-1]}\b"
        there = any(re.search(defined, text) for path, text in texts.items() if f"/{path}".endswith(f"/{file}"))
        out += [f"{name} ({file})"] if not there else []
    return out


def test_the_map_of_the_code_names_what_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert not_there(page, ROOT) == []
    assert not_there("`charts.py`, `maps.js`, `Wish` (`explore/wish.py`), `Hope` (`explore/wish.py`)", ROOT) == [
        "maps.js",
        "Hope (explore/wish.py)",
    ]
