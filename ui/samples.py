"""Sample images of each class by the labels of one coder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ltnet_core.datasets import Study
from ltnet_core.files.printing import counted
from ui.markup import esc

PER_CLASS = 24
MOST_CLASSES = 20


def pick(study: Study, coder: str, per_class: int = PER_CLASS) -> dict[str, tuple[int, list[str]]]:
    """Per class: how many items the coder gave it, and a few of them, spread over the dataset."""
    labels = study.table.labels_of(coder)
    out = {}
    for k, name in enumerate(study.table.classes):
        mine = np.flatnonzero(labels == k)
        chosen = (
            mine[np.unique(np.linspace(0, len(mine) - 1, min(per_class, len(mine))).astype(int))] if len(mine) else []
        )
        out[name] = (len(mine), [str(study.table.items[i]) for i in chosen])
    return out


def render(study: Study, coder: str, thumbnail: Callable[[str], str | None]) -> str:
    """One row of faces per class, with the class's short code."""
    rows = []
    for (name, (count, images)), code in list(zip(pick(study, coder).items(), study.codes, strict=True))[:MOST_CLASSES]:
        uris = [u for u in map(thumbnail, images) if u]
        faces = "".join(f'<img src="{uri}" alt="">' for uri in uris) or '<span class="none">none</span>'
        title = esc(f"{code} · {name}" if code != name else name)
        rows.append(f'<div class="who">{title}<span>{counted(count, "label")}</span></div>')
        rows.append(f'<div class="row">{faces}</div>')
    classes = len(study.table.classes)
    rest = f'<p class="lt-quiet">The first {MOST_CLASSES} of {classes:,} classes.</p>' if classes > MOST_CLASSES else ""
    return f'<div class="lt-samples">{"".join(rows)}</div>{rest}'
