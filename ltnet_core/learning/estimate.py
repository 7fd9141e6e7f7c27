"""How long a run will take on this machine: its images by the speed of a few steps, measured before it begins."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..annotations import AnnotationTable
from ..datasets import Study
from ..datasets.feature_file import open_features
from ..datasets.sources.files import Files
from ..errors import DatasetError
from ..images.decoding_pool import cores
from ..images.image import load_pixels, survey
from ..settings import Settings
from .coder_weights import human_table, require_coders
from .devices import choose_device, trains_in_bfloat16
from .frozen_trunk import last_layer_alone
from .ltnet import Classifier
from .networks import build_network, default_size, last_layer, require_network
from .pixel_cache import pixels_folder, pixels_key
from .plan import FEATURE_COST, PREDICT_COST, make_plan
from .progress import images_of
from .schedule import Schedule, groups_of, images_per_step, optimizers_of
from .steps import Steps, same_bytes
from .study_pixels import spread
from .training_data import TrainingData, on_device
from .training_pass import mix_seed
from .usual_numbers import usual_numbers
from .views import features, predict

MEASURE_SECONDS = 1.0  # of training, once it runs evenly
LONGEST_STEP = 1.0  # seconds; a network that needs more for a batch is measured with fewer images
WARM_UP = 8  # steps, on a GPU, before its speed is that of the run
MOST_STEPS = 2000
DECODED = 48  # images


@dataclass(frozen=True)
class RunEstimate:
    """What a run will take.

    Attributes
    ----------
    seconds : of the whole run. images : kind of work → images of the run. speeds : kind of work → images a second.
    device : that was measured.
    """

    seconds: float
    images: dict[str, int]
    speeds: dict[str, float]
    device: str


@usual_numbers()
def estimate_run(study: Study, settings: Settings, *, seed: int = 0, device: str) -> RunEstimate:
    """Estimate the time of a run before it begins. Other work on the machine, now or then, makes it wrong.

    Raises
    ------
    DatasetError, OptionError
    """
    if settings.network.features is None:
        study.require_images()
    at = choose_device(device)
    if settings.network.weights is not None or not settings.network.pretrained:  # those of the hub are not fetched
        require_network(settings, len(study.table.classes))
    require_coders(study, settings)
    plan = make_plan(study, human_table(study, settings.coders.coders), settings, seed)
    images = images_of(plan)
    names = [str(name) for name in study.table.items]
    options = settings.network
    on_features = options.features is not None
    size, channels = _what_is_seen(study, settings)
    key = None if on_features else pixels_key(study.files, names, size, channels)
    if on_features or (key is not None and (pixels_folder() / f"{key}.json").exists()):
        images["decode"] = 0
    base = build_network(
        options.network,
        classes=len(plan.table.classes),
        channels=channels,
        image_size=size,
        seed=mix_seed(seed, 0),
        last_relu=options.last_relu,
        hidden_units=options.hidden_units,
    )
    batch_size = settings.schedule.batch_size
    longest = max(len(fit.train) for fit in plan.fits.values())
    batch = batch_size if isinstance(batch_size, int) else images_per_step(settings.batch_of_rates, longest, at.type)
    drawn = np.random.default_rng(0).integers(0, 256, (2 * batch, channels, size, size), dtype=np.uint8)
    noise = drawn.astype(np.float32) if on_features else drawn
    table = plan.table
    if options.freeze:
        images["features"] += len(plan.usable)
        trunk = _speed_of_features(base, drawn, table, at)
        dimensions = cast(Tensor, last_layer(base).weight)[0].numel()
        head = last_layer_alone(dimensions, len(table.classes), seed)
        vectors = np.zeros((len(noise), dimensions, 1, 1), dtype=np.float32)
        speeds = {**_speeds(head, vectors, table, batch, at, settings, augment=False), "features": trunk}
    else:
        speeds = _speeds(base, noise, table, batch, at, settings, augment=settings.data.augment and not on_features)
        speeds["features"] = speeds["predict"] * PREDICT_COST / FEATURE_COST
    decoding = speeds["predict"] if on_features else _speed_of_decoding(study.files, names, size, channels)
    speeds["decode"] = decoding
    seconds = sum(count / speeds[kind] for kind, count in images.items())
    return RunEstimate(seconds, images, speeds, str(at))


def _speeds(
    base: nn.Module,
    pixels: NDArray[np.uint8] | NDArray[np.float32],
    table: AnnotationTable,
    batch: int,
    device: torch.device,
    settings: Settings,
    *,
    augment: bool,
) -> dict[str, float]:
    """Images a second of training and of predicting."""
    model = Classifier(base).to(device)
    model.low_precision = trains_in_bfloat16(settings.network.precision, device)
    model.base.to(memory_format=torch.channels_last)
    cutout = settings.cutout_for(settings.epochs_for(len(table.items))) if augment else 0.0
    data = _data(pixels, table, device, augment=augment, cutout=cutout)
    predict(model, data, np.arange(2))
    began = _now(device)
    predict(model, data, np.arange(2))
    # A step on an image costs about as much as its six views in a prediction.
    batch = min(batch, max(int(LONGEST_STEP * 2 / max(_now(device) - began, 1e-6)), 2))
    began = _now(device)
    predict(model, data, np.arange(batch))
    predicting = batch / (_now(device) - began)
    return {"train": _speed_of_steps(model, data, batch, settings), "predict": predicting}


def _speed_of_steps(model: Classifier, data: TrainingData, batch: int, settings: Settings) -> float:
    device, options = data.device, settings.schedule
    schedule = Schedule(epochs=1, batch_size=batch, optimizer=options.optimizer)
    optimizers = optimizers_of(model, schedule, data.static)
    steps = Steps(
        model,
        data,
        optimizers,
        batch,
        torch.Generator(device),
        steps=MOST_STEPS,
        graphs=settings.network.cuda_graphs,
        note=lambda message: None,
    )
    order = np.resize(np.arange(2 * batch), MOST_STEPS * batch)
    rates = [[0.0] * len(groups_of(optimizers))] * MOST_STEPS
    warm_up = WARM_UP if device.type == "cuda" else 1
    began, done = 0.0, 0
    with same_bytes(device):
        for number, images in enumerate(steps.epoch(order, rates), 1):
            if number <= warm_up:
                began = _now(device)
                continue
            done += images
            if time.monotonic() - began > MEASURE_SECONDS:
                break
    return done / (_now(device) - began)


def _speed_of_features(
    trunk: nn.Module, pixels: NDArray[np.uint8], table: AnnotationTable, device: torch.device
) -> float:
    """Images a second through a network without its last layer."""
    model = Classifier(trunk).to(device)
    data = _data(pixels, table, device, augment=False)
    list(features(model, data, np.arange(2)))
    began = _now(device)
    count = min(len(pixels), 32)
    list(features(model, data, np.arange(count)))
    return count / (_now(device) - began)


def _what_is_seen(study: Study, settings: Settings) -> tuple[int, int]:
    """Side and channels of the images that the network sees; a vector of features is an image of one pixel."""
    options, data = settings.network, settings.data
    if options.features is not None:
        return 1, open_features(Path(options.features)).dimensions
    side, channels = survey(study.files, [str(name) for name in study.table.items])
    return data.image_size or default_size(options.network, side, data.largest_image), channels


def _speed_of_decoding(files: Files, names: Sequence[str], size: int, channels: int) -> float:
    """Images a second, by all cores."""
    sample = spread(np.arange(len(names)), DECODED)
    began, done = time.monotonic(), 0
    for number in sample.tolist():
        try:
            load_pixels(files, names[number], size, channels)
        except DatasetError:
            continue
        done += 1
    return max(done, 1) * cores() / max(time.monotonic() - began, 1e-6)


def _data(
    pixels: NDArray[np.uint8] | NDArray[np.float32],
    table: AnnotationTable,
    device: torch.device,
    *,
    augment: bool,
    cutout: float = 0.0,
) -> TrainingData:
    """Made-up images with an annotation each, by the coders of a table in turn."""
    item = np.arange(len(pixels), dtype=np.int32)
    names = np.array([str(i) for i in item], dtype=object)
    coder, label = (item % len(which) for which in (table.coders, table.classes))
    made_up = AnnotationTable(names, table.coders, table.classes, item, coder, label, np.ones(len(item), np.float32))
    channels = pixels.shape[1]
    plain = np.full(channels, 128.0), np.full(channels, 64.0)
    weights = np.ones(len(table.coders))
    return TrainingData(on_device(pixels, device), made_up, weights, *plain, device, augment=augment, cutout=cutout)


def _now(device: torch.device) -> float:
    """The time when everything that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic()
