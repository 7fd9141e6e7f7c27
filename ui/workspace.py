"""The workspace: a folder with the datasets people brought and the runs they started.

::

    WORKSPACE/                  LTNET_WORKSPACE, or ./workspace
      datasets/<id>/
        about.json              {"name": what the user called it}
        data/                   a dataset folder (the demo), or
        data.zip                an uploaded archive as it came, or
        link.json               {"path": a dataset that stays where it is}
      runs/<id>/                see docs/run-folder.md
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import DatasetError
from ltnet_core.runs import Run, read_json, write_json

CHUNK = 4 * 1024**2
TABLES = ("annotations.csv", "truth.csv", "classes.csv", "images")


@dataclass(frozen=True)
class Dataset:
    """One dataset of the workspace; ``id`` is empty for one that only a run knows."""

    id: str
    name: str
    location: Path

    @property
    def version(self) -> str:
        """Changes whenever the content may have changed; part of every cache key."""
        try:
            stat = self.location.stat()
        except OSError:
            return "missing"
        parts = [stat.st_mtime_ns, stat.st_size if self.location.is_file() else 0]
        if self.location.is_dir():
            parts += [(self.location / t).stat().st_mtime_ns for t in TABLES if (self.location / t).exists()]
        return "-".join(map(str, parts))


def root() -> Path:
    """The workspace folder."""
    return Path(os.environ.get("LTNET_WORKSPACE") or "workspace").expanduser().absolute()


def datasets_folder() -> Path:
    return root() / "datasets"


def runs_folder() -> Path:
    return root() / "runs"


def list_datasets() -> list[Dataset]:
    """All datasets, newest first."""
    folder = datasets_folder()
    if not folder.is_dir():
        return []
    places = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    places.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    return [d for p in places if (d := _read(p)) is not None]


def _read(folder: Path) -> Dataset | None:
    location: Path | None = None
    if (folder / "data.zip").is_file():
        location = folder / "data.zip"
    elif (folder / "data").is_dir():
        location = folder / "data"
    elif (folder / "link.json").is_file():
        path = _json(folder / "link.json").get("path")
        location = Path(path) if isinstance(path, str) else None
    if location is None:
        return None
    return Dataset(folder.name, str(_json(folder / "about.json").get("name") or folder.name), location)


def _json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def dataset_of(run: Run, datasets: list[Dataset]) -> Dataset:
    """The dataset a run was started on; one outside the workspace is named by the run."""
    spec = read_json(run.folder / "spec.json")
    place = Path(str(spec.get("dataset", ""))).expanduser().absolute()
    for dataset in datasets:
        if dataset.location == place or (dataset.location.exists() and dataset.location.resolve() == place.resolve()):
            return dataset
    return Dataset("", str(spec.get("dataset_name") or place.name), place)


# ---- adding datasets


def add_demo(items: int = 2400, progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Write the demo dataset into the workspace."""
    return _keep("Demo faces", lambda folder: write_demo(folder / "data", items=items, progress=progress))


def add_zip(stream: IO[bytes], file_name: str) -> Dataset:
    """Keep an uploaded archive as it came, if it is a dataset.

    Raises
    ------
    DatasetError
        it cannot be read; nothing of it is kept.
    """

    def fill(folder: Path) -> None:
        with open(folder / "data.zip", "wb") as out:
            shutil.copyfileobj(stream, out, CHUNK)
        try:
            load_dataset(folder / "data.zip")
        except DatasetError as e:
            # The archive is called data.zip only here; people know it under their own name.
            raise DatasetError(str(e).replace("data.zip", file_name)) from e

    return _keep(re.sub(r"\.zip$", "", file_name, flags=re.IGNORECASE), fill)


def add_path(path: str) -> Dataset:
    """Refer to a dataset folder or zip on this machine; it stays where it is.

    Raises
    ------
    DatasetError
        there is nothing there, or it is no dataset.
    """
    if not path.strip():
        raise DatasetError("Give the path of a dataset folder or a .zip of one.")
    place = Path(path.strip().strip("\"'")).expanduser()
    if not place.is_absolute():
        raise DatasetError(f"{path!r} is not an absolute path; start it with / or ~.")
    load_dataset(place)
    known = [d for d in list_datasets() if d.location == place]
    return (
        known[0] if known else _keep(place.stem, lambda folder: write_json(folder / "link.json", {"path": str(place)}))
    )


def _keep(name: str, fill: Callable[[Path], None]) -> Dataset:
    """Let ``fill`` make a dataset in a hidden folder, which appears under its id only when that went well."""
    partial = datasets_folder() / f".incoming-{uuid.uuid4().hex[:12]}"
    partial.mkdir(parents=True)
    try:
        write_json(partial / "about.json", {"name": name})
        fill(partial)
        dataset = _read(_rename(partial, name))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    assert dataset is not None
    return dataset


def _rename(partial: Path, name: str) -> Path:
    """Give the folder the first free id made from the name."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:40] or "dataset"
    number = 1
    while True:
        final = partial.parent / (stem if number == 1 else f"{stem}-{number}")
        if not final.exists():
            try:
                return partial.rename(final)
            except OSError:
                if not final.exists():  # otherwise somebody took the name in the meantime
                    raise
        number += 1
