"""A folder of small JPEGs and a large zip from a real browser into the app: seconds and the server's memory.

The folder three times: at one go; with the server killed half-way and started again; with the page closed half-way and
the folder chosen again. The zip, of stored random bytes and a small table, twice: at one go, and with the server killed
half-way. Needs Chromium and Linux (memory is read from /proc).

    python benchmarks/upload.py --items 20000 --zip-mib 1024

Peaks are the most that the server's process had resident, over what it had when it had shown a dataset of 60 images:
the libraries that the first page of any dataset loads are no cost of an upload. The last column counts them too. The
server may have begun to read before the browser says that all is sent: the peak of sending then has some of reading.
Ends with a failure where a way takes longer or more memory than it may.
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
CLASSES = ("cat", "dog", "bird")
DOWN_SECONDS = 3.0
SETTLE_SECONDS = 3.0
PATIENCE = 600.0
MIB = 1024**2
MEMBER = 64 * MIB
FEW = 60
MOST_SECONDS, MOST_MIB = 60.0, 50.0


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


def write_zip(path: Path, size: int, seed: int = 0) -> int:
    """A dataset of 60 JPEGs as a zip, beside members of random bytes up to so many in all; gives its bytes."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="upload-benchmark-") as folder, zipfile.ZipFile(path, "w") as archive:
        write_folder(Path(folder), FEW, seed)
        for file in sorted(Path(folder).rglob("*.*")):
            archive.write(file, file.relative_to(folder))
        for number, start in enumerate(range(0, size, MEMBER)):
            archive.writestr(f"raw/{number}.bin", rng.bytes(min(MEMBER, size - start)))
    return path.stat().st_size


@dataclass
class Server:
    """The app on one port."""

    workspace: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        flags = [f"--server.port={self.port}", "--server.headless=true"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *flags],
            env={**os.environ, "LTNET_WORKSPACE": str(self.workspace), "LTNET_CACHE": str(self.workspace / "cache")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):  # noqa: S310 - our own server
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server did not start")

    def memory(self) -> int:
        """Resident bytes now."""
        return self._status("VmRSS")

    def peak(self) -> int:
        """The most resident bytes since :meth:`forget_peak`; no moment is missed, as the kernel keeps it."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        assert self.process  # noqa: S101 - for mypy; it was started
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _status(self, field: str) -> int:
        assert self.process  # noqa: S101 - for mypy; it was started
        match = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        if match is None:
            raise SystemExit(f"the system does not tell {field}")
        return int(match[1]) * 1024

    def kill(self) -> None:
        assert self.process  # noqa: S101 - for mypy; it was started
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def choose(page: Page, source: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder" if source.is_dir() else "Choose a file").click()
    chooser.value.set_files(source)


def files_here(workspace: Path) -> int:
    return sum(len(f) for d in workspace.glob("datasets/.incoming-*/data") for _, _, f in os.walk(d))


def bytes_here(workspace: Path) -> int:
    return sum(p.stat().st_size for p in workspace.glob("datasets/.incoming-*/parts/*/*"))


def until(page: Page, what: str, true: Callable[[], bool], every: float = 0.1) -> float:
    """When it came true; the browser goes on meanwhile."""
    start = time.monotonic()
    while not true():
        if time.monotonic() > start + PATIENCE:
            raise SystemExit(f"gave up waiting: {what}")
        page.wait_for_timeout(1000 * every)
    return time.monotonic()


def sizes(folder: Path) -> dict[Path, int]:
    return {p.relative_to(folder): p.stat().st_size for p in folder.rglob("*") if p.is_file()}


def shown(page: Page, name: str, images: int) -> bool:
    """Whether the page of a dataset is there."""
    return f"dataset={name}" in page.url and page.locator(".lt-facts", has_text=f"{images:,}").count() > 0


def look_at_few(browser: Browser, server: Server) -> None:
    """Somebody else looks at the small dataset, with a server that has shown nothing yet."""
    page = browser.new_page()
    page.goto(f"{server.url}/?dataset=a-few-faces")
    until(page, "the small dataset", lambda: shown(page, "a-few-faces", FEW))
    page.wait_for_timeout(1000 * SETTLE_SECONDS)
    page.close()


@dataclass(frozen=True)
class Result:
    """One upload: a row of the table, and what counts of it."""

    row: dict[str, str]
    seconds: float
    mib: float


@dataclass(frozen=True)
class Upload:
    """What is uploaded: a folder or a zip of ``items`` images, in one of the ways ``at one go``, ``server killed``,
    ``page reloaded``; ``few`` is the small dataset that the server shows before."""

    way: str
    source: Path
    few: Path
    items: int

    @property
    def zipped(self) -> bool:
        return self.source.is_file()

    @property
    def name(self) -> str:
        return "large-zip" if self.zipped else "small-faces"

    def arrived(self, workspace: Path) -> Path:
        """Where the dataset lies when it is whole."""
        return workspace / "datasets" / self.name / ("data.zip" if self.zipped else "data")

    def here(self, workspace: Path) -> int:
        """Bytes of a zip, or files of a folder, that the server has."""
        return bytes_here(workspace) if self.zipped else files_here(workspace)

    def half(self) -> int:
        return (self.source.stat().st_size if self.zipped else self.items) // 2

    def is_whole(self, workspace: Path) -> bool:
        """Whether what arrived is what was sent."""
        arrived = self.arrived(workspace)
        if self.zipped:
            return filecmp.cmp(arrived, self.source, shallow=False)
        return sizes(arrived) == sizes(self.source)


@dataclass
class Figures:
    """What is measured of one upload: seconds, files or bytes, and memory of the server in bytes."""

    fresh: int
    before: int = 0
    after: int = 0
    resent: int = 0
    away: float = 0.0
    sent: float = 0.0
    seconds: float = 0.0
    peaks: dict[str, int] = field(default_factory=dict)


def interrupt(upload: Upload, server: Server, browser: Browser, page: Page, figures: Figures) -> None:
    """Kill the server, or reload the page, when half of the upload is there; go on with it."""
    workspace = server.workspace
    until(page, "half of it", lambda: upload.here(workspace) >= upload.half(), every=0.03)
    if upload.way == "page reloaded":
        page.reload()
        figures.resent = upload.here(workspace)
        page.get_by_text("are already here").wait_for(timeout=60_000)
        choose(page, upload.source)
        return
    server.kill()
    killed = time.monotonic()
    figures.resent = upload.here(workspace)
    page.wait_for_timeout(1000 * DOWN_SECONDS)
    # Nothing of the upload gets through until it is known what the server has without it.
    page.route("**/api/uploads/**", lambda route: route.abort())
    server.start()
    figures.fresh = server.memory()
    look_at_few(browser, server)
    figures.before = server.memory()
    server.forget_peak()
    page.unroute("**/api/uploads/**")
    figures.away = time.monotonic() - killed


def send(upload: Upload, server: Server) -> Figures:
    """Upload with a browser, the small dataset first."""
    workspace = server.workspace
    figures = Figures(server.memory())
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(server.url)
        page.get_by_role("button", name="Choose a folder").wait_for(timeout=60_000)
        choose(page, upload.few)
        until(page, "the small dataset", lambda: shown(page, "a-few-faces", FEW))
        page.get_by_text("Bring another dataset").click()
        page.wait_for_timeout(1000 * SETTLE_SECONDS)
        figures.before = server.memory()
        server.forget_peak()
        begun = time.monotonic()
        choose(page, upload.source)
        if upload.way != "at one go":
            interrupt(upload, server, browser, page, figures)
        reading, arrived = page.get_by_text("Reading the dataset"), upload.arrived(workspace)
        figures.sent = until(page, "all files", lambda: reading.count() > 0 or arrived.exists()) - begun
        figures.peaks["sending"] = server.peak()
        until(page, "the dataset", arrived.exists)
        figures.peaks["reading"] = server.peak()
        figures.seconds = until(page, "its page", lambda: shown(page, upload.name, upload.items)) - begun
        page.wait_for_timeout(1000 * SETTLE_SECONDS)
        figures.peaks["with its page"] = server.peak()
        figures.after = server.memory()
        browser.close()
    return figures


def row_of(upload: Upload, figures: Figures) -> dict[str, str]:
    """One row of the table."""

    def more(memory: int, than: int = figures.before) -> str:
        return f"{(memory - than) / MIB:+.0f}"

    return {
        "way": f"{upload.source.name}, {upload.way}",
        "seconds until sent": f"{figures.sent:.1f}",
        "until shown": f"{figures.seconds:.1f}",
        "server away": f"{figures.away:.1f}",
        "files or bytes here before going on": f"{figures.resent:,}",
        "MiB before, a small dataset shown": f"{figures.before / MIB:.0f}",
        **{f"peak {what}": more(peak) for what, peak in figures.peaks.items()},
        "after": more(figures.after),
        "MiB of a server just started": f"{figures.fresh / MIB:.0f}",
        "peak over that": more(figures.peaks["with its page"], figures.fresh),
    }


def measure(upload: Upload) -> Result:
    """One upload into a workspace of its own."""
    workspace = Path(tempfile.mkdtemp(prefix="upload-benchmark-"))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        server = Server(workspace, int(s.getsockname()[1]))
    server.start()
    try:
        figures = send(upload, server)
    finally:
        if server.process and server.process.poll() is None:
            server.process.terminate()
            server.process.wait(20)
    if not upload.is_whole(workspace):
        raise SystemExit("what arrived is not what was sent")
    shutil.rmtree(workspace)
    more = max(figures.peaks.values()) - figures.before
    return Result(row_of(upload, figures), figures.seconds, more / MIB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--zip-mib", type=int, default=1024)
    parser.add_argument("--ways", nargs="*", default=["at one go", "server killed", "page reloaded"])
    arguments = parser.parse_args()
    missed = []
    with tempfile.TemporaryDirectory(prefix="upload-benchmark-") as root:
        folder, archive, few = (Path(root) / n for n in ("small faces", "large zip.zip", "a few faces"))
        write_folder(few, FEW, seed=1)
        tasks = []
        if arguments.items:
            size = write_folder(folder, arguments.items)
            print(f"{arguments.items:,} JPEGs, {size / MIB:.0f} MiB")
            tasks += [(folder, way, arguments.items) for way in arguments.ways]
        if arguments.zip_mib:
            print(f"a zip of {write_zip(archive, arguments.zip_mib * MIB) / MIB:.0f} MiB\n")
            tasks += [(archive, way, FEW) for way in arguments.ways if way != "page reloaded"]
        for number, (source, way, items) in enumerate(tasks):
            result = measure(Upload(way, source, few, items))
            if not number:
                print(f"| {' | '.join(result.row)} |\n|{'---|' * len(result.row)}")
            print(f"| {' | '.join(result.row.values())} |", flush=True)
            if result.seconds > MOST_SECONDS or result.mib > MOST_MIB:
                missed.append(f"{result.row['way']}: {result.seconds:.0f} s and {result.mib:+.0f} MiB")
    if missed:
        raise SystemExit(f"more than {MOST_SECONDS:.0f} s or {MOST_MIB:+.0f} MiB: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
