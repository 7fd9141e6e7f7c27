"""What settling brought: against the posterior computed anew, and counts by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_run import write_fake_run
from run_results import matrices_of

from ltnet_core.annotations import ADJUDICATOR
from ltnet_core.explore.gains import NEXT, gains
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, open_results


@pytest.fixture(scope="module")
def run(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(write_fake_run(tmp_path_factory.mktemp("gains") / "run", demo))


def least_sure(run: Run, count: int) -> dict[str, str]:
    """The known truth of the items that the run is least sure of."""
    items = load_items(run)
    rows = np.argsort(items.confidence[: items.learned_from()], kind="stable")
    rows = rows[items.known[rows] >= 0][:count]
    return {str(items.names[int(r)].as_py()): items.classes[items.known[r]] for r in rows}


def test_without_answers_nothing_changed_and_the_next_are_the_least_confident(run: Run) -> None:
    items = load_items(run)
    n = items.learned_from()
    none = gains(run, items, {})
    assert (none.settled, none.changed, none.matrices, none.open) == (0, 0, (), n)
    doubt = np.sort(1 - items.confidence[:n].astype(np.float64))[::-1]
    assert none.expected == pytest.approx(doubt[:NEXT].sum())
    names = items.names.to_pylist()
    order = np.argsort(items.confidence[:n], kind="stable")
    fewer = gains(run, items, {}, left_out=[names[order[0]], "gone.png"], skipped=[names[order[1]]])
    assert fewer.expected == pytest.approx(doubt[2 : NEXT + 2].sum())
    assert fewer.open == n - 2
    assert none.sentences()[0] == "Nothing settled yet."


def test_the_answers_are_counted_and_the_others_follow_from_the_matrices(run: Run) -> None:
    items, decisions = load_items(run), dict(list(least_sure(run, 120).items())[::2])
    order = [*items.classes, items.classes[0]]
    decisions = {image: order[order.index(label) + 1] for image, label in decisions.items()}  # as no coder would say
    counted = gains(run, items, {**decisions, "gone.png": "fear"})
    rows = items.rows(list(decisions))
    truth = np.asarray([items.classes.index(k) for k in decisions.values()])
    assert counted.settled == 60
    assert counted.corrected == int((items.truth[rows] != truth).sum()) > 0
    assert counted.promised == pytest.approx((1 - items.confidence[rows].astype(float)).sum())
    # By hand: T counted again by its definition, then r by its own, item after item.
    about, results = matrices_of(run.folder), open_results(run)
    coders, k, n = list(items.coders), len(items.classes), items.learned_from()
    t, counts = (np.asarray([about[name][c] for c in coders]) for name in ("coders", "counts"))
    votes = [results.annotations(items, row) for row in range(n)]
    r = results.posterior(n)
    again = counts.copy()
    for row, label in zip(rows, truth, strict=True):
        for coder, token in votes[row].items():
            again[coders.index(coder)] += np.outer(np.eye(k)[label] - r[row], token)
    new = t * (again + 0.5) / (counts + 0.5)
    new /= new.sum(2, keepdims=True)
    p = np.concatenate(list(results.image_p(items)))[:n]
    changed = 0
    for row in set(range(n)) - set(rows.tolist()):
        log_r = np.log(p[row])
        for coder, token in votes[row].items():
            c = coders.index(coder)
            share = 1.0 if coder.startswith("machine:") else results.share(items, row)
            log_r += about["weights"][coder] * share * np.log(new[c]) @ token
        changed += int(log_r.argmax() != items.truth[row])
    assert counted.elsewhere == changed > 0
    assert counted.changed == counted.corrected + changed
    people = {m.coder: m for m in counted.matrices}
    assert set(people) == {"Alpha", "Beta"}
    for coder, gain in people.items():
        assert gain.annotations == sum(coder in votes[row] for row in rows)
        wide = np.diagonal(np.asarray(about["high"][coder]) - np.asarray(about["low"][coder])) / 2
        assert gain.before == pytest.approx(wide.mean())
        assert 0 < gain.after < gain.before
    assert re.fullmatch(rf"60 settled: {counted.changed} truths changed, matrix of \w+ ± .*\.", counted.sentences()[0])


def test_what_is_set_aside_or_learned_from_is_not_counted_again(run: Run) -> None:
    items, decisions = load_items(run), least_sure(run, 10)
    first = next(iter(decisions))
    assert gains(run, items, decisions, left_out=[first]).settled == 9
    labels = items.labels.of_coder(0)
    as_before = replace(items, coders=(ADJUDICATOR, *items.coders[1:]))
    row = int(np.flatnonzero(labels[: items.learned_from()] >= 0)[0])
    name = str(items.names[row].as_py())
    again = gains(run, as_before, {name: items.classes[labels[row]]})
    assert (again.settled, again.learned_already, again.changed) == (0, 1, 0)
    assert again.sentences()[0] == "Nothing settled since this run, which learned from 1 settled image."


def test_a_test_image_and_an_unknown_class_bring_nothing(run: Run) -> None:
    items = load_items(run)
    tested = str(items.names[len(items) - 1].as_py())
    assert gains(run, items, {tested: items.classes[0], str(items.names[0].as_py()): "no class"}).settled == 0
