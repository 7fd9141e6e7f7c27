"""Many browsers on one study while it trains: what fails, how long a gallery page takes, what memory is held.

``python benchmarks/load.py --out DIR [--browsers 20] [--minutes 10] [--items 2400]`` makes the demo study with a
finished run in DIR, starts the app and a training, and lets that many browser contexts of headless Chromium, each with
its own websocket, filter, scroll and open images. A plain HTTP client asks for the same lists once a second: what it
waits is the server's, what the browsers wait has theirs in it. It prints a table and exits with 1 if anything failed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from playwright.async_api import Browser, Error, Page, Request, Response, async_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from app_server import CHROMIUM, FLAGS, Server, free_port  # noqa: E402
from gallery import memory  # noqa: E402

from ltnet_core.datasets.demo import CLASSES, write_demo  # noqa: E402

FIRST_PAGE_SECONDS = 180.0
SEED = 0


@dataclass
class Record:
    """What the browsers met."""

    lists: list[float] = field(default_factory=list)
    thumbnails: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)  # milliseconds of the plain client
    asked: tuple[str, dict[str, str]] | None = None  # address and headers of a list that a browser asked for
    actions: int = 0
    failures: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note every answer of the gallery's routes and everything that goes wrong."""
        page.on("requestfinished", self._finished)
        page.on("response", self._answered)
        page.on("pageerror", lambda e: self.failures.append(f"script: {e}"))
        page.on("crash", lambda _: self.failures.append("a tab crashed"))

    def _finished(self, request: Request) -> None:
        milliseconds = request.timing["responseEnd"]
        if "/items?" in request.url:
            self.lists.append(milliseconds)
            self.asked = (request.url, request.headers)
        elif "/thumbnails?" in request.url:
            self.thumbnails.append(milliseconds)

    def _answered(self, response: Response) -> None:
        # On a deep link Streamlit's own client first looks for its base path below the page's address: a 404 there.
        if response.status >= (400 if "/api/" in response.url else 500):
            self.failures.append(f"{response.status} {response.url.split('?')[0]}")


def fit(data: Path, run: Path, epochs: int) -> subprocess.Popen[bytes]:
    """Start a training of the study."""
    command = [sys.executable, "-m", "ltnet_core", "fit", str(data), "--run", str(run), "--preset", "quick"]
    return subprocess.Popen(
        [*command, "--epochs", str(epochs)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def browse(browser: Browser, address: str, record: Record, until: float, number: int) -> None:
    """One person: filter by truth and case, scroll, open an image, close it, start again."""
    rng = random.Random(SEED + number)
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    page.set_default_timeout(FIRST_PAGE_SECONDS * 1000)
    record.watch(page)
    try:
        await page.goto(address)
        await page.wait_for_selector(".ga-card img")
        while time.monotonic() < until:
            await _act(page, rng)
            record.actions += 1
            await page.wait_for_timeout(rng.randint(500, 4000))
            if await page.locator('[data-testid="stException"], [data-testid="stConnectionStatus"]').count():
                record.failures.append("the page shows an error or has lost its connection")
    except Error as e:
        record.failures.append(f"browser {number}: {e.message.splitlines()[0]}")
    finally:
        await context.close()


async def ask_plainly(record: Record) -> None:
    """Ask for the last list that a browser asked for, once a second, without a browser."""
    async with httpx.AsyncClient(timeout=FIRST_PAGE_SECONDS) as client:
        while True:
            await asyncio.sleep(1)
            if record.asked is not None:
                address, headers = record.asked
                answer = await client.get(address, headers=headers)
                answer.raise_for_status()
                record.plain.append(1000 * answer.elapsed.total_seconds())


async def _act(page: Page, rng: random.Random) -> None:
    kind = rng.choice(("truth", "case", "scroll", "scroll", "open"))
    if kind == "truth":
        await page.locator(f'input[data-key="truth={rng.choice(CLASSES)}"]').click()
    elif kind == "case":
        await page.locator(f'input[data-key="case={rng.randint(1, 5)}"]').click()
    elif kind == "scroll":
        await page.mouse.move(640, 600)
        await page.mouse.wheel(0, rng.randint(500, 5000))
    else:
        card = page.locator(".ga-card:not(.waits) img")
        if await card.count():
            await card.first.click()
            await page.wait_for_selector("dialog[open]")
            await page.keyboard.press("Escape")


async def everybody(address: str, count: int, minutes: float, record: Record) -> None:
    """All browsers at once; they start within the first half minute."""
    until = time.monotonic() + 60 * minutes
    async with async_playwright() as p:
        browser = await p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        async def late(number: int) -> None:
            await asyncio.sleep(30 * number / count)
            await browse(browser, address, record, until, number)

        await asyncio.gather(*(late(n) for n in range(count)))
        await browser.close()


def _percentile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100)[round(100 * share) - 1] if len(values) > 1 else float("nan")


def report(record: Record, browsers: int, minutes: float, held: list[float]) -> None:
    """Print the table."""
    print("| what | figure |\n|---|---|")
    print(f"| browsers, minutes, actions | {browsers}, {minutes:g}, {record.actions:,} |")
    kinds = {
        "list of the gallery, in a browser": record.lists,
        "thumbnails, in a browser": record.thumbnails,
        "list of the gallery, without a browser": record.plain,
    }
    for name, values in kinds.items():
        middle, late = (_percentile(values, s) for s in (0.5, 0.95))
        print(f"| {name}: requests, median, 95th percentile | {len(values):,}, {middle:.0f} ms, {late:.0f} ms |")
    print(f"| server memory before, at its peak, a minute after | {', '.join(f'{m:.0f} MiB' for m in held)} |")
    print(f"| failures | {len(record.failures)} |")
    for failure in sorted(set(record.failures))[:20]:
        print(f"| | {failure} ({record.failures.count(failure)}) |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the workspace")
    parser.add_argument("--browsers", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--items", type=int, default=2400)
    wanted = parser.parse_args()
    data = wanted.out / "workspace" / "datasets" / "faces" / "data"
    runs = wanted.out / "workspace" / "runs"
    if not data.exists():
        write_demo(data, items=wanted.items)
    if not (runs / "faces-1" / "manifest.json").exists() and fit(data, runs / "faces-1", 2).wait():
        raise SystemExit("the first training failed.")
    server = Server(wanted.out, free_port())
    server.start()
    record, peak = Record(), 0.0
    training = fit(data, runs / f"beside-{time.time():.0f}", 1000)
    try:
        before = memory(server)

        async def measured() -> None:
            nonlocal peak
            work = asyncio.ensure_future(
                everybody(f"{server.url}/disagreements?run=faces-1", wanted.browsers, wanted.minutes, record)
            )
            plainly = asyncio.ensure_future(ask_plainly(record))
            while not work.done():
                peak = max(peak, memory(server))
                await asyncio.wait([work], timeout=1)
            plainly.cancel()
            await work

        asyncio.run(measured())
        if training.poll() is not None:
            record.failures.append(f"the training ended early with status {training.returncode}")
        time.sleep(60)
        report(record, wanted.browsers, wanted.minutes, [before, peak, memory(server)])
    finally:
        training.send_signal(signal.SIGTERM)
        training.wait(60)
        server.kill()
    if record.failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
