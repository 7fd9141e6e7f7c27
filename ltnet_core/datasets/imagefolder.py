"""One image folder per source: ``AffectNet/<class>/…``, ``RAF/<class>/…``, ``unlabelled/…``.

Every source is a human coder. Below a source, ``train/`` and ``test/`` are optional;
the labels of a ``test/`` part are that source's own test set.
"""

from __future__ import annotations

import numpy as np

from ..annotations import MACHINE_PREFIX, AnnotationTable
from ..errors import DatasetError
from .files import Files, is_image_name
from .study import Problem, Study, short_codes

FORMAT = "imagefolder"
UNLABELLED = frozenset({"unlabelled", "unlabeled"})
TRAIN, TEST = frozenset({"train"}), frozenset({"test"})


def _place(name: str) -> tuple[str, str, str] | None:
    """(source, part, class) of a file name, or None where the depth does not fit."""
    source, *rest = name.split("/")[:-1] or [""]
    if source.lower() in UNLABELLED:
        return source, "unlabelled", ""
    part = "train"
    if rest and rest[0].lower() in TRAIN | TEST:
        part = rest.pop(0).lower()
    return (source, part, rest[0]) if source and rest else None


def recognises(files: Files) -> bool:
    """Whether the images lie in source/class folders."""
    return any(is_image_name(n) and (p := _place(n)) and p[1] != "unlabelled" for n in files.names)


def read(files: Files, name: str) -> Study:
    """Read image folders, one per source.

    Raises
    ------
    DatasetError
        there are no labelled images, or fewer than two classes.
    """
    images = [n for n in files.names if is_image_name(n)]
    places = [_place(n) for n in images]
    stray = [n for n, p in zip(images, places, strict=True) if p is None]
    problems = []
    if stray:
        texts = tuple(f"{n}: lies in no class folder; expected source/class/image." for n in stray[:5])
        problems.append(Problem("misplaced image", len(stray), texts))
    known = [(n, p) for n, p in zip(images, places, strict=True) if p is not None]
    images = [n for n, _ in known]
    labelled = [(i, p) for i, (_, p) in enumerate(known) if p[1] != "unlabelled"]
    classes = sorted({p[2] for _, p in labelled})
    coders = sorted({p[0] for _, p in labelled if p[1] == "train"})
    if not coders:
        raise DatasetError("no source has training images; expected source/class/image.", file=name)
    if len(classes) < 2:
        raise DatasetError(f"only one class, {classes[0]!r}, was found; at least two are needed.", file=name)
    reserved = [c for c in coders if c.startswith(MACHINE_PREFIX)]
    if reserved:
        raise DatasetError(f"source names may not start with {MACHINE_PREFIX!r}; rename the folder.", file=reserved[0])
    sources = {n.split("/")[0] for n in files.names if "/" in n}
    for empty in sorted(sources - set(coders) - {p[0] for _, p in known}):
        problems.append(Problem("empty coder", 1, (f"{empty}/: holds no labelled images.",)))

    train = [(i, p) for i, p in labelled if p[1] == "train"]
    table = AnnotationTable(
        np.asarray(images, dtype=object),
        tuple(coders),
        tuple(classes),
        np.asarray([i for i, _ in train], dtype=np.int32),
        np.asarray([coders.index(p[0]) for _, p in train], dtype=np.int32),
        np.asarray([classes.index(p[2]) for _, p in train], dtype=np.int32),
        np.ones(len(train), dtype=np.float32),
    )
    truth = np.full(len(images), -1, dtype=np.int32)
    test_set = np.full(len(images), "", dtype=object)
    for i, (source, part, label) in labelled:
        if part == "test":
            truth[i] = classes.index(label)
            test_set[i] = source
    return Study(name, FORMAT, files, table, short_codes(tuple(classes)), truth, test_set, {}, tuple(problems))
