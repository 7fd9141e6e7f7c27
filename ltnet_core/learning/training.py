"""Training: step → epoch → fit. One loop serves the coders' networks, the mixture and LTNet."""

from __future__ import annotations

import copy
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import DamageError, TrainingError
from ..runs.checkpoint import forget, go_on, save_epochs
from .ltnet import Classifier
from .schedule import Schedule, optimizers_of, rates_at
from .steps import READ_EVERY, Steps, Totals, same_bytes
from .training_data import Items, TrainingData, batches
from .views import images_at_once
from .watch import Record, Watch

TEMPERATURES = 2.0 ** np.linspace(-1, 1.5, 6)
REST_PER_SAVE = 10.0  # times the last save took must pass before the next: fast epochs are not slowed


def fit(
    model: Classifier,
    data: TrainingData,
    train_items: Items,
    validation_items: Items,
    schedule: Schedule,
    *,
    seed: int,
    checkpoint: Path | None = None,
    watch: Watch | None = None,
    graphs: bool = True,
) -> list[Record]:
    """Train ``model`` in place and leave it at its best epoch by validation loss (see :func:`measure`).

    Without validation items, or if none of their annotations weighs anything, the last
    epoch stands. The order of items and every augmentation depend on ``seed`` and the
    epoch alone, so a fit resumed from ``checkpoint`` ends where an uninterrupted one ends; where that
    file is damaged, the fit begins anew, which ends there too. ``graphs`` lets a GPU replay a captured step.

    Returns one record per epoch: ``epoch``, ``train_loss``, ``train_agreement``,
    ``validation_loss``, ``validation_agreement``, ``seconds``.

    Raises
    ------
    TrainingError
        the loss is no longer a finite number.
    """
    watch = watch or Watch()
    optimizers = optimizers_of(model, schedule, data.static)
    history: list[Record] = []
    best: tuple[float, int, dict[str, Tensor]] | None = None
    if checkpoint is not None and os.path.lexists(checkpoint):
        begun = copy.deepcopy(model.state_dict())
        try:
            history, best = go_on(model, optimizers, checkpoint, data.device)
        except DamageError as e:
            forget(checkpoint)
            model.load_state_dict(begun)
            optimizers = optimizers_of(model, schedule, data.static)
            watch.note(f"{e.file!r} is {e.reason}, so this network is trained from its first epoch again.")
        watch.skip(len(history) * (len(train_items) + len(validation_items)))

    count = len(list(batches(train_items, schedule.batch_size)))
    steps = Steps(
        model,
        data,
        optimizers,
        schedule.batch_size,
        torch.Generator(data.device),
        steps=count * (schedule.epochs - len(history)),
        graphs=graphs,
        note=watch.note,
    )
    saved, cost = time.monotonic(), 0.0
    for epoch in range(len(history), schedule.epochs):
        began = time.monotonic()
        order = train_items[shuffled(len(train_items), steps.generator, mix_seed(seed, epoch))]
        progress = (schedule.place((epoch * count + i) / (schedule.epochs * count)) for i in range(count))
        rates = [rates_at(optimizers, schedule, p) for p in progress]
        # Dropout draws from PyTorch's global generator: give it a seed of this epoch, and leave no trace outside.
        with (
            same_bytes(data.device),
            torch.random.fork_rng(devices=[data.device] if data.device.type == "cuda" else []),
        ):
            torch.manual_seed(mix_seed(seed, epoch))
            train(steps, order, rates, epoch, watch)
        validation_loss, validation_agreement = measure(model, data, validation_items, schedule.batch_size, watch)
        score = -float(epoch) if math.isnan(validation_loss) else validation_loss
        if best is None or score < best[0]:
            best = (score, epoch, copy.deepcopy(model.state_dict()))
        history.append(
            {
                "epoch": epoch + 1,
                "train_loss": float(steps.totals.loss()[0]),
                "train_agreement": steps.totals.agreement(),
                "validation_loss": None if math.isnan(validation_loss) else validation_loss,
                "validation_agreement": None if math.isnan(validation_agreement) else validation_agreement,
                "best_epoch": best[1] + 1,
                "seconds": time.monotonic() - began,
            }
        )
        if checkpoint is not None and time.monotonic() - saved >= REST_PER_SAVE * cost:
            start = time.monotonic()
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
            saved = time.monotonic()
            cost = saved - start
        watch.epoch(history[-1])
    if best is not None:
        model.load_state_dict(best[2])
    return history


def shuffled(count: int, generator: torch.Generator, seed: int) -> Items:
    """An order of ``count`` items by ``seed``, which ``generator`` goes on from."""
    generator.manual_seed(seed)
    if generator.device.type == "cpu":
        return torch.randperm(count, generator=generator).numpy()
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()


def train(steps: Steps, order: Items, rates: list[list[float]], epoch: int, watch: Watch) -> None:
    """One pass over the items that trains.

    Raises
    ------
    TrainingError
        the loss is no longer a finite number.
    """
    every = READ_EVERY[steps.data.device.type]
    for number, images in enumerate(steps.epoch(order, rates), 1):
        if number % every == 0 or number == len(rates):
            value = steps.totals.first()
            if not math.isfinite(value):
                raise TrainingError(
                    f"The loss became {value} in epoch {epoch + 1}; try a lower learning rate or more images."
                )
        watch.step(images)


def measure(model: Classifier, data: TrainingData, items: Items, batch_size: int, watch: Watch) -> tuple[float, float]:
    """The mean loss of ``items`` under the temperature of p that makes it smallest, and the agreement.

    p gets a temperature after training, so that networks are compared with theirs: one that
    is only too sure of itself is not worse. NaN where nothing weighs anything. ``batch_size`` is that of training.
    """
    model.eval()
    totals = Totals(data.device, len(TEMPERATURES))
    size = 4 * batch_size if data.device.type == "cpu" else images_at_once(data)
    with torch.no_grad(), same_bytes(data.device):
        for batch in batches(items, size):
            annotations = data.annotations(batch)
            log_p = model(data.images(batch))
            losses = [model.loss(torch.log_softmax(log_p / tau, 1), annotations) for tau in TEMPERATURES]
            totals.add(model, torch.stack(losses), log_p, annotations)
            watch.step(len(batch))
    return float(np.min(totals.loss())), totals.agreement()


def mix_seed(seed: int, epoch: int) -> int:
    """A seed of each epoch."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))
