"""Who and which part the exports of annotation tools name: people in fields, ground truth, parts of an unknown name."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Command, write_csv
from miniatures_exports import images, studio, write_json, write_lines
from test_formats import said

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.correction_flags import of_answer
from ltnet_core.errors import OptionError


@pytest.mark.parametrize("make", ["studio", "cvat", "one-hot", "parquet"])
def test_a_value_of_an_unknown_part_beside_parts_is_asked_about(make: str, tmp_path: Path) -> None:
    names, part, said = [f"{i}.png" for i in range(9)], ["train", "hold"] * 4 + ["train"], ["happy", "sad", "sad"] * 3
    images(tmp_path, *names)
    rows = list(zip(names, part, said, strict=True))
    if make == "studio":
        write_json(
            tmp_path / "p.json", [{"data": {"image": n, "split": p}, "annotations": [studio(k)]} for n, p, k in rows]
        )
    elif make == "cvat":
        tags = "".join(f'<image name="{n}" subset="{p}"><tag label="{k}"/></image>' for n, p, k in rows)
        (tmp_path / "a.xml").write_text(f"<annotations>{tags}</annotations>")
    elif make == "one-hot":
        cells = [(n, p, int(k == "happy"), int(k == "sad")) for n, p, k in rows]
        write_csv(tmp_path / "labels.csv", ("image", "split", "happy", "sad"), cells)
    else:
        cells = [
            {"image": {"bytes": (tmp_path / n).read_bytes(), "path": n}, "label": k, "split": p} for n, p, k in rows
        ]
        pq.write_table(pa.Table.from_pylist(cells), tmp_path / "all.parquet")
    if make == "parquet":
        for flag, classes in (("--columns label=split", ("hold", "train")), ("--annotators label", ("happy", "sad"))):
            assert load_dataset(tmp_path, *of_answer(flag)).table.classes == classes
        with pytest.raises(OptionError, match="--classes-are: tables of Hugging Face Parquet"):
            load_dataset(tmp_path, *of_answer("--classes-are label"))
    (question,) = load_dataset(tmp_path).reading.questions
    tests = [int(load_dataset(tmp_path, *of_answer(a.flag)).is_test.sum()) for a in question.answers]
    assert (question.kind, tests) == ("split values", [4, 0])


def test_who_is_marked_as_ground_truth_in_label_studio_is_asked_about(tmp_path: Path, ltnet: Command) -> None:
    images(tmp_path, "a.png", "b.png")
    said = [[studio(("happy", "sad")[(i + by) % 2], by) for by in (1, 2)] for i in range(2)]
    tasks = [{"data": {"image": f"{x}.png"}, "annotations": [one, {**two, "ground_truth": True}]} for x, (one, two) in zip("ab", said, strict=True)]  # fmt: skip
    write_json(tmp_path / "p.json", tasks)
    (question,) = load_dataset(tmp_path).reading.questions
    coders = [load_dataset(tmp_path, *of_answer(a.flag)).table.coders for a in question.answers]
    assert coders == [("annotator 1",), ("annotator 1", "annotator 2")]
    assert "ground truth" in ltnet("aggregate", tmp_path, "--out", tmp_path / "t.csv").stderr


def test_fields_of_a_person_name_the_coder_and_questions_of_one_answer_are_no_way(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png")
    about = {"annotator": "Ann", "site": "north"}
    entries = {
        x: {"filename": f"{x}.png", "file_attributes": {"kind": k, **about}} for x, k in (("a", "cat"), ("b", "dog"))
    }
    write_json(tmp_path / "v.json", entries)
    study = load_dataset(tmp_path)
    assert said(study) == [("a.png", "Ann", "cat", 1), ("b.png", "Ann", "dog", 1)]
    assert [[a.flag for a in q.answers] for q in study.reading.questions] == [["--ignore site"]]
    (tmp_path / "v.json").unlink()
    lines = [
        {"id": i, "filename": f"{x}.png", "label": [k], "annotated_by": "Ann"}
        for i, (x, k) in enumerate((("a", "cat"), ("b", "dog")))
    ]
    write_lines(tmp_path / "who.jsonl", lines)
    assert said(load_dataset(tmp_path)) == [("a.png", "Ann", "cat", 1), ("b.png", "Ann", "dog", 1)]
