"""Transition matrices as files: JSON for programs, CSV for tables, SVG for papers."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..errors import OptionError
from ..files.spreadsheet import csv_bytes

SUFFIXES = (".json", ".csv", ".svg")
CELL, GAP, FONT = 46, 28, 12
MOST_CELLS = 50_000
BLUE = (76, 110, 245)
DARK = 0.6  # from here on numbers are white


def matrices_bytes(content: Mapping[str, Any], suffix: str) -> bytes:
    """``{"classes", "coders": {NAME: K × K}, "support": {NAME: K}}``, rows are truth, as the content of a file.

    ``support``, the number of annotations that each row rests on, may be missing.

    Raises
    ------
    OptionError
        another suffix than .json, .csv or .svg.
    """
    if suffix == ".json":
        return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
    if suffix == ".csv":
        return _csv(content)
    if suffix == ".svg":
        return _svg(content["classes"], content["coders"])
    raise OptionError(
        f"matrices are written as {', '.join(SUFFIXES)}; {suffix or 'a name without an ending'!r} is none."
    )


def _csv(content: Mapping[str, Any]) -> bytes:
    """One row per cell: ``coder, truth, said, probability, row_annotations``."""
    classes, coders = content["classes"], content["coders"]
    k, c = len(classes), len(coders)
    support = [content.get("support", {}).get(coder, [None] * k) for coder in coders]
    rests_on = ["" if n is None else f"{n:.1f}" for counts in support for n in counts]
    return csv_bytes(
        pd.DataFrame(
            {
                "coder": np.repeat(np.asarray(list(coders), dtype=object), k * k),
                "truth": np.tile(np.repeat(np.asarray(classes, dtype=object), k), c),
                "said": np.tile(np.asarray(classes, dtype=object), k * c),
                "probability": np.asarray(list(coders.values()), dtype=float).ravel(),
                "row_annotations": np.repeat(np.asarray(rests_on, dtype=object), k),
            }
        ),
        "%.6f",
    )


def _svg(classes: Sequence[str], coders: Mapping[str, ArrayLike]) -> bytes:
    """The matrices side by side on one scale, numbers in the cells, text as text.

    A drawing of more than ``MOST_CELLS`` cells opens nowhere: the first coders are drawn, and a line says so.
    """
    k = len(classes)
    every = len(coders)
    coders = dict(islice(coders.items(), MOST_CELLS // max(k, 1) ** 2))
    names = 8 + int(0.58 * FONT * max(map(len, classes), default=0))
    side, top = names + k * CELL, 2 * FONT + 14 + names
    left_out = _left_out(len(coders), every)
    width = max(len(coders) * (side + GAP) - GAP + 8, len(left_out) * FONT)
    height = top + k * CELL + (FONT + 16 if left_out else 8)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="{FONT}"><rect width="{width}" height="{height}" fill="#fff"/>'
    ]
    if left_out:
        parts.append(f'<text x="8" y="{height - 8}">{left_out}</text>')
    for number, (coder, matrix) in enumerate(coders.items()):
        left = number * (side + GAP)
        parts.append(f'<text x="{left + names}" y="{FONT + 4}" font-weight="bold">{_text(coder)}</text>')
        for i, name in enumerate(classes):
            x, y = left + names + (i + 0.5) * CELL, top + (i + 0.5) * CELL
            parts.append(f'<text x="{left + names - 6}" y="{y + 4:g}" text-anchor="end">{_text(name)}</text>')
            parts.append(f'<text transform="translate({x + 4:g} {top - 6}) rotate(-90)">{_text(name)}</text>')
        for (truth, label), value in np.ndenumerate(np.asarray(matrix, dtype=float)):
            x, y = left + names + label * CELL, top + truth * CELL
            share = min(max(value, 0.0), 1.0)
            red, green, blue = (round(255 - (255 - c) * share) for c in BLUE)
            ink = "#fff" if share >= DARK else "#222"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{CELL - 2}" fill="rgb({red},{green},{blue})"/>'
            )
            parts.append(
                f'<text x="{x + CELL / 2 - 1:g}" y="{y + CELL / 2 + 3:g}" text-anchor="middle" fill="{ink}">'
                f"{_number(value)}</text>"
            )
    return ("\n".join(parts) + "\n</svg>\n").encode()


def _left_out(shown: int, every: int) -> str:
    return "" if shown == every else f"{shown:,} of {every:,} coders are drawn; .json and .csv hold all."


def _number(value: float) -> str:
    text = f"{value:.2f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def _text(name: str) -> str:
    """A name as XML text; characters that XML cannot hold become a mark."""
    allowed = "".join(c if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in name)
    return html.escape(allowed.encode("utf-8", "replace").decode(), quote=True)
