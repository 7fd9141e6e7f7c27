"""Several datasets as one study: shared images, coders of one name, classes of one meaning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Command, write_csv, write_image
from hypothesis import given
from hypothesis import strategies as st

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.formats.joined import Source, write
from ltnet_core.datasets.names.class_names import EMOTIONS, common_names, near_misses
from ltnet_core.errors import DatasetError


def sources(at: Path) -> None:
    """Two datasets with a coder of the same name, and votes about the first."""
    for name, words in (("one", ("Happy", "sad")), ("two", ("happiness", "sadness"))):
        for n in range(len(words)):
            write_image(at / name / "images" / f"{n}.png", n)
        rows = [(f"{n}.png", "Ann", word) for n, word in enumerate(words)]
        write_csv(at / name / "annotations.csv", ("image", "coder", "label"), rows)
    write_csv(
        at / "votes.csv", ("image", "happy", "joy", "fear"), [("images/0.png", 3, 4, 3), ("images/1.png", 0, 1, 9)]
    )


def test_coders_of_one_name_stay_apart_and_classes_of_one_meaning_meet(tmp_path: Path, ltnet_process: Command) -> None:
    sources(tmp_path)
    done = ltnet_process("join", tmp_path / "both", "--source", f"A={tmp_path / 'one'}", "--source", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    study = load_dataset(tmp_path / "both")
    assert study.table.coders == ("Ann", "Ann (two)")
    assert study.table.classes == ("happiness", "sadness")
    assert study.table.items.tolist() == ["A/images/0.png", "A/images/1.png", "two/images/0.png", "two/images/1.png"]
    assert study.files.read("two/images/1.png") == (tmp_path / "two/images/1.png").read_bytes()
    (note,) = [p for p in study.problems if p.kind == "class renamed"]
    assert note.examples == ("'Happy' is taken as 'happiness'.", "'sad' is taken as 'sadness'.")


def test_a_correction_that_fits_no_source_is_refused(tmp_path: Path, ltnet: Command) -> None:
    sources(tmp_path)
    join = ("join", tmp_path / "both", "--source", tmp_path / "one", "--source", tmp_path / "two")
    for flag, names in (("--split", "test=imges"), ("--ignore", "vote.csv"), ("--columns", "label=lable")):
        done = ltnet(*join, flag, names)
        assert (done.returncode, "names '" + names.split("=")[-1] in done.stderr) == (2, True), done.stderr
        assert not (tmp_path / "both" / "joined.json").exists()
    assert ltnet(*join, "--class", '"Happy"=glad', "--columns", "label=label").returncode == 0
    assert load_dataset(tmp_path / "both").table.classes == ("glad", "sadness", "happiness")
    refused = ltnet("inspect", tmp_path / "both", "--split", "test=imges")
    assert (refused.returncode, "names 'imges'" in refused.stderr) == (2, True), refused.stderr
    assert ltnet("inspect", tmp_path / "both", "--columns", "label=label").returncode == 0


def test_votes_about_the_images_of_another_source_join_them(tmp_path: Path) -> None:
    sources(tmp_path)
    folder = tmp_path / "study"
    parts = [
        Source("one", str(tmp_path / "one")),
        Source("crowd", str(tmp_path / "votes.csv"), coders={"votes": "Crowd"}),
    ]
    write(folder, parts, {"fear": "", "Happy": "happy"})
    study = load_dataset(folder)
    assert study.table.coders == ("Ann", "Crowd")
    rows = sorted(tuple(r) for r in study.table.to_frame().itertuples(index=False))
    assert rows == [
        ("images/0.png", "Ann", "happy", 1),
        ("images/0.png", "Crowd", "happy", 7),
        ("images/1.png", "Ann", "sad", 1),
        ("images/1.png", "Crowd", "happy", 1),
    ]
    (left,) = [p for p in study.problems if p.kind == "class left out"]
    assert left.count == 2


def test_images_alone_are_unlabelled_data(tmp_path: Path, ltnet: Command) -> None:
    sources(tmp_path)
    done = ltnet(
        "join",
        tmp_path / "j",
        "--source",
        tmp_path / "one",
        "--images",
        f"more={tmp_path / 'two'}",
        "--class",
        "sad=gone",
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(ltnet("inspect", tmp_path / "j", "--json").stdout)
    assert (shown["items"], shown["unlabelled"], shown["classes"]) == (4, 2, ["Happy", "gone"])


def test_a_join_that_cannot_be_read_leaves_no_file(tmp_path: Path, ltnet: Command) -> None:
    sources(tmp_path)
    done = ltnet("join", tmp_path / "j", "--source", tmp_path / "nowhere")
    assert done.returncode == 2 and "source 'nowhere': " in done.stderr
    assert not list((tmp_path / "j").iterdir())
    with pytest.raises(DatasetError, match="two sources are called 'x'"):
        write(tmp_path / "k", [Source("x", "a"), Source("x", "b")], {})
    assert ltnet("join", tmp_path / "one", "--source", tmp_path / "two").returncode == 2


def test_a_class_in_the_map_that_no_source_has_is_said(tmp_path: Path, ltnet: Command) -> None:
    sources(tmp_path)
    write(tmp_path / "j", [Source("one", str(tmp_path / "one"))], {"hapy": "happy"})
    (idle,) = [p for p in load_dataset(tmp_path / "j").problems if p.kind == "idle class name"]
    assert idle.examples == ("'hapy' is to be 'happy', but no source has that class.",)
    done = ltnet("join", tmp_path / "k", "--source", tmp_path / "one", "--class", "hapy=happy")
    assert (done.returncode, done.stderr) == (2, f"ltnet_core: --class: {idle.examples[0]}\n")
    assert not list((tmp_path / "k").iterdir())


def test_common_names() -> None:
    assert common_names(["Happy", "happiness", "sad", "SAD"]) == {
        "Happy": "happiness",
        "happiness": "happiness",
        "sad": "sad",
        "SAD": "sad",
    }
    assert common_names(["Happy"]) == {"Happy": "Happy"}
    assert common_names(["cat", "Cat", "dog"]) == {"cat": "cat", "Cat": "cat", "dog": "dog"}


@given(
    st.lists(
        st.sampled_from([*EMOTIONS, *(w for ws in EMOTIONS.values() for w in ws), "Cat", "cat", "dog"]), max_size=8
    )
)
def test_common_names_are_settled_and_never_new_words(names: list[str]) -> None:
    common = common_names(names)
    assert set(common) == set(names)
    assert all(new in names for new in common.values())
    assert {n: common[common[n]] for n in names} == common


def test_near_misses_look_at_how_often() -> None:
    assert near_misses(["happiness", "hapiness", "fear"], [100, 3, 50]) == [("hapiness", "happiness", 3.0)]
    assert near_misses(["class 1", "class 2"], [50, 60]) == []


def test_counts_of_one_source_and_none_of_another(tmp_path: Path) -> None:
    """A vote that is no number is named, also where another table has no counts at all."""
    sources(tmp_path)
    (tmp_path / "votes.csv").write_text(
        "image,coder,label,count\nimages/0.png,Crowd,happiness,2\nimages/1.png,Crowd,sad,many\n"
    )
    write(tmp_path / "j", [Source("one", str(tmp_path / "one")), Source("crowd", str(tmp_path / "votes.csv"))], {})
    study = load_dataset(tmp_path / "j")
    (bad,) = study.errors()
    assert bad.examples == ("crowd: votes.csv, row 3: count 'many' is not a positive number of votes.",)
    assert study.table.count.tolist() == [1, 2, 1]
