"""Images to predict: files by name, and all images of folders and archives."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import DatasetError
from .archives import open_files
from .files import Files, GivenFiles, is_image_name
from .roots import expanded


@dataclass(frozen=True)
class SourceImage:
    """One image: ``name`` among ``files``, and how it is shown.

    ``one_of_many``: it comes from a folder or an archive, and was not named itself.
    """

    files: Files = field(repr=False)
    name: str
    shown: str
    one_of_many: bool


def images_of(sources: Sequence[str | os.PathLike[str]]) -> Iterator[SourceImage]:
    """Every image of the sources: files, folders, ``.zip`` and ``.tar``; those of folders and archives by name.

    Each source is looked at before the first image comes.

    Raises
    ------
    DatasetError
        a source is not there, or a folder or an archive holds no image.
    """
    opened = [(os.fspath(source), _opened(os.fspath(source))) for source in sources]
    for source, files in opened:
        if files is None:
            single = GivenFiles(Path(), {source: expanded(source)})
            yield SourceImage(single, source, source, one_of_many=False)
            continue
        below = "" if source in (".", "./") else f"{source.rstrip('/')}/"
        for name in sorted(files.images):
            yield SourceImage(files, name, f"{below}{name}", one_of_many=True)


def _opened(source: str) -> Files | None:
    """The files of a folder or an archive; None for one image file."""
    path = expanded(source)
    if path.is_file() and (is_image_name(path.name) or path.suffix.lower() not in (".zip", ".tar")):
        return None
    if not source or not path.exists():
        raise DatasetError("there is no such image file, folder or archive.", file=source)
    files = open_files(path)
    if not files.images:
        raise DatasetError("holds no image.", file=source)
    return files
