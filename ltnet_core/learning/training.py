"""Training: step → epoch → fit. One loop serves the coders' networks, the mixture and LTNet."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..errors import DamageError, ProcessLost, TrainingError
from ..files.reading import read_json
from ..files.writing import write_json
from ..runs.checkpoint import forget
from .devices import free_memory, is_out_of_memory, keep_freed_memory
from .fit_state import (
    FitState,
    Optimizers,
    Within,
    bring_to,
    fewer_images,
    go_on,
    older,
    packed,
    save_epochs,
    unpacked,
)
from .group import ALONE, Group
from .ltnet import Classifier
from .schedule import Schedule, optimizers_of, rates_at
from .sent_data import SentData
from .steps import Steps, same_bytes
from .training_data import Items, TrainingData, batches
from .training_pass import NotFinite, mix_seed, require_finite, shuffled, train
from .turns import OwnDraws, Turns, finished
from .validation import measure
from .watch import Record, Watch
from .weight_average import WeightAverage, averaged, stands

REST_PER_SAVE = 10.0  # times the last save took must pass before the next: fast epochs are not slowed
SAVE_SECONDS = 120.0  # after which a checkpoint is written within an epoch
FEWEST_IMAGES = 2  # of a batch: batch norm needs two


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
    group: Group = ALONE,
) -> list[Record]:
    """Train ``model`` in place and leave it with the average weights of its last epochs, or, where validation loss
    (see :func:`measure`) is clearly against that, at its best epoch (:mod:`.weight_average`).

    Without validation items, or if none of their annotations weighs anything, the last epoch stands. The order of items
    and every augmentation depend on ``seed`` and the epoch alone, so a fit resumed from ``checkpoint`` ends where an
    uninterrupted one ends; where that file is damaged, the fit goes on from the one before it or begins anew, which
    ends there too. ``graphs`` lets a GPU replay a captured step.

    The processes of a ``group`` share every batch, and only the leader of them calls this. What is learned differs from
    what one process learns by the order of sums, where the network itself draws nothing but dropout.

    Where the memory is not enough, the fit goes back to its last checkpoint, or its beginning, with half as many images
    per step; of several processes all start again to do so. Where the loss is not finite, it goes back once with half
    the learning rates.

    Returns one record per epoch: ``epoch``, ``train_loss``, ``train_agreement``, ``validation_loss``,
    ``validation_agreement``, ``best_epoch``, ``lr`` (of its last step), ``batch_size``, ``seconds``. ``train_loss`` is
    what is minimised: with mixed images, and with LTNet's prior of T in it, which ``validation_loss`` lacks.

    Raises
    ------
    TrainingError
        the loss is no longer a finite number.
    ProcessLost
        another process is gone, or the memory of one was not enough.
    MemoryError, RuntimeError
        the memory is not enough for the smallest batch.
    """
    arguments = FitArguments(train_items, validation_items, schedule, seed, checkpoint, graphs)
    return finished(fit_in_turns(model, data, arguments, watch or Watch(), group))


@dataclass(frozen=True)
class FitArguments:
    """What a fit trains on, how and how long; see :func:`fit`."""

    train_items: Items
    validation_items: Items
    schedule: Schedule
    seed: int
    checkpoint: Path | None = None
    graphs: bool = True


def fit_in_turns(
    model: Classifier, data: TrainingData, arguments: FitArguments, watch: Watch, group: Group = ALONE
) -> Turns[list[Record]]:
    """:func:`fit`, a step in each turn. What is learned does not depend on what happens between turns.

    Where the memory is not enough beside other networks, this one waits until they are done.
    """
    if not group.alone and group.leads:
        group.ask(_fit_too, copy.deepcopy(model).cpu(), SentData.of(data), arguments)
    fit = _Fit(model, data, arguments, watch, group)
    yield from fit.turns()
    return fit.state.history


def _fit_too(group: Group, model: Classifier, data: SentData, arguments: FitArguments) -> None:
    """What a follower does while the leader fits."""
    finished(fit_in_turns(model.to(group.device), data.on(group), arguments, Watch(), group))


class _Fit:
    """A fit under way: its state, its optimisers, and what it goes back to."""

    state: FitState
    optimizers: Optimizers

    def __init__(self, model: Classifier, data: TrainingData, arguments: FitArguments, watch: Watch, group: Group):
        if data.device.type == "cpu":
            keep_freed_memory()
        self.model, self.data, self.group = model, data, group
        self.schedule, self.seed, self.graphs = arguments.schedule, arguments.seed, arguments.graphs
        self.train_items, self.validation_items = arguments.train_items, arguments.validation_items
        self.checkpoint = arguments.checkpoint
        self.watch, self._step = replace(watch, step=self._advance), watch.step
        self._begun = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        self._counted = 0  # images of which the watch knows
        self._saved, self._cost = time.monotonic(), 0.0
        self._keep: Callable[[], None] | None = None  # writes a checkpoint of where the steps of an epoch are
        self._draws = OwnDraws(data.device, watch.others() > 0)

    def turns(self) -> Turns[None]:
        """Train to the last epoch."""
        work = self._work()
        while True:
            with same_bytes(self.data.device), self._draws.in_place():
                try:
                    waits = next(work)
                except StopIteration:
                    return
            while (yield waits):
                with self._draws.in_place():
                    if self._keep is not None and self.checkpoint is not None:
                        self._keep()

    def _work(self) -> Iterator[bool]:
        most = self._fewer()
        self._go_back(most)
        if most is not None:
            self.watch.note(self._about_memory(most))
        while (failure := (yield from self._try())) is not None:
            if self.watch.others() and not isinstance(failure, NotFinite):
                self._make_room()
                yield True
            else:
                self._mend(failure)
        yield from self._choose()

    def _choose(self) -> Iterator[bool]:
        """Leave the model with the average weights of the last epochs, or with those of the best epoch."""
        average, best, items = self.state.average, self.state.best, self.validation_items
        if average is not None:
            self.model.load_state_dict(average.weights)
            loss, _ = yield from measure(self.model, self.data, items, self.state.batch_size, Watch(), self.group)
            if best is None or stands(loss, best[0], len(items)):
                return
        if best is not None:
            self.model.load_state_dict(best[2])

    def _try(self) -> Turns[Exception | None]:
        """Train on; returns the failure that another attempt may avoid, None at the end."""
        try:
            yield from self._train()
        except NotFinite as e:
            return e
        except (MemoryError, RuntimeError) as e:
            if not is_out_of_memory(e):
                raise
            if not self.group.alone and self.state.batch_size >= 2 * FEWEST_IMAGES:
                self._start_again(self.state.batch_size // 2)
            return e.with_traceback(None)  # which would hold what the failed step had computed
        return None

    def _start_again(self, batch_size: int) -> None:
        """End this process: the others wait in the middle of the step that failed, and nothing brings them back."""
        if self.checkpoint is not None:
            write_json(fewer_images(self.checkpoint), {"images": batch_size})
        raise ProcessLost(
            f"the memory of a process was not enough for {2 * batch_size} images per step; resumed, the run goes on "
            f"from the last checkpoint with {batch_size}."
        )

    def _fewer(self) -> int | None:
        """How many images per step an earlier process left memory for, where that is known to be fewer than asked."""
        if self.checkpoint is None or not self.group.leads or not os.path.lexists(fewer_images(self.checkpoint)):
            return None
        try:
            return max(int(read_json(fewer_images(self.checkpoint))["images"]), FEWEST_IMAGES)
        except (DamageError, KeyError, TypeError, ValueError):
            forget(fewer_images(self.checkpoint))
            return None

    def _about_memory(self, batch_size: int) -> str:
        return (
            f"the memory was not enough for {2 * batch_size} images per step; this network goes on from "
            f"{self.state.in_words} with {batch_size}, and its learning rate follows by the square root."
        )

    def _mend(self, failure: Exception) -> None:
        """Go back with smaller batches or smaller learning rates."""
        batch_size, rate = self.state.batch_size, self.state.rate
        if isinstance(failure, NotFinite):
            if rate < 1:
                raise TrainingError(
                    f"{failure}, also with half the learning rate; try a lower learning rate or more images."
                )
            rate /= 2
        else:
            if batch_size < 2 * FEWEST_IMAGES:
                raise failure
            batch_size //= 2
        self._free()
        self._go_back(batch_size, rate)
        if isinstance(failure, NotFinite):
            where = f"this network goes on from {self.state.in_words}"
            self.watch.note(f"{failure}; {where} with half the learning rate.")
        else:
            self.watch.note(self._about_memory(batch_size))

    def _make_room(self) -> None:
        """Go back, and leave the memory to the others until they are done."""
        self._free()
        self._go_back()
        self.watch.note(
            "the memory was not enough for this network beside the others; it goes on from "
            f"{self.state.in_words} when they are done."
        )

    def _free(self) -> None:
        self.model.zero_grad(set_to_none=True)
        self.optimizers.clear()
        self._keep = None
        free_memory(self.data.device)

    def _go_back(self, batch_size: int | None = None, rate: float | None = None) -> None:
        """Bring everything to the newest checkpoint that is whole, or to the beginning of the fit."""

        def optimizers(state: FitState) -> Optimizers:
            state.batch_size = min(state.batch_size, batch_size or state.batch_size)
            state.rate = min(state.rate, rate or state.rate)
            growth = (state.batch_size / self.schedule.batch_size) ** 0.5 * state.rate
            changed = replace(
                self.schedule, lr=growth * self.schedule.lr, transition_lr=state.rate * self.schedule.transition_lr
            )
            return optimizers_of(self.model, changed, self.data.static)

        restored: tuple[FitState, Optimizers] | None = None
        reads = self.checkpoint if self.group.leads else None
        for path in () if reads is None else (reads, older(reads)):
            if restored is None and os.path.lexists(path):
                try:
                    restored = go_on(self.model, optimizers, path, self.data.device, self.schedule.batch_size)
                except DamageError as e:
                    forget(path)
                    self.watch.note(
                        f"{e.file!r} is {e.reason}, so what this network learned since its checkpoint before that, or "
                        "since its beginning where there is none, is trained again."
                    )
        if restored is None:
            self.model.load_state_dict(self._begun)
            state = FitState(self.schedule.batch_size)
            restored = state, optimizers(state)
        if not self.group.alone:
            restored = self._as_the_leader(restored, optimizers)
        self.state, self.optimizers = restored
        within = self.state.within.images if self.state.within else 0
        reached = len(self.state.history) * (len(self.train_items) + len(self.validation_items)) + within
        self.watch.skip(reached - self._counted)
        self._counted = reached

    def _as_the_leader(
        self, restored: tuple[FitState, Optimizers], optimizers: Callable[[FitState], Optimizers]
    ) -> tuple[FitState, Optimizers]:
        """Every process where the leader is."""
        state, made = restored
        content = self.group.same(packed(state.content(self.model, made)) if self.group.leads else None)
        if self.group.leads:
            return restored
        return bring_to(self.model, optimizers, unpacked(content, self.data.device), self.schedule.batch_size)

    def _train(self) -> Iterator[bool]:
        """All epochs that are left."""
        state, epochs = self.state, self.schedule.epochs
        per_epoch = len(list(batches(self.train_items, state.batch_size)))
        steps = Steps(
            self.model,
            self.data,
            self.optimizers,
            state.batch_size,
            torch.Generator(self.data.device),
            steps=per_epoch * (epochs - len(state.history)),
            per_epoch=per_epoch,
            graphs=self.graphs,
            note=self.watch.note,
            group=self.group,
        )
        for epoch in range(len(state.history), epochs):
            began = time.monotonic()
            rate = yield from self._epoch(steps, epoch, per_epoch)
            loss, agreement = yield from measure(
                self.model, self.data, self.validation_items, state.batch_size, self.watch, self.group
            )
            score = -float(epoch) if math.isnan(loss) else loss
            if state.best is None or score < state.best[0]:
                state.best = (score, epoch, copy.deepcopy(self.model.state_dict()))
            if epoch >= epochs - averaged(epochs, self.schedule.single_layer):
                state.average = WeightAverage.with_epoch(state.average, self.model)
            state.history.append(
                {
                    "epoch": epoch + 1,
                    "train_loss": float(steps.totals.loss()[0]),
                    "train_agreement": steps.totals.agreement(),
                    "validation_loss": None if math.isnan(loss) else loss,
                    "validation_agreement": None if math.isnan(agreement) else agreement,
                    "best_epoch": state.best[1] + 1,
                    "lr": rate,
                    "batch_size": state.batch_size,
                    "seconds": time.monotonic() - began,
                }
            )
            state.within = None
            if self._due(self._rest):
                self._save()
            self.watch.epoch(state.history[-1])

    def _epoch(self, steps: Steps, epoch: int, per_epoch: int) -> Turns[float]:
        """One pass over the items that trains, or the rest of it; returns the learning rate of its last step.

        Raises
        ------
        NotFinite
        """
        state, size, epochs = self.state, self.state.batch_size, self.schedule.epochs
        order = self.train_items[shuffled(len(self.train_items), steps.generator, mix_seed(self.seed, epoch))]
        within = state.within
        done = 0 if within is None else within.images
        left, first = order[done:], epoch * per_epoch + done / size
        progress = ((first + i) / (epochs * per_epoch) for i in range(len(list(batches(left, size)))))
        rates = [rates_at(self.optimizers, self.schedule, self.schedule.whole_progress(share)) for share in progress]
        torch.manual_seed(mix_seed(self.seed, epoch))  # of dropout
        if within is not None:
            within.draw_on(steps.generator)

        def keep() -> None:
            if 0 < done < len(order) and self._may_be_kept(steps, epoch):
                state.within = Within.now(done, steps.totals.sums, steps.drawn, self.data.device)
                self._save()

        self._keep = keep
        trained = train(steps, left, rates, epoch, None if within is None else within.sums, self.group)
        for images, rate in zip(trained, rates, strict=True):
            done += images
            self.watch.rate(rate[0])
            self.watch.step(images)
            if self._due(max(SAVE_SECONDS, self._rest)):
                keep()
            yield False
        self._keep = None
        require_finite(steps, epoch, self.group)
        return rates[-1][0]

    def _advance(self, images: int) -> None:
        self._counted += images
        self._step(images)

    def _due(self, seconds: float) -> bool:
        """Whether a checkpoint shall be written, so many seconds after the last."""
        return self.checkpoint is not None and self.group.leads and time.monotonic() - self._saved >= seconds

    @property
    def _rest(self) -> float:
        """Seconds between saves that leave the time to training, also where others save in turn."""
        return REST_PER_SAVE * self._cost * (1 + self.watch.others())

    def _may_be_kept(self, steps: Steps, epoch: int) -> bool:
        """Whether the weights within an epoch are sound; of several processes the next step tells all that they are
        not."""
        try:
            require_finite(steps, epoch)
        except NotFinite:
            if self.group.alone:
                raise
            return False
        return True

    def _save(self) -> None:
        if self.checkpoint is not None:
            start = time.monotonic()
            save_epochs(self.state.content(self.model, self.optimizers), self.checkpoint)
            forget(fewer_images(self.checkpoint))  # the checkpoint knows it now
            self._saved = time.monotonic()
            self._cost = self._saved - start
