"""What a stage of a run leaves for --resume: files, and a JSON file written last that lists them.

::

    checkpoint/
      <stem>.json       facts about the finished stage, sizes and digests of its files
      <stem>.…          its files
      <stem>.epochs.pt  of an unfinished network: model, optimizers and history after the last epoch
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..files.reading import damaged, read_json, reading, require_file
from ..files.shapes import mismatch
from ..files.writing import naming, write_bytes, write_json
from .manifest import Entry, entry, require_unchanged

_DIGEST_BYTES = 32
_OWN = "blake2b"  # of the facts themselves
_KEYS = {"model", "optimizers", "history", "best_loss", "best_epoch", "best"}
_MARK = b"LTNET-EPOCHS-1\n"


def keep(folder: Path, stem: str, names: Sequence[str], facts: dict[str, Any]) -> None:
    """Say that a stage is finished: its files are whole.

    Raises
    ------
    StorageError
    """
    entries = {name: entry(folder / name) for name in names}
    content = {**facts, "files": entries}
    write_json(folder / f"{stem}.json", {**content, _OWN: _digest_of(content)})


def _digest_of(content: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=_DIGEST_BYTES).hexdigest()


def kept(folder: Path, stem: str, kinds: Any) -> dict[str, Any] | None:
    """The facts of a finished stage, of the type ``kinds``; None where it is not finished.

    Raises
    ------
    DamageError
        the facts or a file of the stage is damaged.
    """
    path = folder / f"{stem}.json"
    if not path.exists():
        return None
    facts = read_json(path)
    own = facts.pop(_OWN, None)
    files = facts.get("files", {})  # a run from before there were digests kept none
    if (files or own) and own != _digest_of(facts):
        raise damaged(path, "its content is not what was written")
    if (wrong := mismatch(facts, kinds) or mismatch(files, dict[str, Entry])) is not None:
        raise damaged(path, wrong)
    for name, expected in files.items():
        require_unchanged(folder, name, expected)
    return facts


def forget(*paths: Path) -> None:
    """Remove damaged files, or folders that stand in their place."""
    for path in paths:
        with naming(path):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def save_epochs(state: dict[str, Any], path: Path) -> None:
    """Write what an unfinished training needs to go on.

    Raises
    ------
    StorageError
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    write_bytes(path, _MARK + hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest() + content)


def load_epochs(path: Path, device: torch.device) -> dict[str, Any]:
    """Read what :func:`save_epochs` wrote.

    Raises
    ------
    DamageError
        the file is damaged.
    """
    require_file(path)
    with reading(path):
        content = path.read_bytes()
    if content.startswith(_MARK):
        start = len(_MARK) + _DIGEST_BYTES
        digest, content = content[len(_MARK) : start], content[start:]
        if hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest() != digest:
            raise damaged(path, "its content is not what was written")
    try:
        with reading(path):
            state = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError) as e:
        raise damaged(path, str(e)) from e
    if not isinstance(state, dict) or not state.keys() >= _KEYS:
        raise damaged(path, "it is no state of a training")
    return state


def go_on(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], checkpoint: Path, device: torch.device
) -> tuple[list[dict[str, Any]], tuple[float, int, dict[str, Tensor]] | None]:
    """Bring a fit to where a checkpoint left it; returns its history and its best epoch.

    Raises
    ------
    DamageError
        the checkpoint is damaged, or is of another network.
    """
    state = load_epochs(checkpoint, device)
    try:
        model.load_state_dict(state["model"])
        for optimizer, content in zip(optimizers, state["optimizers"], strict=True):
            # What was gathered while training goes on; how it is used follows from the settings and the device.
            groups = zip(optimizer.param_groups, content["param_groups"], strict=True)
            own = [{**group, "params": saved["params"]} for group, saved in groups]
            optimizer.load_state_dict({"state": content["state"], "param_groups": own})
        best = (float(state["best_loss"]), int(state["best_epoch"]), dict(state["best"])) if state["best"] else None
        return [dict(record) for record in state["history"]], best
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as e:
        raise damaged(checkpoint, str(e)) from e
