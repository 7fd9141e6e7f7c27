"""A finished run from outside: status, export, evaluate, predict."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import Command
from fitting import QUICK, exported, read_rows
from run_results import rows_of

from ltnet_core import Run
from ltnet_core.explore.explanation import explain
from ltnet_core.learning.shared_errors import LEAST_SHARE, SHARPNESSES
from ltnet_core.runs.manifest import write_manifest
from ltnet_core.runs.stored_results import load_items, read_transitions


def test_a_finished_run_says_so_and_refuses_a_second_start(demo: Path, finished: Path, ltnet: Command) -> None:
    status = json.loads(ltnet("status", finished, "--json").stdout)
    assert (status["state"], status["progress"], status["eta_seconds"]) == ("done", 1.0, 0.0)
    assert not (finished / "checkpoint").exists()
    for extra in ((), ("--resume",)):
        again = ltnet("fit", demo, "--run", finished, *QUICK, *extra)
        assert again.returncode == 2
        assert "is finished; choose another folder" in again.stderr
        assert again.stderr.count("\n") == 1


def test_every_planned_image_pass_was_made(finished: Path) -> None:
    """The plan counts the unlabelled images in LTNet's training; work left undone would leave the progress below 1."""
    events = Run(finished).events()
    plan = next(e for e in events if e["event"] == "plan")
    stages = [e["stage"] for e in events if e["event"] == "stage"]
    assert stages == plan["stages"]
    progress = [e["progress"] for e in events if e["event"] in ("stage", "progress")]
    assert progress == sorted(progress)
    assert progress[-1] == pytest.approx(1.0, abs=1e-6)


def test_truth_csv_has_the_promised_columns(demo: Path, finished: Path, ltnet: Command, tmp_path: Path) -> None:
    truth = exported(ltnet, finished, tmp_path / "truth.csv")
    classes = [r["class"] for r in read_rows(demo / "classes.csv")]
    coders = ["Alpha", "Beta", "machine:Alpha", "machine:Beta"]
    assert list(truth.columns[:5]) == ["image", "learned_truth", "confidence", "network_truth", "case"]
    assert sorted(truth.columns[5 : 5 + len(coders)]) == sorted(c for c in truth.columns[5:] if not c.startswith("p_"))
    assert list(truth.columns[-7:]) == [f"p_{c}" for c in classes]
    test = {r["image"] for r in read_rows(demo / "truth.csv") if r["split"] == "test"}
    every = {r["image"] for r in read_rows(demo / "truth.csv")}
    assert set(truth["image"]) == every - test
    p = truth[[f"p_{c}" for c in classes]].to_numpy()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-4)
    np.testing.assert_allclose(p.max(1), truth["confidence"], atol=1e-6)
    assert [classes[k] for k in p.argmax(1)] == truth["learned_truth"].tolist()
    labels = {(r["image"], r["coder"]): r["label"] for r in read_rows(demo / "annotations.csv")}
    for coder in ("Alpha", "Beta"):
        for image, label in zip(truth["image"], truth[coder], strict=True):
            assert labels.get((image, coder), "") == label
    assert set(truth["case"].astype(str)) <= {"", "1", "2", "3", "4", "5"}


def test_reasons_of_a_run_add_up_to_its_posterior(finished: Path) -> None:
    """p, every annotation by its matrix, weight and share, and the sharpness of the whole."""
    run = Run(finished)
    items = load_items(run)
    shares = pd.read_parquet(run.result("items.parquet"), columns=["share"])["share"]
    assert shares.between(LEAST_SHARE / 10, 1).all()
    assert 0 < read_transitions(run)["sharpness"] <= SHARPNESSES[-1]
    for row in range(0, len(items), len(items) // 20):
        explanation = explain(run, items, row)
        for rival, reasons in explanation.reasons.items():
            odds = np.log(explanation.posterior[items.truth[row]] / explanation.posterior[rival])
            assert sum(reasons.values()) == pytest.approx(odds, rel=1e-3, abs=1e-3)


def test_parquet_matrices_model_and_report(finished: Path, ltnet: Command, tmp_path: Path) -> None:
    out = {k: tmp_path / k for k in ("t.parquet", "T.json", "m.pt", "r.html")}
    done = ltnet("export", finished, "--out", out["t.parquet"], "--matrices", out["T.json"], "--model", out["m.pt"],
                 "--report", out["r.html"])  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(out["t.parquet"])
    assert not [c for c in table.columns if c.startswith("_")]
    matrices = json.loads(out["T.json"].read_text())
    assert set(matrices["coders"]) == {"Alpha", "Beta", "machine:Alpha", "machine:Beta"}
    assert {c: len(n) for c, n in matrices["support"].items()} == dict.fromkeys(matrices["coders"], 7)
    assert all(n >= 0 for row in matrices["support"].values() for n in row)
    for matrix in matrices["coders"].values():
        assert np.asarray(matrix).shape == (7, 7)
        np.testing.assert_allclose(np.sum(matrix, axis=1), 1, atol=1e-6)
    model = torch.load(out["m.pt"], weights_only=True)
    order = [model["trained_classes"].index(c) for c in model["classes"]]
    logits = model["state_dict"]["transitions.logits"]
    for coder, matrix in matrices["coders"].items():
        mine = torch.softmax(logits[model["trained_coders"].index(coder)], 1).numpy()[np.ix_(order, order)]
        np.testing.assert_allclose(mine, matrix, atol=1e-5)
    assert "Alpha" in out["r.html"].read_text()
    assert "rests on" in out["r.html"].read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "x.txt"), "must end in .csv or .parquet"),
        (("--out", "no/such/folder/x.csv"), "the folder does not exist"),
        ((), "nothing to export"),
    ],
)
def test_export_refuses_what_it_cannot_write(
    finished: Path, ltnet: Command, arguments: tuple[str, ...], message: str
) -> None:
    done = ltnet("export", finished, *arguments)
    assert (done.returncode, message in done.stderr) == (2, True)


def test_no_export_replaces_a_file_of_the_run_or_of_its_dataset(finished: Path, demo: Path, ltnet: Command) -> None:
    labels = demo / "annotations.csv"
    for command, why in (
        (("export", finished, "--out", finished / "results" / "items.parquet"), "the run keeps its own files there"),
        (("export", finished, "--matrices", finished / "spec.json"), "the run keeps its own files there"),
        (("export", finished, "--out", labels), "it is a file of the dataset"),
        (("map", finished, "--out", labels), "it is a file of the dataset"),
        (("predict", finished, demo / "images", "--out", labels), "it is a file of the dataset"),
        (("export", finished, "--out", finished / "a.csv", "--matrices", finished / "a.csv"), "written twice"),
    ):
        refused = ltnet(*command)
        assert refused.returncode == 2 and why in refused.stderr, command
    assert labels.read_text().startswith("image,coder,label") and not (finished / "a.csv").exists()


def test_evaluate_has_every_method_and_what_is_unknown_is_null(finished: Path, ltnet: Command) -> None:
    told = json.loads(ltnet("evaluate", finished, "--json").stdout)
    methods = told["tests"]["test"]["methods"]
    aggregated = {"majority", "dawid-skene", "shrunk-dawid-skene"}
    assert set(methods) == {"coder:Alpha", "coder:Beta", "mixture", *aggregated, "ltnet"}
    assert told["tests"]["test"]["items"] == 24
    assert methods["majority"]["accuracy"] is None  # nobody labelled the test faces
    for name in ("coder:Alpha", "coder:Beta", "mixture", "ltnet"):
        assert 0 <= methods[name]["accuracy"] <= 1
        assert 0 <= methods[name]["ece"] <= 1
    assert set(told["transitions"]) == {"Alpha", "Beta", "machine:Alpha", "machine:Beta"}
    assert 0 < told["transitions"]["Alpha"]["mae"] < 0.3
    assert told["truth"]["items"] == 120
    assert 0.5 < told["truth"]["human_labels_accuracy"] < 0.9
    assert "mixture" in ltnet("evaluate", finished).stdout


def test_predict_tells_truth_and_what_each_coder_would_say(demo: Path, finished: Path, ltnet: Command) -> None:
    images = sorted((demo / "images").iterdir())[:3]
    told = json.loads(ltnet("predict", finished, *images, "--json").stdout)
    assert [a["image"] for a in told] == [str(i) for i in images]
    frame = rows_of(finished).set_index("image")
    by_image = pd.read_parquet(finished / "results" / "items.parquet").set_index("image").filter(regex=r"^image_p_\d$")
    for answer in told:
        assert answer["truth"] == max(answer["p"], key=answer["p"].get)
        assert answer["confidence"] == pytest.approx(answer["p"][answer["truth"]])
        assert sum(answer["p"].values()) == pytest.approx(1)
        assert set(answer["coders"]) == {"Alpha", "Beta", "machine:Alpha", "machine:Beta"}
        assert sum(answer["coders"]["Beta"].values()) == pytest.approx(1)
        name = "images/" + Path(answer["image"]).name
        if name in frame.index:
            assert answer["truth"] == frame.loc[name, "network_truth"]
            assert answer["confidence"] == pytest.approx(by_image.loc[name].max(), abs=1e-5)
    missing = ltnet("predict", finished, "gone.png")
    assert (missing.returncode, "gone.png: there is no such image file, folder or archive." in missing.stderr) == (
        2,
        True,
    )


def test_a_run_from_before_shifted_views_predicts_as_it_did(
    demo: Path, finished: Path, ltnet: Command, tmp_path: Path
) -> None:
    image = next((demo / "images").iterdir())
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "results" / "networks" / "index.json"
    index = json.loads(path.read_text())
    (run / "manifest.json").write_text('{"complete": true}')  # nor did it have digests

    def told(**views: object) -> float:
        path.write_text(json.dumps({**{k: v for k, v in index.items() if k != "view_shifts"}, **views}))
        return float(json.loads(ltnet("predict", run, image, "--json").stdout)[0]["confidence"])

    assert told(mirror=True) == told(view_shifts=[0])
    assert told(mirror=False) == told(view_shifts=[])
    assert len({told(mirror=True), told(mirror=False), told(view_shifts=[0, 1, -1])}) == 3


def test_evaluate_says_so_where_nobody_labelled_what_is_known(finished: Path, ltnet: Command, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "results" / "evaluation.json"
    told = json.loads(path.read_text())
    told["truth"]["human_labels_accuracy"] = None
    path.write_text(json.dumps(told))
    write_manifest(tmp_path / "run")
    done = ltnet("evaluate", tmp_path / "run")
    assert (done.returncode, "no human label of them" in done.stdout) == (0, True), done.stderr
