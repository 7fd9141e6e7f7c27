"""One folder of classes per annotator, each with a copy of the same images: ``ann/happy/a.png``, ``ben/sad/a.png``."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

from ..corrections import NOTHING, Corrections
from ..names.folder_levels import SUBJECT, lay_out
from ..names.parts import part_of_value
from ..reading import Match, Reading
from ..sources.files import Files
from ..study import Problem
from .answers import Answers

FORMAT = "annotator-folders"
RANK = 400
TITLE = "A folder of classes per annotator"
LAYOUT = """\
ann/happy/a.png …          the images as Ann sorted them
ben/sad/a.png …            copies of the same images as Ben sorted them; each folder is a coder
ann/train/…  ann/test/…    optional; or train/ann/happy/a.png
happy/ann/a.png …          or the annotators below the classes"""
NOTE = """\
Recognised where folders hold copies of the same images, by content and, where that is so, by name. An image of
several folders is one item, called as in the first of them. An image that nobody else sorted is an item of its own."""

CORRECTABLE = True
UNLABELLED = ("unlabelled", "unlabeled")
HEAD = 4096
MOST_READ = 5_000
SAMPLE = 20
LEAST_SHARED = 0.5


Sources = dict[str, list[tuple[str, str, str]]]
Key = Callable[[str], str]


def _part(folder: str, corrections: Corrections) -> str:
    return corrections.part(folder) or part_of_value(folder)


def _sources(files: Files, corrections: Corrections, class_first: bool = False) -> Sources:
    """Annotator → (image, part, class) of each image in a class folder below, or above with ``class_first``.

    The part may stand above the annotator or below: train/ann/happy/a.png, ann/train/happy/a.png.
    """
    out: Sources = {}
    for name in files.images:
        folders = name.split("/")[:-1]
        part = folders[0] if len(folders) > 2 and _part(folders[0], corrections) else ""
        source, *below = folders[1:] if part else folders or [""]
        if not part and len(below) > 1:
            part = below[0] if _part(below[0], corrections) else ""
            below = below[1:] if part else below
        if below and not _part(source, corrections) and source.lower() not in UNLABELLED:
            who, label = (below[0], source) if class_first else (source, below[0])
            out.setdefault(who, []).append((name, part, label))
    return out


def _sorted(files: Files, corrections: Corrections) -> tuple[Sources, Key | None]:
    """The annotators' images, with the folders of annotators above or below those of classes, and what tells images.

    Where both are possible an annotator has hardly an image twice.
    """
    ways = []
    for class_first in (False, True):
        sources = _sources(files, corrections, class_first)
        if class_first and all(SUBJECT.fullmatch(who.lower()) for who in sources):
            continue  # the persons shown
        if len(sources) < 2 or len({c for images in sources.values() for *_, c in images}) < 2:
            continue
        key = _key(files, sources)
        if key is not None:
            twice = sum(len(images) - len({key(i) for i, *_ in images}) for images in sources.values())
            ways.append((twice, class_first, sources, key))
    best = min(ways, key=lambda w: w[:2], default=None)
    return (_sources(files, corrections), None) if best is None else best[2:]


def _key(files: Files, sources: Sources) -> Key | None:
    """What an image is recognised by in another folder: name or content; None where the folders share no image."""
    everything = [i for images in sources.values() for i, *_ in images]
    by_name = _shared(sources, _base)
    if by_name and all(
        len({_content(files, i) for i in group}) == 1 for group in by_name[:: max(1, len(by_name) // SAMPLE)]
    ):
        return _base
    if len(everything) > MOST_READ:
        return None
    heads: dict[bytes, int] = {}
    first = {i: files.head(i, HEAD) for i in everything}
    for head in first.values():
        heads[head] = heads.get(head, 0) + 1
    content = {i: _content(files, i) if heads[h] > 1 else i for i, h in first.items()}
    return content.__getitem__ if _shared(sources, content.__getitem__) else None


def _base(image: str) -> str:
    return image.rsplit("/", 1)[-1]


def _content(files: Files, image: str) -> str:
    return hashlib.sha256(files.read(image)).hexdigest()


def _shared(sources: Sources, key: Key) -> list[list[str]]:
    """The images that two annotators sorted; none where they are fewer than half of what the smaller one has."""
    keys = {source: {key(i): i for i, *_ in images} for source, images in sources.items()}
    holders = Counter(k for held in keys.values() for k in held)
    shared = [k for k, n in holders.items() if n > 1]
    if not shared or len(shared) < LEAST_SHARED * min(map(len, keys.values())):
        return []
    return [[held[k] for held in keys.values() if k in held] for k in shared]


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by folders of classes that hold the same images; parts, persons and sequences are no annotators."""
    layout = lay_out(files.images, corrections)
    deep = any(i.count("/") > 1 for i in files.images)
    if layout.wrong or not (layout.sources or deep):
        return Match(False, layout.wrong or "no folders of classes for several annotators", 0.0)
    many = len(files.images) > MOST_READ
    if many and len({_base(i) for i in files.images}) == len(files.images):
        return Match(False, "the folders hold images of different names", 0.0)
    sources, key = _sorted(files, corrections)
    if key is None:
        return Match(False, "the folders hold different images", 0.0)
    how = "name and content" if key is _base else "content"
    return Match(True, f"the same images, by {how}, in the folders {', '.join(sorted(sources)[:4])}")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the folders.

    Raises
    ------
    DatasetError
        there is nothing to learn from.
    """
    sources, found = _sorted(files, corrections)
    key = found or (lambda image: image)
    answers = Answers("the folders")
    first: dict[str, str] = {}
    for source in sorted(sources):
        for image, *_ in sources[source]:
            first.setdefault(key(image), image)
    copies = 0
    for source in sorted(sources):
        for row, (image, part, label) in enumerate(sources[source], 1):
            item = first[key(image)]
            copies += item != image
            answers.add(f"{source}/", row, item, label, coder=source, part=part)
    sorted_ones = {i for images in sources.values() for i, *_ in images}
    shown = [i for i in files.images if i not in sorted_ones or i in set(first.values())]
    text = f"{copies:,} copies of images in other folders are the same items."
    problems = [Problem("copy of an image", copies, (text,), "note")] if copies else []
    return answers.reading(files, name, images=shown, problems=problems)
