"""A folder goes up in a real browser, and what is here already is never sent again."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from app_server import Server, choose, free_port, wait_until
from conftest import write_csv
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

IMAGES = 300
expect.set_options(timeout=60_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()


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
    expect(page.get_by_text("Drop a folder, a zip or a table here")).to_be_visible(timeout=60_000)
    return page


@contextmanager
def killed_half_way(page: Page, server: Server) -> Iterator[None]:
    """Kill the server when the first batch of what is chosen meanwhile has come; the others are sent after that."""
    held: list[Route] = []
    sent = 0
    killed = False

    def gate(route: Route) -> None:
        nonlocal sent
        sent += 1
        if sent == 1 or killed:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/uploads/*/files", gate)
    with page.expect_event("requestfinished", lambda r: r.url.endswith("/files"), timeout=60_000):
        yield
    server.kill()
    killed = True
    for route in held:
        route.continue_()


def packed(folder: Path, to: Path) -> Path:
    """The folder as a zip that needs several requests."""
    with zipfile.ZipFile(to, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder))
        archive.writestr("raw.bin", np.random.default_rng(1).bytes(40_000_000))
    return to


def expect_dataset(page: Page, server: Server, folder: Path, before: dict[str, int]) -> None:
    expect(page.locator(".lt-crumbs")).to_contain_text(folder.name, timeout=60_000)
    expect(page.locator(".lt-facts").first).to_contain_text(f"{IMAGES}", timeout=60_000)
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
    with killed_half_way(page, server):
        choose(page, folder)
    expect(page.get_by_text("Connection lost, trying again").first).to_be_visible(timeout=60_000)
    before = server.here()
    assert 0 < len(before) < IMAGES
    server.start()
    expect_dataset(page, server, folder, before)
    assert not strangers


def test_another_window_goes_on_and_a_third_discards(server: Server, browser: Browser, folder: Path) -> None:
    page = open_page(browser, server)
    with killed_half_way(page, server):
        choose(page, folder)
    expect(page.get_by_text("Connection lost, trying again").first).to_be_visible(timeout=60_000)
    page.context.close()
    before = server.here()
    server.start()

    page = open_page(browser, server)
    expect(page.get_by_text(f"{len(before)} of {IMAGES + 1} files are already here")).to_be_visible(timeout=60_000)
    choose(page, folder, button="Go on …")
    expect_dataset(page, server, folder, before)

    # A folder that is no dataset is explained, kept, and can be thrown away.
    empty = folder.parent / "notes"
    empty.mkdir()
    (empty / "<b>readme.txt").write_text("nothing here")
    (empty / "line\nbreak.txt").write_text("nothing here")
    page.get_by_text("Bring another dataset", exact=True).click()
    choose(page, empty)
    expect(page.get_by_text("This folder is not a dataset yet")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("line\\nbreak.txt")).to_be_visible()
    assert len(list(server.datasets.iterdir())) == 2
    page.get_by_role("button", name="Discard").click()
    page.get_by_text("Discard what has been sent?").wait_for()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Drop a folder, a zip or a table here")).to_be_visible()
    wait_until(lambda: len(list(server.datasets.iterdir())) == 1, page)


def test_zips_and_tables_go_the_same_way(server: Server, browser: Browser, folder: Path, tmp_path: Path) -> None:
    page = open_page(browser, server)
    alert = page.locator(".fu-note.error")

    def refused(title: str, message: str, *sources: Path) -> None:
        choose(page, *sources)
        expect(alert).to_contain_text(message, timeout=60_000)
        expect(alert).to_contain_text(title)

    (tmp_path / "no.zip").write_text("no zip")
    refused("This file is not a dataset", "no.zip: is not a readable zip archive", tmp_path / "no.zip")
    shutil.copy(folder / "images" / "000.png", tmp_path / "picture.csv")
    refused("This file is not a dataset", "picture", tmp_path / "picture.csv")
    two = [shutil.copy(tmp_path / "no.zip", tmp_path / f"{i}.zip") for i in range(2)]
    refused("Nothing was uploaded", "several zips", *two)

    # A file that changes while it is sent.
    changing = packed(folder, tmp_path / "changing.zip")
    requests = []

    def change(route: Route) -> None:
        requests.append(route)
        if len(requests) == 2:
            changing.write_bytes(b"something else")
            route.abort()
        else:
            route.continue_()

    page.route("**/api/uploads/*/files", change)
    refused("Nothing was uploaded", "It could not be read; it was moved or changed meanwhile.", changing)
    page.unroute("**/api/uploads/*/files")
    assert list(server.datasets.iterdir()) == []

    # A zip, with the server killed in the middle and another window that goes on.
    source = packed(folder, tmp_path / "our faces.zip")
    pieces = []

    def die(route: Route) -> None:
        pieces.append(route)
        if len(pieces) == 3:
            server.kill()
        route.continue_()

    page.route("**/api/uploads/*/files", die)
    choose(page, source)
    expect(page.get_by_text("Connection lost, trying again").first).to_be_visible(timeout=60_000)
    page.context.close()
    assert sum(p.stat().st_size for p in server.datasets.glob(".incoming-*/parts/*/*")) >= 2 * 8 * 2**20
    server.start()
    page = open_page(browser, server)
    expect(page.get_by_text("MB of 48.6 MB are already here")).to_be_visible(timeout=60_000)
    offsets = []
    page.on("request", lambda r: offsets.append(r.url) if r.url.endswith("/files") else None)
    choose(page, source, button="Go on …")
    expect(page.locator(".lt-facts").first).to_contain_text(f"{IMAGES}", timeout=60_000)
    assert len(offsets) <= 5, "what was here was sent again"
    assert (server.datasets / "our-faces" / "data.zip").read_bytes() == source.read_bytes()
    assert [p.name for p in server.datasets.iterdir()] == ["our-faces"]

    (tmp_path / "crowd.csv").write_text("image,happy,fear\na.png,9,1\nb.png,2,8\n")
    page.get_by_text("Bring another dataset", exact=True).click()
    choose(page, tmp_path / "crowd.csv")
    expect(page.locator(".lt-crumbs")).to_contain_text("crowd", timeout=60_000)
    assert (server.datasets / "crowd" / "data" / "crowd.csv").exists()


def test_images_to_predict_come_and_go(
    server: Server, browser: Browser, demo: Path, golden: Path, tmp_path: Path
) -> None:
    shutil.copytree(golden, server.place / "workspace" / "runs" / "faces-1")
    one, two = sorted((demo / "images").iterdir())[:2]
    table = tmp_path / "labels.csv"
    table.write_text("image,label")
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{server.url}/predict?run=faces-1")
    expect(page.get_by_text("Drop images, a folder or a zip of them here")).to_be_visible(timeout=60_000)
    choose(page, one, two, table, button="Choose images")
    expect(page.locator(".lt-seen")).to_have_count(2, timeout=120_000)
    expect(page.get_by_text("1 file left out, by its name no image")).to_be_visible()
    assert len(list(server.datasets.glob(".incoming-*/data/*"))) == 2
    # A zip, and a folder with more in it than images; the server's own table of them.
    (tmp_path / "folder").mkdir()
    for file in (one, two, table):
        shutil.copy(file, tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        archive.write(one, "deep/one.jpg")
    choose(page, tmp_path / "new.zip", button="Choose images")
    expect(page.get_by_text("one.jpg", exact=True)).to_be_visible(timeout=120_000)
    expect(page.locator(".lt-seen")).to_have_count(1)
    assert [p.name for p in server.datasets.glob(".incoming-*/data/*")] == ["new.zip"]
    choose(page, tmp_path / "folder", button="Choose a folder")
    expect(page.locator(".lt-seen")).to_have_count(2, timeout=120_000)
    address = page.get_by_role("link", name="Download CSV").get_attribute("href")
    got = page.request.get(f"{server.url}/{address}", timeout=120_000)
    assert got.status == 200 and got.text().count("\n") == 3 and f"\n{one.name}," in got.text()
    page.get_by_role("button", name="Remove these images").click()
    expect(page.locator(".lt-seen")).to_have_count(0, timeout=60_000)
    assert list(server.datasets.iterdir()) == []
