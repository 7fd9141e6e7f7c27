"""`fit` from outside: every method, killed and resumed, cancelled, odd datasets, from Python."""

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
from conftest import ROOT, Command
from fake_run import write_fake_run
from fitting import QUICK, change, exported, read_rows
from run_results import matrices_of, rows_of

from ltnet_core import IPA2LT, Run, load_dataset
from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import OptionError, RunError


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
    content = json.loads(ltnet("evaluate", tmp_path / "r", "--json").stdout)
    assert 0 <= content["tests"]["test"]["methods"][network]["accuracy"] <= 1
    assert set(content["transitions"]) == {"Alpha", "Beta"}
    truth = exported(ltnet, tmp_path / "r", tmp_path / "truth.csv")
    rows = rows_of(tmp_path / "r")
    assert len(truth) == (rows["_split"] == "").sum()
    assert (rows["_split"] == "test").sum() == len(rows) - len(truth) == 24
    answer = json.loads(ltnet("predict", tmp_path / "r", next((demo / "images").iterdir()), "--json").stdout)
    assert set(answer[0]["coders"]) == {"Alpha", "Beta"}


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
            assert time.monotonic() - killed < 60, Run(run).status()
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
    done = ltnet("cancel", run)
    assert done.stdout.strip() == "cancelled"
    assert child.wait(30) == 1
    assert Run(run).status().state == "cancelled"
    assert "was cancelled" in (tmp_path / "log").read_text()
    nothing = ltnet("cancel", run)
    assert (nothing.returncode, "nothing to cancel" in nothing.stderr) == (2, True)


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
        sentence = "there is only one coder, 'Alpha'"
    elif oddity == "no unlabelled":
        known = {r["image"] for r in rows} | {
            r["image"] for r in read_rows(folder / "truth.csv") if r["split"] == "test"
        }
        for path in (folder / "images").iterdir():
            if f"images/{path.name}" not in known:
                path.unlink()
        change(folder, "truth.csv", [r for r in read_rows(folder / "truth.csv") if r["image"] in known])
        sentence = "there are no unlabelled images"
    elif oddity == "three labels":
        change(folder, "annotations.csv", [*rows, *({**r, "coder": "Guest"} for r in rows[:3])])
        sentence = "coder 'Guest' labelled only 3 items"
    elif oddity == "unused class":
        change(folder, "classes.csv", [*read_rows(folder / "classes.csv"), {"class": "contempt", "code": "Co"}])
        sentence = "class 'contempt' is listed but nobody used it."
    else:
        (folder / rows[0]["image"]).write_bytes(b"\xff\xd8 torn")
        (folder / rows[5]["image"]).unlink()
        sentence = "unreadable images set aside: 1; the first: "
    flags = ("--preset", "quick", "--epochs", 1, "--image-size", 16, "--device", "cpu")
    done = ltnet("fit", folder, "--run", tmp_path / "run", *flags)
    assert done.returncode == 0, done.stderr
    assert sentence in done.stdout
    if oddity == "broken images":
        assert "missing image (2): annotations.csv, row 7" in done.stdout
        content = json.loads(ltnet("inspect", folder, "--json").stdout)
        assert {p["kind"]: p["count"] for p in content["problems"]} == {"missing image": 2, "unreadable image": 1}
    truth = exported(ltnet, tmp_path / "run", tmp_path / "truth.csv")
    assert len(truth) > 100
    matrices = matrices_of(tmp_path / "run")["coders"]
    for matrix in matrices.values():
        np.testing.assert_allclose(np.sum(matrix, axis=1), 1, atol=1e-6)


def test_what_coders_said_of_test_images_shapes_no_matrix(tmp_path: Path) -> None:
    write_demo(tmp_path / "faces", items=120)
    test = [r["image"] for r in read_rows(tmp_path / "faces" / "truth.csv") if r["split"] == "test"]

    def labels_alone(run: str) -> dict[str, object]:
        write_fake_run(tmp_path / run, tmp_path / "faces")
        stored: dict[str, object] = matrices_of(tmp_path / run)
        return dict(stored["dawid_skene"])  # type: ignore[call-overload]

    before = labels_alone("a")
    with open(tmp_path / "faces" / "annotations.csv", "a", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([(image, "Alpha", "fear") for image in test])
    assert labels_alone("b") == before


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
    with pytest.raises(OptionError, match="leave it out"):
        IPA2LT("quick", given=("Alpha",)).fit(load_dataset(demo))
    for seed in ("3", 1.5, True):
        with pytest.raises(OptionError, match=f"seed must be a whole number, got {seed!r}"):
            IPA2LT("quick", seed=seed).fit(load_dataset(demo))
    with pytest.raises(OptionError, match="belongs to the separate likelihood"):
        IPA2LT("paper", likelihood="joint").fit(load_dataset(demo))
