"""Names of classes and coders as people write them: one class in several spellings, no answer, no person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import Command, write_csv
from lab_faces import (
    CLASSES,
    FACES,
    LONG,
    N,
    a,
    answers,
    b,
    faces,
    found,
    inspected,
    labels,
    long_table,
)

from ltnet_core.datasets import Corrections, load_dataset


@pytest.mark.parametrize("mark", [" (?)", "?", ".", " [unsure]", " - Copy", " (2)"])
def test_a_mark_behind_a_class_is_asked_about(mark: str, tmp_path: Path) -> None:
    long_table(tmp_path, lambda i, c: a(i) + (mark if i % 6 == 1 else ""))
    (_, one), (_, own), (_, out) = answers(tmp_path, "classes that differ by spelling")
    assert one.table.classes == CLASSES
    assert len(own.table.classes) > 4
    assert found(one) == found(own) == {"A": N, "B": N}
    assert out.table.classes == CLASSES
    assert found(out) == {"A": N - 4, "B": N - 4}


def test_a_doubt_in_words_before_a_class_is_asked_about_and_sides_are_not(tmp_path: Path) -> None:
    long_table(tmp_path / "doubt", lambda i, c: ("maybe " if i % 6 == 1 else "") + a(i))
    assert len(answers(tmp_path / "doubt", "classes that differ by spelling")) == 3
    long_table(tmp_path / "sides", lambda i, c: a(i) + (" (left)" if i % 2 else " (right)"))
    assert load_dataset(tmp_path / "sides").reading.questions == ()


def test_cells_that_are_all_sets_of_labels_are_asked_about(tmp_path: Path) -> None:
    pairs = [f"{x}|{y}" for x in CLASSES for y in CLASSES if x != y]
    long_table(tmp_path / "sets", lambda i, c: pairs[(i + ord(c)) % len(pairs)])
    (_, first), (_, own) = answers(tmp_path / "sets", "several labels in one cell")
    assert first.table.classes == CLASSES
    assert len(own.table.classes) == 12
    parts = [f"{organ}/{side}" for organ in ("lung", "eye", "ear") for side in ("left", "right", "both")]
    long_table(tmp_path / "parts", lambda i, c: parts[(i + ord(c)) % len(parts)])
    assert load_dataset(tmp_path / "parts").reading.questions == ()


def test_other_words_for_the_same_classes_are_asked_about(tmp_path: Path) -> None:
    nouns = dict(zip(CLASSES, ("anger", "happiness", "neutral", "sadness"), strict=True))
    long_table(tmp_path / "nouns", lambda i, c: a(i) if c == "A" else nouns[b(i)])
    (_, one), (_, own) = answers(tmp_path / "nouns", "classes of one meaning")
    assert set(one.table.classes) == set(nouns.values())
    assert len(own.table.classes) == 7
    german = dict(zip(CLASSES, ("wütend", "froh", "neutral", "traurig"), strict=True))
    long_table(tmp_path / "german", lambda i, c: a(i) if c == "A" else german[b(i)])
    both, *others = answers(tmp_path / "german", "coder of other words")
    assert found(both[1]) == {"A": N, "B": N}
    assert [list(found(s)) for _, s in others] == [["B"], ["A"]]


def test_who_uses_two_words_tells_them_apart(tmp_path: Path) -> None:
    words = ("calm", "neutral", "sad", "angry")
    long_table(tmp_path, lambda i, c: words[i % 4] if c == "A" else words[1 + i % 3])
    assert load_dataset(tmp_path).reading.questions == ()


@pytest.mark.parametrize("name", ["gold", "majority_vote", "Consensus", "model_v3", "resnet50_pred"])
def test_a_coder_called_like_no_person_is_asked_about(name: str, tmp_path: Path) -> None:
    long_table(tmp_path / "long", lambda i, c: a(i) if c == name else b(i), ("Ann", "Ben", name))
    (_, out), (_, all_of_them) = answers(tmp_path / "long", "coder called like no person")
    assert found(out) == {"Ann": N, "Ben": N}
    assert found(all_of_them) == {"Ann": N, "Ben": N, name: N}


def test_marks_that_nobody_sees_make_no_other_class_or_coder(tmp_path: Path) -> None:
    rows = [(x, ("Ann", "Ann\u200b")[i % 2], ("\u200b" if i % 3 else "") + a(i)) for i, x in enumerate(FACES)]
    write_csv(faces(tmp_path) / "labels.csv", LONG, rows)
    study = load_dataset(tmp_path)
    assert found(study) == {"Ann": N}
    assert study.table.classes == CLASSES


@pytest.mark.parametrize(
    "none", ["I don\u2019t know", "timeout", "weiß nicht", "k.A.", "ne sais pas", "no sé", "不知道", "не знаю"]
)
def test_no_answer_in_other_words_and_languages_is_asked_about(none: str, tmp_path: Path) -> None:
    long_table(tmp_path, lambda i, c: none if i % 12 == 3 else a(i))
    (_, out), (_, own) = answers(tmp_path, "missing values")
    assert out.table.classes == CLASSES
    assert len(own.table.classes) == 5


@pytest.mark.parametrize(
    ("title", "values"),
    [("exclude", "x,"), ("Ausschluss", "ja,nein"), ("attention_check", "fail,pass"), ("block", "practice,main")],
)
def test_rows_that_people_mark_as_not_counting_are_asked_about(title: str, values: str, tmp_path: Path) -> None:
    marks = values.split(",")
    rows = [(x, c, a(i), marks[i % 6 != 0]) for i, x in enumerate(FACES) for c in "AB"]
    write_csv(faces(tmp_path) / "labels.csv", ("image", "participant", "response", title), rows)
    (_, out), (_, all_of_them) = answers(tmp_path, "rows that may not count")
    assert found(out) == {"A": N - 4, "B": N - 4}
    assert found(all_of_them) == {"A": N, "B": N}


def test_dashes_of_another_length_are_asked_about(tmp_path: Path) -> None:
    long_table(tmp_path, lambda i, c: "smile" if i % 2 else "non\u2013smile" if c == "A" else "non-smile")
    (_, one), (_, own) = answers(tmp_path, "classes that differ by spelling")
    assert len(one.table.classes) == 2
    assert len(own.table.classes) == 3


@pytest.mark.parametrize("codes", [(3, 0, 2, 1), (10, 20, 30, 40), ("An", "Ha", "Ne", "Sa")])
def test_labels_that_are_codes_of_the_list_of_classes_are_its_classes(codes: Sequence[object], tmp_path: Path) -> None:
    code = dict(zip(CLASSES, codes, strict=True))
    long_table(tmp_path, lambda i, c: str(code[a(i)]))
    write_csv(tmp_path / "classes.csv", ("class", "code"), list(code.items()))
    study = load_dataset(tmp_path)
    assert study.table.classes == CLASSES
    assert study.table.class_counts()[0].tolist() == [[a(i) for i in range(N)].count(k) for k in CLASSES]
    assert study.errors() == []


def test_a_coder_who_says_what_most_of_the_others_say_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    said = rng.integers(4, size=(120, 4))
    said[rng.random(said.shape) < 0.6] = 0
    most = [np.bincount(row, minlength=4).argmax() for row in said]
    rows = [(f"{i}.png", f"c{j}", CLASSES[k]) for i, row in enumerate(said) for j, k in enumerate(row)]
    write_csv(tmp_path / "crowd.csv", LONG, rows)
    assert "coder like the majority" not in {p.kind for p in load_dataset(tmp_path).problems}
    write_csv(tmp_path / "result.csv", ("image", "label"), [(f"{i}.png", CLASSES[k]) for i, k in enumerate(most)])
    (told,) = [p for p in load_dataset(tmp_path).problems if p.kind == "coder like the majority"]
    assert told.level == "warning"
    assert "coder 'result' says what most of the others say on all " in told.examples[0]


@pytest.mark.parametrize("none", ["NA", "N/A", "null"])
def test_what_programs_write_for_an_absent_cell_is_asked_about_however_often(none: str, tmp_path: Path) -> None:
    long_table(tmp_path, lambda i, c: none if i // 3 % 4 == 1 else a(i))
    (_, out), _ = answers(tmp_path, "missing values")
    assert out.table.classes == CLASSES


@pytest.mark.parametrize("absent", ["nan", "<NA>", "NaT"])
def test_naming_a_value_that_is_no_label_makes_no_class_of_others(absent: str, tmp_path: Path, ltnet: Command) -> None:
    labels(
        tmp_path, ("image", "Ann", "Ben"), lambda i: (absent if i % 6 == 1 else a(i), "skip" if i % 6 == 2 else b(i))
    )
    report = inspected(ltnet, tmp_path, "--missing", "skip")
    assert report["classes"] == list(CLASSES)
    assert report["reading"]["missing"] == {absent: 4, "skip": 4}
    assert load_dataset(tmp_path, corrections=Corrections(missing=())).table.classes == tuple(
        sorted((*CLASSES, absent, "skip"))
    )


def test_minus_one_stays_no_label_beside_a_value_that_is_named(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "Ann", "Ben"), lambda i: (-1 if i % 6 == 1 else i % 4, 9 if i % 6 == 2 else i // 4 % 4))
    study = load_dataset(tmp_path, corrections=Corrections(missing=("9",)))
    assert study.table.classes == ("0", "1", "2", "3")
    assert found(study) == {"Ann": N - 4, "Ben": N - 4}


def test_blanks_in_a_name_are_one_as_in_the_names_of_coders(tmp_path: Path, ltnet: Command) -> None:
    labels(tmp_path, ("image", "Dr.  Ann", "Ben\n(senior)", "Cem"), lambda i: (a(i), b(i), a(i)))
    report = inspected(ltnet, tmp_path, "--annotators", "Dr.  Ann,Ben (senior)")
    assert list(report["coders"]) == ["Ben (senior)", "Dr. Ann"]
