"""Which folders of this machine a page may open by their path."""

from __future__ import annotations

import os
from pathlib import Path

from ltnet_core.datasets.sources.roots import VARIABLE, named_roots, require_below
from ui.access.settings import Access


def allowed_roots(access: Access, workspace: Path) -> list[Path] | None:
    """Folders below which a path may lie; None is anywhere.

    ``LTNET_ROOTS`` names them. Without it, the one person who is alone at this machine may open what the server can
    read; who comes with a token or as one of a team, only what is below the workspace.
    """
    named = named_roots()
    if named:
        return list(named)
    return None if access.mode == "alone" else [workspace]


def name_roots(access: Access, workspace: Path) -> None:
    """Let ``LTNET_ROOTS`` name the workspace where others may come in and nothing else is named.

    Commands that the server starts then follow it too.
    """
    if not named_roots() and access.mode != "alone":
        os.environ[VARIABLE] = str(workspace)


def require_allowed(path: Path, workspace: Path) -> None:
    """Raise unless a dataset lies in the workspace or below a folder that ``LTNET_ROOTS`` names, where it is set.

    What was allowed when it was opened may have become a link to somewhere else.

    Raises
    ------
    DatasetError
    """
    named = named_roots()
    if named:
        require_below(path, [workspace, *named])
