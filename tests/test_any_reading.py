"""Any annotation table, written in any way people write it, is read back equal or asked about, never taken for another."""

from __future__ import annotations

import csv
import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from conftest import write_image
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltnet_core.datasets import load_dataset
from ltnet_core.errors import InputError

WORDS = ("cat", "dog", "happy", "None", "wütend", "no finding", "grade_a", "B", "Malignant")
PEOPLE = ("Ann", "Ben", "r1", "worker 7", "Jörg", "x@lab.example", "42")
SHAPES = ("long", "long", "wide", "single", "folders", "votes")
NAMES = {
    "image": ("image", "filename", "image_id", "task", "img_path", "File Name", "question", "stimulus"),
    "coder": ("coder", "annotator", "worker_id", "rater", "Reader", "subject", "labeled_by"),
    "label": ("label", "class", "emotion", "answer", "diagnosis", "Response", "species"),
}
# Columns that are no labels: name → cells by row.
EXTRA = {
    "age": lambda i: 20 + i % 50,
    "sex": lambda i: "MF"[i % 2],
    "patient_id": lambda i: f"P{i // 3:03d}",
    "confidence": lambda i: round(0.5 + i % 7 / 20, 2),
    "comment": lambda i: f"seen {i}" if i % 3 else "",
    "timestamp": lambda i: f"2024-01-{1 + i % 28:02d}T10:00:00Z",
    "weather": lambda i: ("sun", "rain")[i % 2],
    "fold": lambda i: i % 5,
    "width": lambda i: 640,
    "lead_time": lambda i: 1.5 + i,
}
SPELLINGS = {
    "plain": lambda n: n,
    "folder": lambda n: "images/" + n,
    "backslashes": lambda n: "C:\\data\\images\\" + n,
    "address": lambda n: f"https://cdn.example.org/x/{n}?sig=1",
    "upload": lambda n: "/data/upload/3/0a1b2c3d-" + n,
    "upper": lambda n: n.upper(),
    "without ending": lambda n: n.rsplit(".", 1)[0],
}


@dataclass(frozen=True)
class Written:
    """What was said: coder → image → class, of the images to learn from; and the images held out."""

    labels: dict[str, dict[str, str]]
    held_out: frozenset[str]


def draw(seed: int) -> tuple[str, list[str], list[str], dict[str, dict[str, str]], random.Random]:
    """A shape, images, classes and what each coder says: an agreement of about two thirds."""
    rng = random.Random(seed)
    shape = rng.choice(SHAPES)
    images = [f"p{i:03d}.png" for i in range(rng.choice((12, 18, 30)))]
    numbers = rng.random() < 0.35 and shape != "folders"
    first = rng.choice((0, 1))
    classes = [str(first + k) for k in range(rng.randint(2, 5))] if numbers else rng.sample(WORDS, rng.randint(2, 5))
    truth = {i: rng.choice(classes) for i in images}
    coders = rng.sample(PEOPLE, rng.randint(2, 4)) if shape in ("long", "wide") else ["one"]
    labels = {
        c: {i: truth[i] if rng.random() < 0.7 else rng.choice(classes) for i in images if rng.random() < 0.9}
        for c in coders
    }
    return shape, images, classes, labels, rng


def spelled(text: str, rng: random.Random) -> str:
    """A number in one of its spellings."""
    return (
        rng.choice((text, f"{text}.0", f"0{text}", f" {text} ")) if text.isdigit() else rng.choice((text, f" {text}"))
    )


def write_rows(at: Path, head: list[str], rows: list[list[object]], rng: random.Random) -> None:
    """The table with its columns in any order, in any format of tables."""
    order = rng.sample(range(len(head)), len(head))
    head, rows = [head[k] for k in order], [[r[k] for k in order] for r in rows]
    kind = rng.choice((".csv", ".csv", ".tsv", ";", ".jsonl", ".parquet"))
    if kind == ".jsonl":
        lines = [json.dumps(dict(zip(head, map(str, r), strict=True)), ensure_ascii=False) for r in rows]
        (at / "table.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif kind == ".parquet":
        pd.DataFrame([[str(c) for c in r] for r in rows], columns=head).to_parquet(at / "table.parquet")
    else:
        name = "table.tsv" if kind == ".tsv" else "table.csv"
        with open(at / name, "w", newline="", encoding=rng.choice(("utf-8", "utf-8-sig"))) as f:
            csv.writer(f, delimiter={".tsv": "\t", ";": ";"}.get(kind, ",")).writerows([head, *rows])


def write(at: Path, seed: int) -> Written:
    """A dataset with disturbances: names of columns and images, numbers, splits, columns of other things."""
    shape, images, classes, labels, rng = draw(seed)
    held = set(rng.sample(images, len(images) // 4)) if rng.random() < 0.4 else set()
    if shape == "folders":
        for n, image in enumerate(images):
            if image in labels["one"]:
                part = ("test" if image in held else "train") + "/" if held else ""
                write_image(at / part / labels["one"][image] / image, n)
        images = [i for i in images if i in labels["one"]]
        return Written(_learned(labels, held), frozenset(held & set(images)))
    for n, image in enumerate(images):
        write_image(at / "images" / image, n)
    named = SPELLINGS[rng.choice(list(SPELLINGS))]
    extra = rng.sample(list(EXTRA), rng.randint(0, 3)) if shape != "votes" or rng.random() < 0.3 else []
    head = [rng.choice(NAMES["image"])]
    if shape == "long":
        head += [rng.choice(NAMES["coder"]), rng.choice(NAMES["label"])]
        rows: list[list[object]] = [[i, c, spelled(k, rng)] for c, of in labels.items() for i, k in of.items()]
        rng.shuffle(rows)
    elif shape == "votes":
        head += classes
        of = labels["one"]
        rows = [[i, *(int(of[i] == k) for k in classes)] for i in images if i in of]
    else:
        head += list(labels) if shape == "wide" else [rng.choice(NAMES["label"])]
        rows = [[i, *(spelled(of[i], rng) if i in of else "" for of in labels.values())] for i in images]
    head += extra
    rows = [[*r, *(EXTRA[e](images.index(str(r[0]))) for e in extra)] for r in rows]
    if held:
        head.append(rng.choice(("split", "Usage", "subset")))
        rows = [[*r, rng.choice(("test", "Test")) if r[0] in held else "train"] for r in rows]
    write_rows(at, head, [[named(str(r[0])), *r[1:]] for r in rows], rng)
    there = {i for of in labels.values() for i in of}
    return Written(_learned(labels, held), frozenset(held & there))


def _learned(labels: dict[str, dict[str, str]], held: set[str]) -> dict[str, dict[str, str]]:
    return {c: {i: k for i, k in of.items() if i not in held} for c, of in labels.items()}


def read(at: Path) -> Written | None:
    """What was read; None where it was asked or refused."""
    try:
        study = load_dataset(at)
    except InputError:
        return None
    if study.reading.questions or study.errors():
        return None
    labels: dict[str, dict[str, str]] = {}
    for image, coder, label, _ in study.training_table().to_frame().itertuples(index=False):
        labels.setdefault(str(coder), {})[str(image).rsplit("/", 1)[-1]] = str(label)
    held = {str(i).rsplit("/", 1)[-1] for i in study.table.items[study.is_test]}
    return Written(labels, frozenset(held))


def number_of(text: str) -> str:
    return str(int(text)) if text.isdigit() else text


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**40))
def test_a_table_is_read_back_equal_or_asked_about(seed: int, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    wanted, result = write(folder, seed), read(folder)
    if result is None:
        return
    one = len(wanted.labels) == 1
    want = {("one" if one else c): {i: number_of(k) for i, k in of.items()} for c, of in wanted.labels.items() if of}
    got = {("one" if one else c): of for c, of in result.labels.items()}
    assert got == want, f"seed {seed}: {sorted(p.name for p in folder.glob('*'))}"
    assert result.held_out == wanted.held_out


def test_most_tables_are_read_and_not_only_asked_about(tmp_path: Path) -> None:
    """A reader that asks about everything would pass the test above."""
    readings = []
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        write(folder, seed)
        readings.append(read(folder))
    assert sum(r is not None for r in readings) >= 24
