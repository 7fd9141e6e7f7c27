"""Exports of annotation tools that a test writes, and what their readers make of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from ltnet_core.datasets.reading import Reading
from ltnet_core.datasets.sources.files import FolderFiles

Labels = list[tuple[str, str, str]]


def put(folder: Path, name: str, content: Any) -> None:
    """A file of text; lists and objects become JSON, one line each where the name ends so; tables become CSV."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, pd.DataFrame):
        content.to_csv(path, index=False)
    elif isinstance(content, str):
        path.write_text(content)
    elif name.endswith((".jsonl", ".manifest")):
        path.write_text("".join(json.dumps(line) + "\n" for line in content))
    else:
        path.write_text(json.dumps(content))


def read(reader: ModuleType, folder: Path, name: str, content: Any) -> Reading:
    put(folder, name, content)
    files = FolderFiles(folder)
    assert reader.match(files).fits
    reading: Reading = reader.read(files, "set")
    return reading


def labels(reading: Reading) -> Labels:
    return [
        (str(i), str(c), str(k))
        for rows in reading.labels
        for i, c, k in zip(rows.frame["image"], rows.frame["coder"], rows.frame["label"], strict=True)
    ]


def aside(reading: Reading) -> dict[str, str]:
    """Reason → where it was first met."""
    problems = [p for p in reading.problems if p.kind == "annotation set aside"]
    return {e.partition(": ")[2].rpartition(" (")[0]: e.partition(":")[0] for p in problems for e in p.examples}
