"""Transition matrices as files: JSON for programs, CSV for tables, SVG for papers."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .errors import OptionError

SUFFIXES = (".json", ".csv", ".svg")
CELL, GAP, FONT = 46, 28, 12
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
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("coder", "truth", "said", "probability", "row_annotations"))
    for coder, matrix in content["coders"].items():
        support = content.get("support", {}).get(coder, [None] * len(matrix))
        for truth, row, n in zip(content["classes"], matrix, support, strict=True):
            rests_on = "" if n is None else f"{n:.1f}"
            writer.writerows(
                (coder, truth, said, f"{value:.6f}", rests_on)
                for said, value in zip(content["classes"], row, strict=True)
            )
    return out.getvalue().encode()


def _svg(classes: Sequence[str], coders: Mapping[str, ArrayLike]) -> bytes:
    """All matrices side by side on one scale, numbers in the cells, text as text."""
    k = len(classes)
    names = 8 + int(0.58 * FONT * max(map(len, classes)))
    side, top = names + k * CELL, 2 * FONT + 14 + names
    width, height = len(coders) * (side + GAP) - GAP + 8, top + k * CELL + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="{FONT}"><rect width="{width}" height="{height}" fill="#fff"/>'
    ]
    for number, (coder, matrix) in enumerate(coders.items()):
        left = number * (side + GAP)
        parts.append(f'<text x="{left + names}" y="{FONT + 4}" font-weight="bold">{_text(coder)}</text>')
        for i, name in enumerate(classes):
            x, y = left + names + (i + 0.5) * CELL, top + (i + 0.5) * CELL
            parts.append(f'<text x="{left + names - 6}" y="{y + 4:g}" text-anchor="end">{_text(name)}</text>')
            parts.append(f'<text transform="translate({x + 4:g} {top - 6}) rotate(-90)">{_text(name)}</text>')
        for (truth, said), value in np.ndenumerate(np.asarray(matrix, dtype=float)):
            x, y = left + names + said * CELL, top + truth * CELL
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


def _number(value: float) -> str:
    text = f"{value:.2f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def _text(name: str) -> str:
    """A name as XML text; characters that XML cannot hold become a mark."""
    allowed = "".join(c if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in name)
    return html.escape(allowed.encode("utf-8", "replace").decode(), quote=True)
