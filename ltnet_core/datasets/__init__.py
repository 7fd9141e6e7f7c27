"""A dataset becomes a :class:`Study`; ``formats/`` has one file per format.

In: a folder, an archive or a table. Out: a checked study: annotation table, images, known truth, problems, questions.
Nothing here imports PyTorch. The road: ``sources/`` → ``tables/`` → ``label_tables/`` and ``names/`` (what they mean) →
a module of ``formats/`` → :mod:`revise` (corrections and questions) → :mod:`assemble` → :mod:`study`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import pyarrow as pa

from ..errors import DatasetError, OptionError
from ..files.printing import is_text
from ..registry import Registry
from . import formats, images_only, index
from .assemble import assemble
from .corrections import NOTHING, Corrections
from .disagreement import beside_folders
from .formats import joined
from .left_out import Without
from .preview import FirstRows, Preview
from .questions import require_answers, unique
from .reading import Match, Reading
from .refusal import Miss, refusal
from .revise import revise
from .sources.archives import open_files
from .sources.files import Files, inside
from .sources.roots import expanded
from .study import Problem, Study
from .tables.workbook import require_readable
from .used import applicable, require_used, speaks_of_columns

__all__ = [
    "FORMATS",
    "Corrections",
    "Files",
    "Problem",
    "Recognised",
    "Study",
    "holds_images_alone",
    "load_dataset",
    "open_files",
    "preview_dataset",
    "recognise",
    "refers_to",
    "source_classes",
]

LAST = 1000  # rank of a reader that declares none
FORMATS: Registry[ModuleType] = Registry(
    "dataset format",
    formats.__name__,
    lambda module: module if hasattr(module, "FORMAT") else None,
    lambda reader: reader.FORMAT,
    lambda reader: getattr(reader, "RANK", LAST),
)
"""Every format's reader by name, in the order of asking: the more special first."""


@dataclass(frozen=True)
class Recognised:
    """The format that a dataset was recognised as.

    ``why`` names what it was recognised by. ``files`` are those of the folder that holds the dataset.
    """

    reader: ModuleType
    why: str
    files: Files


def recognise(files: Files, name: str, corrections: Corrections = NOTHING) -> Recognised:
    """Find the format of the files of a folder, or of the only folder inside it.

    Raises
    ------
    DatasetError
        no format fits; the message names the nearest one and what the files lack for it.
    """
    misses = []
    of_columns = speaks_of_columns(corrections, files)
    for depth, folder in enumerate(inside(files)):
        for reader in FORMATS.values():
            if of_columns and not (
                hasattr(reader, "CORRECTABLE") or hasattr(reader, "OWN_COLUMNS") or reader is joined
            ):
                continue
            match = _match(reader, folder, corrections)
            if match.fits:
                below = f", in {folder.below}" if folder.below else ""
                return Recognised(reader, match.text + below, folder)
            misses.append(Miss(match.likeness, -depth, reader.TITLE, match.text))
    require_readable(files)
    raise refusal(files, misses, name)


def _match(reader: ModuleType, files: Files, corrections: Corrections) -> Match:
    match: Match = reader.match(files, corrections) if hasattr(reader, "CORRECTABLE") else reader.match(files)
    return match


def read_files(
    files: Files, name: str, format: str | None = None, corrections: Corrections = NOTHING
) -> tuple[Reading, str, str]:
    """Read a dataset's files as text; also returns the format's name and what it was recognised by.

    Raises
    ------
    DatasetError, OptionError
    """
    if format is None:
        recognised = recognise(files, name, corrections)
        reader, why, files = recognised.reader, recognised.why, recognised.files
    else:
        reader, why = FORMATS.named(format), "chosen by hand"
        files = next((f for f in inside(files) if _match(reader, f, corrections).fits), files)
    if reader is joined:

        def read_source(part: Files, source: str, form: str | None, own: Corrections) -> Reading:
            return _read_source(part, source, form, own.updated(corrections))

        reading = joined.read(files, name, read_source)
        return replace(reading, questions=unique(reading.questions)), joined.FORMAT, why
    if hasattr(reader, "SHAPE"):
        reading = reader.read(files, name, corrections, format is not None)
    elif hasattr(reader, "CORRECTABLE") or hasattr(reader, "CHOOSES"):
        reading = reader.read(files, name, corrections)
    else:
        reading = reader.read(files, name)
    reading = revise(reading, corrections)
    if format is None:
        reading = beside_folders(reader.FORMAT, reading, corrections)
    return reading, reader.FORMAT, why


def _read_source(files: Files, name: str, format: str | None, corrections: Corrections = NOTHING) -> Reading:
    """Read a source of a joined study: any dataset, or images alone."""
    if format is None and images_only.match(files).fits:
        return images_only.read(files, name)
    if corrections:
        files = Without(files, corrections)
        corrections = applicable(corrections, files)
    reader = None if format is None else FORMATS.named(format)
    if (reader or recognise(files, name, corrections).reader) is joined:
        raise DatasetError("is a joined study itself; name its sources instead.", file=name)
    return read_files(files, name, format, corrections)[0]


def holds_images_alone(location: str | os.PathLike[str]) -> int:
    """Number of images at a location without labels, as unlabelled data of a joined study; 0 where there are labels.

    Raises
    ------
    DatasetError
        nothing is there.
    """
    files = open_files(location)
    return len(files.images) if images_only.match(files).fits else 0


def refers_to(location: str | os.PathLike[str]) -> list[Path]:
    """Paths outside a dataset that it reads: the sources of a joined study; none for any other dataset.

    Raises
    ------
    DatasetError
        it is no dataset.
    """
    files = open_files(location)
    if not any(n.rsplit("/", 1)[-1] == joined.FILE for n in files.names):
        return []
    recognised = recognise(files, Path(location).name)
    return joined.source_paths(recognised.files) if recognised.reader is joined else []


def source_classes(location: str | os.PathLike[str]) -> list[joined.SourceClass]:
    """The classes of a joined study as its sources call them.

    Raises
    ------
    DatasetError
    """
    return joined.source_classes(open_files(location), Path(location).name, _read_source)


def load_dataset(
    location: str | os.PathLike[str], format: str | None = None, corrections: Corrections | None = None
) -> Study:
    """Read a dataset folder, ``.zip``, ``.tar`` or table, whichever format it has.

    ``format``, a key of ``FORMATS``, overrides the format that is recognised. ``corrections`` override what its
    columns, folders and values are. The study's ``reading`` holds how it was read, and the open questions. A large
    dataset is kept as columns (:mod:`index`), so that it opens at once the next time.

    Raises
    ------
    DatasetError
        nothing is there, no format fits, or a file is broken (names file and row).
    OptionError
        unknown format, or a correction that nothing in the dataset fits.
    """
    if not isinstance(location, str | os.PathLike):
        raise OptionError(f"a dataset is named by its path, got {type(location).__name__}.")
    if not isinstance(corrections, Corrections | None):
        raise OptionError(f"corrections must be Corrections, got {type(corrections).__name__}.")
    if not os.fspath(location):
        raise DatasetError("no dataset is named: the path is empty.")
    try:
        return _load(expanded(location), format, corrections or NOTHING)
    finally:
        # Arrow keeps what a thread's reading took, for that thread alone: 12 MiB for the labels of 20,000 images.
        pa.default_memory_pool().release_unused()


def preview_dataset(
    location: str | os.PathLike[str], format: str | None = None, corrections: Corrections | None = None
) -> Preview:
    """Read the first rows of a dataset's tables with these corrections; nothing is kept.

    Raises
    ------
    DatasetError, OptionError
    """
    path = expanded(location)
    files: Files = open_files(path)
    if corrections:
        files = Without(files, corrections)
    name, first = path.resolve().name, FirstRows(files)
    reading, read_as, why = read_files(first, name, format, corrections or NOTHING)
    return Preview(assemble(reading, name, read_as, why), first.cut)


def _load(path: Path, format: str | None, corrections: Corrections) -> Study:
    files = open_files(path)
    if not is_text(path.resolve()):
        raise DatasetError("its path is not UTF-8 text; rename the file or folder.", file=str(path))
    if corrections:
        files = Without(files, corrections)
    indexed = index.load(files, path, format, corrections)
    if indexed is not None:
        return replace(indexed, corrections=corrections)
    name = path.resolve().name
    reading, read_as, why = read_files(files, name, format, corrections)
    try:
        study = replace(assemble(reading, name, read_as, why), corrections=corrections)
    except DatasetError:
        require_answers(reading.questions, name)  # what is open may be why nothing can be made of it
        raise
    if corrections:
        sources = [files] if read_as != joined.FORMAT else [open_files(p) for p in refers_to(path)]
        require_used(corrections, study, sources, reading.written)
    index.save(study, path, format, corrections)
    return study
