"""The address is the state of every page: Back brings every control and what it shows back, one step per change."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from app_server import Server, free_port, holds
from fake_run import write_fake_run
from playwright.sync_api import Browser, Page, TimeoutError, expect

from ltnet_core.files.writing import write_json

expect.set_options(timeout=30_000)
# The text of the page; the grid of a table is left out, as it writes what it says some time after it is drawn.
MAIN = """((page) => {
  page.querySelectorAll('[data-testid="stDataFrame"]').forEach((table) => table.remove());
  return page.textContent;
})(document.querySelector('[data-testid="stMain"]').cloneNode(true))"""
Change = tuple[str, Callable[[Page], object]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demo: Path) -> Iterator[str]:
    """The demo with two runs, and the same with twelve coders and one run."""
    folder = tmp_path_factory.mktemp("address")
    crowd = folder / "crowd"
    shutil.copytree(demo, crowd)
    (crowd / "planted_T.json").unlink()
    rows = pd.read_csv(crowd / "annotations.csv")
    rows["coder"] = [f"w{n % 12:02d}" for n in range(len(rows))]
    rows.to_csv(crowd / "annotations.csv", index=False)
    for name, data in (("crowd", crowd), ("faces", demo)):
        kept = folder / "workspace" / "datasets" / name
        kept.mkdir(parents=True)
        write_json(kept / "link.json", {"path": str(data)})
        write_json(kept / "about.json", {"name": name})
    for run, data in (("many", crowd), ("one", demo), ("two", demo)):
        write_fake_run(folder / "workspace" / "runs" / run, data)
    app = Server(folder, free_port())
    app.start()
    yield app.url
    app.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def settled(page: Page) -> None:
    expect(page.locator(".lt-head h1")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def text(page: Page) -> str:
    return str(page.evaluate(MAIN))


def shows_the_same(page: Page, other: Page) -> bool:
    """Whether two tabs show the same text, at once or in a while: a page goes on after its script has ended.

    Parts of it are loaded when they are needed first, and what labels alone say is worked out beside it.
    """
    for _ in range(300):
        if text(page) == text(other):
            return True
        page.wait_for_timeout(100)
    return False


def press(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_test_id("stMain").get_by_role("radio", name=name, exact=True).click()


def select(label: str, option: str) -> Callable[[Page], object]:
    def change(page: Page) -> None:
        field = page.get_by_role("combobox", name=re.compile(re.escape(label)))
        for _ in range(5):  # on a busy machine the list may close again
            field.click()
            with contextlib.suppress(TimeoutError):
                page.get_by_role("option", name=option, exact=True).click(timeout=5000)
                page.keyboard.press("Escape")  # a list of several stays open, and hides the page
                return

    return change


def tick_first_row(page: Page) -> None:
    """Choose the first row of a table, which is drawn and no element of its own."""
    page.locator("[data-testid='stDataFrame'] canvas").first.click(position={"x": 15, "y": 52}, force=True)


PAGES: dict[str, list[Change]] = {
    "/transitions?dataset=faces&run=one": [
        ("view=difference", press("difference")),
        ("to=identity", select("Difference to", "to a perfect coder")),
    ],
    "/transitions?dataset=crowd&run=many": [("coder=", tick_first_row)],
    "/dataset?dataset=faces&run=one": [("sample=Beta", select("Coder", "Beta"))],
    "/train?dataset=faces&run=one": [("curve=loss", press("loss"))],
    "/compare?dataset=faces&run=one": [
        ("measure=ece", press("calibration error")),
        ("with=two", select("Compare with", "two")),
        ("beside=ltnet%40two", select("Beside it", "LTNet · two")),
    ],
    "/export?dataset=faces&run=one": [("run=two", select("Run", "two"))],
    "/predict?dataset=faces&run=one": [
        ("source=samples", lambda page: page.get_by_role("button", name="Try it on images of this dataset").click()),
    ],
}


@pytest.mark.parametrize("address", PAGES)
def test_back_brings_every_control_back(server: str, page: Page, address: str) -> None:
    page.goto(server + address)
    settled(page)
    addresses = [page.url]
    for expected, change in PAGES[address]:
        steps, before = page.evaluate("history.length"), text(page)
        change(page)
        page.wait_for_url(f"**{expected}*")
        holds(page, f"before => {MAIN} !== before", before)
        settled(page)
        addresses.append(page.url)
        assert page.evaluate("history.length") == steps + 1
    fresh = page.context.new_page()  # only now: a tab that another one hides draws little, and closes its lists
    for was in addresses[-2::-1]:
        page.go_back()
        page.wait_for_url(was)
        fresh.goto(was)
        settled(fresh)
        assert shows_the_same(page, fresh)
        assert page.url == was
    page.go_forward()
    page.wait_for_url(addresses[1])
    holds(page, f"before => {MAIN} !== before", text(fresh))
