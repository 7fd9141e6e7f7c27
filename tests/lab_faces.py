"""A few faces and tables of labels of them, and what the product makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conftest import Command, write_csv, write_image

from ltnet_core.datasets import Study, load_dataset
from ltnet_core.datasets.correction_flags import of_answer
from ltnet_core.datasets.questions import Question

N = 24
CLASSES = ("angry", "happy", "neutral", "sad")
FACES = [f"f{i:03d}.png" for i in range(N)]


def a(i: int) -> str:
    return CLASSES[(i * 7 + i // 5) % 4]


def b(i: int) -> str:
    return CLASSES[(i * 3 + i // 3) % 4]


def faces(at: Path, names: Sequence[str] = FACES, folder: str = "images") -> Path:
    for n, name in enumerate(names):
        write_image(at / folder / name, n)
    return at


def labels(at: Path, head: Sequence[str], row: Callable[[int], Sequence[object]], file: str = "labels.csv") -> Path:
    """Faces with a table of one row each."""
    write_csv(faces(at) / file, head, [(x, *row(i)) for i, x in enumerate(FACES)])
    return at


def found(study: Study) -> dict[str, int]:
    """Coder → number of items annotated."""
    return dict(zip(study.table.coders, study.table.annotations_per_coder().tolist(), strict=True))


def inspected(ltnet: Command, *arguments: object) -> dict[str, Any]:
    """What `inspect --json` says."""
    report: dict[str, Any] = json.loads(ltnet("inspect", *map(str, arguments), "--json").stdout)
    return report


def question(study: Study, kind: str) -> Question:
    (asked,) = [q for q in study.reading.questions if q.kind == kind]
    return asked


def answers(at: Path, kind: str) -> list[tuple[str, Study]]:
    """The answers to the only question of a kind, and what each makes of the dataset: it is settled."""
    out = []
    for answer in question(load_dataset(at), kind).answers:
        study = load_dataset(at, *of_answer(answer.flag))
        assert kind not in {q.kind for q in study.reading.questions}, answer.flag
        out.append((answer.flag, study))
    return out


LONG = ("image", "coder", "label")


def long_table(at: Path, said: Callable[[int, str], str], coders: str | Sequence[str] = "AB") -> Path:
    """Faces with a table of one row per annotation."""
    write_csv(faces(at) / "labels.csv", LONG, [(x, c, said(i, c)) for i, x in enumerate(FACES) for c in coders])
    return at


def by_class(at: Path) -> Path:
    for n, image in enumerate(FACES):
        write_image(at / a(n) / image, n)
    return at
