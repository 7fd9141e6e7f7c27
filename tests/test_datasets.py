"""Dataset formats: what is read, what is set aside and said, what is refused."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import Command, write_csv, write_image

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.corrections import Corrections
from ltnet_core.datasets.names.class_codes import short_codes
from ltnet_core.errors import DatasetError


def zipped(folder: Path, out: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, prefix + path.relative_to(folder).as_posix())
    return out


def test_plain_folder(plain: Path) -> None:
    study = load_dataset(plain)
    assert study.format == "plain"
    assert study.table.items.tolist() == [f"images/{n}.png" for n in "abcd"]
    assert study.table.classes == ("cat", "dog")
    assert study.table.coders == ("X", "Y")
    assert study.truth.tolist() == [0, -1, 1, -1]
    assert study.is_test.tolist() == [False, False, True, False]
    assert study.codes == ("Ca", "Do")
    assert study.problems == ()


@pytest.mark.parametrize("prefix", ["", "my-faces/", "a/b/"])
def test_a_zip_is_the_same_dataset(plain: Path, tmp_path: Path, prefix: str) -> None:
    study = load_dataset(zipped(plain, tmp_path / "z.zip", prefix))
    assert study.table.fingerprint() == load_dataset(plain).table.fingerprint()
    assert study.files.read("images/a.png") == (plain / "images/a.png").read_bytes()


def test_a_zip_of_image_folders_with_or_without_a_folder_around_them(plain: Path, tmp_path: Path) -> None:
    for source in ("RAF", "AffectNet"):
        for label in ("cat", "dog"):
            shutil.copytree(plain / "images", tmp_path / "z" / source / label)
    for prefix in ("", "around/"):
        study = load_dataset(zipped(tmp_path / "z", tmp_path / "z.zip", prefix))
        assert study.table.coders == ("AffectNet", "RAF")
        assert study.table.classes == ("cat", "dog")


def test_images_may_be_named_without_the_folder(plain: Path) -> None:
    text = (plain / "annotations.csv").read_text()
    (plain / "annotations.csv").write_text(text.replace("images/a", "a").replace("images/b", ".\\images\\b"))
    assert len(load_dataset(plain).table) == 4


def test_imagefolder_per_source(tmp_path: Path) -> None:
    for n, name in enumerate(
        ["AffectNet/happy/1.png", "AffectNet/sad/2.png", "RAF/train/happy/1.png", "RAF/test/sad/3.png", "unlabelled/x/4.png"]
    ):  # fmt: skip
        write_image(tmp_path / name, n)
    study = load_dataset(tmp_path)
    assert study.format == "imagefolder"
    assert study.table.coders == ("AffectNet", "RAF")
    assert study.table.classes == ("happy", "sad")
    assert len(study.table.items) == 5
    assert study.test_sets == ["RAF"]
    assert study.truth[study.is_test].tolist() == [1]
    assert study.table.annotations_per_coder().tolist() == [2, 1]


def problems(folder: Path) -> dict[str, tuple[int, str, str]]:
    return {p.kind: (p.count, p.examples[0], p.level) for p in load_dataset(folder).problems}


def test_missing_images_are_set_aside_and_named(plain: Path) -> None:
    with open(plain / "annotations.csv", "a") as f:
        f.write("images/gone.png,X,cat\nimages/../../etc/passwd,X,cat\n/etc/passwd,Y,dog\n")
    count, example, level = problems(plain)["missing image"]
    assert (count, level) == (3, "warning")
    assert example == "annotations.csv, row 6: image 'images/gone.png' is listed but not in the dataset."
    load_dataset(plain).require_sound()


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ("images/a.png,Z,catt", "unknown class", "annotations.csv, row 6: unknown class 'catt'; known are cat, dog. Did you mean 'cat'?"),
        ("images/a.png,X,dog", "duplicate annotation", "annotations.csv, row 6: duplicate annotation: coder 'X' annotated 'images/a.png' in row 2"),
        (",X,dog", "empty image", "annotations.csv, row 6: the image is empty"),
        ("images/a.png,,dog", "empty coder", "annotations.csv, row 6: the coder is empty"),
        ("images/d.png,X,", "empty label", "annotations.csv, row 6: the label is empty"),
        ("images/d.png,machine:Q,cat", "reserved coder name", "annotations.csv, row 6: coder 'machine:Q' starts with"),
    ],
)  # fmt: skip
def test_wrong_labels_are_errors_that_stop_training(plain: Path, row: str, kind: str, message: str) -> None:
    write_csv(plain / "classes.csv", ("class", "code"), [("cat", "C"), ("dog", "D")])
    with open(plain / "annotations.csv", "a") as f:
        f.write(row + "\n")
    by_kind = problems(plain)
    assert by_kind[kind][2] == "error"
    assert by_kind[kind][1].startswith(message)
    with pytest.raises(DatasetError, match=re.escape(message)):
        load_dataset(plain).require_sound()


def test_an_unused_class_is_said(plain: Path) -> None:
    write_csv(plain / "classes.csv", ("class",), [("dog",), ("cat",), ("cow",)])
    assert problems(plain) == {"unused class": (1, "class 'cow' is listed but nobody used it.", "warning")}
    assert load_dataset(plain).table.classes == ("dog", "cat", "cow")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("annotations.csv", b"", "annotations.csv: is empty"),
        ("annotations.csv", b"image,coder,label\n", "annotations.csv: has a header but no annotations."),
        ("annotations.csv", b"image,labeler,label\na,b,c\n", "annotations.csv, row 1: column 'coder' is missing"),
        ("annotations.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "annotations.csv: is not text"),
        ("annotations.csv", b'image,coder,label\n"images/a.png,X,cat\n', "annotations.csv, row 2: no row has as many cells as the header: it has 1 cells, the header 3"),
        ("annotations.csv", b"image,coder,label\nimages/a.png,X,cat\n", "annotations.csv: only the class 'cat' occurs"),
        ("annotations.csv", b"image,coder,label\nno.png,X,cow\nno.png,Y,cat\n", "annotations.csv: no annotation is usable; the first: annotations.csv, row 2"),
        ("classes.csv", b"class\ncat\n\ncat\n", "classes.csv, row 3: the class is empty."),
        ("classes.csv", b"class\ncat\ncat\n", "classes.csv, row 3: class 'cat' is listed twice."),
        ("classes.csv", b"class,code\ncat,C\ndog,C\n", "classes.csv, row 3: code 'C' is used twice"),
        ("truth.csv", b"image\nimages/a.png\n", "truth.csv, row 1: column 'label' is missing"),
        ("planted_T.json", b"{}", "planted_T.json: expected"),
    ],
)  # fmt: skip
def test_broken_files_are_refused_by_name(plain: Path, name: str, content: bytes, message: str) -> None:
    if name == "annotations.csv":
        (plain / "truth.csv").unlink()
    (plain / name).write_bytes(content)
    with pytest.raises(DatasetError, match=re.escape(message)):
        load_dataset(plain)


def test_truth_problems_are_named(plain: Path) -> None:
    write_csv(
        plain / "truth.csv",
        ("image", "label", "split"),
        [("images/a.png", "cat", "train"), ("images/a.png", "dog", "train"), ("images/z.png", "cat", "test")],
    )
    by_kind = problems(plain)
    assert by_kind["duplicate truth"][1].startswith("truth.csv, row 3")
    assert by_kind["missing image"][1].startswith("truth.csv, row 4")


def test_a_test_part_of_unknown_truth_is_held_out_all_the_same(plain: Path) -> None:
    rows = [
        ("images/a.png", "", "test"),
        ("images/b.png", "nan", "val"),
        ("images/c.png", "", ""),
        ("images/d.png", "dog", ""),
    ]
    write_csv(plain / "truth.csv", ("image", "label", "split"), rows)
    study = load_dataset(plain)
    assert study.problems == () and study.reading.questions == ()
    assert study.is_test.tolist() == [True, True, False, False]
    assert study.truth.tolist() == [-1, -1, -1, 1]


@pytest.mark.parametrize("layout", ["plain", "wide"])
def test_it_is_asked_what_a_value_of_the_split_of_truth_means(plain: Path, layout: str) -> None:
    rows = [
        (f"images/{n}.png", "cat", part) for n, part in zip("abcd", ["fold 1", "", "évaluation", "nan"], strict=True)
    ]
    write_csv(plain / "truth.csv", ("image", "label", "split"), rows)
    if layout == "wide":
        (plain / "annotations.csv").unlink()
        write_csv(
            plain / "labels.csv",
            ("image", "Ann", "Ben"),
            [(f"images/{n}.png", "cat", "dog" if n == "a" else "cat") for n in "abcd"],
        )
    study = load_dataset(plain)
    assert study.is_test.tolist() == [False, False, True, False]
    (question,) = study.reading.questions
    assert "truth.csv: the split column 'split' holds 'fold 1'" in question.sentence
    with pytest.raises(DatasetError, match="--split 'test=fold 1'"):
        study.require_sound()
    told = load_dataset(plain, corrections=Corrections(split={"fold 1": "test"}))
    assert told.is_test.tolist() == [True, False, True, False] and told.reading.questions == ()
    assert told.reading.splits == {"fold 1": "test", "évaluation": "test", "nan": "train"}
    gone = load_dataset(plain, corrections=Corrections(split={"fold 1": "ignore"}))
    assert gone.truth.tolist() == [-1, 0, 0, 0]
    assert not load_dataset(plain, corrections=Corrections(ignore=("split",))).is_test.any()


def test_a_learned_truth_in_the_dataset_is_no_known_truth(plain: Path) -> None:
    write_csv(
        plain / "truth.csv", ("image", "learned_truth", "confidence", "network_truth"), [("a.png", "cat", "1", "")]
    )
    with pytest.raises(DatasetError, match="truth.csv: holds a learned truth, which is no known truth"):
        load_dataset(plain)


def test_copies_of_a_coder_are_told(ltnet: Command, tmp_path: Path) -> None:
    rows = [(f"i{n}.png", "cat" if n % 3 else "dog", "cat" if n % 3 else "dog", "cat") for n in range(30)]
    write_csv(tmp_path / "labels.csv", ("image", "Ann", "Ben", "Cem"), rows)
    done = ltnet("aggregate", tmp_path / "labels.csv", "--out", tmp_path / "t.csv")
    assert done.returncode == 0
    assert "warning: coders with the same labels (1): coders 'Ann', 'Ben' gave the same labels" in done.stderr


def test_a_class_that_only_the_known_truth_has_is_named(plain: Path) -> None:
    write_csv(plain / "truth.csv", ("image", "label"), [("images/a.png", "zebra"), ("images/b.png", "cat")])
    kind = problems(plain)["class of the truth alone"]
    assert kind == (1, "class 'zebra' is only in the known truth: no coder used it.", "warning")


def test_nothing_there_and_wrong_kinds(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset(tmp_path / "none")
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(DatasetError, match="x.txt: no known dataset format: 1 file, 0 of them images"):
        load_dataset(tmp_path / "x.txt")
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(DatasetError, match="is not a readable zip"):
        load_dataset(tmp_path / "x.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no known dataset format: 0 files"):
        load_dataset(tmp_path / "empty")
    shutil.copyfile(tmp_path / "x.txt", tmp_path / "empty" / "annotations.csv")
    with pytest.raises(DatasetError, match="annotations.csv, row 1: column 'image' is missing"):
        load_dataset(tmp_path / "empty")


def test_planted_matrices_follow_the_class_order(plain: Path) -> None:
    content = {"classes": ["dog", "cat"], "coders": {"X": [[0.9, 0.1], [0.3, 0.7]]}}
    (plain / "planted_T.json").write_text(json.dumps(content))
    np.testing.assert_allclose(load_dataset(plain).planted["X"], [[0.7, 0.3], [0.1, 0.9]])


def test_planted_matrices_of_fewer_classes_leave_the_other_rows_unknown(plain: Path) -> None:
    content = {"classes": ["dog", "cat"], "coders": {"X": [[0.9, 0.1], [0.3, 0.7]]}}
    (plain / "planted_T.json").write_text(json.dumps(content))
    write_csv(plain / "classes.csv", ("class",), [("ant",), ("cat",), ("dog",)])
    nan = np.nan
    np.testing.assert_allclose(load_dataset(plain).planted["X"], [[nan] * 3, [0, 0.7, 0.3], [0, 0.1, 0.9]])


def test_short_codes_are_unique() -> None:
    assert short_codes(("neutral", "happy", "sad")) == ("Ne", "Ha", "Sa")
    clash = short_codes(("sad", "sadness", "sadder", "s", "S", "日本"))
    assert len(set(clash)) == 6
