"""A folder goes up in a real browser, and what is here already is never sent again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from app_server import CHROMIUM, FLAGS, Server, free_port
from conftest import write_csv
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

IMAGES = 300


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that needs several requests; one file is hidden."""
    folder = tmp_path_factory.mktemp("source") / "our faces"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = [f"images/{i:03d}.png" for i in range(IMAGES)]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (110, 110, 3), dtype=np.uint8)).save(folder / name)
    rows = [(name, coder, ["cat", "dog"][i % 2]) for i, name in enumerate(names) for coder in "AB"]
    write_csv(folder / "annotations.csv", ("image", "coder", "label"), rows)
    (folder / ".hidden").write_text("not sent")
    return folder


def open_page(browser: Browser, server: Server) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(server.url)
    expect(page.get_by_text("Drop a folder here")).to_be_visible(timeout=60_000)
    return page


def choose(page: Page, folder: Path, button: str = "Choose a folder") -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).click()
    chooser.value.set_files(folder)


def kill_half_way(page: Page, server: Server) -> None:
    """Kill the server after the first batch has come, when the browser sends the second."""
    requests = []

    def gate(route: Route) -> None:
        requests.append(route)
        if len(requests) == 2:
            give_up, here = time.monotonic() + 30, -1
            while here < 1 or here < len(server.here()):  # the first batch is still being written
                assert time.monotonic() < give_up
                here = len(server.here())
                time.sleep(0.5)
            server.kill()
        route.continue_()

    page.route("**/api/uploads/*/files", gate)


def expect_dataset(page: Page, server: Server, folder: Path, before: dict[str, int]) -> None:
    expect(page.locator(".lt-crumbs")).to_contain_text(folder.name, timeout=60_000)
    expect(page.locator(".lt-facts")).to_contain_text(f"{IMAGES}", timeout=60_000)
    assert [p.name for p in server.datasets.iterdir()] == ["our-faces"]
    data = server.datasets / "our-faces" / "data"
    after = server.here()
    assert len(after) == IMAGES + 1
    assert before.items() <= after.items(), "a file that was here was sent again"
    for name in after:
        assert (data / name).read_bytes() == (folder / name).read_bytes()


def test_the_server_dies_half_way(server: Server, browser: Browser, folder: Path) -> None:
    page = open_page(browser, server)
    strangers: list[str] = []
    inside = (server.url, "data:", "blob:")
    page.on("request", lambda r: strangers.append(r.url) if not r.url.startswith(inside) else None)
    kill_half_way(page, server)
    choose(page, folder)
    expect(page.get_by_text("Connection lost, trying again").first).to_be_visible(timeout=60_000)
    before = server.here()
    assert 0 < len(before) < IMAGES
    server.start()
    expect_dataset(page, server, folder, before)
    assert not strangers


def test_another_window_goes_on_and_a_third_discards(server: Server, browser: Browser, folder: Path) -> None:
    page = open_page(browser, server)
    kill_half_way(page, server)
    choose(page, folder)
    expect(page.get_by_text("Connection lost, trying again").first).to_be_visible(timeout=60_000)
    page.context.close()
    before = server.here()
    server.start()

    page = open_page(browser, server)
    expect(page.get_by_text(f"{len(before)} of {IMAGES + 1} files are already here")).to_be_visible(timeout=60_000)
    choose(page, folder, "Go on …")
    expect_dataset(page, server, folder, before)

    # A folder that is no dataset is explained, kept, and can be thrown away.
    empty = folder.parent / "notes"
    empty.mkdir()
    (empty / "<b>readme.txt").write_text("nothing here")
    (empty / "line\nbreak.txt").write_text("nothing here")
    page.get_by_text("Bring another dataset").click()
    choose(page, empty)
    expect(page.get_by_text("This folder is not a dataset yet")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("line\\nbreak.txt")).to_be_visible()
    assert len(list(server.datasets.iterdir())) == 2
    page.get_by_role("button", name="Discard").click()
    page.get_by_text("Discard what has been sent?").wait_for()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Drop a folder here")).to_be_visible()
    give_up = time.monotonic() + 20
    while len(list(server.datasets.iterdir())) > 1:
        assert time.monotonic() < give_up
        page.wait_for_timeout(100)
