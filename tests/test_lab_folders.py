"""Folders with several tables, lists and folders of annotators, as laboratories keep them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import Command, refusal, write_csv, write_image
from lab_faces import (
    CLASSES,
    FACES,
    N,
    a,
    answers,
    b,
    by_class,
    faces,
    found,
    inspected,
    labels,
    long_table,
    question,
)
from openpyxl import Workbook

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.corrections import parse
from ltnet_core.errors import DatasetError


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


@pytest.mark.parametrize("folder", ["todo", "unsorted", "junk", "no face"])
def test_folders_of_images_that_nobody_sorted_are_asked_about(folder: str, tmp_path: Path) -> None:
    for n in range(N):
        write_image(tmp_path / (folder if n in (3, 7) else a(n)) / FACES[n], n)
    (_, out), (_, own) = answers(tmp_path, "missing values")
    assert out.table.classes == CLASSES
    assert list(found(out).values()) == [N - 2]
    assert len(own.table.classes) == 5


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


def test_a_table_of_parts_that_are_numbers_offers_no_way_to_hold_out_all_images(tmp_path: Path) -> None:
    rows = [(x, 0 if i < 12 else 1 + i % 2) for i, x in enumerate(FACES)]
    write_csv(by_class(tmp_path) / "list_eval_partition.csv", ("image_id", "partition"), rows)
    ways = answers(tmp_path, "split values")
    assert [int(study.is_test.sum()) for _, study in ways] == [12, 18, 18, 0, 0]


@pytest.mark.parametrize("name", ["list_eval_partition.txt", "lists/train_test_split.txt"])
def test_a_list_that_may_say_the_parts_and_is_not_read_is_named(name: str, tmp_path: Path) -> None:
    by_class(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("".join(f"{x} {i % 3 // 2}\n" for i, x in enumerate(FACES)))
    (told,) = [p for p in load_dataset(tmp_path).problems if p.kind == "split not read"]
    assert told.examples[0].startswith(f"{name}: may say which images are test images")


@pytest.mark.parametrize("codes", [(3, 1, 0, 2), (1, 2, 3, 4), None])
def test_numbers_of_folders_and_lists_are_those_of_the_list_of_classes(
    codes: tuple[int, ...] | None, tmp_path: Path
) -> None:
    code = dict(zip(CLASSES, codes or range(4), strict=True))
    for i, x in enumerate(FACES):
        write_image(tmp_path / "folders" / str(code[a(i)]) / x, i)
    (faces(tmp_path / "list") / "list.txt").write_text("".join(f"{x} {code[a(i)]}\n" for i, x in enumerate(FACES)))
    for at in ("folders", "list"):
        head, rows = (("class", "code"), list(code.items())) if codes else (("class",), [(c,) for c in CLASSES])
        write_csv(tmp_path / at / "classes.csv", head, rows)
        study = load_dataset(tmp_path / at)
        said = study.table.to_frame().set_index("image")["label"]
        assert {i.rsplit("/", 1)[-1]: label for i, label in said.items()} == {x: a(i) for i, x in enumerate(FACES)}
    left = load_dataset(tmp_path / "list", corrections=parse(missing=["sad"])).table.to_frame()["label"]
    assert set(left) == set(CLASSES[:3])


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


def test_a_table_in_each_annotators_folder_is_no_version(tmp_path: Path) -> None:
    faces(tmp_path)
    for who, said in (("ann", a), ("ben", b)):
        (tmp_path / who).mkdir()
        write_csv(tmp_path / who / "labels.csv", ("image", "label"), [(x, said(i)) for i, x in enumerate(FACES)])
    study = load_dataset(tmp_path)
    assert found(study) == {"ann": N, "ben": N}
    assert study.reading.questions == ()


@pytest.mark.parametrize("files", [("batch1", "batch2"), ("labels_part_1", "labels_part_2"), ("labels_old", "labels")])
def test_tables_called_like_pieces_of_one_are_asked_about(files: tuple[str, str], tmp_path: Path) -> None:
    faces(tmp_path)
    for n, file in enumerate(files):
        rows = [(x, a(i)) for i, x in enumerate(FACES) if i % 2 == n]
        write_csv(tmp_path / f"{file}.csv", ("image", "label"), rows)
    (_, one), (_, each) = answers(tmp_path, "pieces of a table")
    assert list(found(one).values()) == [N]
    assert found(each) == dict.fromkeys(files, N // 2)


def test_a_table_of_labels_beside_annotations_csv_is_asked_about(tmp_path: Path) -> None:
    rows = [(x, c, a(i)) for i, x in enumerate(FACES) for c in "AB"]
    write_csv(faces(tmp_path) / "annotations.csv", ("image", "coder", "label"), rows)
    write_csv(
        tmp_path / "weather.csv", ("image", "weather"), [(x, ("sun", "rain")[i % 2]) for i, x in enumerate(FACES)]
    )
    assert load_dataset(tmp_path).reading.questions == ()
    write_csv(tmp_path / "mine.csv", ("image", "label"), [(x, b(i)) for i, x in enumerate(FACES)])
    assert question(load_dataset(tmp_path), "tables beside annotations.csv").about == ("mine.csv",)
    ((_, alone),) = answers(tmp_path, "tables beside annotations.csv")
    assert found(alone) == {"A": N, "B": N}
    (tmp_path / "weather.csv").unlink()
    (tmp_path / "annotations.csv").rename(tmp_path / "labels.csv")
    assert found(load_dataset(tmp_path)) == {"A": N, "B": N, "mine": N}


OTHER_THINGS = {
    "weather": ("weather",), "two of them": ("weather", "season"), "quality": ("quality",), "owner": ("owner", "breed")
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER_THINGS)
def test_a_table_of_other_things_beside_folders_of_classes_is_asked_about(
    what: str, tmp_path: Path, ltnet: Command
) -> None:
    columns = OTHER_THINGS[what]
    rows = [(x, *(("u", "v", "w")[(i + k) % (2 + k)] + c for k, c in enumerate(columns))) for i, x in enumerate(FACES)]
    write_csv(by_class(tmp_path) / "info.csv", ("image", *columns), rows)
    asked = inspected(ltnet, tmp_path)["questions"][0]
    assert asked["kind"] == "folders and table disagree"
    (own,) = [a["flag"] for a in asked["answers"] if a["meaning"].startswith("the folders")]
    report = inspected(ltnet, tmp_path, *own.split())
    assert report["questions"] == []
    assert report["classes"] == list(CLASSES)


def test_folds_and_tables_of_other_images_are_no_labels_beside_folders(tmp_path: Path) -> None:
    write_csv(by_class(tmp_path / "fold") / "folds.csv", ("image", "fold"), [(x, i % 3) for i, x in enumerate(FACES)])
    study = load_dataset(tmp_path / "fold")
    assert study.table.classes == CLASSES
    assert study.reading.questions == ()
    write_csv(by_class(tmp_path / "other") / "labels.csv", ("image", "label"), [(f"z{i}.png", a(i)) for i in range(N)])
    with pytest.raises(DatasetError, match="names no image of the dataset, and images lie in folders called angry"):
        load_dataset(tmp_path / "other")
    assert load_dataset(tmp_path / "other", corrections=parse(ignore=["labels.csv"])).table.classes == CLASSES


def test_folders_of_days_beside_a_table_of_labels_are_none(tmp_path: Path) -> None:
    for i, x in enumerate(FACES):
        write_image(tmp_path / ("monday", "tuesday")[i % 2] / x, i)
    write_csv(tmp_path / "labels.csv", ("image", "label"), [(x, a(i)) for i, x in enumerate(FACES)])
    study = load_dataset(tmp_path)
    assert study.reading.questions == ()
    (left,) = [p for p in study.problems if p.kind == "folders left out"]
    assert "images lie in folders called monday, tuesday, which are taken for no classes" in left.examples[0]


def test_labels_in_other_words_than_those_of_class_folders_are_asked_about(tmp_path: Path) -> None:
    words = dict(zip(CLASSES, ("Wut", "Freude", "neutral", "Trauer"), strict=True))
    for name, said in (("some", lambda i: words[b(i) if i % 3 == 0 else a(i)]), ("coarse", lambda i: "+-"[a(i) != "happy"]),
                       ("all", lambda i: words[a(i)])):  # fmt: skip
        write_csv(
            by_class(tmp_path / name) / "labels.csv", ("image", "label"), [(x, said(i)) for i, x in enumerate(FACES)]
        )
    for name in ("some", "coarse"):
        (_, table), (_, folders) = answers(tmp_path / name, "folders and table disagree")
        assert table.table.coders == ("labels",)
        assert folders.table.classes == CLASSES
    assert load_dataset(tmp_path / "all").reading.questions == ()
    said = {"labels.json": json.dumps([{"image": x, "label": b(i)} for i, x in enumerate(FACES)]),
            "labels.txt": "image label\n" + "".join(f"{x} {b(i)}\n" for i, x in enumerate(FACES))}  # fmt: skip
    for file, content in said.items():
        (by_class(tmp_path / file[-4:]) / file).write_text(content)
        _, (_, folders) = answers(tmp_path / file[-4:], "folders and table disagree")
        assert found(folders) == {file[-4:]: N}


@pytest.mark.parametrize(
    ("train", "test"), [("train_data", "test_data"), ("01_train", "02_test"), ("train80", "val20")]
)
def test_a_class_of_one_part_alone_has_no_class_called_like_it(train: str, test: str, tmp_path: Path) -> None:
    for n, image in enumerate(FACES):
        write_image(tmp_path / a(n) / (test if n > 16 and a(n) != "sad" else train) / image, n)
    study = load_dataset(tmp_path)
    assert study.reading.questions == ()
    assert study.table.classes == CLASSES
    assert int(study.is_test.sum()) == sum(n > 16 and a(n) != "sad" for n in range(N))


@pytest.mark.parametrize("names", [("train", "unseen"), ("gallery", "probe"), ("partA", "partB")])
def test_parts_of_an_unknown_name_are_asked_about(names: tuple[str, str], tmp_path: Path) -> None:
    for n, image in enumerate(FACES):
        write_image(tmp_path / names[n >= 16] / a(n) / image, n)
    kind = "numbered folders" if "partA" in names else "coder called like a part"
    made = [study for _, study in answers(tmp_path, kind)]
    assert any(set(found(study)) == set(names) for study in made)
    assert any(study.is_test.sum() == N - 16 or len(study.table.coders) == 1 for study in made)


def test_files_of_one_column_that_is_called_otherwise_are_a_coder_each(tmp_path: Path, ltnet: Command) -> None:
    for who, said in (("anna", a), ("berta", b)):
        labels(tmp_path, ("Bild", "Vogel"), lambda i, said=said: (said(i),), f"{who}.csv")
    report = inspected(ltnet, tmp_path)
    assert {c: facts["annotations"] for c, facts in report["coders"].items()} == {"anna": N, "berta": N}
    assert report["questions"] == []
    assert list(inspected(ltnet, tmp_path, "--annotators", "berta")["coders"]) == ["berta"]


def test_an_archive_alone_in_a_folder_is_named(tmp_path: Path) -> None:
    by_class(tmp_path / "faces")
    shutil.make_archive(str(tmp_path / "given" / "faces"), "zip", tmp_path / "faces")
    assert "faces.zip is an archive inside the dataset: unpack it" in refusal(tmp_path / "given")


@pytest.mark.parametrize("codes", [("01", "02", "03", "04"), ("1.0", "2.0", "3.0", "4.0")])
def test_the_answers_about_a_legend_name_the_codes_as_the_labels_have_them(
    codes: Sequence[str], tmp_path: Path
) -> None:
    labels(tmp_path, ("image", "Ann", "Ben"), lambda i: (codes[CLASSES.index(a(i))], codes[CLASSES.index(b(i))]))
    write_csv(tmp_path / "legend.csv", ("code", "meaning"), list(zip(codes, CLASSES, strict=True)))
    (_, names), (_, kept) = answers(tmp_path, "codes and their legend")
    assert names.table.classes == CLASSES
    assert len(kept.table.classes) == len(codes)


def test_votes_for_numbered_classes_in_json_are_no_annotators(tmp_path: Path) -> None:
    said = {x: {"1": i % 3, "2": i // 3 % 3, "3": 5 - i % 3 - i // 3 % 3} for i, x in enumerate(FACES)}
    (faces(tmp_path) / "votes.json").write_text(json.dumps(said))
    study = load_dataset(tmp_path)
    assert study.table.classes == ("1", "2", "3")
    assert len(study.table.coders) == 1
