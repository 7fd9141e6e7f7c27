"""Processes that share every batch learn what one process learns: each is a thread here, with a model of its own."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stripes import random_t, study
from torch import nn

from ltnet_core.errors import OptionError, ProcessLost
from ltnet_core.learning import training
from ltnet_core.learning.coder_models.annot_mix import AnnotMix
from ltnet_core.learning.coder_models.trace import TraceRegularised
from ltnet_core.learning.fit_state import fewer_images
from ltnet_core.learning.group import Group, Rows, require_shareable
from ltnet_core.learning.ltnet import Classifier, LTNet
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule
from ltnet_core.learning.sent_data import MappedPixels, SentData
from ltnet_core.learning.shared_batch import SharedBatch, _dropout
from ltnet_core.learning.steps import Steps
from ltnet_core.learning.training import fit
from ltnet_core.learning.training_data import TrainingData
from ltnet_core.learning.transition import SoftmaxTransitions
from ltnet_core.learning.views import features, predict
from ltnet_core.learning.watch import Watch

CPU = torch.device("cpu")
PIXELS, _, TABLE = study(90, random_t(2, 3))
TRAIN, HELD_OUT = np.arange(75), np.arange(75, 90)
SCHEDULE = Schedule(epochs=2, batch_size=16, lr=0.02, transition_lr=0.01)


class Table:
    """Where the threads of a group meet: each brings a value, and takes all of them away."""

    def __init__(self, size: int):
        self.size, self.barrier, self.values = size, threading.Barrier(size, timeout=60), [None] * size

    def exchange(self, rank: int, value: Any) -> list[Any]:
        try:
            self.values[rank] = value
            self.barrier.wait()
            out = list(self.values)
            self.barrier.wait()
        except threading.BrokenBarrierError as e:
            raise ProcessLost("lost") from e
        return out


class Threads(Group):
    """A group whose processes are threads."""

    def __init__(self, rank: int, table: Table):
        super().__init__(rank, table.size, rank, table.size)
        self.table = table

    def add_up(self, tensor: torch.Tensor) -> None:
        tensor.copy_(sum(self.table.exchange(self.rank, tensor.clone())))

    def any(self, flag: bool) -> bool:
        return any(self.table.exchange(self.rank, flag))

    def same(self, value: Any) -> Any:
        sent = pickle.dumps(value) if self.leads else b""  # as between processes
        return pickle.loads(self.table.exchange(self.rank, sent)[0])  # noqa: S301 - of this very process

    def gather(self, results: Sequence[Any]) -> list[Any]:
        parts = self.table.exchange(self.rank, list(results))
        return [r for part in parts for r in part] if self.leads else []


def led(size: int, work: Callable[[Group], Any]) -> Any:
    """The result of ``work`` by a leader that the others follow."""
    table = Table(size)
    errors: list[BaseException] = []

    def follow(rank: int) -> None:
        try:
            Threads(rank, table).follow()
        except ProcessLost:
            pass
        except BaseException as e:  # shown by the test's own thread
            errors.append(e)
            table.barrier.abort()

    threads = [threading.Thread(target=follow, args=(rank,)) for rank in range(1, size)]
    for thread in threads:
        thread.start()
    leader = Threads(0, table) if size > 1 else Group()
    try:
        result = work(leader)
        leader.same(None)
    finally:
        table.barrier.abort()
        for thread in threads:
            thread.join()
    assert not errors, errors
    return result


def base() -> nn.Module:
    """A small network with batch norm, and nothing that is drawn."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3, bias=False),
        nn.BatchNorm2d(4, momentum=0.3, affine=False), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3),
    )  # fmt: skip


def ltnet() -> LTNet:
    return LTNet(base(), SoftmaxTransitions(random_t(2, 3)), prior=np.full((2, 3, 3), 0.01))


def mixed() -> Classifier:
    made = Classifier(base())
    made.mixup = 0.4
    return made


MODELS: dict[str, Callable[[], Classifier]] = {
    "ltnet": ltnet,
    "mixup": mixed,
    "annot-mix": lambda: AnnotMix(base(), 2, 3),
    "trace": lambda: TraceRegularised(base(), random_t(2, 3)),
}


def data(pixels: Any = PIXELS, *, augment: bool = True) -> TrainingData:
    cutout = 0.3 if augment else 0.0
    return TrainingData(pixels, TABLE, np.ones(2), np.array([60.0]), np.array([50.0]), CPU, augment, cutout)


def learned(model: Classifier, group: Group, **options: Any) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    options = {"schedule": SCHEDULE, **options}
    schedule = options.pop("schedule")
    history = fit(model, data(), TRAIN, HELD_OUT, schedule, seed=7, group=group, **options)
    return history, model.state_dict()


def require_close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], tolerance: float = 2e-4) -> None:
    torch.testing.assert_close(dict(other), dict(one), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [2, 3])
def test_processes_learn_what_one_process_learns(name: str, size: int) -> None:
    alone, weights = learned(MODELS[name](), Group())
    together, shared = led(size, lambda group: learned(MODELS[name](), group))
    require_close(weights, shared)
    for one, other in zip(alone, together, strict=True):
        assert {**one, "seconds": 0} == pytest.approx({**other, "seconds": 0}, abs=1e-4)


def test_every_process_has_the_same_weights_in_the_end() -> None:
    table = Table(2)
    models: list[Classifier] = []

    def follow() -> None:
        group = Threads(1, table)
        work, (model, *others) = group.same(None)
        models.append(model)
        work(group, model, *others)

    other = threading.Thread(target=follow)
    other.start()
    mine = ltnet()
    learned(mine, Threads(0, table))
    other.join()
    assert all(torch.equal(v, models[0].state_dict()[k]) for k, v in mine.state_dict().items())


def test_a_batch_with_fewer_images_than_processes_is_computed_by_all() -> None:
    short = Schedule(epochs=1, batch_size=72, lr=0.02, transition_lr=0.01)  # the last batch has three images
    weights = learned(ltnet(), Group(), schedule=short)[1]
    require_close(weights, led(4, lambda group: learned(ltnet(), group, schedule=short))[1])


def test_a_fit_goes_on_among_another_number_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    weights = learned(ltnet(), Group())[1]

    class Killed(BaseException):
        pass

    def until(images: int) -> Watch:
        left = [images]

        def step(done: int) -> None:
            left[0] -= done
            if left[0] < 0:
                raise Killed

        return Watch(step=step)

    path = tmp_path / "a.epochs.pt"
    for size, images in ((2, 40), (1, 30), (3, 20)):
        watch = until(images)
        with pytest.raises(Killed):
            led(size, lambda group, watch=watch: learned(ltnet(), group, checkpoint=path, watch=watch))
    require_close(weights, led(2, lambda group: learned(ltnet(), group, checkpoint=path))[1])


@pytest.mark.parametrize("rank", [0, 1])
def test_out_of_memory_in_one_process_starts_all_again_with_half_the_batch(
    rank: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Steps._learn

    def fails(self: Steps, batch: torch.Tensor, items: Any, annotations: Any) -> None:
        if self._group.rank == rank and len(items) > 8:
            self._group.table.barrier.abort()  # type: ignore[attr-defined]
            raise MemoryError
        step(self, batch, items, annotations)

    monkeypatch.setattr(Steps, "_learn", fails)
    path = tmp_path / "a.epochs.pt"
    with pytest.raises(ProcessLost):
        led(2, lambda group: learned(ltnet(), group, checkpoint=path))
    assert fewer_images(path).exists()
    notes: list[str] = []
    history, _ = led(2, lambda group: learned(ltnet(), group, checkpoint=path, watch=Watch(note=notes.append)))
    assert [record["batch_size"] for record in history] == [8, 8]
    assert notes == [
        "the memory was not enough for 16 images per step; this network goes on from the beginning of epoch 1 with 8, "
        "and its learning rate follows by the square root."
    ]
    assert not fewer_images(path).exists()


def test_a_loss_that_is_no_number_in_one_process_brings_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, spoilt = Steps._learn, []

    def spoil(self: Steps, batch: torch.Tensor, items: Any, annotations: Any) -> None:
        step(self, batch, items, annotations)
        if self._group.rank == 1 and not spoilt:
            spoilt.append(True)
            self.totals.sums[0] = float("nan")

    monkeypatch.setattr(Steps, "_learn", spoil)
    notes: list[str] = []
    history, _ = led(2, lambda group: learned(ltnet(), group, watch=Watch(note=notes.append)))
    assert len(history) == 2
    assert len(notes) == 1
    assert notes[0].endswith("this network goes on from the beginning of epoch 1 with half the learning rate.")


def test_prediction_and_features_are_shared_in_order() -> None:
    model = Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))
    items = np.arange(89)[::-1].copy()
    p = predict(model, data(), items)
    features_read = np.concatenate(list(features(model, data(augment=False), items)))

    def both(group: Group) -> tuple[Any, Any]:
        return (
            predict(model, data(), items, batch_size=7, group=group),
            np.concatenate(list(features(model, data(augment=False), items, batch_size=7, group=group))),
        )

    other_p, other_seen = led(3, both)
    np.testing.assert_allclose(other_p, p, atol=1e-6)
    np.testing.assert_allclose(other_seen, features_read, atol=1e-4)


def test_pixels_in_a_file_are_sent_by_their_path(tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", PIXELS)
    group = Threads(1, Table(2))
    sent = SentData.of(data(np.load(tmp_path / "pixels.npy", mmap_mode="r")))
    assert sent.pixels == MappedPixels(str(tmp_path / "pixels.npy"), PIXELS.shape, "uint8")
    made = sent.on(group)
    assert np.array_equal(made.pixels[TRAIN], PIXELS[TRAIN])
    assert sent.on(group).pixels is made.pixels


def test_dropout_draws_what_one_process_draws() -> None:
    x = torch.ones(10, 6)
    torch.manual_seed(3)
    whole = nn.functional.dropout(x, 0.4)
    parts = []
    for rank in range(3):
        rows = Group(rank, 3).rows(10)
        torch.manual_seed(3)
        parts.append(_dropout(rows, x[rows.slice], 0.4))
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("shape", [(8, 3), (8, 3, 5, 4)])
def test_batch_norm_of_all_images_has_the_gradient_of_one_process(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    norm = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(3)
    nn.init.uniform_(norm.weight, 0.5, 2)
    x, factor = torch.randn(shape) * 3 + 5, torch.randn(shape)
    whole, plain = x.clone().requires_grad_(), copy.deepcopy(norm)
    (plain(whole) * factor).sum().backward()
    table = Table(2)
    grads: list[Any] = [None, None]
    norms = [copy.deepcopy(norm) for _ in range(2)]

    def of(rank: int) -> None:
        rows = Rows((0, 3)[rank], (3, 8)[rank], 8)
        own = x[rows.slice].clone().requires_grad_()
        shared = SharedBatch(Threads(rank, table), rows, whole_images=False)
        # The gradient of every row is the same in all processes, as that of a loss of all rows is.
        (shared.logits(nn.Sequential(norms[rank], nn.Flatten()), own) * factor.flatten(1)).sum().backward()
        grads[rank] = own.grad

    threads = [threading.Thread(target=of, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    torch.testing.assert_close(torch.cat(grads), whole.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norms[0].weight.grad + norms[1].weight.grad, plain.weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(norms[1].running_var, plain.running_var)
    torch.testing.assert_close(norms[1].running_mean, plain.running_mean)


def test_one_gpu_is_not_for_several_processes() -> None:
    with pytest.raises(OptionError, match=r"--device cuda:1 names one GPU for 2 processes; give cuda or cpu\."):
        require_shareable("cuda:1", 2)
