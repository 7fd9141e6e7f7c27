"""What tests share: tiny datasets a person can check by hand, and the command line."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import DatasetError

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from uploading import Client

ROOT = Path(__file__).resolve().parent.parent
if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core: threads of their own would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["LTNET_CACHE_GB"] = "0"  # tests leave no pixels in a home folder; those of the cache set their own


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One process more than there are cores: tests of the browser often wait."""
    return (yield) + 1


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f)
        writer.writerow(header)
        writer.writerows(rows)


def write_image(path: Path, value: int = 0, size: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size, size, 3), value, dtype=np.uint8)
    pixels[value % size] = 255  # something to see
    Image.fromarray(pixels).save(path)


def refusal(folder: Path) -> str:
    """The sentence with which a dataset is refused."""
    with pytest.raises(DatasetError) as e:
        load_dataset(folder)
    return str(e.value)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Four images a, b, c, d; coders X and Y meet on two of them; d has no label; c is a test image."""
    folder = tmp_path / "plain"
    for number, name in enumerate("abcd"):
        write_image(folder / "images" / f"{name}.png", 40 * number)
    rows = [("a", "X", "cat"), ("b", "X", "dog"), ("a", "Y", "cat"), ("b", "Y", "cat")]
    write_csv(folder / "annotations.csv", ("image", "coder", "label"), [(f"images/{i}.png", c, k) for i, c, k in rows])
    write_csv(
        folder / "truth.csv",
        ("image", "label", "split"),
        [("images/a.png", "cat", "train"), ("images/c.png", "dog", "test")],
    )
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo dataset; read-only for tests."""
    folder = tmp_path_factory.mktemp("demo") / "faces"
    write_demo(folder, items=160, seed=1)
    return folder


@pytest.fixture
def workspace_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture
def datasets_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The datasets of an empty workspace, without limits of uploads."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "workspace"))
    for name in os.environ:
        if name.startswith(("LTNET_MAX_", "LTNET_UPLOAD_")):
            monkeypatch.delenv(name)
    return tmp_path / "workspace" / "datasets"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A dataset: two images, two coders."""
    folder = tmp_path / "source"
    for number, name in enumerate("ab"):
        write_image(folder / "images" / f"{name}.png", 40 * number)
    rows = [("images/a.png", "X", "cat"), ("images/b.png", "X", "dog"), ("images/a.png", "Y", "cat")]
    write_csv(folder / "annotations.csv", ("image", "coder", "label"), rows)
    return folder


@pytest.fixture
def client(datasets_folder: Path) -> Client:
    """An upload of three files and 100 bytes that has begun."""
    from uploading import Client

    from ui import uploads

    return Client(uploads.begin("my faces", 3, 100))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of a module: while it is open no other test of the process could run an event loop."""
    from app_server import CHROMIUM, FLAGS
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def ltnet_process() -> Command:
    """Run ``python -m ltnet_core`` from outside, as a user does: each process takes seconds to import PyTorch."""

    def run(*arguments: object, timeout: float = 300, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ltnet_core", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd or ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture(scope="session")
def ltnet() -> Command:
    """The same in this process, for what needs no process of its own."""
    import faults

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        with contextlib.chdir(cwd or "."):
            done = faults.call(*arguments)
        return subprocess.CompletedProcess([*map(str, arguments)], done.status, done.out, done.err)

    return run


@pytest.fixture
def commands_here(ltnet: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands that a page waits for run in this process."""

    def run(arguments: Sequence[str], timeout: float = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return ltnet(*arguments, cwd=cwd)

    monkeypatch.setattr("ui.commands.run_command", run)


@pytest.fixture(scope="session")
def finished(demo: Path, ltnet: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the small demo; read-only for tests."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    done = ltnet("fit", demo, "--run", folder, "--preset", "quick", "--epochs", 2, "--device", "cpu", "--seed", 3)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run as it was written before manifests had digests; read-only for tests."""
    folder = tmp_path_factory.mktemp("golden")
    shutil.unpack_archive(ROOT / "tests" / "golden" / "run-without-digests.zip", folder)
    return folder / "run"
