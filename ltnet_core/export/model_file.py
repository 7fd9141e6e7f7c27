"""LTNet as one file that PyTorch alone can read."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from ..files.reading import read_json
from ..files.writing import write_bytes
from ..learning.weights import load_weights
from ..runs.run import Run
from ..runs.stored_results import read_transitions

ABOUT_THE_NETWORK = (
    "network",
    "image_size",
    "channels",
    "mean",
    "std",
    "temperature",
    "trained_classes",
    "trained_coders",
)


def export_model(run: Run, out: Path) -> None:
    """Write LTNet as one ``.pt`` that ``torch.load(…, weights_only=True)`` reads.

    Keys: ``state_dict`` (base network and T), ``network``, ``image_size``, ``channels``,
    ``mean``, ``std``, ``hidden_units`` (of the network ``features``),
    ``temperature`` (p is softmax(logits / temperature)), ``trained_classes`` (order of the outputs),
    ``trained_coders`` (order of T in ``state_dict``), ``transitions`` (coder → K × K in the
    order of ``classes``), ``classes``.

    Raises
    ------
    RunError, StorageError
    """
    index = read_json(run.result("networks/index.json"))
    matrices = read_transitions(run)
    content = {
        "state_dict": load_weights(run.result(f"networks/{index['files'][index['method']]}")),
        **{name: index[name] for name in (*ABOUT_THE_NETWORK, "hidden_units") if name in index},
        "transitions": {c: torch.tensor(m) for c, m in matrices["coders"].items()},
        "classes": matrices["classes"],
    }
    data = io.BytesIO()  # torch.save reports a full disk as an error of its own
    torch.save(content, data)
    write_bytes(out, data.getvalue())
