"""Files and folders of this machine that somebody names by their path on a page."""

from __future__ import annotations

import os
from pathlib import Path

from ltnet_core.datasets import Study
from ltnet_core.datasets.feature_file import SUFFIXES
from ltnet_core.datasets.sources.files import suffix
from ltnet_core.datasets.sources.roots import expanded, open_regular, require_below
from ltnet_core.errors import DatasetError
from ui.access.settings import settings
from ui.roots import allowed_roots
from ui.workspace import root


def path_of(text: str) -> Path:
    """The absolute path that a text names.

    Raises
    ------
    DatasetError
        it is not absolute, or lies where the pages may not look.
    """
    path = expanded(text.strip().strip("\"'"))
    if not path.is_absolute():
        raise DatasetError(f"{text!r} is not an absolute path; start it with / or ~.")
    roots = allowed_roots(settings(), root())
    return path if roots is None else require_below(path, roots)


def file_of(text: str) -> Path:
    """The same of a file that can be read.

    Raises
    ------
    DatasetError
    """
    path = path_of(text)
    os.close(open_regular(path, None, str(path)))
    return path


def feature_files(study: Study) -> list[str]:
    """Paths of the files in a dataset's folder that may hold features of its images."""
    location = study.files.location
    names = study.files.others if location.is_dir() else []
    return [str(location / name) for name in names if suffix(name) in SUFFIXES]
