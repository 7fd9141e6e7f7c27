"""A finished run on new images: latent truth, and what each coder would say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..annotations import FloatArray
from ..datasets.files import GivenFiles
from ..errors import DatasetError, LTNetError, OptionError
from ..files.reading import damaged, read_json
from ..images.image import load_pixels
from ..runs.run import Run
from ..runs.stored_results import read_transitions
from .calibration import soften
from .devices import choose_device, is_out_of_memory
from .ltnet import Classifier
from .networks import build_network
from .views import mean_p
from .weights import fill, load_weights


def predict_images(
    run: Run, images: Sequence[str | os.PathLike[str]], device: str = "auto", batch_size: int = 64
) -> list[dict[str, Any]]:
    """``[{"image", "truth", "confidence", "p": {class: x}, "coders": {NAME: {class: x}}}]``.

    Raises
    ------
    DatasetError
        an image is missing or cannot be read; RunError: the run is not finished, or is damaged.
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
        )
    except OptionError as e:
        raise damaged(index_path, str(e)) from e
    model = Classifier(base)
    weights = run.result(f"networks/{index['files'][index['method']]}")
    fill(model, {k: v for k, v in load_weights(weights).items() if k.startswith("base.")}, weights)
    model.to(target).eval()
    order = [index["trained_classes"].index(c) for c in classes]
    mean, std = (torch.tensor(index[k], dtype=torch.float32)[:, None, None] for k in ("mean", "std"))

    # Runs from before p was averaged over shifted views too say only whether it was over mirrored ones.
    shifts = index["view_shifts"] if "view_shifts" in index else [0] * index["mirror"]

    names = [str(i) for i in images]
    for name in names:
        if not Path(name).is_file():
            raise DatasetError("there is no such image file.", file=name)
    files = GivenFiles(Path(), {n: Path(n) for n in names})
    out: list[dict[str, Any]] = []
    for start in range(0, len(names), batch_size):
        some = names[start : start + batch_size]
        stack = np.stack([load_pixels(files, n, index["image_size"], index["channels"]) for n in some])
        try:
            batch = ((torch.from_numpy(stack).float() - mean) / std).to(target)
            with torch.inference_mode():
                p_batch = mean_p(model, batch, shifts)
        except (RuntimeError, MemoryError) as e:
            if not is_out_of_memory(e):
                raise
            raise LTNetError(f"there is not enough memory to predict on {target}; try --device cpu.") from e
        p = soften(p_batch.double().cpu().numpy(), index["temperature"])[:, order]
        if not np.isfinite(p).all():
            raise damaged(weights, "its network answers with what is no number")
        out += [_answer(n, row, classes, content["coders"]) for n, row in zip(some, p, strict=True)]
    return out


def _answer(name: str, p: FloatArray, classes: list[str], matrices: dict[str, Any]) -> dict[str, Any]:
    best = int(p.argmax())
    return {
        "image": name,
        "truth": classes[best],
        "confidence": float(p[best]),
        "p": dict(zip(classes, p.tolist(), strict=True)),
        "coders": {c: dict(zip(classes, (p @ np.asarray(m)).tolist(), strict=True)) for c, m in matrices.items()},
    }
