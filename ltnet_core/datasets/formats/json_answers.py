"""JSON that maps every item to its label, or to the label each annotator gave it, as peerannot keeps answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files, is_image_name, uppermost
from ..sources.json_files import json_head, text
from ..sources.text_files import read_json
from .answers import Answers
from .label_studio import coder_of

FORMAT = "json-answers"
RANK = 340
CHOOSES = True
TITLE = "JSON, item to label"
LAYOUT = """\
answers.json       {"a.png": {"Ann": "happy", "Ben": "sad"}, "b.png": {"Ben": "sad"}, …}     item → annotator → class
                   or {"Ann": {"a.png": "happy", "b.png": …}, "Ben": {…}}                     annotator → item → class
labels.json        or {"a.png": "happy", "b.png": "sad", …}                                  item → class
images/…           optional, matched by name"""
NOTE = """\
Annotators with numbers for names are called *annotator 3*. A class of −1 or `null` is an absent label. Files of the
second form that speak of the same images are a coder each."""

FEWEST, MANY, HEAD = 2, 8, 1000
ABSENT = ("", "-1")


def _files(files: Files) -> list[tuple[str, dict[str, Any]]]:
    out = []
    for name in uppermost(files, (".json",)):
        if json_head(files, name).startswith(b"{"):
            try:
                content = read_json(files, name)
            except DatasetError:
                continue
            by_item = _by_item(content, files)
            if by_item is not content or _of_annotators(content) or _of_images(content, files):
                out.append((name, by_item))
    return out


def _by_item(content: dict[str, Any], files: Files) -> dict[str, Any]:
    """The content by item, where it is by annotator: {"Ann": {"a.png": "happy"}}."""
    known = {n.rsplit("/", 1)[-1] for n in files.images}

    def are_images(names: Iterable[str]) -> bool:
        marks = [is_image_name(n) or n.replace("\\", "/").rsplit("/", 1)[-1] in known for n in names]
        return sum(marks) > len(marks) / 2

    if len(content) < FEWEST or not all(isinstance(v, dict) for v in content.values()) or are_images(content):
        return content
    items = dict.fromkeys(i for by_item in content.values() for i in by_item)
    plain = all(isinstance(x, str | int | float) or x is None for by_item in content.values() for x in by_item.values())
    if not plain or not items or not are_images(items):
        return content
    return {i: {who: said[i] for who, said in content.items() if i in said} for i in items}


def _of_annotators(content: dict[str, Any]) -> bool:
    inner = list(content.values())
    people = [set(v) for v in inner if isinstance(v, dict)]
    if len(inner) < FEWEST or len(people) < len(inner):
        return False
    plain = all(isinstance(a, str | int | float) or a is None for v in inner for a in v.values())
    # Records have the same fields in every item, of different kinds; annotators are numbers, or differ from item to
    # item.
    numbered = all(p.isdigit() for who in people for p in who) and not _are_votes(inner)
    return plain and any(people) and (numbered or len({frozenset(p) for p in people}) > 1)


def _are_votes(items: Sequence[dict[str, Any]]) -> bool:
    """Whether the items' numbers add up to one sum, as votes for classes do: {"a.png": {"1": 3, "2": 0}}."""
    whole = all(type(n) is int and n >= 0 for of in items for n in of.values())
    same = len({frozenset(of) for of in items}) == 1 == len({sum(of.values()) for of in items} if whole else ())
    return len(items) >= MANY and same and len({tuple(of.values()) for of in items}) > 1


def _of_images(content: dict[str, Any], files: Files) -> bool:
    if len(content) < FEWEST or not all(isinstance(v, str | int) for v in content.values()):
        return False
    known = {n.rsplit("/", 1)[-1] for n in files.images}
    return sum(n.replace("\\", "/").rsplit("/", 1)[-1] in known for n in content) > len(content) / 2


def match(files: Files) -> Match:
    """Recognised by an object of items, whose values are labels by annotator, or labels of images that are there."""
    for name, content in _files(files):
        people = any(isinstance(v, dict) for v in content.values())
        content_name = "the answers of annotators" if people else "the class of each image"
        return Match(True, f"{name} with {content_name}")
    for name in uppermost(files, (".json",)):
        if _of_lists(files, name):
            text = f"{name} gives lists of labels and does not say whose they are; write who gave each label"
            return Match(False, f'{text}: {{"a.png": {{"Ann": "happy"}}}}', 0.8)
    return Match(False, "no JSON that maps items to labels")


def _of_lists(files: Files, name: str) -> bool:
    """Whether the object maps images to lists of labels."""
    head = json_head(files, name)
    if not head.startswith(b"{") or b"[" not in head[:HEAD]:
        return False
    try:
        content = read_json(files, name)
    except DatasetError:
        return False
    lists = {k: v for k, v in content.items() if isinstance(v, list) and all(isinstance(x, str | int) for x in v)}
    return len(lists) == len(content) and _of_images(dict.fromkeys(lists, ""), files)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read all files of that kind.

    Raises
    ------
    DatasetError
        there is none.
    """
    answers = Answers("the JSON of answers", corrections)
    for file, content in _files(files):
        part = file
        for row, (item, by_person) in enumerate(content.items(), 1):
            for who, label in by_person.items() if isinstance(by_person, dict) else [("", by_person)]:
                label = "" if corrections.missing != () and text(label) in ABSENT else text(label)
                coder = coder_of(int(who) if who.isdecimal() and len(who) < 20 else who) if who else ""
                answers.add(file, row, item, label, coder=coder, part=part)
    return answers.reading(files, name)
