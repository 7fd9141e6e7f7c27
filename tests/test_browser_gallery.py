"""The gallery in a real browser: views that are links, ten keys a second, two people, and a refit with what was settled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from app_server import Server, downloaded_truth, free_port, holds, resting_box, wait_until
from fake_run import write_fake_run
from page_driver import HOSTILE, hostile_dataset
from playwright.sync_api import Browser, Locator, Page, expect
from run_results import matrices_of, rows_of

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.demo import CLASSES, write_demo
from ltnet_core.explore.adjudications import Adjudications
from ltnet_core.files.writing import write_json
from ltnet_core.fit import IPA2LT

RUN = "faces-1"
# Decisions that tabs of this browser have not brought to the server.
WAITING = """Object.keys(localStorage).filter((k) => k.startsWith('ltnet-decisions:'))
    .reduce((n, k) => n + JSON.parse(localStorage.getItem(k)).length, 0)"""
ITEMS = 400
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces") / "faces"
    write_demo(folder, items=ITEMS, seed=2)
    return folder


@pytest.fixture
def server(tmp_path: Path, faces: Path) -> Iterator[Server]:
    """The app with the demo and a finished run on it."""
    prepare(tmp_path / "workspace", faces)
    app = Server(tmp_path, free_port())
    app.start()
    yield app
    app.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that knows nothing yet; an error in the page fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    errors: list[str] = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    yield tab
    context.close()
    assert not errors


def prepare(workspace: Path, dataset: Path, *, fake: bool = True) -> None:
    folder = workspace / "datasets" / "faces"
    folder.mkdir(parents=True)
    write_json(folder / "link.json", {"path": str(dataset)})
    write_json(folder / "about.json", {"name": "faces"})
    if fake:
        write_fake_run(workspace / "runs" / RUN, dataset)


def store(server: Server) -> Adjudications:
    return Adjudications(server.datasets / "faces" / "adjudications.sqlite")


def shown(page: Page) -> Locator:
    """The cards whose picture has come."""
    return page.locator(".ga-card:not(.waits) img")


def css(text: str) -> str:
    """A text between double quotes of a selector."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\a ")


def choice(page: Page, name: str, value: str) -> Locator:
    """The box of one value of a filter."""
    return page.locator(f'.ga input[data-key="{name}={value}"]')


def count(page: Page) -> int:
    """How many images the view has."""
    expect(page.locator(".ga-grid:not(.stale)")).to_be_visible()
    expect(page.locator(".ga-head b")).to_contain_text(" of ")
    return int(page.locator(".ga-head b").inner_text().split()[0].replace(",", ""))


def test_every_view_is_a_link_that_survives_reload_and_back(server: Server, page: Page) -> None:
    frame = rows_of(server.place / "workspace" / "runs" / RUN)
    frame = frame[frame["_split"] == ""]
    # The first thing that a fresh server is asked for is a deep link.
    erring = frame[(frame["Alpha"] != "") & (frame["Alpha"] != frame["learned_truth"])]
    truth, label = erring.groupby(["learned_truth", "Alpha"]).size().idxmax()
    page.goto(f"{server.url}/disagreements?run={RUN}&truth={truth}&says.Alpha={label}&sort=unsure")
    expect(page.locator(".lt-head h1")).to_have_text("Disagreements")
    expect(page.get_by_test_id("stSidebar").get_by_role("link", name="Train")).to_be_visible()
    wanted = frame[(frame["learned_truth"] == truth) & (frame["Alpha"] == label)].sort_values("confidence")
    assert count(page) == len(wanted) > 0
    expect(shown(page)).to_have_count(len(wanted))
    names = page.locator(".ga-card").evaluate_all("cards => cards.map((c) => c.dataset.name)")
    assert names == wanted["image"].tolist()
    expect(page.locator(".ga-card").first).to_contain_text(f"LT: {truth[:2].capitalize()}")

    choice(page, "truth", truth).uncheck()
    expect(page.locator(".ga-head b")).not_to_have_text(f"{len(wanted)} of {len(frame)} images")
    assert count(page) == (frame["Alpha"] == label).sum()
    assert "truth=" not in page.url
    choice(page, "case", "4").check()
    page.wait_for_url("**case=4**")
    narrowed = count(page)
    page.reload()
    expect(choice(page, "case", "4")).to_be_checked()
    assert count(page) == narrowed
    page.go_back()
    expect(choice(page, "case", "4")).not_to_be_checked()
    assert count(page) == (frame["Alpha"] == label).sum()
    page.go_back()
    expect(choice(page, "truth", truth)).to_be_checked()
    assert count(page) == len(wanted)

    # A segment of a bar is a view too, and one item is.
    page.goto(f"{server.url}/disagreements?run={RUN}")
    expect(shown(page).first).to_be_visible()
    page.locator(".ga-bar").first.locator(".ga-part").nth(1).click()
    page.wait_for_url("**case=4**")
    count(page)
    page.locator(".ga-card").nth(2).click()
    expect(page.locator(".ga-name")).to_contain_text("images/")
    name = page.locator(".ga-name").inner_text()
    page.wait_for_url("**item=**")
    expect(page.locator(".ga-reason")).not_to_have_count(0)
    expect(page.locator(".ga-alike img")).to_have_count(12)
    address = page.url
    page.reload()
    expect(page.locator(".ga-name")).to_have_text(name)
    assert page.url == address
    page.go_back()
    expect(page.locator("dialog.ga-review[open]")).to_have_count(0)
    assert "case=4" in page.url

    # Also when the server was started anew in between; and what had the keyboard's focus keeps it.
    anger = choice(page, "truth", "anger")
    anger.focus()
    page.keyboard.press("Space")
    page.wait_for_url("**truth=anger**")
    expect(anger).to_be_focused()
    connection, state = "data-test-connection-state", page.get_by_test_id("stApp")
    server.kill()
    expect(state).not_to_have_attribute(connection, "CONNECTED")
    server.start()
    expect(state).to_have_attribute(connection, "CONNECTED")
    page.go_back()
    expect(choice(page, "truth", "anger")).not_to_be_checked()
    expect(choice(page, "case", "4")).to_be_checked()


def test_scrolling_brings_every_image_once(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/disagreements?run={RUN}&sort=name&split=*any*")
    expect(shown(page).first).to_be_visible()
    names: list[str] = []
    page.mouse.move(700, 600)

    def all_came() -> bool:
        listed = page.locator(".ga-card").evaluate_all("cards => cards.map((c) => c.dataset.name)")
        names.extend(n for n in listed if n not in names)
        page.mouse.wheel(0, 1500)
        return len(names) >= ITEMS

    wait_until(all_came, page)
    assert sorted(names) == [f"images/{n:05d}.jpg" for n in range(ITEMS)]
    page.locator('input[name="number"]').fill("250")
    page.locator('input[name="number"]').press("Enter")
    expect(page.locator('.ga-card[data-position="249"] img')).to_be_visible()
    page.wait_for_url("**at=249**")
    for _ in range(2):
        page.reload()
        expect(page.locator('.ga-card[data-position="249"] img')).to_be_visible()
        expect(page.locator('.ga-card[data-position="249"]')).to_be_in_viewport()
        page.wait_for_timeout(1000)  # longer than the address waits for the end of a movement
        assert "at=249" in page.url  # it does not wander


def test_two_hundred_keys_at_ten_a_second_while_the_server_is_killed(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/disagreements?run={RUN}&sort=name")
    expect(shown(page).first).to_be_visible()
    page.get_by_role("button", name="Settle these").click()
    page.locator('input[name="reviewer"]').fill("Ada")
    page.locator('input[name="reviewer"]').press("Enter")
    expect(page.locator(".ga-state")).to_have_text("")
    page.wait_for_timeout(1500)  # somebody looks at the first face; what others say of it waits for the answer
    expect(page.locator("dialog .ga-chip, dialog .ga-reason, dialog .ga-class.learned")).to_have_count(0)
    expect(page.get_by_role("button", name="show the labels")).to_be_visible()
    keys = [str(1 + n % len(CLASSES)) for n in range(200)]
    confirmed = 0
    began = time.monotonic()
    for n, key in enumerate(keys):
        page.keyboard.press(key)
        if n == 80:
            holds(page, f"{WAITING} <= 5")  # a busy server is some keys behind
            server.kill()
        if n == 110:
            # What the screen says is saved is on disk, now that nobody could write it afterwards.
            waiting = page.evaluate(WAITING)
            confirmed = n + 1 - waiting
            assert len(store(server).log()) >= confirmed >= 70
            expect(page.locator(".ga-state")).to_contain_text("the server does not answer")
            server.start()
        time.sleep(max(0.0, began + 0.1 * (n + 1) - time.monotonic()))
    expect(page.locator(".ga-state")).to_have_text("all saved")
    log = store(server).log()
    frame = rows_of(server.place / "workspace" / "runs" / RUN)
    images = frame[frame["_split"] == ""]["image"].tolist()[:200]
    assert [(d.image, d.label) for d in log] == [(i, CLASSES[int(k) - 1]) for i, k in zip(images, keys, strict=True)]
    assert {d.reviewer for d in log} == {"Ada"}
    assert log[0].shown == "labels"  # its tile was in sight before
    assert {d.shown for d in log[40:]} == {"image"}
    expect(page.locator(".ga-last")).to_contain_text(f"Your last answer: {log[-1].label}")
    expect(page.locator(".ga-last .ga-chip.lt")).to_be_visible()
    expect(page.locator("header .ga-quiet")).to_have_text(f"200 of {len(frame[frame['_split'] == ''])} settled")
    # Backspace takes them back one by one, Space leaves one open, Enter shows the labels, then agrees with the truth.
    for key in ("Backspace", "Backspace", "Space", "Enter", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".ga-state")).to_have_text("all saved")
    standing = {d.image: (d.kind, d.label) for d in store(server).standing()}
    assert standing[images[198]] == ("skip", "")
    assert standing[images[199]] == ("settle", frame.set_index("image").loc[images[199], "learned_truth"])
    assert len(store(server).log()) == 204
    # Every block of the list knows what was settled, also after a reload.
    page.keyboard.press("Escape")
    page.reload()
    page.locator('input[name="number"]').fill("101")
    page.locator('input[name="number"]').press("Enter")
    expect(page.locator('.ga-card[data-position="101"] .ga-chip.done')).to_be_visible()
    expect(page.locator('.ga-card[data-position="198"] .ga-chip.skipped')).to_be_attached()


def hears_no_news(tab: Page) -> None:
    """Keep what others answer from a tab: however slow the machine is, it has not heard of it."""
    news = '"decisions":[]'
    tab.route("**/decisions", lambda r: r.abort() if news in (r.request.post_data or "") else r.continue_())


def test_two_people_do_not_overwrite_each_other(server: Server, page: Page, browser: Browser) -> None:
    other = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    hears_no_news(other)
    for tab, name in ((page, "Ada"), (other, "Bob")):
        tab.goto(f"{server.url}/disagreements?run={RUN}&sort=name")
        expect(shown(tab).first).to_be_visible()
        tab.locator(".ga-card").first.click()
        tab.locator('input[name="reviewer"]').fill(name)
        tab.locator('input[name="reviewer"]').press("Enter")
    page.keyboard.press("1")
    expect(page.locator(".ga-state")).to_have_text("all saved")
    other.keyboard.press("2")
    conflict = other.locator(".ga-conflicts")
    expect(conflict).to_contain_text("images/")
    expect(other.locator(".ga-state")).to_have_text("1 not saved")
    expect(conflict).to_contain_text(f"Ada settled it as {CLASSES[0]} just now; you settled it as {CLASSES[1]}")
    assert [d.reviewer for d in store(server).log()] == ["Ada"]
    other.get_by_role("button", name="Save mine").click()
    expect(conflict).to_be_empty()
    expect(other.locator(".ga-state")).to_have_text("all saved")
    assert [(d.reviewer, d.label) for d in store(server).log()] == [("Ada", CLASSES[0]), ("Bob", CLASSES[1])]
    # The first tab shows it by itself.
    expect(page.locator('.ga-card[data-position="0"] .ga-chip.done')).to_contain_text(CLASSES[1][:2].capitalize())
    other.context.close()


def test_what_a_closed_tab_could_not_save_is_saved_by_the_next_one(server: Server, page: Page) -> None:
    other = page.context.new_page()
    for tab, keys in ((page, "123"), (other, "45")):
        tab.bring_to_front()
        tab.goto(f"{server.url}/disagreements?run={RUN}&sort=name")
        expect(shown(tab).first).to_be_visible()
        tab.locator(f'.ga-card[data-position="{0 if tab is page else 10}"]').click()
        expect(tab.locator("dialog.ga-review[open] .ga-name")).to_contain_text("images/")
        if tab is page:
            continue
        server.kill()
        for t, typed in ((page, "123"), (other, keys)):
            for key in typed:
                t.keyboard.press(key)
            expect(t.locator(".ga-state")).to_contain_text("kept here")
    holds(other, f"{WAITING} === 5")
    page.close()
    other.close()
    server.start()
    last = other.context.new_page()
    last.goto(f"{server.url}/disagreements?run={RUN}")
    expect(shown(last).first).to_be_visible()
    wait_until(lambda: len(store(server).log()) >= 5, last)
    assert sorted(CLASSES.index(d.label) + 1 for d in store(server).log()) == [1, 2, 3, 4, 5]


def test_buttons_of_the_dialog_are_pressed_by_keys_and_keys_belong_to_the_item_otherwise(
    server: Server, page: Page
) -> None:
    page.goto(f"{server.url}/disagreements?run={RUN}&sort=name")
    expect(shown(page).first).to_be_visible()
    page.locator(".ga-card").first.click()
    expect(page.locator("dialog .ga-reason").first).to_be_visible()
    page.keyboard.press("Shift+Tab")  # backwards to the last of the look-alikes, then on to the buttons
    page.get_by_role("button", name="Close").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert store(server).log() == []
    page.locator(".ga-card").first.click()
    page.locator("dialog").get_by_role("button", name="The next one (arrow right)").click()
    page.keyboard.press("Enter")  # after a click of the mouse it agrees with the learned truth
    expect(page.locator(".ga-state")).to_have_text("all saved")
    (decision,) = store(server).log()
    assert decision.kind == "settle"


def test_hostile_names_are_text_in_the_gallery(tmp_path: Path, page: Page) -> None:
    dataset = hostile_dataset(tmp_path / "hostile")
    prepare(tmp_path / "workspace", dataset)
    server = Server(tmp_path, free_port())
    server.start()
    try:
        page.goto(f"{server.url}/disagreements?run={RUN}")
        expect(shown(page).first).to_be_visible()
        for name in HOSTILE:
            expect(page.locator(".ga-legend bdi").get_by_text(name, exact=True).first).to_be_attached()
        assert page.locator(".ga script, .ga b script").count() == 0
        page.locator(".ga-card").first.click()
        expect(page.locator(".ga-name")).to_contain_text("images/")
        expect(page.locator(".ga-reason").first).to_be_visible()
        page.keyboard.press("1")
        expect(page.locator(".ga-state")).to_have_text("all saved")
        assert page.locator("dialog script").count() == 0
        (decision,) = Adjudications(server.datasets / "faces" / "adjudications.sqlite").log()
        assert decision.label in HOSTILE
        page.keyboard.press("Escape")
        page.locator(f'.ga input[data-key="truth={css(decision.label)}"]').check()
        expect(page.locator(".ga-head b")).to_contain_text(" of ")
    finally:
        server.kill()


def test_from_a_cell_to_its_faces_to_a_refit_that_knows(tmp_path: Path, faces: Path, page: Page) -> None:
    workspace = tmp_path / "workspace"
    prepare(workspace, faces, fake=False)
    IPA2LT("quick", epochs=3, seed=1, device="cpu", comparisons=False, machine_coders=False).fit(
        load_dataset(faces), workspace / "runs" / RUN
    )
    before = matrices_of(workspace / "runs" / RUN)
    truth = rows_of(workspace / "runs" / RUN)
    cells = truth.groupby(["learned_truth", "Alpha"]).size().drop("", level="Alpha")
    (k, label), n = cells.idxmax(), int(cells.max())
    assert n >= 10
    other = next(c for c in CLASSES if c not in (k, label))
    server = Server(tmp_path, free_port())
    server.start()
    try:
        page.goto(f"{server.url}/transitions?run={RUN}")
        plot = page.locator(".js-plotly-plot").first.locator(".nsewdrag").first
        expect(page.locator(".js-plotly-plot .textpoint text").first).to_be_visible()
        box = resting_box(plot)
        wide = len(CLASSES) + 0.6 + 0.06 * len(CLASSES)
        x = box["x"] + box["width"] * (CLASSES.index(label) + 0.5) / wide
        y = box["y"] + box["height"] * (CLASSES.index(k) + 0.5) / len(CLASSES)
        page.mouse.move(x, y)
        expect(page.locator(".hoverlayer .hovertext").first).to_be_visible()  # Plotly knows where the mouse is
        steps = page.evaluate("history.length")
        page.mouse.click(x, y)
        page.wait_for_url(f"**/disagreements?**says.Alpha={label}**")
        assert page.evaluate("history.length") == steps + 1
        assert f"truth={k}" in page.url
        assert count(page) == n
        expect(shown(page)).to_have_count(min(n, 120))

        # Ten of them are said to be something else.
        page.locator(".ga-card").first.click()
        key = str(1 + CLASSES.index(other))
        for _ in range(10):
            page.keyboard.press(key)
        expect(page.locator(".ga-state")).to_have_text("all saved")
        settled = [d.image for d in store(server).standing()]
        assert len(settled) == 10
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Refit with 10 settled …").click()
        page.get_by_role("button", name="take the answers as truth").click()
        expect(page.locator(".lt-crumbs")).to_contain_text("faces-2")
        expect(page.locator(".lt-crumbs .lt-state-done")).to_be_visible(timeout=240_000)
        page.wait_for_url("**run=faces-2**")
        expect(page.get_by_text("What changed since faces-1")).to_be_visible()

        page.get_by_test_id("stSidebar").get_by_role("link", name="Export", exact=True).click()
        frame = downloaded_truth(page).set_index("image")
        assert set(frame.loc[settled, "learned_truth"]) == {other}
        assert set(frame.loc[settled, "Adjudication"]) == {other}
        after = matrices_of(workspace / "runs" / "faces-2")
        # What the coder said of these ten is now counted as an error.
        said_so = CLASSES.index(label)
        counts = [np.asarray(t["counts"]["Alpha"])[:, said_so] for t in (before, after)]
        assert counts[1][CLASSES.index(k)] < counts[0][CLASSES.index(k)] - 5
        assert counts[1][CLASSES.index(other)] > counts[0][CLASSES.index(other)] + 5
        cell = (CLASSES.index(other), said_so)
        assert np.asarray(after["coders"]["Alpha"])[cell] > np.asarray(before["coders"]["Alpha"])[cell] + 0.05
    finally:
        server.kill()
