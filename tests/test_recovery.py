"""What a fit does after a failure: out of memory, a loss that is no number, a killed trainer, a damaged checkpoint."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faults
import numpy as np
import pytest
import torch
from stripes import study, training_data
from torch import nn

from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import StorageError, TrainingError
from ltnet_core.learning import fit_state, training
from ltnet_core.learning.fit_state import fewer_images, older
from ltnet_core.learning.ltnet import Classifier
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule, images_per_step
from ltnet_core.learning.steps import Steps
from ltnet_core.learning.training import fit
from ltnet_core.learning.views import in_parts
from ltnet_core.learning.watch import Watch
from ltnet_core.runs.run import Run

PIXELS, _, TABLE = study(120, np.stack([np.eye(3) * 0.7 + 0.1]))
ITEMS = np.arange(120)
SCHEDULE = Schedule(epochs=3, batch_size=16, lr=0.02)
WHOLE = 3 * 120  # images of a fit
NO_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError(),
)


def model() -> Classifier:
    return Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=0))


class Outside:
    """What a fit told: images by the counter, notes, rates; ``hook`` is called with the images done so far."""

    def __init__(self, hook: Callable[[int], None] = lambda images: None):
        self.images, self.notes, self.rates, self.records = 0, [], [], []  # type: ignore[var-annotated]
        self.hook = hook

    def watch(self) -> Watch:
        def step(images: int) -> None:
            self.images += images
            self.hook(self.images)

        def skip(images: int) -> None:
            self.images += images

        return Watch(step, self.records.append, skip, self.rates.append, self.notes.append)


def trained(outside: Outside, made: Classifier | None = None, **options: Any) -> dict[str, torch.Tensor]:
    made = model() if made is None else made
    schedule = options.pop("schedule", SCHEDULE)
    data = training_data(PIXELS, TABLE, *options.pop("augmented", ()))
    fit(made, data, ITEMS[:100], ITEMS[100:], schedule, seed=7, watch=outside.watch(), **options)
    return made.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def failing(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int, int], BaseException | None]) -> None:
    """A step fails with what ``fails`` returns for its number and its batch's size, after it changed the weights."""
    learn, count = Steps._learn, 0

    def step(self: Steps, batch: torch.Tensor, items: Any, annotations: Any) -> None:
        nonlocal count
        count += 1
        learn(self, batch, items, annotations)
        error = fails(count, len(batch))
        if error is not None:
            raise error

    monkeypatch.setattr(Steps, "_learn", step)


class Killed(Exception):
    pass


def kill_after(images: int) -> Callable[[int], None]:
    def hook(done: int) -> None:
        if done >= images:
            raise Killed

    return hook


# ---- resuming


@pytest.mark.parametrize("images", [16, 64, 100, 110, 120 + 48, 2 * 120 + 96])
def test_a_fit_killed_anywhere_ends_with_the_same_bytes(
    images: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    augmented = True, 0.3  # by draws of which those of later batches are made when the fit is killed
    whole, path = trained(Outside(), augmented=augmented), tmp_path / "c.epochs.pt"
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    with pytest.raises(Killed):
        trained(Outside(kill_after(images)), checkpoint=path, augmented=augmented)
    resumed = Outside()
    assert same(whole, trained(resumed, checkpoint=path, augmented=augmented))
    assert resumed.images == WHOLE
    assert [r["epoch"] for r in resumed.records] == list(range(images // 120 + 1, 4))


def test_a_checkpoint_is_written_within_an_epoch_after_some_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, saved = 0.0, []

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now

    def hook(images: int) -> None:
        nonlocal now
        now += 50.0  # a step

    monkeypatch.setattr(training, "time", Clock)
    monkeypatch.setattr(training, "save_epochs", lambda state, path: saved.append(state["within"]))
    trained(Outside(hook), checkpoint=tmp_path / "c.pt", schedule=Schedule(epochs=1, batch_size=10))
    assert [within["images"] for within in saved[:-1]] == [30, 60, 90]
    assert saved[-1] is None


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, path = trained(Outside()), tmp_path / "c.epochs.pt"
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    with pytest.raises(Killed):
        trained(Outside(kill_after(2 * 120 + 16)), checkpoint=path)
    assert older(path).exists()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    resumed = Outside()
    assert same(whole, trained(resumed, checkpoint=path))
    assert [r["epoch"] for r in resumed.records] == [2, 3]
    (note,) = resumed.notes
    assert str(path) in note and "its content is not what was written" in note and "trained again" in note


def test_without_a_whole_checkpoint_a_fit_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, path = trained(Outside()), tmp_path / "c.epochs.pt"
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    with pytest.raises(Killed):
        trained(Outside(kill_after(2 * 120 + 16)), checkpoint=path)
    for generation in (path, older(path)):
        generation.write_bytes(b"LTNET-EPOCHS-1\nshort")
    resumed = Outside()
    assert same(whole, trained(resumed, checkpoint=path))
    assert [r["epoch"] for r in resumed.records] == [1, 2, 3]
    assert len(resumed.notes) == 2


@pytest.mark.parametrize(
    ("content", "size"),
    [
        ('{"images": 30}', 30),
        *((damaged, 60) for damaged in ('{"images": null}', '{"images": "few"}', "{}", "[]", "{")),
    ],
)
def test_a_note_of_fewer_images_counts_unless_it_is_damaged(content: str, size: int, tmp_path: Path) -> None:
    """It is what a process without enough memory left to the next one."""
    path, outside = tmp_path / "c.epochs.pt", Outside()
    fewer_images(path).write_text(content)
    trained(outside, checkpoint=path, schedule=Schedule(epochs=1, batch_size=60))
    assert outside.records[0]["batch_size"] == size
    assert not fewer_images(path).exists()


def test_a_disk_that_is_full_leaves_the_checkpoints_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, path = trained(Outside()), tmp_path / "c.epochs.pt"
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    write, saves = Path.write_bytes, 0

    def full(self: Path, content: bytes) -> int:
        nonlocal saves
        saves += 1
        if saves == 3:
            write(self, content[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match=r"c\.epochs\.pt' could not be written: the disk is full"):
        trained(Outside(), checkpoint=path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.epochs.older.pt", "c.epochs.pt"]
    resumed = Outside()
    assert same(whole, trained(resumed, checkpoint=path))
    assert [r["epoch"] for r in resumed.records] == [3]


# ---- out of memory


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda e: type(e).__name__)
def test_out_of_memory_halves_the_batch_and_the_fit_goes_on(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda number, size: error if size > 8 else None)
    outside = Outside()
    state = trained(outside)
    assert {r["batch_size"] for r in outside.records} == {8}
    (note,) = outside.notes
    assert note == (
        "the memory was not enough for 16 images per step; this network goes on from the beginning of epoch 1 with 8, "
        "and its learning rate follows by the square root."
    )
    assert max(outside.rates) == pytest.approx(0.02 / 2**0.5, rel=0.01)
    assert outside.images == WHOLE
    monkeypatch.undo()
    small = Schedule(epochs=3, batch_size=8, lr=0.02 / 2**0.5)
    assert same(state, trained(Outside(), schedule=small)), "nothing of the failed step is left"


def test_out_of_memory_late_in_a_fit_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)
    failing(monkeypatch, lambda number, size: MemoryError() if number == 10 else None)  # the third step of epoch 2
    outside = Outside()
    trained(outside, checkpoint=tmp_path / "c.pt")
    assert "goes on from the middle of epoch 2 with 8" in outside.notes[0]
    assert [(r["epoch"], r["batch_size"]) for r in outside.records] == [(1, 16), (2, 8), (3, 8)]
    assert outside.images == WHOLE
    assert all(np.isfinite(r["train_loss"]) for r in outside.records)


def test_the_smallest_batch_that_does_not_fit_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def fails(number: int, size: int) -> BaseException:
        sizes.append(size)
        return MemoryError()

    failing(monkeypatch, fails)
    with pytest.raises(MemoryError):
        trained(Outside())
    assert sizes == [16, 8, 4, 2]


def test_another_error_is_not_taken_for_want_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, lambda number, size: RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        trained(Outside())


def test_measuring_and_predicting_take_fewer_images_at_a_time() -> None:
    sizes: list[int] = []

    def work(part: np.ndarray) -> list[int]:
        sizes.append(len(part))
        if len(part) > 3:
            raise NO_MEMORY[1]
        return list(part)

    assert [n for part in in_parts(np.arange(10), 8, work) for n in part] == list(range(10))
    assert sizes == [8, 4, 2, 2, 2, 2, 2]
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
        list(in_parts(np.arange(8), 1, lambda part: work(np.arange(9))))


# ---- a loss that is no number


def spoil(monkeypatch: pytest.MonkeyPatch, steps: set[int], value: float = float("nan")) -> None:
    """The weights are lost after these steps, counted over all attempts."""
    learn, count = Steps._learn, 0

    def step(self: Steps, batch: torch.Tensor, items: Any, annotations: Any) -> None:
        nonlocal count
        count += 1
        learn(self, batch, items, annotations)
        if count in steps:
            nn.init.constant_(self.model.base.head.weight, value)  # type: ignore[union-attr, arg-type]

    monkeypatch.setattr(Steps, "_learn", step)


@pytest.mark.parametrize("step", [10, 14, 21], ids=["within", "end of an epoch", "last"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_goes_back_once_at_half_the_rate(
    step: int, value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven steps an epoch."""
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    spoil(monkeypatch, {step}, value)
    outside = Outside()
    state = trained(outside, checkpoint=tmp_path / "c.pt")
    epoch = 1 + (step - 1) // 7
    (note,) = outside.notes
    assert f"in epoch {epoch}" in note
    assert f"goes on from the beginning of epoch {epoch} with half the learning rate" in note
    assert [r["epoch"] for r in outside.records] == [1, 2, 3]
    assert all(torch.isfinite(v).all() for v in state.values())
    plain = Outside()
    monkeypatch.undo()
    trained(plain)
    assert [r["lr"] for r in outside.records] == pytest.approx(
        [r["lr"] / (1 if r["epoch"] < epoch else 2) for r in plain.records]
    )


def test_a_second_time_it_stops_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    spoil(monkeypatch, {10, 20})
    outside = Outside()
    message = r"The loss became nan in epoch 3, also with half the learning rate; try a lower learning rate"
    with pytest.raises(TrainingError, match=message):
        trained(outside, checkpoint=tmp_path / "c.pt")
    assert len(outside.notes) == 1
    monkeypatch.undo()  # what is left is a good checkpoint, and it knows that the rate was halved
    resumed = Outside()
    trained(resumed, checkpoint=tmp_path / "c.pt")
    assert resumed.records[-1]["lr"] == pytest.approx(0.5 * SCHEDULE.lr * SCHEDULE.rate(20 / 21), rel=1e-6)


def test_no_checkpoint_is_written_of_lost_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)
    saved: list[bool] = []
    save = fit_state.save_epochs

    def look(state: dict[str, Any], path: Path) -> None:
        saved.append(all(bool(torch.isfinite(v).all()) for v in state["model"].values()))
        save(state, path)

    monkeypatch.setattr(training, "save_epochs", look)
    spoil(monkeypatch, {10})
    trained(Outside(), checkpoint=tmp_path / "c.pt")
    assert all(saved) and len(saved) > 10


# ---- the batch that is chosen by itself


def test_auto_grows_on_a_gpu_as_long_as_an_epoch_has_steps() -> None:
    assert images_per_step(128, 1_000_000, "cuda") == 1024
    assert images_per_step(128, 20_000, "cuda") == 256
    assert images_per_step(128, 3_000, "cuda") == 128
    assert images_per_step(128, 1_000_000, "cpu") == 128


# ---- from outside


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recovery") / "faces"
    write_demo(folder, items=40, seed=1)
    return folder


def test_a_run_survives_out_of_memory_and_says_so(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, lambda number, size: MemoryError() if size > 8 else None)
    cancel_in(monkeypatch, "ltnet")
    done = faults.call("fit", faces, "--run", tmp_path / "run", *faults.FLAGS, "--batch-size", "auto")
    assert done.status == 1 and "was cancelled" in done.err
    monkeypatch.undo()  # a resumed run knows what fits
    assert faults.call("fit", faces, "--run", tmp_path / "run", "--resume").status == 0
    events = Run(tmp_path / "run").events()
    epochs = [e for e in events if e["event"] == "epoch"]
    assert {e["stage"] for e in epochs} == {"warm-up", "mixture", "ltnet"}
    assert {e["batch_size"] for e in epochs} == {8}
    notes = [e["message"] for e in events if e["event"] == "note" and "memory" in e["message"]]
    assert [n.partition(":")[0] for n in notes] == ["warm-up"] * 2, "the other networks begin with what fits"
    assert "not enough for 32 images per step" in notes[0] and "for 16 images" in notes[1]


def cancel_in(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """Somebody cancels the run when it enters a stage."""
    emit = Run.emit

    def cancel(self: Run, event: str, **facts: Any) -> None:
        emit(self, event, **facts)
        if event == "stage" and facts["stage"] == stage:
            self.ask_to_stop()

    monkeypatch.setattr(Run, "emit", cancel)


STAGES = ("images", "coder:Alpha", "warm-up", "mixture", "pseudo", "ltnet", "results")


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_cancelled_in_any_stage_resumes_to_the_same_results(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uncancelled: Path, stage: str
) -> None:
    run = tmp_path / "run"
    cancel_in(monkeypatch, stage)
    monkeypatch.setattr("ltnet_core.learning.progress.HEARTBEAT", 0.0)
    stopped = faults.call("fit", faces, "--run", run, *MACHINES)
    monkeypatch.undo()
    assert stopped.status == 1 and "was cancelled" in stopped.err, stopped
    assert Run(run).status().state == "cancelled"
    assert faults.call("fit", faces, "--run", run, "--resume").status == 0
    for name in ("items.parquet", "transitions.parquet", "evaluation.json"):
        assert (run / "results" / name).read_bytes() == (uncancelled / "results" / name).read_bytes(), name


MACHINES = (*faults.FLAGS, "--machine-coders", "--fewest-annotations", 5)


@pytest.fixture(scope="module")
def uncancelled(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("uncancelled") / "run"
    assert faults.call("fit", faces, "--run", run, *MACHINES).status == 0
    return run
