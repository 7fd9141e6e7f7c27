"""Tables as laboratories keep them: what a careful person reads in them is read, asked about or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Command, refusal, write_csv, write_image
from openpyxl import Workbook

from ltnet_core.datasets import Study, load_dataset
from ltnet_core.datasets.correction_flags import of_answer
from ltnet_core.datasets.corrections import parse
from ltnet_core.datasets.questions import Question

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


def question(study: Study, kind: str) -> Question:
    (asked,) = [q for q in study.reading.questions if q.kind == kind]
    return asked


def answers(at: Path, kind: str) -> list[tuple[str, Study]]:
    """The answers to the only question of a kind, and what each makes of the dataset: it is settled."""
    out = []
    for answer in question(load_dataset(at), kind).answers:
        study = load_dataset(at, *of_answer(answer.flag))
        assert kind not in {q.kind for q in study.reading.questions}, answer.flag
        out.append((answer.flag, study))
    return out


LONG = ("image", "coder", "label")


def long_table(at: Path, said: Callable[[int, str], str], coders: str | Sequence[str] = "AB") -> Path:
    """Faces with a table of one row per annotation."""
    write_csv(faces(at) / "labels.csv", LONG, [(x, c, said(i, c)) for i, x in enumerate(FACES) for c in coders])
    return at


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


@pytest.mark.parametrize(
    "files", [("labels_v1", "labels_v2"), ("labels", "labels_old"), ("labels (1)", "labels"), ("round1", "round2")]
)
def test_versions_of_a_table_are_asked_about(files: tuple[str, str], tmp_path: Path, ltnet: Command) -> None:
    for file, said in zip(files, (a, b), strict=True):
        labels(tmp_path, ("image", "label"), lambda i, said=said: (said(i),), f"{file}.csv")  # type: ignore[misc]
    for (_, study), coders in zip(answers(tmp_path, "versions of a table"), [files[:1], files[1:], files], strict=True):
        assert found(study) == dict.fromkeys(coders, N)
    refused = ltnet("aggregate", tmp_path, "--method", "majority", "--out", tmp_path / "out.csv")
    assert refused.returncode == 2
    assert "are called like versions or rounds of one table" in refused.stderr


def test_an_answer_that_names_one_coder_leaves_out_those_of_other_files(tmp_path: Path) -> None:
    for file, said in (("ann.csv", a), ("ben.csv", lambda i: b(i)[0].upper())):
        labels(tmp_path, ("image", "label"), lambda i, said=said: (said(i),), file)  # type: ignore[misc]
    both, *alone = answers(tmp_path, "coder that shares no class")
    assert found(both[1]) == {"ann": N, "ben": N}
    assert [found(s) for _, s in alone] == [{"ann": N}, {"ben": N}]


def test_numbers_beside_names_may_be_no_labels(tmp_path: Path) -> None:
    for file, said in (("ann.csv", a), ("ben.csv", b)):
        labels(tmp_path, ("image", "label"), lambda i, said=said: (said(i),), file)  # type: ignore[misc]
    labels(tmp_path, ("image", "overlap"), lambda i: (1 + (a(i) == b(i)),), "summary.csv")
    *_, (_, without) = answers(tmp_path, "numbers and names")
    assert found(without) == {"ann": N, "ben": N}
    assert without.table.classes == CLASSES


# ---- votes, shares and what stands beside them


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


def test_a_column_of_one_number_among_votes_is_no_class(tmp_path: Path) -> None:
    marks = lambda i: (*(int(a(i) == k) for k in CLASSES), 2)  # noqa: E731
    labels(tmp_path, ("image", *CLASSES, "form"), marks)
    study = load_dataset(tmp_path)
    assert study.table.classes == CLASSES
    assert study.reading.questions == ()


def test_a_count_alone_is_no_label(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "votes"), lambda i: (1 + i % 4,))
    assert "labels.csv has no column of labels: 'votes' are none" in refusal(tmp_path)


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


@pytest.mark.parametrize("folder", ["todo", "unsorted", "junk", "no face"])
def test_folders_of_images_that_nobody_sorted_are_asked_about(folder: str, tmp_path: Path) -> None:
    for n in range(N):
        write_image(tmp_path / (folder if n in (3, 7) else a(n)) / FACES[n], n)
    (_, out), (_, own) = answers(tmp_path, "missing values")
    assert out.table.classes == CLASSES
    assert list(found(out).values()) == [N - 2]
    assert len(own.table.classes) == 5


# ---- folders


@pytest.mark.parametrize("path", ["{who}/{kind}/{image}", "{kind}/{who}/{image}", "train/{who}/{kind}/{image}"])
@pytest.mark.parametrize("classes", [CLASSES, ("cat", "dog", "emu", "fox")])
def test_folders_of_annotators_above_and_below_the_classes(path: str, classes: Sequence[str], tmp_path: Path) -> None:
    for n, image in enumerate(FACES):
        for who, said in (("ann", a), ("ben", b)):
            kind = classes[CLASSES.index(said(n))]
            write_image(tmp_path / path.format(who=who, kind=kind, image=image), n)
        write_image(tmp_path / "test" / "ann" / classes[n % 4] / f"t{n}.png", 100 + n)
    if not path.startswith("train/"):
        shutil.rmtree(tmp_path / "test")
    study = load_dataset(tmp_path)
    assert found(study) == {"ann": N, "ben": N}
    assert study.table.classes == tuple(classes)
    assert int(study.is_test.sum()) == (N if path.startswith("train/") else 0)


# ---- tables beside others, and tables that cannot be read


def test_a_legend_of_codes_is_no_coder_and_offers_its_names(tmp_path: Path, ltnet: Command) -> None:
    order = ("sad", "happy", "angry", "neutral")  # not the alphabet's
    long_table(tmp_path, lambda i, c: str(1 + order.index(a(i) if c == "A" else b(i))))
    write_csv(tmp_path / "codebook.csv", ("id", "label"), list(enumerate(order, 1)))
    report = inspected(ltnet, tmp_path)
    assert list(report["coders"]) == ["A", "B"]
    assert [p["kind"] for p in report["problems"]] == []
    (_, named), (_, codes) = answers(tmp_path, "codes and their legend")
    assert named.table.classes == CLASSES
    at = dict(zip(named.table.classes, named.table.class_counts()[0].tolist(), strict=True))
    assert at == {k: [a(i) for i in range(N)].count(k) for k in CLASSES}
    assert codes.table.classes == ("1", "2", "3", "4")


def test_a_small_table_of_labels_is_no_legend(tmp_path: Path) -> None:
    for file in ("ann.csv", "ben.csv"):
        for n, image in enumerate(FACES[:4]):
            write_image(tmp_path / "images" / image, n)
        write_csv(tmp_path / file, ("image", "label"), list(zip(FACES, CLASSES, strict=False)))
    assert found(load_dataset(tmp_path)) == {"ann": 4, "ben": 4}


def by_class(at: Path) -> Path:
    for n, image in enumerate(FACES):
        write_image(at / a(n) / image, n)
    return at


def _two_sheets(at: Path) -> None:
    book = Workbook()
    for sheet, said in ((book.active, a), (book.create_sheet("Ben"), b)):
        for row in [("image", "label"), *((x, said(i)) for i, x in enumerate(FACES))]:
            sheet.append(row)
    book.save(at / "labels.xlsx")


def test_folders_beside_a_table_that_is_not_read_are_asked_about(tmp_path: Path) -> None:
    rows = [(i, a(i), b(i)) for i in range(N)]
    write_csv(by_class(tmp_path / "frames") / "raters.csv", ("frame", "rater1", "rater2"), rows)
    _two_sheets(by_class(tmp_path / "sheets"))
    for folder, why in (
        ("frames", "it has no column of image names"),
        ("sheets", "the workbook has 2 sheets with rows"),
    ):
        asked = question(load_dataset(tmp_path / folder), "table beside folders")
        assert why in asked.sentence
        ((_, study),) = answers(tmp_path / folder, "table beside folders")
        assert list(found(study).values()) == [N]
    counts = by_class(tmp_path / "counts")
    write_csv(counts / "class_counts.csv", ("class", "count"), [(k, 6) for k in CLASSES])
    (counts / "~$labels.xlsx").write_bytes(b"\x05Ann")  # Excel's mark that the table is open
    assert load_dataset(counts).reading.questions == ()


def test_a_table_that_is_not_read_beside_one_that_is_read_is_named(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "label"), lambda i: (a(i),), "ann.csv")
    _two_sheets(tmp_path)
    (left,) = [p for p in load_dataset(tmp_path).problems if p.kind == "table left out"]
    assert left.level == "warning"
    assert "labels.xlsx: is not read: the workbook has 2 sheets with rows" in left.examples[0]
    assert "save the one with the labels, or each annotator's, as CSV" in left.examples[0]


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


def test_json_by_annotator_and_lines_with_records_in_them(tmp_path: Path) -> None:
    by_person = {who: {x: said(i) for i, x in enumerate(FACES)} for who, said in (("Ann", a), ("Ben", b))}
    (faces(tmp_path / "people") / "labels.json").write_text(json.dumps(by_person))
    records = [{"image": x, "annotations": [{"annotator": w, "label": by_person[w][x]} for w in by_person]} for x in FACES]  # fmt: skip
    answers_of = [{"image": x, "labels": {w: by_person[w][x] for w in by_person}} for x in FACES]
    for folder, lines in (("records", records), ("answers", answers_of)):
        (faces(tmp_path / folder) / "labels.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    for folder in ("people", "records", "answers"):
        study = load_dataset(tmp_path / folder)
        assert found(study) == {"Ann": N, "Ben": N}
        assert study.table.classes == CLASSES
        assert study.reading.questions == ()
    (tmp_path / "alone").mkdir()
    shutil.copy(tmp_path / "people" / "labels.json", tmp_path / "alone")
    assert found(load_dataset(tmp_path / "alone")) == {"Ann": N, "Ben": N}


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


# ---- parts


def part(i: int) -> str:
    return "test" if i % 4 == 0 else "train"


def _lists(at: Path, folder: str = "", write: Callable[[int], str] = lambda i: FACES[i]) -> None:
    (at / folder).mkdir(exist_ok=True)
    for name in ("train", "test"):
        (at / folder / f"{name}.txt").write_text("".join(f"{write(i)}\n" for i in range(N) if part(i) == name))


LISTS: dict[str, Callable[[Path], object]] = {
    "a table of parts": lambda at: write_csv(at / "splits.csv", ("image", "split"), [(x, part(i)) for i, x in enumerate(FACES)]),
    "lists of images": _lists,
    "lists in a folder, without endings": lambda at: _lists(at, "meta", lambda i: FACES[i][:-4]),
    "a list of test images": lambda at: write_csv(at / "test.csv", ("image",), [(x,) for i, x in enumerate(FACES) if part(i) == "test"]),
}  # fmt: skip


@pytest.mark.parametrize("how", LISTS)
def test_a_list_of_test_images_is_never_trained_on(how: str, tmp_path: Path, ltnet: Command) -> None:
    long_table(tmp_path / "table", lambda i, c: a(i))
    by_class(tmp_path / "folders")
    for folder, coders in (("table", ["A", "B"]), ("folders", ["folders"])):
        LISTS[how](tmp_path / folder)
        report = inspected(ltnet, tmp_path / folder)
        assert report["test_items"] == N // 4
        assert {c: of["annotations"] for c, of in report["coders"].items()} == dict.fromkeys(coders, N - N // 4)
        assert report["questions"] == []
        study = load_dataset(tmp_path / folder)
        assert int((study.truth[study.is_test] >= 0).sum()) == N // 4
    ignored = (
        "splits.csv" if how == "a table of parts" else "test.csv" if "a list" in how else "meta,test.txt,train.txt"
    )
    names = [n for n in ignored.split(",") if (tmp_path / "table" / n).exists()]
    assert inspected(ltnet, tmp_path / "table", "--ignore", ",".join(names))["test_items"] == 0


def test_a_list_of_other_things_is_no_part(tmp_path: Path) -> None:
    long_table(tmp_path, lambda i, c: a(i))
    (tmp_path / "test.txt").write_text("we tested this on the\nfaces of the study\n")
    (tmp_path / "test_results.csv").write_text("image,score\n" + "".join(f"{x},{i}\n" for i, x in enumerate(FACES[:4])))
    assert int(load_dataset(tmp_path).is_test.sum()) == 0


def test_columns_that_say_the_part_are_no_classes(tmp_path: Path) -> None:
    labels(tmp_path, ("image", "label", "is_train", "is_test"), lambda i: (a(i), int(i % 4 > 0), int(i % 4 == 0)))
    study = load_dataset(tmp_path)
    assert study.table.classes == CLASSES
    assert question(study, "split values").about == ("is_train",)


# ---- how programs and people write


def test_ones_and_minus_ones_are_asked_about(tmp_path: Path) -> None:
    signs = lambda i: tuple(1 if (i * k) % 5 < 2 else -1 for k in (1, 2, 3))  # noqa: E731
    labels(tmp_path / "several", ("image_id", "Smiling", "Young", "Hat"), signs)
    (_, people), (_, classes) = answers(tmp_path / "several", "annotators or classes")
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
    long_table(tmp_path, lambda i, c: none if i % 8 == 3 else a(i))
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


def test_a_table_in_each_annotators_folder_is_no_version(tmp_path: Path) -> None:
    faces(tmp_path)
    for who, said in (("ann", a), ("ben", b)):
        (tmp_path / who).mkdir()
        write_csv(tmp_path / who / "labels.csv", ("image", "label"), [(x, said(i)) for i, x in enumerate(FACES)])
    study = load_dataset(tmp_path)
    assert found(study) == {"ann": N, "ben": N}
    assert study.reading.questions == ()


@pytest.mark.parametrize("codes", [(3, 0, 2, 1), (10, 20, 30, 40), ("An", "Ha", "Ne", "Sa")])
def test_labels_that_are_codes_of_the_list_of_classes_are_its_classes(codes: Sequence[object], tmp_path: Path) -> None:
    code = dict(zip(CLASSES, codes, strict=True))
    long_table(tmp_path, lambda i, c: str(code[a(i)]))
    write_csv(tmp_path / "classes.csv", ("class", "code"), list(code.items()))
    study = load_dataset(tmp_path)
    assert study.table.classes == CLASSES
    assert study.table.class_counts()[0].tolist() == [[a(i) for i in range(N)].count(k) for k in CLASSES]
    assert study.errors() == []


def test_a_yes_for_the_class_and_nothing_for_the_others(tmp_path: Path) -> None:
    labels(tmp_path, ("image", *CLASSES), lambda i: ["yes" if a(i) == k else "" for k in CLASSES])
    study = load_dataset(tmp_path)
    assert study.table.classes == CLASSES
    assert list(found(study).values()) == [N]


# ---- columns beside the annotators'


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


@pytest.mark.parametrize("files", [("batch1", "batch2"), ("labels_part_1", "labels_part_2"), ("labels_old", "labels")])
def test_tables_called_like_pieces_of_one_are_asked_about(files: tuple[str, str], tmp_path: Path) -> None:
    faces(tmp_path)
    for n, file in enumerate(files):
        rows = [(x, a(i)) for i, x in enumerate(FACES) if i % 2 == n]
        write_csv(tmp_path / f"{file}.csv", ("image", "label"), rows)
    (_, one), (_, each) = answers(tmp_path, "pieces of a table")
    assert list(found(one).values()) == [N]
    assert found(each) == dict.fromkeys(files, N // 2)
