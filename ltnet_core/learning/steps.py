"""Training steps: one after the other, or on a GPU captured once as a CUDA graph and replayed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..annotations import FloatArray
from .augmentation import Draws
from .batch import Entries, WeightTable
from .group import ALONE, Group
from .ltnet import Classifier
from .optimizer_steps import OptimizerSteps
from .schedule import groups_of, set_rates
from .shared_batch import SharedBatch
from .training_data import Items, TrainingData, batches

Numbers = TypeVar("Numbers", Items, Tensor)

LONGEST_GRADIENT = 5.0
AT_ONCE = {"cpu": 32, "cuda": 1}  # batches: what a graph replays cannot wait
MOST_PREPARED = 2**21  # bytes of the images that a CPU prepares at a time
LINE = 64  # bytes; where they begin in memory, images that lie one after another are like those that lie alone
READ_EVERY = {"cpu": 1, "cuda": 64}  # steps until the sums are read: a GPU works on while nobody asks it for a number
EAGER_FIRST = 3  # steps before the capture, so that libraries have chosen their kernels and buffers exist
FEWEST_REPLAYS = 20  # a capture costs about as much as so many steps


class Totals:
    """Losses and agreement over the batches of a pass, summed up on the device.

    A CPU adds up many batches at a time: code that runs once between two passes through a network is in no cache.
    """

    def __init__(self, device: torch.device, losses: int = 1):
        self._sums = torch.zeros(losses + 3, dtype=torch.float64, device=device)
        self._most = AT_ONCE[device.type]
        self._waiting: list[tuple[Classifier, Tensor, Tensor, Entries | WeightTable]] = []

    @property
    def sums(self) -> Tensor:
        """(losses + 3,) sums of the losses, and of the weights: of the loss, that agree, of all annotations."""
        self._add_up()
        return self._sums

    def add(self, model: Classifier, losses: Tensor, log_p: Tensor, annotations: Entries | WeightTable) -> None:
        """``losses`` (L,) are those of a batch, under one or several temperatures."""
        self._waiting.append((model, losses, log_p, annotations))
        if len(self._waiting) >= self._most:
            self._add_up()

    def _add_up(self) -> None:
        for model, losses, log_p, batch in self._waiting:
            mass, agree = model.mass(batch).double(), batch.agreement(log_p.argmax(1)).double()
            self._sums += torch.cat([losses.double() * mass, torch.stack([mass, agree, batch.mass.double()])])
        self._waiting.clear()

    def clear(self) -> None:
        self._waiting.clear()
        self._sums.zero_()

    def loss(self) -> FloatArray:
        """(L,) mean losses; NaN where nothing weighs anything."""
        *losses, mass, _, weight = self.sums.tolist()
        return np.asarray(losses) / mass if weight else np.full(len(losses), np.nan)

    def agreement(self) -> float:
        """Share of annotation weight on which argmax p agrees."""
        *_, agree, weight = self.sums.tolist()
        return agree / weight if weight else math.nan

    def latest(self) -> float:
        """The first loss of the last batch, or the sum of all; no finite number where the last was none."""
        return float((self._waiting[-1][1] if self._waiting else self._sums).tolist()[0])


class Steps:
    """Trains a model, an epoch at a time.

    Parameters
    ----------
    optimizers : of the model's parameters. generator : on the data's device; draws augmentations.
    steps : of all epochs together. per_epoch : of a whole epoch, where the first one may be the rest of one.
    graphs : whether steps may be captured.
    note : gets what the user should know.
    group : the processes that share every batch.

    Attributes
    ----------
    totals : of the epoch. captured : whether the step is replayed from a graph.
    """

    def __init__(
        self,
        model: Classifier,
        data: TrainingData,
        optimizers: Sequence[torch.optim.Optimizer],
        batch_size: int,
        generator: torch.Generator,
        *,
        steps: int,
        per_epoch: int = 0,
        graphs: bool,
        note: Callable[[str], None],
        group: Group = ALONE,
    ):
        self._group = group
        self.model, self.data, self.optimizers, self.batch_size = model, data, list(optimizers), batch_size
        self.generator, self.note, self._per_epoch = generator, note, per_epoch
        self.totals = Totals(data.device)
        self._optimizer_steps = OptimizerSteps(self.optimizers, data.device)
        self._trained, self._learned = list(model.base.parameters()), list(model.parameters())
        wanted = (
            graphs and data.static and model.takes_tables and steps >= FEWEST_REPLAYS and data.device.type == "cuda"
        )
        self._graph: torch.cuda.CUDAGraph | None = None
        self._aside = _beside_the_default_stream(data.device) if wanted else None
        self._done = 0
        self._drawn: Tensor | None = None

    @property
    def drawn(self) -> Tensor:
        """State of the generator after the draws of the batches done, also where those of later ones are made."""
        return self.generator.get_state() if self._drawn is None else self._drawn

    @property
    def captured(self) -> bool:
        return self._graph is not None

    def epoch(self, order: Items, rates: Sequence[list[float]], sums: Tensor | None = None) -> Iterator[int]:
        """One pass over the items in this order, with the learning rates of each step; yields sizes of batches done.

        ``sums`` are the totals of the epoch so far, where its rest is trained.
        """
        self.model.train()
        self.totals.clear()
        self._drawn = None
        if sums is not None:
            self.totals.sums.copy_(sums)
        if self.data.static:
            yield from self._on_device(order, rates)
            return
        parts = batches(order, self.batch_size), self._images(order), self._annotated(order), rates
        for items, images, annotated, rate in zip(*parts, strict=True):
            set_rates(self.optimizers, rate)
            self._learn(images, items, annotated)
            yield len(items)

    def _annotated(self, order: Items) -> Iterator[Entries | WeightTable]:
        """Annotations of every batch, of many batches at a time as :class:`Totals` adds them up."""
        left = batches(order, self.batch_size)
        while some := list(islice(left, AT_ONCE[self.data.device.type])):
            yield from [self._annotations(items) for items in some]

    def _images(self, order: Items) -> Iterator[Tensor]:
        """Images of every batch; a CPU prepares several batches at a time, as :class:`Totals` adds them up.

        What else a step draws from the generator, it would draw after the later batches: then it is one at a time.
        """
        at_once = self._at_once if self.data.device.type == "cpu" and self._group.alone and not self.model.mixes else 1
        if at_once == 1:
            for items, batch in zip(batches(order, self.batch_size), self._fetched(order), strict=True):
                yield self._prepared(batch, len(items))
            return
        left = batches(order, self.batch_size)
        while some := list(islice(left, at_once)):
            sizes, draws, states = [len(items) for items in some], [], []
            for size in sizes:
                draws.append(self.data.draws(size, self.generator))
                states.append(self.generator.get_state())
            images = self.data.prepared(self.data.bytes_of(np.concatenate(some)), Draws.joined(draws))
            for batch, self._drawn in zip(torch.split(images, sizes), states, strict=True):
                yield batch

    @property
    def _at_once(self) -> int:
        """How many batches are prepared at a time."""
        size = 4 * self.batch_size * math.prod(self.data.pixels.shape[1:])
        return 1 if size % LINE else max(min(MOST_PREPARED // size, AT_ONCE["cpu"]), 1)

    def _prepared(self, batch: Tensor, images: int) -> Tensor:
        """Images that this process needs of a batch of so many, from their bytes."""
        draws = self.data.draws(images, self.generator)
        return self.data.prepared(batch, draws if self.model.mixes else draws.rows(self._group.rows(images)))

    def _fetched(self, order: Items) -> Iterator[Tensor]:
        """Bytes of every batch; for a GPU the next one is read while this one is worked on."""
        shares = (self._seen_here(items) for items in batches(order, self.batch_size))
        if self.data.device.type == "cpu":
            yield from map(self.data.bytes_of, shares)
            return
        with ThreadPoolExecutor(1) as pool:
            waiting = None
            for items in shares:
                started = pool.submit(self.data.fetched, items)
                if waiting is not None:
                    yield waiting.result().to(self.data.device, non_blocking=True)
                waiting = started
            if waiting is not None:
                yield waiting.result().to(self.data.device, non_blocking=True)

    def _on_device(self, order: Items, rates: Sequence[list[float]]) -> Iterator[int]:
        """Whole batches take their items and rates from tables on the device, by a number that counts there."""
        sizes = [len(items) for items in batches(order, self.batch_size)]
        whole = sum(size == self.batch_size for size in sizes)
        self._fill(order[: whole * self.batch_size], rates[:whole])
        for _ in range(whole):
            self._whole_batch()
            yield self.batch_size
        if whole < len(sizes):
            remaining = self.data.index(order[whole * self.batch_size :])
            set_rates(self.optimizers, rates[whole])
            self._learn_items(remaining)
            yield len(remaining)

    def _fill(self, order: Items, rates: Sequence[list[float]]) -> None:
        device, groups = self.data.device, len(groups_of(self.optimizers))
        items = torch.from_numpy(np.ascontiguousarray(order)).view(-1, self.batch_size)
        table = torch.tensor(rates, dtype=torch.float32).view(-1, groups)
        if not hasattr(self, "_items"):  # a captured step reads these tensors: every epoch must find room in them
            room = max(self._per_epoch, len(items))
            self._items = torch.zeros((room, self.batch_size), dtype=items.dtype, device=device)
            self._rates = torch.zeros((room, groups), device=device)
            self._at = torch.zeros(1, dtype=torch.int64, device=device)
        self._items[: len(items)].copy_(items)
        self._rates[: len(items)].copy_(table)
        self._at.zero_()

    def _whole_batch(self) -> None:
        if self._graph is not None:
            self._graph.replay()
            return
        if self._aside is None:
            self._step_by_number()
            return
        # What a captured step shares with those before it must be of one stream, and that not the default one.
        self._aside.wait_stream(torch.cuda.current_stream(self.data.device))
        with torch.cuda.stream(self._aside):
            self._step_by_number()
        torch.cuda.current_stream(self.data.device).wait_stream(self._aside)
        self._done += 1
        if self._done == EAGER_FIRST:
            self._capture(self._aside)
            self._aside = None

    def _step_by_number(self) -> None:
        items = self._items.index_select(0, self._at)[0]
        rates = self._rates.index_select(0, self._at)[0]
        torch._foreach_copy_([group["lr"] for group in groups_of(self.optimizers)], list(rates.unbind()))
        self._learn_items(items)
        self._at += 1

    def _capture(self, stream: torch.cuda.Stream) -> None:
        """Capture the step; where that fails, the run goes on without."""
        graph = torch.cuda.CUDAGraph()
        self._clear_gradients()
        torch.cuda.synchronize(self.data.device)
        try:
            graph.register_generator_state(self.generator)
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                self._step_by_number()
        except RuntimeError as e:
            self.note(f"the training step could not be captured as a CUDA graph; it runs without ({e}).")
            self._clear_gradients()
        else:
            self._graph = graph

    def _clip(self) -> None:
        gradients = [p.grad for p in self._trained if p.grad is not None]
        if not gradients:
            return
        if self.data.device.type == "cpu" and _are_short(gradients):
            return
        length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        if self.data.device.type != "cpu" or not length <= LONGEST_GRADIENT:
            torch.nn.utils.clip_grads_with_norm_(self._trained, LONGEST_GRADIENT, length)

    def _clear_gradients(self) -> None:
        for parameter in self._learned:
            parameter.grad = None

    def _seen_here(self, items: Numbers) -> Numbers:
        """The items of a batch whose images this process needs."""
        return items if self.model.mixes else items[self._group.rows(len(items)).slice]

    def _annotations(self, items: Items | Tensor) -> Entries | WeightTable:
        annotations = self.data.annotations(items, self.model.takes_tables)
        self.model.mass(annotations)  # which the annotations keep
        return annotations

    def _learn_items(self, items: Tensor) -> None:
        images = self._prepared(self.data.bytes_of(self._seen_here(items)), len(items))
        self._learn(images, items, self._annotations(items))

    def _learn(self, images: Tensor, items: Items | Tensor, annotations: Entries | WeightTable) -> None:
        """One step on the images that this process sees of a batch of ``items``."""
        rows = self._group.rows(len(items))
        shared = None if self._group.alone else SharedBatch(self._group, rows, whole_images=self.model.mixes)
        self.model.shared = shared
        loss, log_p = self.model.training_loss(images, annotations, self.generator)
        self._clear_gradients()
        torch.autograd.backward(loss)
        if shared is not None:
            shared.add_up_gradients(self.model)
        self.model.shared = None
        self._clip()
        self._optimizer_steps.take()
        self.totals.add(self.model, loss.detach()[None], log_p.detach(), annotations)


def _are_short(gradients: list[Tensor]) -> bool:
    """Whether gradients on a CPU are clearly shorter than the longest, as most are; their exact length takes longer."""
    rows = [g.as_strided((g.numel(),), (1,)) for g in gradients]  # autograd leaves no gap in a gradient, whatever order
    return sum(float(torch.dot(row, row)) for row in rows) <= 0.99 * LONGEST_GRADIENT**2


def _beside_the_default_stream(device: torch.device) -> torch.cuda.Stream:
    """The stream at work, which is one network's own where several train side by side; else a new one."""
    at_work = torch.cuda.current_stream(device)
    default = torch.cuda.default_stream(device)
    return torch.cuda.Stream(device) if at_work == default else at_work  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def same_bytes(device: torch.device) -> Iterator[None]:
    """Within, a GPU's convolutions add up in the same order every time."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = before or device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before
