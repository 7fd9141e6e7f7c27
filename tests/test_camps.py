"""Camps: groups of coders who agree within more than the groups do with each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Command

import ltnet_core.labels.aggregation.camps as module
from ltnet_core.annotations import AnnotationTable
from ltnet_core.labels.aggregation import camps_note
from ltnet_core.labels.aggregation.camps import camps
from ltnet_core.labels.agreement import cohen_kappa, pair_counts
from ltnet_core.labels.labels_alone import labels_alone, note

CODERS, CLASSES = 8, 4


def crowd(kind: str, seed: int = 0, items: int = 400, each: int = 6) -> AnnotationTable:
    """Eight coders are right seven times in ten and err apart, but for the last three, or four, by ``kind``."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(CLASSES, items, p=[0.4, 0.3, 0.2, 0.1])
    sees = np.tile(truth[:, None], (1, CODERS))
    if kind == "copies":
        sees[:, 5:] = np.where(rng.random(items) < 0.7, truth, rng.integers(0, CLASSES, items))[:, None]
    elif kind == "school":  # what the others call 0 they call 1, and 2 they call 3
        sees[:, 4:] = np.where(truth % 2 == 0, truth + 1, truth)[:, None]
    elif kind == "adversaries":
        sees[:, 5:] = (truth[:, None] + 1) % CLASSES
    right = rng.random(sees.shape) < 0.7
    if kind == "copies":
        right[:, 5:] = True
    said = np.where(right, sees, rng.integers(0, CLASSES, sees.shape))
    item, place = np.divmod(np.arange(items * each), each)
    coder = rng.random(sees.shape).argsort(1)[item, place]
    return AnnotationTable(
        np.array([f"{i:04d}" for i in range(items)], dtype=object), tuple("ABCDEFGH"), tuple("abcd"),
        item.astype(np.int32), coder.astype(np.int32), said[item, coder].astype(np.int32),
        np.ones(len(item), np.float32),
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "smaller"), [("copies", "FGH"), ("school", "EFGH"), ("adversaries", "FGH")])
def test_coders_who_err_together_are_a_camp(kind: str, smaller: str) -> None:
    table = crowd(kind)
    found = camps(table)
    assert found is not None
    named = set(found.smaller)
    # Of two camps of one size either may be the smaller.
    assert named == set(smaller) or (kind == "school" and named == set("ABCD"))
    assert len(found.smaller) + found.others == CODERS
    assert found.between < 0.8 * np.sqrt(found.within * found.within_others)
    if kind == "copies":
        assert found.within == pytest.approx(1)
    told = camps_note(table)
    assert told.startswith(f"The coders are two camps: {len(named)} of them (")
    assert f"kappa {found.within:.2f}) and the {found.others} others do ({found.within_others:.2f})" in told
    renamed = AnnotationTable(
        table.items, table.coders[::-1], table.classes, table.item, (CODERS - 1 - table.coder).astype(np.int32),
        table.label, table.count,
    )  # fmt: skip
    again = camps(renamed)
    assert again is not None and set(again.smaller) == named


def test_coders_who_err_apart_are_no_camps() -> None:
    assert [seed for seed in range(10) if camps(crowd("", seed)) is not None] == []
    assert camps_note(crowd("")) == ""


def test_camps_need_two_coders_each_and_enough_that_they_share() -> None:
    assert camps(crowd("copies").keep_coders(["A", "B", "G"])) is None
    assert camps(crowd("copies", items=12)) is None
    assert camps(crowd("copies", each=1)) is None


def test_a_run_tells_the_camps_too() -> None:
    table = crowd("copies", items=150)
    assert "two camps" in camps_note(table)
    assert note(labels_alone(table)).endswith(camps_note(table))


def test_aggregate_tells_camps_whatever_the_method(ltnet: Command, tmp_path: Path) -> None:
    for kind, told in (("copies", True), ("", False)):
        crowd(kind).to_frame().drop(columns="count").to_csv(tmp_path / "crowd.csv", index=False)
        out = ltnet("aggregate", tmp_path / "crowd.csv", "--method", "majority", "--out", tmp_path / "truth.csv")
        assert out.returncode == 0, out.stderr
        assert ("The coders are two camps" in out.stderr) == told


def test_agreement_above_chance_is_kappa_of_the_items_that_two_coders_share() -> None:
    table = crowd("school", items=60)
    above, most = module._above_chance(module._agreement_by_block(table).sum((0, 1)))
    counts = pair_counts(table.labels_of("B"), table.labels_of("G"), CLASSES)
    assert above[1, 6] / most[1, 6] == pytest.approx(cohen_kappa(counts))
    n, chance = counts.sum(), counts.sum(1) @ counts.sum(0) / counts.sum()
    assert above[6, 1] == pytest.approx((np.trace(counts) - chance) * n / (n - 1))  # an unbiased covariance
    assert not above.diagonal().any()


def test_votes_of_a_coder_count_one_annotation() -> None:
    table = crowd("copies")
    votes = AnnotationTable(
        table.items, table.coders, table.classes, table.item, table.coder, table.label, table.count * 5
    )
    assert camps(votes) == camps(table)


def test_of_many_coders_and_items_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    table = crowd("copies")
    monkeypatch.setattr(module, "MOST_CELLS", (CLASSES + 2) * 7**2)
    monkeypatch.setattr(module, "MOST_ANNOTATIONS", len(table) // 2)
    part = module._bounded(table)
    assert len(part.coders) == 7
    left_out = set(table.coders) - set(part.coders)
    made = dict(zip(table.coders, table.annotations_per_coder(), strict=True))
    assert made[left_out.pop()] == min(made.values())
    assert len(table) / 4 < len(part) < len(table) / 2 * 1.2
