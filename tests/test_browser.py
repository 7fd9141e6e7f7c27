"""One journey through the app in a real browser: a zip comes in, a CSV of the learned truth goes out."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import Server, choose, downloaded_truth, free_port
from conftest import write_csv
from playwright.sync_api import Browser, Page, expect

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.demo import CLASSES, write_demo

ITEMS = 240
expect.set_options(timeout=60_000)
TRAINING_SECONDS = 300  # a bound for a busy machine; a quiet one needs a tenth


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The app with an empty workspace."""
    app = Server(tmp_path, free_port())
    app.start()
    yield app.url
    app.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser tab that notes every request leaving this machine."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    tab.set_default_timeout(60_000)
    yield tab
    tab.close()


def zipped_demo(folder: Path) -> Path:
    write_demo(folder / "faces", items=ITEMS)
    out = folder / "my faces.zip"
    with zipfile.ZipFile(out, "w") as z:
        for file in sorted((folder / "faces").rglob("*")):
            z.write(file, file.relative_to(folder))
    return out


def votes_csv(folder: Path) -> Path:
    """Votes of a made-up crowd for half of the demo's faces, with other words for two classes."""
    names = [str(p.relative_to(folder / "faces")) for p in sorted((folder / "faces" / "images").iterdir())]
    words = [{"happiness": "happy", "sadness": "sad"}.get(c, c) for c in CLASSES]
    votes = [[10 * (k == n % len(words)) for k in range(len(words))] for n in range(len(names) // 2)]
    write_csv(folder / "crowd.csv", ("image", *words), [(n, *v) for n, v in zip(names, votes, strict=False)])
    return folder / "crowd.csv"


def settled(page: Page) -> None:
    """Wait until the page is whole: what is clicked while it is made anew may close again."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def go_to(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True).click()
    expect(page.locator(".lt-head h1")).to_have_text(title)


def train(server: str, page: Page) -> None:
    """Train two epochs while another tab waits for the matrices."""
    go_to(page, "Train")
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("2")
    epochs.press("Tab")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".lt-stages")).to_be_visible()
    assert page.context.browser
    other = page.context.browser.new_page()
    other.set_default_timeout(60_000)
    other.goto(f"{server}/transitions?run=my-faces-1")
    expect(other.get_by_text("Still training")).to_be_visible()
    expect(other).to_have_title("training · Transitions · my faces · LTNet Studio")
    expect(page.locator(".lt-crumbs .lt-state-done")).to_be_visible(timeout=TRAINING_SECONDS * 1000)
    expect(page.get_by_text("Results", exact=True)).to_be_visible()
    page.wait_for_url("**run=my-faces-1**")
    expect(other.get_by_text("Alpha says").first).to_be_visible()  # nobody touched that tab
    expect(other).to_have_title("Transitions · my faces · LTNet Studio")
    other.close()


def look_at_transitions(page: Page) -> None:
    settled(page)
    steps = page.evaluate("history.length")
    go_to(page, "Transitions")
    settled(page)
    assert page.evaluate("history.length") == steps + 1
    expect(page.locator(".js-plotly-plot .heatmaplayer image")).to_have_count(4)  # two coders and their machine coders
    expect(page.get_by_text("Alpha says").first).to_be_visible()


def look_at_disagreements(page: Page) -> None:
    go_to(page, "Disagreements")
    faces = page.locator(".ga-card:not(.waits) img")
    expect(faces.nth(99)).to_be_attached()
    expect(page.locator(".ga-card").first).to_contain_text("LT:")
    faces.first.click()
    expect(page.locator("dialog .ga-reason").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def save_the_truth(page: Page) -> None:
    go_to(page, "Export")
    frame = downloaded_truth(page)
    assert list(frame.columns[:5]) == ["image", "learned_truth", "confidence", "network_truth", "case"]
    assert {"Alpha", "Beta", "machine:Alpha", *(f"p_{c}" for c in CLASSES)} <= set(frame.columns)
    assert not [c for c in frame.columns if c.startswith("_")]
    assert len(frame) == ITEMS - 36  # the test images are not in it
    assert set(frame["learned_truth"]) <= set(CLASSES)
    assert frame["confidence"].between(0, 1).all()
    assert (abs(frame[[f"p_{c}" for c in CLASSES]].sum(axis=1) - 1) < 1e-4).all()


def predict(page: Page, folder: Path) -> None:
    """Predict two images of the demo in ``folder`` and one that is cut off."""
    go_to(page, "Predict")
    faces_on_disk = sorted((folder / "faces" / "images").iterdir())[:2]
    (folder / "torn.png").write_bytes(faces_on_disk[0].read_bytes()[:90])
    choose(page, *faces_on_disk, folder / "torn.png", button="Choose images")
    cards = page.locator(".lt-seen")
    expect(cards).to_have_count(3)
    expect(cards.nth(1).locator("tr")).to_have_count(4)  # codes, the truth, two coders
    expect(cards.nth(2)).to_contain_text("is not a readable image")
    page.get_by_text("Machine coders too").click()
    expect(cards.nth(1).locator("tr")).to_have_count(6)


def test_from_a_zip_to_the_learned_truth(server: str, page: Page, tmp_path: Path) -> None:
    strangers: list[str] = []
    page.on("request", lambda r: strangers.append(r.url) if not r.url.startswith((server, "data:", "blob:")) else None)

    # Deep links, opened first on a fresh server, have their frame.
    page.goto(f"{server}/disagreements")
    expect(page.locator(".lt-head h1")).to_have_text("Disagreements")
    expect(page.get_by_test_id("stSidebar").get_by_role("link", name="Train")).to_be_visible()
    expect(page.get_by_text("Nothing to show yet")).to_be_visible()

    page.goto(server)
    expect(page.locator(".lt-head h1")).to_have_text("Dataset")
    choose(page, zipped_demo(tmp_path))
    expect(page.locator(".lt-crumbs")).to_contain_text("my faces")
    expect(page.locator(".lt-facts").first).to_contain_text(f"{ITEMS}")

    train(server, page)
    look_at_transitions(page)
    look_at_disagreements(page)
    go_to(page, "Compare")
    expect(page.locator(".lt-say").first).to_contain_text("LTNet is right on")

    save_the_truth(page)
    predict(page, tmp_path)
    assert not strangers


def test_a_zip_and_a_table_of_votes_become_one_study(server: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{server}/dataset")
    choose(page, zipped_demo(tmp_path))
    expect(page.locator(".lt-crumbs")).to_contain_text("my faces")
    expect(page.locator(".lt-found", has_text="unlabelled image")).to_be_visible()

    settled(page)
    page.get_by_text("Bring another dataset", exact=True).click()
    choose(page, votes_csv(tmp_path))
    expect(page.locator(".lt-crumbs")).to_contain_text("crowd")
    expect(page.get_by_text("Read as: Table of votes, one column per class")).to_be_visible()

    settled(page)
    expect(page.get_by_test_id("stMultiSelect")).to_be_visible()  # labels without images: joining is open
    for name in ("my faces", "crowd"):
        field = page.get_by_test_id("stMultiSelect").locator("input")
        chip = page.get_by_test_id("stMultiSelect").get_by_text(name)
        for _ in range(5):  # on a busy machine the list may close while it is typed in
            field.click()
            field.fill("")
            field.press_sequentially(name)
            field.press("Enter")
            with contextlib.suppress(AssertionError):
                expect(chip).to_be_visible(timeout=5_000)
                break
        expect(chip).to_be_visible()
        settled(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.locator(".lt-crumbs")).to_contain_text("my faces + crowd")
    expect(page.get_by_text("Read as: Several datasets joined")).to_be_visible()
    expect(page.locator(".lt-facts").first).to_contain_text("3")  # coders
    expect(page.locator(".lt-found", has_text="class renamed")).to_be_visible()
    expect(page.get_by_text("Class names", exact=True)).to_be_visible()
    study = load_dataset(next((tmp_path / "workspace" / "datasets").glob("my-faces-crowd*")) / "data")
    assert sorted(study.table.coders) == ["Alpha", "Beta", "crowd"]
    assert set(study.table.classes) == set(CLASSES)
    assert study.table.annotations_per_coder()[study.table.coder_index("crowd")] == ITEMS // 2
