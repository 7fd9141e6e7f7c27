"""Annotations as a table of weights, pixels on the device, steps that count there: each as exact as the plain way."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from stripes import random_t, study
from torch import nn

from ltnet_core.annotations import AnnotationTable
from ltnet_core.learning.augmentation import _by_pixels, _by_windows
from ltnet_core.learning.batch import Entries, WeightTable
from ltnet_core.learning.coder_models.annot_mix import AnnotMix, draw_annotation
from ltnet_core.learning.coder_models.crowd_layer import CrowdLayer
from ltnet_core.learning.coder_models.trace import TraceRegularised
from ltnet_core.learning.fit_state import go_on, save_epochs
from ltnet_core.learning.ltnet import Classifier, LTNet
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.optimizer_steps import OptimizerSteps
from ltnet_core.learning.schedule import Schedule, groups_of, optimizers_of, set_rates
from ltnet_core.learning.steps import AT_ONCE, LONGEST_GRADIENT, Steps, Totals
from ltnet_core.learning.training import fit
from ltnet_core.learning.training_data import ResidentPixels, TrainingData, batches
from ltnet_core.learning.transition import ClampedTransitions, SoftmaxTransitions

CPU = torch.device("cpu")
ITEMS = np.array([3, 0, 7, 5])


def uneven(items: int = 8) -> tuple[np.ndarray, AnnotationTable]:
    """Pixels, and votes of which some items have none and some several by one coder."""
    pixels, _, table = study(items, random_t(2, 3))
    rows = [
        (0, 0, 1, 2.0),
        (0, 0, 2, 1.0),
        (0, 1, 1, 0.5),
        (3, 1, 0, 1.0),
        (5, 0, 0, 0.25),
        (5, 1, 2, 3.0),
        (6, 0, 1, 1.0),
    ]
    item, coder, label, count = (np.array(x) for x in zip(*rows, strict=True))
    return pixels, AnnotationTable(
        table.items, table.coders, table.classes,
        item.astype(np.int32), coder.astype(np.int32), label.astype(np.int32), count.astype(np.float32),
    )  # fmt: skip


def data(pixels: Any, table: AnnotationTable, **how: Any) -> TrainingData:
    return TrainingData(pixels, table, np.array([1.0, 0.5]), np.array([60.0]), np.array([50.0]), CPU, **how)


MODELS = {
    "classifier": lambda: Classifier(nn.Flatten()),
    "joint": lambda: LTNet(nn.Flatten(), SoftmaxTransitions(random_t(2, 3))),
    "separate": lambda: LTNet(nn.Flatten(), SoftmaxTransitions(random_t(2, 3)), "separate"),
    "paper": lambda: LTNet(nn.Flatten(), ClampedTransitions(random_t(2, 3), 0.01), "separate", double_softmax=True),
    "crowd layer": lambda: CrowdLayer(nn.Flatten(), 2, 3),
    "trace": lambda: TraceRegularised(nn.Flatten(), random_t(2, 3)),
    "annot-mix": lambda: AnnotMix(nn.Flatten(), 2, 3),
}


def forms() -> dict[str, Entries | WeightTable]:
    """The annotations of ITEMS in every form a batch comes in."""
    pixels, table = uneven()
    padded, ragged = data(pixels, table, tables=True), data(pixels, table, tables=True)
    ragged._padded = None  # as where padding would need too much memory
    return {
        "list": data(pixels, table).annotations(ITEMS),
        "padded list": padded.annotations(torch.from_numpy(ITEMS), as_table=False),
        "table": padded.annotations(torch.from_numpy(ITEMS)),
        "table from a list": ragged.annotations(torch.from_numpy(ITEMS)),
    }


@pytest.mark.parametrize("name", MODELS)
def test_loss_gradient_mass_and_agreement_are_the_same_in_every_form(name: str) -> None:
    logits = torch.randn(4, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    results = {}
    for form, batch in forms().items():
        model, images = MODELS[name](), logits.clone().requires_grad_()
        log_p = model(images)
        loss = model.loss(log_p, batch)
        torch.autograd.backward(loss)
        gradients = [images.grad, *(p.grad for p in model.parameters())]
        results[form] = [
            loss,
            model.mass(batch),
            batch.agreement(log_p.argmax(1)),
            batch.mass,
            *gradients,
        ]
    plain = results.pop("list")
    assert float(plain[2]) not in (0.0, float(plain[3]))
    for values in results.values():
        for value, expected in zip(values, plain, strict=True):
            torch.testing.assert_close(value, expected, check_dtype=False)


@pytest.mark.parametrize("name", [m for m in MODELS if m != "annot-mix"])
def test_mixup_is_the_same_in_every_form(name: str) -> None:
    images = torch.randn(4, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    losses = []
    for batch in forms().values():
        model = MODELS[name]()
        model.mixup = 0.5
        losses.append(float(model.training_loss(images, batch, torch.Generator().manual_seed(1))[0].detach()))
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-5)


def test_annotator_mixup_draws_no_annotation_that_only_fills_up() -> None:
    by_form = forms()
    images = torch.randn(4, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    model = MODELS["annot-mix"]()
    with pytest.raises(TypeError, match="takes entries"):
        model.training_loss(images, by_form["table"], torch.Generator())
    padded = by_form["padded list"]
    assert isinstance(padded, Entries)
    annotated = torch.tensor([0, 1, 3])  # places in the batch
    for draw in torch.rand(20, generator=torch.Generator().manual_seed(0)):
        assert (padded.weight[draw_annotation(padded, annotated, draw.repeat(3))] > 0).all()


def test_a_table_is_not_made_where_it_would_be_vast(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, table = uneven()
    monkeypatch.setattr("ltnet_core.learning.training_data.TABLE_CELLS", 4 * 2 * 3 * 3)
    made = data(pixels, table, tables=True)
    assert isinstance(made.annotations(ITEMS), WeightTable)
    assert isinstance(made.annotations(np.arange(5)), Entries)


def test_pixels_on_the_device_are_the_same_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (23, 3, 8, 8)).astype(np.uint8)
    monkeypatch.setattr("ltnet_core.learning.training_data.CHUNK_BYTES", 5 * 3 * 64)  # five images at a time
    resident = ResidentPixels(pixels, CPU)
    some = torch.tensor([22, 0, 4, 5])
    assert resident.shape == pixels.shape
    assert torch.equal(resident[some], torch.from_numpy(pixels[some.numpy()]))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gpu_s_way_to_shift_is_the_cpu_s(channels: int) -> None:
    batch = torch.randint(0, 256, (9, channels, 11, 11), generator=torch.Generator().manual_seed(0)).byte()
    draws = torch.randint(0, 9, (2, 9), generator=torch.Generator().manual_seed(1))
    flip = torch.arange(9) % 2 == 0
    assert torch.equal(_by_windows(batch, 4, draws, flip), _by_pixels(batch, 4, draws, flip))


def test_a_cpu_s_images_lie_as_convolutions_take_them() -> None:
    pixels, table = uneven()
    colours = np.repeat(pixels, 3, axis=1)
    made = TrainingData(colours, table, np.ones(2), np.full(3, 60.0), np.full(3, 50.0), CPU, cutout=0.3)
    for generator in (None, torch.Generator().manual_seed(0)):
        assert made.images(ITEMS, generator).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(made.images(ITEMS), (torch.from_numpy(colours[ITEMS]).float() - 60) / 50)


def test_shifted_images_are_reflected_at_their_edges() -> None:
    batch = torch.arange(2 * 1 * 6 * 6, dtype=torch.uint8).reshape(2, 1, 6, 6)
    made = TrainingData(batch.numpy(), study(2, random_t(1, 3))[2], np.ones(1), np.zeros(1), np.ones(1), CPU)
    made.shift = 5
    moved = made.images(np.arange(2), torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(batch.float(), (5,) * 4, mode="reflect")
    for image, around in zip(moved, padded, strict=True):
        views = [around[:, r : r + 6, c : c + 6] for r in range(11) for c in range(11)]
        assert any(torch.equal(image, view) or torch.equal(image, view.flip(2)) for view in views)


def trained(optimizer: Any, **how: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    pixels, _, table = study(61, random_t(2, 3))
    resident = ResidentPixels(pixels, CPU) if how.get("tables") else pixels
    model = LTNet(
        build_network("cnn", classes=3, channels=1, image_size=12, seed=0), SoftmaxTransitions(random_t(2, 3))
    )
    schedule = Schedule(epochs=2, batch_size=16, lr=0.01, transition_lr=0.01, optimizer=optimizer, momentum=0.8)
    history = fit(model, data(resident, table, **how), np.arange(50), np.arange(50, 61), schedule, seed=3)
    return history, model.state_dict()


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_steps_that_count_on_the_device_train_the_same_network(optimizer: str) -> None:
    plain, weights = trained(optimizer)
    counted, same = trained(optimizer, tables=True)
    for name, value in weights.items():
        torch.testing.assert_close(value, same[name], rtol=2e-3, atol=2e-4)
    for a, b in zip(plain, counted, strict=True):
        for key in ("train_loss", "train_agreement", "validation_loss", "validation_agreement", "best_epoch"):
            assert a[key] == pytest.approx(b[key], rel=1e-3), key


def test_many_batches_added_up_at_once_are_each_of_them_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = MODELS["joint"](), forms()["list"]
    every = torch.rand(5, 3, generator=torch.Generator().manual_seed(0)).log()
    sums = []
    for most in (1, 3):
        monkeypatch.setitem(AT_ONCE, "cpu", most)
        totals = Totals(CPU, 3)
        for losses in every:
            totals.add(model, losses, torch.randn(4, 3, generator=torch.Generator().manual_seed(1)), batch)
        sums.append(totals.sums.tolist())
    assert sums[0] == sums[1]
    assert sums[0][0] == pytest.approx(float(every[:, 0].sum()) * float(model.mass(batch)))


def test_a_loss_that_waits_to_be_added_up_is_seen_to_be_none() -> None:
    totals, batch = Totals(CPU), forms()["list"]
    for loss in (1.0, float("inf")):
        totals.add(MODELS["joint"](), torch.tensor([loss]), torch.zeros(4, 3), batch)
        assert totals.latest() == loss
    assert totals.sums[0] == float("inf")


@pytest.mark.parametrize(("batch_size", "at_once"), [(16, (3, 1)), (3, (1,))])
def test_images_prepared_several_batches_at_a_time_are_those_of_one_at_a_time(
    batch_size: int, at_once: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, _, table = study(61, random_t(2, 3))
    seen = []
    for most in (3 * 16 * 4 * 11 * 11, 0):  # bytes
        monkeypatch.setattr("ltnet_core.learning.steps.MOST_PREPARED", most)
        model, generator = Classifier(nn.Flatten()), torch.Generator().manual_seed(0)
        made = data(pixels[..., :11, :11], table, cutout=0.3)
        steps = Steps(model, made, [], batch_size, generator, steps=4, graphs=False, note=pytest.fail)
        assert steps._at_once == (at_once[0] if most else 1)
        order = np.random.default_rng(0).permutation(61)
        seen.append([(images.clone(), steps.drawn) for images in steps._images(order)])
        assert torch.equal(steps.drawn, generator.get_state())
    assert [len(images) for images, _ in seen[0]] == [len(part) for part in batches(np.arange(61), batch_size)]
    for (images, drawn), (alone, drawn_alone) in zip(*seen, strict=True):
        assert torch.equal(images, alone) and torch.equal(drawn, drawn_alone)


def test_steps_of_adamw_have_the_bytes_of_pytorch_s_class() -> None:
    networks, optimizers = [], []
    for _ in range(2):
        model = LTNet(
            build_network("cnn", classes=3, channels=1, image_size=12, seed=0), ClampedTransitions(random_t(2, 3), 0.01)
        )
        networks.append(model)
        optimizers.append(optimizers_of(model, Schedule(epochs=1, weight_decay=0.1)))
    ours = OptimizerSteps(optimizers[0], CPU)
    for step in range(6):
        for model, own in zip(networks, optimizers, strict=True):
            set_rates(own, [0.1 / (step + 1), 0.2, 0.3])
            for number, parameter in enumerate(model.parameters()):
                draws = torch.Generator().manual_seed(31 * step + number)
                parameter.grad = torch.randn(parameter.shape, generator=draws)
        if step == 3:  # as in a batch without annotations
            for model in networks:
                model.transitions.cells.grad = None  # type: ignore[union-attr]
        ours.take()
        for optimizer in optimizers[1]:
            optimizer.step()
        for one, other in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
            assert torch.equal(one, other)
    for one, other in zip(*optimizers, strict=True):
        steps = [[float(state["step"]) for state in o.state_dict()["state"].values()] for o in (one, other)]
        assert steps[0] == steps[1]
    assert set(ours._states) == {0, 1}


def test_a_gradient_is_shortened_where_it_is_longer_than_the_longest() -> None:
    model = Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))
    model.base.to(memory_format=torch.channels_last)
    pixels, _, table = study(8, random_t(2, 3))
    steps = Steps(model, data(pixels, table), [], 8, torch.Generator(), steps=1, graphs=False, note=pytest.fail)
    for length in (1.0, 4.97, 4.99, 5.01, 80.0):
        gradients = [torch.randn(p.shape, generator=torch.Generator().manual_seed(0)) for p in model.parameters()]
        whole = torch.cat([g.flatten() for g in gradients]).norm()
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = torch.empty_like(parameter).copy_(gradient * length / whole)
        before = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        steps._clip()
        after = [p.grad for p in model.parameters() if p.grad is not None]
        assert torch.cat([g.flatten() for g in after]).norm() == pytest.approx(min(length, LONGEST_GRADIENT), rel=1e-4)
        assert (length > LONGEST_GRADIENT) != all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_static_step_reads_its_rates_from_the_device() -> None:
    pixels, _, table = study(40, random_t(2, 3))
    static = data(ResidentPixels(pixels, CPU), table, tables=True)
    assert static.static
    model = Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))
    optimizers = optimizers_of(model, Schedule(epochs=1), static.static)
    steps = Steps(model, static, optimizers, 16, torch.Generator(), steps=3, graphs=True, note=pytest.fail)
    read = []
    for size in steps.epoch(np.arange(40), [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]):
        read.append((size, *(round(float(group["lr"]), 3) for group in groups_of(optimizers))))
    assert read == [(16, 0.1, 0.2), (16, 0.3, 0.4), (8, 0.5, 0.6)]
    assert not steps.captured


def test_a_checkpoint_of_another_device_is_used_as_this_one_does(tmp_path: Path) -> None:
    schedule = Schedule(epochs=1, batch_size=16, lr=0.01, momentum=0.7)

    def fresh(static: bool) -> tuple[Classifier, list[torch.optim.Optimizer]]:
        model = Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))
        return model, optimizers_of(model, schedule, static)

    model, optimizers = fresh(static=False)
    torch.autograd.backward(model(torch.zeros(4, 1, 12, 12)).sum())
    optimizers[0].step()
    state = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers]}
    save_epochs({**state, "history": [], "best_loss": 0.0, "best_epoch": 0, "best": {}}, tmp_path / "c.pt")
    other, static = fresh(static=True)
    go_on(other, lambda _: static, tmp_path / "c.pt", CPU, 16)
    assert all(isinstance(group["lr"], torch.Tensor) for group in groups_of(static))
    moved = [s["exp_avg"] for s in optimizers[0].state_dict()["state"].values()]
    assert all(
        torch.equal(a, s["exp_avg"]) for a, s in zip(moved, static[0].state_dict()["state"].values(), strict=True)
    )


def test_epochs_shorter_than_a_save_are_not_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    monkeypatch.setattr(
        "ltnet_core.learning.training.save_epochs", lambda state, path: kept.append(len(state["history"]))
    )
    pixels, _, table = study(40, random_t(2, 3))
    clock = iter(range(1000))
    monkeypatch.setattr("ltnet_core.learning.training.time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    model = Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))
    fit(model, data(pixels, table), np.arange(40), np.arange(0), Schedule(epochs=9, batch_size=40), seed=0)
    assert not kept
    fit(
        model, data(pixels, table), np.arange(40), np.arange(0), Schedule(epochs=9, batch_size=40), seed=0,
        checkpoint=tmp_path / "c.pt",
    )  # fmt: skip
    assert kept[0] == 1
    assert 2 < len(kept) < 6
