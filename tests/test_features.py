"""Features in the place of images: everything works as with images, and no image has to be readable."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import faults
import numpy as np
import pandas as pd
import pytest
import torch
from asgi import request
from conftest import Command
from page_driver import link, open_page, seen

from ltnet_core import IPA2LT, load_dataset
from ltnet_core.datasets import Study
from ltnet_core.errors import Cancelled, OptionError
from ltnet_core.files.reading import loads
from ltnet_core.learning import network_stage, training_data
from ltnet_core.learning.item_features import principal_axes
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule
from ltnet_core.learning.study_features import feature_statistics
from ltnet_core.runs.run import Run
from ltnet_core.settings import Settings, make_settings
from ui import commands, export_routes, prediction

FLAGS = ("--preset", "quick", "--epochs", 20, "--batch-size", 32, "--lr", 0.03, "--ltnet-lr", 0.03, "--device", "cpu")
SHORT = ("--preset", "quick", "--epochs", 2, "--device", "cpu", "--no-machine-coders")
DIMENSIONS = 12


def vectors(study: Study) -> np.ndarray:
    """Features that tell the known truth, as those of a good network would."""
    rng = np.random.default_rng(5)
    centres = rng.normal(0, 3, (len(study.table.classes), DIMENSIONS))
    return (100 + centres[study.truth] + rng.normal(0, 1, (len(study.truth), DIMENSIONS))).astype(np.float32)


@pytest.mark.parametrize(("n", "size"), [(300, 40), (40, 40), (300, 7), (20, 40), (300, 1)])
def test_axes_are_those_of_the_singular_value_decomposition(n: int, size: int) -> None:
    rng = np.random.default_rng(size)
    spread = 0.8 ** np.arange(size)
    sample = (rng.normal(size=(n, size)) * spread @ np.linalg.qr(rng.normal(size=(size, size)))[0]).astype(np.float32)
    mean, axes = principal_axes(sample + 10)
    np.testing.assert_allclose(mean, sample.mean(0) + 10, rtol=1e-6)
    _, _, expected = np.linalg.svd(sample.astype(np.float64) - sample.mean(0), full_matrices=False)
    assert axes.shape == (size, min(n, size, 32))
    assert axes.dtype == np.float32
    largest = slice(0, 15)  # of 20 items in the end no axis is left
    np.testing.assert_allclose(np.abs((axes * expected[:32].T).sum(0))[largest], 1, atol=1e-5)


@pytest.fixture(scope="module")
def made(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, np.ndarray]:
    """The demo with images that nobody can read, its features, shuffled, in a file; and their values."""
    folder = tmp_path_factory.mktemp("features")
    shutil.copytree(demo, folder / "faces")
    for image in (folder / "faces" / "images").iterdir():
        image.write_bytes(b"no image")
    study = load_dataset(folder / "faces")
    values = vectors(study)
    order = np.random.default_rng(1).permutation(len(values))
    frame = pd.DataFrame({"image": study.table.items[order], "vector": list(values[order])})
    frame.to_parquet(folder / "features.parquet")
    return folder / "faces", folder / "features.parquet", values


@pytest.fixture(scope="module")
def run(made: tuple[Path, Path, np.ndarray], ltnet: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on them, from outside."""
    faces, features, _ = made
    folder = tmp_path_factory.mktemp("runs") / "run"
    done = ltnet("fit", faces, "--run", folder, *FLAGS, "--features", features)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_the_run_learned_from_them(run: Path, made: tuple[Path, Path, np.ndarray]) -> None:
    scores = loads(faults.call("evaluate", run, "--json").out)
    accuracy = {m: v["accuracy"] for m, v in scores["tests"]["test"]["methods"].items()}
    assert accuracy["ltnet"] > 0.85, accuracy
    assert scores["truth"]["accuracy"] > 0.9 > scores["truth"]["human_labels_accuracy"]
    spec = Run(run).spec()
    settings = Settings.of_spec(spec).network
    assert (settings.network, settings.features) == ("features", str(made[1]))
    assert spec["features"]["dimensions"] == DIMENSIONS


def test_predict_says_what_the_run_said(run: Path, made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    assert faults.call("export", run, "--out", tmp_path / "truth.csv").status == 0
    network_truth = pd.read_csv(tmp_path / "truth.csv").set_index("image")["network_truth"]
    answers = loads(faults.call("predict", run, "--features", made[1], "--device", "cpu", "--json").out)
    assert len(answers) == 160
    predicted = {a["image"]: a["truth"] for a in answers}
    assert {n: predicted[n] for n in network_truth.index} == network_truth.to_dict()
    names = [network_truth.index[7].rsplit("/", 1)[-1], network_truth.index[2]]
    some = faults.call("predict", run, "--features", made[1], *names, "--device", "cpu", "--json")
    assert [a["image"] for a in loads(some.out)] == names
    assert [a["truth"] for a in loads(some.out)] == network_truth.iloc[[7, 2]].tolist()


def test_the_exported_model_is_the_network(run: Path, made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    assert faults.call("export", run, "--model", tmp_path / "m.pt").status == 0
    model = torch.load(tmp_path / "m.pt", weights_only=True)
    assert (model["network"], model["channels"], model["hidden_units"]) == ("features", DIMENSIONS, 0)
    base = {k.removeprefix("base."): v for k, v in model["state_dict"].items() if k.startswith("base.")}
    network = build_network("features", classes=7, channels=DIMENSIONS, image_size=1, seed=0).eval()
    network.load_state_dict(base)
    x = (torch.from_numpy(made[2][:1]) - torch.tensor(model["mean"])) / torch.tensor(model["std"])
    p = torch.softmax(network(x.float()[:, :, None, None]) / model["temperature"], 1)
    item = str(load_dataset(made[0]).table.items[0])
    answer = loads(faults.call("predict", run, "--features", made[1], item, "--device", "cpu", "--json").out)[0]
    expected = [answer["p"][c] for c in model["trained_classes"]]
    np.testing.assert_allclose(p[0].detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--features", "{other}"), "has 3 features a vector, the run was trained on 12"),
        (("--features", "{file}", "nobody.jpg"), "has no features of 'nobody.jpg'"),
        (("{file}",), "was trained on features; give those of the images"),
        (("--features", "{gone}"), "No such file"),
    ],
    ids=str,
)
def test_predict_refuses_what_it_cannot_use(
    run: Path, made: tuple[Path, Path, np.ndarray], tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    np.savez(tmp_path / "x.npz", names=np.array(["a"]), features=np.ones((1, 3)))
    paths = {"file": made[1], "other": tmp_path / "x.npz", "gone": tmp_path / "gone.npz"}
    done = faults.call("predict", run, *(f.format(**paths) for f in flags))
    assert (done.status, message in done.err) == (2, True), done.err


def test_features_are_of_no_use_to_a_run_on_images(golden: Path, made: tuple[Path, Path, np.ndarray]) -> None:
    done = faults.call("predict", golden, "--features", made[1])
    assert (done.status, "was trained on images; give images, and leave --features out" in done.err) == (2, True), (
        done.err
    )


def test_labels_without_images_and_items_without_features(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    faces, features, _ = made
    shutil.copytree(faces, tmp_path / "labels", ignore=shutil.ignore_patterns("images"))
    frame = pd.read_parquet(features)
    without = frame["image"][0]
    frame.loc[0, "image"] = "stranger.jpg"
    frame.to_parquet(tmp_path / "some.parquet")
    run = tmp_path / "run"
    done = faults.call("fit", tmp_path / "labels", "--run", run, *SHORT, "--features", tmp_path / "some.parquet")
    assert done.status == 0, done.err
    assert f"images without features set aside: 1; the first: {without}: has no features in some.parquet." in done.out
    assert "features of no image of the dataset left out: 1, such as 'stranger.jpg'." in done.out
    assert faults.call("export", run, "--out", tmp_path / "truth.csv").status == 0
    assert without not in pd.read_csv(tmp_path / "truth.csv")["image"].tolist()


def test_a_stopped_run_goes_on_to_the_same_end_without_its_file(
    made: tuple[Path, Path, np.ndarray], tmp_path: Path
) -> None:
    faces, features, _ = made
    file, whole, again = tmp_path / "f.parquet", tmp_path / "whole", tmp_path / "again"
    shutil.copyfile(features, file)
    assert faults.call("fit", faces, "--run", whole, *SHORT, "--features", file).status == 0
    emit = Run.emit

    def stop_in_ltnet(self: Run, event: str, **facts: Any) -> None:
        emit(self, event, **facts)
        if event == "epoch" and facts["stage"] == "ltnet":
            raise Cancelled("stopped")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "emit", stop_in_ltnet)
        assert faults.call("fit", faces, "--run", again, *SHORT, "--features", file).status == 1
    file.unlink()
    done = faults.call("fit", faces, "--run", again, "--resume")
    assert done.status == 0, done.err
    for name in ("items.parquet", "transitions.parquet", "evaluation.json"):
        assert (again / "results" / name).read_bytes() == (whole / "results" / name).read_bytes(), name


def test_a_run_does_not_go_on_with_other_features(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    faces, features, _ = made
    file, run = tmp_path / "f.parquet", tmp_path / "run"
    shutil.copyfile(features, file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ltnet_core.fit.train_run", lambda *_, **__: None)
        assert faults.call("fit", faces, "--run", run, *SHORT, "--features", file).status == 0
    frame = pd.read_parquet(file)
    frame["vector"] = [v + 1 for v in frame["vector"]]
    frame.to_parquet(file)
    done = faults.call("fit", faces, "--run", run, "--resume")
    assert (done.status, "has other features than run" in done.err) == (2, True), done.err


def test_another_method_and_a_hidden_layer(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    faces, _, values = made
    model = IPA2LT("quick", method="mixture", hidden_units=16, epochs=20, batch_size=32, lr=0.03, seed=1)
    model.fit(load_dataset(faces), tmp_path / "run", features=values)
    best = model.evaluation_["tests"]["test"]["methods"]["mixture"]["accuracy"]
    assert best > 0.85
    answers = faults.call(
        "predict", tmp_path / "run", "--features", Run(tmp_path / "run").spec()["settings"]["network"]["features"]
    )
    assert answers.status == 0, answers.err


@pytest.mark.parametrize(("changes", "single"), [({}, True), ({"hidden_units": 4}, False)])
def test_a_single_layer_is_averaged_over_more_epochs(
    made: tuple[Path, Path, np.ndarray],
    changes: dict[str, Any],
    single: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedules: list[Schedule] = []

    def begun(*arguments: Any) -> Any:
        schedules.append(arguments[2].schedule)
        raise Cancelled

    model = IPA2LT("quick", device="cpu", machine_coders=False, **changes)
    monkeypatch.setattr(network_stage, "fit_in_turns", begun)
    with pytest.raises(Cancelled):
        model.fit(load_dataset(made[0]), tmp_path / "run", features=made[2])
    assert [schedule.single_layer for schedule in schedules] == [single]


def test_an_array_has_a_row_for_every_image(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"must be 160 images × features, got the shape \(159, 12\)"):
        IPA2LT("quick").fit(load_dataset(made[0]), tmp_path / "run", features=made[2][1:])


def test_what_is_wrong_is_said_before_there_is_a_run(made: tuple[Path, Path, np.ndarray], tmp_path: Path) -> None:
    frame = pd.read_parquet(made[1])
    frame["vector"] = [np.where(np.arange(DIMENSIONS) == 3, np.nan, v) for v in frame["vector"]]
    frame.to_parquet(tmp_path / "x.parquet")
    done = faults.call("fit", made[0], "--run", tmp_path / "run", *SHORT, "--features", tmp_path / "x.parquet")
    assert (done.status, f"feature 4 of {frame['image'][0]!r} is nan" in done.err) == (2, True), done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"network": "features"}, "sees a file of features; give --features FILE"),
        ({"features": "x.npy", "network": "cnn"}, "takes the place of the images, which 'cnn' would see"),
        ({"features": "x.npy", "image_size": 32}, "--image-size has no meaning where features is 'x.npy'"),
        ({"features": "x.npy", "augment": False}, "--no-augment has no meaning where features is"),
        ({"features": "x.npy", "weights": "w.pt"}, "--weights has no meaning where features is"),
        ({"hidden_units": 8}, "--hidden-units has no meaning where network is 'resnet20'"),
    ],
    ids=str,
)
def test_options_that_contradict_each_other(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_settings(**asked)


@pytest.mark.parametrize("preset", ["quick", "default", "pretrained", "paper"])
def test_features_bring_their_network_to_every_preset(preset: str) -> None:
    settings = make_settings(preset, features="x.npy")
    assert settings.network.network == "features"
    assert (settings.network.pretrained, settings.schedule.lr) == (False, 0.01 if preset == "paper" else 0.0005)
    assert Settings.from_json(settings.to_json()) == settings
    assert settings.with_values({"network": "cnn"}).network.features is None
    assert make_settings(preset).with_values({"features": "x.npy"}).network.network == "features"


def test_a_feature_that_hardly_differs_is_not_blown_up() -> None:
    values = np.random.default_rng(0).normal(0, 1, (50, 3, 1, 1)).astype(np.float32)
    values[:, 1] = 7
    values[:, 2] *= 1e-9
    mean, std = feature_statistics(values, np.arange(50))
    assert (mean[1], std[1]) == (7, pytest.approx(std[2]))
    assert std[2] == pytest.approx(0.01 * np.median([std[0], 1e-9]), rel=0.1)


def test_features_lie_on_the_device_as_they_are() -> None:
    values = np.random.default_rng(0).normal(0, 1, (9, 3, 1, 1)).astype(np.float32)
    resident = training_data.ResidentPixels(values, torch.device("cpu"))
    assert np.array_equal(resident[torch.tensor([4, 2])].numpy(), values[[4, 2]])
    assert network_stage.on_device(values, torch.device("cpu")) is values


def test_the_time_is_estimated_before_the_start(made: tuple[Path, Path, np.ndarray]) -> None:
    done = faults.call("estimate", made[0], *SHORT, "--features", made[1], "--json")
    assert done.status == 0, done.err
    assert loads(done.out)["seconds"] > 0


@pytest.mark.usefixtures("commands_here")
def test_the_page_trains_on_a_file_of_features_and_predicts_by_one(
    made: tuple[Path, Path, np.ndarray], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces, features, _ = made
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    copy = tmp_path / "own"
    shutil.copytree(faces, copy)
    shutil.copy(features, copy / "features.parquet")
    link(tmp_path, copy)
    flags: list[list[str]] = []
    monkeypatch.setattr(commands, "start_run", lambda run_dir, location, options: flags.append(options))
    at = open_page("train", dataset="faces")
    box = at.selectbox(key="input")
    assert box.options == ["the images", str(copy / "features.parquet")]
    at.text_input(key="weights_quick").set_value(str(tmp_path / "gone.pt")).run()
    assert "gone.pt: cannot be read" in seen(at)
    assert not [b for b in at.button if b.key == "start"], "nothing starts with a file that is not there"
    at.selectbox(key="input").set_value(str(copy / "features.parquet")).run()
    assert (
        at.number_input(key="lr_quick_features").placeholder == f"{make_settings('quick', features='f').schedule.lr:g}"
    )
    at.button(key="start").click().run()
    assert f"--features={copy / 'features.parquet'}" in flags[0]

    shutil.copytree(run, tmp_path / "runs" / "r")
    at = open_page("predict", run="r")
    at.text_input(key="q_typed_features").set_value(str(features))
    next(b for b in at.button if b.label == "Look at it").click().run()
    assert seen(at).count('<article class="lt-seen"') == prediction.SHOWN
    address, _, query = export_routes.address_of_predictions(
        Run(tmp_path / "runs" / "r"), f"features:{features}"
    ).partition("?")
    reply = request(export_routes.routes(), "GET", f"/{address}", query=dict(parse_qsl(query)))
    assert pd.read_csv(io.BytesIO(reply.content))["image"].tolist() == pd.read_parquet(features)["image"].tolist()
