"""Every correction must match something: else a misspelled name would be ignored without a word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..errors import OptionError, did_you_mean
from .corrections import Corrections, key_of
from .sources.files import Files, inside
from .study import Study
from .tables.table import header, is_table


def require_used(
    corrections: Corrections, study: Study, sources: Sequence[Files], written: frozenset[str] | None = None
) -> None:
    """Raise for a correction whose name is not in the dataset.

    ``sources`` are the files of the dataset, or of those that it joins; ``written`` its classes as they are written.

    Raises
    ------
    OptionError
    """
    if not corrections:
        return
    columns = {c for t in study.reading.tables for c in t.columns}
    coders, splits = set(study.table.coders), study.reading.splits
    splits = {n: p for v, p in splits.items() for n in (v, v.partition(": ")[2])}  # in a joined study after the source
    values, left = set(splits), {v for v, p in splits.items() if p == "ignore"}  # coders that were left out are here
    columns |= {c for files in sources for c in _columns(files)}
    names = {n for files in sources for n in _names(files)}
    _check("--ignore", corrections.ignore, columns | names | coders | left, "column, file, folder or coder")
    _check("--split", corrections.split, names | values, "folder, file or value of a split column")
    _check("--columns", corrections.columns.values(), columns, "column")
    _check("--annotators", corrections.annotators, columns | coders, "column or coder")
    _check("--classes-are", corrections.classes_are, columns, "column")
    _check("--missing", corrections.missing or (), study.reading.missing, "label")
    if written is not None:
        _check("--class", corrections.classes, written, "class")


def _names(files: Files) -> set[str]:
    """Names of all files and folders: with their path, by themselves, and without ending."""
    out: set[str] = set()
    for name in getattr(files, "every", files).names:
        parts = name.split("/")
        out.update("/".join(parts[:i]) for i in range(1, len(parts)))
        out.update((*parts, name, parts[-1].rsplit(".", 1)[0]))
    return out


def speaks_of_columns(corrections: Corrections, files: Files) -> bool:
    """Whether a correction names columns of a table, and not an export's questions or coders."""
    names = [*corrections.columns.values(), *corrections.classes_are, *corrections.annotators]
    if not names:
        return False
    columns = {key_of(c) for c in _columns(files)}
    return any(key_of(n) in columns for n in names)


def applicable(corrections: Corrections, files: Files) -> Corrections:
    """The corrections of several datasets, without columns that this one does not have."""
    columns = {key_of(c) for c in _columns(files)}

    def there(names: Iterable[str]) -> bool:
        return any(key_of(n) in columns for n in names)

    return replace(
        corrections,
        columns=corrections.columns if there(corrections.columns.values()) else {},
        annotators=corrections.annotators if there(corrections.annotators) else (),
        classes_are=corrections.classes_are if there(corrections.classes_are) else (),
    )


def _check(option: str, names: Iterable[str], known: Iterable[str], kind: str) -> None:
    by_key = {key_of(k): k for k in known if k}
    for name in names:
        if key_of(name) not in by_key:
            shown = ", ".join(sorted(set(by_key.values()))[:12])
            raise OptionError(
                f"{option} names {name!r}, but the dataset has no such {kind}"
                + (f"; it has {shown}." if shown else ".")
                + did_you_mean(name, by_key.values())
            )


def _columns(files: Files) -> set[str]:
    source = getattr(files, "every", files)
    return {c for folder in inside(source) for n in folder.names if is_table(n) for c in header(folder, n)}
