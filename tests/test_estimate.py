"""How long a run will take, told before it begins."""

from __future__ import annotations

import json
from pathlib import Path

import faults
import pytest
import torch
from conftest import Command

from ltnet_core import load_dataset
from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import OptionError
from ltnet_core.learning import estimate as module
from ltnet_core.learning.estimate import estimate_run
from ltnet_core.learning.networks import build_network
from ltnet_core.settings import make_settings


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("estimate") / "faces"
    write_demo(folder, items=40, seed=1)
    return folder


def test_the_time_is_the_images_of_the_plan_by_their_measured_speed(
    faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEASURE_SECONDS", 0.05)
    study = load_dataset(faces)

    def found(epochs: int, **changes: object) -> module.RunEstimate:
        return estimate_run(study, make_settings("quick", epochs=epochs, image_size=8, **changes), device="cpu")

    few, many = found(10), found(1000)
    assert few.seconds == pytest.approx(sum(n / few.speeds[kind] for kind, n in few.images.items()))
    assert all(speed > 0 for speed in few.speeds.values())
    assert many.images["train"] == pytest.approx(100 * few.images["train"], rel=0.1)
    assert many.images["predict"] == few.images["predict"]
    assert few.images["decode"] == 40
    assert found(10, batch_size="auto").images == few.images


def test_a_frozen_network_sees_every_image_once_more(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEASURE_SECONDS", 0.05)
    weights = tmp_path / "w.pt"
    torch.save(build_network("cnn", classes=7, channels=3, image_size=8, seed=0).state_dict(), weights)
    study, settings = load_dataset(faces), {"epochs": 5, "image_size": 8, "weights": str(weights)}
    plain, frozen = (
        estimate_run(study, make_settings("quick", **settings, freeze=f), device="cpu") for f in (False, True)
    )
    assert frozen.images["features"] == plain.images["features"] + 40
    assert frozen.images["train"] == plain.images["train"]
    assert frozen.seconds == pytest.approx(sum(n / frozen.speeds[kind] for kind, n in frozen.images.items()))


def test_the_command_says_that_it_is_an_estimate(faces: Path, ltnet: Command) -> None:
    flags = ("--preset", "quick", "--epochs", 2, "--image-size", 8, "--device", "cpu")
    done = ltnet("estimate", faces, *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("about ") and "on cpu, an estimate" in done.stdout.splitlines()[0]
    as_json = json.loads(faults.call("estimate", faces, *flags, "--json").out)
    assert as_json["device"] == "cpu"
    assert 0 < as_json["seconds"] < 600
    assert (as_json["processes"], as_json["measured_processes"]) == (1, 1)
    assert set(as_json["images"]) == set(as_json["speeds"]) == {"decode", "train", "predict", "features"}
    wrong = faults.call("estimate", faces, "--network", "resnet81")
    assert (wrong.status, "unknown network 'resnet81'" in wrong.err) == (2, True)


def test_several_processes_are_not_measured_and_that_is_said(faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = module.RunEstimate(600.0, {"train": 60}, {"train": 0.1}, "cpu")
    monkeypatch.setattr(module, "estimate_run", lambda *_, **__: once)
    done = faults.call("estimate", faces, "--device", "cpu", "--processes", 4)
    first, second = done.out.splitlines()[:2]
    assert first.startswith("about 10 min on cpu in one process, an estimate")
    assert second.startswith("  with 4 processes, which was not measured: 2 min at best")
    assert json.loads(faults.call("estimate", faces, "--processes", 4, "--json").out)["processes"] == 4
    assert "in one process" not in faults.call("estimate", faces, "--processes", 1).out
    for wrong in (0, 257):
        done = faults.call("estimate", faces, "--processes", wrong)
        assert (done.status, f"between 1 and 256, got {wrong}" in done.err) == (2, True)


def test_a_device_that_is_not_there_is_refused(faces: Path) -> None:
    with pytest.raises(OptionError, match="unknown device 'tpu'"):
        estimate_run(load_dataset(faces), make_settings("quick"), device="tpu")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--seed", -1), "seed must not be negative, got -1"),
        (("--coder-weights", "Alfa=1"), "no such coder takes part. Did you mean 'Alpha'?"),
        (("--weights", "gone.pt"), "does not exist"),
    ],
)
def test_what_fit_refuses_is_not_estimated(
    flags: tuple[object, ...], message: str, faces: Path, ltnet: Command, tmp_path: Path
) -> None:
    for command in (("estimate", faces), ("fit", faces, "--run", tmp_path / "run")):
        done = ltnet(*command, "--preset", "quick", "--image-size", 8, *flags)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_a_seed_may_be_any_whole_number(faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEASURE_SECONDS", 0.01)
    settings = make_settings("quick", epochs=1, image_size=8)
    assert estimate_run(load_dataset(faces), settings, seed=2**80, device="cpu").seconds > 0
