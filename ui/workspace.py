"""The workspace: a folder with the datasets people brought and the runs they started.

::

    WORKSPACE/                  LTNET_WORKSPACE, or ./workspace
      datasets/<id>/
        about.json              {"name": what the user called it, "format": what to read it as, if not as recognised}
        data/                   a dataset folder (the demo, an uploaded folder), or
        data/                   an uploaded table of labels, or joined.json of a joined study, or
        data.zip                an uploaded archive as it came, or
        link.json               {"path": a dataset that stays where it is}
        upload.json             only of an upload: which one it was
        adjudications.sqlite    what people settled
      datasets/.incoming-<id>/  not a dataset yet, see ui/uploads.py
      runs/<id>/                see docs/run-folder.md
      run-notes/<id>.json       what people call a run, see ui/run_notes.py
      adjudications/            the same of datasets that only a run knows
      .secret                   see ui/tokens.py
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
import unicodedata
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ltnet_core.datasets import FORMATS, Corrections, holds_images_alone, load_dataset, refers_to
from ltnet_core.datasets.demo import write_demo
from ltnet_core.datasets.formats import joined
from ltnet_core.datasets.sources.archives import open_files
from ltnet_core.datasets.sources.files import is_image_name
from ltnet_core.datasets.sources.roots import expanded, require_below
from ltnet_core.errors import DatasetError
from ltnet_core.files.printing import is_text
from ltnet_core.files.reading import loads
from ltnet_core.files.writing import naming, write_json
from ltnet_core.runs.run import Run

MOST_STAMPS = 1000
LONGEST_NAME = 80  # of a dataset
MOST_NAME_BYTES = 255
NEAREST = str.maketrans(  # letters that Unicode does not take apart
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
     "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
)  # fmt: skip


@dataclass(frozen=True)
class Dataset:
    """One dataset of the workspace; ``id`` is empty for one that only a run knows."""

    id: str
    name: str
    location: Path
    format: str | None = None
    corrections: str = ""  # what a person said about the reading, as JSON

    @property
    def version(self) -> str:
        """Changes whenever the content may have changed; part of every cache key."""
        parts = [self.format or "", self.corrections, *_stamps(self.location)]
        if is_joined(self):
            for source in _sources(self)[0]:
                parts += _stamps(self.location / expanded(source.path))
        return hashlib.sha256("|".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]


def _stamps(location: Path) -> list[str]:
    """When a dataset's folder, the files and folders at its top, or its one file changed."""
    try:
        stat = location.stat()
        parts = [f"{stat.st_mtime_ns}-{stat.st_size}"]
        if location.is_dir():
            with os.scandir(location) as entries:
                for entry in itertools.islice(entries, MOST_STAMPS):
                    if not is_image_name(entry.name):
                        parts.append(f"{entry.name}-{_changed(entry)}")
    except (OSError, ValueError):  # no path has a NUL
        return ["missing"]
    return [parts[0], *sorted(parts[1:])]


def _changed(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_mtime_ns
    except OSError:  # a link that leads nowhere, or to itself
        return entry.stat(follow_symlinks=False).st_mtime_ns


def root() -> Path:
    """The workspace folder."""
    return expanded(os.environ.get("LTNET_WORKSPACE") or "workspace").absolute()


def datasets_folder() -> Path:
    return root() / "datasets"


def runs_folder() -> Path:
    return root() / "runs"


def is_id(text: str) -> bool:
    """Whether it can be the name of a folder of the workspace, as the ids of datasets and runs are."""
    try:
        length = len(os.fsencode(text))
    except UnicodeEncodeError:
        return False
    return 0 < length <= MOST_NAME_BYTES and not text.startswith(".") and "/" not in text and "\0" not in text


def list_datasets() -> list[Dataset]:
    """All datasets, newest first; a folder that is not named in UTF-8 is none."""
    folder = datasets_folder()
    if not folder.is_dir():
        return []
    places = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".") and is_text(p.name)]
    places.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    return [d for p in places if (d := read_dataset(p)) is not None]


def read_dataset(folder: Path) -> Dataset | None:
    """The dataset that a folder of the workspace holds, if it holds one."""
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
    about = _json(folder / "about.json")
    format = str(about.get("format"))
    name, corrections = str(about.get("name") or folder.name), _corrections(about)
    return Dataset(folder.name, name, location, format if format in FORMATS else None, corrections)


def _corrections(about: Mapping[str, object]) -> str:
    """The corrections of the reading, as JSON; "" for none."""
    corrections = about.get("corrections")
    return (
        json.dumps(corrections, sort_keys=True, ensure_ascii=False)
        if isinstance(corrections, dict) and corrections
        else ""
    )


def _json(path: Path) -> dict[str, object]:
    try:
        content = loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def dataset_of(run: Run, datasets: list[Dataset]) -> Dataset:
    """The dataset a run was started on; one outside the workspace is named by the run.

    Raises
    ------
    RunError
        the run's spec is damaged.
    """
    spec = run.spec()
    location = expanded(str(spec.get("dataset", ""))).absolute()
    for dataset in datasets:
        if dataset.location == location or _is_same(dataset.location, location):
            return dataset
    format = str(spec.get("format"))
    name, corrections = str(spec.get("dataset_name") or location.name), _corrections(spec)
    return Dataset("", name, location, format if format in FORMATS else None, corrections)


def _is_same(a: Path, b: Path) -> bool:
    try:
        return a.exists() and a.resolve() == b.resolve()
    except (OSError, RuntimeError, ValueError):  # a path too long, a loop of links, a NUL
        return False


def adjudications_of(dataset: Dataset) -> Path:
    """Where what people settled of a dataset is kept; the file is made with the first decision."""
    if dataset.id:
        return datasets_folder() / dataset.id / "adjudications.sqlite"
    digest = hashlib.sha256(str(dataset.location.absolute()).encode(errors="surrogatepass")).hexdigest()[:24]
    return root() / "adjudications" / f"{digest}.sqlite"


# ---- adding datasets


def add_demo(items: int = 2400, progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Write the demo dataset into the workspace."""
    return _keep("Demo faces", lambda folder: write_demo(folder / "data", items=items, progress=progress))


def add_joined(name: str, sources: Sequence[joined.Source]) -> Dataset:
    """Join datasets that stay where they are.

    Raises
    ------
    DatasetError
        they cannot be read together; nothing is kept.
    """

    def fill(folder: Path) -> None:
        joined.write(folder / "data", sources, {})
        load_dataset(folder / "data")

    return _keep(name, fill)


def require_dataset(location: Path, roots: Sequence[Path] | None) -> None:
    """Raise unless it is a dataset, or images alone, which can take part in a joined study.

    ``roots`` are the folders below which everything that it refers to must lie; None is anywhere.

    Raises
    ------
    DatasetError
    """
    if roots is not None:
        for source in refers_to(location):
            require_below(source, roots)
    try:
        load_dataset(location)
    except DatasetError:
        if not holds_images_alone(location):
            raise


def is_joined(dataset: Dataset) -> bool:
    """Whether it is a joined study of this workspace."""
    return bool(dataset.id) and os.path.isfile(dataset.location / joined.FILE)


def _sources(dataset: Dataset) -> tuple[list[joined.Source], dict[str, str]]:
    try:
        return joined.parse(open_files(dataset.location).read(joined.FILE, joined.MAX_BYTES))
    except DatasetError:
        return [], {}


def made_of(dataset: Dataset, datasets: Sequence[Dataset]) -> list[Dataset]:
    """The joined studies among the datasets that are made of one, and cannot be read without it."""
    return [
        d
        for d in datasets
        if is_joined(d) and any(_is_same(dataset.location, d.location / expanded(s.path)) for s in _sources(d)[0])
    ]


def kin(dataset: Dataset, datasets: Sequence[Dataset]) -> list[Dataset]:
    """The others that share a source with a dataset: joined studies that it is part of, and what it is made of."""
    own = _made_from(dataset)
    return [d for d in datasets if d != dataset and own & _made_from(d)]


def _made_from(dataset: Dataset) -> set[str]:
    """The places of a dataset and of its sources."""
    sources = _sources(dataset)[0] if is_joined(dataset) else []
    places = (dataset.location, *(dataset.location / expanded(s.path) for s in sources))
    return {os.path.realpath(p) for p in places if "\0" not in str(p)}


def set_classes(dataset: Dataset, classes: dict[str, str]) -> None:
    """Say what the class names of a joined study are taken as.

    Raises
    ------
    DatasetError
        the study cannot be read with these names; those before stand.
    """
    sources, before = _sources(dataset)
    joined.save(dataset.location, sources, classes)
    try:
        load_dataset(dataset.location)
    except DatasetError:
        joined.save(dataset.location, sources, before)
        raise


def set_format(dataset: Dataset, format: str | None) -> None:
    """Say what a dataset is read as; None for what it is recognised as.

    Raises
    ------
    DatasetError
        it cannot be read so; nothing is changed.
    """
    load_dataset(dataset.location, format)
    folder = datasets_folder() / dataset.id
    about = {**_json(folder / "about.json"), "format": format, "corrections": {}}
    write_json(folder / "about.json", about)


def set_reading(dataset: Dataset, corrections: Corrections) -> None:
    """Correct how a dataset is read; earlier corrections stay where these do not replace them.

    Raises
    ------
    DatasetError, OptionError
        it cannot be read so; nothing is changed.
    """
    load_dataset(dataset.location, dataset.format, corrections)
    folder = datasets_folder() / dataset.id
    write_json(folder / "about.json", {**_json(folder / "about.json"), "corrections": corrections.to_json()})


def rename(dataset: Dataset, name: str) -> None:
    """Call a dataset of the workspace something else; its folder and its runs keep theirs.

    Raises
    ------
    DatasetError
        nothing of the name can be seen.
    StorageError
    """
    short = " ".join(name.split())[:LONGEST_NAME].strip()
    if not any(c.isprintable() and not c.isspace() for c in short):
        raise DatasetError("Give the dataset a name that one can see.")
    path = datasets_folder() / dataset.id / "about.json"
    write_json(path, {**_json(path), "name": short})


def add_path(path: str, roots: Sequence[Path] | None = None) -> Dataset:
    """Refer to a dataset folder or zip on this machine; it stays where it is.

    ``roots`` are the folders below which it must lie; None is anywhere.

    Raises
    ------
    DatasetError
        it lies elsewhere, there is nothing there, or it is no dataset.
    """
    if not path.strip():
        raise DatasetError("Give the path of a dataset folder or a .zip of one.")
    location = expanded(path.strip().strip("\"'"))
    if not location.is_absolute():
        raise DatasetError(f"{path!r} is not an absolute path; start it with / or ~.")
    if roots is not None:
        # The place itself is kept, not the link to it, which could point elsewhere tomorrow.
        location = require_below(location, roots)
    require_dataset(location, roots)
    known = [d for d in list_datasets() if d.location == location]
    return (
        known[0]
        if known
        else _keep(location.stem, lambda folder: write_json(folder / "link.json", {"path": str(location)}))
    )


def _keep(name: str, fill: Callable[[Path], None]) -> Dataset:
    """Let ``fill`` make a dataset in a hidden folder, which appears under its id only when that went well."""
    partial = datasets_folder() / f".incoming-{uuid.uuid4().hex[:12]}"
    with naming(partial):
        partial.mkdir(parents=True)
    try:
        write_json(partial / "about.json", {"name": name})
        fill(partial)
        dataset = read_dataset(settle(partial, name))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if dataset is None:
        raise DatasetError("could not be kept; look at the workspace and try again.", file=name)
    return dataset


def in_ascii(name: str) -> str:
    """A name with the nearest Latin letters without marks: ``Röntgen`` → ``Rontgen``; other scripts stay."""
    plain = unicodedata.normalize("NFKD", name.translate(NEAREST))
    return "".join(c for c in plain if not unicodedata.combining(c))


def settle(partial: Path, name: str) -> Path:
    """Give the folder the first free id made from the name."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", in_ascii(name).lower()).strip("-._")[:40] or "dataset"
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
