"""Which part of a dataset a name says it is, and what the folders above an image mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from conftest import write_image
from hypothesis import given, settings
from hypothesis import strategies as st

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.coded_columns import categorical
from ltnet_core.datasets.corrections import NOTHING, Corrections
from ltnet_core.datasets.names.folder_levels import Layout, lay_out
from ltnet_core.datasets.names.parts import part_of_file, part_of_image, part_of_value
from ltnet_core.datasets.names.splits import (
    TEST,
    TRAIN,
    are_splits,
    is_agreed,
    is_form,
    is_truth,
    part_of,
    parts_of_values,
    read_split,
    set_name,
    words,
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("FER2013Train", ["fer", "2013", "train"]),
        ("Val_Aligned_Faces", ["val", "aligned", "faces"]),
        ("PublicTest", ["public", "test"]),
        ("TESTset", ["tes", "tset"]),
        ("val2017", ["val", "2017"]),
        ("hold-out set", ["hold", "out", "set"]),
        ("Año Nuevo", ["año", "nuevo"]),
        ("测试_1", ["测试", "1"]),
        ("__", []),
    ],
)
def test_words_of_a_name(name: str, parts: list[str]) -> None:
    assert words(name) == parts
    assert words(unicodedata.normalize("NFD", name)) == parts


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("train_images", "train"),
        ("hold-out", "test"),
        ("Held Out", "test"),
        ("PrivateTest", "test"),
        ("dev", "test"),
        ("development_train", "train"),
        ("development", "test"),
        ("train_test_split", None),
        ("happy", None),
        ("testimony", None),
        ("", None),
        ("Entraînement", "train"),
        ("validación", "test"),
        ("VALIDAÇÃO", "test"),
        ("训练集", "train"),
        ("验证", "test"),
        ("datos_prueba", "test"),
        ("Trainingsdaten", "train"),
        ("Testdatensatz", "test"),
        ("testimages", "test"),
        ("trainlabels", "train"),
        ("тестовая_выборка", "test"),
        ("eğitim", "train"),
        ("検証", "test"),
        ("kiểm_tra", "test"),
        ("attestation data", None),
        ("contestdata", None),
    ],
)
def test_the_part_that_a_name_says(name: str, part: str | None) -> None:
    assert part_of(name) == part
    assert part_of(unicodedata.normalize("NFD", name)) == part


def test_every_name_of_a_part_is_known_by_itself() -> None:
    assert {n: part_of(n) for n in TRAIN} == dict.fromkeys(TRAIN, "train")
    assert {n: part_of(n) for n in TEST} == dict.fromkeys(TEST, "test")


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("FER2013Train", "train"),
        ("instances_val2017", "test"),
        ("train_test", "test"),  # never train on what may be a test
        ("hold-out", "test"),
        ("测试集", "test"),
        ("entraînement", "train"),
        ("Prueba", "test"),
        ("fit", ""),
        ("public", ""),
        ("happy", ""),
        ("", ""),
    ],
)
def test_the_part_of_a_value_of_an_export(value: str, part: str) -> None:
    assert part_of_value(value) == part


def test_what_a_person_said_comes_before_names_and_a_files_own_name_before_its_folders() -> None:
    assert part_of_file("test/train_labels.csv") == "train"
    assert part_of_file("val/labels.csv") == "test"
    assert part_of_file("a/b.csv") == ""
    said = Corrections(split={"Val": "train", "labels.csv": "ignore"})
    assert part_of_file("val/test.csv", said) == "train"
    assert part_of_file("val/labels.csv", said) == "ignore"
    assert part_of_image("train/test.png") == "train"  # the name of an image says nothing
    assert part_of_image("test.png") == ""
    assert part_of_image("test/x/a.png", Corrections(split={"X": "train"})) == "train"


@pytest.mark.parametrize(
    ("file", "form", "truth", "agreed"),
    [
        ("sample_submission.csv", True, False, False),
        ("a/submission_template.csv", True, False, False),
        ("submission.csv", True, False, False),
        ("sample.csv", False, False, False),  # may be a sample of images
        ("example_labels.csv", False, False, False),
        ("truth.csv", False, True, False),
        ("ground_truth.csv", False, True, False),
        ("x/GT.csv", False, True, False),
        ("my gold labels.csv", False, True, False),
        ("all of my gold labels.csv", False, False, False),
        ("consensus.csv", False, False, True),
        ("MajorityVote.csv", False, False, True),
        ("labels.csv", False, False, False),
    ],
)
def test_what_a_files_name_says(file: str, form: bool, truth: bool, agreed: bool) -> None:
    assert (is_form(file), is_truth(file), is_agreed(file)) == (form, truth, agreed)


def test_folders_are_parts_if_each_is_one_and_one_is_for_training() -> None:
    assert are_splits(["train", "val"], NOTHING)
    assert are_splits(["训练", "测试"], NOTHING)
    assert not are_splits(["test", "val"], NOTHING)
    assert not are_splits(["train", "happy"], NOTHING)
    assert not are_splits([], NOTHING)
    assert are_splits(["test", "happy"], Corrections(split={"happy": "train"}))


def column(values: Sequence[str]) -> pd.Series:
    return pd.Series(categorical(values))


def test_a_split_column_marks_rows_with_the_name_of_their_set() -> None:
    split = read_split(column(["Training", "", "PublicTest", "test", "out"]), "Usage", "f.csv", NOTHING)
    assert list(split.rows) == ["train", "train", "test:PublicTest", "test", "train"]
    assert split.values == {"Training": "train", "PublicTest": "test", "test": "test", "out": "train"}
    assert split.question is not None
    assert split.question.about == ("Usage",)
    assert "'Usage' holds 'out': to train on, or held out?" in split.question.sentence
    assert [a.flag for a in split.question.answers] == ["--split test=out", "--split train=out", "--ignore Usage"]


def test_a_correction_answers_what_is_unclear_in_a_split_column() -> None:
    said = Corrections(split={"OUT": "ignore"})
    split = read_split(column(["train", "out"]), "Usage", "f.csv", said)
    assert list(split.rows) == ["train", "ignore"]
    assert split.question is None
    assert parts_of_values(["", "out", "x"], said) == {"": "train", "out": "ignore", "x": None}


def test_where_no_part_is_for_training_each_value_may_be() -> None:
    answers = read_split(column(["a", "b"]), "fold", "f.csv", NOTHING).question.answers  # type: ignore[union-attr]
    assert [a.flag for a in answers[:2]] == ["--split train=a --split test=b", "--split train=b --split test=a"]
    assert answers[0].meaning == "a is trained on, b is evaluated"
    assert [a.flag for a in answers[2:]] == ["--split train=a,b", "--ignore fold"]
    one = read_split(column(["a"]), "fold", "f.csv", NOTHING).question
    many = read_split(column(list("abcde")), "fold", "f.csv", NOTHING).question
    assert [len(q.answers) for q in (one, many) if q] == [2, 2]


def test_a_value_that_no_row_has_is_not_asked_about() -> None:
    some = column(["train", "odd"]).iloc[:1]
    assert read_split(some, "s", "f.csv", NOTHING).question is None
    assert read_split(some, "s", "f.csv", NOTHING).values == {"train": "train"}


def test_a_set_called_test_has_no_name_of_its_own() -> None:
    assert [set_name("test", n) for n in ("TEST", "val")] == ["test", "test:val"]
    assert [set_name(p, "val") for p in ("train", "ignore")] == ["train", "ignore"]


# ---- folders


def roles(layout: Layout) -> dict[str, tuple[str, str, str, str]]:
    return {n: (r.source, r.part, r.label, r.mark) for n, r in layout.roles.items()}


def test_sources_parts_and_classes_of_folders() -> None:
    layout = lay_out(["RAF/train/happy/a.png", "RAF/test/sad/b.png", "Aff/happy/c.png", "unlabelled/d.png"], NOTHING)
    assert layout.sources
    assert not layout.wrong
    assert layout.parts == {"train": "train", "test": "test"}
    assert roles(layout) == {
        "RAF/train/happy/a.png": ("RAF", "train", "happy", ""),
        "RAF/test/sad/b.png": ("RAF", "test", "sad", "test"),
        "Aff/happy/c.png": ("Aff", "train", "happy", ""),
        "unlabelled/d.png": ("unlabelled", "unlabelled", "", ""),
    }


def test_a_folder_that_is_said_to_be_a_part_leaves_sources_beside_it_what_they_are() -> None:
    names = [f"{s}/{k}/{n}.png" for n, s in enumerate(("RAF", "Aff", "unseen")) for k in ("cat", "dog")]
    found = roles(lay_out(names, Corrections(split={"unseen": "test"})))
    assert {found[n] for n in names if "/cat/" in n} == {
        ("RAF", "train", "cat", ""), ("Aff", "train", "cat", ""), ("", "test", "cat", "unseen")
    }  # fmt: skip
    two = roles(lay_out([n for n in names if "Aff" not in n], Corrections(split={"unseen": "test"})))
    assert {r[0] for r in two.values()} == {""}  # one folder more is the rest


@pytest.mark.parametrize("names", [("训练", "测试"), ("entraînement", "validazione"), ("Train", "Val"), ("Trainingsbilder", "Testbilder"), ("обучение", "тест"), ("학습", "검증")])  # fmt: skip
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_parts_in_other_languages_are_never_trained_on(names: tuple[str, str], form: str, tmp_path: Path) -> None:
    train, test = (unicodedata.normalize(form, n) for n in names)  # type: ignore[arg-type]
    images = [f"{s}/{p}/{k}/{n}.png" for n, s in enumerate("AB") for p in (train, test) for k in ("cat", "dog")]
    layout = lay_out(images, NOTHING)
    assert {r.part for n, r in layout.roles.items() if f"/{test}/" in n} == {"test"}
    assert {r.part for n, r in layout.roles.items() if f"/{train}/" in n} == {"train"}
    assert {r.label for r in layout.roles.values()} == {"cat", "dog"}
    if form == "NFC":
        for number, image in enumerate(images):
            write_image(tmp_path / "d" / image, 7 * number)
        study = load_dataset(tmp_path / "d")
        assert {str(i) for i in study.table.items[study.is_test]} == {i for i in images if f"/{test}/" in i}


def test_folders_that_only_wrap_others_are_no_sources() -> None:
    layout = lay_out(["images/cat/a.png", "images/dog/b.png"], NOTHING)
    assert roles(layout) == {"images/cat/a.png": ("", "train", "cat", ""), "images/dog/b.png": ("", "train", "dog", "")}
    wrapped = lay_out(["train/images/cat/a.png", "train/images/dog/b.png", "test/images/cat/c.png"], NOTHING)
    assert {r.label for r in wrapped.roles.values()} == {"cat", "dog"}
    beside = lay_out(["images/cat/a.png", "images/b.png", "x/cat/c.png"], NOTHING)
    assert beside.sources
    assert beside.stray == ["images/b.png"]


def test_images_above_the_classes_are_strays_but_a_test_part_may_have_no_classes() -> None:
    layout = lay_out(["train/cat/a.png", "train/dog/b.png", "test/c.png"], NOTHING)
    assert layout.roles["test/c.png"].part == "test"
    assert layout.roles["test/c.png"].label == ""
    assert layout.stray == []
    stray = lay_out(["cat/a.png", "dog/b.png", "c.png"], NOTHING)
    assert stray.stray == ["c.png"]
    assert set(stray.roles) == {"cat/a.png", "dog/b.png"}


@pytest.mark.parametrize(
    ("images", "wrong"),
    [
        (["a/b/c/d.png", "a/b/e/f.png"], "folders lie 3 deep, such as a/b/e; expected source/class/image"),
        (["images/a.png", "masks/a.png"], "the folders images, masks hold images and their masks"),
        (["S001/001/a.png", "S002/002/b.png"], "folders such as S002/002 are subjects and sequences"),
        (["subject1/video1/a.png", "subject2/video2/b.png"], "are subjects and sequences, no classes"),
    ],
)
def test_folders_that_are_no_classes_say_why(images: list[str], wrong: str) -> None:
    assert wrong in lay_out(images, NOTHING).wrong


def test_persons_shown_are_no_sources_and_no_classes() -> None:
    layout = lay_out(["S001/happy/a.png", "S002/sad/b.png"], NOTHING)
    assert not layout.sources
    assert layout.note == "folders such as s001 are taken for the persons shown, no classes."
    assert {r.label for r in layout.roles.values()} == {"happy", "sad"}
    below = lay_out(["happy/x/a.png", "sad/y/b.png"], NOTHING)
    assert below.note == "folders such as x below the classes are taken for no classes."
    assert {r.label for r in below.roles.values()} == {"happy", "sad"}


def test_a_correction_makes_any_folder_a_part() -> None:
    images = ["one/cat/a.png", "one/dog/b.png", "two/cat/c.png"]
    assert lay_out(images, NOTHING).sources
    layout = lay_out(images, Corrections(split={"two": "test"}))
    assert not layout.sources
    assert roles(layout)["two/cat/c.png"] == ("", "test", "cat", "two")
    assert roles(layout)["one/cat/a.png"] == ("", "train", "cat", "")
    assert layout.parts == {"one": "train", "two": "test"}


def test_a_single_test_folder_below_a_source_is_held_out() -> None:
    layout = lay_out(["A/train/cat/a.png", "B/test/dog/c.png"], NOTHING)
    assert roles(layout)["B/test/dog/c.png"] == ("B", "test", "dog", "test")
    assert roles(layout)["A/train/cat/a.png"] == ("A", "train", "cat", "")
    alone = lay_out(["test/cat/a.png", "test/dog/b.png"], NOTHING)
    assert set(roles(alone).values()) == {("test", "train", "cat", ""), ("test", "train", "dog", "")}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["train", "测试", "cat", "S01", "images", "masks", ""]), min_size=1, max_size=4).map(
            lambda folders: "/".join([*filter(None, folders), "a.png"])
        ),
        unique=True,
        max_size=8,
    )
)
def test_every_image_has_one_role_at_most(images: list[str]) -> None:
    layout = lay_out(images, NOTHING)
    assert sorted([*layout.roles, *layout.stray]) == sorted(images)
    assert all(r.part in ("train", "test", "unlabelled") for r in layout.roles.values())
