"""LTNet as one file that PyTorch alone can read."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import load_file

from .export import partial_path
from .runs import Run, read_json


def export_model(run: Run, out: Path) -> None:
    """Write LTNet as one ``.pt`` that ``torch.load(…, weights_only=True)`` reads.

    Keys: ``state_dict`` (base network and T), ``network``, ``image_size``, ``channels``,
    ``mean``, ``std``, ``temperature`` (p is softmax(logits / temperature)), ``trained_classes`` (order of the outputs),
    ``trained_coders`` (order of T in ``state_dict``), ``transitions`` (coder → K × K in the
    order of ``classes``), ``classes``.
    """
    index = read_json(run.result("networks/index.json"))
    content = read_json(run.result("transitions.json"))
    partial = partial_path(out)
    torch.save(
        {
            "state_dict": load_file(run.result(f"networks/{index['files'][index['method']]}")),
            **{
                k: index[k]
                for k in (
                    "network",
                    "image_size",
                    "channels",
                    "mean",
                    "std",
                    "temperature",
                    "trained_classes",
                    "trained_coders",
                )
            },
            "transitions": {c: torch.tensor(m) for c, m in content["coders"].items()},
            "classes": content["classes"],
        },
        partial,
    )
    os.replace(partial, out)
