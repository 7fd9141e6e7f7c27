"""Transition matrices as small pictures without numbers: how T forms while it is learned."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ltnet_core.runs.forming import Forming
from ui.markup import esc
from ui.wording import coder_name


def small_matrices(forming: Forming, classes: Sequence[str], codes: Sequence[str]) -> str:
    """A picture per coder as HTML, rows are truth, in the order of ``classes``; hovering over a cell tells its number.

    ``codes`` are their short names.
    """
    order = [forming["classes"].index(c) for c in classes if c in forming["classes"]]
    shown = dict(zip(classes, codes, strict=True))
    names = [shown[forming["classes"][k]] for k in order]
    pictures = [_picture(coder, matrix, order, names) for coder, matrix in forming["coders"].items()]
    return f'<div class="lt-forming">{"".join(pictures)}</div>'


def _picture(coder: str, matrix: Sequence[Sequence[float]], order: Sequence[int], names: Sequence[str]) -> str:
    cells = "".join(
        f'<i style="--v:{100 * min(max(matrix[k][said], 0.0), 1.0):.0f}%" '
        f'title="{html.escape(f"truth {truth}, says {label}: {matrix[k][said]:.0%}", quote=True)}"></i>'
        for k, truth in zip(order, names, strict=True)
        for said, label in zip(order, names, strict=True)
    )
    right = sum(matrix[k][k] for k in order) / max(len(order), 1)
    about = f"{coder_name(coder)}: mean of the diagonal {right:.0%}"
    return (
        f'<figure><div role="img" aria-label="{html.escape(about, quote=True)}" style="--k:{len(order)}">{cells}</div>'
        f"<figcaption>{esc(coder_name(coder))}<span>{right:.0%} on the diagonal</span></figcaption></figure>"
    )
