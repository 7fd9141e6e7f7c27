"""Tables of votes and shares as laboratories keep them: what is a class, what stands beside, and whose they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Command, refusal, write_csv
from lab_faces import CLASSES, FACES, N, a, answers, b, faces, found, inspected, labels

from ltnet_core.datasets import load_dataset


def shares(i: int) -> list[float]:
    """Shares of the classes, the largest of which is that of ``a``."""
    return [0.7 if k == a(i) else 0.1 for k in CLASSES]


def test_shares_beside_labels_are_asked_about(tmp_path: Path, ltnet: Command) -> None:
    named = [f"p_{k}" for k in CLASSES]
    labels(tmp_path / "one", ("image", "label", *named), lambda i: (b(i), *shares(i)))
    (_, votes), (_, alone) = answers(tmp_path / "one", "votes beside a label")
    assert votes.table.classes == tuple(named)
    assert alone.table.classes == CLASSES
    labels(tmp_path / "two", ("image", "Ann", "Ben", *named), lambda i: (a(i), b(i), *shares(i)))
    (_, votes), (_, alone) = answers(tmp_path / "two", "votes beside a label")
    assert found(alone) == {"Ann": N, "Ben": N}
    (asked,) = inspected(ltnet, tmp_path / "two")["questions"]
    assert "hold shares of one whole" in asked["sentence"]
    assert asked["sentence"].endswith("and neither is the label that it finds most probable.")  # Ann's is


def test_votes_of_each_annotator_stay_their_own(tmp_path: Path) -> None:
    rows = [(x, c, int(said(i) == "angry"), int(said(i) == "sad" or i == 5), int(said(i) != "sad")) for i, x in enumerate(FACES) for c, said in (("A", a), ("B", b))]  # fmt: skip
    write_csv(faces(tmp_path) / "labels.csv", ("image", "rater", "angry", "tired", "old"), rows)
    (flags, votes), *questions = answers(tmp_path, "annotators or classes")
    assert flags == "--classes-are angry,tired,old"
    assert found(votes) == {"A": N, "B": N}
    assert not votes.errors()
    assert [flag for flag, _ in questions] == [f"--columns label={c}" for c in ("angry", "tired", "old")]
    assert found(questions[0][1]) == {"A": N, "B": N}
    softmax = [(x, c, said(i), *shares(i)) for i, x in enumerate(FACES) for c, said in (("A", a), ("B", b))]
    write_csv(faces(tmp_path / "model") / "labels.csv", ("image", "rater", "label", *CLASSES), softmax)
    for _, study in answers(tmp_path / "model", "votes beside a label"):
        assert found(study) == {"A": N, "B": N}
        assert study.table.classes == CLASSES


def test_votes_out_of_all_are_votes(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "cat", "dog"), lambda i: (f"{7 - i % 3}/10", f"{3 + i % 3} of 10"))
    study = load_dataset(tmp_path)
    assert study.table.classes == ("cat", "dog")
    assert study.table.class_counts().tolist() == [[sum(7 - i % 3 for i in range(N)), sum(3 + i % 3 for i in range(N))]]


@pytest.mark.parametrize("beside", [("form",), ("ra", "dec"), ("said_of_it",), ("bytes",)])
def test_a_column_of_one_number_or_of_measures_among_votes_is_no_class(beside: tuple[str, ...], tmp_path: Path) -> None:
    other = {
        "form": lambda i: 2,
        "ra": lambda i: 282.167 + i,
        "dec": lambda i: i * 1.31,
        "said_of_it": lambda i: f"no {i}",
        "bytes": lambda i: 1000 + 37 * i,
    }
    labels(
        tmp_path,
        ("image", *CLASSES, *beside),
        lambda i: (*(2 * (a(i) == k) + (b(i) == k) for k in CLASSES), *(other[c](i) for c in beside)),
    )
    study = load_dataset(tmp_path)
    assert study.table.classes == CLASSES
    assert study.reading.questions == ()


def test_a_count_alone_is_no_label(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "votes"), lambda i: (1 + i % 4,))
    assert "labels.csv has no column of labels: 'votes' are none" in refusal(tmp_path)


def test_votes_in_rows_of_classes_that_are_numbers_have_their_count(tmp_path: Path) -> None:
    rows = [(x, k, 1 + (i + k) % 3) for i, x in enumerate(FACES) for k in (1, 2, 3)]
    write_csv(faces(tmp_path) / "votes.csv", ("image", "label", "votes"), rows)
    study = load_dataset(tmp_path)
    assert study.reading.questions == ()
    assert study.table.class_counts().sum() == 6 * N


def test_whole_percentages_with_their_sign_are_one_vote(tmp_path: Path) -> None:
    labels(tmp_path, ("image", *CLASSES), lambda i: [f"{70 if k == a(i) else 10}%" for k in CLASSES])
    study = load_dataset(tmp_path)
    assert study.table.count.max() <= 1


@pytest.mark.parametrize(
    "classes",
    [("gold", "silver", "copper"), ("correct", "incorrect", "unclear"), ("reference", "new", "junk"),
     ("confidence", "fear", "joy"), ("weight", "height"), ("Wahrheit", "Lüge")],
)  # fmt: skip
def test_votes_for_classes_called_like_a_role_are_votes(classes: tuple[str, ...], tmp_path: Path) -> None:
    def votes(i: int) -> list[int]:
        some = [(i + k) % 3 for k in range(len(classes) - 1)]
        return [*some, 6 - sum(some)]

    labels(tmp_path, ("image", *classes), votes)
    assert set(load_dataset(tmp_path).table.classes) == set(classes)
