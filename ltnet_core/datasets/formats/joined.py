"""Several datasets as one study: ``joined.json`` lists them, and the class names that mean the same.

::

    {"sources": [{"name": "RAF", "path": "/data/raf.zip"},
                 {"name": "crowd", "path": "votes.csv", "coders": {"votes": "FER+"}},
                 {"name": "more", "path": "/data/faces", "use": "images"}],
     "classes": {"happy": "happiness", "contempt": ""}}

A path is absolute or counts from the folder of ``joined.json``. A source with images adds
items. A source without images adds annotations of the images of other sources, by their
names. Class names that mean the same become one (:mod:`~ltnet_core.datasets.names.class_names`) unless ``classes`` says
otherwise. ``use: images`` takes a source's images as unlabelled ones. A class mapped to ""
is left out. ``format`` overrides what a source is recognised as.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DatasetError, OptionError
from ...files.writing import write_json
from ..assemble import resolve
from ..coded_columns import mapped
from ..corrections import Corrections
from ..names.class_names import common_names
from ..reading import Match, Reading, Rows
from ..sources.archives import open_files
from ..sources.files import MAX_FILE_BYTES, Files, GivenFiles
from ..sources.roots import expanded, named_roots
from ..sources.text_files import parse_json
from ..study import Problem

FORMAT = "joined"
RANK = 10
TITLE = "Several datasets joined"
LAYOUT = """\
joined.json        {"sources": [{"name": "RAF", "path": "/data/raf.zip"}, {"name": "crowd", "path": "votes.csv"}],
                    "classes": {"happy": "happiness"}}"""
NOTE = """\
A path is absolute or counts from the folder of `joined.json`. A source may also say `"format"`, `"use": "images"`
(its images without its labels) and `"coders": {"old": "new"}`. Images of several sources are called `NAME/…`; a
source without images says something about the images of the others, by their names. Class names of one meaning (case,
blanks, *happy* and *happiness*) become one unless `classes` says otherwise; a class mapped to `""` is left out and
counted. `python -m ltnet_core join DIR --source RAF=/data/raf.zip --source votes.csv --images /data/more --class
happy=happiness` writes the file; on the page it is *Join datasets into one study*, where the class names can be
edited."""

FILE = "joined.json"
IDLE = "idle class name"
"""Kind of the problem that a class to be renamed is in no source."""
USES = ("all", "images")
MAX_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class Source:
    """One dataset of a joined study.

    Attributes
    ----------
    name : unique; its images are called ``name/…`` where several sources have images.
    path : a dataset. format : None to recognise it.
    use : ``all``, or ``images`` for its images without its labels.
    coders : coder → the name to use.
    corrections : of its reading, as :class:`Corrections` writes them.
    """

    name: str
    path: str
    format: str | None = None
    use: str = "all"
    coders: Mapping[str, str] = field(default_factory=dict)
    corrections: Mapping[str, Any] = field(default_factory=dict)


def match(files: Files) -> Match:
    """Recognised by joined.json."""
    if FILE in files:
        return Match(True, FILE)
    return Match(False, f"{FILE} is missing")


def write(folder: Path, sources: Sequence[Source], classes: Mapping[str, str]) -> None:
    """Write ``joined.json`` into a new or empty folder, without reading the sources.

    Raises
    ------
    DatasetError
        the folder holds something already, or two sources have one name.
    """
    names = [s.name for s in sources]
    if len(set(names)) < len(names):
        raise DatasetError(f"two sources are called {next(n for n in names if names.count(n) > 1)!r}; rename one.")
    if folder.exists() and any(folder.iterdir()):
        raise DatasetError("is not empty; give a new folder.", file=str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, sources, classes)


def save(folder: Path, sources: Sequence[Source], classes: Mapping[str, str]) -> None:
    """Write ``joined.json``, over one that is there."""
    content: dict[str, Any] = {"sources": [_to_json(s) for s in sources]}
    if classes:
        content["classes"] = dict(classes)
    write_json(folder / FILE, content)


def _to_json(source: Source) -> dict[str, Any]:
    content: dict[str, Any] = {"name": source.name, "path": source.path}
    if source.format is not None:
        content["format"] = source.format
    if source.use != "all":
        content["use"] = source.use
    if source.coders:
        content["coders"] = dict(source.coders)
    if source.corrections:
        content["corrections"] = dict(source.corrections)
    return content


def parse(data: bytes) -> tuple[list[Source], dict[str, str]]:
    """Sources and class map of a ``joined.json``.

    Raises
    ------
    DatasetError
    """
    try:
        content = parse_json(data, FILE)
        sources = [Source(**s) for s in content["sources"]]
        classes = content.get("classes") or {}
        texts = [(s.name, s.path, s.use, *s.coders, *s.coders.values()) for s in sources]
        texts.append((*classes, *classes.values()))
        texts.append(tuple(s.format for s in sources if s.format is not None))
        if not all(isinstance(t, str) for group in texts for t in group):
            raise TypeError("names, paths and formats are text")
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise DatasetError(f"expected sources with a name and a path each ({e}).", file=FILE) from e
    if not sources:
        raise DatasetError("lists no sources.", file=FILE)
    for source in sources:
        if source.name in ("", ".", "..") or "/" in source.name or [s.name for s in sources].count(source.name) > 1:
            text = f"the source name {source.name!r} is empty or dots, has a slash or occurs twice."
            raise DatasetError(text, file=FILE)
        if source.use not in USES:
            raise DatasetError(f"source {source.name!r}: use must be one of {', '.join(USES)}.", file=FILE)
    return sources, classes


def _allowed(files: Files) -> list[Path] | None:
    """Folders that must hold the sources: those that ``LTNET_ROOTS`` names, if any, and the study's own."""
    named = named_roots()
    return [files.location, *named] if named else None


def source_paths(files: Files) -> list[Path]:
    """Where the sources of a ``joined.json`` lie.

    Raises
    ------
    DatasetError
        a path is not absolute, and the study lies in no folder from which it could count.
    """
    base = files.location.parent if isinstance(files, GivenFiles) else files.location / files.below
    out = []
    for source in parse(files.read(FILE, MAX_BYTES))[0]:
        path = expanded(source.path)
        if not path.is_absolute() and not base.is_dir():
            raise DatasetError(f"the path of source {source.name!r} is not absolute; it has to be in a zip.", file=FILE)
        out.append(base / path)
    return out


class JoinedFiles(Files):
    """The images of several sources, called ``source/image``; of one source alone, as it calls them."""

    def __init__(self, base: Files, parts: Mapping[str, Files]):
        self.location, self.below = base.location, base.below
        self._parts = dict(parts)
        self.passed_over = tuple(t for f in parts.values() for t in f.passed_over)

    def _list(self) -> list[str]:
        return [prefix + n for prefix, part in self._parts.items() for n in part.images]

    def _source_of(self, name: str) -> tuple[Files, str]:
        """The files of the source that an image comes from, and its name there."""
        for prefix, part in self._parts.items():
            if name.startswith(prefix):
                return part, name[len(prefix) :]
        raise DatasetError("no such image in the joined datasets.", file=name)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        part, inner = self._source_of(name)
        return part.read(inner, limit)

    def head(self, name: str, size: int) -> bytes:
        part, inner = self._source_of(name)
        return part.head(inner, size)

    def size(self, name: str) -> int:
        part, inner = self._source_of(name)
        return part.size(inner)

    def stamp(self, name: str) -> tuple[int, ...] | None:
        part, inner = self._source_of(name)
        return part.stamp(inner)


ReadSource = Callable[[Files, str, str | None, Corrections], Reading]


@dataclass(frozen=True)
class SourceClass:
    """A class name of the sources, the number of its labels and its name in the study ("" for left out)."""

    name: str
    sources: tuple[str, ...]
    labels: float
    taken_as: str


def read_sources(
    files: Files, name: str, read_source: ReadSource
) -> tuple[list[tuple[Source, Reading]], dict[str, str]]:
    """Every source with what was read of it, and the class map. ``read_source`` reads files of a name in a format.

    Raises
    ------
    DatasetError
        a source cannot be read.
    """
    sources, wanted = parse(files.read(FILE, MAX_BYTES))
    readings: list[tuple[Source, Reading]] = []
    for source, path in zip(sources, source_paths(files), strict=True):
        try:
            own = Corrections.from_json(source.corrections)
            reading = read_source(open_files(path, _allowed(files)), path.name, source.format, own)
        except (DatasetError, OptionError) as e:
            raise DatasetError(f"source {source.name!r}: {e.fact}", file=FILE, advice=e.advice) from e
        readings.append((source, reading))
    return readings, wanted


def _taken_as(readings: Sequence[tuple[Source, Reading]], wanted: Mapping[str, str]) -> dict[str, str]:
    """Each class name of the sources → its name in the study; lists of classes come first, in their order."""
    speaking = [r for s, r in readings if s.use == "all"]
    names_in_order = dict.fromkeys(c for r in speaking for c in r.classes or ())
    for r in speaking:
        names = {str(c) for rows in (*r.labels, *r.truth) for c in rows.frame["label"].cat.categories if c}
        names_in_order.update(dict.fromkeys(sorted(names)))
    return {**common_names(names_in_order), **{a: b for a, b in wanted.items() if a in names_in_order}}


def source_classes(files: Files, name: str, read_source: ReadSource) -> list[SourceClass]:
    """The class names of the sources, with their names in the study.

    Raises
    ------
    DatasetError
    """
    readings, wanted = read_sources(files, name, read_source)
    counts: dict[str, float] = {}
    where: dict[str, list[str]] = {}
    for source, reading in readings:
        if source.use == "images":
            continue
        for rows in (*reading.labels, *reading.truth):
            column = rows.frame["label"].cat
            weight = rows.frame["count"].to_numpy() if "count" in rows.frame else None
            totals = np.bincount(column.codes, weights=weight, minlength=len(column.categories))
            for label, n in zip(column.categories, totals, strict=True):
                counts[str(label)] = counts.get(str(label), 0) + float(n)
                if n and source.name not in where.setdefault(str(label), []):
                    where[str(label)].append(source.name)
    taken = _taken_as(readings, wanted)
    return [SourceClass(c, tuple(where.get(c, ())), counts.get(c, 0), new) for c, new in taken.items()]


def read(files: Files, name: str, read_source: ReadSource) -> Reading:
    """Read every source and join them.

    Raises
    ------
    DatasetError
        a source cannot be read.
    """
    readings, wanted = read_sources(files, name, read_source)
    with_images = [s.name for s, r in readings if r.images]
    prefixes = {n: f"{n}/" if len(with_images) > 1 else "" for n in with_images}
    images = [prefixes[s.name] + i for s, r in readings if r.images for i in r.images]
    labelled = [(s, r) for s, r in readings if s.use != "images"]
    labels, truth = list[Rows](), list[Rows]()
    coders: set[str] = set()
    missing: Counter[str] = Counter()
    for source, reading in labelled:
        missing.update(reading.missing)
        prefix = prefixes.get(source.name)
        of_source = [_with_image_names(rows, source, reading, prefix, images) for rows in reading.labels]
        labels += _with_coder_names(of_source, source, coders)
        truth += [_with_image_names(rows, source, reading, prefix, images) for rows in reading.truth]
    if not any(len(rows) for rows in labels):
        raise DatasetError("no source has labels.", file=FILE)
    class_map = _taken_as(readings, wanted)
    labels, dropped_labels = _in_common(labels, class_map)
    truth, dropped_truth = _in_common(truth, class_map)
    classes = list(dict.fromkeys(c for c in class_map.values() if c))
    return Reading(
        JoinedFiles(files, {prefixes[s.name]: r.files for s, r in readings if r.images}),
        images,
        labels,
        truth,
        classes,
        codes=next((r.codes for _, r in readings if r.codes and list(r.classes or ()) == classes), None),
        planted={
            c: cells
            for _, r in readings
            for c, cells in r.planted.items()
            if list(r.classes or ()) == classes and c in coders
        },
        problems=[*_source_problems(readings), *_class_problems(class_map, wanted, dropped_labels + dropped_truth)],
        tables=[replace(t, file=f"{s.name}: {t.file}") for s, r in labelled for t in r.tables],
        splits={f"{s.name}: {n}": part for s, r in readings for n, part in r.splits.items()},
        missing=missing,
        questions=[replace(q, sentence=f"source {s.name!r}: {q.sentence}") for s, r in labelled for q in r.questions],
        parts={prefixes.get(s.name, "") + i: part for s, r in readings for i, part in r.parts.items()},
    )


def _with_image_names(rows: Rows, source: Source, reading: Reading, prefix: str | None, images: Sequence[str]) -> Rows:
    """The rows of a source under the image names of the study; a source without images (no prefix) names any image."""
    written = [str(n) for n in rows.frame["image"].cat.categories]
    names = resolve(written, images if prefix is None else reading.images)
    if prefix:
        names = [prefix + n if n else "" for n in names]
    frame = rows.frame.assign(image=mapped(rows.frame["image"], names))
    return replace(rows, file=f"{source.name}: {rows.file}", frame=frame)


def _with_coder_names(parts: Sequence[Rows], source: Source, taken: set[str]) -> list[Rows]:
    """The rows of a source under the coder names of the study, which are added to ``taken``.

    A name that an earlier source took gets the name of this source behind it.
    """
    names = {}
    for coder in sorted({str(c) for rows in parts for c in rows.frame["coder"].cat.categories} - {""}):
        name = source.coders.get(coder, coder)
        names[coder] = f"{name} ({source.name})" if name in taken else name
    taken |= set(names.values())
    renamed = []
    for rows in parts:
        column = rows.frame["coder"]
        new = [names.get(str(c), str(c)) for c in column.cat.categories]
        renamed.append(replace(rows, frame=rows.frame.assign(coder=mapped(column, new))))
    return renamed


def _source_problems(readings: Sequence[tuple[Source, Reading]]) -> list[Problem]:
    """The problems of each source, with its name."""
    return [
        replace(p, examples=tuple(f"{source.name}: {text}" for text in p.examples))
        for source, reading in readings
        for p in reading.problems
    ]


def _class_problems(class_map: Mapping[str, str], wanted: Mapping[str, str], dropped: int) -> list[Problem]:
    """Problems: class names that no source has, those that were changed, and those left out, with ``dropped`` rows."""
    problems = []
    unused = [c for c in wanted if c not in class_map]
    if unused:
        texts = tuple(f"{c!r} is to be {wanted[c]!r}, but no source has that class." for c in unused)
        problems.append(Problem(IDLE, len(unused), texts[:20]))
    renamed = {old: new for old, new in class_map.items() if old != new and new}
    if renamed:
        texts = tuple(f"{old!r} is taken as {new!r}." for old, new in renamed.items())
        problems.append(Problem("class renamed", len(renamed), texts[:20], "note"))
    if dropped:
        left_out = [c for c, new in class_map.items() if not new]
        text = f"labels of the class {', '.join(map(repr, left_out))}, which the study leaves out."
        problems.append(Problem("class left out", dropped, (text,), "note"))
    return problems


def _in_common(parts: Sequence[Rows], classes: Mapping[str, str]) -> tuple[list[Rows], int]:
    """The rows under the common class names, and how many were left out.

    Votes of one coder for classes that became one are added up.
    """
    out, dropped = [], 0
    for rows in parts:
        column = rows.frame["label"]
        new = [classes.get(str(c), str(c)) for c in column.cat.categories]
        gone = np.asarray([bool(c) and not n for c, n in zip(column.cat.categories, new, strict=True)], dtype=np.bool_)
        keep = ~gone[column.cat.codes] if len(gone) else np.ones(len(rows), dtype=np.bool_)
        frame = rows.frame.assign(label=mapped(column, new))[keep].reset_index(drop=True)
        dropped += int((~keep).sum())
        row = rows.row[keep]
        if "count" in frame and len(set(new)) < len(new):
            key = [c for c in ("image", "coder", "label") if c in frame]
            first = ~frame.duplicated(key)
            total = frame.groupby(key, observed=True, sort=False)["count"].transform("sum")
            frame = frame.assign(count=total)[first].reset_index(drop=True)
            row = row[first.to_numpy()]
        out.append(replace(rows, frame=frame, row=row))
    return out, dropped
