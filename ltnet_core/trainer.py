"""The road of a run: decoded images, networks trained one after the other, results; it tells how far it is.

Every stage leaves its result in the run's checkpoint folder, so that a run can go on where it was stopped.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .all_images import PixelsOnDemand, decode_all
from .annotations import ADJUDICATOR, AnnotationTable, FloatArray, human_name, is_machine
from .checkpoint import forget, keep, kept
from .datasets import Study
from .devices import choose_device, trains_in_bfloat16
from .errors import Cancelled, DamageError
from .images import Pixels, survey
from .ltnet import Classifier
from .networks import build_network
from .plan import DECODE_COST, FEATURE_COST, PREDICT_COST, Plan, make_plan
from .printing import say
from .reading import read_array, read_json
from .results import Learned, write_array
from .runs import Run
from .schedule import Schedule
from .settings import Settings
from .training import fit
from .training_data import TrainingData, on_device
from .views import VIEW_SHIFTS, features, predict
from .watch import Record, Watch
from .weights import fill, load_weights, save_weights
from .writing import naming, replacing, write_json

HEARTBEAT = 1.0
FEATURES = 32
SAMPLE = 4000  # images from which axes and pixel statistics are taken


class ImageFacts(TypedDict):
    """How the images were decoded; ``kept`` says whether their pixels are."""

    size: int
    channels: int
    broken: dict[str, str]
    kept: bool


class NetworkFacts(TypedDict):
    """What a finished network's stage keeps beside its weights and its p."""

    history: list[dict[str, Any]]


class FeatureFacts(TypedDict):
    """How many features an item has."""

    dimensions: int


@dataclass(frozen=True)
class Task:
    """One network to train.

    Attributes
    ----------
    stage : its name in the plan. table : annotations to learn from.
    model : base network → what is trained.
    warm : stage whose weights the base network starts from, None for a fresh start.
    lr, transition_lr, transition_delay : see :class:`~ltnet_core.training.Schedule`.
    weights : (C,) weight of each coder, None for the settings'.
    """

    stage: str
    table: AnnotationTable
    model: Callable[[nn.Module], Classifier] = Classifier
    warm: str | None = None
    lr: float | None = None
    transition_lr: float = 0.0
    transition_delay: float = 0.0
    weights: FloatArray | None = None


class Trainer:
    """Trains the networks of a run."""

    def __init__(self, study: Study, run: Run):
        self.study, self.run = study, run
        spec = run.spec()
        self.settings = Settings.of_spec(spec)
        self.seed = int(spec["seed"])
        self.human = human_table(study, self.settings.coders.coders)
        self.device = choose_device(spec["device"])
        self.stage = "images"
        self.done = self.total = 0.0
        self._began = self._beat = time.monotonic()
        self._done_at_start: float | None = None
        self.stop_signal = False

    # ---- progress

    def advance(self, work: float) -> None:
        """Count finished work, tell the world now and then, and stop when asked to."""
        self.done += work
        now = time.monotonic()
        if now - self._beat < HEARTBEAT:
            return
        self._beat = now
        self.run.emit("progress", stage=self.stage, **self._where())
        if self.stop_signal or self.run.asked_to_stop():
            raise Cancelled("the run was cancelled; --resume goes on from its last checkpoint.")

    def skip(self, work: float) -> None:
        """Count work that an earlier process did; it says nothing about today's speed."""
        self.done += work
        self._done_at_start = (self._done_at_start or 0.0) + work

    def _where(self) -> dict[str, Any]:
        progress = min(self.done / self.total, 1.0) if self.total else 0.0
        eta = None
        if self._done_at_start is not None and self.done > self._done_at_start:
            elapsed = time.monotonic() - self._began
            eta = elapsed * max(self.total - self.done, 0.0) / (self.done - self._done_at_start)
        return {"progress": progress, "eta_seconds": eta}

    def enter(self, stage: str, epochs: int | None = None) -> None:
        self.stage = stage
        self.run.emit("stage", stage=stage, epochs=epochs, **self._where())
        say(f"[{time.strftime('%H:%M:%S')}] {stage}" + (f", {epochs} epochs" if epochs else ""))

    def note(self, message: str) -> None:
        """Tell the user something about this run, once."""
        if not any(e["event"] == "note" and e.get("message") == message for e in self.run.events()):
            self.run.emit("note", message=message)
            say(f"note: {message}")

    # ---- the stages

    def prepare(self) -> Plan:
        """Decode the images and plan the work."""
        self.total = make_plan(self.study, self.human, self.settings, self.seed).work()
        pixels = self.images()
        self.plan = plan = make_plan(self.study, self.human, self.settings, self.seed, self.broken)
        for note in plan.notes:
            self.note(note)
        *first, last = plan.fits
        self.run.emit("plan", stages=["images", *first, *(["pseudo"] if plan.coders else []), last, "results"])
        self.total, self.done = plan.work(), DECODE_COST * len(plan.usable)
        self._began, self._done_at_start = time.monotonic(), self.done
        mean, std = pixel_statistics(pixels, plan.pooled)
        self._context = (on_device(pixels, self.device), mean, std)
        return plan

    def images(self) -> Pixels:
        """Decode the images once; note those that cannot be read."""
        self.enter("images")
        names = [str(n) for n in self.study.table.items]
        try:
            found = self._kept_images(len(names))
        except DamageError as e:
            self.note(f"{e.file!r} is {e.reason}, so the images are decoded again.")
            forget(self.run.checkpoint / "images.json", self.run.checkpoint / "pixels.npy")
            found = None
        facts, pixels = found or self._decode(names)
        self.size, self.channels, self.broken = facts["size"], facts["channels"], facts["broken"]
        if self.broken:
            first = next(iter(self.broken.values()))
            self.note(f"unreadable images set aside: {len(self.broken):,}; the first: {first}")
        if pixels is not None:
            return pixels
        self.note("the images are decoded anew in every epoch: all of them would need more room than there is.")
        return PixelsOnDemand(self.study.files, names, self.size, self.channels, self.broken)

    def _decode(self, names: list[str]) -> tuple[dict[str, Any], Pixels | None]:
        """Decode all images into the checkpoint, where there is room; returns what :meth:`_kept_images` does."""
        folder = self.run.checkpoint
        side, channels = survey(self.study.files, names)
        size = self.settings.data.image_size or max(8, min(side, self.settings.data.largest_image))
        room = len(names) * channels * size**2 <= self._room()

        def progress(done: int, total: int) -> None:
            self.advance(DECODE_COST * done - self.done)

        path = folder / "pixels.npy" if room else None
        broken = decode_all(self.study.files, names, size, channels, path, progress)
        files = [] if path is None else [path.name]
        facts = {"size": size, "channels": channels, "broken": broken, "kept": room}
        keep(folder, "images", files, facts)
        if path is None:
            return facts, None
        return facts, cast(Pixels, read_array(path, (len(names), channels, size, size), np.uint8, mmap=True))

    def _kept_images(self, items: int) -> tuple[dict[str, Any], Pixels | None] | None:
        """What an earlier process decoded: facts, and the pixels where there was room; None where there is nothing.

        Raises
        ------
        DamageError
        """
        folder = self.run.checkpoint
        facts = kept(folder, "images", ImageFacts)
        if facts is None:
            return None
        if not facts["kept"]:
            return facts, None
        path = folder / "pixels.npy"
        pixels = read_array(path, (items, facts["channels"], facts["size"], facts["size"]), np.uint8, mmap=True)
        return facts, cast(Pixels, pixels)

    def _room(self) -> float:
        """Bytes for the pixels of all images: what the run was given, or what the disk has free less a gigabyte."""
        budget = self.settings.data.pixel_budget
        if budget is not None:
            return budget * 1024**3
        return shutil.disk_usage(self.run.folder).free - 1024**3

    def network(self, task: Task) -> FloatArray:
        """Train one network, or load it when it is there; returns (N,K) p of every item."""
        folder, name, stage = self.run.checkpoint, file_stem(task.stage), task.stage
        options, matrices = self.settings.schedule, self.settings.transitions
        plan, work = self.plan, self.plan.fits[stage]
        done = self._kept_network(task)
        if done is not None:
            self.skip(work.cost + PREDICT_COST * len(plan.usable))
            return done

        self.enter(stage, work.epochs)
        model = self.model(task)
        if task.warm is not None:
            path = self._weights(task.warm)
            fill(model, {k: v for k, v in load_weights(path).items() if k.startswith("base.")}, path, strict=False)
        data = self._data(task)
        schedule = Schedule(
            epochs=work.epochs,
            batch_size=options.batch_size,
            lr=options.lr if task.lr is None else task.lr,
            decay=options.decay,
            optimizer=options.optimizer,
            weight_decay=options.weight_decay,
            transition_optimizer=matrices.transition_optimizer,
            transition_lr=task.transition_lr,
            transition_delay=task.transition_delay,
            span=work.span,
        )

        def epoch(record: Record) -> None:
            self.run.emit("epoch", stage=stage, epochs=work.epochs, **record)
            said = f"  epoch {record['epoch']}/{work.epochs}  loss {record['train_loss']:.3f}"
            if record["validation_loss"] is not None:
                said += f"  validation {record['validation_loss']:.3f} ({record['validation_agreement']:.1%} agree)"
            say(said + f"  {record['seconds']:.1f} s")

        history = fit(
            model,
            data,
            work.train,
            work.validation,
            schedule,
            seed=stage_seed(self.seed, stage, plan.table),
            checkpoint=folder / f"{name}.epochs.pt",
            watch=Watch(step=self.advance, epoch=epoch, skip=self.skip, note=self.note),
            graphs=self.settings.network.cuda_graphs,
        )
        p = predict(
            model, data, np.arange(len(plan.usable)), watch=Watch(step=lambda n: self.advance(PREDICT_COST * n))
        )
        save_weights(model.state_dict(), self._weights(stage))
        write_array(p, folder / f"{name}.npy")
        keep(folder, name, [f"{name}.safetensors", f"{name}.npy"], {"history": history})
        (folder / f"{name}.epochs.pt").unlink(missing_ok=True)
        return p

    def _kept_network(self, task: Task) -> FloatArray | None:
        """(N,K) p of a network that an earlier process trained; None where it is still to be trained."""
        folder, name = self.run.checkpoint, file_stem(task.stage)
        shape = len(self.plan.usable), len(task.table.classes)
        try:
            if kept(folder, name, NetworkFacts) is None:
                return None
            p = read_array(folder / f"{name}.npy", shape, np.float64)
            fill(self.model(task), load_weights(self._weights(task.stage)), self._weights(task.stage))
        except DamageError as e:
            self.note(f"{e.file!r} is {e.reason}, so its network is trained again.")
            forget(*(folder / f"{name}{end}" for end in (".json", ".npy", ".safetensors")))
            return None
        return cast(FloatArray, p)

    def features(self, task: Task, dimensions: int = FEATURES) -> NDArray[np.float32]:
        """(N, dimensions) unit vectors: what the last layer of a trained network sees of every item.

        Projected on the principal axes of a sample, in half precision's range; images that
        look alike to the network lie in one direction.
        """
        folder, n = self.run.checkpoint, len(self.plan.usable)
        path = folder / "features.npy"
        try:
            facts = kept(folder, "features", FeatureFacts)
            if facts is not None:
                return cast(NDArray[np.float32], read_array(path, (n, facts["dimensions"]), np.float32))
        except DamageError as e:
            self.note(f"{e.file!r} is {e.reason}, so it is made again.")
            forget(folder / "features.json", path)
        model = self.trained(task)
        data = self._data(task)
        sample = _spread(np.arange(n), SAMPLE)
        seen = np.concatenate(list(features(model, data, sample)))
        mean = seen.mean(0)
        axes = np.linalg.svd(seen - mean, full_matrices=False)[2][:dimensions].T
        out = np.zeros((n, axes.shape[1]), dtype=np.float32)
        done = 0
        for part in features(model, data, np.arange(n)):
            found = (part - mean) @ axes
            out[done : done + len(part)] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
            done += len(part)
            self.advance(FEATURE_COST * len(part))
        write_array(out, path)
        keep(folder, "features", [path.name], {"dimensions": out.shape[1]})
        return out

    def matrices(self, task: Task) -> FloatArray | None:
        """(C,K,K) that a trained network ended with; None for a method without."""
        return self.trained(task).matrices()

    def trained(self, task: Task) -> Classifier:
        """The model of a task with the weights it was left with."""
        model, path = self.model(task), self._weights(task.stage)
        fill(model, load_weights(path), path)
        return model

    def model(self, task: Task) -> Classifier:
        """The untrained model of a task, on the device."""
        options = self.settings.network
        base = build_network(
            options.network,
            classes=len(task.table.classes),
            channels=self.channels,
            image_size=self.size,
            seed=stage_seed(self.seed, task.stage, self.plan.table) % 2**31,
            weights=options.weights,
            last_relu=options.last_relu,
        )
        placed: Classifier = task.model(base).to(self.device)
        placed.mixup = self.settings.data.mixup
        placed.low_precision = trains_in_bfloat16(options.precision, self.device)
        placed.base.to(memory_format=torch.channels_last)
        return placed

    def _weights(self, stage: str) -> Path:
        return self.run.checkpoint / f"{file_stem(stage)}.safetensors"

    def _data(self, task: Task) -> TrainingData:
        pixels, mean, std = self._context
        weights = coder_weights(task.table, self.settings) if task.weights is None else task.weights
        augment, cutout = self.settings.data.augment, self.settings.data.cutout
        return TrainingData(pixels, task.table, weights, mean, std, self.device, augment, cutout)

    def keep_networks(self, learned: Learned) -> None:
        """Copy every network and its history from the checkpoint to the results."""
        folder = self.run.results / "networks"
        with naming(folder):
            folder.mkdir(exist_ok=True)
        _, mean, std = self._context
        histories = {}
        for name in learned.networks:
            stem = file_stem(name)
            source = self.run.checkpoint / f"{stem}.safetensors"
            with replacing(folder / source.name, source.stat().st_size) as partial:
                shutil.copyfile(source, partial)
            histories[name] = read_json(self.run.checkpoint / f"{stem}.json")["history"]
        write_json(self.run.results / "history.json", histories)
        write_json(
            folder / "index.json",
            {
                "network": self.settings.network.network,
                "last_relu": self.settings.network.last_relu,
                "image_size": self.size,
                "channels": self.channels,
                "mean": mean.tolist(),
                "std": std.tolist(),
                "method": learned.method,
                "trained_classes": list(learned.table.classes),  # the order of the networks' outputs
                "trained_coders": list(learned.table.coders),  # the order of T in the weights
                "files": {name: f"{file_stem(name)}.safetensors" for name in learned.networks},
                "view_shifts": list(VIEW_SHIFTS) if self.settings.data.augment else [],
                "temperature": learned.temperature,
            },
        )


def human_table(study: Study, coders: Sequence[str] | None) -> AnnotationTable:
    """The annotations to learn from: of these human coders (None for all), and what people settled."""
    if coders is None:
        return study.table
    settled = [ADJUDICATOR] if ADJUDICATOR in study.table.coders and ADJUDICATOR not in coders else []
    return study.table.keep_coders([*coders, *settled])


def coder_weights(table: AnnotationTable, settings: Settings, trust: Mapping[str, float] | None = None) -> FloatArray:
    """(C,) weight of each coder's annotations; a weight given by name stands, whatever ``trust`` says of the coder."""
    trusted, options = trust or {}, settings.coders
    usual = [
        (options.machine_weight if is_machine(c) else options.human_weight) * trusted.get(human_name(c), 1.0)
        for c in table.coders
    ]
    return np.asarray([options.coder_weights.get(c, w) for c, w in zip(table.coders, usual, strict=True)])


def evidence_weights(weights: FloatArray, settings: Settings) -> FloatArray:
    """(C,) what an annotation weighs in the posterior: its weight by a human's, at most 1.

    The loss is divided by the weights, so that only their ratios matter there; in the
    posterior an annotation of weight 3 would count as three independent ones.
    """
    return np.minimum(weights / settings.coders.human_weight, 1.0)


def file_stem(stage: str) -> str:
    """A file name for a stage; coders' names may hold anything."""
    kind, _, name = stage.partition(":")
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:12]}" if name else kind


def stage_seed(seed: int, stage: str, table: AnnotationTable) -> int:
    """A seed of its own for each stage; coders count by their place, so that their names do not matter."""
    kind, _, name = stage.partition(":")
    place = table.coders.index(name) if kind == "coder" else 0
    number = {"coder": 1, "mixture": 2, "ltnet": 3, "warm-up": 5}.get(kind, 4)
    return int(np.random.SeedSequence([seed, number, place]).generate_state(1, np.uint32)[0])


def pixel_statistics(pixels: Pixels, items: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """(channels,) mean and standard deviation of the training pixels (a sample of at most 4,000 images)."""
    sample = _spread(items, SAMPLE)
    totals, squares, count = np.zeros(pixels.shape[1]), np.zeros(pixels.shape[1]), 0
    for start in range(0, len(sample), 64):
        part = np.asarray(pixels[sample[start : start + 64]], dtype=np.float64)
        totals, squares = totals + part.sum((0, 2, 3)), squares + np.square(part).sum((0, 2, 3))
        count += part[:, 0].size
    mean = totals / count
    return mean, np.sqrt(np.maximum(squares / count - mean**2, 1.0))


def _spread(items: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of them, evenly spread."""
    return items[:: max(-(-len(items) // most), 1)]
