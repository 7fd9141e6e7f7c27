"""Transition matrices as small pictures without numbers: how T forms in training, and what labels alone tell."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from ui.markup import esc
from ui.wording import coder_name, percent

Matrix = Sequence[Sequence[float]]


def small_matrices(
    coders: Mapping[str, Matrix], classes: Sequence[str], codes: Sequence[str], shown: Sequence[str] | None = None
) -> str:
    """A picture per coder as HTML, rows are truth; hovering over a cell tells its number.

    ``classes`` are those of the matrices, ``codes`` the short names of the classes that are ``shown``, in that order;
    without it all are, as they are.
    """
    shown = classes if shown is None else shown
    order = [classes.index(c) for c in shown if c in classes]
    short = dict(zip(shown, codes, strict=True))
    names = [short[classes[k]] for k in order]
    pictures = [_picture(coder, matrix, order, names) for coder, matrix in coders.items()]
    return f'<div class="lt-forming">{"".join(pictures)}</div>'


def _picture(coder: str, matrix: Matrix, order: Sequence[int], names: Sequence[str]) -> str:
    cells = "".join(
        f'<i style="--v:{100 * min(max(matrix[k][column], 0.0), 1.0):.0f}%" '
        f'title="{html.escape(f"truth {truth}, says {label}: {percent(matrix[k][column], 0)}", quote=True)}"></i>'
        for k, truth in zip(order, names, strict=True)
        for column, label in zip(order, names, strict=True)
    )
    right = sum(matrix[k][k] for k in order) / max(len(order), 1)
    about = f"{coder_name(coder)}: mean of the diagonal {percent(right, 0)}"
    return (
        f'<figure><div role="img" aria-label="{html.escape(about, quote=True)}" style="--k:{len(order)}">{cells}</div>'
        f"<figcaption>{esc(coder_name(coder))}<span>{percent(right, 0)} on the diagonal</span></figcaption></figure>"
    )
