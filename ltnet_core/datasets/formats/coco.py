"""COCO's JSON whose annotations give whole images a category."""

from __future__ import annotations

from typing import Any

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files
from ..sources.json_files import json_head, text
from ..sources.text_files import read_json
from .answers import BOXES, SEVERAL, Answers, people_in
from .label_studio import coder_of

FORMAT = "coco"
RANK = 260
CHOOSES = True
TITLE = "COCO, categories of whole images"
LAYOUT = """\
annotations.json   {"images": [{"id", "file_name"}], "categories": [{"id", "name"}],
                    "annotations": [{"image_id", "category_id"}]}
images/…           optional, any depth; or _annotations.coco.json beside the images of train/, valid/, test/"""
NOTE = """\
A box or an outline is no label of a whole image: an annotation with one is left out and counted, unless its box is
the whole image. An image with several categories is left out and counted. A field of an annotation that is called as
a column of coders is (`annotator`, `worker`, `labeled_by` …), also in `attributes`, names its coder, and so does the
supercategory where every name is there once for each. Else files that speak of the same images are a coder each;
those with *val* or *test* in their name or folder are evaluated, never trained on."""

MOST_FILES = 200
KEYS = (b'"images"', b'"annotations"', b'"categories"')


def _candidates(files: Files) -> list[str]:
    out = []
    for name in [n for n in files.others if n.lower().endswith(".json")][:MOST_FILES]:
        head = json_head(files, name)
        if head.startswith(b"{") and any(key in head for key in KEYS) and b'"_via_' not in head:
            out.append(name)
    return out


def _is_coco(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(content.get(k.decode()[1:-1]), list) for k in KEYS)


def match(files: Files) -> Match:
    """Recognised by JSON with images, annotations and categories."""
    for name in _candidates(files):
        try:
            if _is_coco(read_json(files, name)):
                return Match(True, f"{name} with images, annotations and categories")
        except DatasetError:
            continue
    return Match(False, "no JSON with images, annotations and categories")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read every file of that kind.

    Raises
    ------
    DatasetError
        an entry is not of that form, or all annotations are boxes.
    """
    answers = Answers("COCO's annotations", corrections, "file_name", label="category_id")
    classes: list[str] = []
    for file in _candidates(files):
        content = read_json(files, file)
        if _is_coco(content):
            classes += _add(answers, files, file, content)
    return answers.reading(files, name, classes=classes)


def _add(answers: Answers, files: Files, file: str, content: dict[str, Any]) -> list[str]:
    folder = file.rsplit("/", 1)[0] + "/" if "/" in file else ""
    images = _by_id(content["images"], "file_name", file, "images")
    names = _by_id(content["categories"], "name", file, "categories")
    sizes = {i["id"]: (i.get("width"), i.get("height")) for i in content["images"]}
    people = _supercategories(content["categories"])
    chosen: dict[tuple[Any, str], dict[str, int]] = {}
    for row, annotation in enumerate(content["annotations"], 1):
        image, category = (
            annotation.get(k) if isinstance(annotation, dict) else None for k in ("image_id", "category_id")
        )
        if not _is_id(image) or not _is_id(category) or image not in images or category not in names:
            raise DatasetError("annotation whose image_id or category_id is not listed.", file=file, row=row)
        if _is_part(annotation, sizes[image]):
            answers.set_aside(BOXES, file, row)
        else:
            who = _coder(annotation) or people.get(category, "")
            chosen.setdefault((image, who), {}).setdefault(names[category], row)
    part = file
    for (image, who), labels in chosen.items():
        label, row = next(iter(labels.items()))
        if len(labels) > 1:
            answers.set_aside(SEVERAL, file, row)
        else:
            beside = folder + images[image]
            answers.add(file, row, beside if beside in files else images[image], label, coder=who, part=part)
    return list(names.values())


def _coder(annotation: dict[str, Any]) -> str:
    """Who gave an annotation, where it says so; a number is *annotator 3*."""
    for fields in (annotation, annotation.get("attributes")):
        for who in [fields[key] for key in people_in(fields)] if isinstance(fields, dict) else ():
            if _is_id(who) and text(who):
                return str(coder_of(who))
    return ""


def _supercategories(categories: list[Any]) -> dict[Any, str]:
    """Category → its supercategory, where all names occur again under another one: then these are the annotators."""
    under: dict[str, set[str]] = {}
    pairs = [(c["id"], text(c["name"]), text(c.get("supercategory"))) for c in categories]
    for _, name, above in pairs:
        under.setdefault(name, set()).add(above)
    several = len(pairs) > 1 and all(len(above) > 1 and "" not in above for above in under.values())
    return {i: above for i, _, above in pairs} if several else {}


def _by_id(entries: list[Any], field: str, file: str, list_name: str) -> dict[Any, str]:
    out = {}
    for row, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not _is_id(entry.get("id")) or not text(entry.get(field)):
            raise DatasetError(f"entry of {list_name} without id and {field}.", file=file, row=row)
        out[entry["id"]] = text(entry[field])
    return out


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _is_part(annotation: dict[str, Any], size: tuple[Any, Any]) -> bool:
    """Whether an annotation outlines less than the whole image."""
    box = annotation.get("bbox")
    whole = [0, 0, *size]
    if isinstance(box, list) and len(box) == 4 and any(box) and box != whole:
        return True
    outline = annotation.get("segmentation")
    return bool(outline) and box != whole
