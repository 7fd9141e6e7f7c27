"""The checkpoint of a stage of a run, for ``--resume``: its files, and a JSON file written last that lists them.

::

    checkpoint/
      <stem>.json       facts about the finished stage, sizes and digests of its files
      <stem>.…          its files
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files.reading import damaged, read_json
from ..files.shapes import mismatch
from ..files.writing import naming, write_json
from .manifest import Entry, entry, require_unchanged

_DIGEST_BYTES = 32
_OWN = "blake2b"  # of the facts themselves


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
