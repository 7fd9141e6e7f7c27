"""The map and the coders beside each other in a real browser: what is drawn around, and a cell, becomes the list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from app_server import Server, resting_box
from node_checks import packages
from playwright.sync_api import Page, expect
from test_browser_axe import RUN_AXE
from test_browser_gallery import RUN, choice, count, faces, page, server, shown

from ltnet_core.explore.coders import compare_coders
from ltnet_core.explore.map_filters import inside
from ltnet_core.explore.map_making import make_map
from ltnet_core.explore.wish import Wish
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, read_transitions

__all__ = ["faces", "page", "server"]  # the fixtures


def draw(page: Page, corners: list[tuple[float, float]]) -> None:
    """Draw an area on the map, in shares of its width and height."""
    canvas = page.locator(".ga-sheet canvas")
    canvas.scroll_into_view_if_needed()
    box = resting_box(canvas)
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def use_the_map_by_keyboard(page: Page, images: int) -> None:
    """What is in sight takes the place of what is drawn around, and Enter opens the image in the middle."""
    canvas, chip = page.locator(".ga-sheet canvas"), page.locator('.ga-remove[data-filter="area"]')
    canvas.press("0")
    canvas.press(" ")
    expect(chip).to_be_visible()
    assert count(page) == images
    everything = page.locator(".ga-head b").inner_text()
    for key in ("+", "+", "ArrowLeft", " "):
        canvas.press(key)
    expect(page.locator(".ga-head b")).not_to_have_text(everything)
    canvas.press("Enter")
    expect(page.locator("dialog.ga-review[open]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(canvas).to_be_focused()
    chip.click()
    expect(page.locator(".ga-remove")).to_have_count(0)


def filter_by_a_learned_matrix(page: Page, classes: Sequence[str], images: int, probability: float) -> None:
    """A cell of the chosen coder's matrix filters in the same view; so does a bar of the distributions."""
    page.locator('[name="its-matrix"]').press("Enter")
    page.locator('[data-key="learned:0:0"]').press("ArrowDown")
    cell = page.locator('[data-key="learned:1:0"]')
    expect(cell).to_be_focused()
    expect(cell).to_have_attribute("aria-label", re.compile(f"says {classes[0]}: {100 * probability:.0f} % "))
    cell.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**truth=**")
    expect(page.locator(".ga-remove")).to_have_count(2)
    assert count(page) == images > 0
    page.locator('[data-key="chart:distributions"]').press("Enter")
    bar = page.locator(f'[data-key="spread:truth={classes[1]}"]')
    expect(bar).to_have_attribute("aria-pressed", "true")
    expect(bar.locator(".ga-n")).to_have_text(str(images))
    bar.press("Enter")
    expect(page.locator(".ga-remove")).to_have_count(1)


def choose_the_size_of_images(page: Page) -> None:
    """Images are in sight on a small screen; their size is kept."""
    tile = page.locator(".ga-card").first
    medium = resting_box(tile)
    assert medium["y"] <= 300  # 400 pixels of images on the first screen
    page.locator('select[name="size"]').select_option("large")
    expect(page.locator('.ga-blocks[data-size="large"]')).to_be_visible()
    assert resting_box(tile)["width"] > medium["width"]
    page.reload()
    expect(page.locator('select[name="size"]')).to_have_value("large")
    page.locator('select[name="size"]').select_option("")


def open_charts_wide(page: Page) -> None:
    """Every chart is seen over the whole width; the map is without a finding of axe there."""
    page.locator('[data-key="chart:map"]').click()
    page.locator('[name="wide"]').click()
    for name, part in (("cases", ".ga-bar"), ("matrix", ".ga-cell"), ("coders", ".ga-cell"), ("settling", "h2")):
        page.locator(f'[data-key="chart:{name}"]').click()
        expect(page.locator(f".ga-wide {part}").and_(page.locator(":visible")).first).to_be_visible()
    # Cells of many coders have no texts that would hold their columns open, and a group begins with a line.
    page.locator('[data-key="chart:coders"]').click()
    narrowest = page.locator(".ga-wide .ga-agree .ga-cells").evaluate("""(box) => {
      box.classList.add("many");
      const cells = [...box.querySelectorAll(".ga-cell")];
      for (const cell of cells) cell.textContent = "";
      for (const row of box.querySelectorAll("tr")) row.cells[1].classList.add("begins");
      return Math.min(...cells.map((cell) => cell.getBoundingClientRect().width));
    }""")
    assert narrowest > 8
    page.locator('[data-key="chart:map"]').click()
    expect(page.locator(".ga-wide .ga-sheet canvas")).to_be_visible()
    page.evaluate(Path(packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    violations = [v for v in page.evaluate(RUN_AXE) if "ga-" in v[3] or "canvas" in v[3]]
    assert not violations


def test_what_is_drawn_around_on_the_map_and_a_cell_of_the_coders_become_the_list(server: Server, page: Page) -> None:
    run = Run(server.place / "workspace" / "runs" / RUN)
    item_map, items = make_map(run), load_items(run)
    learned_from = items.split == items.splits.index("")
    page.set_viewport_size({"width": 1366, "height": 700})
    page.goto(f"{server.url}/disagreements?run={RUN}")
    expect(shown(page).first).to_be_visible()
    choose_the_size_of_images(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator('[data-key="chart:map"]').click()
    expect(page.locator(".ga-map[data-version]")).to_be_visible()

    draw(page, [(0.02, 0.02), (0.6, 0.02), (0.6, 0.98), (0.02, 0.98)])
    chip = page.locator('.ga-remove[data-filter="area"]')
    expect(chip).to_have_text("An area of the map ✕")
    page.wait_for_url("**area=**")
    area = parse_qs(urlsplit(page.url).query)["area"][0]
    points = item_map.row[inside(Wish.parse({"area": area}).area, item_map.x, item_map.y)]
    drawn = int(learned_from[points].sum())
    assert 0 < drawn < learned_from.sum()
    assert count(page) == drawn
    page.reload()
    expect(chip).to_be_visible()
    assert count(page) == drawn

    page.locator("summary", has_text="Regions of the map").press("Enter")
    region = page.locator('[data-key="region:1"]')
    region.press("Enter")
    expect(region).to_have_attribute("aria-pressed", "true")
    page.wait_for_url("**region=1**")
    both = np.isin(points, item_map.row[item_map.region == 0])
    assert count(page) == int(learned_from[points[both]].sum())
    page.get_by_role("button", name="clear all").click()
    expect(page.locator(".ga-remove")).to_have_count(0)

    use_the_map_by_keyboard(page, int(learned_from[item_map.row].sum()))
    page.locator('[data-filter="neighbours"] summary').click()
    choice(page, "neighbours", "outlier").check()
    page.wait_for_url("**neighbours=outlier**")
    assert count(page) == int(learned_from[item_map.row[item_map.outlier]].sum())
    page.locator('select[name="map-by"]').select_option("*labels*")
    expect(page.locator(".ga-map .ga-key")).to_contain_text("coders differ")
    page.locator('.ga-remove[data-filter="neighbours"]').click()
    expect(page.locator(".ga-remove")).to_have_count(0)

    page.locator('[data-key="chart:coders"]').click()
    cell = page.locator('.ga-agree .ga-cell[aria-label*=" agree on "]').first
    row, column = (int(cell.get_attribute(f"data-{name}") or "") for name in ("row", "column"))
    cell.press("Enter")
    page.wait_for_url("**labels=differ**")
    first, second = (compare_coders(items).coders[n] for n in (row, column))
    a, b = (items.labels.of_coder(items.coder(c)) for c in (first, second))
    assert count(page) == int((learned_from & (a >= 0) & (b >= 0) & (a != b)).sum())
    page.locator(".ga-agree th button").nth(row).press("Enter")
    expect(page.locator(".ga-coder")).to_contain_text(f"{int((a >= 0).sum())} labels;")

    page.get_by_role("button", name="clear all").click()
    p = read_transitions(run)["coders"][first][1][0]
    filter_by_a_learned_matrix(page, items.classes, int((learned_from & (items.truth == 1) & (a == 1)).sum()), p)
    open_charts_wide(page)
