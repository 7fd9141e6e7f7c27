"""Training on a GPU: same seed, same bytes; a captured step is the step; nothing in it waits. Skipped where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stripes import random_t, study

from ltnet_core.errors import TrainingError
from ltnet_core.learning.coder_models.annot_mix import AnnotMix
from ltnet_core.learning.coder_models.crowd_layer import CrowdLayer
from ltnet_core.learning.coder_models.trace import TraceRegularised
from ltnet_core.learning.ltnet import Classifier, LTNet
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule, optimizers_of, rates_at
from ltnet_core.learning.side_by_side import SideBySide
from ltnet_core.learning.steps import EAGER_FIRST, Steps
from ltnet_core.learning.training import FitArguments, fit, fit_in_turns
from ltnet_core.learning.training_data import ResidentPixels, TrainingData, on_device
from ltnet_core.learning.transition import SoftmaxTransitions
from ltnet_core.learning.turns import Turns
from ltnet_core.learning.views import predict
from ltnet_core.learning.watch import Watch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

ITEMS, HELD_OUT = 330, 30  # whole batches of 16 and an odd one
MODELS: dict[str, Any] = {
    "classifier": Classifier,
    "joint": lambda base: LTNet(base, SoftmaxTransitions(random_t(2, 3)), prior=1e-3 * random_t(2, 3)),
    "separate": lambda base: LTNet(base, SoftmaxTransitions(random_t(2, 3)), "separate"),
    "crowd layer": lambda base: CrowdLayer(base, 2, 3),
    "trace": lambda base: TraceRegularised(base, random_t(2, 3)),
    "annot-mix": lambda base: AnnotMix(base, 2, 3),
}


def gpu() -> torch.device:
    return torch.device("cuda:0")


def data(resident: bool = True, augment: bool = True, device: torch.device | None = None) -> TrainingData:
    pixels, _, table = study(ITEMS, random_t(2, 3))
    at = device or gpu()
    stored = on_device(pixels, at) if resident else pixels
    return TrainingData(
        stored, table, np.array([1.0, 0.5]), np.array([60.0]), np.array([50.0]), at, augment, 0.25 if augment else 0.0
    )


def model(name: str = "joint", device: torch.device | None = None, **changes: Any) -> Classifier:
    made: Classifier = MODELS[name](build_network("cnn", classes=3, channels=1, image_size=12, seed=0))
    made.to(device or gpu()).base.to(memory_format=torch.channels_last)
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def schedule(optimizer: Any = "sgd", epochs: int = 2) -> Schedule:
    return Schedule(epochs, 16, lr=0.02, optimizer=optimizer, transition_lr=0.01, transition_delay=0.3)


def trained(
    made: Classifier, on: TrainingData, how: Schedule | None = None, notes: list[str] | None = None, **options: Any
) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor], np.ndarray]:
    watch = options.pop("watch", None) or Watch(note=(notes if notes is not None else []).append)
    history = fit(
        made, on, np.arange(ITEMS - HELD_OUT), np.arange(ITEMS - HELD_OUT, ITEMS), how or schedule(), seed=5,
        watch=watch, **options,
    )  # fmt: skip
    p = predict(made, on, np.arange(ITEMS))
    return history, {k: v.cpu() for k, v in made.state_dict().items()}, p


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_bytes(name: str, optimizer: str) -> None:
    notes: list[str] = []
    one, two = (trained(model(name), data(), schedule(optimizer), notes) for _ in range(2))
    assert not notes
    assert same(one[1], two[1])
    assert np.array_equal(one[2], two[2])
    assert np.isfinite(one[2]).all()


@pytest.mark.parametrize("changes", [{}, {"mixup": 0.4}, {"low_precision": True}], ids=str)
def test_a_captured_step_is_the_step(changes: dict[str, Any]) -> None:
    notes: list[str] = []
    captured = trained(model(**changes), data(), notes=notes)
    eager = trained(model(**changes), data(), graphs=False)
    assert not notes
    for name, value in captured[1].items():
        torch.testing.assert_close(value, eager[1][name], rtol=1e-2, atol=1e-3)
    assert captured[0][-1]["train_loss"] == pytest.approx(eager[0][-1]["train_loss"], rel=1e-3)
    print(f"equal bytes with and without a graph, {changes}: {same(captured[1], eager[1])}")


def test_pixels_that_stay_outside_give_the_same_network() -> None:
    inside, outside = trained(model(), data()), trained(model(), data(resident=False))
    assert isinstance(data().pixels, ResidentPixels)
    assert inside[0][-1]["train_loss"] == pytest.approx(outside[0][-1]["train_loss"], rel=1e-3)


def test_a_gpu_learns_what_a_cpu_learns() -> None:
    how = schedule(epochs=1)
    cpu = torch.device("cpu")
    here = trained(model(), data(augment=False), how)
    there = trained(model(device=cpu), data(augment=False, device=cpu), how)
    # Dropout is drawn by other generators.
    assert here[0][-1]["train_loss"] == pytest.approx(there[0][-1]["train_loss"], rel=0.1)


@pytest.mark.parametrize("graphs", [True, False])
@pytest.mark.parametrize("name", [m for m in MODELS if m != "annot-mix"])
def test_no_step_waits_for_the_device(name: str, graphs: bool) -> None:
    on, made, how = data(), model(name), schedule()
    optimizers = optimizers_of(made, how, on.static)
    generator = torch.Generator(gpu()).manual_seed(0)
    steps = Steps(made, on, optimizers, 16, generator, steps=1000, graphs=graphs, note=pytest.fail)
    rates = [rates_at(optimizers, how, i / 20) for i in range(20)]
    done = 0
    try:
        for _ in steps.epoch(np.arange(320), rates):
            done += 1
            if done == EAGER_FIRST + 1:
                torch.cuda.set_sync_debug_mode("error")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert done == 20
    assert steps.captured == graphs


def test_a_resumed_fit_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def die(record: dict[str, Any]) -> None:
        if record["epoch"] == 1:
            raise Killed

    whole = trained(model(), data(), schedule(epochs=3))
    with pytest.raises(Killed):
        trained(model(), data(), schedule(epochs=3), watch=Watch(epoch=die), checkpoint=tmp_path / "c.pt")
    resumed = trained(model(), data(), schedule(epochs=3), checkpoint=tmp_path / "c.pt")
    assert same(whole[1], resumed[1])


def test_networks_side_by_side_learn_the_bytes_that_they_learn_alone() -> None:
    """Four, of which two draw dropout in a captured step, and one has batches of its own size."""
    names, sizes = ("classifier", "joint", "trace", "classifier"), (16, 16, 16, 11)
    on, items = data(), np.arange(ITEMS)

    def turns(number: int, driver: SideBySide[dict[str, torch.Tensor]]) -> Turns[dict[str, torch.Tensor]]:
        made = model(names[number])
        how = replace(schedule(epochs=3), batch_size=sizes[number])
        arguments = FitArguments(items[HELD_OUT:], items[:HELD_OUT], how, number)
        yield from fit_in_turns(made, on, arguments, Watch(note=pytest.fail, others=lambda: driver.others))
        predict(made, on, items)
        return {k: v.cpu() for k, v in made.state_dict().items()}

    results = []
    for together in (False, True):
        driver: SideBySide[dict[str, torch.Tensor]] = SideBySide(gpu(), together=together)
        results.append(driver.run({str(n): turns(n, driver) for n in range(len(names))}))
    for number in results[0]:
        assert same(results[0][number], results[1][number]), f"network {number}"
    assert not same(results[0]["0"], results[0]["3"])


def test_a_loss_that_is_no_number_is_named() -> None:
    made = model()
    with torch.no_grad():
        made.base.head.weight.fill_(float("nan"))  # type: ignore[union-attr, operator]
    with pytest.raises(TrainingError, match="The loss became nan in epoch 1"):
        trained(made, data())
