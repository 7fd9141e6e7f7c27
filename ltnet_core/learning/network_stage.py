"""A stage that trains a network: built, trained, and kept in the checkpoint, so that --resume finds it there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..annotations import FloatArray
from ..errors import DamageError
from ..files.reading import read_array
from ..files.writing import write_array
from ..runs.checkpoint import forget, keep, kept
from ..runs.forming import write_forming
from ..runs.run import Run
from ..settings import NetworkOptions, Settings
from ..settings.names import FEATURES
from .class_prior import even_out
from .coder_weights import coder_weights
from .devices import trains_in_bfloat16
from .fit_state import fewer_images, older
from .frozen_trunk import Features, last_layer_alone, require_linear_end, trunk_features, whole_network
from .group import ALONE, Group
from .ltnet import Classifier
from .networks import FeatureHead, build_network
from .plan import Plan
from .progress import Progress
from .schedule import Schedule, images_per_step
from .side_by_side import SideBySide, why_in_order
from .stages import Task, file_stem, stage_seed
from .study_features import feature_statistics
from .study_pixels import StudyPixels, pixel_statistics
from .timm_networks import is_timm, publication
from .training import FitArguments, fit_in_turns
from .training_data import TrainingData, on_device
from .turns import Turns, finished
from .views import predict
from .watch import Record, Watch
from .weights import fill, load_weights, save_weights


class NetworkFacts(TypedDict):
    """What a finished network's stage keeps beside its weights and its p: the images per step that the memory held."""

    batch_size: NotRequired[int]


class NetworkStages:
    """Trains the networks of a run, each once.

    Attributes
    ----------
    mean, std : (channels,) of the training pixels.
    """

    def __init__(
        self,
        run: Run,
        settings: Settings,
        seed: int,
        device: torch.device,
        plan: Plan,
        images: StudyPixels,
        progress: Progress,
        group: Group = ALONE,
    ):
        self._run, self._settings, self._seed, self._device = run, settings, seed, device
        self._plan, self._images, self._progress, self._group = plan, images, progress, group
        name = settings.network.network
        if is_timm(name):
            self.mean, self.std = publication(name).statistics(images.channels)
        elif name == FEATURES:
            self.mean, self.std = feature_statistics(cast(Features, images.pixels), plan.pooled)
        else:
            self.mean, self.std = pixel_statistics(images.pixels, plan.pooled)
        self._pixels = on_device(images.pixels, device)
        self._others: Callable[[], int] = lambda: 0  # how many other networks are at work
        self._most: int | None = None  # images per step; None as long as the memory was enough for all that was asked
        self._trunk: nn.Module | None = None
        self._features: Features | None = None
        if settings.network.freeze:
            self._freeze(settings.network)

    def networks(self, tasks: Sequence[Task]) -> dict[str, FloatArray]:
        """Train networks that do not need each other, or load those that are there; returns stage → (N,K) p of every
        item."""
        done = {task.stage: p for task in tasks if (p := self._kept(task)) is not None}
        for stage in done:
            self._progress.skip(self._plan.fits[stage].cost)
            self._progress.skip(len(self._plan.usable), "predict")
        left = {task.stage: self._turns(task) for task in tasks if task.stage not in done}
        wanted = self._settings.coders.side_by_side
        if wanted and len(left) > 1 and (why := why_in_order(self._device, self._group.size)) is not None:
            self._progress.note(f"the networks train one after the other, not side by side: {why}.")
        if self._group.alone:
            together = None if wanted else False
            side_by_side: SideBySide[FloatArray] = SideBySide(
                self._device, self._progress.at, self._progress.note, together
            )
            self._others = lambda: side_by_side.others
            done |= side_by_side.run(left)
        else:  # its processes meet in every step
            done |= {stage: finished(turns) for stage, turns in left.items()}
        return {task.stage: done[task.stage] for task in tasks}

    def _turns(self, task: Task) -> Turns[FloatArray]:
        """Train one network; returns (N,K) p of every item."""
        work, items = self._plan.fits[task.stage], len(self._plan.usable)
        self._progress.enter(task.stage, work.epochs)
        model, data = self._begun(task), self.data(task)
        batch_size = yield from self._fit(task, model, data)
        if task.even and (power := even_out(model, data, work.validation, self._group)):
            self._progress.note(
                f"{task.stage}: rare classes are named more often, p being divided by its class shares to the power "
                f"{power:g}; the held-out annotations do not speak against it."
            )
        watch = Watch(step=lambda n: self._progress.advance(n, "predict"))
        p = predict(model, data, np.arange(items), watch=watch, group=self._group)
        folder, name = self._run.checkpoint, file_stem(task.stage)
        save_weights(model.state_dict(), self.weights_path(task.stage))
        write_array(p, folder / f"{name}.npy")
        keep(folder, name, [f"{name}.safetensors", f"{name}.npy"], {"batch_size": batch_size})
        epochs = self._epochs_path(task.stage)
        forget(epochs, older(epochs), fewer_images(epochs))
        return p

    def trained(self, task: Task) -> Classifier:
        """The model of a task with the weights it was left with."""
        model, path = self._model(task, fresh=True), self.weights_path(task.stage)
        fill(model, load_weights(path), path)
        return model

    def data(self, task: Task) -> TrainingData:
        """What a task learns from: images, or what a frozen trunk sees of them."""
        settings, pixels = self._settings, self._pixels
        weights = coder_weights(task.table, settings) if task.weights is None else task.weights
        if self._features is not None:
            dimensions = self._features.shape[1]
            plain = np.zeros(dimensions), np.ones(dimensions)
            return TrainingData(self._features, task.table, weights, *plain, self._device, augment=False)
        if settings.network.features is not None:
            return TrainingData(pixels, task.table, weights, self.mean, self.std, self._device, augment=False)
        augment, cutout = settings.data.augment, settings.cutout_for(self._plan.fits[task.stage].schedule_epochs)
        return TrainingData(pixels, task.table, weights, self.mean, self.std, self._device, augment, cutout)

    def whole_weights(self, stage: str) -> dict[str, Tensor]:
        """The weights of a finished stage, those of a frozen trunk among them."""
        state = load_weights(self.weights_path(stage))
        return state if self._trunk is None else whole_network(self._trunk, state)

    def _freeze(self, options: NetworkOptions) -> None:
        """Compute what the pretrained network sees of every image; only its last layer is trained."""
        size, channels = self._images.size, self._images.channels
        trunk = self._trunk = build_network(
            options.network,
            classes=len(self._plan.table.classes),
            channels=channels,
            image_size=size,
            seed=self._seed,
            weights=options.weights,
            last_relu=options.last_relu,
            pretrained=options.pretrained,
        )
        require_linear_end(trunk, size, channels)

        def on_images() -> tuple[Classifier, TrainingData]:
            nobody = self._plan.table.keep_coders([])
            data = TrainingData(self._pixels, nobody, np.zeros(0), self.mean, self.std, self._device, augment=False)
            return Classifier(trunk).to(self._device), data

        items = len(self._plan.usable)
        self._features = trunk_features(self._run.checkpoint, items, on_images, self._progress, self._group)
        trunk.cpu()

    def weights_path(self, stage: str) -> Path:
        """Where the weights of a finished stage are."""
        return self._run.checkpoint / f"{file_stem(stage)}.safetensors"

    def _epochs_path(self, stage: str) -> Path:
        return self._run.checkpoint / f"{file_stem(stage)}.epochs.pt"

    def _model(self, task: Task, *, fresh: bool) -> Classifier:
        """The untrained model of a task, on the device; ``fresh`` without pretrained weights, to be filled."""
        options = self._settings.network
        seed = stage_seed(self._seed, task.stage, self._plan.table) % 2**31
        if self._features is not None:
            base: nn.Module = last_layer_alone(self._features.shape[1], len(task.table.classes), seed)
        else:
            base = build_network(
                options.network,
                classes=len(task.table.classes),
                channels=self._images.channels,
                image_size=self._images.size,
                seed=seed,
                weights=None if fresh else options.weights,
                last_relu=options.last_relu,
                pretrained=options.pretrained and not fresh,
                hidden_units=options.hidden_units,
            )
        model: Classifier = task.model(base).to(self._device)
        model.mixup = self._settings.data.mixup
        model.low_precision = trains_in_bfloat16(options.precision, self._device)
        model.base.to(memory_format=torch.channels_last)
        return model

    def _begun(self, task: Task) -> Classifier:
        """The model of a task with the weights it starts from."""
        model = self._model(task, fresh=task.warm is not None)
        if task.warm is not None:
            path = self.weights_path(task.warm)
            fill(model, {k: v for k, v in load_weights(path).items() if k.startswith("base.")}, path, strict=False)
        return model

    def _batch_size(self, stage: str) -> int:
        """Images per step that the settings ask for."""
        batch_size, rates_for = self._settings.schedule.batch_size, self._settings.batch_of_rates
        if isinstance(batch_size, int):
            return batch_size
        return images_per_step(rates_for, len(self._plan.fits[stage].train), self._device.type)

    def _limit(self, stage: str, batch_size: int) -> None:
        """The next networks begin with no more images per step than this one ended with, if those were too many."""
        if batch_size < self._batch_size(stage):
            self._most = min(batch_size, self._most or batch_size)

    def _fit(self, task: Task, model: Classifier, data: TrainingData) -> Turns[int]:
        """Train; returns the images per step in the end."""
        progress, work = self._progress, self._plan.fits[task.stage]
        options, matrices = self._settings.schedule, self._settings.transitions
        batch_size = min(self._batch_size(task.stage), self._most or self._batch_size(task.stage))
        growth = (batch_size / self._settings.batch_of_rates) ** 0.5
        schedule = Schedule(
            epochs=work.epochs,
            batch_size=batch_size,
            lr=growth * (options.lr if task.lr is None else task.lr),
            decay=options.decay,
            optimizer=options.optimizer,
            weight_decay=options.weight_decay,
            transition_optimizer=matrices.transition_optimizer,
            transition_lr=task.transition_lr,
            transition_delay=task.transition_delay,
            span=work.span,
            single_layer=isinstance(model.base, FeatureHead) and not self._settings.network.hidden_units,
        )

        def epoch(record: Record) -> None:
            self._run.emit("epoch", stage=task.stage, epochs=work.epochs, **record)
            beside = f"  {task.stage}" if self._others() else ""
            progress.say(beside + _line_of(record, work.epochs) + progress.left())
            matrices_now = model.matrices()
            if matrices_now is not None:
                write_forming(self._run.checkpoint, task.stage, record["epoch"], work.epochs, task.table, matrices_now)

        history = yield from fit_in_turns(
            model,
            data,
            FitArguments(
                work.train,
                work.validation,
                schedule,
                stage_seed(self._seed, task.stage, self._plan.table),
                self._epochs_path(task.stage),
                self._settings.network.cuda_graphs,
            ),
            Watch(
                step=progress.advance,
                epoch=epoch,
                skip=progress.skip,
                rate=progress.learns,
                note=lambda message: progress.note(f"{task.stage}: {message}"),
                others=lambda: self._others(),
            ),
            self._group,
        )
        self._limit(task.stage, int(history[-1]["batch_size"]))
        return int(history[-1]["batch_size"])

    def _kept(self, task: Task) -> FloatArray | None:
        """(N,K) p of a network that an earlier process trained; None where it is still to be trained."""
        folder, name = self._run.checkpoint, file_stem(task.stage)
        shape = len(self._plan.usable), len(task.table.classes)
        try:
            facts = kept(folder, name, NetworkFacts)
            if facts is None:
                return None
            p = read_array(folder / f"{name}.npy", shape, np.float64)
            self.trained(task)
        except DamageError as e:
            self._progress.note(f"{e.file!r} is {e.reason}, so its network is trained again.")
            forget(*(folder / f"{name}{end}" for end in (".json", ".npy", ".safetensors")))
            return None
        self._limit(task.stage, facts.get("batch_size", self._batch_size(task.stage)))
        return cast(FloatArray, p)


def _line_of(record: Record, epochs: int) -> str:
    """An epoch in a line."""
    line = f"  epoch {record['epoch']}/{epochs}  loss {record['train_loss']:.3f}"
    if record["validation_loss"] is not None:
        line += f"  validation {record['validation_loss']:.3f} ({record['validation_agreement']:.1%} agree)"
    return line + f"  {record['seconds']:.1f} s"
