"""Views of the gallery that people gave a name; they belong to a dataset and serve every run on it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltnet_core.errors import LTNetError
from ltnet_core.files.reading import read_json
from ltnet_core.files.writing import naming, write_json
from ui.workspace import Dataset, adjudications_of

MOST = 100
LONGEST = 80

_lock = threading.Lock()  # held from reading to writing, or one of two who save at once would lose


def _path(dataset: Dataset) -> Path:
    store = adjudications_of(dataset)
    return store.with_name(f"{store.stem}-views.json" if not dataset.id else "views.json")


def load(dataset: Dataset) -> list[dict[str, Any]]:
    """``[{"name", "view"}]``, oldest first; a damaged file holds none."""
    try:
        content = read_json(_path(dataset))
        views = content["views"]
        return [
            {"name": str(v["name"]), "view": {str(k): str(x) for k, x in v["view"].items()}} for v in views if v["name"]
        ]
    except (LTNetError, KeyError, TypeError, AttributeError):
        return []


def save(dataset: Dataset, name: str, view: Mapping[str, str]) -> None:
    """Keep a view under a name; one that has the name already is replaced."""
    name = name.strip()[:LONGEST]
    if name:
        with _lock:
            others = [v for v in load(dataset) if v["name"] != name]
            _write(dataset, [*others, {"name": name, "view": dict(view)}][-MOST:])


def forget(dataset: Dataset, name: str) -> None:
    """Remove the view of that name."""
    with _lock:
        _write(dataset, [v for v in load(dataset) if v["name"] != name])


def _write(dataset: Dataset, views: list[dict[str, Any]]) -> None:
    path = _path(dataset)
    if not dataset.id:  # the folder of a dataset that was deleted meanwhile is not made again
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"views": views})
