"""The loop of training by hand: order, checkpoints, what it measures and when it looks at the loss."""

from __future__ import annotations

import platform
import resource
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from stripes import entries, study, training_data
from torch import nn

from ltnet_core.annotations import AnnotationTable
from ltnet_core.errors import TrainingError
from ltnet_core.learning import training, training_pass
from ltnet_core.learning.ltnet import Classifier
from ltnet_core.learning.schedule import Schedule
from ltnet_core.learning.steps import Steps
from ltnet_core.learning.training import fit
from ltnet_core.learning.training_pass import mix_seed, shuffled
from ltnet_core.learning.turns import finished
from ltnet_core.learning.validation import TEMPERATURES, measure
from ltnet_core.learning.watch import Watch

PIXELS, _, TABLE = study(40, np.stack([np.eye(3) * 0.7 + 0.1]))
ITEMS = np.arange(40)


class Linear(nn.Module):
    """The cheapest network that learns."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(144, 3)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(x.flatten(1))
        return out


def trained(schedule: Schedule, watch: Watch | None = None, items: int = 40, **options: Any) -> list[dict[str, Any]]:
    rest = np.arange(items, 40)
    model, data = Classifier(Linear()), training_data(PIXELS, TABLE)
    return fit(model, data, ITEMS[:items], rest, schedule, seed=0, watch=watch, **options)


def test_an_order_is_one_of_its_seed_and_the_generator_goes_on_from_it() -> None:
    generator, other = torch.Generator(), torch.Generator().manual_seed(5)
    order = shuffled(10, generator, 5)
    assert sorted(order.tolist()) == list(range(10))
    assert order.tolist() == torch.randperm(10, generator=other).tolist()
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=other))
    assert shuffled(10, generator, 5).tolist() == order.tolist() != shuffled(10, generator, 6).tolist()


def test_every_epoch_has_a_seed_of_its_own() -> None:
    seeds = {mix_seed(seed, epoch) for seed in range(20) for epoch in range(20)}
    assert len(seeds) == 400
    assert all(0 <= s < 2**63 for s in seeds)


def test_the_temperatures_tried_are_half_powers_of_two() -> None:
    np.testing.assert_allclose(TEMPERATURES, [0.5, 0.5**0.5, 1, 2**0.5, 2, 2**1.5])


def test_a_network_is_measured_under_the_temperature_that_suits_it() -> None:
    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor([0.98, 0.01, 0.01]).log().expand(len(x), 3)

    one = np.zeros(40, np.int32)
    label = np.arange(40, dtype=np.int32) % 10 % 3  # of ten images four are class 0
    table = AnnotationTable(TABLE.items, ("c",), ("a", "b", "c"), ITEMS.astype(np.int32), one, label, one + 1.0)
    sizes: list[int] = []
    watch = Watch(step=sizes.append)
    loss, agreement = finished(measure(Classifier(Fixed()), training_data(PIXELS, table), ITEMS, 4, watch))
    by_hand = []
    for tau in TEMPERATURES:
        p = np.array([0.98, 0.01, 0.01]) ** (1 / tau)
        by_hand.append(-np.log(p / p.sum())[label].mean())
    assert loss == pytest.approx(min(by_hand), rel=1e-5)
    assert min(by_hand) == by_hand[-1] < by_hand[2] - 0.3
    assert agreement == pytest.approx(0.4)
    assert sizes == [16, 16, 8]  # without gradients four times as many images at a time


def test_a_record_tells_what_happened_in_its_epoch() -> None:
    schedule = Schedule(epochs=2, batch_size=16, lr=0.01)
    first, second = trained(schedule, items=32)
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert first["lr"] == pytest.approx(0.01 * schedule.rate(0.25))  # of the second of four steps
    assert second["lr"] == pytest.approx(0.01 * schedule.rate(0.75))
    assert {r["batch_size"] for r in (first, second)} == {16}
    assert all(0 < r["train_loss"] < 3 and 0 < r["train_agreement"] < 1 for r in (first, second))
    assert first["seconds"] >= 0
    alone = trained(schedule)
    assert {(r["validation_loss"], r["validation_agreement"]) for r in alone} == {(None, None)}
    assert [r["best_epoch"] for r in alone] == [1, 2]


def test_an_epoch_is_saved_when_ten_times_the_last_save_has_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch takes 10 seconds, a save 2: after the first one every second epoch is saved."""
    now, kept = 0.0, []

    def step(images: int) -> None:
        nonlocal now
        now += 10.0

    def save(state: dict[str, Any], path: Path) -> None:
        nonlocal now
        now += 2.0
        kept.append(len(state["history"]))

    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(training, "save_epochs", save)
    trained(Schedule(epochs=9, batch_size=40), Watch(step=step), checkpoint=tmp_path / "c.pt")
    assert kept == [1, 3, 5, 7, 9]
    kept.clear()
    trained(Schedule(epochs=9, batch_size=40), Watch(step=step, others=lambda: 1), checkpoint=tmp_path / "d.pt")
    assert kept == [1, 5, 9], "another network saves as often"
    kept.clear()
    monkeypatch.setattr(training, "REST_PER_SAVE", 5.0)  # now one epoch
    trained(Schedule(epochs=3, batch_size=40), Watch(step=step), checkpoint=tmp_path / "c.pt")
    assert kept == [1, 2, 3]


def test_a_resumed_fit_says_how_many_steps_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Exception):
        pass

    left: list[int] = []

    class Counted(Steps):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            left.append(options["steps"])
            super().__init__(*arguments, **options)

    def stop(record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            raise Stopped

    monkeypatch.setattr(training, "Steps", Counted)
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    schedule = Schedule(epochs=3, batch_size=10)
    with pytest.raises(Stopped):
        trained(schedule, Watch(epoch=stop), checkpoint=tmp_path / "c.pt")
    trained(schedule, checkpoint=tmp_path / "c.pt")
    assert left == [12, 4]


def counted_steps(monkeypatch: pytest.MonkeyPatch, then: Callable[[int, Classifier], None]) -> list[int]:
    learn, sizes = Steps._learn, []

    def step(self: Steps, batch: torch.Tensor, items: Any, annotations: Any) -> None:
        learn(self, batch, items, annotations)
        sizes.append(len(batch))
        then(len(sizes), self.model)

    monkeypatch.setattr(Steps, "_learn", step)
    return sizes


def test_on_a_cpu_training_stops_at_the_first_loss_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(step: int, model: Classifier) -> None:
        nn.init.constant_(model.base.head.weight, float("nan"))  # type: ignore[union-attr, arg-type]

    sizes = counted_steps(monkeypatch, spoil)
    with pytest.raises(TrainingError, match="The loss became nan in epoch 1, also with half the learning rate"):
        trained(Schedule(epochs=1, batch_size=5))
    assert len(sizes) == 2 + 2  # the loss of the second step is none, and so again at half the rate


def test_where_the_loss_is_read_now_and_then_it_is_read_at_the_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = counted_steps(monkeypatch, lambda step, model: None)
    read: list[int] = []
    monkeypatch.setattr(training_pass, "READ_EVERY", {"cpu": 3})
    monkeypatch.setattr(training_pass, "require_finite_loss", lambda *_: read.append(len(sizes)))
    trained(Schedule(epochs=1, batch_size=5))
    assert len(sizes) == 8
    assert read == [3, 6, 8, 8]  # and once more with the weights


def test_an_epoch_whose_loss_is_as_low_as_the_best_does_not_take_its_place() -> None:
    history = trained(Schedule(epochs=3, batch_size=16, lr=0.0, transition_lr=0.0), items=32)
    assert len({r["validation_loss"] for r in history}) == 1
    assert {r["best_epoch"] for r in history} == {1}


def test_annotations_that_weigh_little_give_a_mean_all_the_same() -> None:
    model = Classifier(nn.Identity())
    log_p = model(torch.tensor([[1.0, 0.0, 0.0]]))
    batch = entries([(0, 0, 1, 0.2)])
    assert float(model.loss(log_p, batch)) == pytest.approx(-float(log_p[0, 1]))
    assert float(model.mass(entries([(0, 0, 1, 0.0)]))) < 1e-6


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory in their own way")
def test_on_a_cpu_a_step_uses_the_memory_of_the_step_before() -> None:
    trained(Schedule(epochs=1, batch_size=40))

    def step() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        blocks = [torch.ones(2**22) for _ in range(5)]  # of 16 MiB
        del blocks
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    assert min(step() for _ in range(8)) < 500  # pages that the system gave; 80 MiB are 20,000
