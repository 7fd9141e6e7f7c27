"""Every page, driven without a browser: empty, with a dataset, with a run; the form of training."""

from __future__ import annotations

import html
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fake_run import write_fake_run
from page_driver import component_data, link, open_page, seen
from run_results import change_table, matrices_of, rows_of

from ltnet_core.errors import RunError
from ltnet_core.explore.actions import Action, Actions
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.explore.decided import SET_ASIDE
from ltnet_core.files.writing import write_json
from ltnet_core.labels.disagreement import CASES
from ltnet_core.runs.run import Run, Status
from ltnet_core.settings import PRESETS, make_settings
from ui import (
    commands,
    live,
    markup,
    progress,
    saved_views,
    tokens,
    workspace,
)
from ui.wording import PAGES


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_an_empty_workspace_says_what_to_do(workspace_path: Path, path: str) -> None:
    at = open_page(path)
    assert "No dataset yet" in seen(at)
    assert "Try the demo" in seen(at) if path == "dataset" else "demo in one click" in seen(at)


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_a_dataset_without_a_run(workspace_path: Path, demo: Path, path: str) -> None:
    link(workspace_path, demo)
    text = seen(open_page(path))
    assert "no run yet" in text
    if path == "dataset":
        assert "Class balance" in text
        assert "data:image/jpeg;base64," in text
    elif path == "disagreements":
        assert "need a finished run" in text
    elif path != "train":
        assert "This dataset has no run yet" in text


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_a_finished_run(workspace_path: Path, demo: Path, path: str) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    at = open_page(path, run="faces-1")
    text = seen(at)
    assert "finished" in text
    assert "faces-1" in text
    expected = {
        "train": "accuracy on the test images",
        "transitions": "Each row is a true class",
        "disagreements": "Where coders disagree",
        "compare": "LTNet is right on 86.0 % of the images, 7.0 points more",
        "export": "Learned truth",
        "predict": "Images nobody has labelled yet",
    }
    assert expected.get(path, "Class balance") in text


@pytest.mark.parametrize(
    "asked", [{"run": "faces-9"}, {"dataset": "cats", "run": ""}, {"dataset": "faces", "run": "faces-9"}], ids=str
)
def test_a_link_to_what_is_gone_says_so_and_shows_nothing_else(
    workspace_path: Path, demo: Path, asked: dict[str, str]
) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    at = open_page("transitions", **asked)
    text = html.unescape(seen(at))
    what = f"run '{asked['run']}'" if asked["run"] else "dataset 'cats'"
    assert f"There is no {what} here" in text
    assert "Each row is a true class" not in text
    assert {k: at.query_params[k] for k in asked} in (asked, {k: [v] for k, v in asked.items()})
    offered = [e.proto.label for e in at.get("page_link")]
    assert markup.label("faces · faces-1") in offered


def test_a_run_that_is_starting_is_waited_for(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    (workspace_path / "runs" / "faces-1").mkdir(parents=True)
    at = open_page("transitions", run="faces-1")
    text = html.unescape(seen(at))
    assert "It is starting" in text and "is not here" not in text and "Not found" not in text
    waiting = live.stamp(at.session_state["current"], "transitions")
    (workspace_path / "runs" / "faces-1").rmdir()
    write_fake_run(workspace_path / "runs" / "faces-1", demo, finished=False)
    assert live.stamp(at.session_state["current"], "transitions") != waiting, (
        "the page would wait for the end of the run"
    )
    assert "It is starting" not in seen(at.run())


def test_the_stages_say_what_they_are_for_and_count_the_epochs_that_were_asked_for() -> None:
    def epoch(stage: str, number: int, of: int) -> dict[str, object]:
        return {"event": "epoch", "stage": stage, "epoch": number, "epochs": of}

    status = Status("running", "ltnet", 1, 1, 0.5, None, "")
    settings = make_settings("quick", epochs=2)
    begun = [{"event": "stage", "stage": s, "time": t} for t, s in enumerate(("warm-up", "mixture", "ltnet"))]
    first = progress.stage_list([*begun[:1], epoch("warm-up", 1, 1)], replace(status, stage="warm-up"), settings)
    assert "where LTNet starts from" in first
    assert "epoch 1 of 2" in first
    then = progress.stage_list([*begun, epoch("warm-up", 1, 1), epoch("ltnet", 1, 1)], status, settings)
    assert "epoch 2 of 2" in then
    assert "for comparison" in then


def test_networks_that_train_side_by_side_are_all_at_work() -> None:
    def event(kind: str, stage: str, time: float, **facts: int) -> dict[str, object]:
        return {"event": kind, "stage": stage, "time": time, **facts}

    events = [event("stage", s, t, epochs=2) for t, s in enumerate(("coder:A", "coder:B", "coder:C"))]
    events += [event("epoch", "coder:B", 70.0 * n, epoch=n, epochs=2) for n in (1, 2)]
    events.append(event("epoch", "coder:A", 150.0, epoch=1, epochs=2))
    status = Status("running", "coder:A", 1, 2, 0.5, None, "")
    kinds = dict(progress.stages(events, status))
    assert [kinds[f"coder:{c}"] for c in "ABC"] == ["now", "done", "now"]
    shown = progress.stage_list(events, status)
    assert "epoch 1 of 2" in shown
    assert "2 min" in shown, "the time of B, to its last epoch"


@pytest.mark.parametrize("ending", [None, "cancelled", "failed"])
def test_a_run_that_stopped_can_be_resumed(workspace_path: Path, demo: Path, ending: str | None) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo, finished=False, ending=ending)
    at = open_page("train")
    assert [b.label for b in at.button if b.key == "resume"] == ["Resume"]
    assert not [b for b in at.button if b.key == "cancel"]
    at = open_page("transitions")
    assert "It has no results" in seen(at) and not at.button
    if ending == "failed":
        write_fake_run(workspace_path / "runs" / "faces-0", demo)
        at = open_page("transitions", run="faces-1")
        assert "This run failed" in seen(at)
        next(b for b in at.button if "faces" in b.label).click().run()
        assert at.query_params["run"] in ("faces-0", ["faces-0"]) and "It has no results" not in seen(at)


def test_the_form_asks_for_the_chosen_method(workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(workspace_path, demo)
    asked: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run, location, flags: asked.append(flags))
    at = open_page("train")
    at.selectbox(key="method").set_value("crowd-layer").run()
    assert not at.exception
    assert at.toggle(key="machine_coders_quick").disabled
    at.button(key="start").click().run()
    assert asked == [["--preset", "quick", "--seed", "0", "--method", "crowd-layer"]]


def test_the_form_tells_how_long_it_will_take(
    workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace_path, demo)
    asked: list[list[str]] = []

    def estimate(location: Path, flags: list[str]) -> float:
        asked.append(flags)
        if len(asked) == 2:
            raise RunError("there is no such device.")
        return 725.0

    monkeypatch.setattr(commands, "estimate", estimate)
    at = open_page("train")
    at.selectbox(key="batch_size_quick").set_value("auto").run()
    at.button(key="how_long").click().run()
    assert "About 12 minutes, an estimate" in seen(at)
    at.button(key="how_long").click().run()
    assert "The time cannot be estimated" in seen(at) and "there is no such device." in seen(at)
    assert asked == 2 * [["--preset", "quick", "--seed", "0", "--batch-size=auto"]]


def test_a_run_at_work_shows_its_figures_and_the_matrices_so_far(
    workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace_path, demo)
    run = Run(write_fake_run(workspace_path / "runs" / "faces-1", demo, finished=False))
    response = {"stage": "ltnet", "lr": 0.0125, "images_per_second": 1234.5, "device_utilisation": 0.83}
    run.emit("progress", progress=0.8, eta_seconds=9.0, device_memory=2_100_000_000, **response)
    classes = run.spec()["classes"]
    matrix = [[0.7 if label == truth else 0.05 for label in range(7)] for truth in range(7)]
    content = {
        "stage": "ltnet",
        "epoch": 5,
        "epochs": 8,
        "classes": classes[::-1],
        "coders": {"Al<b>": matrix},
    }
    (run.folder / "checkpoint").mkdir()
    write_json(run.checkpoint / "forming.json", content)
    monkeypatch.setattr(Run, "holder", lambda self: 4321)
    text = seen(open_page("train", run="faces-1"))
    assert "1,234 images a second · learning rate 0.013 · device 83 % busy · memory 2.1 GB" in text
    assert "Transition matrices so far" in text and "after epoch 5 of 8" in text
    assert text.count('style="--v:70%"') == 7 and "Al&lt;b&gt;" in text
    write_json(run.checkpoint / "forming.json", {**content, "classes": ["another", *classes[1:]]})
    assert "Transition matrices so far" not in seen(open_page("train", run="faces-1"))


def test_the_form_lets_a_run_go_without_a_reference(
    workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace_path, demo)
    asked: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run, location, flags: asked.append(flags))
    at = open_page("train")
    at.toggle(key="find_reference_quick").set_value(False).run()
    at.button(key="start").click().run()
    assert asked == [["--preset", "quick", "--seed", "0", "--no-reference"]]


def test_every_preset_shows_and_a_network_may_be_typed(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    at = open_page("train")
    for preset in PRESETS:
        at.selectbox(key="preset").set_value(preset).run()
        assert not at.exception
        network = at.selectbox(key=f"network_{preset}")
        assert network.value == make_settings(preset).network.network
        assert network.proto.accept_new_options
        assert not at.selectbox(key=f"precision_{preset}").proto.accept_new_options


def test_labels_that_cannot_be_right_can_be_set_aside(
    workspace_path: Path, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(demo, folder)
    with open(folder / "annotations.csv", "a", encoding="utf-8") as f:
        f.write("images/00000.jpg,Alpha,joy\n")
    link(workspace_path, folder)
    asked: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run, location, flags: asked.append(flags))
    at = open_page("train")
    assert not [b for b in at.button if b.key == "start"]
    at.checkbox(key="set_aside").check().run()
    at.button(key="start").click().run()
    assert asked == [["--preset", "quick", "--seed", "0", "--set-aside"]]


def test_what_was_settled_can_be_learned_from_and_taken_along(
    workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    assert "What was settled" not in seen(open_page("export", run="faces-1"))
    (dataset,) = workspace.list_datasets()
    store = Adjudications(workspace.adjudications_of(dataset))
    store.add(Decision("settle", "images/00000.jpg", "fear", "Ada", key="a-1"), 0)
    assert "What was settled" in seen(open_page("export", run="faces-1"))
    asked: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run, location, flags: asked.append(flags))
    at = open_page("train")
    at.selectbox(key="settled").set_value("learn").run()
    at.button(key="start").click().run()
    assert asked[0][4:] == ["--adjudications", str(store.path), "--adjudicator", "learn"]
    # What is set aside is left out, whatever becomes of the answers.
    Actions(store).act(Action("tag", SET_ASIDE, "Ada", "k1"), ["images/00000.jpg", "images/00001.jpg"])
    assert "2 images are set aside: they are in no table below" in seen(open_page("export", run="faces-1"))
    at = open_page("train")
    assert "Left out: 2 images set aside." in seen(at)
    at.button(key="start").click().run()
    assert asked[1][4:] == ["--adjudications", str(store.path), "--adjudicator", "ignore"]


def test_the_truth_of_compare_is_the_same_in_words_and_bars(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    folder = write_fake_run(workspace_path / "runs" / "faces-1", demo)
    measured = json.loads((folder / "results" / "evaluation.json").read_text())
    measured["truth"] |= {"accuracy": 0.906, "methods": {"ltnet": {"accuracy": 0.911}, "posterior": {"accuracy": 0.9}}}
    write_json(folder / "results" / "evaluation.json", measured)
    at = open_page("compare", run="faces-1")
    assert "The learned truth is right on 90.6 %" in seen(at)
    assert "The network alone, without the labels, is right on 91.1 %." in seen(at)
    (bars,) = [json.loads(c.proto.spec)["data"][0] for c in at.get("plotly_chart") if "learned truth" in c.proto.spec]
    named = dict(zip((name for (name,) in bars["customdata"]), bars["text"], strict=True))
    assert named == {"the coders’ own labels": "71.0 %", "LTNet, image alone": "91.1 %", "learned truth": "90.6 %"}
    # Without test images it is what Train tells, and nothing is explained that the page does not show.
    assert "The small numbers are 95 % intervals" in seen(at) and "The learned truth" not in seen(open_page("train"))
    write_json(folder / "results" / "evaluation.json", {**measured, "tests": {}})
    assert "The small numbers" not in seen(open_page("compare", run="faces-1"))
    assert "The learned truth is right on 90.6 %" in seen(open_page("train"))


def test_the_cases_of_an_export_are_words(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    preview = open_page("export", run="faces-1").dataframe[0].value
    assert set(preview["case"]) <= {"", *CASES.values()}
    assert "all agree" in set(preview["case"])


def test_a_run_at_work_has_its_progress_in_the_list(
    workspace_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace_path, demo)
    run = Run(write_fake_run(workspace_path / "runs" / "faces-1", demo, finished=False))
    run.emit("progress", stage="ltnet", progress=0.93, eta_seconds=9.0)
    monkeypatch.setattr(Run, "holder", lambda self: 4321)
    (row,) = open_page("train", run="faces-1").dataframe[-1].value.to_dict("records")
    assert (row["state"], row["progress"]) == ("running", 93)


def test_a_refit_says_what_changed(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    for name in ("faces-1", "faces-2"):
        write_fake_run(workspace_path / "runs" / name, demo)
    folder = workspace_path / "runs" / "faces-2"
    spec = json.loads((folder / "spec.json").read_text())
    write_json(folder / "spec.json", {**spec, "like": str(workspace_path / "runs" / "faces-1"), "adjudications": 3})
    truth = rows_of(folder)
    changed = int(((truth["learned_truth"] == "fear") & (truth["_split"] == "")).sum())
    fear, anger = (matrices_of(folder)["classes"].index(c) for c in ("fear", "anger"))
    change_table(folder / "results" / "items.parquet", lambda f: f.assign(truth=f["truth"].replace(fear, anger)))
    row = [0.0, 1.0, *[0.0] * 5]  # the first of Alpha's matrix
    change_table(folder / "results" / "transitions.parquet", lambda f: f.assign(learned=[*row, *f["learned"].iloc[7:]]))
    text = seen(open_page("train", run="faces-2"))
    assert (
        "What changed since <bdi>faces-1" in text.replace("<bdi>What", "What") or "What changed since faces-1" in text
    )
    assert f"{changed:,} of {len(truth) - 24:,}" in text
    assert "settled by people" in text
    at = open_page("transitions", run="faces-2", view="difference", to="run:faces-1")
    assert at.selectbox(key="q_to").value == "run:faces-1"
    # Only one row of one matrix differs.
    assert sorted(t for t in seen(at).split("<") if "on average" in t)[0].endswith("0.000 on average")


def test_the_gallery_gets_the_view_of_the_address_without_what_cannot_be_meant(
    workspace_path: Path, demo: Path
) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    asked = {"truth": "fear", "says.Alpha": "anger", "sort": "nonsense", "case": "9", "unknown": "1", "at": "100"}
    data = component_data(open_page("disagreements", **asked))
    assert data["view"] == {"truth": "fear", "says.Alpha": "anger", "at": "100"}
    assert [text.split(" in the address is left out: ")[0] for text in data["unknown"]] == [
        "sort=nonsense", "case=9", "unknown=1",
    ]  # fmt: skip
    assert [c["short"] for c in data["coders"]] == ["A", "B", "mA", "mB"]
    assert data["totals"] == {"*any*": 160, "": 160 - 24, "test": 24}
    assert data["run"] == "faces-1"
    assert tokens.is_token("faces-1", data["token"])
    assert not tokens.is_token("faces-2", data["token"])


def test_the_gallery_shows_labels_before_any_run(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    data = component_data(
        open_page("disagreements", **{"says.Alpha": "anger|fear", "labels": "differ", "truth": "fear"})
    )
    assert data["view"] == {"says.Alpha": "anger|fear", "labels": "differ"}
    assert data["unknown"] == [
        "truth=fear in the address is left out: truth is about the learned truth, and there is no run yet."
    ]
    assert (data["truth"], data["sort"], list(data["sorts"])) == (False, "disputed", ["disputed", "name", "random"])
    assert data["columns"] == ["*known*", "Alpha", "Beta"]
    (dataset,) = workspace.list_datasets()
    assert data["api"] == f"api/labels/{dataset.id}"
    assert tokens.is_token(f"labels/{dataset.id}", data["token"])


def test_views_are_saved_under_a_name(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    (dataset,) = workspace.list_datasets()
    saved_views.save(dataset, " mine ", {"truth": "fear"})
    saved_views.save(dataset, "other", {"case": "2"})
    saved_views.save(dataset, "mine", {"truth": "anger"})
    assert [v["name"] for v in saved_views.load(dataset)] == ["other", "mine"]
    assert saved_views.load(dataset)[1]["view"] == {"truth": "anger"}
    saved_views.forget(dataset, "other")
    assert [v["name"] for v in saved_views.load(dataset)] == ["mine"]
    saved_views._path(dataset).write_text("{", encoding="utf-8")
    assert saved_views.load(dataset) == []
