"""Label Studio's JSON export: every annotator's choice for every task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..names.listed_names import path_of
from ..questions import Answer, Question, flag, listed
from ..reading import Match, Reading
from ..sources.files import Files, is_image_name, uppermost
from ..sources.json_files import json_head, text
from ..sources.text_files import read_json
from .answers import BOXES, SEVERAL, Answers, seconds

FORMAT = "label-studio"
RANK = 160
CHOOSES = True
TITLE = "Label Studio export"
LAYOUT = """\
export.json        the "JSON" export of an image classification project; each annotator is a coder
images/…           optional, matched by name
classes.csv        class[,code]                optional"""
NOTE = """\
Skipped tasks and cancelled annotations are left out and counted. Of two annotations of one person the one updated
later stands. Ratings, texts, boxes and outlines are no labels. Of several questions (`from_name`) it is asked which
one holds the labels (`--ignore`). A field `split` of the task's data is honoured."""

BOX_TYPES = ("rectanglelabels", "polygonlabels", "brushlabels", "ellipselabels", "keypointlabels", "videorectangle")


def _exports(files: Files) -> list[str]:
    return uppermost(files, (".json",))


def match(files: Files) -> Match:
    """Recognised by a JSON list of tasks with data and annotations."""
    for name in _exports(files):
        head = json_head(files, name)
        if head.startswith(b"[") and b'"annotations"' in head and b'"data"' in head:
            return Match(True, f"{name}, a list of tasks with annotations")
        if head.startswith(b"[") and b'"completions"' in head:
            return Match(False, f"{name} comes from Label Studio before 1.0; export it again as JSON", 0.8)
    return Match(False, "no JSON export with tasks and annotations", 0.1 if _exports(files) else 0.0)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the exports.

    Raises
    ------
    DatasetError
        it is not the JSON of a Label Studio export.
    """
    answers = Answers("Label Studio's export", corrections, "image", "completed_by", split="split")
    starred: dict[str, set[bool]] = {}
    for file in _exports(files):
        tasks = read_json(files, file)
        for number, task in enumerate(tasks if isinstance(tasks, list) else (), 1):
            data = task.get("data") if isinstance(task, dict) else None
            if not isinstance(data, dict):
                raise DatasetError("expected a task with data and annotations.", file=file, row=number)
            _add(answers, file, number, data, task.get("annotations"), starred)
    reading = answers.reading(files, name)
    return replace(reading, questions=[*reading.questions, *_ground_truth(starred, corrections)])


def _ground_truth(starred: dict[str, set[bool]], corrections: Corrections) -> list[Question]:
    """The question whether those are coders whose annotations are all marked as ground truth, beside others."""
    starred = {c: marks for c, marks in starred.items() if not corrections.ignores(c)}
    marked = [c for c, marks in starred.items() if marks == {True}]
    if not marked or len(marked) == len(starred) or corrections.annotators:
        return []
    shown = ", ".join(marked[:4])
    sentence = f"Label Studio's export marks all annotations of {shown} as ground truth, which is no person's label."
    ways = (
        Answer(flag("--ignore", listed(marked)), f"{shown} is left out"),
        Answer(flag("--annotators", listed(starred)), "it is a coder like the others"),
    )
    return [Question("ground truth among the coders", sentence, tuple(marked), ways)]


def _add(
    answers: Answers, file: str, number: int, data: dict[str, Any], annotations: Any, starred: dict[str, set[bool]]
) -> None:
    image = image_of(data)
    part = next((text(v) for k, v in data.items() if k.lower() in ("split", "subset", "usage")), "")
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            answers.set_aside("the annotation was cancelled", file, number)
            continue
        chosen = dict(_choices(annotation.get("result")))
        if not chosen:
            answers.set_aside(_without_choice(annotation.get("result")), file, number)
        when = seconds(annotation.get("updated_at") or annotation.get("created_at"))
        for question, labels in chosen.items():
            if len(labels) != 1:
                answers.set_aside(SEVERAL, file, number)
                continue
            by = annotation.get("completed_by")
            who = coder_of(_remark(annotation.get("result")) if by is None else by)
            starred.setdefault(who, set()).add(annotation.get("ground_truth") is True)
            answers.add(file, number, image, labels[0], coder=who, question=question, when=when, part=part)


def _choices(result: Any) -> Iterator[tuple[str, list[str]]]:
    """(question, classes chosen) of each question of choices that was answered."""
    for part in result if isinstance(result, list) else ():
        value = part.get("value") if isinstance(part, dict) and part.get("type") == "choices" else None
        chosen = value.get("choices") if isinstance(value, dict) else None
        labels = [text(c) for c in chosen if text(c)] if isinstance(chosen, list) else []
        if labels:
            yield text(part.get("from_name")), labels


def _remark(result: Any) -> str:
    """The remark on an answer, which names the coder in tasks that LTNet Studio wrote; "" where there is none."""
    for part in result if isinstance(result, list) else ():
        meta = part.get("meta") if isinstance(part, dict) else None
        remarks = meta.get("text") if isinstance(meta, dict) else None
        if isinstance(remarks, list) and remarks:
            return text(remarks[0])
    return ""


def _without_choice(result: Any) -> str:
    kinds = {text(part.get("type")) for part in result if isinstance(part, dict)} if isinstance(result, list) else set()
    if kinds & set(BOX_TYPES):
        return BOXES
    return "a rating is no choice of a class" if "rating" in kinds else "the annotation holds no choice"


def image_of(data: dict[str, Any]) -> str:
    """The image among the fields of a task; "" where there is none."""
    return next((path_of(v) for v in data.values() if isinstance(v, str) and is_image_name(path_of(v))), "")


def coder_of(by: Any) -> str:
    """The name of an annotator: an address, a name or ``annotator 3`` for a number."""
    if isinstance(by, dict):
        by = by.get("email") or by.get("username") or by.get("id")
    person = text(by) if not isinstance(by, bool) else ""
    return f"annotator {person}" if person.isdigit() else person or "annotator"
