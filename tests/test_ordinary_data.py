"""Ordinary datasets are read without a question or refusal, though their names are like those of something else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Command, write_csv, write_image

from ltnet_core.datasets import Study, load_dataset

N = 24
IMAGES = [f"i{n:03d}.png" for n in range(N)]
LONG = ("image", "coder", "label")


def pictures(at: Path) -> Path:
    for n, name in enumerate(IMAGES):
        write_image(at / "images" / name, n)
    return at


def by_class(at: Path, classes: Sequence[str] = ("cat", "dog", "fox")) -> Path:
    for n, name in enumerate(IMAGES):
        write_image(at / classes[n % len(classes)] / name, n)
    return at


def long_table(at: Path, said: Callable[[int, str], object], coders: Sequence[str] = ("Ann", "Ben", "Cem")) -> Path:
    rows = [(image, c, said(n, c)) for n, image in enumerate(IMAGES) for c in coders]
    write_csv(pictures(at) / "labels.csv", LONG, rows)
    return at


def answer(classes: Sequence[str]) -> Callable[[int, str], str]:
    """What coders say: each class, and not always the same."""
    return lambda n, coder: classes[(n + (n % 5 == 0) * len(coder)) % len(classes)]


def found(study: Study) -> dict[str, int]:
    """Coder → number of items annotated."""
    return dict(zip(study.table.coders, study.table.annotations_per_coder().tolist(), strict=True))


def plainly(at: Path) -> Study:
    """The dataset, about which nothing is asked."""
    study = load_dataset(at)
    assert [q.sentence for q in study.reading.questions] == []
    return study


# ---- parts


def _fold(k: int, part: str) -> str:
    return "".join(f"{x}\n" for n, x in enumerate(IMAGES) if (n % 3 == k) == (part == "test"))


LISTS: Mapping[str, Mapping[str, str]] = {
    "folds": {f"splits/{part}_{k}.txt": _fold(k, part) for k in range(3) for part in ("train", "test")},
    "two of three folds": {f"fold{k}/{part}.txt": _fold(k, part) for k in range(2) for part in ("train", "test")},
    "all images": {"valid_images.txt": "\n".join(IMAGES)},
    "a column of other things": {
        "gardens.csv": "image,owner\n" + "".join(f"{x},{('public', 'private')[n % 2]}\n" for n, x in enumerate(IMAGES))
    },
    "a column of places": {
        "places.csv": "image,place\n" + "".join(f"{x},{('test', 'home')[n % 2]}\n" for n, x in enumerate(IMAGES))
    },
}


@pytest.mark.parametrize("lists", LISTS)
def test_lists_that_leave_open_what_is_held_out_hold_nothing_out(lists: str, tmp_path: Path, ltnet: Command) -> None:
    long_table(tmp_path / "table", answer(("cat", "dog", "fox")))
    by_class(tmp_path / "folders")
    for folder in ("table", "folders"):
        for name, content in LISTS[lists].items():
            (tmp_path / folder / name).parent.mkdir(exist_ok=True)
            (tmp_path / folder / name).write_text(content)
        report: dict[str, Any] = json.loads(ltnet("inspect", str(tmp_path / folder), "--json").stdout)
        assert report["test_items"] == 0
        assert report["questions"] == []


def test_one_fold_is_held_out(tmp_path: Path) -> None:
    by_class(tmp_path)
    for part in ("train", "test"):
        (tmp_path / f"{part}_1.txt").write_text(_fold(1, part))
    assert int(plainly(tmp_path).is_test.sum()) == N // 3


# ---- votes


@pytest.mark.parametrize(
    "classes", [("complete", "partial", "absent"), ("old", "new", "in progress"), ("view", "side")]
)
def test_classes_called_like_what_is_said_of_an_image_have_votes(classes: Sequence[str], tmp_path: Path) -> None:
    votes = [[n % 4, n // 4 % 3][: len(classes) - 1] for n in range(N)]
    rows = [(x, *v, 6 - sum(v), 20 + n) for n, (x, v) in enumerate(zip(IMAGES, votes, strict=True))]
    write_csv(pictures(tmp_path) / "votes.csv", ("image", *classes, "age"), rows)
    assert set(load_dataset(tmp_path).table.classes) == set(classes)


# ---- classes


@pytest.mark.parametrize(
    "classes",
    [
        ("benign", "probably benign", "suspicious", "probably malignant", "malignant"),
        ("A", "A*", "B"),
        ("good", "ok", "bad"),
        ("ok", "rework", "reject"),
        ("valid", "partly valid", "invalid"),
        ("correct", "partly correct", "error"),
        ("original", "variant", "duplicate"),
        ("one face", "two faces", "no face"),
        ("intact", "damaged", "removed"),
        ("clean", "noisy", "corrupted"),
    ],
)
def test_rare_classes_beside_others_of_their_kind_are_classes(classes: Sequence[str], tmp_path: Path) -> None:
    often = [*classes[:-1]] * 4 + [classes[-1]]
    long_table(tmp_path / "table", lambda n, c: often[(n + (n % 5 == 0) * (c == "Ben")) % len(often)])
    by_class(tmp_path / "folders", often)
    assert plainly(tmp_path / "table").table.classes == tuple(sorted(classes))
    assert plainly(tmp_path / "folders").table.classes == tuple(sorted(classes))


@pytest.mark.parametrize("kind", ["junk", "corrupt", "unusable"])
def test_what_is_as_frequent_as_the_classes_is_one(kind: str, tmp_path: Path) -> None:
    assert plainly(long_table(tmp_path, answer(("ferry", "tug", kind)))).table.classes == tuple(
        sorted(("ferry", "tug", kind))
    )


def test_an_unclear_image_beside_valid_and_invalid_ones_is_asked_about(tmp_path: Path) -> None:
    asked = load_dataset(long_table(tmp_path, answer(("valid", "invalid", "unclear")))).reading.questions
    assert [q.about for q in asked] == [("unclear",)]


# ---- coders

PEOPLE = [
    ("Otto Auto", "Heidi Model"), ("AI Weiwei", "Ai"), ("Anna Gold", "Ann"), ("Reference Lab", "Field Lab"),
    ("Network Team", "Final Fantasy"), ("Val", "Max"), ("Goldberg", "Testa"), ("Dr. Train", "Dr. House"),
]  # fmt: skip


@pytest.mark.parametrize("people", PEOPLE)
def test_people_called_like_something_else_are_coders(people: Sequence[str], tmp_path: Path, ltnet: Command) -> None:
    said = answer(("cat", "dog", "fox"))
    long_table(tmp_path / "long", said, (*people, "Cem"))
    rows = [(x, *(said(n, c) for c in (*people, "Cem"))) for n, x in enumerate(IMAGES)]
    write_csv(pictures(tmp_path / "wide") / "labels.csv", ("image", *people, "Cem"), rows)
    for c in (*people, "Cem"):
        write_csv(
            pictures(tmp_path / "files") / f"{c}.csv",
            ("image", "label"),
            [(x, said(n, c)) for n, x in enumerate(IMAGES)],
        )
    for form in ("long", "wide", "files"):
        assert found(plainly(tmp_path / form)) == dict.fromkeys((*people, "Cem"), N)
    ran = ltnet("aggregate", str(tmp_path / "long"), "--method", "majority", "--out", str(tmp_path / "out.csv"))
    assert ran.returncode == 0


def test_a_table_called_final_of_other_images_is_a_coders(tmp_path: Path) -> None:
    said = answer(("cat", "dog", "fox"))
    for file, part in (("final", slice(0, 12)), ("semi", slice(12, N))):
        rows = [(x, said(n, file)) for n, x in enumerate(IMAGES)][part]
        write_csv(pictures(tmp_path) / f"{file}.csv", ("image", "label"), rows)
    assert found(plainly(tmp_path)) == {"final": 12, "semi": 12}


# ---- what stands beside the labels


@pytest.mark.parametrize(
    ("title", "values"),
    [("facility", "practice,hospital"), ("gear", "catch,net"), ("hardness", "pass,fail")],
)
def test_columns_of_other_things_are_passed_over(title: str, values: str, tmp_path: Path) -> None:
    said, kinds = answer(("cat", "dog", "fox")), values.split(",")
    rows = [(x, c, said(n, c), kinds[n % 2]) for n, x in enumerate(IMAGES) for c in ("Ann", "Ben")]
    write_csv(pictures(tmp_path) / "labels.csv", (*LONG, title), rows)
    assert found(plainly(tmp_path)) == {"Ann": N, "Ben": N}


@pytest.mark.parametrize("columns", [("first_opinion", "second_opinion"), ("Dr. First", "Dr. Second")])
def test_a_second_opinion_is_another_persons(columns: Sequence[str], tmp_path: Path) -> None:
    said = answer(("benign", "malignant", "cyst"))
    rows = [(x, *(said(n, c) for c in columns)) for n, x in enumerate(IMAGES)]
    write_csv(pictures(tmp_path) / "labels.csv", ("image", *columns), rows)
    assert found(plainly(tmp_path)) == dict.fromkeys(columns, N)


def test_tables_of_a_first_and_a_second_reader_are_no_versions(tmp_path: Path) -> None:
    said = answer(("benign", "malignant", "cyst"))
    for file in ("first_reader", "second_reader"):
        write_csv(
            pictures(tmp_path) / f"{file}.csv", ("image", "label"), [(x, said(n, file)) for n, x in enumerate(IMAGES)]
        )
    assert found(plainly(tmp_path)) == {"first_reader": N, "second_reader": N}


@pytest.mark.parametrize(
    ("file", "head"),
    [
        ("rooms", ("room", "light")),
        ("cameras", ("camera", "maker")),
        ("sites", ("code", "hospital")),
        ("raters", ("id", "name")),
    ],
)
def test_a_table_of_other_numbers_is_no_legend(file: str, head: Sequence[str], tmp_path: Path) -> None:
    long_table(tmp_path, answer(("0", "1", "2")))
    write_csv(tmp_path / f"{file}.csv", head, [(0, "left"), (1, "right"), (2, "both")])
    asked = {q.kind for q in load_dataset(tmp_path).reading.questions}
    assert "codes and their legend" not in asked


@pytest.mark.parametrize("classes", [("train", "bus", "car"), ("test_tube", "flask", "beaker")])
def test_a_class_called_like_a_part_has_its_column_of_ones(classes: Sequence[str], tmp_path: Path) -> None:
    rows = [(x, *(int(k == n % 3) for k in range(3))) for n, x in enumerate(IMAGES)]
    write_csv(pictures(tmp_path) / "labels.csv", ("image", *classes), rows)
    study = plainly(tmp_path)
    assert set(study.table.classes) == set(classes)
    assert int(study.is_test.sum()) == 0


TABLES = {
    "owners": (("owner", "breed"), lambda n: (f"o{n}", "poodle")),
    "raters": (("subject", "rater", "score"), lambda n: (n, "Ann", n % 5)),
    "sessions": (("session", "emotion", "minutes"), lambda n: (n, "calm", n)),
    "workers": (("image", "worker", "seconds"), lambda n: (IMAGES[n], f"w{n % 4}", n * 1.5)),
}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_other_things_beside_folders_is_passed_over(table: str, tmp_path: Path, ltnet: Command) -> None:
    head, row = TABLES[table]
    write_csv(by_class(tmp_path) / f"{table}.csv", head, [row(n) for n in range(N)])
    report: dict[str, Any] = json.loads(ltnet("inspect", str(tmp_path), "--json").stdout)
    assert report["format"] == "imagefolder"
    assert report["questions"] == []


@pytest.mark.parametrize(
    "columns", [("reader1", "reader2", "reader3"), ("R1", "R2"), ("Rater A", "Rater B", "Rater C")]
)
@pytest.mark.parametrize("kinds", [("0", "1"), ("no", "yes")])
def test_yes_or_no_of_readers_is_their_label(columns: Sequence[str], kinds: Sequence[str], tmp_path: Path) -> None:
    rows = [(x, *(kinds[n % (3 + k) == 0] for k in range(len(columns)))) for n, x in enumerate(IMAGES)]
    write_csv(pictures(tmp_path) / "labels.csv", ("image", *columns), rows)
    study = plainly(tmp_path)
    assert found(study) == dict.fromkeys(columns, N)
    assert study.table.classes == tuple(sorted(kinds))


@pytest.mark.parametrize("content", ["file,note,note\na,b,c\n", "file,note\na,b,c,d\nb,c,d,e\n", "this is a log\n"])
def test_a_broken_table_beside_annotations_is_passed_over(content: str, tmp_path: Path, ltnet: Command) -> None:
    long_table(tmp_path, answer(("cat", "dog", "fox")))
    (tmp_path / "labels.csv").rename(tmp_path / "annotations.csv")
    (tmp_path / "log.csv").write_text(content)
    report: dict[str, Any] = json.loads(ltnet("inspect", str(tmp_path), "--json").stdout)
    assert report["format"] == "plain"
    assert report["questions"] == []


def test_width_and_height_beside_folders_are_no_votes(tmp_path: Path) -> None:
    write_csv(by_class(tmp_path) / "sizes.csv", ("image", "width", "height"), [(x, 16, 16) for x in IMAGES])
    assert plainly(tmp_path).table.classes == ("cat", "dog", "fox")


@pytest.mark.parametrize(
    "files", [("old_barn", "new_barn"), ("pre_surgery", "post_surgery"), ("labels_2021", "labels_2022"), ("alt", "neu")]
)
def test_tables_of_two_sources_are_a_coder_each(files: Sequence[str], tmp_path: Path) -> None:
    said = answer(("cow", "calf", "empty stall"))
    for k, file in enumerate(files):
        rows = [(x, said(n, file)) for n, x in enumerate(IMAGES) if n % 2 == k]
        write_csv(pictures(tmp_path) / f"{file}.csv", ("image", "label"), rows)
    assert found(plainly(tmp_path)) == dict.fromkeys(files, N // 2)


@pytest.mark.parametrize(
    "columns", [("Sum", "Lee"), ("Mean", "Median", "Ann"), ("range", "forest"), ("vote1", "vote2", "vote3")]
)
def test_columns_of_words_are_computed_of_no_others(columns: Sequence[str], tmp_path: Path) -> None:
    said = answer(("oak", "elm", "ash"))
    rows = [(x, *(said(n, c) for c in columns)) for n, x in enumerate(IMAGES)]
    write_csv(pictures(tmp_path) / "labels.csv", ("image", *columns), rows)
    assert found(plainly(tmp_path)) == dict.fromkeys(columns, N)
