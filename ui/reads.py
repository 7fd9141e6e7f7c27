"""Cached reads: each file is read once per version and shared by all sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from ltnet_core.datasets import Corrections, Files, Study, holds_images_alone, preview_dataset
from ltnet_core.datasets import source_classes as source_classes_of
from ltnet_core.datasets.formats.joined import SourceClass
from ltnet_core.datasets.preview import Preview
from ltnet_core.datasets.tables.table import read_table
from ltnet_core.errors import DatasetError, LTNetError
from ltnet_core.explore.facets import TRUTH, columns_of, table_of
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import Wish
from ltnet_core.export.finished_run import truth_rows
from ltnet_core.files.reading import read_json
from ltnet_core.labels.agreement import agreement
from ltnet_core.runs.run import Run
from ui import opened, thumbnails
from ui.workspace import Dataset


def study(dataset: Dataset) -> Study:
    """The dataset, read and checked.

    Raises
    ------
    DatasetError
        it is not there any more, or cannot be read.
    """
    return _study(str(dataset.location), dataset.version, dataset.format, dataset.corrections)


@st.cache_resource(max_entries=6, show_spinner="Reading the dataset …")
def _study(location: str, version: str, format: str | None, corrections: str) -> Study:
    return opened.study(location, version, format, corrections)  # the routes share it


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
    return _agreement(str(dataset.location), dataset.version, dataset.format, dataset.corrections)


@st.cache_data(max_entries=12, show_spinner=False)
def _agreement(location: str, version: str, format: str | None, corrections: str) -> dict[str, Any]:
    return agreement(_study(location, version, format, corrections).table)


def first_rows(dataset: Dataset, file: str) -> pd.DataFrame:
    """The first rows of one of its tables, as the file spells them; empty where it cannot be read by itself."""
    return _first_rows(str(dataset.location), dataset.version, file, dataset.format, dataset.corrections)


@st.cache_data(max_entries=24, show_spinner=False)
def _first_rows(location: str, version: str, file: str, format: str | None, corrections: str) -> pd.DataFrame:
    try:
        table = read_table(_study(location, version, format, corrections).files, file)
    except DatasetError:
        return pd.DataFrame()
    return table.frame.head(5).astype(str).rename(columns=table.titles)


def preview(dataset: Dataset, corrections: Corrections) -> Preview:
    """How it would be read so, by the first rows of its tables.

    Raises
    ------
    DatasetError, OptionError
        it cannot be read so.
    """
    text = json.dumps(corrections.to_json(), sort_keys=True)
    return _preview(str(dataset.location), dataset.version, dataset.format, text)


@st.cache_resource(max_entries=12, show_spinner=False)
def _preview(location: str, version: str, format: str | None, corrections: str) -> Preview:
    return preview_dataset(location, format, Corrections.from_json(json.loads(corrections)))


def files(dataset: Dataset) -> Files | None:
    """Where the images lie; None when the dataset is gone."""
    try:
        return study(dataset).files
    except DatasetError:
        return None


def thumbnail_maker(dataset: Dataset, size: int = thumbnails.SIZE) -> Callable[[str], str | None]:
    """Gives for the name of an image a ``data:`` URI of a small JPEG, or None when the image cannot be read."""
    opened, version = files(dataset), dataset.version
    return lambda name: None if opened is None else thumbnails.data_uri(opened, version, name, size)


def selections(run: Run) -> Selections:
    """The items of a finished run, as columns."""
    return _selections(str(run.folder), opened.version_of_items(run))


@st.cache_resource(max_entries=3, show_spinner="Reading the results …")
def _selections(folder: str, version: str) -> Selections:
    return opened.selections(Run(folder))  # the routes share it


def images_behind(run: Run, coder: str) -> NDArray[np.int64] | None:
    """(K,K) images that a cell of a coder's matrix leads to: by their most probable truth and the coder's label.

    None of a coder whose labels the gallery does not show.
    """
    chosen = selections(run)
    return table_of(chosen, Wish(), TRUTH, coder).counts if coder in columns_of(chosen) else None


def labelled(dataset: Dataset) -> Selections:
    """The items of a dataset as its coders labelled them, as columns.

    Raises
    ------
    DatasetError
    """
    return _labelled(str(dataset.location), dataset.version, dataset.format, dataset.corrections, dataset)


@st.cache_resource(max_entries=2, show_spinner="Reading the labels …")
def _labelled(location: str, version: str, format: str | None, corrections: str, _dataset: Dataset) -> Selections:
    return opened.labelled(_dataset)  # the routes share it


def first_truths(run: Run, rows: int) -> tuple[pd.DataFrame, int]:
    """The first rows of the exported truth table, and how many there are."""
    return _first_truths(str(run.folder), opened.version_of_items(run), rows)


@st.cache_data(max_entries=4, show_spinner=False)
def _first_truths(folder: str, version: str, rows: int) -> tuple[pd.DataFrame, int]:
    run, selections = Run(folder), opened.selections(Run(folder))
    learned_from = selections.items.learned_from()
    return truth_rows(run, selections.items, min(rows, learned_from)), learned_from


def result(run: Run, name: str) -> dict[str, Any]:
    """A JSON result of a finished run."""
    path = run.result(name)
    return _result(str(path), opened.version_of(path))


@st.cache_data(max_entries=32, show_spinner=False)
def _result(path: str, version: str) -> dict[str, Any]:
    return read_json(Path(path))


def transitions(run: Run) -> dict[str, Any]:
    """The matrices of a finished run by coder, and what belongs to them; shared by all who ask, so never changed."""
    return opened.transitions(run)


def spec(run: Run) -> dict[str, Any]:
    """What the run was asked for."""
    return _spec(str(run.folder), opened.version_of(run.folder / "spec.json"), run.is_complete())


@st.cache_data(max_entries=64, show_spinner=False)
def _spec(folder: str, version: str, complete: bool) -> dict[str, Any]:
    return Run(Path(folder)).spec()


def classes_of_finished(run: Run) -> list[str]:
    """The classes of a run that is finished; empty for any other."""
    try:
        return list(spec(run)["classes"]) if run.is_complete() else []
    except LTNetError:
        return []


def codes(run: Run) -> dict[str, str]:
    """Short code of each class of the run."""
    content = spec(run)
    return dict(zip(content["classes"], content["codes"], strict=True))
