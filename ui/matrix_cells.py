"""The cells of a matrix for the keyboard and for screen readers: a figure's cells answer to the mouse alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from ui.browser_modules import joined

ASSETS = Path(__file__).resolve().parent.parent / "assets" / "cells"

_component = st.components.v2.component(
    "ltnet_matrix_cells",
    html='<div class="mc"><div class="mc-panel"></div></div>\n',
    css=(ASSETS / "cells.css").read_text(encoding="utf-8"),
    js=joined(ASSETS / "main.js"),
)


def matrix_cells(
    coder: str, classes: Sequence[str], codes: Sequence[str], texts: Sequence[Sequence[str]], key: str
) -> tuple[int, int] | None:
    """Put the cells on the page, below their figure; gives (truth, said) when one was just chosen."""
    data = {"coder": coder, "classes": list(classes), "codes": list(codes), "texts": [list(row) for row in texts]}
    cell = _component(key=key, data=data, on_cell_change=lambda: None).get("cell")
    if not isinstance(cell, Mapping):
        return None
    truth, label = cell.get("truth"), cell.get("said")
    if not all(type(k) is int and 0 <= k < len(classes) for k in (truth, label)):
        return None
    return int(str(truth)), int(str(label))
