"""A folder of images without any label: unlabelled data of a joined study."""

from __future__ import annotations

from .formats import imagefolder
from .reading import Match, Reading
from .sources.files import Files, inside
from .tables.table import is_table


def match(files: Files) -> Match:
    """Recognised by images and no file that could hold labels, nor folders named by class."""
    if not files.images:
        return Match(False, "there are no images")
    if any(is_table(n) or n.endswith((".json", ".txt", ".npy", ".pt")) for n in files.names):
        return Match(False, "there are files that may hold labels")
    if any(imagefolder.match(f).fits for f in inside(files)):
        return Match(False, "there are folders named by class")
    return Match(True, "images alone")


def read(files: Files, name: str) -> Reading:
    """The images, without annotations."""
    return Reading(files, files.images)
