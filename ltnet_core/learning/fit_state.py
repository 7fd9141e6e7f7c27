"""Where a fit is, and its checkpoint: two generations of a file, so that a damaged newest one costs little.

::

    <stem>.epochs.pt         model, optimizers and state
    <stem>.epochs.older.pt   the same of the save before
    <stem>.epochs.fewer.json images per step, where several processes start again because the memory was not enough
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..files.reading import damaged, reading, require_file
from ..files.writing import replacing
from .weight_average import WeightAverage

_DIGEST_BYTES = 32
_KEYS = {"model", "optimizers", "history", "best_loss", "best_epoch", "best"}
_MARK = b"LTNET-EPOCHS-1\n"

Optimizers = list[torch.optim.Optimizer]


@dataclass
class Within:
    """The state of a fit within an epoch.

    Attributes
    ----------
    images : number of images trained on in this epoch.
    sums : of their losses and agreement, see :class:`~ltnet_core.learning.steps.Totals`.
    device : kind of the device.
    own, cpu, gpu : states of the fit's generator and of PyTorch's generators.
    """

    images: int
    sums: Tensor
    device: str
    own: Tensor
    cpu: Tensor
    gpu: Tensor | None

    @classmethod
    def now(cls, images: int, sums: Tensor, drawn: Tensor, device: torch.device) -> Within:
        """After so many images, with ``drawn`` as the fit's generator and PyTorch's own as they are."""
        gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(images, sums.clone(), device.type, drawn, torch.get_rng_state(), gpu)

    def draw_on(self, generator: torch.Generator) -> None:
        """Bring the generators to where they were; those of another kind of device cannot go there."""
        if generator.device.type != self.device:
            return
        generator.set_state(self.own.cpu())
        torch.set_rng_state(self.cpu.cpu())
        if self.gpu is not None:
            torch.cuda.set_rng_state(self.gpu.cpu(), generator.device)


@dataclass
class FitState:
    """Where a fit is, besides its weights and its optimisers.

    Attributes
    ----------
    batch_size : images per step, halved where the memory was not enough.
    rate : factor of the learning rates, halved where the loss was not finite.
    history : one record per finished epoch. within : the epoch at work; None at its beginning.
    best : loss, index of the epoch and weights of the best epoch so far.
    average : of the weights of the last epochs; None before them.
    """

    batch_size: int
    rate: float = 1.0
    history: list[dict[str, Any]] = field(default_factory=list)
    within: Within | None = None
    best: tuple[float, int, dict[str, Tensor]] | None = None
    average: WeightAverage | None = None

    @property
    def in_words(self) -> str:
        """The point that a fit goes on from."""
        epoch = len(self.history) + 1
        return f"the beginning of epoch {epoch}" if self.within is None else f"the middle of epoch {epoch}"

    def content(self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Any]:
        """What a checkpoint holds."""
        loss, epoch, weights = (0.0, 0, None) if self.best is None else self.best
        return {
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "history": self.history,
            "best_loss": loss,
            "best_epoch": epoch,
            "best": weights,
            "average": None if self.average is None else vars(self.average),
            "batch_size": self.batch_size,
            "rate": self.rate,
            "within": None if self.within is None else vars(self.within),
        }

    @classmethod
    def of(cls, content: dict[str, Any], batch_size: int) -> FitState:
        """The state of :meth:`content`; one from before batches changed has ``batch_size``."""
        best, within, average = content["best"], content.get("within"), content.get("average")
        return cls(
            batch_size=int(content.get("batch_size", batch_size)),
            rate=float(content.get("rate", 1.0)),
            history=[dict(record) for record in content["history"]],
            within=None if within is None else Within(**within),
            best=(float(content["best_loss"]), int(content["best_epoch"]), dict(best)) if best else None,
            average=None if average is None else WeightAverage(**average),
        )


def fewer_images(path: Path) -> Path:
    """Where it is kept with how many images per step a fit of several processes starts again."""
    return path.with_suffix(".fewer.json")


def older(path: Path) -> Path:
    """Where the checkpoint before the newest is."""
    return path.with_suffix(f".older{path.suffix}")


def packed(content: dict[str, Any]) -> bytes:
    """The content of a checkpoint as bytes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def unpacked(data: bytes, device: torch.device) -> Any:
    """The content that :func:`packed` made bytes of, its tensors on a device."""
    return torch.load(io.BytesIO(data), map_location=device, weights_only=True)


def save_epochs(content: dict[str, Any], path: Path) -> None:
    """Write what an unfinished training needs to go on; what was there becomes the older generation.

    Raises
    ------
    StorageError
    """
    data = packed(content)
    head = _MARK + hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()
    with replacing(path, len(head) + len(data)) as partial:
        partial.write_bytes(head + data)
        if os.path.lexists(path):
            os.replace(path, older(path))


def load_epochs(path: Path, device: torch.device) -> dict[str, Any]:
    """Read what :func:`save_epochs` wrote.

    Raises
    ------
    DamageError
        the file is damaged.
    """
    require_file(path)
    with reading(path):
        content = path.read_bytes()
    if content.startswith(_MARK):
        start = len(_MARK) + _DIGEST_BYTES
        digest, content = content[len(_MARK) : start], content[start:]
        if hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest() != digest:
            raise damaged(path, "its content is not what was written")
    try:
        with reading(path):
            state = unpacked(content, device)
    except (RuntimeError, pickle.UnpicklingError) as e:
        raise damaged(path, str(e)) from e
    if not isinstance(state, dict) or not state.keys() >= _KEYS:
        raise damaged(path, "it is no state of a training")
    return state


def go_on(
    model: nn.Module,
    optimizers_of: Callable[[FitState], Optimizers],
    path: Path,
    device: torch.device,
    batch_size: int,
) -> tuple[FitState, Optimizers]:
    """Bring a model and new optimisers to where a checkpoint left them.

    ``batch_size`` is that of a checkpoint which holds none.

    Raises
    ------
    DamageError
        the checkpoint is damaged, or is of another network.
    """
    content = load_epochs(path, device)
    try:
        return bring_to(model, optimizers_of, content, batch_size)
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as e:
        raise damaged(path, str(e)) from e


def bring_to(
    model: nn.Module, optimizers_of: Callable[[FitState], Optimizers], content: dict[str, Any], batch_size: int
) -> tuple[FitState, Optimizers]:
    """Bring a model and new optimisers to the content of a checkpoint."""
    state = FitState.of(content, batch_size)
    optimizers = optimizers_of(state)
    model.load_state_dict(content["model"])
    for optimizer, saved_by in zip(optimizers, content["optimizers"], strict=True):
        # What was gathered while training goes on; how it is used follows from the settings and the device.
        groups = zip(optimizer.param_groups, saved_by["param_groups"], strict=True)
        own = [{**group, "params": saved["params"]} for group, saved in groups]
        optimizer.load_state_dict({"state": saved_by["state"], "param_groups": own})
    return state, optimizers
