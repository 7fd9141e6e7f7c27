"""A run's network as one ONNX file: pixels in, the latent truth and what each coder would say out."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import LTNetError
from ..files.writing import write_bytes
from ..labels.truth import FLOOR
from ..learning.predict import Predictor
from ..learning.views import mean_p
from ..runs.run import Run

OPSET = 18
EXAMPLES = 2  # images that the network is traced with; the file takes any number


class _Network(nn.Module):
    """What :class:`~ltnet_core.learning.predict.Predictor` does, in operations of PyTorch alone."""

    mean: Tensor
    std: Tensor
    order: Tensor
    transitions: Tensor

    def __init__(self, predictor: Predictor):
        super().__init__()
        self.model, self.shifts, self.temperature = predictor.model, predictor.shifts, predictor.temperature
        matrices = np.asarray(list(predictor.matrices.values()))
        constants = {"mean": predictor.mean, "std": predictor.std, "order": torch.tensor(predictor.order)}
        for name, value in {**constants, "transitions": torch.tensor(matrices, dtype=torch.float32)}.items():
            self.register_buffer(name, value)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        p = mean_p(self.model, (pixels - self.mean) / self.std, self.shifts)
        p = torch.softmax(torch.log(torch.clamp(p, min=FLOOR)) / self.temperature, 1).index_select(1, self.order)
        return p, torch.einsum("nk,ckl->ncl", p, self.transitions)


def export_onnx(run: Run, out: Path) -> None:
    """Write LTNet as ONNX.

    Input ``pixels`` is (N, channels, size, size) float32, 0 to 255, in the order red, green, blue or grey alone.
    Outputs are ``truth`` (N,K), the latent truth of each image as ``predict`` says it, and ``coders`` (N,C,K), what
    each coder would say. The file's metadata ``classes`` and ``coder_names`` are JSON lists of names, ``run`` is the
    run's name.

    Raises
    ------
    LTNetError
        the packages ``onnx`` and ``onnxscript`` are not installed.
    OptionError, RunError, StorageError
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - PyTorch's exporter needs it
    except ImportError as e:
        raise LTNetError("ONNX files need two more packages: pip install onnx onnxscript.") from e
    predictor = Predictor.of(run, "cpu")
    size = predictor.image_size
    example = torch.zeros(EXAMPLES, predictor.channels, size, size)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.inference_mode(False):
        warnings.simplefilter("ignore")  # of PyTorch's own code
        program = torch.onnx.export(
            _Network(predictor).eval(),
            (example,),
            input_names=["pixels"],
            output_names=["truth", "coders"],
            dynamic_shapes={"pixels": {0: torch.export.Dim("images")}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise LTNetError("PyTorch made no ONNX program of this network.")
    model = program.model_proto
    facts = {"classes": predictor.classes, "coder_names": list(predictor.matrices)}
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in facts.items()}
    onnx.helper.set_model_props(model, {**texts, "run": run.folder.resolve().name})
    write_bytes(out, model.SerializeToString())
