"""Training: step → epoch → fit. One loop serves the coders' networks, the mixture and LTNet."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .annotations import AnnotationTable, FloatArray
from .checkpoint import forget, go_on, save_epochs
from .errors import DamageError, TrainingError
from .images import Pixels
from .ltnet import Classifier, Entries
from .networks import last_layer

Record = dict[str, Any]

TEMPERATURES = 2.0 ** np.linspace(-1, 1.5, 6)
VIEW_SHIFTS = (0, 1, -1)  # of the views that p is averaged over, see mean_p; chosen on held-out images (EXPERIMENTS.md)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast one network trains.

    ``epochs`` counts passes over the training items; ``lr`` is the peak learning
    rate of the base network, ``transition_lr`` that of T (0 keeps T as it started),
    ``transition_delay`` the share of the schedule before T may move. ``span`` is the part of
    the schedule that these epochs go through, where another network trains or trained
    through the rest.
    """

    epochs: int
    batch_size: int = 64
    lr: float = 0.05
    decay: Literal["one-cycle", "poly"] = "one-cycle"
    poly_power: float = 1.5
    weight_decay: float = 5e-4
    momentum: float = 0.9
    optimizer: Literal["adamw", "sgd"] = "adamw"
    transition_optimizer: Literal["adamw", "sgd"] = "adamw"
    transition_lr: float = 0.0
    transition_delay: float = 0.0
    span: tuple[float, float] = (0.0, 1.0)

    def place(self, progress: float) -> float:
        """Where in the schedule a step is, ``progress`` in [0, 1) of these epochs' steps."""
        begin, end = self.span
        return begin + (end - begin) * progress

    def rate(self, progress: float) -> float:
        """Learning rate as a share of its peak, ``progress`` in [0, 1) of the whole schedule."""
        if self.decay == "poly":
            return float((1 - progress) ** self.poly_power)
        rise = 0.2
        if progress < rise:
            return 0.1 + 0.9 * progress / rise
        return max(0.5 * (1 + math.cos(math.pi * (progress - rise) / (1 - rise))), 1e-3)


class TrainingData:
    """Pixels and annotations of a study, ready to be cut into batches.

    Parameters
    ----------
    pixels : (N,channels,S,S) uint8, may be memory-mapped.
    table : the annotations to learn from.
    coder_weights : (C,) weight of each coder in the loss.
    mean, std : (channels,) of pixels in 0..255, for normalisation.
    augment : mirror and shift images while training.
    cutout : side of the square blanked out of each training image, as a share of the image's.
    """

    def __init__(
        self,
        pixels: Pixels,
        table: AnnotationTable,
        coder_weights: FloatArray,
        mean: FloatArray,
        std: FloatArray,
        device: torch.device,
        augment: bool = True,
        cutout: float = 0.0,
    ):
        n, _, size, _ = pixels.shape
        self.pixels, self.device, self.augment = pixels, device, augment
        self.shift = max(size // 10, 1)
        self.hole = round(cutout * size)
        self._mean = torch.tensor(mean, dtype=torch.float32, device=device)[:, None, None]
        self._std = torch.tensor(std, dtype=torch.float32, device=device)[:, None, None]
        self._start = np.searchsorted(table.item, np.arange(n + 1))
        self._coder, self._label = table.coder.astype(np.int64), table.label.astype(np.int64)
        self._weight = (table.count * coder_weights[table.coder]).astype(np.float32)

    def images(self, items: NDArray[np.int64], generator: torch.Generator | None = None) -> Tensor:
        """(B,channels,S,S) normalised pixels; augmented when a generator is given."""
        batch = torch.from_numpy(np.asarray(self.pixels[items])).to(self.device)
        if generator is not None and self.augment:
            batch = mirror_and_shift(batch, self.shift, generator)
        images = (batch.float() - self._mean) / self._std
        return cut_out(images, self.hole, generator) if generator is not None and self.hole else images

    def entries(self, items: NDArray[np.int64]) -> Entries:
        """The annotations of these items, ``row`` counting within ``items``."""
        start, size = self._start[items], self._start[items + 1] - self._start[items]
        row = np.repeat(np.arange(len(items)), size)
        place = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(start, size)
        return Entries(
            *(torch.from_numpy(a) for a in (row, self._coder[place], self._label[place], self._weight[place]))
        ).to(self.device)


def mirror_and_shift(batch: Tensor, shift: int, generator: torch.Generator) -> Tensor:
    """Mirror each image with probability ½ and shift it by up to ``shift`` pixels, edges reflected."""
    b, _, size, _ = batch.shape
    draws = torch.randint(0, 2 * shift + 1, (2, b), generator=generator)
    flip = torch.rand(b, generator=generator) < 0.5
    steps = torch.arange(size)
    rows = steps[None] + draws[0][:, None]
    columns = torch.where(flip[:, None], size - 1 - steps[None], steps[None]) + draws[1][:, None]
    padded = torch.nn.functional.pad(batch.float(), (shift,) * 4, mode="reflect").to(batch.dtype)
    picked = padded[
        torch.arange(b, device=batch.device)[:, None, None],
        :,
        rows[:, :, None].to(batch.device),
        columns[:, None, :].to(batch.device),
    ]
    return picked.permute(0, 3, 1, 2).contiguous()


def cut_out(images: Tensor, hole: int, generator: torch.Generator) -> Tensor:
    """Blank a square of ``hole`` pixels' side out of each normalised image, to the mean of all pixels.

    Its middle may be any pixel, so that part of it may lie outside. T. DeVries and G. W. Taylor, *Improved
    regularization of convolutional neural networks with cutout*, 2017, arXiv:1708.04552.
    """
    b, _, size, _ = images.shape
    start = torch.randint(0, size, (2, b, 1), generator=generator) - hole // 2
    steps = torch.arange(size)
    rows, columns = (steps >= start) & (steps < start + hole)
    holes = (rows[:, :, None] & columns[:, None, :]).to(images.device)
    return images.masked_fill(holes[:, None], 0.0)


@dataclass
class Watch:
    """How a fit tells the outside what it does: ``step`` after every batch, ``epoch`` after every epoch.

    ``step`` may raise :class:`~ltnet_core.errors.Cancelled` to stop the work; ``skip``
    counts images that an earlier, interrupted fit has trained already. ``note`` gets what the user should know.
    """

    step: Callable[[int], None] = lambda images: None
    epoch: Callable[[Record], None] = lambda record: None
    skip: Callable[[int], None] = lambda images: None
    note: Callable[[str], None] = lambda message: None


def batches(items: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """Cut items into batches; a last batch of one joins the one before (batch norm needs two)."""
    stops = list(range(size, len(items), size))
    if stops and len(items) - stops[-1] == 1:
        stops.pop()
    yield from np.split(items, stops)


def run_epoch(
    model: Classifier,
    data: TrainingData,
    items: NDArray[np.int64],
    batch_size: int,
    *,
    step: Callable[[Tensor, int], None],
    generator: torch.Generator,
    watch: Watch,
) -> tuple[float, float]:
    """One pass over ``items`` that trains: ``step`` gets the loss of each batch and its number.

    Returns the mean loss and the share of annotation weight on which argmax p agrees.
    """
    model.train()
    sums = _Sums()
    for number, batch in enumerate(batches(items, batch_size)):
        entries = data.entries(batch)
        loss, log_p = model.training_loss(data.images(batch, generator), entries, generator)
        step(loss, number)
        sums.add(model, loss.detach().double().cpu().numpy(), log_p.detach(), entries)
        watch.step(len(batch))
    return float(sums.loss()), sums.agreement()


def measure(
    model: Classifier, data: TrainingData, items: NDArray[np.int64], batch_size: int, watch: Watch
) -> tuple[float, float]:
    """The mean loss of ``items`` under the temperature of p that makes it smallest, and the agreement as above.

    p gets a temperature after training, so that networks are compared with theirs: one that
    is only too sure of itself is not worse. NaN where nothing weighs anything.
    """
    model.eval()
    sums = _Sums()
    with torch.no_grad():
        for batch in batches(items, batch_size):
            entries = data.entries(batch)
            log_p = model(data.images(batch))
            losses = [float(model.loss(torch.log_softmax(log_p / tau, 1), entries)) for tau in TEMPERATURES]
            sums.add(model, np.asarray(losses), log_p, entries)
            watch.step(len(batch))
    return float(np.min(sums.loss())), sums.agreement()


class _Sums:
    """Losses and agreement over the batches of a pass."""

    def __init__(self) -> None:
        self._losses: FloatArray = np.zeros(())
        self._mass = self._agree = self._weight = 0.0

    def add(self, model: Classifier, losses: FloatArray, log_p: Tensor, entries: Entries) -> None:
        """``losses`` are those of a batch, under one or several temperatures."""
        mass = float(model.mass(entries))
        self._losses = self._losses + losses * mass
        self._mass += mass
        self._agree += float((entries.weight * (log_p.argmax(1)[entries.row] == entries.label)).sum())
        self._weight += float(entries.weight.sum())

    def loss(self) -> FloatArray:
        return self._losses / self._mass if self._weight else np.full(self._losses.shape, np.nan)

    def agreement(self) -> float:
        return self._agree / self._weight if self._weight else math.nan


def fit(
    model: Classifier,
    data: TrainingData,
    train_items: NDArray[np.int64],
    validation_items: NDArray[np.int64],
    schedule: Schedule,
    *,
    seed: int,
    checkpoint: Path | None = None,
    watch: Watch | None = None,
) -> list[Record]:
    """Train ``model`` in place and leave it at its best epoch by validation loss (see :func:`measure`).

    Without validation items, or if none of their annotations weighs anything, the last
    epoch stands. The order of items and every augmentation depend on ``seed`` and the
    epoch alone, so a fit resumed from ``checkpoint`` ends where an uninterrupted one ends; where that
    file is damaged, the fit begins anew, which ends there too.

    Returns one record per epoch: ``epoch``, ``train_loss``, ``train_agreement``,
    ``validation_loss``, ``validation_agreement``, ``seconds``.

    Raises
    ------
    TrainingError
        the loss is no longer a finite number.
    """
    watch = watch or Watch()
    optimizers = _optimizers(model, schedule)
    history: list[Record] = []
    best: tuple[float, int, dict[str, Tensor]] | None = None
    if checkpoint is not None and os.path.lexists(checkpoint):
        begun = copy.deepcopy(model.state_dict())
        try:
            history, best = go_on(model, optimizers, checkpoint, data.device)
        except DamageError as e:
            forget(checkpoint)
            model.load_state_dict(begun)
            optimizers = _optimizers(model, schedule)
            watch.note(f"{e.file!r} is {e.reason}, so this network is trained from its first epoch again.")
        watch.skip(len(history) * (len(train_items) + len(validation_items)))

    steps = len(list(batches(train_items, schedule.batch_size)))
    for epoch in range(len(history), schedule.epochs):
        began = time.monotonic()
        generator = torch.Generator().manual_seed(_mix(seed, epoch))
        order = train_items[torch.randperm(len(train_items), generator=generator).numpy()]

        def step(loss: Tensor, number: int, epoch: int = epoch) -> None:
            if not torch.isfinite(loss):
                value = float(loss.detach())
                raise TrainingError(
                    f"The loss became {value} in epoch {epoch + 1}; try a lower learning rate or more images."
                )
            progress = schedule.place((epoch * steps + number) / (schedule.epochs * steps))
            model.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.base.parameters(), 5.0)
            for optimizer in optimizers:
                _set_rates(optimizer, schedule, progress)
                optimizer.step()

        # Dropout draws from PyTorch's global generator: give it a seed of this epoch, and leave no trace outside.
        with torch.random.fork_rng(devices=[data.device] if data.device.type == "cuda" else []):
            torch.manual_seed(_mix(seed, epoch))
            train_loss, train_agreement = run_epoch(
                model, data, order, schedule.batch_size, step=step, generator=generator, watch=watch
            )
        validation_loss, validation_agreement = measure(model, data, validation_items, 4 * schedule.batch_size, watch)
        score = -float(epoch) if math.isnan(validation_loss) else validation_loss
        if best is None or score < best[0]:
            best = (score, epoch, copy.deepcopy(model.state_dict()))
        history.append(
            {
                "epoch": epoch + 1,
                "train_loss": train_loss,
                "train_agreement": train_agreement,
                "validation_loss": None if math.isnan(validation_loss) else validation_loss,
                "validation_agreement": None if math.isnan(validation_agreement) else validation_agreement,
                "best_epoch": best[1] + 1,
                "seconds": time.monotonic() - began,
            }
        )
        if checkpoint is not None:
            save_epochs(
                {
                    "model": model.state_dict(),
                    "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                    "history": history,
                    "best_loss": best[0],
                    "best_epoch": best[1],
                    "best": best[2],
                },
                checkpoint,
            )
        watch.epoch(history[-1])
    if best is not None:
        model.load_state_dict(best[2])
    return history


def predict(
    model: Classifier,
    data: TrainingData,
    items: NDArray[np.int64],
    *,
    batch_size: int = 256,
    watch: Watch | None = None,
) -> FloatArray:
    """(len(items),K) p of each item, averaged over views of it (:func:`mean_p`) when training mirrored and shifted."""
    model.eval()
    out = []
    with torch.inference_mode():
        for start in range(0, len(items), batch_size):
            images = data.images(items[start : start + batch_size])
            out.append(mean_p(model, images, VIEW_SHIFTS if data.augment else ()).double().cpu().numpy())
            if watch:
                watch.step(len(images))
    classes = out[0].shape[1] if out else 0
    return np.concatenate(out) if out else np.zeros((0, classes))


def mean_p(model: Classifier, images: Tensor, shifts: Sequence[int]) -> Tensor:
    """(B,K) p, averaged over the views that ``shifts`` ask for; of the images as they are where there are none.

    A view is the image, or its mirror image, moved down and to the right by a shift times a 32nd of its side
    (at least a pixel), edges reflected: a network trained on such images errs a little differently on each.
    """
    if not shifts:
        return torch.exp(model(images))
    size = images.shape[-1]
    pixel = max(size // 32, 1)
    margin = pixel * max(abs(s) for s in shifts)
    padded = torch.nn.functional.pad(images, (margin,) * 4, mode="reflect")
    total = torch.zeros((), device=images.device)
    for shift in shifts:
        at = slice(margin - pixel * shift, margin - pixel * shift + size)
        view = padded[:, :, at, at]
        total = total + model(view).exp() + model(view.flip(3)).exp()
    return total / (2 * len(shifts))


def features(
    model: Classifier, data: TrainingData, items: NDArray[np.int64], *, batch_size: int = 256
) -> Iterator[NDArray[np.float32]]:
    """What the last layer of the base network gets of each item, (≤ batch_size, D) at a time."""
    model.eval()
    caught: list[Tensor] = []
    hook = last_layer(model.base).register_forward_pre_hook(lambda layer, inputs: caught.append(inputs[0].detach()))
    try:
        with torch.inference_mode():
            for start in range(0, len(items), batch_size):
                caught.clear()
                model(data.images(items[start : start + batch_size]))
                yield caught[0].float().cpu().numpy()
    finally:
        hook.remove()


def _optimizers(model: Classifier, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """One for the base network, one for T at its own pace; no weight decay on biases, norms and T."""
    coders = [p for name, p in model.named_parameters() if not name.startswith("base.")]
    base: list[dict[str, Any]] = [
        {
            "params": [p for p in model.base.parameters() if (p.ndim > 1) == decays],
            "weight_decay": schedule.weight_decay if decays else 0.0,
            "peak": schedule.lr,
            "delay": 0.0,
        }
        for decays in (True, False)
    ]
    groups = [(schedule.optimizer, base)]
    if coders:
        peak, delay = schedule.transition_lr, schedule.transition_delay
        own = {"params": coders, "weight_decay": 0.0, "peak": peak, "delay": delay}
        groups.append((schedule.transition_optimizer, [own]))
    return [
        torch.optim.AdamW(group, lr=0.0, betas=(schedule.momentum, 0.99))
        if kind == "adamw"
        else torch.optim.SGD(group, lr=0.0, momentum=schedule.momentum, nesterov=True)
        for kind, group in groups
    ]


def _set_rates(optimizer: torch.optim.Optimizer, schedule: Schedule, progress: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * schedule.rate(progress) if progress >= group["delay"] else 0.0


def _mix(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))
