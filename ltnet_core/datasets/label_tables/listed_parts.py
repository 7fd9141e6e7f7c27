"""Lists of images that say which part of a dataset these are: ``test.txt``, ``splits/val.csv``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...errors import DatasetError
from ..corrections import Corrections
from ..names.image_names import match_names
from ..names.splits import part_of, set_name
from ..sources.files import Files, suffix
from ..sources.text_files import read_lines
from ..tables.columns import KNOWN, short
from .table_rows import stem

ENDINGS = (".txt", ".csv", ".tsv", ".lst", ".list")
MOST_LISTS, DEEPEST, SAMPLE = 50, 3, 200
LISTED = 0.9


def listed_parts(
    files: Files, images: Sequence[str], corrections: Corrections
) -> tuple[dict[str, str], dict[str, str]]:
    """Image → test or test:NAME where a list of that name has it; and list → part.

    A list has one name on each line, most of them of images of the dataset; an image on several lists is a test image.
    The lists of a cross-validation, each with another test part, say nothing, and neither do lists that leave no image
    to train on.
    """
    held: dict[str, str] = {}
    lists: dict[str, str] = {}
    learned: set[str] = set()
    names = [n for n in files.others if suffix(n) in ENDINGS and n.count("/") <= DEEPEST]
    for file in [n for n in names if _part(n, corrections)][:MOST_LISTS]:
        found = _images(files, file, images)
        if not found:
            continue
        part = lists[file] = _part(file, corrections)
        if part == "test":
            held.update((image, set_name(part, stem(file))) for image in found if image not in held)
        else:
            learned.update(found)
    parts = Counter(lists.values())
    folds = min(parts["train"], parts["test"]) > 1 and not learned.isdisjoint(held)
    named = any(corrections.part(n) or corrections.part(stem(n)) for n in lists)
    says_nothing = not named and (folds or len(held) == len(images))
    return ({}, {}) if not held or says_nothing else (held, lists)


def _part(file: str, corrections: Corrections) -> str:
    return corrections.part(file) or corrections.part(stem(file)) or part_of(stem(file)) or ""


def _images(files: Files, file: str, images: Sequence[str]) -> list[str]:
    """The images that a list names; none where it is no list of images."""
    try:
        lines = [line.strip().strip("\"'") for line in read_lines(files, file)]
    except DatasetError:
        return []
    lines = [line for line in lines if line]
    if lines and short(lines[0]) in KNOWN:
        lines = lines[1:]
    if not lines or any("\t" in line or ";" in line for line in lines[:SAMPLE]):
        return []
    known = set(images)
    found = [name for name in match_names(lines, images).images if name in known]
    return found if len(found) >= LISTED * len(lines) else []


def images_of_tests(names: Sequence[str], marks: Sequence[str], images: Sequence[str]) -> dict[str, str]:
    """Image → test or test:NAME, for the names of a table ``image,split`` whose mark is one of them."""
    rows = [(n, m) for n, m in zip(names, marks, strict=True) if n and m.startswith("test")]
    found = match_names([n for n, _ in rows], images).images if images else [n for n, _ in rows]
    return {image: mark for image, (_, mark) in zip(found, rows, strict=True)}
