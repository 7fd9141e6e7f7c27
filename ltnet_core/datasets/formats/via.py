"""VGG Image Annotator (VIA), version 2: JSON projects and annotations, and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..corrections import NOTHING, Corrections
from ..label_tables.export_tables import cells, json_cell, tables_with
from ..reading import Match, Reading
from ..sources.files import Files, uppermost
from ..sources.json_files import json_head, text
from ..sources.text_files import read_json
from ..study import Problem
from ..tables.table import read_table
from .answers import BOXES, SEVERAL, Answers, are_choices, one_of, people_in

FORMAT = "via"
RANK = 240
CHOOSES = True
TITLE = "VGG Image Annotator (VIA)"
LAYOUT = """\
via_project.json   {"a.png700": {"filename": "a.png", "file_attributes": {"emotion": "happy"}, …}, …}
                   or the whole project of VIA 2
via.csv            or: filename,file_size,file_attributes,region_count,…
images/…           optional, matched by name"""
NOTE = """\
The label is an attribute of the file; regions are no labels of a whole image. Several attributes with choices are
several questions, and it is asked which one holds the labels; one called *annotator* or the like names the coder.
Files that speak of the same images are a coder each."""

NEEDED = {"filename", "file_attributes"}
OWN = ("caption", "public_domain", "image_url")


def _projects(files: Files) -> list[str]:
    jsons = uppermost(files, (".json",))
    return [n for n in jsons if b'"file_attributes"' in json_head(files, n) or b'"_via_' in json_head(files, n)]


def match(files: Files) -> Match:
    """Recognised by file_attributes, as a column or as a field."""
    for name in tables_with(files, NEEDED):
        return Match(True, f"{name} with the columns filename and file_attributes")
    for name in _projects(files):
        return Match(True, f"{name} with file_attributes")
    for name in files.others:
        if name.lower().endswith(".json") and b'"vid_list"' in json_head(files, name):
            return Match(False, f"{name} is of VIA 3; export it as CSV of VIA 2", 0.8)
    return Match(False, "no annotations of VIA")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read all files of VIA.

    Raises
    ------
    DatasetError
        a file or a cell is broken, or several attributes hold choices.
    """
    answers = Answers("VIA's annotations", corrections, "filename", label="file_attributes")
    remarks: list[Problem] = []
    entries: list[tuple[str, int, str, dict[str, Any], bool]] = []
    for file in tables_with(files, NEEDED):
        table = read_table(files, file)
        remarks += table.remarks()
        rows = zip(table.row, *(cells(table, c) for c in ("filename", "file_attributes", "region_count")), strict=True)
        images_read = set()
        for row, image, attributes, regions in rows:
            content = json_cell(attributes, "file_attributes", file, int(row))
            if image not in images_read:  # a row for each region repeats the attributes of the file
                entries.append(
                    (file, int(row), image, content if isinstance(content, dict) else {}, regions not in ("", "0"))
                )
            images_read.add(image)
    for file in _projects(files):
        for row, entry in enumerate(_entries(read_json(files, file)), 1):
            attributes = entry.get("file_attributes")
            regions = bool(entry.get("regions"))
            entries.append(
                (file, row, text(entry.get("filename")), attributes if isinstance(attributes, dict) else {}, regions)
            )
    questions = _questions([attributes for *_, attributes, _ in entries])
    for file, row, image, attributes, has_regions in entries:
        labelled = False
        who = next((text(attributes[k]) for k in people_in(attributes) if k not in questions), "")
        for question in questions:
            label = one_of(_chosen(attributes.get(question)))
            if label is None:
                answers.set_aside(SEVERAL, file, row)
            elif label:
                answers.add(file, row, image, label, coder=who, question=question, part=file)
            labelled |= label != ""
        if has_regions and not labelled:
            answers.set_aside(BOXES, file, row)
    return answers.reading(files, name, problems=remarks)


def _entries(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        content = content.get("_via_img_metadata", content)
    for entry in content.values() if isinstance(content, dict) else ():
        if isinstance(entry, dict) and "filename" in entry:
            yield entry


def _questions(attributes: list[dict[str, Any]]) -> list[str]:
    """The attributes that hold choices."""
    names = dict.fromkeys(k for a in attributes for k in a if k.lower() not in OWN)
    names = {n: None for n in names if not people_in([n])} or names
    return [n for n in names if are_choices([";".join(_chosen(a.get(n))) for a in attributes])]


def _chosen(value: Any) -> list[str]:
    """The choices in an answer: a word, or the boxes that were ticked."""
    if isinstance(value, dict):
        return [str(k) for k, on in value.items() if on is True or text(on).lower() == "true"]
    return [text(value)] if text(value) else []
