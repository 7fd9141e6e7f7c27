"""The whole road from outside: demo, fit, killed and resumed, odd datasets, export, predict."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT, Command, write_csv
from fake_run import write_fake_run
from PIL import Image
from run_results import matrices_of, rows_of
from safetensors.torch import load_file
from stripes import stripes

from ltnet_core import IPA2LT, Run, load_dataset
from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import OptionError, RunError
from ltnet_core.explore.explanation import explain
from ltnet_core.learning.ipa2lt import NEAR
from ltnet_core.learning.shared_errors import LEAST_SHARE, SHARPNESSES
from ltnet_core.learning.study_pixels import pixel_statistics
from ltnet_core.runs.manifest import write_manifest
from ltnet_core.runs.stored_results import load_items, read_transitions
from ltnet_core.settings import Settings, make_settings

QUICK = ("--preset", "quick", "--epochs", 2, "--device", "cpu", "--seed", 3)


def read_rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def exported(ltnet: Command, run: Path, out: Path) -> pd.DataFrame:
    done = ltnet("export", run, "--out", out)
    assert done.returncode == 0, done.stderr
    return pd.read_csv(out, keep_default_na=False)


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
    said = {(r["image"], r["coder"]): r["label"] for r in read_rows(demo / "annotations.csv")}
    for coder in ("Alpha", "Beta"):
        for image, label in zip(truth["image"], truth[coder], strict=True):
            assert said.get((image, coder), "") == label
    assert set(truth["case"].astype(str)) <= {"", "1", "2", "3", "4", "5"}


def test_reasons_of_a_run_add_up_to_its_posterior(finished: Path) -> None:
    """p, every annotation by its matrix, weight and share, and the sharpness of the whole."""
    run = Run(finished)
    items = load_items(run)
    shares = pd.read_parquet(run.result("items.parquet"), columns=["share"])["share"]
    assert shares.between(LEAST_SHARE / 10, 1).all()
    assert 0 < read_transitions(run)["sharpness"] <= SHARPNESSES[-1]
    for row in range(0, len(items), len(items) // 20):
        found = explain(run, items, row)
        odds = np.log(found.posterior[items.truth[row]] / found.posterior[found.rival])
        assert sum(found.reasons.values()) == pytest.approx(odds, rel=1e-3, abs=1e-3)


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


@pytest.mark.parametrize(
    ("method", "stages", "network"),
    [
        ("crowd-layer", ["crowd-layer"], "crowd-layer"),
        ("noise-adaptation", ["mixture", "noise-adaptation"], "noise-adaptation"),
        ("truth", ["train:truth"], "train:truth"),
    ],
)
def test_other_methods_travel_the_same_road(
    method: str, stages: list[str], network: str, demo: Path, ltnet: Command, tmp_path: Path
) -> None:
    done = ltnet("fit", demo, "--run", tmp_path / "r", *QUICK, "--epochs", 1, "--method", method)
    assert done.returncode == 0, done.stderr
    events = Run(tmp_path / "r").events()
    assert [e["stage"] for e in events if e["event"] == "stage"] == ["images", *stages, "results"]
    told = json.loads(ltnet("evaluate", tmp_path / "r", "--json").stdout)
    assert 0 <= told["tests"]["test"]["methods"][network]["accuracy"] <= 1
    assert set(told["transitions"]) == {"Alpha", "Beta"}
    truth = exported(ltnet, tmp_path / "r", tmp_path / "truth.csv")
    rows = rows_of(tmp_path / "r")
    assert len(truth) == (rows["_split"] == "").sum()
    assert (rows["_split"] == "test").sum() == len(rows) - len(truth) == 24
    answer = json.loads(ltnet("predict", tmp_path / "r", next((demo / "images").iterdir()), "--json").stdout)
    assert set(answer[0]["coders"]) == {"Alpha", "Beta"}


def test_a_method_that_cannot_be_is_refused_before_training(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    unknown = ltnet("fit", demo, "--run", tmp_path / "r", "--method", "crowdlayer")
    assert (unknown.returncode, "Did you mean 'crowd-layer'" in unknown.stderr) == (2, True)
    assert not (tmp_path / "r").exists()
    for flags in (("crowd-layer", "--pseudo", "hard"), ("mixture", "--ltnet-epochs", 3), ("truth", "--no-comparisons")):
        ignored = ltnet("fit", demo, "--run", tmp_path / "r", "--method", *flags)
        assert (ignored.returncode, f"{flags[1]} has no meaning for --method {flags[0]}" in ignored.stderr) == (2, True)
    blind = tmp_path / "blind"
    shutil.copytree(demo, blind)
    rows = [r for r in read_rows(blind / "truth.csv") if r["split"] == "test"]
    write_csv(blind / "truth.csv", ("image", "label", "split"), [list(r.values()) for r in rows])
    refused = ltnet("fit", blind, "--run", tmp_path / "r", "--method", "truth")
    assert refused.returncode == 2
    assert "the method 'truth' needs the known truth of annotated training items" in refused.stderr
    assert not (tmp_path / "r").exists()


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
    assert (missing.returncode, "gone.png: there is no such image file." in missing.stderr) == (2, True)


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


def wait_for(run: Path, stage: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if any(e.get("stage", "").startswith(stage) for e in Run(run).events()[-3:]):
            return
        assert child.poll() is None, f"the trainer ended before {stage}"
        time.sleep(0.002)
    raise AssertionError(f"stage {stage} never came")


def test_killed_in_each_stage_and_resumed_it_ends_where_an_uninterrupted_run_ends(
    demo: Path, finished: Path, ltnet: Command, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "ltnet_core", "fit", str(demo), "--run", str(run)]
    flags = [list(map(str, QUICK)), ["--resume"], ["--resume"]]
    for stage, extra in zip(("coder:", "pseudo", "ltnet"), flags, strict=True):
        child = subprocess.Popen(
            command + extra, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_for(run, stage, child)
        os.kill(child.pid, signal.SIGKILL)
        killed = time.monotonic()
        while Run(run).status().state != "crashed":
            assert time.monotonic() - killed < 1.0, Run(run).status()
            time.sleep(0.01)
        child.wait()
        without = ltnet("fit", demo, "--run", run)
        assert (without.returncode, "use --resume" in without.stderr) == (2, True)
        other = ltnet("fit", demo, "--run", run, "--resume", "--seed", 4)
        assert (other.returncode, "its seed is 3, not 4" in other.stderr) == (2, True)
    done = ltnet("fit", demo, "--run", run, "--resume")
    assert done.returncode == 0, done.stderr
    one, two = (rows_of(r) for r in (finished, run))
    pd.testing.assert_frame_equal(one, two)
    for name in ("names.json", "items.parquet", "annotations.parquet", "transitions.parquet", "evaluation.json"):
        assert (run / "results" / name).read_bytes() == (finished / "results" / name).read_bytes()


def test_cancel_stops_a_run_that_can_then_be_resumed(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with open(tmp_path / "log", "wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "ltnet_core", "fit", str(demo), "--run", str(run), "--preset", "quick", "--epochs", "500"],
            cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip
    wait_for(run, "coder:", child)
    assert json.loads(ltnet("status", run, "--json").stdout)["state"] == "running"
    told = ltnet("cancel", run)
    assert told.stdout.strip() == "cancelled"
    assert child.wait(30) == 1
    assert Run(run).status().state == "cancelled"
    assert "was cancelled" in (tmp_path / "log").read_text()
    nothing = ltnet("cancel", run)
    assert (nothing.returncode, "nothing to cancel" in nothing.stderr) == (2, True)


def change(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    write_csv(folder / name, list(rows[0]), [list(r.values()) for r in rows])


def test_rows_permuted_coders_renamed_classes_reordered_give_the_same_truth(
    demo: Path, finished: Path, ltnet: Command, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(demo, other)
    (other / "planted_T.json").unlink()
    rng = np.random.default_rng(5)
    rows = read_rows(other / "annotations.csv")
    rows = [rows[i] for i in rng.permutation(len(rows))]
    names = {"Alpha": "zeta", "Beta": "aleph"}
    change(other, "annotations.csv", [{**r, "coder": names[r["coder"]]} for r in rows])
    classes = read_rows(other / "classes.csv")
    change(other, "classes.csv", [classes[i] for i in rng.permutation(len(classes))])
    done = ltnet("fit", other, "--run", tmp_path / "run", *QUICK)
    assert done.returncode == 0, done.stderr
    one = exported(ltnet, finished, tmp_path / "one.csv")
    two = exported(ltnet, tmp_path / "run", tmp_path / "two.csv")
    two = two.rename(
        columns={v: k for k, v in names.items()} | {f"machine:{v}": f"machine:{k}" for k, v in names.items()}
    )
    same = [c for c in one.columns if c != "case"]  # cases 4 and 5 name the first and second coder
    pd.testing.assert_frame_equal(one[same], two[same])


def test_images_decoded_in_every_epoch_give_the_same_truth(
    demo: Path, finished: Path, ltnet: Command, tmp_path: Path
) -> None:
    flags = ("--preset", "quick", "--epochs", 2, "--device", "cpu", "--seed", 3)
    done = ltnet("fit", demo, "--run", tmp_path / "run", *flags, "--pixel-budget", 0)
    assert done.returncode == 0, done.stderr
    assert "decoded anew in every epoch" in done.stdout
    same = "results/items.parquet"
    assert (tmp_path / "run" / same).read_bytes() == (finished / same).read_bytes()


@pytest.mark.parametrize("oddity", ["one coder", "no unlabelled", "three labels", "unused class", "broken images"])
def test_odd_datasets_finish_and_say_so(demo: Path, ltnet: Command, tmp_path: Path, oddity: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(demo, folder)
    rows = read_rows(folder / "annotations.csv")
    if oddity == "one coder":
        change(folder, "annotations.csv", [r for r in rows if r["coder"] == "Alpha"])
        said = "there is only one coder, 'Alpha'"
    elif oddity == "no unlabelled":
        known = {r["image"] for r in rows} | {
            r["image"] for r in read_rows(folder / "truth.csv") if r["split"] == "test"
        }
        for path in (folder / "images").iterdir():
            if f"images/{path.name}" not in known:
                path.unlink()
        change(folder, "truth.csv", [r for r in read_rows(folder / "truth.csv") if r["image"] in known])
        said = "there are no unlabelled images"
    elif oddity == "three labels":
        change(folder, "annotations.csv", [*rows, *({**r, "coder": "Guest"} for r in rows[:3])])
        said = "coder 'Guest' labelled only 3 items"
    elif oddity == "unused class":
        change(folder, "classes.csv", [*read_rows(folder / "classes.csv"), {"class": "contempt", "code": "Co"}])
        said = "class 'contempt' is listed but nobody used it."
    else:
        (folder / rows[0]["image"]).write_bytes(b"\xff\xd8 torn")
        (folder / rows[5]["image"]).unlink()
        said = "unreadable images set aside: 1; the first: "
    done = ltnet("fit", folder, "--run", tmp_path / "run", "--preset", "quick", "--epochs", 1, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    if oddity == "broken images":
        assert "missing image (2): annotations.csv, row 7" in done.stdout
        told = json.loads(ltnet("inspect", folder, "--json").stdout)
        assert {p["kind"]: p["count"] for p in told["problems"]} == {"missing image": 2, "unreadable image": 1}
    truth = exported(ltnet, tmp_path / "run", tmp_path / "truth.csv")
    assert len(truth) > 100
    matrices = matrices_of(tmp_path / "run")["coders"]
    for matrix in matrices.values():
        np.testing.assert_allclose(np.sum(matrix, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--network", "resnet81"), "unknown network 'resnet81'; choose from cnn"),
        (("--epochs", 0), "epochs must lie between 1 and"),
        (("--batch-size", 1), "batch_size must lie between 2 and"),
        (("--cutout", 2), "cutout must lie between 0.0 and 1.0"),
        (("--reference", "Alfa"), "the reference 'Alfa' is not a coder with annotations to learn from; there are"),
        (("--reference", "Alpha", "--coder-weights", "Alpha=0"), "the reference 'Alpha' weighs 0"),
        (("--reference", "Alpha", "--no-reference"), "leave out one of them"),
        (("--reference", "Alpha", "--method", "mixture"), "has no meaning for another method"),
        (("--reference", "Alpha", "--preset", "paper"), "matrices that start from 'identity'"),
        (("--no-reference", "--method", "mixture"), "--no-reference has no meaning for --method mixture"),
        (("--precision", "float16"), "invalid choice: 'float16'"),
        (("--device", "tpu"), "unknown device 'tpu'"),
        (("--coders", "Alpha,Gamma"), "There is no coder 'Gamma'; the coders are"),
        (("--seed", -1), "seed must not be negative"),
        (("--weights", "gone.pt"), "does not exist"),
        (("--coder-weights", "Alpha"), "takes NAME=WEIGHT"),
        (("--coder-weights", "Alfa=2"), "no such coder takes part. Did you mean 'Alpha'?"),
        (("--coder-weights", "Alpha=-2"), "must lie between 0 and"),
        (("--coder-weights", "Beta=2", "--coders", "Alpha"), "for 'Beta', but no such coder takes part"),
        (("--coder-weights", "Alpha=0,Beta=0"), "every coder weighs 0"),
    ],
)
def test_wrong_flags_are_bad_input_and_leave_nothing_behind(
    demo: Path, ltnet: Command, tmp_path: Path, flags: tuple[object, ...], message: str
) -> None:
    done = ltnet("fit", demo, "--run", tmp_path / "run", "--preset", "quick", *flags)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_coders_and_machine_coders_are_as_asked(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    done = ltnet(
        "fit", demo, "--run", tmp_path / "run", "--preset", "quick", "--epochs", 1, "--coders", "Beta", "--no-machine-coders"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(matrices_of(tmp_path / "run")["coders"]) == ["Beta"]
    methods = json.loads((tmp_path / "run" / "results" / "evaluation.json").read_text())["tests"]["test"]["methods"]
    assert "coder:Beta" not in methods


def test_the_reference_is_who_was_named(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    flags = ("--no-machine-coders", "--no-comparisons", "--epochs", 4)
    for name, flag in (("Beta", ("--reference", "Beta")), (None, ("--no-reference",))):
        run = tmp_path / str(name)
        done = ltnet("fit", demo, "--run", run, *QUICK[:2], *flags, *flag)
        assert done.returncode == 0, done.stderr
        found = matrices_of(run)
        assert found["reference_coder"] == name
        starts = {c: np.diagonal(m) for c, m in found["start"].items()}
        assert (abs(starts["Beta"] - NEAR) < 1e-6).all() == (name == "Beta")
        assert not (abs(starts["Alpha"] - NEAR) < 1e-6).any()
        assert "in the words of" not in done.stdout  # that is told where it was found, not where it was asked for
    again = ltnet("fit", demo, "--run", tmp_path / "again", "--like", tmp_path / "Beta", "--no-reference")
    assert again.returncode == 0, again.stderr
    assert matrices_of(tmp_path / "again")["reference_coder"] is None


def test_a_coder_who_is_right_where_it_is_clear_is_found_to_be_the_reference(ltnet: Command, tmp_path: Path) -> None:
    """Clear images: Alpha is always right, Beta calls every third the next class; nobody labels twice."""
    pixels, truth = stripes(3000, seed=0)
    (tmp_path / "bars" / "images").mkdir(parents=True)
    rows = []
    for number, (image, k) in enumerate(zip(pixels, truth, strict=True)):
        Image.fromarray(image[0]).save(tmp_path / "bars" / "images" / f"{number:04d}.png")
        said = "abc"[(k + (number % 6 == 1)) % 3]
        rows.append((f"images/{number:04d}.png", ("Alpha", "Beta")[number % 2], said))
    write_csv(tmp_path / "bars" / "annotations.csv", ("image", "coder", "label"), rows)
    flags = ("--preset", "quick", "--epochs", 10, "--device", "cpu", "--no-machine-coders", "--no-comparisons")
    done = ltnet("fit", tmp_path / "bars", "--run", tmp_path / "run", *flags)
    assert done.returncode == 0, done.stderr
    assert "it is told in the words of 'Alpha'" in done.stdout
    found = matrices_of(tmp_path / "run")
    assert found["reference_coder"] == "Alpha"
    assert np.diagonal(found["coders"]["Alpha"]).min() > 0.9
    assert np.diagonal(found["coders"]["Beta"]).max() < 0.8
    # Whose labels are not learned from is nobody's reference.
    done = ltnet("fit", tmp_path / "bars", "--run", tmp_path / "deaf", *flags, "--coder-weights", "Alpha=0")
    assert done.returncode == 0, done.stderr
    assert matrices_of(tmp_path / "deaf")["reference_coder"] is None


def test_where_labels_suffice_a_reference_is_refused(ltnet: Command, tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    write_demo(faces, items=40)
    images = [r["image"] for r in read_rows(faces / "truth.csv") if r["split"] == "train"]
    write_csv(faces / "annotations.csv", ("image", "coder", "label"), [(i, c, "fear") for i in images for c in "XYZ"])
    done = ltnet("fit", faces, "--run", tmp_path / "run", "--preset", "quick", "--reference", "X")
    assert (done.returncode, "their labels alone tell the matrices" in done.stderr) == (2, True)
    assert not (tmp_path / "run").exists()


def test_evaluate_says_so_where_nobody_labelled_what_is_known(finished: Path, ltnet: Command, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "results" / "evaluation.json"
    told = json.loads(path.read_text())
    told["truth"]["human_labels_accuracy"] = None
    path.write_text(json.dumps(told))
    write_manifest(tmp_path / "run")
    done = ltnet("evaluate", tmp_path / "run")
    assert (done.returncode, "no human label of them" in done.stdout) == (0, True), done.stderr


def test_flags_must_fit_the_method_that_like_brings(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    like = write_fake_run(tmp_path / "like", demo)
    spec = json.loads((like / "spec.json").read_text())
    spec["settings"]["method"] = "majority"
    (like / "spec.json").write_text(json.dumps(spec))
    done = ltnet("fit", demo, "--run", tmp_path / "r", "--like", like, "--no-machine-coders")
    assert (done.returncode, "has no meaning for --method majority" in done.stderr) == (2, True)


def test_what_coders_said_of_test_images_shapes_no_matrix(tmp_path: Path) -> None:
    write_demo(tmp_path / "faces", items=120)
    test = [r["image"] for r in read_rows(tmp_path / "faces" / "truth.csv") if r["split"] == "test"]

    def labels_alone(run: str) -> dict[str, object]:
        write_fake_run(tmp_path / run, tmp_path / "faces")
        found: dict[str, object] = matrices_of(tmp_path / run)
        return dict(found["dawid_skene"])  # type: ignore[call-overload]

    before = labels_alone("a")
    with open(tmp_path / "faces" / "annotations.csv", "a", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([(image, "Alpha", "fear") for image in test])
    assert labels_alone("b") == before


def test_pixel_statistics_come_from_a_sample_in_small_parts() -> None:
    rng = np.random.default_rng(0)

    class Watched:
        shape = (7_999, 3, 2, 2)
        values = rng.integers(0, 255, shape).astype(np.uint8)
        asked: list[int] = []  # noqa: RUF012

        def __getitem__(self, items: np.ndarray) -> np.ndarray:
            self.asked.append(len(items))
            return self.values[items]

    pixels = Watched()
    mean, std = pixel_statistics(pixels, np.arange(7_999))
    assert sum(pixels.asked) == 4_000
    assert max(pixels.asked) <= 64
    np.testing.assert_allclose(mean, pixels.values[::2].mean((0, 2, 3)))
    np.testing.assert_allclose(std, pixels.values[::2].std((0, 2, 3)))


def test_precision_is_as_asked(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    weights = {}
    for precision in ("float32", "bfloat16"):
        run = tmp_path / precision
        done = ltnet("fit", demo, "--run", run, *QUICK, "--epochs", 1, "--method", "mixture", "--precision", precision)
        assert done.returncode == 0, done.stderr
        weights[precision] = load_file(run / "results" / "networks" / "mixture.safetensors")
    assert all(w.dtype != torch.bfloat16 for w in weights["bfloat16"].values())
    moved = [
        float((weights["bfloat16"][k] - w).abs().max()) for k, w in weights["float32"].items() if w.is_floating_point()
    ]
    assert 0 < max(moved) < 0.5  # coarser steps, the same way


def test_cutout_is_as_asked(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    losses = {}
    for cutout in (0.0, 0.9):
        run = tmp_path / str(cutout)
        done = ltnet("fit", demo, "--run", run, *QUICK, "--epochs", 3, "--method", "mixture", "--cutout", cutout)
        assert done.returncode == 0, done.stderr
        assert json.loads((run / "spec.json").read_text())["settings"]["data"]["cutout"] == cutout
        losses[cutout] = json.loads((run / "results" / "history.json").read_text())["mixture"][-1]["train_loss"]
    assert losses[0.9] > 1.1 * losses[0.0]  # of most faces little is left to learn from


def test_a_run_from_before_cutout_and_references_goes_on_without() -> None:
    new = ("cutout", "reference", "find_reference")
    settings = make_settings("default")
    before = {k: settings.value(k) for k in Settings.options() if k not in new}
    assert Settings.from_json(before).data.cutout == 0
    assert not Settings.from_json(before).coders.find_reference
    assert Settings.from_json(settings.to_json()) == settings


def test_the_paper_preset_repeats_the_release(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    done = ltnet("fit", demo, "--run", tmp_path / "run", "--preset", "paper", "--epochs", 1, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    content = matrices_of(tmp_path / "run")
    for matrix in content["coders"].values():
        assert np.diag(matrix).min() > 0.8  # it starts almost at identity, floor and all, and hardly moves
    assert "cells" in "".join(torch_keys(tmp_path / "run"))


def torch_keys(run: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(run / "results" / "networks" / "ltnet.safetensors", framework="pt") as f:
        return list(f.keys())


def test_python_travels_the_same_road(demo: Path, finished: Path, tmp_path: Path) -> None:
    model = IPA2LT("quick", epochs=2, seed=3, device="cpu").fit(load_dataset(demo), tmp_path / "run")
    truth = rows_of(finished)
    truth = truth[truth["_split"] == ""]
    pd.testing.assert_frame_equal(model.truth_, truth[[c for c in truth.columns if not c.startswith("_")]])
    assert model.transitions_["Alpha"].shape == (7, 7)
    assert model.transitions_["Alpha"].index.name == "truth"
    assert model.evaluation_ == json.loads((finished / "results" / "evaluation.json").read_text())
    with pytest.raises(RunError, match="is finished"):
        IPA2LT("quick", epochs=2, device="cpu").fit(load_dataset(demo), tmp_path / "run")
    with pytest.raises(OptionError, match="Did you mean 'epochs'"):
        IPA2LT("quick", epoch=2).fit(load_dataset(demo))
    with pytest.raises(OptionError, match="leave out given"):
        IPA2LT("quick", given=("Alpha",)).fit(load_dataset(demo))
    with pytest.raises(OptionError, match="belongs to the separate likelihood"):
        IPA2LT("paper", likelihood="joint").fit(load_dataset(demo))
