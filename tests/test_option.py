"""Options of a run: what a declaration makes of a value, a flag, a help text and a list of names."""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import faults
import pytest

from ltnet_core.datasets.corrections import NOTHING, Corrections, from_roles, key_of, parse
from ltnet_core.datasets.questions import Answer, Question, flag, listed, require_answers, unique
from ltnet_core.errors import DatasetError, OptionError
from ltnet_core.method import METHODS
from ltnet_core.settings import Settings
from ltnet_core.settings.flags import add_flags, changes, names, weights
from ltnet_core.settings.option import Option, option, options_of


@dataclass(frozen=True)
class Group:
    """Options of every kind."""

    depth: int = option(3, "How deep.", range=(1, 9))
    rate: float | None = option(0.1, "How fast.", range=(0.0, 1.0))
    size: int | Literal["auto"] = option("auto", "How large.", range=(1, 64), label="Batch")
    kind: Literal["a", "b"] = option("a", "Which.")
    deep: bool = option(True, "Whether.", flag="--no-deep")
    wide: bool = option(False, "Whether, 50%.")
    people: tuple[str, ...] = option((), "Who.", names="coders")
    share: dict[str, float] = option(dict, "How much of each.")
    hidden: int = option(0, "Set by a preset.", flag=None)
    text: str = option("x", "Any text.", needs={"kind": ("b",)})
    other: int = 5


OPTIONS = options_of(Group)


def test_a_declaration_is_read_from_the_field() -> None:
    assert list(OPTIONS) == ["depth", "rate", "size", "kind", "deep", "wide", "people", "share", "hidden", "text"]
    assert OPTIONS["depth"] == Option("depth", "How deep.", int, 3, low=1, high=9, flag="--depth", label="Depth")
    assert (OPTIONS["rate"].kind, OPTIONS["rate"].optional, OPTIONS["rate"].words) == (float, True, ())
    assert (OPTIONS["size"].kind, OPTIONS["size"].optional, OPTIONS["size"].words) == (int, False, ("auto",))
    assert OPTIONS["size"].label == "Batch"
    assert (OPTIONS["kind"].kind, OPTIONS["kind"].choices) == (str, ("a", "b"))
    assert (OPTIONS["share"].kind, OPTIONS["share"].default) == (dict, {})
    assert OPTIONS["hidden"].flag is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 1),
        ("depth", 9),
        ("rate", None),
        ("rate", 0),
        ("rate", 1.0),
        ("size", "auto"),
        ("size", 64),
        ("kind", "b"),
        ("deep", False),
        ("people", ()),
        ("people", ("a", 1)),
        ("share", {"a": 1, "b": 0.5}),
    ],
)
def test_a_value_that_an_option_can_have(name: str, value: Any) -> None:
    OPTIONS[name].check(value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("depth", 0, "depth must lie between 1 and 9, got 0"),
        ("depth", 10, "depth must lie between 1 and 9, got 10"),
        ("depth", 1.0, "depth must be a whole number, got 1.0"),
        ("depth", True, "depth must be a whole number, got True"),
        ("depth", None, "depth must be a whole number, got None"),
        ("rate", 1.1, "rate must lie between 0.0 and 1.0, got 1.1"),
        ("rate", math.nan, "rate must be a number, got nan"),
        ("rate", math.inf, "rate must be a number, got inf"),
        ("rate", 10**400, "rate must be a number, got 1000"),
        ("rate", True, "rate must be a number, got True"),
        ("rate", "0.5", "rate must be a number, got '0.5'"),
        ("size", "all", "size must be a whole number or 'auto', got 'all'"),
        ("size", 65, "size must lie between 1 and 64"),
        ("kind", "c", "kind must be one of a, b, got 'c'"),
        ("kind", 1, "kind must be a text, got 1"),
        ("deep", 1, "deep must be true or false, got 1"),
        ("people", ["a"], "people must be a list, got"),
        ("people", (1.5,), "people must be a list, got"),
        ("share", {"a": "x"}, "share must be an object of names and numbers"),
        ("share", {"a": 10**400}, "share must be an object of names and numbers"),
        ("share", {1: 1}, "share must be an object of names and numbers"),
        ("share", [], "share must be an object of names and numbers"),
    ],
)
def test_a_value_that_it_cannot_have_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(OptionError) as error:
        OPTIONS[name].check(value)
    assert str(error.value).startswith(message)


def test_how_a_value_is_asked_for() -> None:
    assert OPTIONS["wide"].spelled(True) == "--wide"
    assert OPTIONS["wide"].spelled(False) == "--no-wide"
    assert OPTIONS["deep"].spelled(False) == "--no-deep"
    assert OPTIONS["hidden"].spelled(3) == "hidden"


def test_why_an_option_has_no_meaning() -> None:
    assert OPTIONS["text"].ignored_because("ltnet", {"kind": "a"}.__getitem__) == "where kind is 'a'"
    assert OPTIONS["text"].ignored_because("ltnet", {"kind": "b"}.__getitem__) is None
    with_part = [o for o in Settings.options().values() if o.part not in (None, *METHODS.named("majority").parts)]
    assert {o.ignored_because("majority", lambda name: None) for o in with_part} == {"for --method majority"}
    assert {o.ignored_because("ltnet", lambda name: None) for o in with_part if not o.needs} == {None}


# ---- flags


def parsed(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser)
    return changes(parser.parse_args(arguments))


def test_only_what_a_flag_asks_for_is_changed() -> None:
    assert parsed() == {}
    assert parsed("--method", "majority") == {"method": "majority"}
    assert parsed("--epochs", "3", "--coders", 'A,"B, C"') == {"epochs": 3, "coders": ("A", "B, C")}
    assert parsed("--batch-size", "auto") == {"batch_size": "auto"}
    assert parsed("--batch-size", "8") == {"batch_size": 8}
    assert parsed("--coder-weights", "A=2, B=0.5") == {"coder_weights": {"A": 2.0, "B": 0.5}}


def test_a_value_of_another_kind_is_refused_by_the_flag() -> None:
    with pytest.raises(argparse.ArgumentError, match=r"invalid int or auto value: 'many'"):
        parsed("--batch-size", "many")
    with pytest.raises(argparse.ArgumentError, match="invalid int value: '1.5'"):
        parsed("--epochs", "1.5")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("a", ("a",)),
        (" a , b ", ("a", "b")),
        ('"a, b",c', ("a, b", "c")),
        ('"a\nb",c', ("a\nb", "c")),
        ("a,,b", ("a", "", "b")),
    ],
)
def test_names_are_read_like_a_row_of_csv(text: str, expected: tuple[str, ...]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize("text", ["a\nb", "a\rb"])
def test_a_list_of_names_that_cannot_be_read_is_refused(text: str) -> None:
    for read in (
        names,
        weights,
        lambda t: parse(ignore=[t]),
        lambda t: parse(annotators=[t]),
        lambda t: parse(missing=[t]),
    ):
        with pytest.raises(OptionError, match=r"the list of names '.*' cannot be read"):
            read(text)
    done = faults.call("inspect", "nowhere", "--ignore", text)
    assert (done.status, done.err.count("\n")) == (2, 1)


def test_a_name_longer_than_any_is_refused() -> None:
    before = csv.field_size_limit(9)  # of the whole process; readers of tables raise it
    try:
        assert names("x" * 9) == ("x" * 9,)
        with pytest.raises(OptionError, match="none may have more than 9 characters"):
            names("x" * 10)
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("text", ["A", "A=", "A=x", "=", "A=1,B"])
def test_weights_are_names_and_numbers(text: str) -> None:
    with pytest.raises(OptionError, match=r"--coder-weights takes NAME=WEIGHT, separated by commas; '.*' is none"):
        weights(text)


def test_two_weights_of_one_coder_are_refused() -> None:
    assert weights("A=1, A=1.0") == {"A": 1.0}
    with pytest.raises(OptionError, match="gives 'A' two weights; keep one"):
        weights("A=1,B=2,A=2")


def test_a_weight_belongs_to_the_name_before_the_last_sign() -> None:
    assert weights("a=b=2") == {"a=b": 2.0}


# ---- corrections and questions


def test_corrections_over_others() -> None:
    first = Corrections({"label": "a"}, ("X",), (), ("i",), {"p": "test"}, ("m",), {"k": "l"})
    assert first.updated(NOTHING) is first
    both = first.updated(
        Corrections({"label": "b", "coder": "c"}, ignore=("j", "i"), split={"p": "train"}, classes={"n": "o"})
    )
    assert both.columns == {"label": "b", "coder": "c"}
    assert (both.annotators, both.ignore, both.split, both.missing) == (("X",), ("i", "j"), {"p": "train"}, ("m",))
    assert both.classes == {"k": "l", "n": "o"}
    assert first.updated(Corrections(classes_are=("v",))).annotators == ()
    assert Corrections(classes_are=("v",)).updated(Corrections(annotators=("Y",))).classes_are == ()
    assert first.updated(Corrections(missing=())).missing == ()


def test_corrections_as_flags_and_json_come_back() -> None:
    said = Corrections(
        {"label": "a,b"}, ('An"n', "B"), (), ("x y",), {"p": "test", "q": "train", "r": "test"}, (), {"k=l": "m"}
    )
    assert Corrections.from_json(said.to_json()) == said
    assert bool(Corrections(missing=())) and not NOTHING
    assert NOTHING.fingerprint() == "" != said.fingerprint()
    assert said.fingerprint() == Corrections.from_json(said.to_json()).fingerprint()
    assert said.flags() == [
        "--columns",
        '"label=a,b"',
        '--annotators="An""n",B',
        "--ignore=x y",
        "--split=train=q",
        "--split=test=p,r",
        "--missing=",
        '--class="k=l"=m',
    ]
    assert parse(
        columns=['"label=a,b"'],
        annotators=['"An""n"', "B"],
        ignore=["x y"],
        split=["train=q", "test=p,r"],
        missing=[""],
        classes=['"k=l"=m'],
    ) == replace(said, split={"q": "train", "p": "test", "r": "test"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"colums": {}}, "corrections of a reading have no 'colums'"),
        ({"columns": []}, "'columns' is names and what they are"),
        ({"split": {"a": 1}}, "'split' is names and what they are"),
        ({"classes": {"a": None}}, "'classes' is names and what they are"),
        ({"ignore": "a"}, "'ignore' is a list of names"),
        ({"missing": None}, "'missing' is a list of names"),
        ({"annotators": [1]}, "'annotators' is a list of names"),
        ({"columns": {"imge": "x"}}, "unknown role 'imge' of a column"),
        ({"split": {"a": "valid"}}, "'a' is to be 'valid'; a split is train, test or ignore"),
        ({"annotators": ["a"], "classes_are": ["b"]}, "the columns are annotators or classes, not both"),
    ],
)
def test_corrections_that_cannot_be_meant_are_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as error:
        Corrections.from_json(content)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"split": ["a"]}, "--split takes train=NAMES, test=NAMES or ignore=NAMES; 'a' is none"),
        ({"split": ["valid=a"]}, "--split takes train=NAMES"),
        ({"columns": ["label"]}, "--columns takes ROLE=COLUMN; 'label' is none"),
        ({"columns": ["label=a", "label=b"]}, "--columns names 'label' twice; give it once"),
        ({"split": ["test=a,b", "train=a"]}, "--split says that 'a' is test and train; choose one"),
        ({"classes": ["=b"]}, "--class takes FROM=TO; '=b' is none"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(how: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as error:
        parse(**how)
    assert message in str(error.value)


def test_names_are_told_apart_without_case_slashes_and_forms_of_letters() -> None:
    said = Corrections(ignore=("Valida\u0301/",), split={" P ": "test"})
    assert key_of("/A\u0301b/ ") == key_of("\u00e1B")
    assert said.ignores("VALID\u00c1")
    assert not said.ignores("valida")
    assert (said.part("p"), said.part("q")) == ("test", None)


def test_roles_chosen_for_columns_are_corrections() -> None:
    before = {"a": "image", "b": "ignored", "c": "label", "d": "label"}
    said = from_roles(
        before, {"a": "image", "b": "ignored", "c": "ignored", "d": "label", "e": "confidence", "f": "confidence"}
    )
    assert said == Corrections({"image": "a", "label": "d", "confidence": "e"}, ignore=("c",))
    assert from_roles({}, {"a": "annotator", "b": "annotator"}).annotators == ("a", "b")
    assert from_roles({}, {"a": "votes"}).classes_are == ("a",)
    with pytest.raises(OptionError, match="c, d cannot all be the label; choose one"):
        from_roles(before, {"c": "label", "d": "label"})


def test_a_flag_is_quoted_for_a_shell_and_names_for_a_row() -> None:
    assert [flag("--ignore", v) for v in ("a", "a b", "-a", "")] == [
        "--ignore a",
        "--ignore 'a b'",
        "--ignore=-a",
        "--ignore ''",
    ]
    assert listed(["a", "b,c", 'd"e', "f\ng"]) == 'a,"b,c","d""e","f\ng"'
    assert names(listed(["a", "b,c", 'd"e', "f\ng"])) == ("a", "b,c", 'd"e', "f\ng")


def test_the_first_open_question_is_told_with_its_answers() -> None:
    ask = [Question("k", f"Which {n}?", (n,), (Answer("--a 1", "one"), Answer("--a 2", "two"))) for n in "pq"]
    require_answers([], "set")
    with pytest.raises(DatasetError, match=r"^set: Which p\? Answer with --a 1 \(one\); --a 2 \(two\)\.$"):
        require_answers(ask[:1], "set")
    with pytest.raises(DatasetError, match=r"\(two\)\. 1 more such questions: `inspect` lists them\.$"):
        require_answers(ask, "set")
    assert unique([ask[0], ask[1], ask[0]]) == tuple(ask)
    assert Question.from_json(ask[0].to_json()) == ask[0]
