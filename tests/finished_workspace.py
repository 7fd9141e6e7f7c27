"""A workspace with the small demo and a finished run on it, for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_run import write_fake_run
from page_driver import link

from ui import opened

RUN = "faces-1"


@contextmanager
def finished_workspace(folder: Path, demo: Path) -> Iterator[Path]:
    """``folder`` as the workspace, in which nothing is opened yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LTNET_WORKSPACE", str(folder))
        link(folder, demo)
        write_fake_run(folder / "runs" / RUN, demo)
        opened._gallery_of_run.cache_clear()
        yield folder
        opened._gallery_of_run.cache_clear()
