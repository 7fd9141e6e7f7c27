"""Amazon SageMaker Ground Truth: the output manifest of a labelling job, one JSON object per line."""

from __future__ import annotations

from typing import Any

from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files, suffix
from ..sources.json_files import first_object, read_lines, text
from .answers import BOXES, BY_MODEL, SEVERAL, Answers, seconds

FORMAT = "sagemaker"
RANK = 210
CHOOSES = True
TITLE = "SageMaker Ground Truth manifest"
LAYOUT = """\
output.manifest    {"source-ref": "s3://…/a.jpg", "JOB": 1, "JOB-metadata": {"class-name": "happy", …}}
images/…           optional, matched by name"""
NOTE = """\
Each labelling job is a coder. Labels that a model gave (`"human-annotated": "no"`) are left out and counted. Jobs
that share no class ask different questions: it is asked which one holds the labels."""

ENDINGS = (".manifest", ".jsonl", ".ndjson")
REFERENCE = "source-ref"
WHOLE_IMAGE = ("image-classification", "image-classification-multilabel")


def _manifests(files: Files) -> list[str]:
    return [n for n in files.others if suffix(n) in ENDINGS and REFERENCE in first_object(files, n)]


def match(files: Files) -> Match:
    """Recognised by lines with source-ref and the metadata of a job."""
    for name in _manifests(files):
        if any(key.endswith("-metadata") for key in first_object(files, name)):
            return Match(True, f"{name} with source-ref and the metadata of a job")
        return Match(False, f"{name} names images and no labels; give the output manifest of the job", 0.9)
    return Match(False, "no output manifest of SageMaker Ground Truth")


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read all manifests.

    Raises
    ------
    DatasetError
        a line is broken.
    """
    answers = Answers("SageMaker Ground Truth's manifest", corrections, REFERENCE)
    classes: dict[str, set[str]] = {}
    for file in _manifests(files):
        part = file
        for row, line in read_lines(files, file):
            image = text(line.get(REFERENCE))
            for key, metadata in line.items():
                if not key.endswith("-metadata") or not isinstance(metadata, dict):
                    continue
                job = key.removesuffix("-metadata")
                label, reason = _label(metadata, line.get(job))
                if reason:
                    answers.set_aside(reason, file, row)
                    continue
                classes.setdefault(job, set()).add(label)
                when = seconds(metadata.get("creation-date"))
                answers.add(file, row, image, label, coder=job, when=when, part=part)
    answers.separate(classes)
    return answers.reading(files, name)


def _label(metadata: dict[str, Any], value: Any) -> tuple[str, str]:
    """The class of a whole image, or why there is none."""
    kind = text(metadata.get("type")).rsplit("/", 1)[-1]
    if kind and kind not in WHOLE_IMAGE:
        return "", BOXES if kind in ("object-detection", "semantic-segmentation") else f"{kind} is no class of an image"
    if "failure-reason" in metadata:
        return "", "the labelling of the image failed"
    if text(metadata.get("human-annotated")).lower() == "no":
        return "", BY_MODEL
    if "class-name" in metadata:
        return text(metadata["class-name"]), ""
    named = metadata.get("class-map")
    if isinstance(named, dict):
        chosen = [text(v) for v in named.values()]
    else:
        chosen = [text(v) for v in value] if isinstance(value, list) else [text(value)]
    chosen = [c for c in chosen if c]
    if len(chosen) > 1:
        return "", SEVERAL
    return (chosen[0], "") if chosen else ("", "the image has no class")
