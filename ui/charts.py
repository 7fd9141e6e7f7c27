"""Plotly figures as pure functions of numbers and names.

Text colours are left to the theme, and scales run from transparent to a colour, so that a figure
looks right in the light and in the dark.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from ltnet_core.annotations import FloatArray
from ltnet_core.explore.figures import CalibrationCurve
from ltnet_core.files.printing import counted
from ltnet_core.labels.identifiability import ENOUGH
from ui.wording import name as isolated

PALETTE = ("#4c6ef5", "#12b886", "#f59f00", "#e64980", "#7950f2", "#15aabf", "#fd7e14", "#82c91e")
BLUE, ORANGE = "59,91,219", "191,59,10"
WHITE_FROM = 0.89  # of a scale's colour over white: here white and black read alike, at 4.5 to 1
PATTERNS = ("", "/", ".", "x", "-", "\\", "+", "|")  # beside the colour, which not everybody tells apart
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "x", "pentagon")
CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]], "displayModeBar": "hover"}
MOST_MARKERS = 9  # on a curve
LEGEND_LINE = 20  # pixels
CLEAR = "rgba(0,0,0,0)"
INK = "rgb(128, 128, 128)"  # stands for the theme's text colour, which the style sheet puts in its place
HATCHED = {"fillmode": "overlay", "fgcolor": "rgba(255,255,255,.85)", "size": 7, "solidity": 0.25}
LINE = 26  # characters of a name beside a bar
MOST_NAMES, LONGEST_NAME = 10, 14  # of classes, in full below bars
LONGEST_TITLE = 32  # characters of a coder above its matrix
MOST_TEXT = 16  # beyond so many classes numbers in cells are unreadable
ROOM_FOR_CODES = 300  # pixels above a matrix at its narrowest; codes that need more stand upright


@dataclass(frozen=True)
class RowEvidence:
    """What a matrix rests on: (K,) annotations behind each row, (K,K) ends of each cell's 95 % interval.

    ``expected`` (K,K) are the annotations of each cell, each shared out over the rows by the probability of its truth;
    ``images`` (K,K) those whose most probable truth is the row's class, as the gallery shows them.
    """

    support: Sequence[float]
    low: Sequence[Sequence[float]]
    high: Sequence[Sequence[float]]
    expected: Sequence[Sequence[float]] | None = None
    images: Sequence[Sequence[int]] | None = None

    def weak(self) -> NDArray[np.bool_]:
        """(K,) rows with fewer annotations than a matrix needs."""
        return np.asarray(self.support) < ENOUGH

    def ordered(self, order: NDArray[np.int64]) -> RowEvidence:
        """The same with the classes in another order."""
        cells = np.ix_(order, order)
        low, high = (np.asarray(x)[cells].tolist() for x in (self.low, self.high))
        counts = [None if x is None else np.asarray(x)[cells].tolist() for x in (self.expected, self.images)]
        return RowEvidence([self.support[k] for k in order], low, high, *counts)

    def lines(self, row: int, column: int, view: str) -> list[str]:
        """What hovering over a cell adds: each figure with what it counts."""
        out = []
        if view == "probability":
            out.append(f"95 % interval {100 * self.low[row][column]:.0f} to {100 * self.high[row][column]:.0f} %")
        if self.expected is not None:
            of = sum(self.expected[row])
            out.append(f"expected: {self.expected[row][column]:,.1f} of the row’s {of:,.1f} annotations")
        if self.images is not None:
            behind = sum(self.images[row])
            out.append(
                f"by the most probable truth: {self.images[row][column]:,} of the row’s {counted(behind, 'image')}"
            )
        return [*out, f"evidence: the row rests on {counted(round(self.support[row]), 'annotation')} of sure truth"]


def _text(name: object) -> str:
    """A name for Plotly, which reads a little HTML in its texts."""
    return html.escape(isolated(str(name))).replace("%{", "%\u200b{")


def _lines(name: str) -> list[str]:
    """A long name on two lines; the end of a very long one is left out."""
    lines = textwrap.wrap(name, LINE, max_lines=2, placeholder=" …")
    if len(lines) < 2:
        return [name]
    return [re.sub("[\u2068\u2069]", "", line) for line in lines]  # each is isolated by itself: no pair is torn apart


def names_fit(classes: Sequence[str]) -> bool:
    """Whether the names of the classes fit below bars; else their codes stand there."""
    return len(classes) <= MOST_NAMES and all(len(c) <= LONGEST_NAME for c in classes)


def _frame(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    figure.update_layout(_layout(height), **layout)
    return figure


def _layout(height: int) -> dict[str, Any]:
    """What all figures have in common."""
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "hoverlabel": {"align": "left"},
        "modebar": {"bgcolor": CLEAR},
        "legend": {"orientation": "h", "yref": "container", "yanchor": "top", "y": 1, "x": 0, "title": {"text": None}},
    }


def class_balance(coders: Mapping[str, ArrayLike], classes: Sequence[str], codes: Sequence[str]) -> go.Figure:
    """Share of each class in each coder's labels (counts (K,) per coder), grouped bars."""
    figure = go.Figure()
    below = classes if names_fit(classes) else codes
    for position, (coder, counts) in enumerate(coders.items()):
        n = np.asarray(counts, dtype=float)
        share = n / max(n.sum(), 1)
        figure.add_bar(
            x=[_text(c) for c in below],
            y=share,
            name=_text(coder),
            marker={
                "color": PALETTE[position % len(PALETTE)],
                "pattern": {"shape": PATTERNS[position % len(PATTERNS)], **HATCHED},
            },
            customdata=[[_text(c), _text(coder), int(v)] for c, v in zip(classes, n, strict=True)],
            hovertemplate="%{customdata[1]}: %{customdata[0]}<br>%{y:.1%} (%{customdata[2]:,} labels)<extra></extra>",
        )
    figure.update_xaxes(type="category", tickfont_size=13)
    figure.update_yaxes(tickformat=".0%", tickfont_size=12, rangemode="tozero")
    return _frame(figure, 300, barmode="group", bargap=0.25, bargroupgap=0.06)


def scale_css(view: str) -> str:
    """The heatmap's colour scale as a CSS gradient."""
    if view == "difference":
        return f"linear-gradient(90deg, rgb({ORANGE}), transparent, rgb({BLUE}))"
    return f"linear-gradient(90deg, transparent, rgb({BLUE}))"


def heatmap(
    values: ArrayLike,
    classes: Sequence[str],
    codes: Sequence[str],
    coder: str,
    *,
    view: str = "probability",
    limit: float = 1.0,
    evidence: RowEvidence | None = None,
) -> go.Figure:
    """A (K,K) matrix, rows are truth.

    With ``evidence`` each row says how many annotations it rests on, rows with too few are
    hatched, and hovering over a probability shows its interval.

    ``view`` is ``probability`` (0 to 1), ``difference`` (−limit to limit) or ``counts`` (shaded by
    share of the row). Each cell carries an invisible marker, because heatmap cells cannot be clicked:
    ``customdata`` is (truth index, said index).
    """
    z = np.asarray(values, dtype=float)
    shade = z
    if view == "counts":
        shade = z / np.maximum(z.sum(1, keepdims=True), 1e-12)
    colours = [[0, f"rgba({BLUE},0)"], [1, f"rgba({BLUE},1)"]]
    low, high = 0.0, limit
    if view == "difference":
        # Two stops in the middle, or what is a little below nothing would be bluish.
        middle = [[0.5, f"rgba({ORANGE},0)"], [0.5, f"rgba({BLUE},0)"]]
        colours = [[0, f"rgba({ORANGE},1)"], *middle, [1, f"rgba({BLUE},1)"]]
        low = -limit
    k = len(classes)
    # Plain dicts that become a figure at once: adding to a figure part by part takes ten times as long.
    traces: list[dict[str, Any]] = [
        {"type": "heatmap", "z": shade, "zmin": low, "zmax": high, "colorscale": colours, "showscale": False,
         "hoverinfo": "skip", "xgap": 2, "ygap": 2}
    ]  # fmt: skip
    traces += _cell_markers(z, shade / limit, classes, coder, view, evidence)
    ticks = {"tickmode": "array", "tickvals": list(range(k)), "ticktext": [_text(c) for c in codes]}
    size = 13 if k <= MOST_TEXT else 9
    common = {"showgrid": False, "zeroline": False, "ticks": "", "tickfont": {"size": size}, "fixedrange": True} | ticks
    side_by_side = 0.6 * size * max(map(len, codes), default=0) * k <= ROOM_FOR_CODES
    angle = 0 if side_by_side else -90
    who = _text(coder) if len(coder) <= LONGEST_TITLE else "the coder"  # whose name stands above
    title = {"text": f"{who} says", "font": {"size": 13}}
    end = k + 0.1 + 0.06 * k if evidence else k - 0.5
    layout = {
        **_layout(400),
        "clickmode": "event+select",
        "dragmode": False,
        "xaxis": {**common, "side": "top", "title": title, "tickangle": angle, "range": [-0.5, end]},
        "yaxis": {**common, "title": {"text": "truth", "font": {"size": 13}}, "range": [k - 0.5, -0.5]},
    }
    if evidence:
        layout["annotations"] = _supports(evidence)
        traces += _hatching(evidence, k)
    return go.Figure(traces, layout)


def _cell_markers(
    z: FloatArray, shade: FloatArray, classes: Sequence[str], coder: str, view: str, evidence: RowEvidence | None
) -> list[dict[str, Any]]:
    """The numbers in the cells and what is told on hovering: a trace for dark and one for light cells."""
    k, out = len(classes), []
    texts = np.asarray([_cell(v, view) for v in z.ravel()], dtype=object)
    says, names = _text(coder), [_text(c) for c in classes]
    rows, columns = np.divmod(np.arange(k * k), k)
    strong = np.abs(shade.ravel()) > WHITE_FROM
    for part, colour in ((~strong, INK), (strong, "#ffffff")):
        if not part.any():
            continue
        cells = list(zip(rows[part].tolist(), columns[part].tolist(), strict=True))
        out.append(
            {
                "type": "scatter",
                "x": columns[part],
                "y": rows[part],
                "mode": "markers+text" if k <= MOST_TEXT else "markers",
                "text": texts[part],
                "textposition": "middle center",
                "textfont": {"size": 14 if k <= 8 else 11, "color": colour},
                "marker": {"symbol": "square", "size": max(6, min(40, 300 // k)), "opacity": 0},
                "selected": {"marker": {"opacity": 0}},
                "unselected": {"marker": {"opacity": 0}, "textfont": {"color": colour}},
                "customdata": cells,
                "hovertext": [
                    _hover(says, names[r], names[c], z[r, c], view)
                    + "".join(f"<br>{line}" for line in (evidence.lines(r, c, view) if evidence else ()))
                    for r, c in cells
                ],
                "hoverinfo": "text",
                "showlegend": False,
            }
        )
    return out


def _supports(evidence: RowEvidence) -> list[dict[str, Any]]:
    """The number of annotations at the right of each row."""
    k = len(evidence.support)
    return [
        {
            "x": k - 0.4, "y": y, "text": "n" if n is None else f"{n:,.0f}", "showarrow": False, "xanchor": "left",
            "yanchor": "bottom" if n is None else "middle", "font": {"size": 11, "color": INK},
        }
        for y, n in zip([-0.5, *range(k)], [None, *evidence.support], strict=True)
    ]  # fmt: skip


def _hatching(evidence: RowEvidence, k: int) -> list[dict[str, Any]]:
    """Lines over the rows with too few annotations."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row in np.flatnonzero(evidence.weak()):
        for start in np.arange(-0.5, k - 0.5, 0.2).tolist():
            x += [start, min(start + 0.2, k - 0.5), None]
            y += [float(row) + 0.46, float(row) - 0.46, None]
    line = {"width": 1, "color": "rgba(128,128,128,.55)"}
    trace = {"type": "scatter", "x": x, "y": y, "mode": "lines", "line": line, "hoverinfo": "skip", "showlegend": False}
    return [trace] if x else []


def cell_texts(values: ArrayLike, view: str) -> list[list[str]]:
    """What stands in the cells of a matrix."""
    return [[_cell(float(v), view) for v in row] for row in np.asarray(values, dtype=float)]


def _cell(value: float, view: str) -> str:
    if np.isnan(value):
        return "?"
    if view == "counts":
        return f"{value:,.0f}"
    if view == "difference":
        rounded = round(value, 2)
        return "·" if rounded == 0 else f"{rounded:+.2f}".replace("0.", ".").replace("-", "−")
    return "·" if value < 0.005 else f"{value:.2f}".lstrip("0")


def _hover(coder: str, truth: str, label: str, value: float, view: str) -> str:
    where = f"truth <b>{truth}</b><br>{coder} says <b>{label}</b><br>"
    if np.isnan(value):
        return where + "not known"
    if view == "counts":
        return where + f"{value:,.1f} annotations"
    if view == "difference":
        return where + f"{100 * value:+.1f} points".replace("-", "−")
    return where + f"{100 * value:.1f} %"


def curves(history: Mapping[str, Sequence[Mapping[str, Any]]], key: str, names: Mapping[str, str]) -> go.Figure:
    """One stage a colour; training dotted, validation solid. ``key`` is ``loss`` or ``agreement``."""
    figure = go.Figure()
    for position, (stage, epochs) in enumerate(history.items()):
        colour = PALETTE[position % len(PALETTE)]
        for part, dash in (("train", "dot"), ("validation", "solid")):
            y = [e.get(f"{part}_{key}") for e in epochs]
            if all(v is None for v in y):
                continue
            name = _text(names.get(stage, stage))
            figure.add_scatter(
                x=[e["epoch"] for e in epochs],
                y=y,
                name=name,
                legendgroup=stage,
                showlegend=part == "validation",
                mode="lines+markers" if part == "validation" or len(epochs) < 3 else "lines",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"symbol": SYMBOLS[position % len(SYMBOLS)], "size": 7, "maxdisplayed": MOST_MARKERS},
                hovertemplate=f"{name}, {part}<br>epoch %{{x}}: %{{y:.3f}}<extra></extra>",
            )
    longest = max((len(epochs) for epochs in history.values()), default=1)
    step = {"dtick": 1} if longest <= 10 else {"rangemode": "tozero"}
    figure.update_xaxes(title={"text": "epoch", "font": {"size": 13}}, tickfont_size=12, **step)
    figure.update_yaxes(tickfont_size=12, **({"tickformat": ".0%", "range": [0, 1]} if key == "agreement" else {}))
    return _frame(figure, 250 + LEGEND_LINE * len(history))  # names beside each other or, on a narrow page, below


def method_bars(values: Mapping[str, float | None], best: str | None) -> go.Figure:
    """A horizontal bar per method; the best stands out."""
    known = {m: v for m, v in values.items() if v is not None}
    figure = go.Figure(
        go.Bar(
            y=list(range(len(known))),
            x=list(known.values()),
            orientation="h",
            marker_color=["#4c6ef5" if m == best else "rgba(134,142,150,.55)" for m in known],
            text=[f"{100 * v:.1f} %" for v in known.values()],
            textposition="outside",
            textfont={"size": 13, "color": INK},
            cliponaxis=False,
            customdata=[[_text(m)] for m in known],
            hovertemplate="%{customdata[0]}: %{x:.1%}<extra></extra>",
        )
    )
    top: NDArray[np.float64] = np.asarray(list(known.values()) or [1.0])
    figure.update_xaxes(visible=False, range=[0, max(float(top.max()), 0.001)])
    names = {"tickvals": list(range(len(known))), "ticktext": ["<br>".join(map(_text, _lines(m))) for m in known]}
    plain = {"automargin": True, "showgrid": False, "zeroline": False}
    figure.update_yaxes(autorange="reversed", tickfont_size=13, **plain, **names)
    # The longest bar's number stands beside the plot, however narrow that is.
    return _frame(figure, 40 + 36 * max(len(known), 1), bargap=0.3, showlegend=False).update_layout(margin_r=64)


def calibration(curves: Mapping[str, CalibrationCurve]) -> go.Figure:
    """How often each run's network is right when it is so sure; on the dotted line it is as right as it is sure."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": INK}, hoverinfo="skip",
                       showlegend=False)  # fmt: skip
    for position, (name, curve) in enumerate(curves.items()):
        figure.add_scatter(
            x=curve.confidence,
            y=curve.accuracy,
            name=_text(name),
            mode="lines+markers",
            line={"color": PALETTE[position % len(PALETTE)], "width": 2},
            marker={"symbol": SYMBOLS[position % len(SYMBOLS)], "size": 9},
            customdata=curve.items,
            hovertemplate=f"{_text(name)}<br>%{{x:.0%}} sure, %{{y:.0%}} right of %{{customdata:,}}<extra></extra>",
        )
    for update, title in ((figure.update_xaxes, "confidence"), (figure.update_yaxes, "share that is right")):
        update(title={"text": title, "font": {"size": 13}}, range=[0, 1.02], tickformat=".0%", tickfont_size=12)
    return _frame(figure, 340)
