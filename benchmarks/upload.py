"""A folder of small JPEGs from a real browser into the app: seconds and the server's memory.

Three times: at one go; with the server killed half-way and started again; with the page closed half-way and the folder
chosen again. Needs Chromium and Linux (memory is read from /proc).

    python benchmarks/upload.py --items 20000
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
CLASSES = ("cat", "dog", "bird")
DOWN_SECONDS = 3.0
PATIENCE = 600.0
MIB = 1024**2


def write_folder(folder: Path, items: int, seed: int = 0) -> int:
    """A dataset of small JPEGs (96×96, about 4 KB) with two coders; gives its bytes."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(items):
        name = f"images/{i // 1000:03d}/{i:06d}.jpg"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8))
        coarse.resize((96, 96), Image.Resampling.BICUBIC).save(path, quality=92)
        rows += [(name, coder, CLASSES[int(rng.integers(3))]) for coder in ("A", "B")]
    with open(folder / "annotations.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("image", "coder", "label"), *rows])
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


@dataclass
class Server:
    """The app on one port, with a watch on its memory."""

    workspace: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    samples: list[tuple[float, int]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        flags = [f"--server.port={self.port}", "--server.headless=true"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *flags],
            env={**os.environ, "LTNET_WORKSPACE": str(self.workspace)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server did not start")

    def memory(self) -> int:
        """Resident bytes now."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def watch(self, stop: threading.Event) -> None:
        while not stop.wait(0.05):
            try:
                self.samples.append((time.monotonic(), self.memory()))
            except OSError:
                continue

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def choose(page: Page, folder: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(folder)


def files_here(workspace: Path) -> int:
    return sum(len(f) for d in workspace.glob("datasets/.incoming-*/data") for _, _, f in os.walk(d))


def until(page: Page, what: str, true: Callable[[], bool], every: float = 0.1) -> float:
    """When it came true; the browser goes on meanwhile."""
    start = time.monotonic()
    while not true():
        if time.monotonic() > start + PATIENCE:
            raise SystemExit(f"gave up waiting: {what}")
        page.wait_for_timeout(1000 * every)
    return time.monotonic()


def measure(way: str, source: Path, items: int) -> dict[str, object]:
    """One upload; ``way`` is at one go, server killed or page reloaded."""
    workspace = Path(tempfile.mkdtemp(prefix="upload-benchmark-"))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        server = Server(workspace, int(s.getsockname()[1]))
    server.start()
    stop = threading.Event()
    try:
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(server.url)
            page.get_by_text("Drop a folder here").wait_for(timeout=60_000)
            page.wait_for_timeout(2000)
            before = server.memory()
            threading.Thread(target=server.watch, args=(stop,), daemon=True).start()
            begun = time.monotonic()
            choose(page, source)
            resent = down = 0.0
            if way != "at one go":
                until(page, "half of the files", lambda: files_here(workspace) >= items // 2, every=0.03)
                if way == "server killed":
                    server.kill()
                    down = time.monotonic()
                    resent = files_here(workspace)
                    page.wait_for_timeout(1000 * DOWN_SECONDS)
                    server.start()
                    before = server.memory()
                    down = time.monotonic() - down
                    server.samples.clear()
                else:
                    page.reload()
                    resent = files_here(workspace)
                    page.get_by_text("are already here").wait_for(timeout=60_000)
                    choose(page, source)
            reading = page.get_by_text("Reading the dataset")
            sent = until(page, "all files", lambda: reading.count() > 0 or finished(workspace))
            read = until(page, "the dataset", lambda: finished(workspace))
            facts = page.locator(".lt-facts")
            shown = until(page, "its page", lambda: "dataset=" in page.url and facts.count() > 0)
            stop.set()
            browser.close()
    finally:
        stop.set()
        if server.process and server.process.poll() is None:
            server.process.terminate()
            server.process.wait(20)
    done = next(workspace.glob("datasets/[!.]*/data"))
    here = {p.relative_to(done): p.stat().st_size for p in done.rglob("*") if p.is_file()}
    assert here == {p.relative_to(source): p.stat().st_size for p in source.rglob("*") if p.is_file()}
    shutil.rmtree(workspace)

    def peak(until: float) -> str:
        return f"+{(max([m for t, m in server.samples if t <= until] or [before]) - before) / MIB:.0f}"

    return {
        "way": way,
        "seconds until sent": f"{sent - begun:.1f}",
        "until shown": f"{shown - begun:.1f}",
        "server away": f"{down:.1f}",
        "here before going on": f"{resent:,.0f}",
        "before MiB": f"{before / MIB:.0f}",
        "peak sending": peak(sent),
        "peak reading": peak(read),
        "peak with its page": peak(shown),
        "after": f"+{(server.samples[-1][1] - before) / MIB:.0f}",
    }


def finished(workspace: Path) -> bool:
    return any(workspace.glob("datasets/[!.]*/data"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--ways", nargs="*", default=["at one go", "server killed", "page reloaded"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="upload-benchmark-") as place:
        source = Path(place) / "small faces"
        size = write_folder(source, arguments.items)
        print(f"{arguments.items:,} JPEGs, {size / MIB:.0f} MiB\n")
        for number, way in enumerate(arguments.ways):
            row = measure(way, source, arguments.items)
            if not number:
                print(f"| {' | '.join(row)} |\n|{'---|' * len(row)}")
            print(f"| {' | '.join(map(str, row.values()))} |", flush=True)


if __name__ == "__main__":
    main()
