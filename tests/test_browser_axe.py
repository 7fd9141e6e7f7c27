"""Every page as axe-core reads it, light and dark: empty, with a finished run, while training; and how much moves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from app_server import Server, free_port, holds, resting_box
from fake_run import write_fake_run
from node_checks import packages
from page_driver import link
from playwright.sync_api import Browser, Page, expect

from ltnet_core.files.writing import write_json
from ltnet_core.runs.run import Run
from ui.wording import EVERY_PAGE, PAGES, PageText

expect.set_options(timeout=60_000)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
LEAST_GALLERY = 400  # px of it on a screen of 1366 × 700
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
# The log has been scrolled as far as it goes.
AT_ITS_END = """() => { let e = [...document.querySelectorAll("details[open] pre")].at(-1);
    while (e && (e.scrollHeight <= e.clientHeight || getComputedStyle(e).overflowY === "visible")) e = e.parentElement;
    return e?.closest("details") && e.scrollTop > 0 && e.scrollTop + e.clientHeight > e.scrollHeight - 9; }"""
SHOWN_IN = """(scheme) =>
    getComputedStyle(document.querySelector('[data-testid="stApp"]')).colorScheme === scheme"""
# The colours differ between light and dark, nothing else.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
SHOWN_BY = {"Coders": ".ga-agree table", "Transitions": '[data-key="learned:0:0"]', "Distributions": ".ga-spread-bar"}
WHOLE = """() => { const page = document.querySelector('[data-testid="stMain"]'); return page.scrollWidth <= page.clientWidth
    && [...page.querySelectorAll(".main-svg")].every((e) => e.getBoundingClientRect().right <= innerWidth)
    && [...page.querySelectorAll(".js-plotly-plot:has(.legend)")].every((e) => { const [a, b] = [".legend", ".nsewdrag"]
        .map((part) => e.querySelector(part).getBoundingClientRect()); return a.bottom <= b.top + 1; }); }"""
NOT_CUT = "(texts) => texts.length > 0 && texts.every((e) => e.scrollWidth <= e.clientWidth)"
# How the parts of a page stand at a width of the window.
LINED_UP = {
    ("dataset", 768): """() => { const [a, b] = ["Class balance", "Check-up"].map((text) =>
        [...document.querySelectorAll(".lt-h")].find((e) => e.textContent.startsWith(text)).getBoundingClientRect());
        return a.left === b.left && [...document.querySelectorAll(".lt-scroll")].every((e) => e.scrollWidth <= e.clientWidth); }""",
    ("transitions", 768): """() => { const [a, b] = ["view", "order"].map((n) =>
        document.querySelector(`[class*="st-key-q_${n}"]`).getBoundingClientRect()); return a.bottom > b.top + 9; }""",
    (
        "compare",
        768,
    ): """() => { const e = document.querySelector(".lt-scroll"), row = e.querySelector("tr:nth-child(2)");
        return e.scrollWidth <= e.clientWidth && row.offsetHeight < 50; }""",
    **{
        (path, 1920): """() => { const main = document.querySelector('[data-testid="stMainBlockContainer"]');
        const right = Math.max(...[...document.querySelectorAll(".js-plotly-plot, .lt-found")].map((e) => e.getBoundingClientRect().right));
        return right > main.getBoundingClientRect().right - 120; }"""
        for path in ("dataset", "train")
    },
    ("compare", 1280): """() => { const [a, b] = ["confusion", "calibration"].map((n) =>
        document.querySelector(`[class*="st-key-${n}_"]`).getBoundingClientRect());
        return b.left >= a.right && a.bottom > b.top; }""",
    ("export", 1280): """() => { const [a, b] = [...document.querySelectorAll('[data-testid="stLinkButton"] a')]
        .filter((e) => /^Download/.test(e.textContent)).slice(4, 6).map((e) => e.getBoundingClientRect().top);
        return Math.abs(a - b) < 1; }""",
}
RUN_AXE = """async (rules) => (await axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) })).violations
    .map((v) => [v.id, v.impact, v.nodes.length, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary.slice(0, 200)])"""


def whole(page: Page, title: str) -> None:
    """Wait until the page stands as it will stay."""
    expect(page.locator(".lt-head h1")).to_have_text(title)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    holds(page, OPAQUE)


@dataclass(frozen=True)
class Box:
    """Where an element stands, in pixels of the window."""

    left: float
    top: float
    right: float
    bottom: float


def box(page: Page, selector: str, text: str = "") -> Box:
    area = resting_box(page.locator(selector).filter(has_text=text).first)
    return Box(area["x"], area["y"], area["x"] + area["width"], area["y"] + area["height"])


class Reader:
    """A tab whose pages axe-core reads; keeps what it finds, and how much moved while each page loaded."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        self.page.set_default_timeout(60_000)
        self.page.add_init_script(SHIFTS)
        self.script = (packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
        self.server = server
        self.violations: list[tuple[Any, ...]] = []
        self.shifts: dict[str, float] = {}

    def open(self, text: PageText, query: str = "") -> None:
        """Load a page."""
        self.page.goto(f"{self.server.url}/{text.path}{query}")
        whole(self.page, text.title)
        self.shifts[text.path + query] = sum(self.page.evaluate("window.shifts"))
        self.page.evaluate(self.script)

    def read(self, what: str, schemes: Sequence[Scheme] = SCHEMES) -> None:
        """Read what is shown now, light and dark."""
        for scheme in schemes:
            self.page.emulate_media(color_scheme=scheme)
            holds(self.page, SHOWN_IN, scheme)
            holds(self.page, OPAQUE)
            rules = OF_COLOURS if scheme == "dark" else None
            self.violations += [(scheme, what, *v) for v in self.page.evaluate(RUN_AXE, rules)]

    def require_nothing(self) -> None:
        """Neither a violation nor a page that moves."""
        assert not self.violations, "\n".join(map(str, self.violations))
        assert max(self.shifts.values()) < MOST_SHIFT, self.shifts


@pytest.fixture
def reader(browser: Browser, tmp_path: Path) -> Iterator[Reader]:
    server = Server(tmp_path, free_port())
    server.start()
    reader = Reader(browser, server)
    yield reader
    reader.page.close()
    server.kill()


def test_axe_finds_nothing_and_nothing_moves_where_there_is_nothing_yet(reader: Reader) -> None:
    for text in PAGES:
        reader.open(text)
        reader.read(text.path)
        if text.path == "export":
            empty, link = (
                box(reader.page, ".lt-empty"),
                box(reader.page, '[data-testid="stMain"] [data-testid="stPageLink"]'),
            )
            assert abs(empty.left + empty.right - link.left - link.right) < 4  # what to do stands below why
        if text.path == "dataset":
            reader.page.set_viewport_size({"width": 768, "height": 1024})
            holds(reader.page, WHOLE)
            assert reader.page.locator(".fu-line:visible, .fu-title").evaluate_all(NOT_CUT)
            reader.page.set_viewport_size({"width": 1280, "height": 800})
    reader.require_nothing()


def look_at_the_dialog(reader: Reader) -> None:
    """Image first, then with labels and reasons; on a narrow and on a low screen nothing is cut."""
    page = reader.page
    page.get_by_role("button", name="Settle these").click()
    expect(page.locator("dialog.ga-review[open] .ga-large img")).to_be_visible()
    reader.read("dialog, image first")
    before, picture = box(page, ".ga-class"), box(page, ".ga-large")
    page.keyboard.press("1")
    expect(page.locator(".ga-state")).to_have_text("all saved")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".ga-review .ga-reason").first).to_be_visible()
    reader.read("dialog, answered")
    dialog = box(page, "dialog.ga-review")
    assert (box(page, ".ga-class"), box(page, ".ga-large")) == (before, picture)  # nothing jumps when the labels come
    assert box(page, ".ga-about .ga-confidence").bottom <= box(page, ".ga-strip").top  # the labels, at 800 px
    assert box(page, ".ga-class:last-child").bottom <= dialog.bottom
    page.set_viewport_size({"width": 768, "height": 1024})
    close, dialog = box(page, ".ga-review header button[title^=Close]"), box(page, "dialog.ga-review")
    assert close.top < dialog.top + 20
    assert close.right > dialog.right - 30
    assert box(page, ".ga-review header button[name=keys]").top < dialog.top + 20
    assert box(page, ".ga-class:last-child").bottom <= box(page, ".ga-settle .ga-row").top  # no class is cut
    picture = box(page, ".ga-large")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".ga-review .ga-reason")).to_have_count(0)
    assert box(page, ".ga-large") == picture  # of the next image, without labels
    page.locator(".ga-review figure .ga-name").first.evaluate("(e) => { e.textContent = ''; }")
    assert box(page, ".ga-large") == picture  # nor where nothing is said below the image
    page.keyboard.press("Escape")


# Names that take two lines: no choice of a filter reaches into the next.
APART = """() => { const all = [...document.querySelectorAll('[data-testid="stMain"] *')].map((e) => e.shadowRoot).find((r) => r?.querySelector(".ga-choice"));
    const choices = [...all.querySelectorAll('[data-filter^="says."] .ga-choice')], names = choices.map((e) => e.querySelector("bdi"));
    const before = names.map((e) => e.textContent);
    names.forEach((e) => { e.textContent = "sadness or disappointment of the person"; });
    const apart = choices.length > 5 && choices.every((e) => e.querySelector("bdi").getBoundingClientRect().height <= e.getBoundingClientRect().height);
    names.forEach((e, n) => { e.textContent = before[n]; });
    return apart; }"""


def look_at_the_gallery(reader: Reader) -> None:
    """Faces are on the first screen, and the bars keep their rows while one of them filters."""
    page = reader.page
    expect(page.locator(".ga-card:not(.waits) img").first).to_be_visible()
    page.set_viewport_size({"width": 1366, "height": 700})
    assert 700 - box(page, ".ga-grid").top >= LEAST_GALLERY
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator(".ga-bar").first).to_be_visible()
    holds(page, APART)
    bars = page.locator(".ga-bar").count()
    page.locator(".ga-bar").first.locator(".ga-part").first.click()
    expect(page.locator(".ga-part.on")).to_be_visible()
    expect(page.locator(".ga-grid:not(.stale)")).to_be_visible()
    reader.read("disagreements, filtered")
    expect(page.locator(".ga-bar")).to_have_count(bars)
    for scheme in SCHEMES:
        for chart in ("Matrix", "Transitions", "Distributions", "Coders", "Map", "Settling", "Cases"):
            page.locator(".ga-charts").get_by_role("button", name=chart, exact=True).click()
            expect(page.locator(f".ga-tab[data-key='chart:{chart.lower()}']")).to_have_attribute("aria-pressed", "true")
            if (shown := SHOWN_BY.get(chart)) is not None:
                expect(page.locator(shown).first).to_be_visible()
            if chart == "Coders" and scheme == "light":
                page.locator(".ga-agree th button").first.click()
                expect(page.locator(".ga-coder .ga-drift")).to_be_visible()
            if chart != "Cases":
                reader.read(f"chart {chart}", (scheme,))
    page.locator(".ga-pick input").first.click()
    expect(page.locator(".ga-many b")).to_have_text("1 chosen")
    reader.read("an image chosen")
    page.locator(".ga-pick input").first.click()
    page.locator('[name="history"]').click()
    expect(page.locator("dialog.ga-history[open] .ga-quiet").last).not_to_be_empty()
    reader.read("history")
    page.keyboard.press("Escape")


def test_axe_finds_nothing_with_results_in_the_dialog_and_while_training(
    reader: Reader, demo: Path, tmp_path: Path
) -> None:
    page, runs = reader.page, tmp_path / "workspace" / "runs"
    link(tmp_path / "workspace", demo)
    write_fake_run(runs / "faces-1", demo)
    refit = write_fake_run(runs / "faces-2", demo) / "spec.json"
    spec = json.loads(refit.read_text(encoding="utf-8"))
    write_json(refit, {**spec, "like": str(runs / "faces-1"), "adjudications": 1})
    training = Run(write_fake_run(runs / "faces-3", demo, finished=False))
    (training.folder / "log.txt").write_text("one line\n" * 150, encoding="utf-8")
    for text in EVERY_PAGE:
        reader.open(text, "?dataset=faces&run=faces-2" + "&with=faces-1" * (text.path == "compare"))
        if text.path == "dataset":
            first, second = box(page, ".lt-h", "Class balance"), box(page, ".lt-h", "Check-up")
            assert first.top == second.top
        if text.path != "disagreements":
            reader.read(text.path)
            for width in (768, 1280, 1920):
                if width == 1920 and (text.path, width) not in LINED_UP:
                    continue
                page.set_viewport_size({"width": width, "height": 800})
                holds(page, WHOLE)
                if (text.path, width) in LINED_UP:
                    holds(page, LINED_UP[text.path, width])
            continue
        look_at_the_gallery(reader)
        look_at_the_dialog(reader)
        page.set_viewport_size({"width": 1280, "height": 800})
    with training.lock():
        training.emit("progress", stage="ltnet", progress=0.8, eta_seconds=9.0, images_per_second=1234.5)
        reader.open(EVERY_PAGE[1], "?dataset=faces&run=faces-3")
        expect(page.locator(".lt-crumbs .lt-state-running")).to_be_visible()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        reader.read("training")
        page.get_by_text("Log", exact=True).click()
        holds(page, AT_ITS_END)
    reader.require_nothing()
