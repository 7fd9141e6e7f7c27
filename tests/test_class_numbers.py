"""Classes that are numbers or names: one spelling each, places in a list, and labels that say there is none."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from conftest import write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.corrections import NOTHING, Corrections
from ltnet_core.datasets.names.class_names import common_names, near_misses
from ltnet_core.datasets.names.class_numbers import all_numbers, mixed, number, one_spelling, places
from ltnet_core.datasets.names.missing import absent, doubtful, minus_one_is_absent, plain, question

ABC = ("ant", "bee", "cat")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("-3", -3),
        ("+4", 4),
        ("2.0", 2),
        ("2.", 2),
        ("2.50", 2.5),
        ("1e3", 1000),
        ("25e-1", 2.5),
        ("9007199254740993", 9007199254740993),  # 2**53 + 1
        ("123456789012345.50", 123456789012345.5),
        ("999999999999999999", 999999999999999999),
        ("1000000000000000000", None),  # nineteen characters are no class number
        ("", None),
        (" 1", None),
        ("1 ", None),
        ("1,5", None),
        (".5", None),
        ("1e333", None),
        ("0x10", None),
        ("1_000", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("²", None),
        ("one", None),
    ],
)
def test_what_is_a_number(text: str, value: float | None) -> None:
    assert number(text) == value
    assert type(number(text)) is type(value)


@settings(max_examples=30, deadline=None)
@given(st.integers(-(10**16), 10**16), st.sampled_from(["{}", "{}.0", "{}."]))
def test_a_whole_number_is_read_exactly(value: int, form: str) -> None:
    text = form.format(value)
    assert number(text) == (value if len(text) <= 18 else None)


@pytest.mark.parametrize(
    ("names", "spelled"),
    [
        (["1", "01", "2.0"], ["1", "1", "2"]),
        (["1", "+1", "1.0", "1e0"], ["1", "1", "1", "1"]),
        (["01", "02", "10"], ["01", "02", "10"]),  # zeros that every name has are part of it
        (["01", "2.0"], ["1", "2"]),
        (["1.5", "1.50"], ["1.5", "1.5"]),
        (["100000000000000001", "100000000000000002"], ["100000000000000001", "100000000000000002"]),
        (["100000000000000001", "+1", "1"], ["100000000000000001", "1", "1"]),
        (["two  words", " two words "], ["two words", "two words"]),
        (["['happy']", '[ "happy" ]', "happy"], ["happy", "happy", "happy"]),
        (["['a', 'b']", "['a\"]", "[a]", "['']"], ["['a', 'b']", "['a\"]", "[a]", "['']"]),
        ([unicodedata.normalize("NFD", "fröhlich")], ["fröhlich"]),
        ([], []),
    ],
)
def test_names_of_one_class_have_one_spelling(names: list[str], spelled: list[str]) -> None:
    assert one_spelling(names) == dict(zip(names, spelled, strict=True))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("01.-+ eé[]'x", max_size=5), max_size=6))
def test_a_spelling_is_its_own_spelling(names: list[str]) -> None:
    once = one_spelling(names)
    assert set(once) == set(names)
    kept = list(once.values())
    assert len({*kept}) <= len({*names})
    numbers = {n: number(" ".join(n.split())) for n in names}
    for a in names:
        for b in names:
            if numbers[a] is not None and numbers[b] is not None:
                assert (once[a] == once[b]) == (numbers[a] == numbers[b])


def test_only_whole_numbers_are_all_numbers() -> None:
    assert all_numbers(["1", "2.0", "-3"])
    assert not all_numbers([])
    assert not all_numbers(["1", "2.5"])
    assert not all_numbers(["1", "two"])


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["0", "1", "2"], {"0": "ant", "1": "bee", "2": "cat"}),
        (["0", "2"], {"0": "ant", "2": "cat"}),
        (["1", "2", "3"], {"1": "ant", "2": "bee", "3": "cat"}),
        (["3", ""], {"3": "cat"}),
        (["0", "3"], {}),  # four places for three classes
        (["4"], {}),
        (["-1", "0"], {}),
        (["0.5", "1"], {}),
        (["0", "ant"], {}),
        (["0", "many"], {}),
        ([], {}),
        ([""], {}),
    ],
)
def test_numbers_are_places_in_a_list(names: list[str], named: dict[str, str]) -> None:
    found, unclear = places(names, ABC)
    assert found == named
    assert unclear is None


def test_where_0_and_the_last_number_are_unused_it_is_asked_from_where_they_count() -> None:
    named, unclear = places(["1", "2"], ABC)
    assert named == {"1": "bee", "2": "cat"}
    assert unclear is not None
    assert unclear.kind == "base of class numbers"
    assert unclear.about == ("1", "2")
    assert "the numbers 1, 2 and 3 classes" in unclear.sentence
    assert [a.flag for a in unclear.answers] == ["--class 1=bee --class 2=cat", "--class 1=ant --class 2=bee"]
    assert [a.meaning for a in unclear.answers] == ["counted from 0: 1 is 'bee'", "counted from 1: 1 is 'ant'"]


def test_a_class_that_is_left_out_changes_no_open_question_about_numbers(tmp_path: Path) -> None:
    write_csv(tmp_path / "classes.csv", ("class",), [(c,) for c in (*ABC, "dog")])
    write_csv(tmp_path / "labels.csv", ("image", "label"), [(f"{i}.png", i % 2 + 1) for i in range(9)])
    (unclear,) = load_dataset(tmp_path, corrections=Corrections(classes={"ant": ""})).reading.questions
    assert [a.meaning for a in unclear.answers] == ["counted from 0: 1 is 'bee'", "counted from 1: 1 is 'ant'"]


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ({"classes": {"bee": ""}}, {"ant": 3, "cat": 3}),
        ({"classes": {"ant": "cat"}}, {"bee": 3, "cat": 6}),
        ({"classes": {"cat": "dog"}}, {"ant": 3, "bee": 3, "dog": 3}),
        ({"classes": {"2": "ant"}}, {"ant": 6, "bee": 3}),
        ({"missing": ("cat",)}, {"ant": 3, "bee": 3}),
        ({"missing": ("2",)}, {"ant": 3, "bee": 3}),
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_a_class_that_is_renamed_or_left_out_moves_no_number(
    flags: dict[str, Any], left: dict[str, int], first: int, tmp_path: Path
) -> None:
    if first and {"2"} & {*flags.get("classes", ()), *flags.get("missing", ())}:
        left = {"ant": 6, "cat": 3} if "classes" in flags else {"ant": 3, "cat": 3}
    write_csv(tmp_path / "classes.csv", ("class",), [(c,) for c in ABC])
    write_csv(tmp_path / "labels.csv", ("image", "label"), [(f"{i}.png", i % 3 + first) for i in range(9)])
    study = load_dataset(tmp_path, corrections=Corrections(**flags))
    assert study.table.to_frame()["label"].astype(str).value_counts().to_dict() == left
    assert study.reading.questions == ()


def test_coders_who_wrote_numbers_beside_others_who_wrote_names_are_asked_about() -> None:
    assert mixed({"A": ["1", "2"], "B": ["3"]}, "ABC") is None
    assert mixed({"A": ["cat"], "B": ["dog"]}, "ABC") is None
    assert mixed({"A": ["1"], "B": ["cat", "2"]}, "ABC") is None  # B wrote both
    assert mixed({"A": [], "B": ["cat"]}, "ABC") is None
    asked = mixed({"A": ["1", "0"], "B": ["cat", "ant"], "C": []}, "ABC")
    assert asked is not None
    assert asked.kind == "numbers and names"
    assert asked.about == ("A", "B")
    assert "'A' wrote numbers (0, 1) and 'B' names (ant, cat)" in asked.sentence
    assert [a.flag for a in asked.answers] == ["--class 0=ant --class 1=cat", "--class 0=0 --class 1=1", "--ignore A"]
    truth = mixed({"the known truth": ["1", "0"], "B": ["cat", "ant"]}, "B")
    assert truth is not None
    assert len(truth.answers) == 2  # the truth is no coder to leave out


def test_annotators_with_long_numbers_stay_apart(tmp_path: Path) -> None:
    who = ("100000000000000001", "100000000000000002", "7")
    rows = [(f"{i}.png", c, "cat" if i % 2 else "dog") for i in range(4) for c in who]
    write_csv(tmp_path / "labels.csv", ("image", "annotator", "label"), rows)
    study = load_dataset(tmp_path)
    assert set(study.table.coders) == set(who)
    assert len(study.table) == 12
    assert "duplicate annotation" not in {p.kind for p in study.problems}


# ---- names


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["Happy"], ["Happy"]),
        (["Happy", "happiness"], ["happiness", "happiness"]),
        (["Happy", "joy"], ["joy", "joy"]),  # the one in small letters
        (["Fear", "FEAR"], ["FEAR", "FEAR"]),
        (["Fear", "fear", "afraid"], ["fear", "fear", "fear"]),
        (["no-finding", "No_Finding", "no  finding"], ["no  finding"] * 3),
        (["cat", "dog"], ["cat", "dog"]),
        ([], []),
    ],
)
def test_names_of_one_meaning_become_one(names: list[str], common: list[str]) -> None:
    assert common_names(names) == dict(zip(names, common, strict=True))


def test_rare_classes_that_look_like_another_are_told() -> None:
    assert near_misses(["surprise", "surprize", "fear"], [100, 3, 50]) == [("surprize", "surprise", 3.0)]
    assert near_misses(["surprise", "surprize"], [100, 20]) == []  # a fifth is not rare
    assert near_misses(["surprise", "surprize"], [100, 19.9]) == [("surprize", "surprise", 19.9)]
    assert near_misses(["cat", "cap"], [100, 1]) == []  # three letters may always be alike
    assert near_misses(["happy", "joy"], [5, 5]) == [("happy", "joy", 5.0)]  # one meaning, however frequent
    assert near_misses(["joy", "happy"], [5, 5]) == [("happy", "joy", 5.0)]
    assert near_misses(["grade one", "tree"], [100, 1]) == []


# ---- no label


@pytest.mark.parametrize(
    ("value", "text"), [("Not_Sure", "not sure"), ("  a   b ", "a b"), ("___", "___"), ("", ""), ("_ _", "_ _")]
)
def test_a_value_without_case_and_underscores(value: str, text: str) -> None:
    assert plain(value) == text


def test_what_is_absent_without_and_with_a_correction() -> None:
    assert all(absent(v, NOTHING) for v in ("", " ", "NaN", "<NA>", "NaT"))
    assert not any(absent(v, NOTHING) for v in ("none", "null", "n/a", "-1", "unknown"))
    said = Corrections(missing=("Not sure", "-1"))
    assert all(absent(v, said) for v in ("not_sure", "NOT  SURE", "-1", ""))
    assert absent("nan", said)  # whatever else is named
    assert not any(absent(v, said) for v in ("-1.0", "unsure"))
    assert not absent("nan", Corrections(missing=()))


@pytest.mark.parametrize(
    ("counts", "which"),
    [
        ({"cat": 50, "dog": 40, "none": 3}, ["none"]),
        ({"cat": 50, "dog": 40, "none": 45}, []),  # as frequent as the others: a class
        ({"cat": 50, "dog": 40, "none": 22.4}, ["none"]),
        ({"cat": 50, "dog": 40, "none": 22.5}, []),  # half as frequent
        ({"cat": 50, "dog": 40, "none": 500}, []),  # what most images show
        ({"cat": 50, "dog": 40, "NA": 50}, ["NA"]),
        ({"cat": 50, "dog": 40, "NA": 510, "null": 45}, ["NA", "null"]),  # R writes the absent cells of a table so
        ({"cat": 50, "dog": 40, "skip": 500}, ["skip"]),  # nobody would call a class so, however often
        ({"cat": 50, "none": 3}, []),  # two classes at least must be left
        ({"cat": 50, "dog": 0, "none": 3}, []),
        ({"0": 9, "1": 8, "-1": 90}, ["-1"]),
        ({"-2": 9, "-1": 8, "0": 7}, []),  # -2 says that all are grades
        ({"1": 9, "2": 8, "99": 4}, ["99"]),
        ({"1": 9, "2": 8, "98": 4, "99": 4}, ["98", "99"]),
        ({"1": 9, "45": 8, "88": 4}, []),  # not twice as far as the others
        ({"1": 9, "44": 8, "88": 4}, []),
        ({"1": 9, "43": 8, "88": 4}, ["88"]),
        ({"1": 9, "2": 8, "-9": 4}, ["-9"]),
        ({"1": 9, "-9": 4}, []),
        ({"a": 9, "2": 8, "99": 4}, []),  # no numbers
    ],
)
def test_labels_that_may_mean_no_label(counts: dict[str, float], which: list[str]) -> None:
    assert doubtful(counts, NOTHING) == which
    assert doubtful(counts, Corrections(missing=())) == []


@pytest.mark.parametrize(
    ("counts", "is_absent"),
    [
        ({"-1": 1, "0": 5, "2": 5}, True),
        ({"-1": 1, "0": 5, "1": 5}, False),  # may be three grades
        ({"-1": 10, "0": 5, "1": 5}, True),  # nobody labelled most images
        ({"-1": 9, "0": 5, "1": 5}, False),
        ({"-1.0": 1, "-1": 1, "2": 5}, True),
        ({"-1": 1, "-2": 1, "2": 5}, False),
        ({"-1": 4}, False),
        ({"0": 4, "2": 1}, False),
        ({"-1": 4, "cat": 1, "2": 5}, False),
        ({}, False),
    ],
)
def test_when_minus_one_is_no_label(counts: dict[str, float], is_absent: bool) -> None:
    assert minus_one_is_absent(counts) is is_absent


def test_the_question_about_missing_values_counts_them() -> None:
    asked = question({"none": 1234.0, "?": 2.0, "cat": 5.0}, ["none", "?"])
    assert "'none' (1,234), '?' (2)" in asked.sentence
    assert asked.about == ("none", "?")
    assert [a.flag for a in asked.answers] == ["--missing 'none,?'", "--missing ''"]
