"""A finished run on new images: latent truth, and what each coder would say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from .annotations import FloatArray
from .calibration import soften
from .datasets.files import GivenFiles
from .devices import choose_device
from .errors import DatasetError
from .images import load_pixels
from .ltnet import Classifier
from .networks import build_network
from .runs import Run, read_json
from .training import mean_p


def predict_images(
    run: Run, images: Sequence[str | os.PathLike[str]], device: str = "auto", batch_size: int = 64
) -> list[dict[str, Any]]:
    """``[{"image", "truth", "confidence", "p": {class: x}, "coders": {NAME: {class: x}}}]``.

    Raises
    ------
    DatasetError
        an image is missing or cannot be read; RunError: the run is not finished.
    """
    index = read_json(run.result("networks/index.json"))
    content = read_json(run.result("transitions.json"))
    classes: list[str] = content["classes"]
    target = choose_device(device)
    base = build_network(
        index["network"],
        classes=len(classes),
        channels=index["channels"],
        image_size=index["image_size"],
        seed=0,
        last_relu=index["last_relu"],
    )
    model = Classifier(base)
    state = load_file(run.result(f"networks/{index['files'][index['method']]}"))
    model.load_state_dict({k: v for k, v in state.items() if k.startswith("base.")})
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
        batch = ((torch.from_numpy(stack).float() - mean) / std).to(target)
        with torch.inference_mode():
            p_batch = mean_p(model, batch, shifts)
        p = soften(p_batch.double().cpu().numpy(), index["temperature"])[:, order]
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
