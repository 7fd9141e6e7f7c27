"""The app on a port of this machine, for tests in a real browser."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import pandas as pd
from playwright.sync_api import FloatRect, Locator, Page, TimeoutError

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


SLOW = 120.0  # seconds: far more than anything here takes
# Where it was a moment ago it still is: what holds it may open slowly, or be drawn in steps.
RESTING = """async (e) => {
    for (let last = ""; ; await new Promise((done) => setTimeout(done, 100))) {
        const { x, y, width, height } = e.getBoundingClientRect();
        const now = [x, y, width, height].join();
        if (now === last) return { x, y, width, height };
        last = now;
    }
}"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass
class Server:
    """The app on one port; it can be killed and started again."""

    place: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    settings: dict[str, str] = field(default_factory=dict)  # of the environment
    flags: tuple[str, ...] = ()

    @property
    def log(self) -> str:
        return (self.place / "server.log").read_text(errors="replace")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def datasets(self) -> Path:
        return self.place / "workspace" / "datasets"

    def start(self) -> None:
        """Start it from another folder than the project's, and wait until it answers."""
        environment = {**os.environ, "LTNET_WORKSPACE": str(self.place / "workspace"), **self.settings}
        environment.pop("PYTHONPATH", None)
        flags = [f"--server.port={self.port}", "--server.headless=true", *self.flags]
        with open(self.place / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *flags],
                cwd=self.place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        give_up = time.monotonic() + SLOW
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except urllib.error.HTTPError:
                return  # it answers, and asks who this is
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(20)

    def here(self) -> dict[str, int]:
        """Files that came, and what changes when a file is written again."""
        settings_here = {}
        for data in self.datasets.glob("*/data"):
            for base, _, files in os.walk(data):
                for file in files:
                    path = Path(base, file)
                    settings_here[path.relative_to(data).as_posix()] = path.stat().st_ino
        return settings_here


def choose(page: Page, *sources: Path, button: str = "") -> None:
    """Choose a folder or files in the page's upload.

    A button that the page draws anew between the two halves of a click opens nothing: it is clicked again.
    """
    pressed = page.get_by_role("button", name=button or f"Choose a {'folder' if sources[0].is_dir() else 'file'}")
    for last in (False, False, True):
        try:
            with page.expect_file_chooser(timeout=20_000) as chooser:
                pressed.click()
            break
        except TimeoutError:
            if last:
                raise
    chooser.value.set_files(sources[0] if len(sources) == 1 else list(sources))


def resting_box(element: Locator) -> FloatRect:
    """Where an element of the page stands, in pixels, once it moves no more."""
    box: FloatRect = element.evaluate(RESTING)
    return box


def wait_until(true: Callable[[], object], page: Page) -> None:
    """Wait for what the server or its files show, while the page goes on."""
    give_up = time.monotonic() + SLOW
    while not true():
        assert time.monotonic() < give_up
        page.wait_for_timeout(50)


def holds(page: Page, script: str, arg: object = None) -> None:
    """Wait until a script of the page says yes.

    Playwright's own wait evaluates text in the page again and again, which the content security policy of the app forbids.
    """
    wait_until(lambda: page.evaluate(script, arg), page)


def downloaded_truth(page: Page) -> pd.DataFrame:
    """The learned truth as its link on the Export page gives it."""
    address = page.locator("a[href*='/truth.csv']").get_attribute("href")
    assert address
    answer = page.request.get(urljoin(page.url, address), timeout=120_000)
    assert answer.status == 200, answer.text()
    return pd.read_csv(io.BytesIO(answer.body()), keep_default_na=False)
