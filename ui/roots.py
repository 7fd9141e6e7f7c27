"""Which folders of this machine a page may open by their path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ltnet_core.errors import DatasetError
from ui.access import Access


def allowed_roots(access: Access, workspace: Path) -> list[Path] | None:
    """Folders below which a path may lie; None is anywhere.

    ``LTNET_ROOTS`` names them, separated as in ``PATH``. Without it, the one person who is alone at this machine may
    open what the server can read; who comes with a token or as one of a team, only what is below the workspace.
    """
    named = [Path(r).expanduser().absolute() for r in os.environ.get("LTNET_ROOTS", "").split(os.pathsep) if r.strip()]
    if named:
        return named
    return None if access.mode == "alone" else [workspace]


def require_below(place: Path, roots: Sequence[Path]) -> Path:
    """The place with every link resolved.

    Raises
    ------
    DatasetError
        it does not lie below one of the roots; says nothing about whether it exists.
    """
    try:
        real = place.resolve()
    except (OSError, RuntimeError, ValueError) as e:  # a loop of links, a NUL
        raise DatasetError(f"{str(place)!r} is not a path that can be followed.") from e
    if not any(real.is_relative_to(root.resolve()) for root in roots):
        raise DatasetError(
            f"{str(place)!r} does not lie below {' or '.join(str(r) for r in roots)}; put the dataset there, upload "
            "it, or have LTNET_ROOTS name its folder where the server is started."
        )
    return real
