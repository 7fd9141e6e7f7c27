"""Which items a view shows, in which order, and the counts of the five cases: against a count by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import ArrayLike

from ltnet_core.annotations import ADJUDICATOR
from ltnet_core.errors import OptionError, RunError
from ltnet_core.explore.against_truth import AgainstTruth, against_truth
from ltnet_core.explore.decided import Decided
from ltnet_core.explore.facets import facet_counts
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import Wish, join_names, split_names
from ltnet_core.labels.coder_labels import Labels
from ltnet_core.labels.disagreement import cases
from ltnet_core.runs.learned_items import LearnedItems

CLASSES = ("x", "y", "z")


def sparse(labels: ArrayLike) -> Labels:
    """Labels (C,N), −1 where absent, as a run keeps them."""
    columns = np.asarray(labels, dtype=np.int16)
    return Labels.of_columns(list(columns), columns.shape[1])


def items(labels: list[list[int]], coders: tuple[str, ...] = ("A", "B"), **columns: object) -> LearnedItems:
    """Items a, b, c … with these labels (C,N); other columns as given, or harmless."""
    n = len(labels[0])
    ints = {
        k: np.asarray(columns.get(k, [0] * n), dtype=np.int16) for k in ("truth", "network", "known", "origin", "split")
    }
    floats = {k: np.asarray(columns.get(k, [0.5] * n), dtype=np.float32) for k in ("confidence", "margin")}
    return LearnedItems(
        names=pa.array(list("abcdefghij"[:n])),
        coders=coders,
        classes=CLASSES,
        labels=sparse(labels),
        origins=("A", "A+B", "unlabelled"),
        splits=("", "test"),
        **ints,
        **floats,
    )


FOUR = items(
    [[0, 0, 0, 1], [0, 1, 1, -1]],
    truth=[0, 0, 1, 1],
    network=[0, 1, 1, 0],
    confidence=[0.9, 0.6, 0.7, 0.8],
    margin=[0.8, 0.2, 0.4, 0.6],
    origin=[1, 1, 1, 0],
)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "bcda"),  # what an answer gains: the least sure first
        ({"sort": "wrong"}, "cbad"),  # contradicted first (c, b), the surer first; then the others
        ({"sort": "unsure"}, "bcda"),
        ({"sort": "sure"}, "adcb"),
        ({"sort": "disputed"}, "bcda"),  # b and c are split in half, b by the smaller lead; d before a by its lead
        ({"pair": "A|B", "sort": "name"}, "abc"),
        ({"pair": "A|B", "case": "5"}, "c"),
        ({"case": "4"}, "b"),
        ({"case": "4,5", "sort": "name"}, "bc"),
        ({"case": "differ", "sort": "name"}, "bc"),
        ({"says.B": "y", "sort": "name"}, "bc"),
        ({"says.B": "*none*"}, "d"),
        ({"says.B": "*any*", "sort": "name"}, "abc"),
        ({"says.A": "x", "says.B": "y", "sort": "name"}, "bc"),
        ({"truth": "y", "sort": "sure"}, "dc"),
        ({"network": "y", "sort": "name"}, "bc"),
        ({"origin": "A"}, "d"),
        ({"confidence": "0.65-0.85", "sort": "name"}, "cd"),
        ({"margin": "0-0.4", "sort": "name"}, "bc"),
        ({"sort": "unsure", "top": "2"}, "bc"),
        ({"split": "test"}, ""),
        ({"says.A": "x|y", "sort": "name"}, "abcd"),
        ({"says.B": "x|*none*", "sort": "name"}, "ad"),
        ({"says.B": "*any*|*none*", "sort": "name"}, "abcd"),
        ({"truth": "x|z", "sort": "name"}, "ab"),
        ({"origin": "A|unlabelled"}, "d"),
        ({"split": "|test", "sort": "name"}, "abcd"),
        ({"labels": "differ", "sort": "name"}, "bc"),
        ({"labels": "agree|one", "sort": "name"}, "ad"),
        ({"labels": "none"}, ""),
        ({"against": "other", "sort": "name"}, "bc"),
        ({"against": "same", "sort": "name"}, "ad"),
        ({"against": "same|other", "says.B": "*any*", "sort": "name"}, "abc"),
        ({"pair": "A|B", "labels": "one"}, "d"),
        ({"pair": "A|B", "labels": "differ", "case": "5"}, "c"),
        ({"search": "C"}, "c"),
        ({"search": "."}, ""),
        ({"split": "*any*", "sort": "name"}, "abcd"),
        ({"item": "a", "at": "100", "sort": "name"}, "abcd"),  # of no concern here
    ],
    ids=str,
)
def test_a_view_shows_what_it_says(asked: dict[str, str], expected: str) -> None:
    rows = Selections(FOUR).rows(Wish.parse(asked))
    assert "".join(FOUR.names.take(pa.array(rows)).to_pylist()) == expected
    assert sorted(rows.tolist()) == np.flatnonzero(Selections(FOUR).shown(Wish.parse(asked))).tolist()


def test_where_images_have_one_label_each_coder_s_labels_are_counted_against_the_truth() -> None:
    """There are no pairs for the five cases; what is counted is what a part of a bar shows."""
    chosen = Selections(items([[0, -1, 1, -1, 0], [-1, 1, -1, -1, -1]], truth=[0, 0, 0, 1, 1], split=[0, 0, 0, 0, 1]))
    assert chosen.pairs == [] == chosen.case_counts(Wish())
    a, b = AgainstTruth("A", 2, 1), AgainstTruth("B", 1, 0)
    assert against_truth(chosen, Wish()) == [a, b]
    for bar in (a, b):
        for against, n in (("same", bar.same), ("other", bar.items - bar.same), ("same|other", bar.items)):
            view = Wish.parse({f"says.{bar.coder}": "*any*", "against": against})
            assert len(chosen.rows(view)) == n
            assert against_truth(chosen, view) == [a, b]  # what is chosen in the bars does not change them
    assert against_truth(chosen, Wish.parse({"says.A": "x"})) == [AgainstTruth("A", 1, 1), AgainstTruth("B", 0, 0)]
    assert against_truth(chosen, Wish(split=("test",))) == [AgainstTruth("A", 1, 0)]
    before_a_run = Selections(items([[0, -1]], ("A",), truth=[-1, -1]))
    assert against_truth(before_a_run, Wish()) == []
    with pytest.raises(OptionError, match="against is about the learned truth"):
        before_a_run.rows(Wish(against=("other",)))


def test_what_nobody_labelled_is_not_disputed() -> None:
    chosen = Selections(items([[-1, 0, 0], [-1, 0, 1]], truth=[-1, -1, -1]))
    assert chosen.rows(Wish()).tolist() == [2, 0, 1]


def test_random_is_a_permutation_that_the_seed_repeats() -> None:
    many = items([list(np.arange(10) % 3)], ("A",))
    chosen = Selections(many)
    first = chosen.rows(Wish(sort="random", seed=1)).tolist()
    second = chosen.rows(Wish(sort="random", seed=2)).tolist()
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert Selections(many).rows(Wish(sort="random", seed=1)).tolist() == first


def test_what_was_settled_filters_and_a_new_version_is_another_list() -> None:
    chosen = Selections(FOUR)
    by_whom = np.array([0, -1, 1, -1], dtype=np.int16)
    first = Decided(np.array([2, -1, -2, -1], dtype=np.int16), by_whom, ("Ada", "Bob"), version=1)
    asked = {"settled": [0], "skipped": [2], "open": [1, 3], "settled|skipped": [0, 2]}
    for reviewed, expected in asked.items():
        assert chosen.rows(Wish.parse({"reviewed": reviewed, "sort": "name"}), first).tolist() == expected
    assert chosen.rows(Wish.parse({"reviewer": "Bob", "sort": "name"}), first).tolist() == [2]
    assert chosen.rows(Wish.parse({"reviewer": "Cem", "sort": "name"}), first).tolist() == []
    second = Decided(np.array([2, -1, -2, 0], dtype=np.int16), by_whom, ("Ada", "Bob"), version=2)
    assert chosen.rows(Wish.parse({"reviewed": "open", "sort": "name"}), second).tolist() == [1]
    assert chosen.rows(Wish.parse({"reviewed": "open", "sort": "name"}), first).tolist() == [1, 3]


def test_tags_filter_and_what_is_set_aside_is_shown_only_when_asked_for() -> None:
    chosen = Selections(FOUR)
    rows = {"set aside": np.array([1], np.int32), "blurred": np.array([0, 1], np.int32)}
    decided = Decided(*(np.full(4, -1, np.int16) for _ in range(2)), tags=rows, marked=1)
    asked = {
        "": [0, 2, 3],
        "blurred": [0, 1],
        "set aside": [1],
        "*none*": [2, 3],
        "set aside|*none*": [1, 2, 3],
        "no": [],
    }
    for tag, expected in asked.items():
        assert chosen.rows(Wish.parse({"tag": tag, "sort": "name"}), decided).tolist() == expected


def test_case_counts_are_those_of_a_count_by_hand() -> None:
    rng = np.random.default_rng(0)
    n, coders = 500, ("A", "B", "machine:A", "machine:B")
    labels = rng.integers(-1, 3, (4, n))
    big = LearnedItems(
        pa.array([f"i{i}" for i in range(n)]), coders, CLASSES, sparse(labels),
        *(rng.integers(0, 3, n).astype(np.int16) for _ in range(2)), np.full(n, -1, np.int16),
        *(rng.random(n).astype(np.float32) for _ in range(2)), rng.integers(0, 3, n).astype(np.int16),
        ("A", "A+B", "unlabelled"), np.zeros(n, np.int16), ("",),
    )  # fmt: skip
    wish = Wish(
        truth=("y",), confidence=(0.2, 1.0), pair=("A", "B"), cases=(2,)
    )  # pair and case do not narrow the counts
    by_origin = Selections(big).case_counts(wish)
    keep = (big.truth == 1) & (big.confidence >= np.float32(0.2))
    expected = {}
    for a, b in combinations(range(4), 2):
        case = cases(labels[a], labels[b], big.truth)
        for o, origin in enumerate(big.origins):
            counts = tuple(int(((case == c) & keep & (big.origin == o)).sum()) for c in range(1, 6))
            if sum(counts):
                expected[coders[a], coders[b], origin] = counts
    assert {(c.first, c.second, c.origin): c.cases for c in by_origin} == expected
    assert all(c.items == sum(c.cases) for c in by_origin)
    bars = [(c.first, c.second, c.origin) for c in Selections(big).case_counts(Wish())]
    nothing_fits = Selections(big).case_counts(Wish(search="nobody"))
    assert [(c.first, c.second, c.origin) for c in nothing_fits] == bars  # they stay, in their order
    assert sum(c.items for c in nothing_fits) == 0
    of_one = Selections(big).case_counts(Wish(pair=("A", "B"), origin=("A",)))  # as a click on a part of a bar asks
    assert [c.items for c in of_one] == [c.items for c in Selections(big).case_counts(Wish())]
    both_machines = [c.first.startswith("machine:") for c in by_origin]
    assert both_machines == sorted(both_machines)  # who is a person comes first


def test_where_almost_every_image_has_its_own_set_of_coders_all_are_counted_together() -> None:
    rng = np.random.default_rng(1)
    sets = tuple(f"A+B+w{i:02d}" for i in range(30))
    many = replace(
        items([rng.integers(0, 3, 10).tolist() for _ in range(2)], truth=rng.integers(0, 3, 10).tolist()),
        origins=sets,
        origin=np.arange(10, dtype=np.int16),
    )
    case = cases(many.labels.of_coder(0), many.labels.of_coder(1), many.truth)
    (bar,) = Selections(many).case_counts(Wish())
    assert (bar.first, bar.second, bar.origin) == ("A", "B", "")
    assert bar.cases == tuple(int((case == c).sum()) for c in range(1, 6))
    assert facet_counts(Selections(many), Wish())["origin"] == {}
    assert facet_counts(Selections(many), Wish(origin=(sets[3],)))["origin"] == {sets[3]: 1}  # a link still asks for it
    few = replace(many, origins=sets[:24])
    assert [b.origin for b in Selections(few).case_counts(Wish())] == list(sets[:10])


def test_people_come_first_where_labels_contradict_the_truth() -> None:
    chosen = items([[0, -1], [1, 1]], ("A", "machine:A"), truth=[0, 0])
    # The machine contradicts both; where a person spoke that is no dispute.
    assert chosen.contradicted.tolist() == [False, True]


def test_the_adjudicator_is_no_coder_to_compare() -> None:
    chosen = Selections(items([[0, 1], [1, 1], [0, 0]], ("A", "B", ADJUDICATOR)))
    assert chosen.pairs == [(0, 1)]
    assert chosen.items.human.tolist() == [True, True, False]


def test_pairs_of_people_come_before_those_of_machine_coders_who_meet_more_often() -> None:
    many = [[0] * 9] * 7
    chosen = Selections(items([*many, [0] + [-1] * 8, [1] + [-1] * 8], (*(f"machine:{n}" for n in range(7)), "A", "B")))
    assert chosen.pairs[0] == (7, 8) and len(chosen.pairs) == 15 < chosen.pairs_in_all
    assert not any(a < 7 and b < 7 for a, b in chosen.pairs)
    (first, *_) = chosen.case_counts(Wish())
    assert (first.first, first.second, first.items) == ("A", "B", 1)


def test_rows_are_found_by_name_one_by_one_and_many_at_once() -> None:
    many = items([[0] * 10], ("A",))
    assert many.row("c") == 2
    assert many.row("nobody") == -1
    names = [*"jab", "nobody", *"cdefghi", *(f"no{i}" for i in range(20))]
    assert many.rows(names).tolist() == [9, 0, 1, -1, 2, 3, 4, 5, 6, 7, 8, *[-1] * 20]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"case": "9"}, "case must be a whole number up to 5"),
        ({"case": "1,x"}, "case must be a whole number up to 5, got 'x'"),
        ({"case": "0"}, "case must be numbers from 1 to 5, or differ"),
        ({"case": "²"}, "case must be a whole number"),
        ({"confidence": "0.9"}, "such as 0.5-0.9"),
        ({"confidence": "0.9-0.1"}, "such as 0.5-0.9"),
        ({"confidence": "nan-1"}, "such as 0.5-0.9"),
        ({"sort": "wronk"}, "Did you mean 'wrong'"),
        ({"reviewed": "maybe"}, "unknown reviewed"),
        ({"reviewed": "settled|maybe"}, "unknown reviewed 'maybe'"),
        ({"labels": "differs"}, "Did you mean 'differ'"),
        ({"pair": "A|B|C"}, "two coders with | between"),
        ({"search": "x" * 201}, "at most 200 characters"),
        ({"pair": "A"}, "two coders with | between"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_in_words(asked: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message.replace("|", r"\|")):
        Wish.parse(asked)


def test_names_with_a_bar_stand_in_a_pair() -> None:
    odd = items([[0, 0], [0, 1]], ("x|y", "100%7C"))
    wish = Wish.parse({"pair": "x%7Cy|100%257C"})
    assert wish.pair == ("x|y", "100%7C")
    assert len(Selections(odd).rows(wish)) == 2


@pytest.mark.parametrize("names", [("x|y", "100%7C", "%"), ("",), ("", "a"), ("é", "*any*")], ids=str)
def test_names_in_an_address_come_back_as_they_were(names: tuple[str, ...]) -> None:
    assert split_names(join_names(names)) == names


def test_what_is_about_a_learned_truth_is_refused_before_there_is_one() -> None:
    chosen = Selections(items([[0, 1]], ("A",), truth=[-1, -1]))
    for asked in ({"truth": "x"}, {"network": "x"}, {"case": "1"}, {"confidence": "0.5-1"}, {"sort": "wrong"}):
        with pytest.raises(OptionError, match="there is no run yet"):
            chosen.require(Wish.parse(asked))
    chosen.require(Wish.parse({"says.A": "x", "labels": "differ", "sort": "disputed", "search": "a"}))
    assert chosen.case_counts(Wish()) == []


@pytest.mark.parametrize(
    "asked", [{"truth": "w"}, {"truth": "x|w"}, {"origin": "C"}, {"split": "west"}, {"says.A": "w"}], ids=str
)
def test_names_that_are_not_there_are_refused(asked: dict[str, str]) -> None:
    for ask in (Selections(FOUR).rows, Selections(FOUR).require):
        with pytest.raises(OptionError, match="there is no"):
            ask(Wish.parse(asked))


def test_a_coder_that_is_not_there_is_refused() -> None:
    for ask in (Selections(FOUR).rows, Selections(FOUR).require):
        for asked in ({"says.C": "x"}, {"pair": "A|C"}):
            with pytest.raises(RunError, match="no coder 'C'"):
                ask(Wish.parse(asked))
