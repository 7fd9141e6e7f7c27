"""Two browsers settle one queue in a real browser: no item twice, each sees the other, a killed server loses nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from app_server import Server
from node_checks import packages
from playwright.sync_api import Browser, Page, expect
from run_results import rows_of
from test_browser_axe import RUN_AXE
from test_browser_gallery import RUN, faces, page, server, store

from ltnet_core.datasets.demo import CLASSES
from ltnet_core.explore.decided import DIFFERING
from ltnet_core.explore.opinions import Opinions
from ltnet_core.explore.queue import Queue

__all__ = ["faces", "page", "server"]  # the fixtures

TO_KILL = 3  # answers after which the server is killed
WITHIN = 3000  # ms in which a tab sees what another has settled
STEP = 250


def open_queue(tab: Page, server: Server, name: str) -> None:
    tab.goto(f"{server.url}/disagreements?run={RUN}")
    tab.locator('[data-key="chart:settling"]').click()
    tab.get_by_label("Your name", exact=True).fill(name)
    tab.get_by_label("Your name", exact=True).press("Enter")
    tab.locator('[name="queue"]').focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("dialog.ga-review[open] .ga-large img")).to_be_visible()


def answer(tab: Page, key: str) -> str:
    """Settle the item in sight; returns its name, which is in sight with the next one."""
    before = tab.locator(".ga-review header > b").inner_text()
    tab.keyboard.press(key)
    expect(tab.locator(".ga-review header > b")).not_to_have_text(before)
    return tab.locator(".ga-last .ga-name").inner_text()


def stop_time(tab: Page) -> None:
    """From now on time passes in the tab only as the test says, however busy the machine is."""
    now = datetime.fromtimestamp(tab.evaluate("Date.now()") / 1000, UTC)
    tab.clock.pause_at(now + timedelta(seconds=1))


def pass_time_until_it_asks(tab: Page, path: str, method: str) -> None:
    """Let time pass until the tab asks the server for news."""
    asked: list[str] = []
    tab.on("request", lambda r: asked.append(r.url) if r.method == method and f"/{path}" in r.url else None)
    with tab.expect_response(lambda r: r.request.method == method and f"/{path}" in r.url):
        while not asked:
            tab.clock.run_for(STEP)


def test_two_browsers_settle_one_queue(server: Server, page: Page, browser: Browser) -> None:
    other = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    other.set_default_timeout(60_000)
    open_queue(page, server, "Ada")
    open_queue(other, server, "Ben")
    watching = page.context.new_page()  # what a third tab sees of both
    watching.set_default_timeout(60_000)
    watching.clock.install()
    watching.goto(f"{server.url}/disagreements?run={RUN}")
    watching.locator('[data-key="chart:settling"]').click()
    expect(watching.locator(".ga-settling [role=status]")).to_contain_text("held now: Ada 12, Ben 12")
    answered: dict[str, list[str]] = {"Ada": [], "Ben": []}
    # What both answer just after a question is seen by the next one, which comes in time.
    stop_time(watching)
    pass_time_until_it_asks(watching, "decisions", "POST")
    pass_time_until_it_asks(watching, "queue", "GET")
    for tab, name in ((page, "Ada"), (other, "Ben")):
        answered[name].append(answer(tab, "7"))
        expect(tab.locator(".ga-state")).to_have_text("all saved")
    watching.clock.run_for(WITHIN)
    expect(watching.locator(".ga-settling")).to_contain_text("2 settled: ")
    expect(watching.locator(".ga-card .ga-chip.done")).to_have_count(2)
    watching.clock.resume()
    for n in range(7):
        for tab, name in ((page, "Ada"), (other, "Ben")):
            answered[name].append(answer(tab, str(n % 7 + 1)))
        if n == TO_KILL:
            server.kill()  # kill -9: what is answered meanwhile waits in the browsers
    for tab in (page, other):
        expect(tab.locator(".ga-state")).to_contain_text("kept here")
    server.start()
    for tab in (page, other):
        expect(tab.locator(".ga-state")).to_have_text("all saved")
    log = store(server).log()
    assert {who: [d.image for d in log if d.reviewer == who] for who in answered} == answered
    assert len({d.image for d in log}) == 16  # no item twice
    frame = rows_of(Path(server.place) / "workspace" / "runs" / RUN)
    order = frame[frame["_split"] == ""].sort_values("confidence", kind="stable")["image"].head(40).tolist()
    assert set(log_images := [d.image for d in log]) <= set(order), log_images

    # Each sees the other's work without doing anything, and what is held is let go with the dialog.
    expect(watching.locator(".ga-settling")).to_contain_text("16 settled: ")
    expect(watching.locator(".ga-settling")).to_contain_text("How this is counted")
    for tab in (page, other):
        tab.keyboard.press("Escape")
        expect(tab.locator("dialog.ga-review[open]")).to_have_count(0)
        expect(tab.locator(".ga-card .ga-chip.done").first).to_be_visible()
    expect(watching.locator(".ga-settling [role=status]")).not_to_contain_text("held now")
    assert Queue(store(server)).held() == {}
    other.context.close()


def test_a_second_opinion_is_given_without_seeing_the_first(server: Server, page: Page) -> None:
    frame = rows_of(Path(server.place) / "workspace" / "runs" / RUN)
    first = str(frame[frame["_split"] == ""].sort_values("confidence")["image"].iloc[-1])  # no tile in sight is its
    page.goto(f"{server.url}/disagreements?run={RUN}&item={first}")
    expect(page.locator("dialog .ga-name")).to_have_text(first)
    page.locator('input[name="reviewer"]').fill("Ada")
    page.locator('input[name="reviewer"]').press("Enter")
    page.locator('[name="mark-second"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator('[name="mark-second"]')).to_have_attribute("aria-pressed", "true")
    page.locator(".ga-large").click()  # the keys belong to the item again
    page.keyboard.press("1")
    expect(page.locator(".ga-state")).to_have_text("all saved")
    page.keyboard.press("Escape")

    open_queue(page, server, "Ben")
    page.evaluate((packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    assert page.evaluate(RUN_AXE) == []
    answer(page, "3")  # every second one is a second answer while there are any
    expect(page.locator('[name="mark-second"]')).to_have_attribute("aria-pressed", "false")  # nothing gives it away
    expect(page.locator("dialog figure .ga-chip, dialog .ga-class.chosen, .ga-strip .on b")).to_have_count(0)
    assert answer(page, "2") == first
    expect(page.locator(".ga-state")).to_have_text("all saved")
    (_, pair) = Opinions(store(server)).agreements()
    assert (pair.who, pair.images, pair.same) == ("Ada with Ben", 1, 0)
    standing = {d.image: (d.reviewer, d.label) for d in store(server).standing()}
    assert standing[first] == ("Ada", CLASSES[0])
    page.keyboard.press("Escape")
    expect(page.locator(".ga-figures", has_text="Ada with Ben")).to_contain_text("0 %")
    page.goto(f"{server.url}/disagreements?run={RUN}&tag={DIFFERING}")
    expect(page.locator(".ga-card")).to_have_count(1)
    expect(page.locator(f'input[data-key="tag={DIFFERING}"]')).to_be_checked()
