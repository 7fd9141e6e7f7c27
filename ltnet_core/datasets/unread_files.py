"""Files of a dataset that are not read: archives, and images of other types."""

from __future__ import annotations

from .reading import Reading
from .refusal import ARCHIVES, unread_types
from .sources.files import suffix
from .study import EXAMPLES, Problem


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
