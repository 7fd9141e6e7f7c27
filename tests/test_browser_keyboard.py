"""The whole journey without a mouse: a zip comes in, a cell is chosen, ten faces are settled, a refit, an export."""

from __future__ import annotations

import re
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import Server, free_port
from playwright.sync_api import Browser, Locator, Page, expect

from ltnet_core.datasets.demo import write_demo

MOST_TABS = 150
TRAINING = 300_000  # ms, for a busy machine
expect.set_options(timeout=60_000)
FOCUSED = "e => e.getRootNode().activeElement === e"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    app = Server(tmp_path, free_port())
    app.start()
    yield app
    app.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True, reduced_motion="reduce")
    tab.set_default_timeout(60_000)
    yield tab
    tab.close()


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until the element has the focus, as somebody without a mouse does; the focus can be seen on it."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(target).to_be_attached()
    for _ in range(MOST_TABS):
        if target.evaluate(FOCUSED):
            break
        page.keyboard.press(key)
    assert target.evaluate(FOCUSED), f"{MOST_TABS} presses of Tab do not lead there"
    if target.evaluate("e => e.matches('a, button')"):  # a field shows it by its frame
        style = target.evaluate("e => { const s = getComputedStyle(e); return [s.outlineStyle, s.clipPath]; }")
        assert style[0] != "none" and style[1] == "none", f"the focus cannot be seen: {style}"


def press(page: Page, target: Locator, key: str = "Tab") -> None:
    tab_to(page, target, key)
    page.keyboard.press("Enter")


def go_to(page: Page, title: str) -> None:
    press(page, page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True))
    expect(page.locator(".lt-head h1")).to_have_text(title)


def test_the_journey_without_a_mouse(server: Server, page: Page, tmp_path: Path) -> None:
    write_demo(tmp_path / "faces", items=160)
    archive = tmp_path / "faces.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for file in sorted((tmp_path / "faces").rglob("*.*")):
            z.write(file, file.relative_to(tmp_path))
    page.goto(server.url)
    with page.expect_file_chooser() as chooser:
        press(page, page.get_by_role("button", name="Choose a file"))
    chooser.value.set_files(archive)
    expect(page.locator(".lt-crumbs")).to_contain_text("faces")

    go_to(page, "Train")
    epochs = page.get_by_role("spinbutton", name="Epochs")
    tab_to(page, epochs)
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    press(page, page.get_by_role("button", name="Start training"))
    expect(page.locator(".lt-crumbs .lt-state-done")).to_be_visible(timeout=TRAINING)

    # What lies over the page: the focus goes into it, and Escape leads back.
    press(page, page.get_by_role("button", name="Delete …"))
    expect(page.get_by_role("button", name="Delete this run")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete …")).to_be_focused()
    press(page, page.locator(".lt-words summary"), "Shift+Tab")
    page.keyboard.press("Escape")
    expect(page.locator(".lt-words")).not_to_have_attribute("open", "")

    # From a cell of a matrix, reached by Tab and chosen by arrow keys, to its faces.
    go_to(page, "Transitions")
    expect(page.locator(".js-plotly-plot .heatmaplayer image").first).to_be_visible()
    tab_to(page, page.locator(".mc-panel button").first)
    expect(page.locator(".mc-panel").first).to_be_in_viewport()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".mc-panel button:focus")).to_have_attribute(
        "aria-label", re.compile("^truth happiness, Alpha says happiness")
    )
    page.keyboard.press("Enter")
    page.wait_for_url("**/disagreements?**says.Alpha=happiness**")
    expect(page.locator(".ga-card:not(.waits) img").first).to_be_visible()

    # All faces again, and past the filters to the first of them.
    press(page, page.get_by_role("button", name="clear all"))
    expect(page.locator(".ga-head b")).to_contain_text("136 of 136")
    page.reload()
    expect(page.locator(".ga-card:not(.waits) img").first).to_be_visible()
    press(page, page.get_by_role("button", name="Skip to the images"))
    expect(page.locator(".ga-card").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog.ga-review[open]")).to_be_visible()
    for _ in range(10):
        page.keyboard.press("1")
    expect(page.locator(".ga-state")).to_have_text("all saved")
    page.keyboard.press("Escape")
    press(page, page.get_by_role("button", name="Refit with 10 settled …"), "Shift+Tab")
    press(page, page.get_by_role("button", name="take the answers as truth"))
    expect(page.locator(".lt-crumbs")).to_contain_text("faces-2")
    expect(page.locator(".lt-crumbs .lt-state-done")).to_be_visible(timeout=TRAINING)

    go_to(page, "Export")
    link = page.get_by_role("link", name="Download CSV").first
    tab_to(page, link)
    with urllib.request.urlopen(f"{server.url}/{link.get_attribute('href')}") as answer:
        assert b"neutral" in answer.read()
