"""Weights of a network as a safetensors file: written whole, and finite when read."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ..files.reading import damaged, reading, require_file
from ..files.writing import write_bytes


def save_weights(state: dict[str, Tensor], path: Path) -> None:
    """Write tensors.

    Raises
    ------
    StorageError
    """
    # Through memory: of a full disk the library would say neither the file nor what is missing.
    write_bytes(path, safetensors.torch.save({k: v.contiguous().cpu() for k, v in state.items()}))


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors.

    Raises
    ------
    DamageError
        the file is missing or damaged, or holds weights that are not finite.
    """
    require_file(path)
    try:
        with reading(path):
            state: dict[str, Tensor] = safetensors.torch.load_file(path)
    except SafetensorError as e:
        raise damaged(path, str(e)) from e
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise damaged(path, f"{name} holds weights that are not finite")
    return state


def under_own_names(state: dict[str, Tensor], names: Container[str]) -> dict[str, Tensor]:
    """Tensors of a file as a base network with parameters of these ``names`` calls them.

    In a run's network, and in an exported model, they lie below ``base.``.
    """
    return {k if k in names else k.removeprefix("base."): v for k, v in state.items()}


def fill(model: nn.Module, state: dict[str, Tensor], path: Path, *, strict: bool = True) -> None:
    """Give a model the weights that were read from ``path``; without ``strict`` it may have others besides.

    Raises
    ------
    DamageError
        they belong to a network of another form.
    """
    try:
        model.load_state_dict(state, strict=strict)
    except RuntimeError as e:
        lines = str(e).split("\n\t")
        raise damaged(path, f"its weights do not fit the network: {lines[1] if len(lines) > 1 else lines[0]}") from e
