"""What a trained network says of an image: p, averaged over views of it, and the features of its last layer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..annotations import FloatArray
from .devices import is_out_of_memory
from .group import ALONE, Group
from .ltnet import Classifier
from .networks import last_layer
from .sent_data import SentData
from .training_data import Items, TrainingData
from .watch import Watch

Result = TypeVar("Result")

VIEW_SHIFTS = (0, 1, -1)  # of the views that p is averaged over, see mean_p; chosen on held-out images (EXPERIMENTS.md)
ON_CPU = 256  # images at a time
ON_GPU = 4096 * 32**2  # pixels at a time; a number that does not depend on free memory gives the same bytes again


def images_at_once(data: TrainingData) -> int:
    """How many images go through a network at a time where no gradient is kept."""
    return ON_CPU if data.device.type == "cpu" else min(max(ON_GPU // data.size**2, 64), 4096)


def in_parts(items: Items, size: int, work: Callable[[Items], Result]) -> Iterator[Result]:
    """The results of ``work`` on ``size`` items at a time, on half as many from where the memory is not enough."""
    done = 0
    while done < len(items):
        result: Result | None = None
        try:
            result = work(items[done : done + size])
        except (MemoryError, RuntimeError) as e:
            if size == 1 or not is_out_of_memory(e):
                raise
        if result is None:  # the error, which holds what its frames had computed, is gone by now
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            size //= 2
            continue
        done += size
        yield result


def shared_parts(items: Items, size: int, work: Callable[[Items], Result], group: Group) -> Iterator[Result]:
    """The same, by all processes side by side; only the leader gets the results, in the order of the items."""
    if group.alone:
        yield from in_parts(items, size, work)
        return
    together = size * group.size
    for start in range(0, len(items), together):
        yield from group.gather(list(in_parts(group.own(items[start : start + together]), size, work)))


def predict(
    model: Classifier,
    data: TrainingData,
    items: Items,
    *,
    batch_size: int | None = None,
    watch: Watch | None = None,
    group: Group = ALONE,
) -> FloatArray:
    """(len(items),K) p of each item, averaged over views of it (:func:`mean_p`) when training mirrored and shifted.

    The processes of a ``group`` share the items; the leader gets p, the others nothing.
    """
    if not group.alone and group.leads:
        group.ask(_predict_too, copy.deepcopy(model).cpu(), SentData.of(data), items, batch_size)
    model.eval()
    shifts = VIEW_SHIFTS if data.augment else ()
    # Written into one array: a small result kept of every part would split the memory that its pixels give back.
    out: FloatArray = np.zeros((0, 0))
    done = 0

    def of(part: Items) -> Tensor:
        p = mean_p(model, data.images(part), shifts).double()
        return p if group.alone else p.cpu()

    with torch.inference_mode():
        for p in shared_parts(items, batch_size or images_at_once(data), of, group):
            out = out if done else np.empty((len(items), p.shape[1]))
            out[done : done + len(p)] = p.cpu().numpy()
            done += len(p)
            if watch:
                watch.step(len(p))
    return out


def _predict_too(group: Group, model: Classifier, data: SentData, items: Items, batch_size: int | None) -> None:
    predict(model.to(group.device), data.on(group), items, batch_size=batch_size, group=group)


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
    model: Classifier, data: TrainingData, items: Items, *, batch_size: int | None = None, group: Group = ALONE
) -> Iterator[NDArray[np.float32]]:
    """What the last layer of the base network gets of each item, (≤ batch_size, D) at a time.

    The processes of a ``group`` share the items; the leader gets the features, the others nothing.
    """
    if not group.alone and group.leads:
        group.ask(_features_too, copy.deepcopy(model).cpu(), SentData.of(data), items, batch_size)
    model.eval()
    caught: list[Tensor] = []
    hook = last_layer(model.base).register_forward_pre_hook(lambda layer, inputs: caught.append(inputs[0].detach()))

    def of(part: Items) -> NDArray[np.float32]:
        caught.clear()
        model(data.images(part))
        vectors: NDArray[np.float32] = caught[0].flatten(1).float().cpu().numpy()
        return vectors

    try:
        with torch.inference_mode():
            yield from shared_parts(items, batch_size or images_at_once(data), of, group)
    finally:
        hook.remove()


def _features_too(group: Group, model: Classifier, data: SentData, items: Items, batch_size: int | None) -> None:
    for _ in features(model.to(group.device), data.on(group), items, batch_size=batch_size, group=group):
        pass
