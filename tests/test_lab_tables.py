"""Tables as laboratories keep them: what a careful person reads in them is read, asked about or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Command, refusal, write_csv
from lab_faces import (
    CLASSES,
    FACES,
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
from openpyxl import Workbook

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.corrections import parse


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


@pytest.mark.parametrize("name", ["Adjudication", "resolved_label", "final_label", "tie-breaker", "consensus grade"])
def test_a_column_of_what_was_agreed_on_is_no_annotator(name: str, tmp_path: Path) -> None:
    labels(tmp_path, ("image", "rater1", "rater2", name), lambda i: (a(i), b(i), a(i) if a(i) != b(i) else ""))
    study = load_dataset(tmp_path)
    assert found(study) == {"rater1": N, "rater2": N}
    assert study.reading.questions == ()
    (left,) = [p for p in study.problems if p.kind == "column left out"]
    truth = load_dataset(tmp_path, None, parse(columns=[f"truth={name}"]))
    assert f"truth={name}" in left.examples[0]
    assert found(truth) == {"rater1": N, "rater2": N}
    assert int((truth.truth >= 0).sum()) == sum(a(i) != b(i) for i in range(N))


def test_right_or_wrong_is_no_known_truth_and_numbers_of_trials_are_none(tmp_path: Path) -> None:
    head = ("Participant Private ID", "Trial Index", "image", "Response", "Correct", "Incorrect")
    rows = [(c, i % 9, x, said(i), int(said(i) == a(i)), int(said(i) != a(i))) for i, x in enumerate(FACES) for c, said in (("1", a), ("2", b))]  # fmt: skip
    write_csv(faces(tmp_path) / "data.csv", head, rows)
    study = load_dataset(tmp_path)
    assert found(study) == {"1": N, "2": N}
    assert int((study.truth >= 0).sum()) == 0
    assert study.reading.questions == ()
    numbers = [(c, i % 9, x, CLASSES.index(said(i))) for i, x in enumerate(FACES) for c, said in (("1", a), ("2", b))]
    write_csv(faces(tmp_path / "numbers") / "data.csv", ("worker", "trial_index", "image", "response"), numbers)
    assert load_dataset(tmp_path / "numbers").reading.questions == ()


def test_rounds_and_choices_of_one_person_are_asked_about(tmp_path: Path) -> None:
    labels(tmp_path / "rounds", ("image", "Ann1", "Ann2", "Ben1", "Ben2"), lambda i: (a(i), a(i + 1), b(i), b(i + 1)))
    first, *_, all_of_them = answers(tmp_path / "rounds", "annotators and questions")
    assert found(first[1]) == {"Ann1": N, "Ben1": N}
    assert len(found(all_of_them[1])) == 4
    labels(
        tmp_path / "people", ("image", "expert1", "expert2", "reader1", "reader2"), lambda i: (a(i), b(i), b(i), a(i))
    )
    assert load_dataset(tmp_path / "people").reading.questions == ()
    labels(tmp_path / "choices", ("image", "primary_emotion", "secondary_emotion"), lambda i: (a(i), b(i)))
    one, other, both = answers(tmp_path / "choices", "which column is the label")
    assert [list(found(s).values()) for _, s in (one, other, both)] == [[N], [N], [N, N]]
    labels(tmp_path / "readers", ("image", "first_reader", "second_reader"), lambda i: (a(i), b(i)))
    assert load_dataset(tmp_path / "readers").reading.questions == ()


@pytest.mark.parametrize("title", ["{}.png", "{}", "Which emotion? [{}]"])
def test_a_table_with_a_column_for_each_image_says_to_turn_it(title: str, tmp_path: Path, ltnet: Command) -> None:
    head = ["rater", *(title.format(x[:-4]) for x in FACES)]
    rows = [(who, *(said(i) for i in range(N))) for who, said in (("Ann", a), ("Ben", b))]
    write_csv(faces(tmp_path) / "labels.csv", head, rows)
    told = ltnet("inspect", tmp_path)
    assert told.returncode == 2
    assert "there is a column for each image, such as " in told.stderr
    assert "turn the table" in told.stderr


def test_names_of_columns_that_occur_again_are_named_by_row(tmp_path: Path) -> None:
    long_table(tmp_path, lambda i, c: a(i), "A")
    own = (tmp_path / "labels.csv").read_text()
    (tmp_path / "labels.csv").write_text(own + own.replace(",A,", ",B,"))
    assert refusal(tmp_path) == "labels.csv, row 26: this row holds the names of the columns again; remove it."


def test_a_table_of_no_text_is_named(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "label"), lambda i: (a(i),))
    (tmp_path / "labels.csv").write_bytes((tmp_path / "labels.csv").read_text().encode("utf-16-le"))
    assert "labels.csv: is not text; expected a CSV file." in refusal(tmp_path)


def test_a_row_for_each_class_of_an_image_is_asked_about(tmp_path: Path) -> None:
    said = {"A": a, "B": b}
    rows = [(x, c, k, int(said[c](i) == k)) for i, x in enumerate(FACES) for c in said for k in CLASSES]
    write_csv(faces(tmp_path) / "labels.csv", ("image", "rater", "emotion", "present"), rows)
    (_, votes), (_, angry), *others = answers(tmp_path, "a row for each class")
    assert found(votes) == {"A": N, "B": N}
    assert votes.table.class_counts().tolist() == [[[s(i) for i in range(N)].count(k) for k in CLASSES] for s in (a, b)]
    assert not votes.errors()
    assert angry.table.classes == ("0", "1")
    assert angry.table.class_counts()[0, 1] == [a(i) for i in range(N)].count("angry")
    assert len(others) == 3


def test_ones_and_minus_ones_are_asked_about(tmp_path: Path) -> None:
    signs = lambda i: tuple(1 if (i * k) % 5 < 2 else -1 for k in (1, 2, 3))  # noqa: E731
    labels(tmp_path / "several", ("image_id", "Smiling", "Young", "Hat"), signs)
    (_, people), (_, classes) = answers(tmp_path / "several", "annotators or classes")
    assert len(load_dataset(tmp_path / "several").reading.questions) == 1  # what -1 means depends on the answer
    assert people.table.classes == ("-1", "1")
    assert set(found(people).values()) == {N}
    assert set(classes.table.classes) == {"Smiling", "Young", "Hat"}
    assert not classes.errors()
    assert classes.table.class_counts().sum() == sum(s == 1 for i in range(N) for s in signs(i))
    labels(tmp_path / "one", ("image", "label"), lambda i: signs(i)[:1])
    assert load_dataset(tmp_path / "one").table.classes == ("-1", "1")


def test_rows_of_another_width_than_the_header_are_read_or_named(tmp_path: Path) -> None:
    rows = {
        "a separator behind": ("image,Ann,Ben\n", lambda i: f"{FACES[i]},{a(i)},{b(i)},"),
        "numbers before": ('"image","Ann","Ben"\n', lambda i: f'"{i + 1}","{FACES[i]}","{a(i)}","{b(i)}"'),
        "quotes behind blanks": ("image, Ann, Ben\n", lambda i: f'{FACES[i]}, "{a(i)}", "{b(i)}"'),
        "commas in a name": ("image\tAnn\tBen\tnotes, by Ann, or Ben, or Cem\n", lambda i: f"{FACES[i]}\t{a(i)}\t{b(i)}\t"),
    }  # fmt: skip
    for name, (head, row) in rows.items():
        (faces(tmp_path / name) / "labels.csv").write_text(head + "".join(row(i) + "\n" for i in range(N)))
        study = load_dataset(tmp_path / name)
        assert found(study) == {"Ann": N, "Ben": N}, name
        assert study.table.classes == CLASSES
        assert study.errors() == []
    text = "image,label\n" + "".join(f"{x},{a(i)}, or so\n" for i, x in enumerate(FACES))
    (faces(tmp_path / "commas") / "labels.csv").write_text(text)
    told = "labels.csv, row 2: no row has as many cells as the header: it has 3 cells, the header 2"
    assert told in refusal(tmp_path / "commas")


def test_a_yes_for_the_class_and_nothing_for_the_others(tmp_path: Path) -> None:
    labels(tmp_path, ("image", *CLASSES), lambda i: ["yes" if a(i) == k else "" for k in CLASSES])
    study = load_dataset(tmp_path)
    assert study.table.classes == CLASSES
    assert list(found(study).values()) == [N]


def grades(i: int) -> tuple[int, int, int]:
    return 1 + i % 5, 1 + (i + i // 3) % 5, 1 + (i + i // 7) % 5


COMPUTED: dict[str, Callable[[int], object]] = {
    "sum": lambda i: sum(grades(i)),
    "range": lambda i: max(grades(i)) - min(grades(i)),
    "difference": lambda i: abs(grades(i)[0] - grades(i)[1]),
    "rounded mean": lambda i: round(sum(grades(i)) / 3),
    "modal grade": lambda i: grades(i)[0],
    "agreement": lambda i: 1 + i % 2,
    "plate": lambda i: 1 + i // 6,
    "slice_nr": lambda i: 1 + i % 4,
}


@pytest.mark.parametrize("title", COMPUTED)
def test_what_is_computed_or_counted_beside_grades_is_no_annotator(title: str, tmp_path: Path) -> None:
    labels(tmp_path, ("image", "R1", "R2", "R3", title), lambda i: (*grades(i), COMPUTED[title](i)))
    study = load_dataset(tmp_path)
    assert found(study) == {"R1": N, "R2": N, "R3": N}
    assert study.reading.questions == ()


def test_a_column_of_numbers_that_is_called_otherwise_is_asked_about(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "reader_1", "reader_2", "image_quality"), grades)
    (_, readers), (_, everybody) = answers(tmp_path, "column called otherwise")
    assert found(readers) == {"reader_1": N, "reader_2": N}
    assert found(everybody) == {"reader_1": N, "reader_2": N, "image_quality": N}


def test_a_legend_beside_the_first_rows_is_no_annotator(tmp_path: Path) -> None:
    beside = lambda i: (i + 1, CLASSES[i]) if i < 4 else ("", "")  # noqa: E731
    labels(tmp_path, ("image", "Ann", "Ben", "", "code", "meaning"), lambda i: (*grades(i % 4)[:2], "", *beside(i)))
    study = load_dataset(tmp_path)
    assert found(study) == {"Ann": N, "Ben": N}
    assert study.reading.questions == ()


def test_a_proposed_label_that_people_agree_with_and_a_corrected_one_are_asked_about(tmp_path: Path) -> None:
    rows = [(x, a(i), c, "yes" if i % 3 else "no") for i, x in enumerate(FACES) for c in "AB"]
    write_csv(faces(tmp_path / "said") / "labels.csv", ("image", "proposed_label", "annotator", "agree"), rows)
    (_, agreed), (_, every) = answers(tmp_path / "said", "rows that may not count")
    assert found(agreed) == {"A": 16, "B": 16}
    assert found(every) == {"A": N, "B": N}
    mended = [(x, c, b(i + ord(c)), a(i + ord(c)) if i % 3 else "") for i, x in enumerate(FACES) for c in "AB"]
    write_csv(faces(tmp_path / "mended") / "labels.csv", ("image", "annotator", "label", "corrected_label"), mended)
    (_, first), (_, second) = answers(tmp_path / "mended", "which column is the label")
    assert found(first) == {"A": N, "B": N}
    assert found(second) == {"A": 16, "B": 16}


def test_votes_with_their_total_are_votes_and_grades_with_theirs_may_be(tmp_path: Path) -> None:
    votes = lambda i: (i % 4, 7 - i % 3, 0, i % 4 + 7 - i % 3)  # noqa: E731
    labels(tmp_path / "votes", ("image", "cat", "dog", "emu", "total"), votes)
    study = load_dataset(tmp_path / "votes")
    assert set(study.table.classes) == {"cat", "dog"}
    assert study.reading.questions == ()
    labels(tmp_path / "grades", ("image", "Ann", "Ben", "Cem", "sum"), lambda i: (*grades(i), sum(grades(i))))
    (_, people), (_, classes) = answers(tmp_path / "grades", "annotators or classes")
    assert found(people) == {"Ann": N, "Ben": N, "Cem": N}
    assert set(classes.table.classes) == {"Ann", "Ben", "Cem"}


def test_ratings_of_each_class_are_asked_about_and_votes_are_not(tmp_path: Path) -> None:
    rated = [(x, c, *(1 + (i * k + ord(c)) % 7 for k in (1, 2, 3, 5))) for i, x in enumerate(FACES) for c in "AB"]
    write_csv(faces(tmp_path / "ratings") / "labels.csv", ("image", "rater", *CLASSES), rated)
    (_, votes), *alone = answers(tmp_path / "ratings", "ratings or votes")
    assert found(votes) == {"A": N, "B": N}
    assert votes.table.classes == CLASSES
    assert [found(s) for _, s in alone] == [{"A": N, "B": N}] * 4
    labels(tmp_path / "votes", ("image", *CLASSES), lambda i: [8 if k == a(i) else i % 3 if k == b(i) else 0 for k in CLASSES])  # fmt: skip
    assert load_dataset(tmp_path / "votes").reading.questions == ()


def test_the_most_frequent_labels_beside_their_counts_are_asked_about(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "label1", "votes1", "label2", "votes2"), lambda i: (a(i), 6, b(i), 3 + i % 2))
    one, other, both = answers(tmp_path, "which column is the label")
    assert [list(found(s).values()) for _, s in (one, other, both)] == [[N], [N], [N, N]]


@pytest.mark.parametrize(("yes", "no"), [("J", "N"), ("WAHR", "FALSCH"), ("да", "нет"), ("是", "否"), ("sim", "não")])
def test_one_word_in_each_row_and_another_elsewhere_marks_the_class(yes: str, no: str, tmp_path: Path) -> None:
    labels(tmp_path, ("image", *CLASSES), lambda i: [yes if k == a(i) else no for k in CLASSES])
    study = load_dataset(tmp_path)
    assert study.format == "one-hot"
    assert study.table.classes == CLASSES
    assert found(study) == {tmp_path.name: N}


def test_columns_beside_readers_are_left_out_and_named(tmp_path: Path) -> None:
    study = load_dataset(
        labels(tmp_path, ("image", "breed", "Reader1", "Reader2"), lambda i: ("xy"[i % 2], a(i), b(i)))
    )
    assert study.reading.questions == ()
    assert found(study) == {"Reader1": N, "Reader2": N}
    assert ["'breed' is no annotator's" in p.examples[0] for p in study.problems if p.kind == "column left out"] == [
        True
    ]


def test_a_column_about_the_image_that_holds_the_annotators_words_is_asked_about(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "condition", "Ann", "Ben"), lambda i: (a(i + 1), a(i), b(i)))
    (few, less), (_, more) = answers(tmp_path, "column called otherwise")
    assert (few, found(less)) == ("--annotators Ann,Ben", {"Ann": N, "Ben": N})
    assert found(more) == {"Ann": N, "Ben": N, "condition": N}


def test_numbers_that_agree_with_the_annotators_are_asked_about_whatever_their_name(tmp_path: Path) -> None:
    grade = {name: i + 1 for i, name in enumerate(CLASSES)}
    for name in ("Land", "site"):  # a person, and a number of its own
        said = (lambda i: grade[a(i) if i % 4 else b(i)]) if name == "Land" else lambda i: 1 + i * 5 % 3
        labels(
            tmp_path / name,
            ("image", name, "Ann", "Ben"),
            lambda i, said=said: (said(i), grade[a(i)], grade[a(i - i % 5 // 4)]),
        )
    (_, less), (_, more) = answers(tmp_path / "Land", "column called otherwise")
    assert (found(less), found(more)) == ({"Ann": N, "Ben": N}, {"Ann": N, "Ben": N, "Land": N})
    study = load_dataset(tmp_path / "site")
    assert (study.reading.questions, found(study)) == ((), {"Ann": N, "Ben": N})


@pytest.mark.parametrize(
    ("columns", "is_asked"),
    [(("sharpness", "noise", "contrast"), True), (("tumor_grade", "margin"), True), (("Opacity_severity", "Edema_stage"), True),
     (("Ann", "Ben", "Cem"), False), (("reader_x", "reader_y"), False)],
)  # fmt: skip
def test_columns_that_hardly_agree_may_be_answers_to_different_questions(
    columns: tuple[str, ...], is_asked: bool, tmp_path: Path
) -> None:
    classes: tuple[object, ...] = ("low", "mid", "high", "top") if "noise" in columns else (1, 2, 3, 4)
    own = (lambda i: i % 4, lambda i: i // 4 % 4, lambda i: (i * 5 // 3) % 4)
    labels(tmp_path, ("image", *columns), lambda i: [classes[f(i)] for f in own[: len(columns)]])
    questions = load_dataset(tmp_path).reading.questions
    assert [q.kind for q in questions] == ["which column is the label"] * is_asked
    if is_asked:
        made = [study for _, study in answers(tmp_path, "which column is the label")]
        assert set(made[len(columns)].table.coders) == set(columns)
        assert [len(study.table.coders) for study in made[: len(columns)]] == [1] * len(columns)
        assert [set(study.table.classes) for study in made[len(columns) + 1 :]] == [set(columns)] * (classes[0] == 1)


@pytest.mark.parametrize(
    "head", [("image_file", "rater_initials", "species_label"), ("photo", "labeler name", "Observed Class"),
             ("frame", "created_by", "annotation_value"), ("img", "radiologist", "impression"), ("image_id", "rad_id", "class_name")],
)  # fmt: skip
def test_longer_names_of_a_person_and_a_label_are_read(head: tuple[str, ...], tmp_path: Path) -> None:
    write_csv(faces(tmp_path) / "t.csv", head, [(x, c, a(i)) for i, x in enumerate(FACES) for c in ("Ann", "Ben")])
    study = load_dataset(tmp_path)
    assert study.reading.questions == ()
    assert found(study) == {"Ann": N, "Ben": N}


def test_who_labelled_may_be_called_by_an_id_and_is_offered_with_labels_alone(tmp_path: Path) -> None:
    rows = [
        (x, 2 * i + k, who, a(i), "?" if i % 9 == 0 else "") for i, x in enumerate(FACES) for k, who in enumerate("XY")
    ]
    write_csv(faces(tmp_path) / "t.csv", ("image", "no", "shift_id", "reply", "note_2"), rows)
    ((flag, study),) = answers(tmp_path, "who labelled")
    assert flag == "--columns coder=shift_id,label=reply"
    assert found(study) == {"X": N, "Y": N}


def test_annotators_called_like_what_describes_an_image_are_asked_about(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "site1", "site2", "age"), lambda i: (a(i), b(i), 20 + i))
    *_, (flag, study) = answers(tmp_path, "which column is the label")
    assert flag == "--annotators site1,site2"
    assert found(study) == {"site1": N, "site2": N}


@pytest.mark.parametrize(
    "people", [("Doctor", "Nurse"), ("Juge", "Avocat"), ("Lector A", "Lector B"), ("site 1 reader", "site 2 reader")]
)
def test_columns_called_like_a_person_that_hold_labels_are_annotators(people: tuple[str, str], tmp_path: Path) -> None:
    labels(tmp_path / "n", ("image", *people), lambda i: [CLASSES.index(a(i) if i % k else b(i)) for k in (3, 4)])
    assert found(load_dataset(tmp_path / "n")) == dict.fromkeys(sorted(people), N)
    labels(tmp_path / "wide", ("image", *people), lambda i: (a(i), b(i)))
    study = load_dataset(tmp_path / "wide")
    assert study.reading.questions == ()
    assert found(study) == dict.fromkeys(sorted(people), N)
    labels(
        tmp_path / "long", ("image", people[0].split()[0], "owner", "label"), lambda i: ("PQ"[i % 2], "QP"[i % 2], a(i))
    )
    assert set(load_dataset(tmp_path / "long").table.classes) == set(CLASSES)
