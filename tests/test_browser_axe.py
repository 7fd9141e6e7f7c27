"""Every page of an empty workspace as axe-core sees it, light and dark, and how much moves while it loads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from app_server import CHROMIUM, FLAGS, Server, free_port
from node_checks import packages
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ui.wording import PAGES

expect.set_options(timeout=60_000)
MOST_SHIFT = 0.1  # of the layout; what web.dev calls good
SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts.push(e.value);
    }).observe({ type: "layout-shift", buffered: true });
"""
# What is being made anew is shown pale meanwhile.
OPAQUE = """() => document.querySelector('[data-testid="stApp"]').dataset.testScriptState === "notRunning"
    && [...document.querySelectorAll('[data-testid="stElementContainer"]')].every((e) => getComputedStyle(e).opacity === "1")"""
RUN_AXE = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
    .map((v) => [v.id, v.impact, v.nodes.length, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary.slice(0, 200)])"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def whole(page: Page, title: str) -> None:
    """Wait until the page stands as it will stay."""
    expect(page.locator(".lt-head h1")).to_have_text(title)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_function(OPAQUE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_moves_where_there_is_nothing_yet(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    script = (packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    server = Server(tmp_path, free_port())
    server.start()
    page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", color_scheme=scheme)
    page.set_default_timeout(60_000)
    page.add_init_script(SHIFTS)
    violations: list[tuple[Any, ...]] = []
    shifts: dict[str, float] = {}
    try:
        for text in PAGES:
            page.goto(f"{server.url}/{text.path}")
            whole(page, text.title)
            shifts[text.path] = sum(page.evaluate("window.shifts"))
            page.evaluate(script)
            violations += [(text.path, *v) for v in page.evaluate(RUN_AXE)]
        assert not violations, "\n".join(map(str, violations))
        assert max(shifts.values()) < MOST_SHIFT, shifts
    finally:
        page.close()
        server.kill()
