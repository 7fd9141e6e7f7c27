"""Files of a dataset that are not read: archives, and images of other types."""

from __future__ import annotations

from .names.splits import words
from .reading import Reading
from .refusal import ARCHIVES, unread_types
from .sources.files import suffix
from .study import EXAMPLES, Problem

LISTS, OF_PARTS = (".txt", ".lst", ".list"), frozenset({"split", "splits", "partition", "partitions"})


def archives_inside(reading: Reading) -> list[Problem]:
    """Problem: archives among the files, which are not read. Without other images they may hold all of them."""
    names = [n for n in reading.files.others if suffix(n) in ARCHIVES]
    if not names:
        return []
    texts = tuple(f"{n}: is an archive inside the dataset and is not read; unpack it beside the table." for n in names)
    return [Problem("archive inside", len(names), texts[:EXAMPLES], "warning" if reading.images else "error")]


def unread_images(reading: Reading) -> list[Problem]:
    """Problem: images of a type that is not read. Listed images that are missing may be among them."""
    unread = unread_types(reading.files)
    names = [n for n in reading.files.others if suffix(n) in unread] if unread else []
    texts = tuple(f"{n}: {suffix(n)} files are a type of image that is not read; convert it." for n in names[:EXAMPLES])
    return [Problem("image type not read", len(names), texts)] if names else []


def unread_parts(reading: Reading) -> list[Problem]:
    """Problem: lists called like a split that say nothing by themselves: 0, 1 and 2 of CelebA, 0 and 1 of CUB."""
    read = {t.file for t in reading.tables} | set(reading.splits)
    lists = [n for n in reading.files.others if suffix(n) in LISTS and n not in read]
    names = [n for n in lists if OF_PARTS & set(words(n.rsplit("/", 1)[-1].rsplit(".", 1)[0]))]
    texts = tuple(
        f"{n}: may say which images are test images and is not read; write it as a table with the columns image,split."
        for n in names[:EXAMPLES]
    )
    return [Problem("split not read", len(names), texts)] if names and not reading.parts else []
