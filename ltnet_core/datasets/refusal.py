"""The error for files of no format: their columns, what they lack for the nearest ones, and the flag that helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .files import Files, suffix
from .tables import header, is_table

LEAST = 0.1
FILES, COLUMNS, TABLES = 6, 12, 3
UNREAD = frozenset({".heic", ".heif", ".avif", ".jfif", ".jp2", ".jxl", ".dcm", ".svg", ".psd", ".raw", ".nef", ".cr2"})


@dataclass(frozen=True)
class Miss:
    """A format that does not fit: likeness, depth of the folder that was tried, title and what is missing."""

    likeness: float
    depth: int
    title: str
    lacks: str


def refusal(files: Files, misses: Sequence[Miss]) -> str:
    """The sentences of a refusal."""
    images = len(files.images)
    text = f"no known dataset format: {len(files.names):,} files, {images:,} of them images{_others(files)}"
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
    if columns:
        text += f" Columns found: {'; '.join(columns)}. --columns image=…,coder=…,label=… says which is which."
    elif images:
        text += " There are images without labels: add a table of image,coder,label, or folders named by class."
    else:
        text += " Add a table with the columns image,coder,label; --format says what the files are."
    return text


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


def _columns(files: Files) -> list[str]:
    texts: list[str] = []
    for name in [n for n in files.names if is_table(n)][: 3 * TABLES]:
        columns = header(files, name)
        if len(columns) > 1 and len(texts) < TABLES:
            texts.append(f"{name} has {', '.join(map(repr, columns[:COLUMNS]))}")
    return texts
