"""The trained network as an ONNX file, for programs without PyTorch."""

from __future__ import annotations

from pathlib import Path

from ..kind import Export, Source


def write(source: Source, out: Path) -> None:
    """Write the network; imports PyTorch, which takes seconds."""
    from ..onnx_file import export_onnx

    export_onnx(source.run, out)


EXPORT = Export(
    name="onnx",
    title="ONNX model",
    text="The trained network for other programs: pixels in, the latent truth and what each coder would say out.",
    write=write,
    suffixes={".onnx": "application/octet-stream"},
    rank=80,
)
