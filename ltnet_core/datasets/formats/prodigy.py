"""Prodigy's annotations, ``db-out``: one JSON object per line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files, uppermost
from ..sources.json_files import first_object, read_lines, text
from .answers import BOXES, SEVERAL, Answers, seconds

FORMAT = "prodigy"
RANK = 220
CHOOSES = True
TITLE = "Prodigy annotations"
LAYOUT = """\
faces.jsonl        {"image": "a.jpg", "accept": ["happy"], "answer": "accept", "_annotator_id": "faces-ann", …}
images/…           optional, matched by name"""
NOTE = """\
Each annotator is a coder, called as the export does. Rows that were ignored or rejected say nothing and are counted;
where one label was accepted or rejected, a rejection is the class *not* of that name.
Of two answers of one person the later one stands. Images given as `data:` are matched by the `path` or the file name
in `meta`."""

LINES = (".jsonl", ".ndjson")


def _exports(files: Files) -> list[str]:
    return [n for n in uppermost(files, LINES) if {"answer", "_input_hash"} <= set(first_object(files, n))]


def match(files: Files) -> Match:
    """Recognised by lines with answer and _input_hash."""
    for name in _exports(files):
        return Match(True, f"{name} with answer and _input_hash in each line")
    return Match(False, "no annotations of Prodigy")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read all exports.

    Raises
    ------
    DatasetError
        a line is broken, or there are boxes alone.
    """
    answers = Answers("Prodigy's annotations", corrections, "image", "_annotator_id")
    for file in _exports(files):
        lines = list(read_lines(files, file))
        single = _single(line for _, line in lines)
        for row, line in lines:
            if single and text(line.get("answer")) == "reject":
                line = {**line, "label": f"not {single}", "answer": "accept"}
            if text(line.get("answer")) != "accept":
                answers.set_aside(f"the answer is {text(line.get('answer')) or 'missing'}", file, row)
                continue
            chosen = _chosen(line)
            if len(chosen) > 1:
                answers.set_aside(SEVERAL, file, row)
            elif not chosen:
                answers.set_aside(BOXES if line.get("spans") else "nothing was chosen", file, row)
            else:
                who = text(line.get("_annotator_id")) or text(line.get("_session_id"))
                when = seconds(line.get("_timestamp"))
                answers.add(file, row, _image(line), chosen[0], coder=who, when=when, part=file)
    return answers.reading(files, name)


def _single(lines: Iterable[dict[str, Any]]) -> str:
    """The one label that annotators accepted or rejected; "" where there are choices."""
    labels = {"" if "accept" in line or "options" in line else text(line.get("label")) for line in lines}
    return labels.pop() if len(labels) == 1 else ""


def _chosen(line: dict[str, Any]) -> list[str]:
    accepted = line.get("accept")
    if not isinstance(accepted, list):
        return [text(line["label"])] if text(line.get("label")) else []
    options = line.get("options")
    names = {}
    for option in options if isinstance(options, list) else ():
        if isinstance(option, dict):
            number = not isinstance(option.get("id"), str)
            names[text(option.get("id"))] = text(option.get("text")) if number else text(option.get("id"))
    return [names.get(text(a)) or text(a) for a in accepted if text(a)]


def _image(line: dict[str, Any]) -> str:
    meta = line.get("meta")
    among = [line.get("path"), line.get("image")]
    among += [meta.get(k) for k in ("file", "filename", "path", "image")] if isinstance(meta, dict) else []
    return next((text(v) for v in among if text(v) and not text(v).startswith("data:")), text(line.get("text"))[:500])
