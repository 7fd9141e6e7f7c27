"""The error for files of no format: their columns, what they lack for the nearest ones, and the flag that helps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DatasetError
from ..files.printing import counted
from .names.image_names import match_names
from .sources.files import Files, suffix
from .tables.column_titles import turn
from .tables.table import header, is_table, read_table

LEAST = 0.1
BRACKETS = re.compile(r"[\[(]([^\])]+)[\])]\s*$")
FILES, COLUMNS, TABLES = 6, 12, 3
ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
UNREAD = frozenset({".heic", ".heif", ".avif", ".jfif", ".jp2", ".jxl", ".dcm", ".svg", ".psd", ".raw", ".nef", ".cr2"})


@dataclass(frozen=True)
class Miss:
    """A format that does not fit: likeness, depth of the folder that was tried, title and what is missing."""

    likeness: float
    depth: int
    title: str
    lacks: str


def refusal(files: Files, misses: Sequence[Miss], name: str) -> DatasetError:
    """The error for files that are of no format."""
    images = len(files.images)
    text = f"no known dataset format: {counted(len(files.names), 'file')}, {images:,} of them images{_others(files)}"
    near: dict[str, Miss] = {}
    for miss in sorted(misses, key=lambda m: (-m.likeness, -m.depth)):
        if miss.likeness > LEAST:
            near.setdefault(miss.title, miss)
    texts = [f"{m.title!r}: {m.lacks}" for m in list(near.values())[:2]]
    columns = _columns(files)
    if not texts and not columns:
        text += ", and no table of labels"
    text += "."
    if texts:
        text += f" The nearest is {texts[0]}." + (f" The next is {texts[1]}." if len(texts) > 1 else "")
    text += "".join(f" {t}" for t in (*_archives(files), *_unreadable(files), *_turned(files)))
    advice = ""
    if columns:
        text += f" Columns found: {'; '.join(columns)}."
        advice = "--columns image=…,coder=…,label=… says which is which, --classes-are which of them hold votes."
    elif images:
        text += " There are images without labels: add a table of image,coder,label, or folders named by class."
    else:
        text += " Add a table with the columns image,coder,label."
        advice = "--format says what the files are."
    return DatasetError(text, file=name, advice=advice)


def _others(files: Files) -> str:
    """The files that are no images, by name."""
    names = files.others if len(files.names) < 100_000 else []
    unread = sorted(unread_types(files))
    shown = ", ".join(names[:FILES]) + (" …" if len(names) > FILES else "")
    text = f" ({shown})" if shown else ""
    return text + (f"; {', '.join(unread)} files are images of a type that is not read: convert them" if unread else "")


def unread_types(files: Files) -> set[str]:
    """Endings of files that are images, but of a type that is not read."""
    return {suffix(n) for n in files.others} & UNREAD


def _archives(files: Files) -> list[str]:
    """A sentence about archives among the files, which are not looked into."""
    names = [n for n in files.others if suffix(n) in ARCHIVES]
    return [f"{names[0]} is an archive inside the dataset: unpack it, or give its own path."] if names else []


def _unreadable(files: Files) -> list[str]:
    """Sentences about tables that cannot be read."""
    out = []
    for name in [n for n in files.names if is_table(n) and not header(files, n)][:TABLES]:
        try:
            read_table(files, name)
        except DatasetError as e:
            out.append(str(e))
    return out


def _turned(files: Files) -> list[str]:
    """Sentences about tables with a column for each image."""
    out = []
    for name in [n for n in files.names if is_table(n)][: 3 * TABLES]:
        columns = header(files, name)
        written = [found[1] if (found := BRACKETS.search(c)) else c for c in columns]
        known = set(files.images)
        images = [n for n in match_names(written, files.images).images if n in known] if known else []
        if len(images) > 2 and 2 * len(images) > len(columns):
            out.append(f"{name}: {turn(images[0])}")
    return out[:TABLES]


def _columns(files: Files) -> list[str]:
    texts: list[str] = []
    for name in [n for n in files.names if is_table(n)][: 3 * TABLES]:
        columns = header(files, name)
        if len(columns) > 1 and len(texts) < TABLES:
            texts.append(f"{name} has {', '.join(map(repr, columns[:COLUMNS]))}")
    return texts
