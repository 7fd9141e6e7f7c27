"""Figures that everybody can read: contrast on every shade, and marks beside the colours."""

from __future__ import annotations

import re

import numpy as np
import pytest
from app_server import ROOT

from ui import charts, prediction, wording

SHADES = np.linspace(0, 1, 100)
LIGHT, DARK = (255, 255, 255), (18, 21, 28)  # the app's backgrounds
CLASSES = [f"class {k}" for k in range(10)]


def luminance(colour: tuple[float, ...]) -> float:
    """Of an sRGB colour, as WCAG 2.2 defines it."""
    c = np.asarray(colour) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", [LIGHT, DARK])
@pytest.mark.parametrize(("view", "sign"), [("probability", 1), ("difference", -1)])
def test_the_number_in_a_cell_can_be_read_on_every_shade(ground: tuple[int, ...], view: str, sign: int) -> None:
    figure = charts.heatmap(sign * SHADES.reshape(10, 10), CLASSES, CLASSES, "Ann", view=view)
    strongest = tuple(map(float, figure.data[0].colorscale[0 if sign < 0 else -1][1][5:].split(",")[:3]))
    black_or_white = (255, 255, 255) if ground == DARK else (0, 0, 0)  # `.textpoint` in assets/style.css
    read = 0
    for cells in figure.data[1:]:
        ink = (255, 255, 255) if cells.textfont.color == "#ffffff" else black_or_white
        for shade in SHADES[10 * cells.y + cells.x]:
            blend = tuple(shade * s + (1 - shade) * g for s, g in zip(strongest, ground, strict=True))
            assert contrast(ink, blend) >= 4.5, (shade, ink, blend)
            read += 1
    assert read == len(SHADES)


@pytest.mark.parametrize(
    ("code", "classes", "angle"), [("Ab", 7, 0), ("C0", 16, 0), ("C00", 25, -90), ("a long code", 5, -90)]
)
def test_codes_above_a_matrix_stand_upright_where_they_would_overlap(code: str, classes: int, angle: int) -> None:
    codes = [code] * classes
    assert charts.heatmap(np.eye(classes), codes, codes, "Ann").layout.xaxis.tickangle == angle


def test_the_cells_of_a_prediction_can_be_read_on_every_shade() -> None:
    style = (ROOT / "assets" / "style.css").read_text(encoding="utf-8")
    cell = re.search(r"\.lt-seen td\[style\] \{[^}]*color: light-dark\(#000, #fff\);[^}]*#(\w{6}) var\(--v\)", style)
    assert cell, "the rule of a cell"
    strongest = tuple(bytes.fromhex(cell[1]))
    for ground, ink in ((LIGHT, (0, 0, 0)), (DARK, (255, 255, 255))):
        for shade in SHADES:
            white = 'class="strong"' in prediction._cell(float(shade))
            blend = tuple(shade * s + (1 - shade) * g for s, g in zip(strongest, ground, strict=True))
            assert contrast((255, 255, 255) if white else ink, blend) >= 4.5, shade


def test_coders_and_stages_differ_by_more_than_their_colour() -> None:
    names = [f"c{n}" for n in range(8)]
    bars = charts.class_balance({c: [1, 2] for c in names}, ["cat", "dog"], ["Ca", "Do"])
    assert len({bar.marker.pattern.shape for bar in bars.data}) == 8
    epochs = [{"epoch": n, "train_loss": 1.0, "validation_loss": 2.0} for n in range(1, 40)]
    curves = charts.curves(dict.fromkeys(names, epochs), "loss", {})
    held_out = [c for c in curves.data if c.line.dash == "solid"]
    assert len({c.marker.symbol for c in held_out}) == 8
    assert all(c.mode == "lines+markers" for c in held_out)


def test_the_number_of_the_longest_bar_has_room_beside_it() -> None:
    figure = charts.method_bars({"LTNet": 0.88, "majority vote": 0.71}, "LTNet")
    assert figure.layout.xaxis.range == (0, 0.88)
    assert figure.layout.margin.r >= 60
    assert charts.method_bars({"LTNet": 0.0}, None).layout.xaxis.range[1] > 0


def test_long_names_leave_the_bars_their_room() -> None:
    long = "Crowd workers of the second batch, filtered by attention checks alone"
    figure = charts.method_bars({long: 0.7, long + "!": 0.8, "LTNet": 0.9}, "LTNet")
    lines = [text.split("<br>") for text in figure.layout.yaxis.ticktext]
    assert all(len(line) <= charts.LINE + 2 for text in lines for line in text)
    assert [len(text) for text in lines] == [2, 2, 1]
    assert [name for (name,) in figure.data[0].customdata] == [long, long + "!", "LTNet"]
    assert len(figure.data[0].y) == 3  # two names that begin alike are two bars
    arabic = charts.method_bars({wording.method_name(f"coder:{'عربي ' * 9}"): 0.5}, None).layout.yaxis.ticktext[0]
    assert [(line.count("\u2068"), line.count("\u2069")) for line in arabic.split("<br>")] == [(1, 1), (1, 1)]
    below = [
        charts.class_balance({"A": [1, 2]}, [name, "dog"], ["Ca", "Do"]).data[0].x
        for name in ("cat", "a cat or a kitten")
    ]
    assert below == [("cat", "dog"), ("Ca", "Do")]
    titles = [charts.heatmap(np.eye(2), ["a", "b"], ["a", "b"], name).layout.xaxis.title.text for name in ("Ann", long)]
    assert titles == ["Ann says", "the coder says"]


def test_the_five_cases_differ_by_lightness_or_pattern_for_those_who_do_not_see_green() -> None:
    """With deuteranopia, by Viénot, Brettel and Mollon, Color Research and Application 24 (1999), roughly."""
    style = (ROOT / "assets" / "gallery" / "gallery.css").read_text(encoding="utf-8")
    cases = re.findall(r"\.ga-case([1-5]) \{ --case: ([^;]+);", style)
    assert sorted(number for number, _ in cases) == list("12345")
    titles = []
    for _, colour in cases:
        red, green, blue = bytes.fromhex(re.findall(r"#(\w{6})", colour)[0])
        yellow = 0.625 * red + 0.375 * green
        titles.append((re.findall(r"gradient\((\d+)deg", colour), (yellow, yellow, 0.3 * green + 0.7 * blue)))
    for n, (pattern, colour) in enumerate(titles):
        for other_pattern, other in titles[n + 1 :]:
            assert pattern != other_pattern or contrast(colour, other) > 1.15, (colour, other)
