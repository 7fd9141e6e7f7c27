"""Coders beside each other: agreement, groups, whom a coder is alone with, drift; in Python and by the routes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_gallery_routes import RUN, ask, workspace_path
from test_many_routes import of_labels
from test_selection import items

from ltnet_core.annotations import ADJUDICATOR, MACHINE_PREFIX
from ltnet_core.errors import OptionError, RunError
from ltnet_core.explore.coders import CoderFacts, alone_with, coder_facts, compare_coders
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import Wish
from ltnet_core.runs.learned_items import LearnedItems
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items

__all__ = ["workspace_path"]  # the fixture


def two_schools(n: int = 300, seed: int = 0) -> tuple[LearnedItems, np.ndarray]:
    """Coders a, c, e say the truth, b, d call x what is y; each errs on a tenth and is silent on a third."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    labels = np.stack([np.where(truth == 1, 0, truth) if c in (1, 3) else truth for c in range(5)])
    wrong = rng.random(labels.shape) < 0.1
    labels[wrong] = rng.integers(0, 3, int(wrong.sum()))
    labels[rng.random(labels.shape) < 1 / 3] = -1
    return items(labels.tolist(), ("a", "b", "c", "d", "e"), truth=truth), labels


def test_agreement_is_counted_and_those_who_label_alike_stand_together() -> None:
    schools, labels = two_schools()
    compared = compare_coders(schools)
    group = dict(zip(compared.coders, compared.group.tolist(), strict=True))
    assert group["a"] == group["c"] == group["e"] != group["b"] == group["d"]
    assert compared.group.tolist() == sorted(compared.group.tolist())
    for i, first in enumerate(compared.coders):
        for j, second in enumerate(compared.coders):
            a, b = labels["abcde".index(first)], labels["abcde".index(second)]
            both = (a >= 0) & (b >= 0)
            assert compared.shared[i, j] == both.sum()
            if i == j:
                assert np.isnan(compared.agreement[i, j])
            else:
                assert compared.agreement[i, j] == pytest.approx((a == b)[both].mean())


def test_coders_without_structure_are_one_group_and_the_fewest_have_an_order() -> None:
    rng = np.random.default_rng(1)
    noise = items(rng.integers(0, 3, (6, 200)).tolist(), tuple("abcdef"))
    assert set(compare_coders(noise).group) == {0}
    alike = items([[0, 1, 2] * 4] * 4, tuple("abcd"))
    assert set(compare_coders(alike).group) == {0}
    for labels in ([[0, 1, 1]], [[0, 1, 1], [0, -1, 1]], [[0, -1], [-1, 1], [-1, -1], [0, -1]]):
        compared = compare_coders(items(labels, tuple("abcd"[: len(labels)])))
        assert np.isnan(compared.agreement).all()
        assert set(compared.group) == {-1}
    assert compare_coders(items([[0, -1], [-1, 1], [-1, -1]], tuple("abc"))).coders == ("a", "b")
    apart = compare_coders(items([[0] + [-1] * 6, [1] * 7, [0, *[1] * 6]], tuple("abc")))
    assert (apart.coders[-1], apart.group.tolist()) == ("a", [0, 0, -1])
    with_judge = items([[0, 1], [0, 1], [1, 1]], ("a", "b", ADJUDICATOR))
    assert compare_coders(with_judge).coders == ("a", "b")


def test_of_many_coders_those_with_the_most_labels_are_compared() -> None:
    labels = np.zeros((50, 60), int)
    labels[:10, 30:] = -1
    compared = compare_coders(items(labels.tolist(), tuple(f"c{n}" for n in range(50))))
    assert compared.left_out == 10
    assert sorted(compared.coders) == sorted(f"c{n}" for n in range(10, 50))


def test_a_coder_is_alone_where_no_other_person_gave_its_label_and_two_others_labelled() -> None:
    labels = [
        [0, 0, 0, 0, -1, 0, 0],
        [1, 0, 1, -1, 1, 2, -1],
        [1, 1, -1, 1, 1, 1, 1],
        [0, 1, 1, 1, 0, 0, 1],  # a machine
    ]
    some = items(labels, ("a", "b", "c", MACHINE_PREFIX + "a"))
    assert np.flatnonzero(alone_with(some, "a")).tolist() == [0, 5]
    assert np.flatnonzero(alone_with(some, "b")).tolist() == [5]
    rows = Selections(some).rows(Wish.parse({"alone": "a", "sort": "name"}))
    assert rows.tolist() == [0, 5]
    with pytest.raises(RunError, match="no coder 'z'"):
        Selections(some).require(Wish(alone="z"))


def test_a_coder_that_tires_is_seen_to_drift() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 400)
    tires = np.where(np.arange(400) < 200, truth, rng.integers(0, 3, 400))
    steady = truth.copy()
    some = items([tires.tolist(), steady.tolist(), truth.tolist()], ("tires", "steady", "third"), truth=truth)
    facts = coder_facts(some, "tires")
    assert facts.drifts
    assert facts.halves[0].share == 1.0
    assert facts.halves[1].share == pytest.approx((tires == truth)[200:].mean())
    assert facts.right.share == pytest.approx((tires == truth).mean())
    assert [p.items for p in facts.parts] == [40] * 10
    assert facts.alone == int((tires != truth).sum())
    assert not coder_facts(some, "steady").drifts


def test_before_any_run_a_coder_is_compared_with_most_of_the_others() -> None:
    labels = [[0, 1, 2, 0], [0, 1, 1, -1], [0, 2, 1, -1], [1, 1, 1, -1]]
    some = items(labels, tuple("abcd"), truth=[-1] * 4)
    facts = coder_facts(some, "a")
    assert (facts.right.items, facts.right.share) == (3, pytest.approx(2 / 3))
    assert facts.annotations == 4
    silent = coder_facts(items([[-1, -1], [0, 1]], ("a", "b")), "a")
    assert (silent.annotations, silent.right.items, silent.drifts) == (0, 0, False)
    with pytest.raises(OptionError, match="no coder to compare"):
        coder_facts(items([[0], [0]], ("a", ADJUDICATOR)), ADJUDICATOR)


def test_the_routes_tell_what_python_computes(workspace_path: Path) -> None:
    learned = load_items(Run(workspace_path / "runs" / RUN))
    content = ask("coders").json
    compared = compare_coders(learned)
    assert content["coders"] == list(compared.coders)
    assert content["shared"] == compared.shared.tolist()
    assert content["agreement"][0][0] is None
    assert content["agreement"][0][1] == pytest.approx(compared.agreement[0, 1], abs=1e-4)
    facts: CoderFacts = coder_facts(learned, "Alpha")
    one = ask("coders/of", coder="Alpha").json
    assert (one["annotations"], one["alone"], one["drifts"]) == (facts.annotations, facts.alone, facts.drifts)
    assert one["right"]["share"] == pytest.approx(facts.right.share, abs=1e-4)
    assert ask("items", alone="Alpha", split="*any*", limit=1).json["total"] == facts.alone
    assert ask("coders/of", coder="Nobody").status == 404
    assert ask("coders/of", coder=ADJUDICATOR).status == 422
    assert set(of_labels("coders").json["coders"]) <= set(learned.coders)
    for path in ("coders", "coders/of"):
        assert ask(path, "").status == 403
