"""A frozen trunk: its weights stay, its features are computed once, and trunk and last layer are one network again."""

from __future__ import annotations

from pathlib import Path

import faults
import pandas as pd
import pytest
import torch
from torch import nn

from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import OptionError
from ltnet_core.files.reading import loads
from ltnet_core.learning import frozen_trunk
from ltnet_core.learning.frozen_trunk import last_layer_alone, require_linear_end, whole_network
from ltnet_core.learning.networks import build_network, last_layer
from ltnet_core.learning.weights import load_weights, save_weights
from ltnet_core.settings import make_settings

FROZEN = (
    "--preset",
    "quick",
    "--epochs",
    12,
    "--lr",
    0.05,
    "--ltnet-lr",
    0.05,
    "--image-size",
    16,
    "--device",
    "cpu",
    "--seed",
    3,
    "--freeze",
)


@pytest.mark.parametrize("name", ["cnn", "resnet20", "resnet18", "timm:test_resnet", "timm:resnetv2_50d_gn"])
def test_trunk_and_last_layer_are_the_network(name: str) -> None:
    trunk = build_network(name, classes=4, channels=3, image_size=32, seed=1).eval()
    require_linear_end(trunk, 32, 3)
    caught: list[torch.Tensor] = []
    last_layer(trunk).register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    images = torch.rand(3, 3, 32, 32)
    trunk(images)
    features = caught[0].flatten(1)
    head = last_layer_alone(features.shape[1], 4, seed=2)
    state = {f"base.{k}": v for k, v in head.state_dict().items()} | {"transitions.x": torch.ones(2)}
    whole = whole_network(trunk, state)
    assert torch.equal(whole.pop("transitions.x"), torch.ones(2))
    again = build_network(name, classes=4, channels=3, image_size=32, seed=9).eval()
    again.load_state_dict({k.removeprefix("base."): v for k, v in whole.items()})
    torch.testing.assert_close(again(images), head(features[:, :, None, None]))


def test_a_network_that_does_not_end_in_a_linear_layer_is_refused() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(12, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x.flatten(1)) * 2

    with pytest.raises(OptionError, match="Odd does not end in one linear layer; leave --freeze out"):
        require_linear_end(Odd(), 2, 3)


def test_freezing_needs_weights_to_keep() -> None:
    with pytest.raises(OptionError, match="give --weights FILE or --pretrained"):
        make_settings(freeze=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A dataset, pretrained weights, and a run that kept them."""
    folder = tmp_path_factory.mktemp("frozen")
    write_demo(folder / "faces", items=60, seed=1)
    network = build_network("cnn", classes=7, channels=3, image_size=16, seed=7)
    save_weights(network.state_dict(), folder / "cnn.safetensors")
    flags = (*FROZEN, "--weights", folder / "cnn.safetensors")
    computed: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        real = frozen_trunk.features
        patch.setattr(frozen_trunk, "features", lambda *a, **k: (computed.append(1), real(*a, **k))[1])
        done = faults.call("fit", folder / "faces", "--run", folder / "run", *flags)
    assert (done.status, done.err) == (0, "")
    assert computed == [1], "once for all networks"
    return folder / "faces", folder / "cnn.safetensors", folder / "run"


def test_only_the_last_layer_learned(trained: tuple[Path, Path, Path]) -> None:
    _, weights, run = trained
    before = load_weights(weights)
    index = loads((run / "results" / "networks" / "index.json").read_text())
    assert len(index["files"]) == 2
    for name in index["files"].values():
        after = load_weights(run / "results" / "networks" / name)
        for key, value in before.items():
            assert torch.equal(after[f"base.{key}"], value) != key.startswith("head."), key


def test_predict_says_what_the_run_said(trained: tuple[Path, Path, Path]) -> None:
    faces, _, run = trained
    assert faults.call("export", run, "--out", run.parent / "truth.csv").status == 0
    network_truth = pd.read_csv(run.parent / "truth.csv").set_index("image")["network_truth"]
    done = faults.call("predict", run, *[faces / i for i in network_truth.index[:30]], "--device", "cpu", "--json")
    assert [answer["truth"] for answer in loads(done.out)] == network_truth.tolist()[:30]
    assert len(set(network_truth)) > 1
