"""Cached reads: each file is read once per version and shared by all sessions."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from ltnet_core.agreement import agreement
from ltnet_core.datasets import Files, Study, holds_images_alone, load_dataset
from ltnet_core.datasets import source_classes as source_classes_of
from ltnet_core.datasets.joined import SourceClass
from ltnet_core.errors import DatasetError, RunError
from ltnet_core.images import open_image
from ltnet_core.runs import Run, read_json
from ltnet_core.truth import column_names
from ui.workspace import Dataset

THUMBNAIL = 144


def study(dataset: Dataset) -> Study:
    """The dataset, read and checked.

    Raises
    ------
    DatasetError
        it is not there any more, or cannot be read.
    """
    return _study(str(dataset.location), dataset.version, dataset.format)


@st.cache_resource(max_entries=6, show_spinner="Reading the dataset …")
def _study(location: str, version: str, format: str | None) -> Study:
    return load_dataset(location, format)


def images_alone(dataset: Dataset) -> int:
    """How many images a dataset of nothing but images has; 0 for any other."""
    try:
        return _images_alone(str(dataset.location), dataset.version)
    except DatasetError:
        return 0


@st.cache_data(max_entries=12, show_spinner=False)
def _images_alone(location: str, version: str) -> int:
    return holds_images_alone(location)


def source_classes(dataset: Dataset) -> list[SourceClass]:
    """The classes of a joined study as its sources call them.

    Raises
    ------
    DatasetError
    """
    return _source_classes(str(dataset.location), dataset.version)


@st.cache_resource(max_entries=6, show_spinner="Reading the datasets …")
def _source_classes(location: str, version: str) -> list[SourceClass]:
    return source_classes_of(location)


def study_agreement(dataset: Dataset) -> dict[str, Any]:
    """Agreement of the human coders."""
    return _agreement(str(dataset.location), dataset.version, dataset.format)


@st.cache_data(max_entries=12, show_spinner=False)
def _agreement(location: str, version: str, format: str | None) -> dict[str, Any]:
    return agreement(_study(location, version, format).table)


def files(dataset: Dataset) -> Files | None:
    """Where the images lie; None when the dataset is gone."""
    try:
        return study(dataset).files
    except DatasetError:
        return None


def thumbnail(dataset: Dataset, name: str, size: int = THUMBNAIL) -> str | None:
    """A ``data:`` URI of a small JPEG, or None when the image cannot be read."""
    return _thumbnail(str(dataset.location), dataset.version, dataset.format, name, size)


@lru_cache(maxsize=6000)
def _thumbnail(location: str, version: str, format: str | None, name: str, size: int) -> str | None:
    try:
        image = open_image(_study(location, version, format).files, name)
    except DatasetError:
        return None
    image.thumbnail((size * 4, size))  # a wide strip is cropped by the page, not squeezed here
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def truth(run: Run) -> pd.DataFrame:
    """The truth table of a finished run; empty cells are ``""``. Shared: do not change it."""
    return _truth(str(run.folder), _version(run.result("truth.parquet")))


@st.cache_resource(max_entries=4, show_spinner="Reading the results …")
def _truth(folder: str, version: str) -> pd.DataFrame:
    frame = pd.read_parquet(Run(folder).result("truth.parquet"))
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column].dtype):
            frame[column] = frame[column].astype(object).where(frame[column].notna(), "").astype(str)
    return frame


def result(run: Run, name: str) -> dict[str, Any]:
    """A JSON result of a finished run."""
    path = run.result(name)
    return _result(str(path), _version(path))


@st.cache_data(max_entries=32, show_spinner=False)
def _result(path: str, version: str) -> dict[str, Any]:
    return read_json(Path(path))


def spec(run: Run) -> dict[str, Any]:
    """What the run was asked for."""
    path = run.folder / "spec.json"
    return _result(str(path), _version(path))


def coder_columns(run: Run) -> dict[str, str]:
    """Column of each coder in the run's truth table, humans first."""
    content = result(run, "transitions.json")
    return column_names(tuple(content["coders"]), tuple(content["classes"]))


def codes(run: Run) -> dict[str, str]:
    """Short code of each class of the run."""
    content = spec(run)
    return dict(zip(content["classes"], content["codes"], strict=True))


def _version(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError as e:
        raise RunError(f"{str(path)!r} is missing; the run's folder is damaged.") from e
    return f"{stat.st_mtime_ns}-{stat.st_size}"
