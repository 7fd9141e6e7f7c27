"""Tables as laboratories keep them: what a careful person reads in them is read, asked about or refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conftest import Command, refusal, write_csv, write_image
from openpyxl import Workbook

from ltnet_core.datasets import Study, load_dataset

N = 24
CLASSES = ("angry", "happy", "neutral", "sad")
FACES = [f"f{i:03d}.png" for i in range(N)]


def a(i: int) -> str:
    return CLASSES[(i * 7 + i // 5) % 4]


def b(i: int) -> str:
    return CLASSES[(i * 3 + i // 3) % 4]


def faces(at: Path) -> Path:
    for n, name in enumerate(FACES):
        write_image(at / "images" / name, n)
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


def test_columns_without_a_name_and_cells_are_no_columns(tmp_path: Path, ltnet: Command) -> None:
    faces(tmp_path)
    rows = "".join(f"{x},{a(i)},{b(i)},,\n" for i, x in enumerate(FACES))
    (tmp_path / "labels.csv").write_text("image,Ann,Ben,,\n" + rows)
    report = inspected(ltnet, tmp_path)
    assert {c: facts["annotations"] for c, facts in report["coders"].items()} == {"Ann": N, "Ben": N}
    assert report["reading"]["tables"][0]["columns"] == {"image": "image", "Ann": "annotator", "Ben": "annotator"}


def test_columns_without_a_name_that_hold_something_are_called_by_their_place(tmp_path: Path) -> None:
    faces(tmp_path)
    rows = "".join(f"{i},{x},{a(i)},{b(i)},x{i}\n" for i, x in enumerate(FACES))
    (tmp_path / "labels.csv").write_text(",image,Ann,Ben,\n" + rows)
    (table,) = load_dataset(tmp_path).reading.tables
    assert table.columns == {
        "unnamed: 0": "ignored", "image": "image", "Ann": "annotator", "Ben": "annotator", "unnamed: 4": "ignored"
    }  # fmt: skip


def test_names_of_columns_in_two_rows_are_refused(tmp_path: Path) -> None:
    head = [("image", "Ann", None, "Ben", None), (None, "emotion", "sure", "emotion", "sure")]
    book = Workbook()
    for row in [*head, *((x, a(i), i % 3, b(i), i % 2) for i, x in enumerate(FACES))]:
        book.active.append(row)
    book.active.merge_cells("B1:C1")
    for folder, write in (("sheet", lambda at: book.save(at / "labels.xlsx")), ("text", _two_rows)):
        faces(tmp_path / folder)
        write(tmp_path / folder)
        told = refusal(tmp_path / folder)
        assert "row 1: the names of the columns stand in two rows, as below merged cells ('sure' is below no" in told


def _two_rows(at: Path) -> None:
    rows = "".join(f"{x},{a(i)},2,{b(i)},3\n" for i, x in enumerate(FACES))
    (at / "labels.csv").write_text("image,Ann,,Ben,\n,emotion,sure,emotion,sure\n" + rows)


def test_an_annotator_who_left_out_the_first_image_is_no_second_row_of_names(tmp_path: Path) -> None:
    faces(tmp_path)
    rows = "".join(f"{x[:-4]},{x},{a(i) if i else ''},{b(i)}\n" for i, x in enumerate(FACES))
    (tmp_path / "labels.csv").write_text(",image,Ann,Ben\n" + rows)
    assert found(load_dataset(tmp_path)) == {"Ann": N - 1, "Ben": N}


def test_the_total_below_a_table_is_no_class(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "Ann", "Ben"), lambda i: (a(i), b(i)))
    with (tmp_path / "labels.csv").open("a") as f:
        f.write(f"Total:,{N},{N}\n")
    study = load_dataset(tmp_path)
    assert study.table.classes == CLASSES
    assert [p.kind for p in study.problems if p.level != "note"] == ["missing image"]
    assert "row 26: image 'Total:' is listed" in study.problems[0].examples[0]


def test_a_test_part_in_another_language_is_held_out(tmp_path: Path, ltnet: Command) -> None:
    for n in range(N):
        write_image(tmp_path / "folders" / ("Testdaten" if n % 4 == 0 else "Trainingsdaten") / a(n) / FACES[n], n)
    part = lambda i: "тест" if i % 4 == 0 else "обучение"  # noqa: E731
    labels(tmp_path / "table", ("image", "label", "выборка"), lambda i: (a(i), part(i)))
    for folder in ("folders", "table"):
        report = inspected(ltnet, tmp_path / folder)
        assert report["test_items"] == N // 4
        assert [c["annotations"] for c in report["coders"].values()] == [N - N // 4]
        assert report["questions"] == []
