"""What trains on what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ltnet_core.annotations import AnnotationTable
from ltnet_core.datasets import Study
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.errors import DatasetError
from ltnet_core.learning.plan import Plan, make_plan
from ltnet_core.method import METHODS
from ltnet_core.settings import make_settings


def study(labels: np.ndarray, test: int = 0, known: bool = True) -> Study:
    """A study without images from an (N,C) array of classes, −1 where absent; the last ``test`` items are a test set."""
    n, c = labels.shape
    item, coder = np.nonzero(labels >= 0)
    table = AnnotationTable(
        np.array([f"{i:04d}" for i in range(n)], dtype=object), tuple("XYZ"[:c]), ("cat", "dog"),
        item.astype(np.int32), coder.astype(np.int32), labels[item, coder].astype(np.int32), np.ones(len(item), np.float32),
    )  # fmt: skip
    test_set = np.where(np.arange(n) >= n - test, "test", "").astype(object)
    truth = np.where(known | (test_set != ""), np.arange(n) % 2, -1).astype(np.int32)
    return Study("toy", "plain", FolderFiles(Path("no such folder")), table, ("Ca", "Do"), truth, test_set)


def plan(of_study: Study, **changes: Any) -> Plan:
    few = {} if changes.get("method", "ltnet") != "ltnet" else {"fewest_annotations": 5}
    return make_plan(of_study, of_study.table, make_settings("quick", epochs=2, **few, **changes), seed=0)


def apart(n: int = 100) -> np.ndarray:
    """X labels the first half but the last tenth, Y the second half, nobody the last tenth."""
    labels = np.full((n, 2), -1)
    labels[: n // 2, 0] = np.arange(n // 2) % 2
    labels[n // 2 : -n // 10, 1] = np.arange(n - n // 2 - n // 10) % 2
    return labels


def test_coders_who_never_meet_need_the_network() -> None:
    planned = plan(study(apart()))
    assert not planned.by_labels
    assert list(planned.fits) == ["coder:X", "coder:Y", "warm-up", "mixture", "ltnet"]
    assert any("coders of different groups" in note for note in planned.notes)
    assert list(plan(study(apart()), comparisons=False).fits) == ["coder:X", "coder:Y", "warm-up", "ltnet"]
    assert list(plan(study(apart()), branch=0.0).fits) == ["coder:X", "coder:Y", "mixture", "ltnet"]
    train_items = set(planned.fits["ltnet"].train)
    assert train_items == set(range(100)) - set(planned.fits["ltnet"].validation)  # unlabelled ones too


@pytest.mark.parametrize(("epochs", "shared", "rest"), [(1, 1, 1), (2, 1, 1), (3, 1, 2), (10, 4, 6), (16, 6, 10)])
def test_ltnet_branches_off_one_schedule(epochs: int, shared: int, rest: int) -> None:
    of_study = study(apart())
    planned = make_plan(
        of_study, of_study.table, make_settings("quick", epochs=epochs, fewest_annotations=5), seed=0
    ).fits
    assert (planned["warm-up"].epochs, planned["mixture"].epochs, planned["ltnet"].epochs) == (shared, rest, rest)
    begin = shared / (shared + rest)
    assert planned["warm-up"].span == (0.0, begin)
    assert planned["mixture"].span == planned["ltnet"].span == (begin, 1.0)


def test_coders_who_label_everything_need_only_ltnet() -> None:
    everything = study(np.tile(np.arange(100)[:, None] % 2, (1, 3)))
    planned = plan(everything)
    assert planned.by_labels
    assert list(planned.fits) == ["coder:X", "coder:Y", "coder:Z", "mixture", "ltnet"]
    assert list(plan(everything, comparisons=False).fits) == ["ltnet"]
    assert "warm-up" in plan(everything, comparisons=False, transition_start="identity").fits


def test_a_run_without_machine_coders_says_nothing_of_what_they_label() -> None:
    everything, said = study(np.tile(np.arange(100)[:, None] % 2, (1, 3))), "the machine coders label only"
    assert any(said in note for note in plan(everything).notes)
    for none in ({"machine_coders": False}, {"comparisons": False}, {"fewest_annotations": 101}):
        settings = make_settings("quick", epochs=2, **none)
        assert not any(said in note for note in make_plan(everything, everything.table, settings, seed=0).notes)


@pytest.mark.parametrize("method", METHODS)
def test_training_and_validation_items_are_apart_and_test_items_in_neither(method: str) -> None:
    planned = plan(study(apart(), test=20), method=method)
    for fit in planned.fits.values():
        assert not set(fit.train) & set(fit.validation)
        assert max(*fit.train, *fit.validation) < 80
        assert len(fit.validation) > 0
    assert list(planned.fits)[-1] == METHODS[method].stage


def test_the_upper_bound_needs_known_truth() -> None:
    with pytest.raises(DatasetError, match="needs the known truth of annotated training items; there is none"):
        plan(study(apart(), test=10, known=False), method="truth")


def test_every_network_trains_on_two_items_or_more() -> None:
    """Batch norm knows no spread of one image."""
    labels = np.stack([np.arange(10) % 2, np.where(np.arange(10) < 2, np.arange(10), -1)], axis=1)
    few = study(labels)
    settings = make_settings("quick", epochs=2, fewest_annotations=2, validation_share=0.5)
    notes = set()
    for seed in range(8):
        made = make_plan(few, few.table, settings, seed)
        assert all(len(fit.train) > 1 for fit in made.fits.values())
        notes |= set(made.notes)
    assert "of the items of coder 'Y' all but 1 are held out: it gets no machine coder." in notes
    one = study(labels[:1])
    with pytest.raises(DatasetError, match="learns from 2 labelled training items or more, there is 1; label more"):
        make_plan(one, one.table, settings, 0)
