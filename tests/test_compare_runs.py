"""Runs side by side: figures per class, calibration, what differs, what changed, and what people call them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from asgi import request
from fake_run import write_fake_run, write_made_up_results
from page_driver import link, open_page, seen
from sklearn.metrics import f1_score, precision_score, recall_score

from ltnet_core import load_dataset
from ltnet_core.datasets.formats.joined import Source
from ltnet_core.errors import OptionError, RunError
from ltnet_core.explore.changed_truth import changed_truth
from ltnet_core.explore.figures import CalibrationCurve, ClassFigures, rows_of_test
from ltnet_core.explore.selection import Selections, Wish
from ltnet_core.files.writing import write_json
from ltnet_core.labels.intervals import wilson
from ltnet_core.runs.evaluation import macro_f1
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, open_results
from ui import compare, compare_runs, gallery_routes, opened, run_notes, workspace
from ui.tokens import token


@pytest.fixture(scope="module")
def two_runs(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two finished runs of the small demo, of which the second learned other truths."""
    workspace_path = tmp_path_factory.mktemp("compare")
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "one", demo)
    shutil.copytree(workspace_path / "runs" / "one", workspace_path / "runs" / "two")
    spec = json.loads((workspace_path / "runs" / "two" / "spec.json").read_text())
    spec |= {"seed": 7, "settings": {**spec["settings"], "schedule": {**spec["settings"]["schedule"], "epochs": 3}}}
    write_json(workspace_path / "runs" / "two" / "spec.json", spec)
    write_made_up_results(Run(workspace_path / "runs" / "two"), load_dataset(demo), seed=1)
    return workspace_path


@pytest.fixture
def workspace_path(two_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(two_runs, tmp_path / "w")
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "w"))
    opened._gallery_of_run.cache_clear()
    return tmp_path / "w"


def test_figures_per_class_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    truth, drawn = rng.integers(0, 3, 200), rng.integers(0, 4, 200)
    counts = np.zeros((4, 4), dtype=np.int64)
    np.add.at(counts, (truth, drawn), 1)
    class_figures = ClassFigures(("a", "b", "c", "d"), counts)
    labels, options = [0, 1, 2, 3], {"average": None, "zero_division": np.nan}
    np.testing.assert_allclose(class_figures.recall, recall_score(truth, drawn, labels=labels, **options))
    np.testing.assert_allclose(class_figures.precision, precision_score(truth, drawn, labels=labels, **options))
    np.testing.assert_allclose(class_figures.f1, f1_score(truth, drawn, labels=labels, **options))
    assert class_figures.accuracy == pytest.approx((truth == drawn).mean())
    low, high = class_figures.macro_f1_interval() or (0.0, 0.0)
    assert low < (class_figures.macro_f1 or 0) < high < low + 0.2
    present = np.union1d(truth, drawn)
    macro = f1_score(truth, drawn, labels=present, average="macro", zero_division=0.0)
    assert macro_f1(truth, drawn) == pytest.approx(macro) == pytest.approx(class_figures.macro_f1)
    # Without an error, or with nothing else, every draw is alike; ten images are no proof all the same.
    right = ClassFigures(("a", "b"), np.asarray([[5, 0], [0, 5]]))
    assert right.macro_f1 == 1.0 and right.macro_f1_interval() == wilson(1.0, 10) != (1.0, 1.0)
    wrong = ClassFigures(("a", "b"), np.asarray([[0, 5], [5, 0]]))
    assert wrong.macro_f1_interval() == wilson(0.0, 10) != (0.0, 0.0)
    nothing = ClassFigures(("a",), np.zeros((1, 1), dtype=np.int64))
    assert (nothing.accuracy, nothing.macro_f1, nothing.macro_f1_interval()) == (None, None, None)


def test_a_calibration_curve_by_hand() -> None:
    curve = CalibrationCurve.of(np.asarray([0.91, 0.99, 1.0, 0.12]), np.asarray([True, True, False, False]))
    np.testing.assert_allclose(curve.confidence, [0.12, (0.91 + 0.99 + 1) / 3])
    np.testing.assert_allclose(curve.accuracy, [0, 2 / 3])
    assert curve.items.tolist() == [1, 3]


def test_a_run_s_figures_are_of_its_test_images(workspace_path: Path) -> None:
    run = Run(workspace_path / "runs" / "one")
    items = load_items(run)
    (test,) = [s for s in items.splits if s]
    result = compare_runs.on_test(run, test)
    rows = rows_of_test(items, test)
    assert result.figures.items == len(rows) == int((items.split == items.splits.index(test)).sum()) > 0
    assert result.figures.accuracy == pytest.approx((items.network[rows] == items.known[rows]).mean())
    assert result.curve is not None and result.curve.items.sum() == len(rows)
    parts = open_results(run).image_p(items)
    assert parts is not None
    p = np.concatenate(list(parts))
    assert (p.argmax(1) == items.network).all()
    weighed = (result.curve.confidence * result.curve.items).sum() / len(rows)
    assert weighed == pytest.approx(p[rows].max(1).mean(), abs=1e-6)
    assert rows_of_test(items, "no such set").tolist() == []


def test_every_method_is_counted_by_class(workspace_path: Path) -> None:
    run = Run(workspace_path / "runs" / "two")
    (test,) = [s for s in load_items(run).splits if s]
    kept = json.loads(run.result("evaluation.json").read_text())["tests"][test]["methods"]
    by_method = compare_runs.methods_on_test(run, test)
    assert list(by_method) == ["ltnet"], "the others say nothing of images that nobody labelled"
    own = compare_runs.on_test(run, test)
    for method, result in by_method.items():
        assert result.figures.accuracy == pytest.approx(kept[method]["accuracy"])
        assert result.figures.macro_f1 == pytest.approx(kept[method]["macro_f1"])
        assert result.figures.items == kept[method]["items"] == result.curve.items.sum()
    np.testing.assert_array_equal(own.figures.counts, by_method["ltnet"].figures.counts)
    np.testing.assert_allclose(own.curve.accuracy, by_method["ltnet"].curve.accuracy)
    assert own.macro_f1_interval == by_method["ltnet"].macro_f1_interval
    # A run that kept no counts is counted from its items.
    assert list(compare_runs.methods_on_test(Run(workspace_path / "runs" / "one"), test)) == ["ltnet"]


def test_runs_are_sorted(workspace_path: Path) -> None:
    runs = [Run(workspace_path / "runs" / name) for name in ("two", "one")]
    run_notes.save(runs[0], "Try 10", "", [])
    run_notes.save(runs[1], "try 9", "", [])
    names = {o: [r.folder.name for r in compare_runs.in_order(runs, o)] for o in compare_runs.ORDERS}
    best, worst = (r.folder.name for r in sorted(runs, key=_accuracy, reverse=True))
    assert names == {"": ["two", "one"], "name": ["one", "two"], "accuracy": [best, worst]}
    at = open_page("compare", run="one", order="name")
    text = seen(at)
    assert text.index("try 9") < text.index("Try 10") and at.query_params["order"] in ("name", ["name"])


def _accuracy(run: Run) -> float:
    (test,) = json.loads(run.result("evaluation.json").read_text())["tests"].values()
    return float(test["methods"]["ltnet"]["accuracy"])


def test_old_runs_have_a_curve_too(golden: Path) -> None:
    items = load_items(Run(golden))
    parts = open_results(Run(golden)).image_p(items)
    assert parts is not None and sum(map(len, parts)) == len(items)


def test_changed_truths_are_counted_by_name_and_shown_by_the_gallery(workspace_path: Path) -> None:
    one, two = (load_items(Run(workspace_path / "runs" / name)) for name in ("one", "two"))
    changed, there = changed_truth(one, two)
    before = dict(zip(one.names.to_pylist(), one.truth.tolist(), strict=True))
    learned = two.learned_from()
    for row, name in enumerate(two.names.to_pylist()):
        assert changed[row] == (row < learned and before[name] != two.truth[row])
    assert there.sum() == learned and 0 < changed.sum() < learned
    assert not changed_truth(one, one)[0].any()
    rows = Selections(two, lambda name: one).rows(Wish.parse({"than": "one", "sort": "name"}))
    assert rows.tolist() == np.flatnonzero(changed).tolist()
    reply = request(
        gallery_routes.routes(),
        "GET",
        "/api/runs/two/items",
        headers={"x-gallery-token": token("two")},
        query={"than": "one"},
    )
    assert reply.json["total"] == changed.sum()
    for wrong in ("gone", "../one", ""):
        reply = request(
            gallery_routes.routes(),
            "GET",
            "/api/runs/two/items",
            headers={"x-gallery-token": token("two")},
            query={"than": wrong},
        )
        assert (reply.status == 404) == bool(wrong)
    with pytest.raises(RunError, match="no run 'one'"):
        Selections(two).rows(Wish(than="one"))


def test_settings_that_differ_and_no_others(workspace_path: Path) -> None:
    specs = [json.loads((workspace_path / "runs" / name / "spec.json").read_text()) for name in ("one", "two")]
    differing = compare_runs.differing_settings(specs)
    assert differing.pop("seed") == ["0", "7"]
    assert list(differing.values()) == [["8", "3"]], "the epochs, by their name for people"
    assert compare_runs.differing_settings([specs[0], specs[0]]) == {}
    with pytest.raises(OptionError, match="no settings"):
        compare_runs.differing_settings([specs[0], {}])


def test_notes_lie_beside_the_run_and_go_with_it_alone(workspace_path: Path) -> None:
    run = Run(workspace_path / "runs" / "one")
    before = {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()}
    assert run_notes.load(run) == run_notes.RunNote()
    kept = run_notes.save(run, "  Base  line ", "<b>\nlong", ["a", " a", "", "b " * 30])
    assert kept == run_notes.RunNote("Base line", "<b>\nlong", ("a", ("b " * 30)[:39]))
    assert run_notes.load(run) == kept and run_notes.title(run) == "Base line (one)"
    assert {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()} == before
    # Another run that takes the folder's name has no note; a damaged file holds none.
    spec = json.loads((run.folder / "spec.json").read_text())
    write_json(run.folder / "spec.json", {**spec, "created": 1.0})
    assert run_notes.load(run) == run_notes.RunNote()
    (workspace_path / "run-notes" / "one.json").write_text('{"name": 5')
    assert run_notes.title(run) == "one"


def test_the_page_compares_names_and_links(workspace_path: Path) -> None:
    at = open_page("compare", run="two")
    text = seen(at)
    assert "Per class" in text and "Calibration" in text and "Settings that differ" not in text
    at.text_input[0].set_value("Fewer <i>epochs</i>")
    at.text_input[1].set_value("cheap, draft")
    next(b for b in at.button if b.label == "Keep").click().run()
    at.multiselect(key="q_with").set_value(["one"]).run()
    assert not at.exception, at.exception
    assert "<bdi>Fewer &lt;i&gt;epochs&lt;/i&gt; (two)</bdi>" in next(e.body for e in at.html if "lt-crumbs" in e.body)
    text = seen(at)
    assert "Fewer &lt;i&gt;epochs&lt;/i&gt;" in text and "<i>epochs" not in text and "cheap" in text
    assert "Settings that differ" in text and "images have another learned truth than in one" in text
    assert at.query_params["with"] in ("one", ["one"])
    changed = int(changed_truth(*(load_items(Run(workspace_path / "runs" / n)) for n in ("one", "two")))[0].sum())
    assert f"See the {changed:,} images whose learned truth changed →" in [e.label for e in at.get("page_link")]
    # Two confusion matrices, of both runs.
    (test,) = [s for s in load_items(Run(workspace_path / "runs" / "two")).splits if s]
    names = at.selectbox(key="q_confusion").options
    assert names == ["LTNet · Fewer <i>epochs</i> (two)", "LTNet · one"]
    before = len(at.get("plotly_chart"))
    at.selectbox(key="q_beside").set_value("ltnet@one").run()
    assert len(at.get("plotly_chart")) == before + 1
    numbers = next(frame.value for frame in at.dataframe if "of" in frame.value)
    counts = compare_runs.methods_on_test(Run(workspace_path / "runs" / "one"), test)["ltnet"].figures.counts
    assert numbers[numbers["of"] == names[1]].iloc[:, 2:].to_numpy().tolist() == counts.tolist()
    # The address alone shows the same, and tells what is gone.
    at = open_page("compare", run="two", **{"with": "one"})
    assert "images have another learned truth than in one" in seen(at)
    assert "though the address names it: gone." in seen(open_page("compare", run="two", **{"with": "gone"}))


def test_a_study_with_more_labels_stands_beside_the_dataset_where_the_test_images_are_the_same(
    workspace_path: Path, tmp_path: Path
) -> None:
    faces = workspace_path / "datasets" / "faces" / "link.json"
    place = Path(json.loads(faces.read_text())["path"])
    first = pd.read_csv(place / "annotations.csv").head(30).assign(coder="Later")
    first.to_csv(tmp_path / "later.csv", index=False)
    sources = [Source("faces", str(place)), Source("later", str(tmp_path / "later.csv"))]
    more = workspace.add_joined("Faces and more", sources)
    twice = workspace.add_joined("Other images", [*sources[:1], Source("again", str(place))])
    for study in (more, twice):
        write_fake_run(workspace_path / "runs" / study.id, study.location)
    at = open_page("compare", run="two", **{"with": more.id})
    text = seen(at)
    assert "runs with the same test images" in text and twice.id not in text
    assert "dataset&#x27;s content" in text and f"another learned truth than in {more.id}" in text
    assert at.multiselect(key="q_with").options == [f"{more.id} of Faces and more", "one"]


def test_the_best_of_each_measure_is_bold_not_the_row_of_the_most_accurate() -> None:
    methods = {
        "majority": {"accuracy": 0.8, "ece": 0.3},
        "ltnet": {"accuracy": 0.7, "ece": 0.1},
        "mixture": {"accuracy": 0.8, "ece": None},
    }
    body = compare.table(methods, {"accuracy": "accuracy", "ece": "calibration error"})
    cells = re.findall(r'<td class="(n[^"]*)">([^< ]+)', body)
    assert cells == [
        ("n best", "80.0"),
        ("n", "30.0"),
        ("n", "70.0"),
        ("n best", "10.0"),
        ("n best", "80.0"),
        ("n", "–"),
    ]


def test_figures_with_and_without_an_interval_stand_below_each_other_and_their_heading() -> None:
    methods = {"a": {"accuracy": 0.5, "macro_f1": 0.4, "items": 9}, "b": {"accuracy": 0.6, "macro_f1": 0.5, "items": 9}}
    body = compare.table(methods, {"accuracy": "accuracy", "macro_f1": "macro F1", "ece": "error"}, {"b": (0.3, 0.7)})
    assert [cell.count('class="range"') for cell in re.findall(r"<t[hd] class=.*?</t[hd]>", body)] == [1, 1, 0] * 3
