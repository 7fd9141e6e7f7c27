"""What people call their runs, and what they remark about them: beside the runs, so that no run changes.

::

    WORKSPACE/run-notes/<run>.json      {"created": of the run, "name", "note", "tags"}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ltnet_core.errors import LTNetError
from ltnet_core.files.reading import read_json
from ltnet_core.files.writing import naming, write_json
from ltnet_core.runs.run import Run
from ui.workspace import root

FOLDER = "run-notes"
LONGEST_NAME, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS = 80, 2000, 40, 20


@dataclass(frozen=True)
class RunNote:
    """A name, a remark and tags; empty where nobody gave them."""

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()


def path_of(run: Run) -> Path:
    """Where it is kept."""
    return root() / FOLDER / f"{run.folder.name}.json"


def load(run: Run) -> RunNote:
    """What is kept of a run; nothing where that is damaged, or of another run that had this folder's name before."""
    try:
        content = read_json(path_of(run))
        if content.get("created") != _created(run):
            return RunNote()
        return _bounded(str(content["name"]), str(content["note"]), [str(t) for t in content["tags"]])
    except (LTNetError, KeyError, TypeError):
        return RunNote()


def save(run: Run, name: str, note: str, tags: Sequence[str]) -> RunNote:
    """Keep it.

    Raises
    ------
    LTNetError
        the run's spec is damaged, or the file cannot be written.
    """
    kept = _bounded(name, note, tags)
    path = path_of(run)
    with naming(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"created": _created(run), **asdict(kept)})
    return kept


def title(run: Run) -> str:
    """The run's name with its folder, or the folder alone."""
    name = load(run).name
    return f"{name} ({run.folder.name})" if name else run.folder.name


def _bounded(name: str, note: str, tags: Sequence[str]) -> RunNote:
    short = (" ".join(t.split())[:LONGEST_TAG].strip() for t in tags)
    return RunNote(" ".join(name.split())[:LONGEST_NAME].strip(), note.strip()[:LONGEST_NOTE],
                   tuple(dict.fromkeys(t for t in short if t))[:MOST_TAGS])  # fmt: skip


def _created(run: Run) -> Any:
    return run.spec().get("created")
