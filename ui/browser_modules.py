"""The JavaScript of a component as one module: Streamlit gives it to the browser as a text, which has no neighbours to
import from. The parts lie in ``assets/`` as ES modules; the checks read them there as they are."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{\s*\w+(?:,\s*\w+)*,?\s*\} from "\./([\w-]+\.js)";\n', re.M)
_OTHER = re.compile(r"^(?:import\b|export (?:\*|\{)).*", re.M)
_EXPORT = re.compile(r"^export (?!default\b)", re.M)


def joined(entry: Path) -> str:
    """A module and those it imports, each once and before those that use it, without their imports and exports.

    The names of all parts share one scope: where two parts declare the same name at the top, the check and the browser
    refuse the module.

    Raises
    ------
    ValueError
        A part imports or exports in a form that cannot be joined, or parts import each other in a circle.
    """
    parts: dict[Path, str] = {}
    _add(entry.resolve(), parts, ())
    return "\n".join(parts.values())


def _add(path: Path, parts: dict[Path, str], above: tuple[Path, ...]) -> None:
    if path in above:
        raise ValueError(f"{path.name} is imported by a module that it imports itself.")
    if path in parts:
        return
    text = path.read_text(encoding="utf-8")
    for name in _IMPORT.findall(text):
        _add((path.parent / name).resolve(), parts, (*above, path))
    body = _IMPORT.sub("", text)
    if other := _OTHER.search(body):
        raise ValueError(
            f'{path.name}: {other[0]!r} cannot be joined; write import {{ name }} from "./file.js", and export names '
            "where they are declared."
        )
    parts[path] = _EXPORT.sub("", body)
