"""Whatever table is written in whatever format, it is read back equal."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from conftest import write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltnet_core.annotations import AnnotationTable
from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.names.class_numbers import all_numbers, one_spelling
from ltnet_core.datasets.names.splits import TEST, TRAIN, UNLABELLED
from ltnet_core.datasets.tables.columns import ROLES, about, named

PLAIN_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn", "Zs", "Zl", "Zp", "Cf")), min_size=1, max_size=8
)


WORD = PLAIN_TEXT.filter(
    lambda s: (
        s == s.strip() == unicodedata.normalize("NFC", s)
        and s.lower() not in ("nan", "none", "null", "na", "n/a", "-1", "-1.0")
    )
)


@st.composite
def tables(draw: st.DrawFn) -> AnnotationTable:
    items = sorted(draw(st.sets(WORD.map(lambda s: s.replace("/", "_").replace("\\", "_")), min_size=1, max_size=6)))
    coders = sorted(draw(st.sets(WORD.filter(lambda s: not s.startswith("machine:")), min_size=1, max_size=4)))
    classes = sorted(draw(st.sets(WORD, min_size=2, max_size=4)))
    cells = draw(
        st.lists(
            st.integers(-1, len(classes) - 1), min_size=len(items) * len(coders), max_size=len(items) * len(coders)
        )
    )
    labels = np.asarray(cells).reshape(len(items), len(coders))
    item, coder = np.nonzero(labels >= 0)
    label = labels[item, coder]
    arrays = (a.astype(np.int32) for a in (item, coder, label))
    return AnnotationTable(
        np.asarray(items, dtype=object), tuple(coders), tuple(classes), *arrays, np.ones(len(item), np.float32)
    )


Said = set[tuple[str, str, str, float]]


def said_in(table: AnnotationTable) -> Said:
    return {(str(i), str(c), str(k), float(n)) for i, c, k, n in table.to_frame().itertuples(index=False)}


def as_images(table: AnnotationTable) -> AnnotationTable:
    """The same with items named like images, and coders in a way that every format can write."""
    items = np.asarray([f"i{i}.png" for i in table.items], dtype=object)
    coders = tuple(f"coder{c + 1}" for c in range(len(table.coders)))
    return AnnotationTable(items, coders, table.classes, table.item, table.coder, table.label, table.count)


def list_classes(table: AnnotationTable, at: Path) -> None:
    write_csv(at / "classes.csv", ("class",), [(c,) for c in table.classes])


def write_long(suffix: str) -> Callable[[AnnotationTable, Path], Said]:
    def write(table: AnnotationTable, at: Path) -> Said:
        frame = table.to_frame().drop(columns="count").rename(columns={"image": "task", "coder": "worker"})
        if suffix == ".csv":
            frame.to_csv(at / "labels.csv", index=False)
        elif suffix == ".parquet":
            frame.to_parquet(at / "labels.parquet")
        else:
            frame.to_json(at / "labels.jsonl", orient="records", lines=True, force_ascii=False)
        return said_in(table)

    return write


def write_wide(table: AnnotationTable, at: Path) -> Said:
    names = np.asarray([*table.classes, ""], dtype=object)
    columns = [names[table.labels_of(c)] for c in table.coders]
    write_csv(at / "labels.csv", ("image", *table.coders), list(zip(table.items, *columns, strict=True)))
    return said_in(table)


def write_plain(table: AnnotationTable, at: Path) -> Said:
    table.to_frame().drop(columns="count").to_csv(at / "annotations.csv", index=False)
    return said_in(table)


def write_votes(table: AnnotationTable, at: Path) -> Said:
    """Everything said of an item as votes of one nameless crowd."""
    votes = table.votes().astype(int)
    rows = [(i, *v) for i, v in zip(table.items, votes, strict=True)]
    write_csv(at / "crowd.csv", ("image", *table.classes), rows)
    return {
        (str(i), "crowd", c, float(n))
        for i, v in zip(table.items, votes, strict=True)
        for c, n in zip(table.classes, v, strict=True)
        if n
    }


def write_counts(table: AnnotationTable, at: Path) -> Said:
    table = as_images(table)
    np.save(at / "crowd.npy", table.votes().astype(int))
    (at / "images.txt").write_text("".join(f"{i}\n" for i in table.items), encoding="utf-8")
    list_classes(table, at)
    folder = at / "scratch"
    folder.mkdir()
    return write_votes(table, folder)


def write_list(table: AnnotationTable, at: Path) -> Said:
    table = as_images(table)
    drawn = np.stack([table.labels_of(c) for c in table.coders], axis=1)
    lines = [f"{i} {' '.join(map(str, labels))}\n" for i, labels in zip(table.items, drawn, strict=True)]
    (at / "train.txt").write_text("".join(lines), encoding="utf-8")
    list_classes(table, at)
    return said_in(table)


def write_metadata(table: AnnotationTable, at: Path) -> Said:
    frame = table.to_frame().drop(columns="count").rename(columns={"image": "file_name", "coder": "annotator"})
    frame.to_json(at / "metadata.jsonl", orient="records", lines=True, force_ascii=False)
    return said_in(table)


def write_label_studio(table: AnnotationTable, at: Path) -> Said:
    table = as_images(table)
    tasks = []
    for n, item in enumerate(table.items):
        annotations = [
            {
                "completed_by": {"email": table.coders[table.coder[e]]},
                "result": [{"type": "choices", "value": {"choices": [table.classes[table.label[e]]]}}],
            }
            for e in np.flatnonzero(table.item == n)
        ]
        tasks.append({"id": n, "data": {"image": "/data/local-files/?d=" + quote(item)}, "annotations": annotations})
    (at / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    return said_in(table)


WRITERS: dict[str, tuple[Callable[[AnnotationTable, Path], Said], str]] = {
    "plain": (write_plain, "plain"),
    "long CSV": (write_long(".csv"), "long-table"),
    "long Parquet": (write_long(".parquet"), "long-table"),
    "long JSON Lines": (write_long(".jsonl"), "long-table"),
    "wide": (write_wide, "wide-table"),
    "votes": (write_votes, "votes-table"),
    "counts array": (write_counts, "counts-array"),
    "LTNet list": (write_list, "ltnet-list"),
    "Hugging Face": (write_metadata, "huggingface"),
    "Label Studio": (write_label_studio, "label-studio"),
}


@pytest.mark.parametrize("kind", WRITERS)
@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(table=tables(), number=st.integers(0, 2**60))
def test_any_table_is_read_back_equal(kind: str, table: AnnotationTable, number: int, tmp_path: Path) -> None:
    used = sorted({table.classes[k] for k in table.label})
    roles = {
        "split",
        "usage",
        "subset",
        "partition",
        "image",
        *ROLES["image"],
        *ROLES["coder"],
        *ROLES["label"],
        *ROLES["count"],
    }
    for names in (table.coders, table.classes):
        lower = [n.lower() for n in names]
        letters = {"".join(c for c in n if c.isalnum()) for n in lower}
        if (
            len(set(lower)) < len(lower)
            or set(lower) & roles
            or letters & {r.replace("_", "") for r in roles}
            or any(n.startswith("unnamed") for n in lower)
        ):
            return  # two columns of one name, or one that means something else
    if len(used) < 2 or any(name != spelling for name, spelling in one_spelling(used).items()):
        return  # 0 and 00 are one class
    if all_numbers(table.coders) and any(name != spelling for name, spelling in one_spelling(table.coders).items()):
        return  # and one coder
    if kind == "wide" and {n.lower() for n in table.classes} & (TRAIN | TEST | UNLABELLED):
        return  # a column of parts
    if kind == "wide" and (any(map(about, table.coders)) or named([n.lower() for n in table.coders], "agreed")):
        return  # a column about the image, or of what was agreed on
    if kind == "wide" and set(table.coders) & set(table.classes):
        return  # a header that reads like a row
    by_coder = [set(table.label[table.coder == c].tolist()) for c in range(len(table.coders))]
    others = [set().union(*by_coder[:c], *by_coder[c + 1 :]) for c in range(len(by_coder))]
    if kind == "wide" and any(len(own) == 1 and not own & other for own, other in zip(by_coder, others, strict=True)):
        return  # a column of one value that no other column has is no annotator's
    folder = tmp_path / f"{number}-{time.monotonic_ns()}"
    folder.mkdir()
    write, format = WRITERS[kind]
    written = write(table, folder)
    study = load_dataset(folder, format)
    assert study.errors() == []
    assert said_in(study.table) == written
