"""Networks of timm by name: found, fitted to the images, with weights of a file, and used like any other."""

from __future__ import annotations

from pathlib import Path

import faults
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import OptionError
from ltnet_core.files.reading import loads
from ltnet_core.learning.networks import build_network, default_size, last_layer
from ltnet_core.learning.timm_networks import publication
from ltnet_core.settings import make_settings

TINY = "timm:test_resnet"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of a tiny network with a thousand classes, as they would be published."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    state = timm.create_model("test_resnet").state_dict()
    save_file({k: torch.rand_like(v) if v.is_floating_point() else v + 1 for k, v in state.items()}, path)
    return path


def build(name: str = TINY, size: int = 32, channels: int = 3, **more: object) -> nn.Module:
    return build_network(name, classes=7, channels=channels, image_size=size, seed=0, **more)


def test_weights_of_a_file_are_its_own_and_the_last_layer_is_fresh(weights: Path) -> None:
    mine, fresh, theirs = build(weights=weights).state_dict(), build().state_dict(), faults.load_file(weights)
    head = [k for k in mine if k.startswith("fc.")]
    assert head
    for key, value in mine.items():
        assert torch.equal(value, fresh[key] if key in head else theirs[key]), key
    again = build(weights=weights).state_dict()
    assert all(torch.equal(v, again[k]) for k, v in mine.items())


@pytest.mark.parametrize("wrapped", ["state_dict", "model", "state_dict_ema"])
def test_weights_may_be_wrapped_as_trainers_do(wrapped: str, weights: Path, tmp_path: Path) -> None:
    state = faults.load_file(weights)
    torch.save({wrapped: {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, tmp_path / "w.pth")
    assert torch.equal(build(weights=tmp_path / "w.pth").state_dict()["conv1.0.weight"], state["conv1.0.weight"])


def test_a_network_of_grey_images_has_the_same_weights_summed_up(weights: Path) -> None:
    grey = build(weights=weights, channels=1).state_dict()["conv1.0.weight"]
    torch.testing.assert_close(grey, faults.load_file(weights)["conv1.0.weight"].sum(1, keepdim=True))


def test_as_many_classes_as_were_published_change_nothing(tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_file(timm.create_model("test_resnet", num_classes=7).state_dict(), tmp_path / "w.safetensors")
    network = build(weights=tmp_path / "w.safetensors")
    assert torch.equal(last_layer(network).weight, last_layer(build()).weight)


@pytest.mark.parametrize(("name", "message"), [
    ("timm:convnext_tinny", "timm has no network 'convnext_tinny'; it has .* Did you mean 'timm:convnext_tiny'?"),
    ("timm:resnet50.nothing", "timm has no weights 'nothing' of 'resnet50'; there are timm:resnet50.a1_in1k, "),
    ("timm:", "unknown network 'timm:'; choose from cnn, resnet18, resnet20, resnet50, or timm:NAME"),
    ("resnet51", "or timm:NAME for one of timm's. Did you mean 'resnet50'?"),
])  # fmt: skip
def test_a_mistyped_name_is_answered(name: str, message: str) -> None:
    with pytest.raises(OptionError, match=message.replace("?", r"\?")):
        build(name)


def test_a_size_that_does_not_fit_names_those_that_do() -> None:
    with pytest.raises(
        OptionError, match=r"'timm:test_maxvit' does not take images of 50 px \(.*it takes 32, "
    ) as error:
        build("timm:test_maxvit", 50)
    sizes = str(error.value).split("it takes ")[1].split(":")[0].split(", ")
    assert len(sizes) > 3
    for size in map(int, (sizes[0], sizes[-1])):
        assert build("timm:test_maxvit", size).eval()(torch.zeros(1, 3, size, size)).shape == (1, 7)


@pytest.mark.parametrize("name", ["timm:test_vit", "timm:test_convnext", "timm:test_efficientnet"])
def test_networks_take_the_size_they_are_built_for(name: str) -> None:
    for size, channels in ((32, 1), (160, 3)):
        network = build(name, size, channels).eval()
        assert network(torch.zeros(2, channels, size, size)).shape == (2, 7)
        assert isinstance(last_layer(network), nn.Module)


def test_a_network_without_one_last_layer_is_refused() -> None:
    with pytest.raises(OptionError, match="has not one last layer"):
        build("timm:crossvit_9_240", 240)


def test_other_weights_are_refused(tmp_path: Path, weights: Path) -> None:
    save_file({"x": torch.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(OptionError, match=r"are not those of 'timm:test_resnet': they fit only \d+ of its \d+ tensors"):
        build(weights=tmp_path / "w.safetensors")
    shapes = {k: v.flatten() for k, v in faults.load_file(weights).items()}
    save_file(shapes, tmp_path / "w.safetensors")
    with pytest.raises(OptionError, match="the weights are not those of 'timm:test_resnet'"):
        build(weights=tmp_path / "w.safetensors")


def test_published_weights_without_a_network_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", offline)
    with pytest.raises(OptionError, match=r"published weights of 'timm:test_resnet' cannot be had \(ConnectionError\)"):
        build(pretrained=True)


def test_published_weights_are_those_of_a_network_of_timm() -> None:
    with pytest.raises(OptionError, match="only networks of timm's have published weights"):
        make_settings(pretrained=True)
    with pytest.raises(OptionError, match="say --no-pretrained"):
        make_settings("pretrained", network="resnet18")
    assert make_settings("pretrained", network="resnet18", pretrained=False).network.network == "resnet18"
    assert make_settings("pretrained").network.pretrained


def test_a_file_of_weights_goes_before_the_published_ones(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda *a, **k: pytest.fail("downloaded"))
    mine = build(weights=weights, pretrained=True).state_dict()
    assert torch.equal(mine["conv1.0.weight"], faults.load_file(weights)["conv1.0.weight"])


def test_the_image_size_follows_the_network() -> None:
    assert default_size(TINY, 48, None) == 160
    assert default_size(TINY, 48, 96) == 48
    assert default_size("resnet18", 500, None) == 224
    assert default_size("cnn", 500, None) == default_size("resnet20", 500, None) == 64
    assert default_size("resnet20", 28, None) == 28


def test_pixels_are_normalised_as_the_network_had_them() -> None:
    mean, std = publication("timm:resnet50").statistics(3)
    np.testing.assert_allclose([mean, std], 255 * np.asarray([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]))
    grey, spread = publication("timm:resnet50").statistics(1)
    assert (grey, spread) == (pytest.approx([mean.mean()]), pytest.approx([std.mean()]))


def test_fit_predict_and_export_take_it(weights: Path, tmp_path: Path) -> None:
    faces, run = tmp_path / "faces", tmp_path / "run"
    write_demo(faces, items=30, seed=1)
    flags = ("--preset", "quick", "--epochs", 1, "--image-size", 16, "--device", "cpu", "--method", "mixture")
    done = faults.call("fit", faces, "--run", run, *flags, "--network", TINY, "--weights", weights)
    assert (done.status, done.err) == (0, "")
    index = loads((run / "results" / "networks" / "index.json").read_text())
    assert index["network"] == TINY and index["image_size"] == 16
    np.testing.assert_allclose(index["mean"], publication(TINY).statistics(index["channels"])[0])
    own = run / "results" / "networks" / "mixture.safetensors"
    trained, again = faults.load_file(own), build(weights=own, size=16, channels=index["channels"]).state_dict()
    assert [k for k, v in again.items() if not torch.equal(v, trained[f"base.{k}"])] == ["fc.weight", "fc.bias"]
    image = next(faces.rglob("*.jpg"))
    answer = loads(faults.call("predict", run, image, "--device", "cpu", "--json").out)
    assert sum(answer[0]["p"].values()) == pytest.approx(1)
    assert faults.call("export", run, "--model", tmp_path / "m.pt").status == 0
    assert torch.load(tmp_path / "m.pt", weights_only=True)["network"] == TINY


def test_fit_refuses_before_it_makes_a_run(tmp_path: Path) -> None:
    write_demo(tmp_path / "faces", items=20, seed=1)
    for flags, words in (
        (("--network", "timm:test_resnot"), "Did you mean 'timm:test_resnet'?"),
        (("--network", "timm:test_maxvit", "--image-size", 50), "does not take images of 50 px"),
        (("--network", TINY, "--weights", tmp_path / "none.pt"), "does not exist"),
    ):
        done = faults.call("fit", tmp_path / "faces", "--run", tmp_path / "run", *flags)
        assert done.status == 2 and words in done.err and done.err.count("\n") == 1, done
        assert not (tmp_path / "run").exists()
