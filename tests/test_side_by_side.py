"""Networks side by side: each learns what it learns alone, whatever happens to the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faults
import numpy as np
import pytest
import torch
from stripes import study, training_data

from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import Cancelled, TrainingError
from ltnet_core.learning import network_stage, side_by_side, training, training_pass
from ltnet_core.learning.ltnet import Classifier
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule
from ltnet_core.learning.side_by_side import SideBySide, why_in_order
from ltnet_core.learning.steps import Steps
from ltnet_core.learning.training import FitArguments, fit, fit_in_turns
from ltnet_core.learning.turns import Turns
from ltnet_core.learning.watch import Watch
from ltnet_core.runs.run import Run

CPU = torch.device("cpu")
PIXELS, _, TABLE = study(72, np.stack([np.eye(3) * 0.7 + 0.1]))
ITEMS = np.arange(72)
SEEDS = {"a": 3, "b": 4, "c": 5}
BATCH = {"a": 12, "b": 20, "c": 30}
TURNS = {"a": 14, "b": 10, "c": 8}  # steps and held-out images of two epochs, those of the average, and the end
Weights = dict[str, torch.Tensor]
Hook = Callable[[str, int], None]


def made(stage: str) -> Classifier:
    return Classifier(build_network("cnn", classes=3, channels=1, image_size=12, seed=SEEDS[stage]))


def arguments(stage: str, epochs: int = 2) -> tuple[Any, ...]:
    return training_data(PIXELS, TABLE), ITEMS[:60], ITEMS[60:], Schedule(epochs, BATCH[stage], 0.02)


@pytest.fixture(scope="module")
def alone() -> dict[str, Weights]:
    """What each network learns by itself."""
    out = {}
    for stage, seed in SEEDS.items():
        model = made(stage)
        fit(model, *arguments(stage), seed=seed)
        out[stage] = model.state_dict()
    return out


class Beside:
    """Networks side by side; ``hook`` gets the stage and the images done after each of its steps."""

    def __init__(self, folder: Path | None = None, hook: Hook = lambda stage, images: None, **options: Any):
        self.notes: list[str] = []
        self.turns: list[str] = []
        self.images = dict.fromkeys(SEEDS, 0)
        self.hook, self.folder = hook, folder
        self.models: dict[str, Classifier] = {}
        self.driver: SideBySide[Weights] = SideBySide(
            CPU, self.turns.append, self.notes.append, **{"together": True, **options}
        )

    def run(self, epochs: int = 2) -> dict[str, Weights]:
        return self.driver.run({stage: self.training(stage, epochs) for stage in SEEDS})

    def training(self, stage: str, epochs: int) -> Turns[Weights]:
        def step(images: int) -> None:
            self.images[stage] += images
            self.hook(stage, self.images[stage])

        def skip(images: int) -> None:
            self.images[stage] += images

        model = self.models[stage] = made(stage)
        path = None if self.folder is None else self.folder / f"{stage}.epochs.pt"
        watch = Watch(
            step, skip=skip, note=lambda m: self.notes.append(f"{stage}: {m}"), others=lambda: self.driver.others
        )
        images, *rest = arguments(stage, epochs)
        yield from fit_in_turns(model, images, FitArguments(*rest, SEEDS[stage], path), watch)
        return model.state_dict()


def same(one: Weights, other: Weights) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_each_learns_the_bytes_that_it_learns_alone(alone: dict[str, Weights]) -> None:
    outside = torch.get_rng_state()
    beside = Beside()
    results = beside.run()
    assert beside.turns[:6] == ["a", "b", "c"] * 2
    assert Counter(beside.turns) == TURNS, "they end at different times"
    assert all(same(results[stage], alone[stage]) for stage in SEEDS)
    assert not same(alone["a"], alone["b"])
    assert torch.equal(torch.get_rng_state(), outside)
    assert torch.is_grad_enabled()
    assert beside.driver.others == 0


def test_a_cpu_takes_them_in_order(alone: dict[str, Weights]) -> None:
    beside = Beside(together=None)
    results = beside.run()
    assert list(dict.fromkeys(beside.turns)) == list(SEEDS)
    assert beside.turns == sorted(beside.turns)
    assert all(same(results[stage], alone[stage]) for stage in SEEDS)


def test_no_more_than_some_are_at_work_and_the_next_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "MOST", 2)
    beside = Beside()
    assert set(beside.run()) == set(SEEDS)
    first = beside.turns.index("c")
    assert set(beside.turns[:first]) == {"a", "b"}
    assert set(beside.turns[first:]) == {"a", "c"}, "b has fewer steps than a"


# ---- stopped, and gone on with


class Killed(Exception):
    pass


def stop(error: type[Exception], stage: str, images: int) -> Hook:
    def hook(at: str, done: int) -> None:
        if at == stage and done >= images:
            raise error("stopped")

    return hook


@pytest.mark.parametrize("images", [30, 66, 100])
def test_killed_in_the_middle_all_end_with_the_same_bytes(
    images: int, tmp_path: Path, alone: dict[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(training, "REST_PER_SAVE", 0.0)
    with pytest.raises(Killed):
        Beside(tmp_path, stop(Killed, "b", images)).run()
    resumed = Beside(tmp_path)
    results = resumed.run()
    assert all(same(results[stage], alone[stage]) for stage in SEEDS)
    assert resumed.images == dict.fromkeys(SEEDS, 2 * 72)


def test_cancelled_each_keeps_what_it_has_at_once(tmp_path: Path, alone: dict[str, Weights]) -> None:
    """No checkpoint was due yet."""
    with pytest.raises(Cancelled):
        Beside(tmp_path, stop(Cancelled, "c", 30)).run()
    assert {p.name for p in tmp_path.iterdir()} == {"a.epochs.pt", "b.epochs.pt"}
    resumed = Beside(tmp_path)
    results = resumed.run()
    assert all(same(results[stage], alone[stage]) for stage in SEEDS)
    assert Counter(resumed.turns) == {"a": 13, "b": 9, "c": 8}


def test_cancelled_is_what_is_told_where_another_has_lost_its_weights(
    tmp_path: Path, alone: dict[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU nobody knows of them yet: losses are read now and then."""
    monkeypatch.setattr(training_pass, "READ_EVERY", {"cpu": 64})

    def hook(stage: str, images: int) -> None:
        if stage == "c":
            raise Cancelled("stopped")
        if stage == "a":
            with torch.no_grad():
                beside.models["a"].base.head.weight.fill_(float("nan"))  # type: ignore[union-attr, operator]

    beside = Beside(tmp_path, hook)
    with pytest.raises(Cancelled):
        beside.run()
    assert {p.name for p in tmp_path.iterdir()} == {"b.epochs.pt"}
    monkeypatch.undo()
    results = Beside(tmp_path).run()
    assert all(same(results[stage], alone[stage]) for stage in SEEDS)


def test_cancelled_before_the_others_began(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        Beside(tmp_path, stop(Cancelled, "a", 1)).run()
    assert not list(tmp_path.iterdir())


def test_one_that_cannot_go_on_does_not_cost_the_others(
    tmp_path: Path, alone: dict[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = Steps._learn

    def spoil(self: Steps, batch: torch.Tensor, items: Any, annotations: Any) -> None:
        learn(self, batch, items, annotations)
        if self.batch_size == BATCH["b"]:
            with torch.no_grad():
                self.model.base.head.weight.fill_(float("nan"))  # type: ignore[union-attr, operator]

    monkeypatch.setattr(Steps, "_learn", spoil)
    with pytest.raises(TrainingError, match="also with half the learning rate"):
        Beside(tmp_path).run()
    monkeypatch.undo()
    resumed = Beside(tmp_path)
    results = resumed.run()
    assert all(same(results[stage], alone[stage]) for stage in "ac")
    again = Counter(resumed.turns)
    assert again["b"] == TURNS["b"] and again["a"] == TURNS["a"] - 3


# ---- memory


def test_without_memory_for_all_one_waits_and_keeps_its_batch(
    alone: dict[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, beside = Steps._learn, Beside()

    def step(self: Steps, batch: torch.Tensor, items: Any, annotations: Any) -> None:
        if beside.driver.others and self.batch_size == BATCH["b"]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        learn(self, batch, items, annotations)

    monkeypatch.setattr(Steps, "_learn", step)
    results = beside.run()
    assert all(same(results[stage], alone[stage]) for stage in SEEDS)
    assert set(beside.notes) == {
        "b: the memory was not enough for this network beside the others; it goes on from the beginning of epoch 1 "
        "when they are done."
    }
    assert beside.images == dict.fromkeys(SEEDS, 2 * 72)
    assert set(beside.turns[-TURNS["b"] :]) == {"b"}


def test_alone_it_takes_fewer_images(monkeypatch: pytest.MonkeyPatch) -> None:
    learn = Steps._learn

    def step(self: Steps, batch: torch.Tensor, items: Any, annotations: Any) -> None:
        if len(batch) > 20:
            raise MemoryError
        learn(self, batch, items, annotations)

    monkeypatch.setattr(Steps, "_learn", step)
    beside = Beside()
    assert set(beside.run()) == set(SEEDS)
    waits, fewer = dict.fromkeys(beside.notes)
    assert "beside the others; it goes on from the beginning of epoch 1 when they are done" in waits
    assert fewer.startswith("c: the memory was not enough for 30 images per step") and "with 15" in fewer


# ---- which way is faster


@pytest.mark.parametrize(("switch", "chosen"), [(-0.5, "side by side"), (0.5, "one after the other")])
def test_the_faster_way_is_measured_and_noted(switch: float, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step takes a second, and ``switch`` more after a step of another network."""
    now, last, turns = 0.0, "", []

    def at_work(stage: str) -> None:
        nonlocal now, last
        now += 1 + (switch if last != stage else 0.0)
        last = stage
        turns.append(stage)

    def training(steps: int) -> Iterator[bool]:
        for _ in range(steps):
            yield False

    notes: list[str] = []
    monkeypatch.setattr(side_by_side, "time", SimpleNamespace(perf_counter=lambda: now))
    driver: SideBySide[None] = SideBySide(CPU, at_work, notes.append, together=True)
    driver._measures = True  # as on a GPU
    results = driver.run({"a": training(200), "b": training(210)})  # type: ignore[dict-item]
    assert set(results) == {"a", "b"} and turns.count("a") == 201 and turns.count("b") == 211
    (note,) = notes
    assert note.startswith(f"2 networks train {chosen}: 20 steps of each took ")
    after = turns[side_by_side.WARM_UP * 2 + side_by_side.ROUNDS * 2 * 2 * side_by_side.TIMED :]
    assert after[:4] == (["a", "b", "a", "b"] if chosen == "side by side" else ["a"] * 4)


def test_too_little_work_to_measure_is_done_all_the_same() -> None:
    def training(steps: int) -> Iterator[bool]:
        for _ in range(steps):
            yield False

    for steps in (0, 5, 30, 70):
        notes: list[str] = []
        driver: SideBySide[None] = SideBySide(CPU, note=notes.append, together=True)
        driver._measures = True
        assert set(driver.run({"a": training(steps), "b": training(300)})) == {"a", "b"}  # type: ignore[dict-item]
        assert not notes


@pytest.mark.parametrize(
    ("device", "processes", "why"), [("cuda", 1, None), ("cuda", 2, "share every batch"), ("cpu", 1, "a CPU's cores")]
)
def test_where_they_cannot_train_side_by_side_a_reason_is_given(device: str, processes: int, why: str | None) -> None:
    reason = why_in_order(torch.device(device), processes)
    assert reason is None if why is None else why in str(reason)


# ---- from outside


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beside") / "faces"
    write_demo(folder, items=60, seed=1)
    return folder


def test_a_run_whose_coders_train_side_by_side_has_the_same_results(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = (*faults.FLAGS, "--fewest-annotations", 5)
    assert faults.call("fit", faces, "--run", tmp_path / "in-order", *flags).status == 0
    # A GPU would be measured; here the answer is that it is faster.
    asked: list[bool | None] = []

    def faster(device: torch.device, at_work: Any, note: Any, together: bool | None) -> SideBySide[Any]:
        asked.append(together)
        return SideBySide(device, at_work, note, together=together is None)

    monkeypatch.setattr(network_stage, "SideBySide", faster)
    done = faults.call("fit", faces, "--run", tmp_path / "beside", *flags, "--side-by-side")
    assert set(asked) == {None}
    assert done.status == 0, done.err
    one, other = (
        {str(p.relative_to(tmp_path / run)): p.read_bytes() for p in sorted((tmp_path / run / "results").rglob("*.*"))}
        for run in ("in-order", "beside")
    )
    assert {name.replace("in-order", ""): content for name, content in one.items()} == other
    assert any("coder" in name for name in one)
    events = Run(tmp_path / "beside").events()
    stages = [e["stage"] for e in events if e["event"] == "epoch"]
    assert stages[:3] == ["coder:Alpha", "coder:Beta", "warm-up"], stages
    assert "coder:Alpha  epoch 1/2" in done.out
    assert "one after the other, not side by side: one of them fills a CPU's cores." in done.out
