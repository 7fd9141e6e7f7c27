"""CVAT for images, XML: tags of whole images."""

from __future__ import annotations

import io
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files
from .answers import BOXES, BY_MODEL, SEVERAL, Answers

FORMAT = "cvat"
RANK = 250
CHOOSES = True
TITLE = "CVAT for images, XML"
LAYOUT = """\
annotations.xml    <image name="a.png" subset="Train"><tag label="happy"/></image>
images/…           optional, matched by name"""
NOTE = """\
The label is the tag of an image, or the attribute of its tag where all tags are called the same. Boxes, polygons and
masks are no labels of a whole image. Tags that a model gave (`source="auto"`) are left out and counted. The subset is
honoured. The coder is the assignee of the image's task, else the dataset; files that speak of the same images are a
coder each."""

MOST_BYTES = 512 * 1024**2
SHAPES = ("box", "polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton")
TAG, AUTOMATIC = "tag", "auto"


def _exports(files: Files) -> list[str]:
    documents = [n for n in files.others if n.lower().endswith(".xml") and n.count("/") <= 1]
    return [n for n in documents[:200] if b"<annotations" in files.head(n, 4096)]


def match(files: Files) -> Match:
    """Recognised by XML with annotations and a version."""
    for name in _exports(files):
        head = files.head(name, 65_536)
        if b"<track" in head:
            return Match(False, f"{name} is of a video; export it as CVAT for images", 0.8)
        if b"<image" in head or b"<meta" in head:
            return Match(True, f"{name} with tags of images")
    return Match(False, "no XML of CVAT")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read all exports.

    Raises
    ------
    DatasetError
        it is no XML, declares entities, or holds boxes alone.
    """
    answers = Answers("CVAT's annotations", corrections, "name", label=TAG, split="subset")
    tagged: list[tuple[str, int, str, str, str, dict[str, list[str]]]] = []
    for file in _exports(files):
        coder, of_task = "", dict[str, str]()
        try:
            number = 0
            for _, element in iterparse(io.BytesIO(files.read(file, MOST_BYTES)), events=("end",)):
                if element.tag == "assignee":
                    coder = _assignee(element) or coder
                elif element.tag == "task":
                    of_task[element.findtext("id") or ""] = _assignee(element.find("assignee"))
                elif element.tag == "image":
                    number += 1
                    who = of_task.get(element.get("task_id") or "", coder)  # the dump of a project holds several tasks
                    tags = _tags(element)
                    by_model = [t for t in element.iter(TAG) if t.get("source") == AUTOMATIC]
                    if by_model:
                        answers.set_aside(BY_MODEL, file, number, len(by_model))
                    elif not tags and any(child.tag in SHAPES for child in element):
                        answers.set_aside(BOXES, file, number)
                    part = f"{file}/{element.get('subset') or ''}"
                    tagged.append((file, number, who, element.get("name") or "", part, tags))
                    element.clear()
        except (ParseError, DefusedXmlException, LookupError, ValueError) as e:
            raise DatasetError(f"is not readable XML ({type(e).__name__}: {str(e).splitlines()[0]}).", file=file) from e
    questions = _questions([tags for *_, tags in tagged])
    for file, row, coder, image, part, tags in tagged:
        for question in questions:
            labels = sorted(set(tags.get(question, ())))
            if len(labels) > 1:
                answers.set_aside(SEVERAL, file, row)
            elif labels:
                answers.add(file, row, image, labels[0], coder=coder, question=question, part=part)
    return answers.reading(files, name)


def _assignee(element: Element | None) -> str:
    return "" if element is None else (element.findtext("username") or element.text or "").strip()


def _tags(image: Element) -> dict[str, list[str]]:
    """Question → classes: the labels of the tags, and the values of their attributes."""
    out: dict[str, list[str]] = {}
    for tag in image.iter(TAG):
        if tag.get("source") == AUTOMATIC:
            continue
        label = (tag.get("label") or "").strip()
        if label:
            out.setdefault(TAG, []).append(label)
        for attribute in tag.iter("attribute"):
            value = (attribute.text or "").strip()
            if value:
                out.setdefault(f"{label}.{attribute.get('name')}", []).append(value)
    return out


def _questions(tags: list[dict[str, list[str]]]) -> list[str]:
    """The questions: the tag, if tags differ, and each attribute whose values differ."""
    values: dict[str, set[str]] = {}
    for image in tags:
        for question, labels in image.items():
            values.setdefault(question, set()).update(labels)
    varied = [q for q, v in values.items() if len(v) > 1]
    return varied or list(values)[:1]
