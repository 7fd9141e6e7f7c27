"""The list of formats in ``docs/datasets.md``, made from the formats themselves.

``python -m ltnet_core.datasets.catalogue docs/datasets.md`` writes it anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..files.writing import write_bytes
from . import FORMATS

MARK = "<!-- Made from the formats by `python -m ltnet_core.datasets.catalogue docs/datasets.md`. -->"


def catalogue() -> str:
    """One section per format: its name for ``--format``, its layout and its note."""
    sections = [
        f"## {reader.TITLE}\n\n`--format {name}`\n\n```\n{reader.LAYOUT}\n```\n\n{reader.NOTE}\n"
        for name, reader in FORMATS.items()
    ]
    return "\n".join(sections)


def with_catalogue(page: str) -> str:
    """The page with a new catalogue in place of its part from the mark on."""
    return page.partition(MARK)[0].rstrip() + f"\n\n{MARK}\n\n{catalogue()}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    write_bytes(path, with_catalogue(path.read_text(encoding="utf-8")).encode())
