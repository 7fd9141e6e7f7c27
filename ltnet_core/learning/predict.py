"""A finished run on new images, or on their features: latent truth, and what each coder would say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..annotations import FloatArray
from ..datasets.feature_file import FeatureFile, open_features
from ..datasets.names.image_names import match_names
from ..datasets.sources.image_sources import images_of
from ..errors import DatasetError, LTNetError, OptionError
from ..files.reading import damaged, read_json
from ..images.image import load_pixels
from ..runs.run import Run
from ..runs.stored_results import read_transitions
from ..settings.names import FEATURES
from .calibration import soften
from .devices import choose_device, is_out_of_memory
from .ltnet import Classifier
from .networks import build_network
from .usual_numbers import usual_numbers
from .views import mean_p
from .weights import fill, load_weights


@dataclass(frozen=True)
class Predictor:
    """The network of a finished run, ready for images.

    Attributes
    ----------
    model : on ``device``. matrices : coder → K × K. order : of the network's outputs, so that they are ``classes``.
    sees_features : whether it sees a vector of ``channels`` features of an image instead of its pixels.
    mean, std : (channels,1,1) of the pixels.
    shifts : of the views that p is averaged over, see :func:`~ltnet_core.learning.views.mean_p`.
    weights : file of the model's weights.
    """

    model: Classifier = field(repr=False)
    classes: list[str]
    matrices: dict[str, Any] = field(repr=False)
    order: list[int]
    mean: Tensor
    std: Tensor
    shifts: list[int]
    temperature: float
    image_size: int
    channels: int
    sees_features: bool
    device: torch.device
    weights: Path

    @classmethod
    @usual_numbers()
    def of(cls, run: Run, device: str = "auto") -> Predictor:
        """That of a run.

        Raises
        ------
        RunError
            the run is not finished, or is damaged.
        OptionError
            there is no such device.
        """
        index_path = run.result("networks/index.json")
        index = read_json(index_path)
        content = read_transitions(run)
        classes: list[str] = content["classes"]
        if sorted(index["trained_classes"]) != sorted(classes):
            raise damaged(index_path, "its classes are not those of the run's matrices")
        target = choose_device(device)
        try:
            base = build_network(
                index["network"],
                classes=len(classes),
                channels=index["channels"],
                image_size=index["image_size"],
                seed=0,
                last_relu=index["last_relu"],
                hidden_units=index.get("hidden_units", 0),
            )
        except OptionError as e:
            raise damaged(index_path, str(e)) from e
        model = Classifier(base)
        weights = run.result(f"networks/{index['files'][index['method']]}")
        fill(model, {k: v for k, v in load_weights(weights).items() if k.startswith("base.")}, weights)
        model.to(target).eval()
        mean, std = (torch.tensor(index[k], dtype=torch.float32)[:, None, None] for k in ("mean", "std"))
        # Runs from before p was averaged over shifted views too say only whether it was over mirrored ones.
        shifts = index["view_shifts"] if "view_shifts" in index else [0] * index["mirror"]
        return cls(
            model=model,
            classes=classes,
            matrices=content["coders"],
            order=[index["trained_classes"].index(c) for c in classes],
            mean=mean,
            std=std,
            shifts=shifts,
            temperature=index["temperature"],
            image_size=index["image_size"],
            channels=index["channels"],
            sees_features=index["network"] == FEATURES,
            device=target,
            weights=weights,
        )

    @usual_numbers()
    def p(self, pixels: NDArray[Any]) -> FloatArray:
        """(B,K) latent truth of (B, channels, size, size) images; of features as images of one pixel.

        Raises
        ------
        LTNetError
            there is not enough memory. RunError: the weights are damaged.
        """
        try:
            batch = ((torch.from_numpy(pixels).float() - self.mean) / self.std).to(self.device)
            with torch.inference_mode():
                out = mean_p(self.model, batch, self.shifts)
        except (RuntimeError, MemoryError) as e:
            if not is_out_of_memory(e):
                raise
            raise LTNetError(f"there is not enough memory to predict on {self.device}; try --device cpu.") from e
        p = soften(out.double().cpu().numpy(), self.temperature)[:, self.order]
        if not np.isfinite(p).all():
            raise damaged(self.weights, "its network answers with what is no number")
        return p


def predict_images(
    run: Run,
    images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    device: str = "auto",
    batch_size: int = 64,
    features: str | os.PathLike[str] | None = None,
) -> list[dict[str, Any]]:
    """``[{"image", "truth", "confidence", "p": {class: x}, "coders": {NAME: {class: x}}}]``.

    ``images`` are image files, folders and archives of them, or one of these, see :func:`predicted`.

    Raises
    ------
    DatasetError
        an image is missing or cannot be read; RunError: the run is not finished, or is damaged.
    """
    return list(predicted(run, images, device, batch_size, features))


def predicted(
    run: Run,
    images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    device: str = "auto",
    batch_size: int = 64,
    features: str | os.PathLike[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """What :func:`predict_images` returns, one image after the other: of any number of them little is in memory.

    An image of a folder or an archive that cannot be read stops no other: it has ``"error"``, why, and no truth.
    ``features`` is the file of features of a run that was trained on features; ``images`` are names in it then, all
    where there are none.

    Raises
    ------
    DatasetError
        an image file is missing or cannot be read, or a folder holds no image; the file of features is damaged, or
        has other features than the run was trained on. RunError: the run is not finished, or is damaged.
    OptionError
        the run was trained on features and there are none, or on images.
    """
    if batch_size < 1:
        raise OptionError(f"batch_size must be at least 1, got {batch_size}.")
    images = [images] if isinstance(images, str | os.PathLike) else images
    predictor = Predictor.of(run, device)
    if features is not None:
        yield from _of_features(predictor, open_features(Path(features)), [str(i) for i in images])
        return
    if predictor.sees_features:
        raise OptionError("this run was trained on features; give those of the images with --features FILE.")
    source = images_of(images)
    while some := list(islice(source, batch_size)):
        pixels, errors = [], []
        for image in some:
            try:
                pixels.append(load_pixels(image.files, image.name, predictor.image_size, predictor.channels))
                errors.append("")
            except DatasetError as e:
                if not image.one_of_many:
                    raise
                errors.append(str(e))
        p = iter(predictor.p(np.stack(pixels)) if pixels else ())
        for image, error in zip(some, errors, strict=True):
            yield _without_answer(image.shown, error) if error else _answer(image.shown, next(p), predictor)


def _of_features(predictor: Predictor, file: FeatureFile, names: list[str]) -> Iterator[dict[str, Any]]:
    if not predictor.sees_features:
        raise OptionError("this run was trained on images; give images, and leave --features out.")
    if file.dimensions != predictor.channels:
        text = f"has {file.dimensions:,} features a vector, the run was trained on {predictor.channels:,}."
        raise DatasetError(text, file=str(file.path))
    if not names:
        yield from _of_rows(predictor, file, range(len(file.names)))
        return
    places = {name: row for row, name in enumerate(file.names)}
    rows = []
    for name, match in zip(names, match_names(names, file.names).images, strict=True):
        if match not in places:
            raise DatasetError(f"has no features of {name!r}.", file=str(file.path))
        rows.append(places[match])
    chosen = sorted(set(rows))
    answers = dict(zip(chosen, _of_rows(predictor, file, chosen), strict=True))
    for name, row in zip(names, rows, strict=True):
        yield {**answers[row], "image": name}


def _of_rows(predictor: Predictor, file: FeatureFile, rows: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The answers for some rows of a file, in ascending order."""
    chosen = np.asarray(rows, dtype=np.int64)
    done = 0
    for part in file.parts():
        in_part = chosen[(chosen >= done) & (chosen < done + len(part))]
        if len(in_part):
            p = predictor.p(part[in_part - done][:, :, None, None])
            for row, shares in zip(in_part.tolist(), p, strict=True):
                yield _answer(file.names[row], shares, predictor)
        done += len(part)


def _answer(name: str, p: FloatArray, predictor: Predictor) -> dict[str, Any]:
    best, classes = int(p.argmax()), predictor.classes
    coders = {c: dict(zip(classes, (p @ np.asarray(t)).tolist(), strict=True)) for c, t in predictor.matrices.items()}
    return {
        "image": name,
        "truth": classes[best],
        "confidence": float(p[best]),
        "p": dict(zip(classes, p.tolist(), strict=True)),
        "coders": coders,
    }


def _without_answer(name: str, error: str) -> dict[str, Any]:
    return {"image": name, "truth": None, "confidence": None, "p": {}, "coders": {}, "error": error}
