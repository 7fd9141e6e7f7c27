"""What a dataset is understood to be: roles of columns, parts, missing labels, and the questions that are left."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Command, write_csv, write_image
from lab_faces import CLASSES, FACES, N, a, b, faces

from ltnet_core.datasets import Study, load_dataset
from ltnet_core.datasets.correction_flags import of_answer
from ltnet_core.errors import DatasetError


def table(*columns: str, **cells: Callable[[int], object]) -> Callable[[Path], None]:
    """A table of one row per image, with a function for each column's cells."""

    def make(at: Path) -> None:
        faces(at)
        titles = [c.replace("__", " ") for c in cells]
        write_csv(
            at / "labels.csv", ("image", *titles), [(x, *(f(i) for f in cells.values())) for i, x in enumerate(FACES)]
        )

    return make


def long(head: tuple[str, ...], *more: Callable[[int, str], object], said: Callable[[int, str], str] | None = None) -> Callable[[Path], None]:  # fmt: skip
    """A row per image and annotator."""

    def make(at: Path) -> None:
        faces(at)
        rows = []
        for i, x in enumerate(FACES):
            for coder, own in (("A", a), ("B", b)):
                rows.append((x, coder, said(i, coder) if said else own(i), *(m(i, coder) for m in more)))
        write_csv(at / "labels.csv", head, rows)

    return make


def folders(*paths: str) -> Callable[[Path], None]:
    """Images by class in folders: ``{}`` is the class."""

    def make(at: Path) -> None:
        for n in range(N):
            for path in paths:
                write_image(at / path.format(a(n)) / f"{n}-{path.count('/')}.png", n)

    return make


def two_files(one: str, other: str, cut: int = 18) -> Callable[[Path], None]:
    def make(at: Path) -> None:
        faces(at)
        rows = [(x, a(i)) for i, x in enumerate(FACES)]
        write_csv(at / one, ("image", "label"), rows[:cut])
        write_csv(at / other, ("image", "label"), rows[cut:])

    return make


def above(lines: str) -> Callable[[Path], None]:
    """A long table with lines above its header."""

    def make(at: Path) -> None:
        long(("image", "coder", "label"))(at)
        (at / "labels.csv").write_text(lines + (at / "labels.csv").read_text())

    return make


def as_text(separator: str) -> Callable[[Path], None]:
    """A long table in a text file."""

    def make(at: Path) -> None:
        long(("image", "coder", "label"))(at)
        (at / "labels.txt").write_text((at / "labels.csv").read_text().replace(",", separator))
        (at / "labels.csv").unlink()

    return make


def _marks_by_annotator(at: Path) -> None:
    rows = [
        (x, c, *(int(own(i) == k) for k in CLASSES)) for i, x in enumerate(FACES) for c, own in (("A", a), ("B", b))
    ]
    write_csv(faces(at) / "labels.csv", ("image", "rater", *CLASSES), rows)


# what → (maker, coders with their numbers, classes, images held out)
READ: dict[str, tuple[Callable[[Path], None], dict[str, int], int, int]] = {
    "a label and its confidence": (table(label=a, confidence=lambda i: i / 30), {"labels": N}, 4, 0),
    "a diagnosis and the patient": (table(dx=a, age=lambda i: 30 + i, sex=lambda i: "MF"[i % 2]), {"labels": N}, 4, 0),
    "codes and names of one label": (table(class_id=lambda i: CLASSES.index(a(i)), class_name=a), {"labels": N}, 4, 0),
    "two readers": (table(Reader1=a, Reader2=b, patient_id=lambda i: f"P{i // 2}"), {"Reader1": N, "Reader2": N}, 4, 0),
    "grades of readers": (table(R1=lambda i: i % 5, R2=lambda i: (i + i % 2) % 5), {"R1": N, "R2": N}, 5, 0),
    "grades with gaps": (table(R1=lambda i: i % 3, R2=lambda i: f"{i % 3}.0" if i % 4 else ""), {"R1": N, "R2": 18}, 3, 0),
    "readers and the truth": (table(Ann=a, Ben=b, true_label=a), {"Ann": N, "Ben": N}, 4, 0),
    "a split column beside readers": (table(Ann=a, Ben=b, split=lambda i: "train" if i < 18 else "val"), {"Ann": 18, "Ben": 18}, 4, 6),
    "votes with a split": (table(cat=lambda i: 7 - i % 3, dog=lambda i: 3 + i % 3, Usage=lambda i: "Training" if i < 18 else "PublicTest"), {"labels": 18}, 2, 6),
    "shares": (table(cat=lambda i: 0.7, dog=lambda i: 0.3), {"labels": N}, 2, 0),
    "percentages": (table(cat=lambda i: 62.5, dog=lambda i: 37.5), {"labels": N}, 2, 0),
    "a single 1": (table(**{c: (lambda i, c=c: int(a(i) == c)) for c in CLASSES}), {"labels": N}, 4, 0),
    "long with other names": (long(("imagename", "subj", "score")), {"A": N, "B": N}, 4, 0),
    "long with the truth": (long(("image", "worker", "answer", "gt"), lambda i, c: a(i)), {"A": N, "B": N}, 4, 0),
    "long with a split": (long(("image", "annotator", "label", "split"), lambda i, c: "test" if i % 4 == 0 else "train"), {"A": 18, "B": 18}, 4, 6),
    "one number in three spellings": (long(("image", "coder", "label"), said=lambda i, c: (f"{i % 2}", f"{i % 2}.0", f"0{i % 2}")[i % 3]), {"A": N, "B": N}, 2, 0),
    "None as often as the others": (long(("image", "coder", "label"), said=lambda i, c: ("None", "yes", "no")[i % 3]), {"A": N, "B": N}, 3, 0),
    "train and test tables": (two_files("train.csv", "test.csv"), {"train": 18}, 4, 6),
    "a form to be filled in": (two_files("train.csv", "sample_submission.csv"), {"train": 18}, 4, 0),
    "an annotator's table each": (lambda at: (two_files("ann.csv", "ben.csv", 12)(at)), {"ann": 12, "ben": 12}, 4, 0),
    "parts as folders": (folders("Training/{}", "PublicTest/{}"), {"data": N}, 4, N),
    "parts with other words around them": (folders("Train_Aligned_Faces/{}", "Val_Aligned_Faces/{}"), {"data": N}, 4, N),
    "sources with parts below images": (folders("RAF/images/train/{}", "RAF/images/val/{}", "FER/images/train/{}"), {"FER": N, "RAF": N}, 4, N),
    "persons below the classes": (folders("{}/subject0", "{}/subject1"), {"data": 2 * N}, 4, 0),
    "votes and how many there are": (table(cat=lambda i: 7 - i % 3, dog=lambda i: 3 + i % 2, owl=lambda i: i % 2, n_votes=lambda i: 10 - i % 3 + 2 * (i % 2)), {"labels": N}, 3, 0),
    "shares with a percent sign": (table(cat=lambda i: "62.5%", dog=lambda i: "37.5%"), {"labels": N}, 2, 0),
    "a 1 for the class by each annotator": (_marks_by_annotator, {"A": N, "B": N}, 4, 0),
    "rows that are gold and the answer that is": (long(("image", "_worker_id", "emotion", "_golden", "emotion_gold"), lambda i, c: str(i < 6).upper(), lambda i, c: a(i) if i < 6 else ""), {"A": N, "B": N}, 4, 0),
    "a reference standard beside readers": (table(Ann=a, Ben=b, reference_standard=a), {"Ann": N, "Ben": N}, 4, 0),
    "how sure each reader was": (table(Ann=lambda i: 1 + i % 5, Ann_conf=lambda i: 1 + i % 4, Ben=lambda i: 1 + i % 5, Ben_conf=lambda i: 1 + i % 3), {"Ann": N, "Ben": N}, 5, 0),
    "short names of parts": (table(label=a, set=lambda i: "tr" if i < 18 else "te"), {"labels": 18}, 4, 6),
    "columns in German": (long(("Bild", "Bewerter", "Klasse")), {"A": N, "B": N}, 4, 0),
    "columns in Chinese": (long(("图片", "标注者", "标签")), {"A": N, "B": N}, 4, 0),
    "comments above the header": (above("# of 2024, by us\n# v2\n"), {"A": N, "B": N}, 4, 0),
    "a title above the header": (above("Study of faces\n\n"), {"A": N, "B": N}, 4, 0),
    "a table in a text file": (as_text("\t"), {"A": N, "B": N}, 4, 0),
    "a table with blanks": (as_text("   "), {"A": N, "B": N}, 4, 0),
    "a label by its last word": (table(Finding_Labels=a, follow_up=lambda i: i % 3), {"labels": N}, 4, 0),
}  # fmt: skip


@pytest.mark.parametrize("what", READ)
def test_it_is_read_without_asking(what: str, tmp_path: Path) -> None:
    make, coders, classes, held_out = READ[what]
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder)
    study = load_dataset(folder)
    found = dict(zip(study.table.coders, study.table.annotations_per_coder().tolist(), strict=True))
    assert found == coders or (
        len(coders) == 1 and list(found.values()) == list(coders.values())
    )  # whatever it is called
    assert len(study.table.classes) == classes
    assert int(study.is_test.sum()) == held_out
    assert study.reading.questions == ()
    assert study.errors() == []
    for t in study.reading.tables:
        assert set(t.columns.values()) <= {"image", "label", "coder", "count", "split", "truth", "confidence", "annotator", "votes", "ignored"}  # fmt: skip


# what → (maker, kind of the question, what it is about)
ASKED: dict[str, tuple[Callable[[Path], None], str, set[str]]] = {
    "where an image comes from": (table(emotion=a, source=lambda i: ("RAF", "FER")[i % 2]), "source column", {"source"}),
    "readers who say yes or no": (table(Ann=lambda i: int(i % 3 == 0), Ben=lambda i: int(i % 2 == 0)), "annotators or classes", {"Ann", "Ben"}),
    "a column that shares no class": (table(Ann=a, Ben=b, weather=lambda i: ("sun", "rain")[i % 2]), "column that shares no class", {"weather"}),
    "two columns of labels": (table(label=a, second=b), "columns of the same classes", {"label", "second"}),
    "a truth beside a response": (long(("image", "worker", "response", "category"), lambda i, c: a(i)), "truth beside a response", {"response", "category"}),
    "an answer that is not called so": (long(("image", "worker", "foo", "bar"), lambda i, c: b(i + ord(c))), "which column is the label", {"foo", "bar"}),
    "a split of numbers": (long(("image", "worker", "label", "split"), lambda i, c: i % 2), "split values", {"split"}),
    "several labels in a cell": (long(("image", "coder", "label"), said=lambda i, c: a(i) + (";sad" if i % 4 == 1 else "")), "several labels in one cell", set()),
    "rare words for no label": (long(("image", "coder", "label"), said=lambda i, c: "skip" if i == 3 else a(i)), "missing values", {"skip"}),
    "-1, 0 and 1": (table(R1=lambda i: i % 3 - 1, R2=lambda i: (i + i // 4) % 3 - 1), "missing values", {"-1"}),
    "capital letters": (long(("image", "coder", "label"), said=lambda i, c: a(i).upper() if i % 2 else a(i)), "classes that differ by spelling", set()),
    "numbers and names": (long(("image", "coder", "label"), said=lambda i, c: a(i) if c == "A" else str(CLASSES.index(a(i)))), "numbers and names", {"A", "B"}),
    "coders of other classes": (long(("image", "coder", "label"), said=lambda i, c: a(i) if c == "A" else ("red", "blue")[i % 2]), "coder that shares no class", {"A", "B"}),
    "one name in two folders": (lambda at: write_csv(faces(faces(at, folder="images/A"), folder="images/B") / "annotations.csv", ("image", "coder", "label"), [(x, "A", a(i)) for i, x in enumerate(FACES)]), "ambiguous image name", set()),
}  # fmt: skip


def _one_based(at: Path) -> None:
    long(("image", "coder", "label"), said=lambda i, c: str(1 + i % 3))(at)
    write_csv(at / "classes.csv", ("class",), [(c,) for c in CLASSES])


def _folders_and_table(at: Path) -> None:
    folders("{}")(at)
    rows = [(f"{a(n)}/{n}-0.png", b(n)) for n in range(N)]
    write_csv(at / "labels.csv", ("path", "label"), rows)


def _capitals_in_test(at: Path) -> None:
    folders("train/{}")(at)
    for n, name in enumerate(FACES):
        write_image(at / "test" / b(n).capitalize() / name, 100 + n)


def _folds(at: Path) -> None:
    for n in range(N):
        write_image(at / f"fold{1 + n % 2}" / a(n) / f"{n}.png", n)


def _beside(file: str) -> Callable[[Path], None]:
    def make(at: Path) -> None:
        long(("image", "coder", "label"))(at)
        write_csv(at / file, ("image", "label"), [(x, a(i)) for i, x in enumerate(FACES[:12])])

    return make


def _two_questions(at: Path) -> None:
    rows = [(x, c, q, said) for i, x in enumerate(faces(at) and FACES) for c in "AB" for q, said in (("mood", a(i)), ("blur", "ny"[i % 2]))]  # fmt: skip
    write_csv(at / "labels.csv", ("image", "worker", "question", "answer"), rows)


ASKED |= {
    "folders called public and private": (
        folders("public/{}", "private/{}"),
        "coder called like a part",
        {"public", "private"},
    ),
    "a folder called test beside a source": (folders("RAF/{}", "test/{}"), "coder called like a part", {"test"}),
    "readers who count from 0 and from 1": (
        table(Ann=lambda i: i % 4, Ben=lambda i: 1 + i % 4),
        "base of class numbers",
        {"Ann", "Ben"},
    ),
    "a column that says is_test": (
        long(("image", "worker", "label", "is_test"), lambda i, c: int(i > 17)),
        "split values",
        {"is_test"},
    ),
    "folders called fold1 and fold2": (_folds, "numbered folders", {"fold1", "fold2"}),
    "classes in capitals in the test folder": (_capitals_in_test, "classes that differ by spelling", set()),
    "a crowd and its consensus": (_beside("consensus.csv"), "table of agreed labels", {"consensus.csv"}),
    "a crowd and labels called test": (_beside("test_labels.csv"), "coder called like a part", {"test_labels"}),
    "two questions in a column": (_two_questions, "several questions", {"question"}),
    "columns by person and question": (
        table(
            Ann_grade=lambda i: i % 4,
            Ann_blur=lambda i: i // 2 % 4,
            Ben_grade=lambda i: i // 3 % 4,
            Ben_blur=lambda i: i % 4,
        ),
        "annotators and questions",
        {"Ann_grade", "Ben_blur"},
    ),
    "nobody is called a coder": (
        long(("image", "who", "label", "desk"), lambda i, c: "XY"[c == "A"]),
        "who labelled",
        {"who", "desk", "label"},
    ),
    "a mark beside a 1 for the emotion": (
        table(
            angry=lambda i: int(i % 3 == 0),
            happy=lambda i: int(i % 3 == 1),
            sad=lambda i: int(i % 3 == 2),
            flash=lambda i: i % 2,
        ),
        "annotators or classes",
        {"angry", "flash"},
    ),
    "numbers that compete": (
        table(finch=lambda i: (4, 1, 0)[i % 3], owl=lambda i: (0, 5, 1)[i % 3], wren=lambda i: (1, 0, 6)[i % 3]),
        "annotators or classes",
        {"finch", "owl", "wren"},
    ),
    "numbers from 0 or from 1": (_one_based, "base of class numbers", set()),
    "folders and a table": (_folders_and_table, "folders and table disagree", set()),
}


for what, said in (
    ("labels with a word between", lambda i, c: a(i) + (" and sad" if a(i) == "happy" and i % 2 else "")),
    ("labels with a blank between", lambda i, c: a(i) + (" sad" if a(i) == "happy" and i % 2 else "")),
):
    ASKED[what] = (long(("image", "coder", "label"), said=said), "several labels in one cell", set())
for what, said in (
    ("an answer that is none, as often as the others", lambda i, c: "unknown" if i % 5 == 3 else a(i)),
    ("a code far from the others", lambda i, c: "99" if i % 3 == 0 else str(1 + i % 5)),
):
    ASKED[what] = (long(("image", "coder", "label"), said=said), "missing values", set())


def answered(at: Path, flag: str) -> Study:
    format, corrections = of_answer(flag)
    return load_dataset(at, format, corrections)


@pytest.mark.parametrize("what", ASKED)
def test_it_asks_and_every_answer_settles_it(what: str, tmp_path: Path) -> None:
    make, kind, about = ASKED[what]
    make(tmp_path)
    study = load_dataset(tmp_path)
    (question,) = [q for q in study.reading.questions if q.kind == kind]
    assert about <= set(question.about)
    with pytest.raises(DatasetError) as e:
        study.require_sound()
    assert question.answers[0].flag in str(e.value)
    assert len(question.answers) > 1
    for answer in question.answers:
        after = answered(tmp_path, answer.flag)
        assert (question.kind, question.about) not in {(q.kind, q.about) for q in after.reading.questions}, answer


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no header": (lambda at: (faces(at) / "labels.csv").write_text("".join(f"{x},A,{a(i)}\n" for i, x in enumerate(FACES))), "there is no header"),
    "no header and no endings": (lambda at: (faces(at) / "labels.csv").write_text("".join(f"{x[:-4]},A,{a(i)}\n" for i, x in enumerate(FACES))), "there is no header"),
    "people and no labels": (table(age=lambda i: i, sex=lambda i: "MF"[i % 2]), "labels.csv has no column of labels: 'age', 'sex' are none; its columns are 'image', 'age', 'sex'"),
    "masks": (lambda at: (faces(at), faces(at, folder="masks")), "hold images and their masks"),
    "subjects and sequences": (lambda at: [faces(at, FACES[:2], f"S{s:03d}/{q:03d}") for s in range(3) for q in range(3)], "are subjects and sequences"),
    "all is test": (long(("image", "annotator", "label", "split"), lambda i, c: "test"), "every label belongs to a test part"),
    "lists of labels of nobody": (lambda at: (faces(at) / "answers.json").write_text(json.dumps({x: [a(i), b(i)] for i, x in enumerate(FACES)})), "gives lists of labels and does not say whose they are"),
    "files of another kind": (lambda at: (at / "notes.md").write_text("x"), "(notes.md), and no table of labels. Add a table"),
    "a list with a header": (lambda at: (faces(at) / "meta.txt").write_text("Shot Rank\n/images/f000.png 0\n"), "meta.txt has a header (Shot Rank) and blanks between its cells"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_says_what_is_there_and_what_to_do(what: str, tmp_path: Path) -> None:
    make, message = REFUSED[what]
    make(tmp_path)
    with pytest.raises(DatasetError) as e:
        load_dataset(tmp_path)
    assert message in str(e.value)


def test_a_column_that_says_one_thing_nobody_else_says_is_left_out_and_named(tmp_path: Path) -> None:
    table(Ann=a, Ben=b, place_name=lambda i: "Berlin")(tmp_path)
    study = load_dataset(tmp_path)
    assert study.table.coders == ("Ann", "Ben")
    (left,) = [p for p in study.problems if p.kind == "column left out"]
    assert left.examples == ("labels.csv: 'place_name' is no annotator's.",)


def test_one_person_in_two_spellings_is_one_coder_or_named(tmp_path: Path) -> None:
    spelled = {"A": ("J\u00f6rg", "Jo\u0308rg"), "B": ("Eva", "eva")}
    long(("image", "coder", "label"))(tmp_path)
    rows = [(x, spelled[c][i % 2], own(i)) for i, x in enumerate(FACES) for c, own in (("A", a), ("B", b))]
    write_csv(tmp_path / "labels.csv", ("image", "coder", "label"), rows)
    study = load_dataset(tmp_path)
    assert study.table.coders == ("Eva", "J\u00f6rg", "eva")
    (named,) = [p for p in study.problems if p.kind == "similar coder names"]
    assert named.examples == ("coders 'Eva', 'eva' may be one person in another spelling.",)
    numbers = [(x, (f"{c}", f"{c}.0")[i % 2], own(i)) for i, x in enumerate(FACES) for c, own in ((1, a), (2, b))]
    write_csv(tmp_path / "labels.csv", ("image", "coder", "label"), numbers)
    assert load_dataset(tmp_path).table.coders == ("1", "2")


def test_dropped_values_are_counted(tmp_path: Path) -> None:
    table(R1=lambda i: i % 4 if i % 5 else -1, R2=lambda i: i % 4 if i % 6 else "nan")(tmp_path)
    study = load_dataset(tmp_path)
    assert study.reading.missing == {"-1": 5, "nan": 4}
    assert study.table.annotations_per_coder().tolist() == [19, 20]


def test_test_parts_are_never_learned_from_and_their_plurality_is_their_truth(tmp_path: Path) -> None:
    long(("image", "annotator", "label", "split"), lambda i, c: "dev" if i < 6 else "train", said=lambda i, c: a(i))(
        tmp_path
    )
    study = load_dataset(tmp_path)
    held = [str(i) for i in study.table.items[study.is_test]]
    assert held == [f"images/{x}" for x in FACES[:6]]
    assert [study.table.classes[k] for k in study.truth[study.is_test]] == [a(i) for i in range(6)]
    assert not set(held) & set(study.training_table().to_frame()["image"])
    assert study.test_sets == ["dev"]


def test_images_in_test_folders_are_held_out_though_the_table_says_nothing(tmp_path: Path) -> None:
    faces(tmp_path, FACES[:18], "train")
    faces(tmp_path, FACES[18:], "val")
    write_csv(tmp_path / "labels.csv", ("image", "coder", "label"), [(x, "A", a(i)) for i, x in enumerate(FACES)])
    study = load_dataset(tmp_path)
    assert int(study.is_test.sum()) == 6 and study.table.annotations_per_coder().tolist() == [18]
    assert study.reading.splits == {"train": "train", "val": "test"}


def test_a_spreadsheets_separator_line_is_no_header(tmp_path: Path) -> None:
    faces(tmp_path)
    rows = "".join(f"{x};A;{a(i)}\r\n" for i, x in enumerate(FACES)) + "x;y\r\n"
    (tmp_path / "labels.csv").write_text("sep=;\r\nimage;coder;label\r\n" + rows, newline="")
    study = load_dataset(tmp_path)
    assert len(study.table) == N
    assert study.errors()[0].examples[0].startswith(f"labels.csv, row {N + 3}: has 2 cells, the header 3")


def test_a_table_of_images_may_be_called_classes(tmp_path: Path, ltnet: Command) -> None:
    for n in range(6):
        write_image(tmp_path / "images" / f"{n}.png", 30 * n)
    rows = [(f"{n}.png", *(int(n % 3 == k) for k in range(3))) for n in range(6)]
    write_csv(tmp_path / "classes.csv", ("filename", "cat", "dog", "bird"), rows)
    told = json.loads(ltnet("inspect", tmp_path, "--json").stdout)
    assert sorted(told["classes"]) == ["bird", "cat", "dog"]
    assert told["items"] == 6
