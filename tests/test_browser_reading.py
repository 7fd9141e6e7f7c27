"""In a real browser: a dataset is dropped on the page, its reading is seen, corrected, answered, trained on and kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import Server, free_port, resting_box, wait_until
from conftest import write_csv, write_image
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from ltnet_core.runs.run import Run

CLASSES = ("angry", "happy", "sad")
ITEMS = 12
expect.set_options(timeout=60_000)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.set_default_timeout(60_000)
    yield tab
    tab.close()


def said(i: int, shift: int = 0) -> str:
    return CLASSES[(i + shift * (i % 4 == 0)) % 3]


def faces(at: Path) -> list[str]:
    for i in range(ITEMS):
        write_image(at / "images" / f"{i}.png", i)
    return [f"{i}.png" for i in range(ITEMS)]


def a_source(at: Path) -> None:
    rows = [(x, said(i), ("RAF", "FER")[i % 2], 20 + i) for i, x in enumerate(faces(at))]
    write_csv(at / "all.csv", ("image", "emotion", "source", "age"), rows)


def two_readers(at: Path) -> None:
    rows = [
        (x, f"P{i // 2}", "MF"[i % 2], ("sun", "rain")[i // 3 % 2], said(i), said(i, 1))
        for i, x in enumerate(faces(at))
    ]
    write_csv(at / "reads.csv", ("image", "patient_id", "sex", "weather", "Ann", "Ben"), rows)


def parts(at: Path) -> None:
    for i in range(ITEMS):
        write_image(at / ("train" if i < 8 else "test") / f"{i}.png", i)
    rows = [(f"{i}.png", said(i), "skip" if i == 5 else said(i, 1)) for i in range(ITEMS)]
    write_csv(at / "reads.csv", ("image", "Ann", "Ben"), rows)


def one_hot(at: Path) -> None:
    rows = [(x, *(int(said(i) == c) for c in CLASSES), i % 2) for i, x in enumerate(faces(at))]
    write_csv(at / "marks.csv", ("image", *CLASSES, "flash"), rows)


def drop(page: Page, folder: Path) -> None:
    """Let a folder fall on the upload area, as a hand with a mouse does."""
    area = page.locator(".fu .fu-body > *").first
    expect(area).to_be_visible()
    area.scroll_into_view_if_needed()
    box = resting_box(area)
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})


def bring(app: Server, page: Page, folder: Path) -> None:
    """Drop a folder until it is taken: a page that runs again at that moment moves the area away under the drop."""
    for _ in range(10):
        drop(page, folder)
        for _ in range(50):
            if (app.place / "workspace" / "datasets" / folder.name).exists():
                return
            page.wait_for_timeout(100)
    raise AssertionError(f"{folder.name} was not taken")


# maker → (answer, column and its new role, coders and images held out in the end)
STUDIES = {
    a_source: ("each value of source is a coder", "age", "confidence", {"FER", "RAF"}, 0),
    two_readers: ("only Ann, Ben are annotators", "Ben", "ignored", {"Ann"}, 0),
    parts: ("they mean that there is no label", "Ann", "ignored", {"Ben"}, 4),
    one_hot: ("each column is a class", "flash", "ignored", {"marks"}, 0),
}
TRAINED = (a_source, parts)


def settled(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def keep(page: Page) -> None:
    """Keep the reading that is previewed, and wait until it is."""
    settled(page)
    expect(page.get_by_text("So it would be read")).to_be_visible()
    page.get_by_role("button", name="Keep this reading").first.click()
    expect(page.get_by_text("So it would be read")).to_have_count(0)
    settled(page)


def role(page: Page, column: str) -> Locator:
    """The choice of a column's role; opens what holds it."""
    settled(page)
    choice = page.get_by_role("combobox", name=column, exact=True)
    if not choice.is_visible():
        page.get_by_text("How it was read", exact=True).click()
    return choice


def set_role(page: Page, column: str, new: str) -> None:
    """Choose a role in the list, which closes when the page is made anew under it."""
    for _ in range(20):
        role(page, column).press("ArrowDown")
        page.keyboard.type(new)
        try:
            page.get_by_role("option", name=new, exact=True).click(timeout=2_000)
            return
        except TimeoutError:
            role(page, column).press("Escape")
    raise AssertionError(f"the list of roles of {column} did not stay open")


def train(page: Page) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name="Train", exact=True).click()
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("1")
    epochs.press("Tab")
    settled(page)
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".lt-stages")).to_be_visible()


def state_in_the_end(page: Page, run: Run) -> str:
    wait_until(lambda: run.status().state not in ("queued", "running"), page)
    return run.status().state


def test_what_is_dropped_is_seen_corrected_trained_on_and_kept(app: Server, page: Page, tmp_path: Path) -> None:
    page.goto(app.url)
    for n, (make, (answer, column, new, *_)) in enumerate(STUDIES.items()):
        make(tmp_path / make.__name__)
        if n:
            page.get_by_test_id("stSidebar").get_by_role("link", name="Dataset", exact=True).click()
            settled(page)
            page.get_by_text("Bring another dataset", exact=True).click()
        bring(app, page, tmp_path / make.__name__)
        expect(page.locator(".lt-crumbs")).to_contain_text(make.__name__)
        page.get_by_text(answer, exact=True).click()
        keep(page)
        expect(role(page, column)).not_to_have_value(new)
        set_role(page, column, new)
        keep(page)
        if make in TRAINED:
            train(page)
    for make, (_, column, new, coders, held_out) in STUDIES.items():
        page.goto(f"{app.url}/dataset?dataset={make.__name__}")
        expect(page.locator(".lt-crumbs")).to_contain_text(make.__name__)
        settled(page)
        expect(role(page, column)).to_have_value(new)
        expect(page.locator(".lt-facts").first).to_contain_text(f"{held_out}test images{len(coders)}coder")
        runs = list((app.place / "workspace" / "runs").glob(f"{make.__name__}*"))
        assert [state_in_the_end(page, Run(run)) for run in runs] == ["done"] * (make in TRAINED)
