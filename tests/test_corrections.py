"""What a person says about the reading of a dataset: flags, JSON, and what must fit something."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Command, write_csv, write_image

from ltnet_core.datasets import Corrections, load_dataset
from ltnet_core.datasets.correction_flags import of_answer
from ltnet_core.datasets.corrections import parse
from ltnet_core.datasets.questions import renaming
from ltnet_core.errors import DatasetError, OptionError

ROWS = [(f"{i}.png", "cat" if i % 2 else "dog", "sun" if i % 3 else "rain", f"{20 + i}") for i in range(12)]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A table that can be read in several ways: is ``source`` whose labels these are?"""
    folder = tmp_path / "study"
    for i in range(12):
        write_image(folder / "images" / f"{i}.png", i)
    write_csv(folder / "labels.csv", ("image", "label", "source", "age"), ROWS)
    return folder


def test_flags_are_read_like_rows_of_csv() -> None:
    parsed = parse(
        columns=["image=FILE", "label=LABEL"],
        annotators=["Ann", '"B, C"'],
        ignore=["age", "sex,site"],
        split=["test=Public,private", "train=T"],
        missing=[""],
        classes=["a=b", "c="],
    )
    assert parsed.columns == {"image": "FILE", "label": "LABEL"}
    assert parsed.annotators == ("Ann", "B, C")
    assert parsed.ignore == ("age", "sex", "site")
    assert parsed.split == {"Public": "test", "private": "test", "T": "train"}
    assert parsed.missing == () and parsed
    assert parsed.classes == {"a": "b", "c": ""}
    assert Corrections.from_json(json.loads(json.dumps(parsed.to_json()))) == parsed
    assert of_answer(shlex.join(parsed.flags())) == (None, parsed)
    assert not Corrections() and Corrections().to_json() == {}


def test_a_class_with_an_equals_sign_can_be_renamed() -> None:
    named = parse(classes=['"1=angry"=angry', "a=b=c", '"say ""x"""=x'])
    assert named.classes == {"1=angry": "angry", "a": "b=c", 'say "x"': "x"}
    assert parse(classes=[f.removeprefix("--class=") for f in named.flags()]) == named
    assert of_answer(renaming("1=angry", "angry"))[1].classes == {"1=angry": "angry"}


def test_flags_given_several_times_add_up(study: Path, ltnet: Command) -> None:
    """As the flags of two answers do, one after the other."""
    once = ltnet("inspect", study, "--json", "--columns", "coder=source,label=label")
    twice = ltnet("inspect", study, "--json", "--columns", "label=label", "--columns", "coder=source")
    assert twice.stdout == once.stdout != ""
    assert parse(missing=["skip", "N/A"]) == Corrections(missing=("skip", "N/A"))
    assert parse(columns=["label=a", "label=a,truth=b"]) == Corrections({"label": "a", "truth": "b"})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"columns": ["picture=a"]}, "unknown role 'picture' of a column; known are image, label"),
        ({"columns": ["label=a", "label=b"]}, "--columns names 'label' twice"),
        ({"columns": ["image"]}, "--columns takes ROLE=COLUMN; 'image' is none."),
        ({"split": ["later=a"]}, "--split takes train=NAMES"),
        ({"annotators": ["a"], "classes_are": ["b"]}, "annotators or classes, not both"),
        ({"classes": ["a=b", "a=c"]}, "--class names 'a' twice"),
    ],
)
def test_flags_that_say_nothing_clear_are_refused(flags: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        parse(**flags)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("corrections", "message"),
    [
        (Corrections(columns={"label": "lable"}), "--columns names 'lable', but the dataset has no such column"),
        (
            Corrections(ignore=("nothing",)),
            "--ignore names 'nothing', but the dataset has no such column, file, folder",
        ),
        (Corrections(split={"x": "test"}), "--split names 'x'"),
        (Corrections(missing=("none",)), "--missing names 'none', but the dataset has no such label"),
        (Corrections(classes={"cow": "cat"}), "--class names 'cow', but the dataset has no such class; it has"),
    ],
)
def test_a_correction_that_fits_nothing_is_refused(study: Path, corrections: Corrections, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        load_dataset(study, corrections=corrections)


def test_columns_are_what_they_are_said_to_be(study: Path) -> None:
    by_source = load_dataset(study, corrections=Corrections(columns={"coder": "source", "label": "label"}))
    assert by_source.table.coders == ("rain", "sun")
    assert by_source.reading.questions == ()
    other = load_dataset(study, corrections=Corrections(columns={"label": "source"}))
    assert other.table.classes == ("rain", "sun")
    both = load_dataset(study, corrections=Corrections(annotators=("label", "SOURCE")))
    assert both.table.coders == ("label", "source")


def test_classes_are_renamed_left_out_and_missing(study: Path) -> None:
    corrections = Corrections(ignore=("source",), classes={"cat": "feline"})
    assert load_dataset(study, corrections=corrections).table.classes == ("dog", "feline")
    with pytest.raises(DatasetError, match="only the class 'dog' occurs"):
        load_dataset(study, corrections=Corrections(ignore=("source",), missing=("cat",)))


def test_folders_files_and_coders_are_left_out(study: Path) -> None:
    write_csv(study / "more.csv", ("image", "label"), [(r[0], r[1]) for r in ROWS])
    ignored = load_dataset(study, corrections=Corrections(ignore=("labels.csv",)))
    assert ignored.table.coders == ("more",)
    by_coder = load_dataset(study, corrections=Corrections(ignore=("source", "more")))
    assert by_coder.table.coders == ("labels",)
    parts = Corrections(columns={"split": "source"}, split={"rain": "test", "sun": "train"})
    assert load_dataset(study, corrections=parts).is_test.any()
    with pytest.raises(OptionError, match="--ignore names 'rain', but the dataset has no such column"):
        load_dataset(study, corrections=replace(parts, ignore=("rain",)))


def test_a_question_stops_training_until_a_flag_answers_it(
    study: Path, tmp_path: Path, ltnet: Command, ltnet_process: Command
) -> None:
    shown = json.loads(ltnet_process("inspect", study, "--json", "--skip-images").stdout)
    (question,) = shown["questions"]
    assert question["kind"] == "source column" and question["about"] == ["source"]
    assert shown["reading"]["tables"][0]["columns"] == {
        "image": "image", "label": "label", "source": "ignored", "age": "ignored",
    }  # fmt: skip
    out = tmp_path / "truth.csv"
    refused = ltnet("aggregate", study, "--method", "majority", "--out", out)
    assert refused.returncode == 2 and question["answers"][1]["flag"] in refused.stderr
    assert ltnet("fit", study, "--run", tmp_path / "run").returncode == 2
    joined = ltnet("join", tmp_path / "joined", "--source", study)
    assert joined.returncode == 2 and "--ignore source" in joined.stderr
    assert ltnet("join", tmp_path / "joined", "--source", study, "--ignore", "source").returncode == 0
    done = ltnet("aggregate", study, "--method", "majority", "--out", out, "--ignore", "source")
    assert done.returncode == 0, done.stderr
    assert ltnet("aggregate", tmp_path / "joined", "--method", "majority", "--out", out).returncode == 0


def test_a_class_of_underscores_is_a_class(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,ann,ben\na.png,x,x\nb.png,_,x\nc.png,_,_\n", encoding="utf-8")
    assert sorted(load_dataset(tmp_path).table.classes) == ["_", "x"]


@pytest.mark.parametrize("role", ["truth", "confidence", "split", "count", "coder", "label", "image"])
def test_the_role_that_is_given_a_column_is_the_role_it_has(role: str, tmp_path: Path) -> None:
    for i in range(12):
        write_image(tmp_path / "images" / f"{i}.png", i)
    rows = [(f"{i}.png", "AB"[i % 2], ("cat", "dog")[i // 2 % 2], 1 + i % 3, f"{i}.png") for i in range(12)]
    write_csv(tmp_path / "labels.csv", ("image", "coder", "label", "extra", "same"), rows)
    column = {"image": "same", "truth": "label", "label": "extra"}.get(role, "extra")
    columns = {"image": "image", "coder": "coder", "label": "label", role: column}
    if role == "truth":
        columns["label"] = "extra"
    (table,) = load_dataset(tmp_path, corrections=Corrections(columns)).reading.tables
    assert {c: r for c, r in table.columns.items() if r != "ignored"} == {c: r for r, c in columns.items()}
