"""The gallery in a real browser before any run, with many images at once, and with an app that answers late."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from app_server import Server, free_port, resting_box, wait_until
from playwright.sync_api import Page, WebSocketRoute, expect
from test_browser_gallery import RUN, choice, count, faces, page, prepare, server, shown, store

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.demo import CLASSES

__all__ = ["faces", "page", "server"]  # the fixtures


def test_images_are_looked_at_before_any_run(tmp_path: Path, faces: Path, page: Page) -> None:
    prepare(tmp_path / "workspace", faces, fake=False)
    study = load_dataset(faces)
    alpha, beta = (study.table.labels_of(c) for c in ("Alpha", "Beta"))
    both = (alpha >= 0) & (beta >= 0) & ~study.is_test
    k, other = next((a, b) for a, b in zip(alpha[both], beta[both], strict=True) if a != b)
    server = Server(tmp_path, free_port())
    server.start()
    try:
        page.set_viewport_size({"width": 1366, "height": 700})
        page.goto(f"{server.url}/disagreements?dataset=faces")
        expect(shown(page).first).to_be_visible()
        assert resting_box(page.locator(".ga-card").first)["y"] <= 300  # 400 pixels of images on the first screen
        expect(page.get_by_text("need a finished run")).to_be_visible()
        expect(page.get_by_role("link", name="Train on it")).to_be_visible()
        expect(page.locator(".ga-chip.lt, .ga-confidence, .ga-cases")).to_have_count(0)
        # Most disputed first: both coders' labels stand below, and differ.
        expect(page.locator(".ga-card").first.locator(".ga-chip b")).to_have_count(3)  # two labels, one known truth
        choice(page, "labels", "differ").check()
        page.wait_for_url("**labels=differ**")
        assert count(page) == int((both & (alpha != beta)).sum())

        # A cell of the matrix filters in place; its filters are chips and a part of the address, and are taken away.
        page.locator('[data-key="cell:0:0"]').focus()
        for key, times in (("ArrowDown", int(k)), ("ArrowRight", int(other))):
            for _ in range(times):
                page.keyboard.press(key)
        page.keyboard.press("Enter")
        page.wait_for_url("**says.Alpha=**")
        assert count(page) == int((both & (alpha == k) & (beta == other)).sum())
        expect(page.locator(".ga-cell.on")).to_have_attribute("data-key", f"cell:{k}:{other}")
        chips = page.locator(".ga-remove")
        expect(chips).to_have_count(3)
        page.reload()
        expect(chips).to_have_count(3)
        page.locator('.ga-remove[data-filter="says.Alpha"]').click()
        expect(chips).to_have_count(2)
        counted = page.locator(f'label:has([data-key="says.Alpha={study.table.classes[k]}"]) .ga-n')
        expect(counted).to_have_text(str(int((both & (alpha == k) & (beta == other)).sum())))
        page.get_by_role("button", name="clear all").click()
        expect(chips).to_have_count(0)

        name = str(study.table.items[int(np.flatnonzero(~study.is_test)[7])])
        page.get_by_role("searchbox", name="Search by name").fill(name.rpartition("/")[2].upper())
        page.wait_for_url("**search=**")
        expect(page.locator(".ga-card")).to_have_count(1)
        page.locator(".ga-card").click()
        expect(page.locator(".ga-name")).to_have_text(name)
        expect(page.get_by_role("button", name="agree with LT")).to_have_count(0)
        page.keyboard.press("2")
        expect(page.locator(".ga-state")).to_have_text("all saved")
        assert [(d.image, d.label) for d in store(server).standing()] == [(name, CLASSES[1])]
    finally:
        server.kill()


def test_many_at_once_are_settled_tagged_and_taken_back_after_a_restart(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/disagreements?run={RUN}&sort=name")
    expect(shown(page).first).to_be_visible()
    total = count(page)
    boxes = page.locator(".ga-pick input")
    boxes.nth(2).click()
    boxes.nth(6).click(modifiers=["Shift"])
    expect(page.locator(".ga-many b")).to_have_text("5 chosen")
    page.locator(".ga-card").nth(0).focus()
    page.keyboard.press("x")
    expect(page.locator(".ga-many b")).to_have_text("6 chosen")
    page.locator('[name="tag"]').focus()
    page.keyboard.type("blurred")
    page.keyboard.press("Shift+Tab")  # leads on
    expect(page.locator('[name="skip-many"]')).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".ga-main > .ga-note").nth(1)).to_contain_text("6 images tagged “blurred”.")
    expect(page.locator(".ga-chip", has_text="# blurred")).to_have_count(6)
    expect(page.locator('.ga-card[data-position="0"]')).to_be_focused()  # the last one that was chosen

    boxes.nth(0).click()
    page.locator('[name="all-of-view"]').click()
    expect(page.locator(".ga-many b")).to_have_text(f"{total} chosen")
    page.set_viewport_size({"width": 1130, "height": 700})  # what stands above the images takes several lines
    page.locator(".ga-card").last.scroll_into_view_if_needed()
    head, bar = resting_box(page.locator(".ga-head")), resting_box(page.locator(".ga-many"))
    assert head["height"] > 60 and head["y"] + head["height"] <= bar["y"]  # none is in front of the other
    page.locator('[name="settle-as"]').focus()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert store(server).standing() == []  # an arrow key settles nothing
    page.keyboard.press("Enter")
    expect(page.locator(".ga-head")).to_contain_text(f"{total} of these settled")
    assert {d.label for d in store(server).standing()} == {CLASSES[3]}

    boxes.nth(1).click()
    page.locator('[name="set-aside"]').click()
    expect(page.locator(".ga-head b")).to_have_text(f"{total - 1} of {total} images")
    server.kill()
    server.start()
    page.goto(f"{server.url}/disagreements?run={RUN}&sort=name")
    expect(page.locator(".ga-head b")).to_have_text(f"{total - 1} of {total} images")
    page.locator('[name="history"]').click()
    lines = page.locator(".ga-history-list li")
    expect(lines).to_have_count(3)
    with page.expect_download() as download:
        page.get_by_role("button", name="as CSV").click()
    report = pd.read_csv(download.value.path(), keep_default_na=False)
    assert set(report["leading"]) == {CLASSES[3]}
    lines.nth(1).get_by_role("button").press("Enter")
    expect(lines.nth(1)).to_contain_text("undone")
    assert store(server).standing() == []
    lines.nth(0).get_by_role("button").click()
    expect(lines.nth(0)).to_contain_text("undone")
    expect(page.locator('[name="close-history"]')).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator('[name="history"]')).to_be_focused()
    expect(page.locator(".ga-head b")).to_have_text(f"{total} of {total} images")
    expect(page.locator(".ga-chip.done")).to_have_count(0)
    choice(page, "tag", "blurred").check()
    expect(page.locator(".ga-card")).to_have_count(6)


def test_a_late_answer_of_the_app_leads_to_no_view_that_was_left(server: Server, page: Page) -> None:
    kept: list[str | bytes] = []
    came: list[str | bytes] = []
    late = False

    def hold(browser_side: WebSocketRoute) -> None:
        def answer(message: str | bytes) -> None:
            (kept if late else came).append(message)
            if not late:
                browser_side.send(message)

        sides.append(browser_side)
        browser_side.connect_to_server().on_message(answer)

    def wait_for(text: bytes, messages: list[str | bytes]) -> None:
        wait_until(lambda: any(text in m for m in messages if isinstance(m, bytes)), page)

    sides: list[WebSocketRoute] = []
    page.route_web_socket("**/_stcore/stream", hold)
    page.goto(f"{server.url}/disagreements?run={RUN}")
    expect(shown(page).first).to_be_visible()
    late = True
    page.locator(".ga-bar").first.locator(".ga-part").nth(1).click()
    page.wait_for_url("**case=4**")
    count(page)
    wait_for(b"case=4", kept)
    page.locator(".ga-card").nth(2).click()
    page.wait_for_url("**item=**")
    steps, address = page.evaluate("history.length"), page.url
    for message in kept:
        sides[-1].send(message)
    late = False
    came += kept
    wait_for(b"item=", came)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    assert (page.url, page.evaluate("history.length")) == (address, steps)
    page.go_back()
    expect(page.locator("dialog.ga-review[open]")).to_have_count(0)
    assert "case=4" in page.url and "item=" not in page.url
