"""One file per dataset format; each turns files into a :class:`Study`, by the same road."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pyarrow as pa

from ..errors import DatasetError, OptionError, did_you_mean
from . import (
    affectnet,
    affectnet_numbers,
    annotator_folders,
    cifar10,
    ckplus,
    coco,
    counts_array,
    cvat,
    doccano,
    expw,
    fer2013,
    ferplus,
    ferplus_folders,
    fiftyone,
    hf_parquet,
    huggingface,
    imagefolder,
    images_only,
    index,
    joined,
    json_answers,
    json_records,
    label_studio,
    label_studio_rows,
    labelme,
    long_table,
    ltnet_list,
    mturk,
    onehot,
    plain,
    prodigy,
    rafdb,
    rafdb_tables,
    roboflow,
    sagemaker,
    toloka,
    truth_inference,
    via,
    votes_table,
    webdataset,
    wide_table,
    zooniverse,
)
from .assemble import assemble
from .files import Files, inside, open_files
from .reading import Reading
from .study import Problem, Study
from .workbook import require_readable

__all__ = [
    "FORMATS",
    "Files",
    "Problem",
    "Recognised",
    "Study",
    "holds_images_alone",
    "load_dataset",
    "open_files",
    "recognise",
    "refers_to",
    "source_classes",
]

# In the order of asking: the more special first. Tables of labels may have any name, folders any meaning.
READERS: tuple[ModuleType, ...] = (
    joined,
    plain,
    rafdb,
    rafdb_tables,
    affectnet,
    affectnet_numbers,
    ferplus,
    ferplus_folders,
    fer2013,
    expw,
    ckplus,
    labelme,
    cifar10,
    huggingface,
    hf_parquet,
    label_studio,
    label_studio_rows,
    mturk,
    toloka,
    zooniverse,
    sagemaker,
    prodigy,
    doccano,
    via,
    cvat,
    coco,
    fiftyone,
    roboflow,
    truth_inference,
    long_table,
    onehot,
    votes_table,
    wide_table,
    json_answers,
    json_records,
    webdataset,
    counts_array,
    ltnet_list,
    annotator_folders,
    imagefolder,
)
FORMATS = {reader.FORMAT: reader for reader in READERS}
LEAST_LIKENESS = 0.1


@dataclass(frozen=True)
class Recognised:
    """What a dataset was recognised as.

    ``why`` says by what; ``files`` are those of the folder inside it where the dataset lies.
    """

    reader: ModuleType
    why: str
    files: Files


def recognise(files: Files, name: str) -> Recognised:
    """Find the format of files, in the folder given or in the only folder inside it.

    Raises
    ------
    DatasetError
        no format fits; says which comes nearest and what it lacks.
    """
    misses = []
    for depth, here in enumerate(inside(files)):
        for reader in READERS:
            found = reader.match(here)
            if found.fits:
                place = f", in {here.below}" if here.below else ""
                return Recognised(reader, found.text + place, here)
            misses.append((found.likeness, -depth, reader.TITLE, found.text, here.below))
    require_readable(files)
    images = len(files.images)
    what = f"no known dataset format: {len(files.names):,} files, {images:,} of them images"
    nearest = max(misses, key=lambda m: (m[0], m[1]))
    if nearest[0] <= LEAST_LIKENESS:
        raise DatasetError(f"{what}, and no table of labels.", file=name)
    raise DatasetError(f"{what}. The nearest is {nearest[2]!r}: {nearest[3]}.", file=name)


def read_files(files: Files, name: str, format: str | None = None) -> tuple[Reading, str, str]:
    """What a dataset's files say, as text, with the format's name and what it was recognised by.

    Raises
    ------
    DatasetError, OptionError
    """
    if format is None:
        found = recognise(files, name)
        reader, why, files = found.reader, found.why, found.files
    else:
        reader, why = _reader(format), "chosen by hand"
        files = next((f for f in inside(files) if reader.match(f).fits), files)
    if reader is joined:
        return joined.read(files, name, _read_source), joined.FORMAT, why
    return reader.read(files, name), reader.FORMAT, why


def _reader(format: str) -> ModuleType:
    if format not in FORMATS:
        raise OptionError(
            f"unknown dataset format {format!r}; choose from {', '.join(FORMATS)}." + did_you_mean(format, FORMATS)
        )
    return FORMATS[format]


def _read_source(files: Files, name: str, format: str | None) -> Reading:
    """A source of a joined study: any dataset, or images alone."""
    if format is None and images_only.match(files).fits:
        return images_only.read(files, name)
    found = None if format is None else _reader(format)
    if (found or recognise(files, name).reader) is joined:
        raise DatasetError("is a joined study itself; name its sources instead.", file=name)
    return read_files(files, name, format)[0]


def holds_images_alone(location: str | os.PathLike[str]) -> int:
    """How many images lie there, if they are all there is: unlabelled data of a joined study; else 0.

    Raises
    ------
    DatasetError
        nothing is there.
    """
    files = open_files(location)
    return len(files.images) if images_only.match(files).fits else 0


def refers_to(location: str | os.PathLike[str]) -> list[Path]:
    """Places outside itself that a dataset reads: the sources of a joined study; of any other none.

    Raises
    ------
    DatasetError
        it is no dataset.
    """
    files = open_files(location)
    if not any(n.rsplit("/", 1)[-1] == joined.FILE for n in files.names):
        return []
    found = recognise(files, Path(location).name)
    return joined.source_paths(found.files) if found.reader is joined else []


def source_classes(location: str | os.PathLike[str]) -> list[joined.SourceClass]:
    """The classes of a joined study as its sources call them.

    Raises
    ------
    DatasetError
    """
    return joined.source_classes(open_files(location), Path(location).name, _read_source)


def load_dataset(location: str | os.PathLike[str], format: str | None = None) -> Study:
    """Read a dataset folder, ``.zip`` or table, whichever format it has.

    ``format``, a key of ``FORMATS``, overrides what it is recognised as. A large one is kept
    as columns (:mod:`index`), to open at once the next time.

    Raises
    ------
    DatasetError
        nothing is there, no format fits, or a file is broken (names file and row).
    OptionError
        unknown format.
    """
    try:
        return _load(Path(location).expanduser(), format)
    finally:
        # Arrow keeps what a thread's reading took, for that thread alone: 12 MiB for the labels of 20,000 images.
        pa.default_memory_pool().release_unused()


def _load(place: Path, format: str | None) -> Study:
    files = open_files(place)
    kept = index.load(files, place, format)
    if kept is not None:
        return kept
    name = place.resolve().name
    reading, read_as, why = read_files(files, name, format)
    study = assemble(reading, name, read_as, why)
    index.save(study, place, format)
    return study
