"""One file per dataset format; each turns files into a :class:`Study`."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import DatasetError
from . import imagefolder, plain
from .files import Files, is_image_name, open_files
from .study import Problem, Study

__all__ = ["Files", "Problem", "Study", "load_dataset", "open_files"]

READERS = (plain, imagefolder)


def load_dataset(location: str | os.PathLike[str]) -> Study:
    """Read a dataset folder or ``.zip``, whichever format it has.

    Raises
    ------
    DatasetError
        nothing is there, no format fits, or a file is broken (names file and row).
    """
    files = open_files(location)
    name = Path(location).resolve().name
    for reader in READERS:
        if reader.recognises(files):
            study: Study = reader.read(files, name)
            return study
    images = sum(map(is_image_name, files.names))
    raise DatasetError(
        f"no known dataset format: {len(files.names):,} files, {images:,} of them images, but neither annotations.csv "
        "beside images/ nor source/class/image folders.",
        file=name,
    )
