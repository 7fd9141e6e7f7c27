"""In a real browser: names of classes, datasets and runs are changed, and every part of every open page says the new ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import Server, free_port
from fake_run import write_fake_run
from playwright.sync_api import Browser, Page, expect

from ltnet_core.files.writing import write_json

expect.set_options(timeout=30_000)
ROW = 35  # pixels of a row of a table


@pytest.fixture
def app(tmp_path: Path, demo: Path) -> Iterator[Server]:
    """Two datasets; the first has a run."""
    for name in ("first", "second"):
        shutil.copytree(demo, tmp_path / name)
        kept = tmp_path / "workspace" / "datasets" / name
        kept.mkdir(parents=True)
        write_json(kept / "link.json", {"path": str(tmp_path / name)})
        write_json(kept / "about.json", {"name": name})
    write_fake_run(tmp_path / "workspace" / "runs" / "first-1", tmp_path / "first")
    server = Server(tmp_path, free_port())
    server.start()
    yield server
    server.kill()


def opened(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    expect(page.locator(".lt-head h1")).to_be_visible()
    settled(page)
    return page


def settled(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def chosen(page: Page, label: str, text: str) -> None:
    """A selector of the sidebar shows this text."""
    expect(page.get_by_test_id("stSidebar").get_by_role("combobox", name=label)).to_have_value(text)


def test_a_new_name_is_shown_at_once_and_in_other_tabs(app: Server, browser: Browser) -> None:
    page, other = (opened(browser, f"{app.url}/{path}?run=first-1") for path in ("dataset", "transitions"))
    chosen(page, "Dataset", "first")
    page.get_by_role("button", name="Rename …").click()
    field = page.get_by_role("textbox", name="Name of the dataset")
    field.fill("Ward 7")
    field.press("Enter")
    expect(field).to_have_count(0)  # the menu is closed
    for tab in (page, other):
        chosen(tab, "Dataset", "Ward 7")
    page.goto(f"{app.url}/compare?run=first-1")
    page.locator("summary", has_text="Name, note and tags").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("before Carla")
    page.get_by_role("button", name="Keep").click()
    for tab in (page, other):
        chosen(tab, "Run", "before Carla (first-1)")


def test_what_was_deleted_can_be_brought_back_where_one_looks(app: Server, browser: Browser) -> None:
    page = opened(browser, f"{app.url}/dataset?dataset=second")
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("button", name="Delete this dataset").click()
    page.wait_for_url("**dataset=first**")
    undo = page.get_by_role("button", name="Bring it back").first
    expect(undo).to_be_in_viewport()
    undo.click()
    page.wait_for_url("**dataset=second**")
    expect(page.locator(".lt-crumbs b")).to_have_text("second")
    expect(page.locator(".lt-head h1")).to_be_in_viewport()


def test_a_class_whose_cell_is_emptied_is_left_out(app: Server, browser: Browser) -> None:
    page = opened(browser, f"{app.url}/dataset?dataset=second")
    page.get_by_text("Merge, rename or leave out classes").click()
    table = page.get_by_test_id("stDataFrame").filter(visible=True)
    expect(table.locator("canvas").first).to_be_visible()
    settled(page)
    table.scroll_into_view_if_needed()
    width = (table.bounding_box() or {})["width"]
    table.click(position={"x": width - 30, "y": ROW + ROW // 2})
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Use these names").click()
    facts = page.locator(".lt-facts")
    expect(facts).to_contain_text("6")
    expect(page.get_by_role("button", name="Use these names")).to_have_count(0)
    about = json.loads((app.datasets / "second" / "about.json").read_text())
    assert list(about["corrections"]["classes"].values()) == [""]
