"""The check-up before training: what is found in images and labels, with full lists."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

from conftest import Command, write_csv, write_image

from ltnet_core.datasets import Problem, load_dataset
from ltnet_core.datasets.checkup import check_up, listing, listing_csv


def found(folder: Path) -> dict[str, tuple[str, int, str]]:
    return {p.kind: (p.level, p.count, p.examples[0]) for p in check_up(load_dataset(folder))}


def test_a_clean_dataset_has_notes_alone(plain: Path) -> None:
    assert {p.level for p in check_up(load_dataset(plain))} == {"note"}
    assert found(plain)["unlabelled image"] == ("note", 1, "1 image has no label; it takes part as unlabelled data.")


def test_a_test_image_in_training_is_told_with_both_labels(plain: Path) -> None:
    shutil.copyfile(plain / "images/c.png", plain / "images/d.png")
    shutil.copyfile(plain / "images/c.png", plain / "images/e.png")
    shutil.copyfile(plain / "images/a.png", plain / "images/b.png")
    problems = found(plain)
    assert problems["test image in training"] == (
        "warning", 2, "images/d.png is the test image images/c.png under another name: it is learned from.",
    )  # fmt: skip
    level, count, text = problems["duplicate image"]
    assert (level, count) == ("warning", 2)
    assert text == "images/b.png has the content of images/a.png (X: dog, Y: cat and X: cat, Y: cat)."


def test_coders_who_never_meet_and_rare_classes_are_notes(tmp_path: Path) -> None:
    for n in range(4):
        write_image(tmp_path / "images" / f"{n}.png", n)
    rows = [("0.png", "A", "cat"), ("1.png", "A", "dog"), ("2.png", "B", "cat"), ("3.png", "B", "cat")]
    write_csv(tmp_path / "annotations.csv", ("image", "coder", "label"), rows)
    problems = found(tmp_path)
    assert problems["coders who never meet"][2].startswith("No item was labelled by coders of different groups")
    assert problems["rare class"] == ("note", 2, "class 'cat' has 3 of 4 labels.")


def test_everything_found_can_be_listed(plain: Path, tmp_path: Path, ltnet: Command) -> None:
    with open(plain / "annotations.csv", "a") as f:
        f.write("".join(f"images/gone{i}.png,X,cat\n" for i in range(30)))
    out = tmp_path / "all.csv"
    done = ltnet("inspect", plain, "--json", "--problems", out)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    (missing,) = [p for p in content["problems"] if p["kind"] == "missing image"]
    assert missing["count"] == 30 and len(missing["examples"]) == 5
    with open(out, newline="", encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f) if r["kind"] == "missing image"]
    assert [(r["file"], r["row"], r["image"]) for r in rows] == [
        ("annotations.csv", str(6 + i), f"images/gone{i}.png") for i in range(30)
    ]


def test_no_cell_of_the_list_is_a_formula() -> None:
    problem = Problem("odd", 1, ("=HYPERLINK()",))
    assert listing([problem])["detail"].tolist() == ["=HYPERLINK()"]
    assert listing_csv([problem]).decode().splitlines()[1].endswith(",'=HYPERLINK()")
