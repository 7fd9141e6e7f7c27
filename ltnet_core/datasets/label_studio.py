"""Label Studio's JSON export: every annotator's choice for every task."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

import numpy as np
import pandas as pd

from ..errors import DatasetError
from .files import Files, is_image_name
from .plain import read_classes
from .reading import Match, Reading, Rows
from .study import Problem
from .tables import categorical
from .text_files import read_json

FORMAT = "label-studio"
TITLE = "Label Studio export"
LAYOUT = """\
export.json        the "JSON" export of an image classification project; each annotator is a coder
images/…           optional, matched by name
classes.csv        class[,code]                optional"""

UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")


def _exports(files: Files) -> list[str]:
    return [n for n in files.names if n.lower().endswith(".json") and "/" not in n]


def match(files: Files) -> Match:
    """Recognised by a JSON list of tasks with data and annotations."""
    for name in _exports(files):
        head = files.head(name, 65_536).lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"[") and b'"annotations"' in head and b'"data"' in head:
            return Match(True, f"{name}, a list of tasks with annotations")
        if head.startswith(b"[") and b'"completions"' in head:
            return Match(False, f"{name} comes from Label Studio before 1.0; export it again as JSON", 0.8)
    return Match(False, "no JSON export with tasks and annotations", 0.1 if _exports(files) else 0.0)


def read(files: Files, name: str) -> Reading:
    """Read the exports. Skipped tasks and cancelled annotations say nothing; they are counted.

    Raises
    ------
    DatasetError
        it is not the JSON of a Label Studio export.
    """
    found: list[tuple[str, str, str, str, int]] = []
    aside = 0
    known = frozenset(files.images)
    ends: dict[str, list[str]] = {}
    for image in files.images:
        ends.setdefault(image.rsplit("/", 1)[-1], []).append(image)
    for file in _exports(files):
        tasks = read_json(files, file)
        if not isinstance(tasks, list):
            continue
        for number, task in enumerate(tasks, 1):
            if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                raise DatasetError("expected a task with data and annotations.", file=file, row=number)
            shown = _image(task["data"], known, ends)
            for annotation in task.get("annotations") or ():
                said = _choice(annotation)
                if shown is None or said is None:
                    aside += 1
                    continue
                found.append((shown, _coder(annotation), said, file, number))
    if not found:
        raise DatasetError("no annotation with a single choice was found; is it an image classification?", file=name)
    labels = []
    every = pd.DataFrame(found, columns=["image", "coder", "label", "file", "row"])
    for source, part in every.groupby("file"):
        # Somebody who annotated a task twice changed their mind: the later annotation stands.
        last = part.drop_duplicates(["image", "coder"], keep="last")
        aside += len(part) - len(last)
        columns = pd.DataFrame({c: categorical(last[c]) for c in ("image", "coder", "label")})
        labels.append(Rows(str(source), columns, last["row"].to_numpy(np.int32)))
    problems = []
    if aside:
        text = "annotations that were skipped, cancelled, replaced by a later one, or hold no single choice."
        problems.append(Problem("annotation set aside", aside, (text,)))
    classes, codes = read_classes(files)
    return Reading(files, files.images, labels, [], classes, codes, problems=problems)


def _image(data: dict[str, Any], known: frozenset[str], ends: dict[str, list[str]]) -> str | None:
    """The task's image, as the dataset names it where that is clear."""
    for value in data.values():
        if not isinstance(value, str):
            continue
        url = urlparse(value)
        path = unquote(parse_qs(url.query).get("d", [url.path])[0]).lstrip("/")
        if not is_image_name(path):
            continue
        short = UPLOAD_PREFIX.sub("", path.rsplit("/", 1)[-1])
        for candidate in (path, path.rsplit("/", 1)[-1], short):
            if candidate in known:
                return candidate
        for end in (path.rsplit("/", 1)[-1], short):
            if len(ends.get(end, ())) == 1:
                return ends[end][0]
        return path
    return None


def _choice(annotation: Any) -> str | None:
    if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
        return None
    chosen = [
        choice
        for result in annotation.get("result") or ()
        if isinstance(result, dict) and result.get("type") == "choices" and isinstance(result.get("value"), dict)
        for choice in result["value"].get("choices") or ()
    ]
    return str(chosen[0]).strip() if len(chosen) == 1 else None


def _coder(annotation: dict[str, Any]) -> str:
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("username") or by.get("id")
    return f"annotator {by}" if isinstance(by, int) else str(by or "annotator")
