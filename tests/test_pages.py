"""Every page, driven without a browser: empty, with a dataset, with a run, and with hostile names."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake_run import write_fake_run
from PIL import Image
from run_results import change_table, matrices_of, rows_of
from streamlit.testing.v1 import AppTest
from uploading import upload, uploaded

from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import RunError
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.files.writing import write_json
from ltnet_core.runs.run import Run, Status
from ltnet_core.settings import PRESETS, make_settings
from ui import (
    charts,
    commands,
    compare,
    downloads,
    gallery,
    ordering,
    progress,
    saved_views,
    tokens,
    trash,
    wording,
    workspace,
)
from ui.wording import PAGES

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = ("<script>alert(1)</script>", "=1+1", "\u202e[x](http://y) **b** :smile:", "عربي")

OpenPage = Callable[..., AppTest]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "faces"
    write_demo(folder, items=120)
    return folder


def link(place: Path, dataset: Path, name: str = "faces") -> None:
    folder = place / "datasets" / "faces"
    folder.mkdir(parents=True)
    write_json(folder / "link.json", {"path": str(dataset)})
    write_json(folder / "about.json", {"name": name})


def open_page(path: str, **params: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "ui" / "router.py"), default_timeout=30).run()
    for key, value in params.items():
        at.query_params[key] = value
    file = next(p.file for p in PAGES if p.path == path)
    at.switch_page(f"../pages/{file}").run()
    assert not at.exception, at.exception
    return at


def seen(at: AppTest) -> str:
    return " ".join(e.body for e in at.html)


def as_markdown(at: AppTest) -> list[str]:
    """What Streamlit renders as Markdown: texts, and the labels and help of widgets."""
    texts = [getattr(e, name, None) for e in at._tree for name in ("label", "help", "placeholder")]
    texts += [e.value for kind in ("markdown", "caption", "title", "header", "subheader") for e in at.get(kind)]
    return [t for t in texts if isinstance(t, str) and t]


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_an_empty_workspace_says_what_to_do(place: Path, path: str) -> None:
    at = open_page(path)
    assert "No dataset yet" in seen(at)
    assert "Try the demo" in seen(at) if path == "dataset" else "demo in one click" in seen(at)


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_a_dataset_without_a_run(place: Path, demo: Path, path: str) -> None:
    link(place, demo)
    text = seen(open_page(path))
    assert "no run yet" in text
    if path == "dataset":
        assert "Class balance" in text
        assert "data:image/jpeg;base64," in text
    elif path != "train":
        assert "This dataset has no run yet" in text


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_a_finished_run(place: Path, demo: Path, path: str) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo)
    at = open_page(path, run="faces-1")
    text = seen(at)
    assert "finished" in text
    assert "faces-1" in text
    expected = {
        "train": "accuracy on the test images",
        "transitions": "says",
        "disagreements": "Where coders disagree",
        "compare": "LTNet is right on 86.0 % of the images, 7.0 points more",
        "export": "Learned truth",
        "predict": "Images nobody has labelled yet",
    }
    assert expected.get(path, "Class balance") in text


@pytest.mark.parametrize(
    "asked", [{"run": "faces-9"}, {"dataset": "cats", "run": ""}, {"dataset": "faces", "run": "faces-9"}], ids=str
)
def test_a_link_to_what_is_gone_says_so_and_shows_nothing_else(place: Path, demo: Path, asked: dict[str, str]) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo)
    at = open_page("transitions", **asked)
    text = html.unescape(seen(at))
    what = f"run '{asked['run']}'" if asked["run"] else "dataset 'cats'"
    assert f"There is no {what} here" in text
    assert "says" not in text
    assert {k: at.query_params[k] for k in asked} in (asked, {k: [v] for k, v in asked.items()})
    offered = [e.proto.label for e in at.get("page_link")]
    assert "faces · faces-1" in offered


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


@pytest.mark.parametrize("ending", [None, "cancelled", "failed"])
def test_a_run_that_stopped_can_be_resumed(place: Path, demo: Path, ending: str | None) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo, finished=False, ending=ending)
    at = open_page("train")
    assert [b.label for b in at.button if b.key == "resume"] == ["Resume"]
    assert not [b for b in at.button if b.key == "cancel"]
    assert "It has no results" in seen(open_page("transitions"))


def test_the_view_of_the_matrices_is_in_the_url(place: Path, demo: Path) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo)
    at = open_page("transitions")
    for view in ("difference", "counts"):
        at.segmented_control[0].set_value(view).run()
        assert not at.exception
        assert at.query_params["run"] == "faces-1"
        assert at.query_params["view"] == view
    assert open_page("transitions", view="counts").segmented_control[0].value == "counts"


@pytest.mark.parametrize("to", ["reference", "identity", "start", "dawid-skene", "coder:Alpha"])
def test_matrices_are_compared_with_whatever_is_asked(place: Path, demo: Path, to: str) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo)
    at = open_page("transitions", view="difference", to=to)
    assert at.selectbox(key="q_to").value == to
    shown = seen(at).count('class="lt-matrix"')
    assert shown == {"coder:Alpha": 3, "dawid-skene": 2}.get(to, 4)


def test_classes_that_are_confused_can_stand_side_by_side(place: Path, demo: Path) -> None:
    t = np.eye(5) * 0.7 + 0.01
    t[0, 3] = t[3, 0] = t[1, 4] = t[4, 1] = 0.2
    order = ordering.by_similarity([t]).tolist()
    assert sorted(order) == list(range(5))
    assert abs(order.index(0) - order.index(3)) == abs(order.index(1) - order.index(4)) == 1
    assert ordering.by_similarity([np.eye(2)]).tolist() == [0, 1]
    assert sorted(ordering.by_similarity([np.eye(4)])) == [0, 1, 2, 3]
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo)
    at = open_page("transitions", order="similar")
    assert at.selectbox(key="q_order").value == "similar"
    evidence = charts.Evidence([5, 50], [[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.6], [0.7, 0.8]]).ordered(np.array([1, 0]))
    assert (evidence.support, evidence.low) == ([50, 5], [[0.4, 0.3], [0.2, 0.1]])


def test_the_form_asks_for_the_chosen_method(place: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(place, demo)
    asked: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run, location, flags: asked.append(flags))
    at = open_page("train")
    at.selectbox(key="method").set_value("crowd-layer").run()
    assert not at.exception
    assert at.toggle(key="machine_coders_quick").disabled
    at.button(key="start").click().run()
    assert asked == [["--preset", "quick", "--seed", "0", "--method", "crowd-layer"]]


def test_the_form_asks_for_the_reference(place: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(place, demo)
    asked: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run, location, flags: asked.append(flags))
    at = open_page("train")
    at.selectbox(key="reference_quick").set_value("Beta").run()
    at.button(key="start").click().run()
    at = open_page("train")
    at.toggle(key="find_reference_quick").set_value(False).run()
    at.button(key="start").click().run()
    common = ["--preset", "quick", "--seed", "0"]
    assert asked == [[*common, "--reference=Beta"], [*common, "--no-reference"]]
    at = open_page("train")
    at.selectbox(key="preset").set_value("paper").run()
    assert at.selectbox(key="reference_paper").disabled  # its matrices start from the identity, all of them


def test_every_preset_shows_and_a_network_may_be_typed(place: Path, demo: Path) -> None:
    link(place, demo)
    at = open_page("train")
    for preset in PRESETS:
        at.selectbox(key="preset").set_value(preset).run()
        assert not at.exception
        network = at.selectbox(key=f"network_{preset}")
        assert network.value == make_settings(preset).network.network
        assert network.proto.accept_new_options
        assert not at.selectbox(key=f"precision_{preset}").proto.accept_new_options


def test_the_reference_is_marked_on_its_matrix(place: Path, demo: Path) -> None:
    link(place, demo)
    path = write_fake_run(place / "runs" / "faces-1", demo) / "results" / "names.json"
    said = "The reference coder. The labels alone do not say which coder is right"
    assert said not in seen(open_page("transitions"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "reference_coder": "Beta"}))
    assert seen(open_page("transitions")).count(said) == 1


def test_labels_that_cannot_be_right_can_be_set_aside(
    place: Path, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(demo, folder)
    with open(folder / "annotations.csv", "a", encoding="utf-8") as f:
        f.write("images/00000.jpg,Alpha,joy\n")
    link(place, folder)
    asked: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run, location, flags: asked.append(flags))
    at = open_page("train")
    assert not [b for b in at.button if b.key == "start"]
    at.checkbox(key="set_aside").check().run()
    at.button(key="start").click().run()
    assert asked == [["--preset", "quick", "--seed", "0", "--set-aside"]]


def test_what_is_deleted_can_be_brought_back_until_the_server_starts_again(place: Path, demo: Path) -> None:
    link(place, demo)
    for name in ("faces-1", "faces-2"):
        write_fake_run(place / "runs" / name, demo)
    before = {p.relative_to(place): p.read_bytes() for p in place.rglob("*") if p.is_file()}
    at = open_page("train", run="faces-2")
    at.button(key="delete_run").click().run()
    assert "Deleted" in seen(at)
    assert [p.name for p in (place / "runs").iterdir()] == ["faces-1"]
    at.button(key="undo_delete").click().run()
    assert {p.relative_to(place): p.read_bytes() for p in place.rglob("*") if p.is_file()} == before

    at = open_page("dataset", run="faces-1")
    assert "the link to it, what was settled, and its runs: " in seen(at)
    at.button(key="delete_dataset").click().run()
    assert not (place / "datasets" / "faces").exists()
    assert not list((place / "runs").iterdir())
    assert demo.is_dir()  # it lies elsewhere
    trash.empty()
    at.button(key="undo_delete").click().run()
    assert "cannot be brought back: the server was started anew since" in seen(at)


def test_a_run_at_work_is_not_deleted(place: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo, finished=False)
    run = Run(place / "runs" / "faces-1")
    monkeypatch.setattr(Run, "holder", lambda self: 1)
    with pytest.raises(RunError, match="'faces-1' is at work; cancel it first"):
        trash.delete_dataset(workspace.list_datasets()[0], [run])
    assert run.exists()


def test_what_was_settled_can_be_learned_from_and_taken_along(
    place: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo)
    assert "What was settled" not in seen(open_page("export", run="faces-1"))
    (dataset,) = workspace.list_datasets()
    store = Adjudications(workspace.adjudications_of(dataset))
    store.add(Decision("settle", "images/00000.jpg", "fear", "Ada", key="a-1"), 0)
    assert "What was settled" in seen(open_page("export", run="faces-1"))
    content = downloads.settled(store.path)
    assert content is not None
    assert content.decode().splitlines()[1].startswith("images/00000.jpg,fear,Ada,,")
    asked: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run, location, flags: asked.append(flags))
    at = open_page("train")
    at.selectbox(key="settled").set_value("learn").run()
    at.button(key="start").click().run()
    assert asked[0][4:] == ["--adjudications", str(store.path), "--adjudicator", "learn"]


def test_a_refit_says_what_changed(place: Path, demo: Path) -> None:
    link(place, demo)
    for name in ("faces-1", "faces-2"):
        write_fake_run(place / "runs" / name, demo)
    folder = place / "runs" / "faces-2"
    spec = json.loads((folder / "spec.json").read_text())
    write_json(folder / "spec.json", {**spec, "like": str(place / "runs" / "faces-1"), "adjudications": 3})
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
    assert f"{changed:,} of {len(truth) - 18:,}" in text
    assert "settled by people" in text
    at = open_page("transitions", run="faces-2", view="difference", to="run:faces-1")
    assert at.selectbox(key="q_to").value == "run:faces-1"
    # Only one row of one matrix differs.
    assert sorted(t for t in seen(at).split("<") if "on average" in t)[0].endswith("0.000 on average")


def test_many_coders_are_a_table_and_the_matrices_of_the_first(place: Path, demo: Path, tmp_path: Path) -> None:
    crowd = tmp_path / "crowd"
    shutil.copytree(demo, crowd)
    (crowd / "planted_T.json").unlink()
    rows = pd.read_csv(crowd / "annotations.csv")
    rows["coder"] = [f"w{n % 12:02d}" for n in range(len(rows))]
    rows.to_csv(crowd / "annotations.csv", index=False)
    link(place, crowd)
    write_fake_run(place / "runs" / "faces-1", crowd)
    at = open_page("transitions")
    (table,) = at.dataframe
    assert len(table.value) > 8
    assert table.value["annotations"].is_monotonic_decreasing
    assert len(at.get("plotly_chart")) == 6


def test_rows_with_too_little_evidence_are_hatched_and_every_row_says_what_it_rests_on() -> None:
    low, high = [[0.1, 0.2], [0.3, 0.4]], [[0.7, 0.8], [0.9, 0.95]]
    figure = charts.heatmap(
        [[0.5, 0.5], [0.4, 0.6]], ["cat", "dog"], ["Ca", "Do"], "X", evidence=charts.Evidence([4.2, 1300.0], low, high)
    )
    texts = [a.text for a in figure.layout.annotations]
    assert texts == ["n", "4", "1,300"]
    hatching = [t for t in figure.data if t.type == "scatter" and t.mode == "lines"]
    assert len(hatching) == 1
    rows = {round(y) for y in hatching[0].y if y is not None}
    assert rows == {0}
    hover = [text for t in figure.data if t.hovertext is not None for text in t.hovertext]
    assert any("95 % interval 10 to 70 %" in h and "rests on 4 annotations" in h for h in hover)
    plain = charts.heatmap([[0.5, 0.5], [0.4, 0.6]], ["cat", "dog"], ["Ca", "Do"], "X")
    assert not plain.layout.annotations


def gallery_data(at: AppTest) -> dict[str, Any]:
    """What the page gave to the gallery."""
    (element,) = at.get("bidi_component")
    content = element.proto.mixed.json if element.proto.mixed.json else element.proto.json
    return dict(json.loads(content))


def test_the_gallery_gets_the_view_of_the_address_without_what_cannot_be_meant(place: Path, demo: Path) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo)
    asked = {"truth": "fear", "says.Alpha": "anger", "sort": "nonsense", "case": "9", "unknown": "1", "at": "100"}
    data = gallery_data(open_page("disagreements", **asked))
    assert data["view"] == {"truth": "fear", "says.Alpha": "anger", "at": "100"}
    assert [text.split(" in the address is left out: ")[0] for text in data["unknown"]] == [
        "sort=nonsense", "case=9", "unknown=1",
    ]  # fmt: skip
    assert [c["short"] for c in data["coders"]] == ["A", "B", "mA", "mB"]
    assert data["totals"] == {"*any*": 120, "": 120 - 18, "test": 18}
    assert data["run"] == "faces-1"
    assert tokens.is_token("faces-1", data["token"])
    assert not tokens.is_token("faces-2", data["token"])


def test_views_are_saved_under_a_name(place: Path, demo: Path) -> None:
    link(place, demo)
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


def hostile_dataset(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    first, formula, markdown, arabic = HOSTILE
    rows = []
    for i in range(40):
        name = f"images/{'<b>' if i % 2 else '=cmd'}{i}.png"
        Image.new("L", (12, 12), i).save(folder / name)
        rows += [
            (name, first, [formula, markdown, arabic][i % 3]),
            (name, markdown, [formula, markdown, arabic][i % 2]),
        ]
    with open(folder / "annotations.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("image", "coder", "label"), *rows])
    return folder


@pytest.mark.parametrize("path", [p.path for p in PAGES])
def test_hostile_names_are_shown_as_text(place: Path, tmp_path: Path, path: str) -> None:
    dataset = hostile_dataset(tmp_path / "hostile")
    link(place, dataset, name=HOSTILE[0])
    write_fake_run(place / "runs" / "faces-1", dataset)
    at = open_page(path)
    text = seen(at)
    assert "<script" not in text
    assert html.escape(HOSTILE[0]) in text
    texts = as_markdown(at)
    assert texts, "no element of the page renders Markdown; otherwise this test shows nothing"
    assert not [t for t in texts for name in HOSTILE if name in t]


@pytest.mark.parametrize("path", ["dataset", "export"])
def test_the_tables_of_the_pages_can_be_saved_without_a_formula(place: Path, tmp_path: Path, path: str) -> None:
    """Streamlit's tables have a button that saves them as CSV."""
    dataset = hostile_dataset(tmp_path / "hostile")
    link(place, dataset)
    write_fake_run(place / "runs" / "faces-1", dataset)
    tables = [t.value for t in open_page(path).dataframe]
    cells = [c for t in tables for c in (*t.columns, *t.to_numpy().ravel()) if isinstance(c, str)]
    assert [c for c in cells if "=" in c] and not [c for c in cells if c.startswith("=")]


def test_the_demo_in_one_click(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.intake.DEMO_ITEMS", 24)
    at = open_page("dataset")
    at.button(key="make_demo").click().run()
    assert not at.exception
    assert "Demo faces" in seen(at)
    assert [d.name for d in workspace.list_datasets()] == ["Demo faces"]


def test_a_path_that_is_no_dataset_is_refused_in_words(place: Path, tmp_path: Path) -> None:
    at = open_page("dataset")
    at.text_input(key="dataset_path").set_value(str(tmp_path / "nothing"))
    next(b for b in at.button if b.label == "Open").click().run()
    assert "does not exist" in seen(at)
    assert workspace.list_datasets() == []


def test_a_zip_that_does_not_load_becomes_no_dataset(place: Path) -> None:
    bad = io.BytesIO()
    with zipfile.ZipFile(bad, "w") as z:
        z.writestr("notes.txt", "no faces here")
    told = upload({"my faces.zip": bad.getvalue()}, "my faces.zip")
    assert (told.status, told.json["error"].startswith("my faces.zip")) == (422, True)
    told = upload({"x.zip": b"no zip"}, "x.zip")
    assert (told.status, "not a readable zip" in told.json["error"]) == (422, True)
    assert workspace.list_datasets() == []


def test_a_zip_is_kept_as_it_came(place: Path, demo: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as z:
        for file in sorted(demo.rglob("*")):
            z.write(file, file.relative_to(demo))
    first, second = (uploaded({"Ü faces.ZIP": packed.getvalue()}, "../Ü faces.ZIP") for _ in range(2))
    assert first.name == second.name == "../Ü faces"
    assert first.id != second.id
    assert first.location == place / "datasets" / first.id / "data.zip"
    assert first.location.read_bytes() == packed.getvalue()
    assert not (first.location.parent / "data").exists()


def test_no_page_loads_the_deep_learning_library() -> None:
    code = (
        "import sys, pkgutil, importlib, ui\n"
        "for m in pkgutil.iter_modules(ui.__path__):\n"
        "    if m.name != 'router': importlib.import_module('ui.' + m.name)\n"
        "assert 'torch' not in sys.modules\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_letters_are_short_and_unique() -> None:
    assert gallery.letters(["Human", "RAF", "machine:RAF"]) == {"Human": "H", "RAF": "R", "machine:RAF": "mR"}
    assert gallery.letters(["FER2013", "FERPlus"]) == {"FER2013": "F2", "FERPlus": "FP"}
    assert gallery.letters(["<script>", "\u202e[x]", "***"]) == {"<script>": "S", "\u202e[x]": "X1", "***": "X2"}
    many = gallery.letters([f"coder {i}" for i in range(120)] + ["LT", "Ltd", "a", "A", "é"])
    assert len(set(many.values())) == 125
    assert "LT" not in many.values()


def test_sentences() -> None:
    t = [[0.9, 0.1, 0.0], [0.31, 0.69, 0.0], [0.0, 0.05, 0.95]]
    assert (
        wording.top_confusions("FER2013", t, ["neutral", "sadness", "fear"])
        == "FER2013 says neutral for 31 % of sadness and sadness for 10 % of neutral."
    )
    ends = np.array([[0.0, 0.05, 0.0], [0.2, 0.6, 0.0], [0.0, 0.0, 0.9]]), np.ones((3, 3)) * 0.45
    told = wording.top_confusions("A", t, ["neutral", "sadness", "fear"], most=1, interval=ends)
    assert told == "A says neutral for 31 % (20 to 45) of sadness."
    assert "no two classes" in wording.top_confusions("A", [[1.0, 0.0], [0.0, 1.0]], ["x", "y"])
    assert wording.duration(600) == "10 minutes"
    methods = {"mixture": {"accuracy": 0.8}, "ltnet": {"accuracy": 0.75}, "majority": {"accuracy": None}}
    assert compare.sentence(methods).startswith("LTNet is right on 75.0 % of the images, 5.0 points fewer")
    few = {"mixture": {"accuracy": 0.8, "items": 100}, "ltnet": {"accuracy": 0.85, "items": 100}}
    assert compare.sentence(few).endswith("known to ± 10.5 points: too little to say which of the two is better.")
    many = {m: {**v, "items": 10_000} for m, v in few.items()}
    assert compare.sentence(many).endswith("The difference is known to ± 1.1 points.")
    np.testing.assert_allclose(compare.interval(0.8, 100), (0.7111, 0.8666), atol=1e-4)  # by the formula in the paper
    assert compare.interval(1.0, 10)[1] == 1.0


def test_odd_folders_of_a_workspace_crash_no_page(place: Path, demo: Path) -> None:
    link(place, demo)
    write_fake_run(place / "runs" / "faces-1", demo)
    shutil.copytree(place / "runs" / "faces-1", place / "runs" / os.fsdecode(b"\xff"))
    shutil.copytree(place / "datasets" / "faces", place / "datasets" / os.fsdecode(b"\xff"))
    for name, path in (("long", "a" * 5000), ("half", "\ud800"), ("nul", "a\0b"), ("joined", None)):
        folder = place / "datasets" / name
        (folder / "data").mkdir(parents=True)
        (folder / "about.json").write_text('{"name": "\\ud800"}')
        if path is None:
            (folder / "data" / "joined.json").write_text('{"sources": [{"name": "a", "path": "~no-such-user/x"}]}')
        else:
            (folder / "data").rmdir()
            (folder / "link.json").write_text(json.dumps({"path": path}))
    for page in PAGES:
        open_page(page.path, run="faces-1")
    open_page("dataset", dataset="joined")
