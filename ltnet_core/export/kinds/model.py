"""The trained network as one file that PyTorch alone can read."""

from __future__ import annotations

from pathlib import Path

from ..kind import Export, Source


def write(source: Source, out: Path) -> None:
    """Write the network; imports PyTorch, which takes seconds."""
    from ..model_file import export_model

    export_model(source.run, out)


EXPORT = Export(
    name="model",
    title="Model",
    text="The trained network for your own PyTorch code: truth from an image alone.",
    write=write,
    suffixes={".pt": "application/octet-stream"},
    flag=True,
    rank=70,
)
