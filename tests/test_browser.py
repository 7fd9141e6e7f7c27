"""One journey through the app in a real browser: a zip comes in, a CSV of the learned truth goes out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from ltnet_core.datasets.demo import CLASSES, write_demo

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ITEMS = 240
expect.set_options(timeout=30_000)
TRAINING_SECONDS = 300  # a bound for a busy machine; a quiet one needs a tenth


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The app on a free port, with an empty workspace, started from another folder."""
    port = free_port()
    env = {**os.environ, "LTNET_WORKSPACE": str(tmp_path / "workspace")}
    env.pop("PYTHONPATH", None)
    with open(tmp_path / "server.log", "wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                str(ROOT / "app.py"),
                f"--server.port={port}",
                "--server.headless=true",
            ],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 40
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


@pytest.fixture
def page() -> Iterator[Page]:
    """A browser tab that notes every request leaving this machine."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
        tab.set_default_timeout(30_000)
        yield tab
        browser.close()


def zipped_demo(folder: Path) -> Path:
    write_demo(folder / "faces", items=ITEMS)
    out = folder / "my faces.zip"
    with zipfile.ZipFile(out, "w") as z:
        for file in sorted((folder / "faces").rglob("*")):
            z.write(file, file.relative_to(folder))
    return out


def go_to(page: Page, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"]').get_by_text(title, exact=True).click()
    expect(page.locator(".lt-head h1")).to_have_text(title)


def test_from_a_zip_to_the_learned_truth(server: str, page: Page, tmp_path: Path) -> None:
    strangers: list[str] = []
    page.on("request", lambda r: strangers.append(r.url) if not r.url.startswith((server, "data:", "blob:")) else None)

    # Deep links, opened first on a fresh server, have their frame.
    page.goto(f"{server}/disagreements")
    expect(page.locator(".lt-head h1")).to_have_text("Disagreements")
    expect(page.locator('[data-testid="stSidebarNav"]')).to_be_visible()
    expect(page.get_by_text("Nothing to show yet")).to_be_visible()

    page.goto(server)
    expect(page.locator(".lt-head h1")).to_have_text("Dataset")
    page.locator('input[type="file"]').first.set_input_files(zipped_demo(tmp_path))
    expect(page.locator(".lt-crumbs")).to_contain_text("my faces")
    expect(page.locator(".lt-facts")).to_contain_text(f"{ITEMS}")

    go_to(page, "Train")
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("2")
    epochs.press("Tab")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".lt-stages")).to_be_visible()
    expect(page.locator(".lt-crumbs .lt-state-done")).to_be_visible(timeout=TRAINING_SECONDS * 1000)
    expect(page.get_by_text("Results", exact=True)).to_be_visible()
    assert "run=my-faces-1" in page.url

    go_to(page, "Transitions")
    expect(page.locator(".js-plotly-plot .heatmaplayer image")).to_have_count(4)  # two coders and their machine coders
    expect(page.get_by_text("Alpha says").first).to_be_visible()

    go_to(page, "Disagreements")
    faces = page.locator(".lt-face img")
    expect(faces).to_have_count(60)
    page.wait_for_function(
        "[...document.querySelectorAll('.lt-face img')].every(i => i.complete && i.naturalWidth > 0)"
    )
    expect(page.locator(".lt-face").first).to_contain_text("LT:")
    faces.first.click()
    expect(page.locator(".lt-face[open] .lt-more")).to_contain_text("Learned truth")

    address = page.url
    page.reload()
    expect(page.locator(".lt-face img")).to_have_count(60)
    assert page.url == address

    go_to(page, "Compare")
    expect(page.locator(".lt-say").first).to_contain_text("LTNet is right on")

    go_to(page, "Export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    frame = pd.read_csv(download.value.path(), keep_default_na=False)
    assert list(frame.columns[:5]) == ["image", "learned_truth", "confidence", "network_truth", "case"]
    assert {"Alpha", "Beta", "machine:Alpha", *(f"p_{c}" for c in CLASSES)} <= set(frame.columns)
    assert not [c for c in frame.columns if c.startswith("_")]
    assert len(frame) == ITEMS - 36  # the test images are not in it
    assert set(frame["learned_truth"]) <= set(CLASSES)
    assert frame["confidence"].between(0, 1).all()
    assert (abs(frame[[f"p_{c}" for c in CLASSES]].sum(axis=1) - 1) < 1e-4).all()
    assert not strangers
